/* SPDX-License-Identifier: MIT */
/*
 * Who uses a VM's TOML file. `nestor run` holds two kinds of shared locks while the VM lives, and
 * who changes the file must find none of either:
 *
 * - one on the file itself, whatever it is called (a hard link, a new name);
 * - one on each name that leads to it, the path's own and those of symbolic links at its end: a
 *   byte of the folder, chosen by the name. So it holds, too, for what an editor puts in the
 *   file's place (a new file, renamed), by whichever user, process or mount of the folder.
 *
 * The locks are open file description locks (fcntl(2)), which the kernel drops with the last
 * descriptor, however the process ends; nothing is ever left over. They are a courtesy, for the
 * replacement is atomic anyway, and not known are: files on file systems without such locks; names
 * in a folder that the user may not list; on a network file system, the names that another host
 * uses; a file that got a new name and was replaced there; and who writes without asking.
 */
#ifndef NESTOR_CLI_VM_LOCK_H
#define NESTOR_CLI_VM_LOCK_H

#include "base/err.h"

#include <stdbool.h>

#define VM_LOCK_MAX_LINKS 40 /* as many symbolic links as the kernel follows */

struct vm_lock {
	int fds[VM_LOCK_MAX_LINKS + 2]; /* the names' folders, and the file */
	unsigned nr_fds;
};

/*
 * For a VM that is about to read path and to run. *ret_lock is to be let go when it has ended; it
 * may hold nothing, and whether the file can be read is the reader's to say. -EBUSY (ERR_CONFIG),
 * with nothing held, where the file is just being changed.
 */
int vm_lock_hold(const char *path, struct vm_lock *ret_lock, struct err *e) MUST_CHECK;

/* Lets go; accepts one never held (all zero). */
void vm_lock_release(struct vm_lock *lock);

/*
 * Takes the lock of an open file (read and write), to which path leads, alone, or with try_only
 * only looks whether that could be (then read is enough). -EBUSY (ERR_CONFIG), with the process
 * that holds it where it can be found, where a VM runs from it or somebody else is changing it.
 */
int vm_lock_alone(int fd, const char *path, bool try_only, struct err *e) MUST_CHECK;

/* -EBUSY (ERR_CONFIG) where a VM runs from path, which then should not be written over; 0 also
 * where there is no such file. */
int vm_lock_check(const char *path, struct err *e) MUST_CHECK;

#endif
