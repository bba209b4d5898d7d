/* SPDX-License-Identifier: MIT */
/* Errors about a file that the user named: "PATH: what is wrong", ERR_CONFIG. */
#ifndef NESTOR_BOOT_FAIL_H
#define NESTOR_BOOT_FAIL_H

#include "base/err.h"

/* Sets the message. Returns code. e may be NULL. */
int boot_fail(struct err *e, int code, const char *path, const char *fmt, ...) PRINTF_LIKE(4, 5);

#ifdef NESTOR_ANALYZER
#define boot_fail(e, code, ...) err_failed(boot_fail(e, code, __VA_ARGS__), code)
#endif

#endif
