/* SPDX-License-Identifier: MIT */
/* An error that is a finding, too. Findings become errors, so that err.c knows none. */
#undef NESTOR_ANALYZER /* which has macros of these names */
#include "base/finding.h"

#include <stdarg.h>
#include <stdio.h>

int err_fault(struct err *e, int code, const struct fault *what, const char *fmt, ...)
{
	char text[sizeof(e->msg)];
	if (!e)
		return code;
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (e->findings)
		findings_add(e->findings, FINDING_ERROR, what, text);
	char line[2 * sizeof(e->msg)];
	(void)fault_line(line, sizeof(line), what, text);
	return err_add_config(e, code, "%s", line);
}
