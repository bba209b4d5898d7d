/* SPDX-License-Identifier: MIT */
/* The files that a VM writes: opened before it starts, and never one that is needed. */
#ifndef NESTOR_VM_OUTPUTS_H
#define NESTOR_VM_OUTPUTS_H

#include "config/config.h"
#include "vm/machine.h"

/* A file that is in use, and what for: in messages. */
struct output_use {
	const char *path, *what;
};

/* All borrowed. */
struct output_options {
	const struct config *config;
	const struct vm_config *vm; /* config's, checked */
	/* Where a serial port of mode stdio writes, and a debug console without a path. */
	int stdio, debug;
	/* What the VM is made from besides the files that config names: its TOML file, models. */
	const struct output_use *uses;
	size_t nr_uses;
};

/*
 * Opens what the config's serial ports and debug console write, for appending (a file that is
 * rotated by copying and emptying has no hole then); it is emptied here, once, where the config
 * does not say append: a guest that reboots goes on in it. A file that is made is for its owner
 * alone, since consoles say secrets.
 *
 * Refused (ERR_CONFIG) by device and inode, before anything is opened, where it is a file that the
 * VM is made from (its kernel, TOML file, model files …) or that another port writes, by whatever
 * name or link. *ret_io is outputs_close()'s, with the same options, also after failure.
 */
int outputs_open(
	struct machine_io *ret_io, const struct output_options *options, struct err *e) MUST_CHECK;
void outputs_close(struct machine_io *io, const struct output_options *options);

#endif
