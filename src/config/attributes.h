/* SPDX-License-Identifier: MIT */
/*
 * What a regular file has beside its bytes and its times: owner, mode, access control list (ACL),
 * extended attributes, flags (chattr), project. All of it goes from one file to another that is to
 * take its place, and what cannot go is an error.
 */
#ifndef NESTOR_CONFIG_ATTRIBUTES_H
#define NESTOR_CONFIG_ATTRIBUTES_H

#include "base/err.h"
#include "config/replace_calls.h"

/* The ioctls by which flags and project are got and set, for struct replace_calls. */
int attributes_ioctl(int fd, unsigned long request, void *arg);

/* 0 where a file may be replaced by another one, else -EPERM (ERR_CONFIG) with the flag that
 * forbids it: immutable, append-only, verity. shown: its name for messages. */
int attributes_check(int fd, const char *shown, struct err *e) MUST_CHECK;

/*
 * Gives the file `to`, made just now and still empty, of mode 0600 or less, the flags, project,
 * owner, ACL, extended attributes and mode of the file `from` (was: its fstat). At no time does it
 * let in anybody whom `from` does not. Where this user may not give it to the owner or group of
 * `from`, they lose their rights; together with an ACL that is an error. Extended attributes of a
 * namespace that this user cannot see (trusted, but for root) are not known. Returns 0 or -errno.
 */
int attributes_give(const struct replace_calls *calls, int from, const struct stat *was, int to,
	const char *shown, struct err *e) MUST_CHECK;

/* Once more after it was written, for the kernel takes some away then: the bits set-user-ID and
 * set-group-ID, capabilities. */
int attributes_give_again(const struct replace_calls *calls, int from, const struct stat *was,
	int to, const char *shown, struct err *e) MUST_CHECK;

#endif
