/* SPDX-License-Identifier: MIT */
/* How nest's commands show what they found: for people, and as JSON. */
#ifndef NESTOR_RENDER_NEST_SHOW_H
#define NESTOR_RENDER_NEST_SHOW_H

#include "nesting/status.h"
#include "render/json_out.h"
#include "render/paint.h"

/* "YES  TEXT" or "NO   TEXT", the answer on top. */
void nest_show_answer(const struct paint *p, bool yes, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* "  name       TEXT", with lines of at most about 100 columns. */
void nest_show_fact(const struct paint *p, const char *name, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* Each finding with its fix: what forbids first, notes last. */
void nest_show_findings(const struct paint *p, const struct findings *f);

/* An array of them (findings_json.h) in the same order; NULL: memory is out. */
json_t *nest_json_findings(const struct findings *f);

#endif
