/* SPDX-License-Identifier: MIT */
#include "formats/losses.h"

#include "base/analyzer.h"
#include "formats/input.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A hostile text may lose something on every line; what comes after so many is only counted as
 * "more". */
#define MAX_LINES 1000

ANALYZER_MISTAKEN("-Wanalyzer-malloc-leak"); /* l->lines owns it */
static int keep(struct losses *l, const char *line)
{
	if (l->nr_lines == l->capacity) {
		size_t capacity = l->capacity ? 2 * l->capacity : 8;
		char **lines = realloc(l->lines, capacity * sizeof(*lines));
		if (!lines)
			return -ENOMEM;
		l->lines = lines;
		l->capacity = capacity;
	}
	char *copy = strdup(line);
	if (!copy)
		return -ENOMEM;
	l->lines[l->nr_lines++] = copy;
	return 0;
}
ANALYZER_END;

void losses_add(struct losses *l, const char *fmt, ...)
{
	char line[512];
	if (!l || l->nr_lines > MAX_LINES)
		return;
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	input_clean(line);
	for (char *newline = line; (newline = strchr(newline, '\n'));)
		*newline = ' ';
	for (size_t i = 0; i < l->nr_lines; i++) {
		if (strcmp(l->lines[i], line) == 0)
			return;
	}
	int rc = keep(l,
		l->nr_lines == MAX_LINES ? "more than 1000 things; not all are named here" : line);
	if (rc)
		l->error = rc;
}

void losses_done(struct losses *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->nr_lines; i++)
		free(l->lines[i]);
	free(l->lines);
	*l = (struct losses){ 0 };
}
