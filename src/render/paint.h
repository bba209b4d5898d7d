/* SPDX-License-Identifier: MIT */
/*
 * Text for people: colours where the output is a terminal, columns, and nothing that text of
 * unknown origin could do to that terminal.
 */
#ifndef NESTOR_RENDER_PAINT_H
#define NESTOR_RENDER_PAINT_H

#include "base/err.h"

#include <stdbool.h>
#include <stdio.h>

enum paint_style {
	PAINT_PLAIN,
	PAINT_BOLD,
	PAINT_DIM,
	PAINT_GOOD,
	PAINT_BAD,
	PAINT_WARN,
	PAINT_NAME, /* of a leaf, a feature, a file */
};

struct paint {
	FILE *out; /* borrowed */
	bool colours;
};

/* Colours where out is a terminal, NO_COLOR is unset or empty, and TERM is not "dumb". */
struct paint paint_to(FILE *out);

/* One piece of a line, in a style; control characters and broken UTF-8 become '?'. At most about
 * 2000 bytes, "..." at the end where there would be more. */
void paint(const struct paint *p, enum paint_style style, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same as a column: filled with spaces to width characters, and a space after it. */
void paint_cell(const struct paint *p, enum paint_style style, unsigned width, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* Ends the line. */
void paint_end(const struct paint *p);

#endif
