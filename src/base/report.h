/* SPDX-License-Identifier: MIT */
/*
 * What a room below cli/ tells the user while it runs (not errors, which are returned): a
 * callback handed in at creation, so that no room prints and tests can listen.
 */
#ifndef NESTOR_BASE_REPORT_H
#define NESTOR_BASE_REPORT_H

#include "base/err.h"

enum report_level { REPORT_DEBUG, REPORT_INFO, REPORT_WARN, REPORT_ERROR };

/* fn may be called from any thread; text is one line or several, without a final newline. */
struct reporter {
	void (*fn)(void *ctx, enum report_level level, const char *text);
	void *ctx;
	enum report_level least; /* lower levels are not formatted at all */
};

/* Formats and hands over; does nothing where r is NULL, has no fn, or level < r->least. */
void report(const struct reporter *r, enum report_level level, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

#endif
