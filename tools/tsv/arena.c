/* SPDX-License-Identifier: MIT */
#include "tsv/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
	struct arena_block *next;
	max_align_t data[];
};

void *arena_alloc(struct arena *a, size_t bytes)
{
	struct arena_block *block = NULL;
	if (bytes <= SIZE_MAX - sizeof(*block))
		block = calloc(1, sizeof(*block) + bytes);
	if (!block) {
		(void)fprintf(stderr, "no memory for %zu bytes of tables\n", bytes);
		exit(1);
	}
	block->next = a->blocks;
	a->blocks = block;
	return block->data;
}

char *arena_copy(struct arena *a, const char *text, size_t bytes)
{
	char *copy = arena_alloc(a, bytes + 1);
	memcpy(copy, text, bytes);
	return copy;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list args)
{
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, fmt, args);
	size_t bytes = length < 0 ? 1 : (size_t)length + 1;
	char *text = arena_alloc(a, bytes);
	(void)vsnprintf(text, bytes, fmt, again);
	va_end(again);
	return text;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	char *text = arena_vprintf(a, fmt, args);
	va_end(args);
	return text;
}

void *arena_grow(struct arena *a, void *list, size_t nr, size_t *room, size_t element_bytes)
{
	if (nr < *room)
		return list;
	size_t more = *room ? 2 * *room : 16;
	char *grown = arena_alloc(a, more * element_bytes);
	if (nr > 0)
		memcpy(grown, list, nr * element_bytes);
	*room = more;
	return grown;
}

void arena_free(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *block = a->blocks;
		a->blocks = block->next;
		free(block);
	}
}
