/* SPDX-License-Identifier: MIT */
/*
 * The files that a guest boots from, held open for as long as it may boot again. So a reboot needs
 * no path: it boots the files that were there at the beginning, whatever has been renamed, replaced
 * or removed since, and wherever the process may open files by then. They are read anew each time,
 * as memory would have to hold them otherwise: what was written into them is what boots.
 */
#ifndef NESTOR_VM_FILES_H
#define NESTOR_VM_FILES_H

#include "base/err.h"
#include "config/vm_config.h"

/* Descriptors; -1: there is no such file. */
struct guest_files {
	int kernel, initrd;
	int modules[CONFIG_MAX_MODULES];
};

/* Opens what config names. Errors say the key and the path. *ret_files is guest_files_close()'s
 * also after failure. */
int guest_files_open(
	struct guest_files *ret_files, const struct vm_config *config, struct err *e) MUST_CHECK;
void guest_files_close(struct guest_files *files);

#endif
