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

ANALYZER_MISTAKEN("-Wanalyzer-malloc-leak"); /* l owns it */
static int keep(char ***ret_lines, size_t *nr, size_t *capacity, const char *line)
{
	if (*nr == *capacity) {
		size_t more = *capacity ? 2 * *capacity : 8;
		char **lines = realloc(*ret_lines, more * sizeof(*lines));
		if (!lines)
			return -ENOMEM;
		*ret_lines = lines;
		*capacity = more;
	}
	char *copy = strdup(line);
	if (!copy)
		return -ENOMEM;
	(*ret_lines)[(*nr)++] = copy;
	return 0;
}

enum list { LINES, NOTES, OPEN };

static void add(struct losses *l, enum list list, const char *fmt, va_list ap) PRINTF_LIKE(3, 0);
static void add(struct losses *l, enum list list, const char *fmt, va_list ap)
{
	char line[512];
	char ***lines = list == LINES ? &l->lines : list == NOTES ? &l->notes : &l->open;
	size_t *nr = list == LINES ? &l->nr_lines : list == NOTES ? &l->nr_notes : &l->nr_open;
	size_t *capacity = list == LINES   ? &l->capacity
			   : list == NOTES ? &l->notes_capacity
					   : &l->open_capacity;
	if (*nr > MAX_LINES)
		return;
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	input_clean(line);
	for (char *newline = line; (newline = strchr(newline, '\n'));)
		*newline = ' ';
	for (size_t i = 0; i < *nr; i++) {
		if (strcmp((*lines)[i], line) == 0)
			return;
	}
	int rc = keep(lines, nr, capacity,
		*nr == MAX_LINES ? "more than 1000 things; not all are named here" : line);
	if (rc)
		l->error = rc;
}
ANALYZER_END;

void losses_add(struct losses *l, const char *fmt, ...)
{
	va_list ap;
	if (!l)
		return;
	va_start(ap, fmt);
	add(l, LINES, fmt, ap);
	va_end(ap);
}

void losses_note(struct losses *l, const char *fmt, ...)
{
	va_list ap;
	if (!l)
		return;
	va_start(ap, fmt);
	add(l, NOTES, fmt, ap);
	va_end(ap);
}

void losses_open(struct losses *l, const char *fmt, ...)
{
	va_list ap;
	if (!l)
		return;
	va_start(ap, fmt);
	add(l, OPEN, fmt, ap);
	va_end(ap);
}

void losses_settle(struct losses *l, bool stays_open)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->nr_open; i++) {
		if (!stays_open)
			losses_add(l, "%s", l->open[i]);
		free(l->open[i]);
	}
	l->nr_open = 0;
}

static bool same_place(const struct loss_place *a, const struct loss_place *b)
{
	return a->is_msr == b->is_msr && a->leaf == b->leaf && a->subleaf == b->subleaf;
}

void losses_cover(struct losses *l, const struct loss_place *place)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->nr_places; i++) {
		if (!same_place(&l->places[i], place))
			continue;
		for (unsigned r = 0; r < 4; r++)
			l->places[i].reg[r] |= place->reg[r];
		return;
	}
	if (l->nr_places == l->places_capacity) {
		size_t more = l->places_capacity ? 2 * l->places_capacity : 16;
		struct loss_place *moved = realloc(l->places, more * sizeof(*moved));
		if (!moved) {
			l->error = -ENOMEM;
			return;
		}
		l->places = moved;
		l->places_capacity = more;
	}
	l->places[l->nr_places++] = *place;
}

struct loss_place losses_uncovered(const struct losses *l, const struct loss_place *place)
{
	struct loss_place rest = *place;
	for (size_t i = 0; l && i < l->nr_places; i++) {
		if (!same_place(&l->places[i], place))
			continue;
		for (unsigned r = 0; r < 4; r++)
			rest.reg[r] &= ~l->places[i].reg[r];
	}
	return rest;
}

void losses_done(struct losses *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->nr_lines; i++)
		free(l->lines[i]);
	for (size_t i = 0; i < l->nr_notes; i++)
		free(l->notes[i]);
	for (size_t i = 0; i < l->nr_open; i++)
		free(l->open[i]);
	free(l->lines);
	free(l->notes);
	free(l->open);
	free(l->places);
	*l = (struct losses){ 0 };
}
