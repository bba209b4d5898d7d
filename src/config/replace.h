/* SPDX-License-Identifier: MIT */
/*
 * Replaces a file's content in one step: at any moment, whatever happens, who opens the file finds
 * all of the old or all of the new.
 */
#ifndef NESTOR_CONFIG_REPLACE_H
#define NESTOR_CONFIG_REPLACE_H

#include "base/err.h"
#include "config/replace_calls.h"

/*
 * 0 where the regular file open as fd may be replaced at path, else -errno (ERR_CONFIG) with what
 * forbids it: flags (immutable, append-only), other names (hard links) that would keep the old
 * content, a mount (bind mount) on the very file. Changes nothing.
 */
int file_replace_check(int fd, const char *path, struct err *e) MUST_CHECK;

/*
 * Puts text in the place of the regular file at path, through symbolic links, which stay. was: the
 * file as it was when it was read; it is refused (-ESTALE, ERR_CONFIG) where another one is there
 * by now, or where it has changed, or file_replace_check() says no. What the file has beside its
 * bytes is kept (config/attributes.h), and at no time does the new file let in anybody whom the old
 * one does not. Returns 0, or -errno with the old file untouched; only where the very last
 * step fails, making the change last a crash of the host, the new one is there, and the error says
 * so.
 */
int file_replace(const struct replace_calls *calls, const char *path, const struct stat *was,
	const char *text, size_t n, struct err *e) MUST_CHECK;

#endif
