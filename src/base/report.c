/* SPDX-License-Identifier: MIT */
#include "base/report.h"

#include <stdio.h>

void report(const struct reporter *r, enum report_level level, const char *fmt, ...)
{
	if (!r || !r->fn || level < r->least)
		return;
	char text[4096];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->fn(r->ctx, level, text);
}
