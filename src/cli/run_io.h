/* SPDX-License-Identifier: MIT */
/* The files that a VM writes: opened before it starts, and never one that is needed. */
#ifndef NESTOR_CLI_RUN_IO_H
#define NESTOR_CLI_RUN_IO_H

#include "policy/policy_file.h"
#include "vm/machine.h"

/*
 * Opens what the config's serial ports and debug console write, for appending (a file that is
 * rotated by copying and emptying has no hole then); it is emptied here, once, where the config
 * does not say append: a guest that reboots goes on in it. A file that is made is for its owner
 * alone, since consoles say secrets.
 *
 * Refused (ERR_CONFIG) by device and inode, before anything is opened, where it is a file that the
 * VM is made from (its kernel, TOML file, model files …) or that another port writes, by whatever
 * name or link. toml: the VM's file, or NULL. *ret_io is run_io_close()'s also after failure.
 */
int run_io_open(struct machine_io *ret_io, const struct policy_file *policy_file, const char *toml,
	struct err *e) MUST_CHECK;
void run_io_close(struct machine_io *io);

#endif
