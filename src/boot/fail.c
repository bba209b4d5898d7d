/* SPDX-License-Identifier: MIT */
#include "boot/fail.h"
#undef boot_fail /* the analyzer's, which has its name */

#include <stdarg.h>
#include <stdio.h>

int boot_fail(struct err *e, int code, const char *path, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)err_set_config(e, code, "%s", text);
	return err_wrap(e, code, "%s", path);
}
