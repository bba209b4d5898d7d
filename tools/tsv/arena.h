/* SPDX-License-Identifier: MIT */
/*
 * Memory of a program that reads a few tables, writes what it makes of them and ends: allocated
 * piece by piece, freed at once. Where there is none, the program ends with status 1 and says so,
 * as there is nothing that the build could do without its tables.
 */
#ifndef NESTOR_TSV_ARENA_H
#define NESTOR_TSV_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena {
	struct arena_block *blocks;
};

/* Zeroed, aligned for anything; freed by arena_free() alone. */
void *arena_alloc(struct arena *a, size_t bytes);

/* A copy with a NUL behind it. */
char *arena_copy(struct arena *a, const char *text, size_t bytes);

char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

/*
 * list, an array of *room elements of which nr are in use, with room for one more: list itself, or
 * a larger copy, with *room updated. list may be NULL where *room is 0.
 */
void *arena_grow(struct arena *a, void *list, size_t nr, size_t *room, size_t element_bytes);

void arena_free(struct arena *a);

#endif
