/* SPDX-License-Identifier: MIT */
/*
 * Who uses a VM's TOML file: `nestor run` holds a shared lock on it while the VM lives, and who
 * changes the file takes it alone. The locks are open file description locks (fcntl(2)), which the
 * kernel drops with the last descriptor, however the process ends. A file system without them has
 * none, and that is no error: the lock is a courtesy, the replacement is atomic anyway.
 */
#ifndef NESTOR_CLI_VM_LOCK_H
#define NESTOR_CLI_VM_LOCK_H

#include "base/err.h"

#include <stdbool.h>

/*
 * For a VM that is about to read path and to run. *ret_fd is to be held (fd_close) for as long as
 * it lives; -1: there is nothing to hold, and whether the file can be read is the reader's to say.
 * -EBUSY (ERR_CONFIG) where the file is just being changed.
 */
int vm_lock_hold(const char *path, int *ret_fd, struct err *e) MUST_CHECK;

/*
 * Takes the lock of an open file (read and write) alone, or with try_only only looks whether that
 * could be (then read is enough). -EBUSY (ERR_CONFIG), with the process that holds it where it can
 * be found, where a VM runs from it or somebody else is changing it.
 */
int vm_lock_alone(int fd, const char *path, bool try_only, struct err *e) MUST_CHECK;

#endif
