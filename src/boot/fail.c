/* SPDX-License-Identifier: MIT */
#include "boot/fail.h"
#undef boot_fail /* the analyzer's, which has its name */

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int boot_fail(struct err *e, int code, const char *path, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set_config(e, code, "%s: %s", path, text);
}

const char *boot_reason(const struct err *e, const char *path)
{
	size_t n = strlen(path);
	bool begins = strncmp(e->msg, path, n) == 0 && e->msg[n] == ':' && e->msg[n + 1] == ' ';
	return begins ? e->msg + n + 2 : e->msg;
}
