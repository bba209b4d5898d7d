/* SPDX-License-Identifier: MIT */
#include "tsv/fault.h"

#define PRINTED 20 /* one mistake in a table may show in each of its rows */

void fault_add(
	struct faults *f, const char *path, unsigned line, unsigned column, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	const char *text = arena_vprintf(f->arena, fmt, args);
	va_end(args);
	f->list = arena_grow(f->arena, f->list, f->nr, &f->room, sizeof(*f->list));
	f->list[f->nr++] =
		(struct fault){ .path = path, .line = line, .column = column, .text = text };
}

void faults_print(const struct faults *f, FILE *to)
{
	for (size_t i = 0; i < f->nr && i < PRINTED; i++) {
		const struct fault *fault = &f->list[i];
		if (fault->line == 0)
			(void)fprintf(to, "%s: %s\n", fault->path, fault->text);
		else
			(void)fprintf(to, "%s:%u:%u: %s\n", fault->path, fault->line, fault->column,
				fault->text);
	}
	if (f->nr > PRINTED)
		(void)fprintf(to, "and %zu more\n", f->nr - PRINTED);
}
