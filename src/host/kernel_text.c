/* SPDX-License-Identifier: MIT */
#include "host/kernel_text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t kernel_text_number(const char *text)
{
	uint64_t value = 0;
	for (; *text >= '0' && *text <= '9'; text++) {
		uint64_t digit = (uint64_t)(*text - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return UINT64_MAX;
		value = value * 10 + digit;
	}
	return value;
}

uint64_t kernel_text_times(uint64_t a, uint64_t b)
{
	uint64_t product;
	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

bool kernel_text_lines(
	const char *root, const char *path, bool (*fn)(void *ctx, char *line), void *ctx)
{
	char full[PATH_MAX];
	char *line = NULL;
	size_t capacity = 0;
	int n = snprintf(full, sizeof(full), "%s%s", root, path);
	FILE *in = n >= 0 && (size_t)n < sizeof(full) ? fopen(full, "re") : NULL;
	if (!in)
		return false;
	while (getline(&line, &capacity, in) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!fn(ctx, line))
			break;
	}
	free(line);
	(void)fclose(in);
	return true;
}

struct find {
	const char *name;
	bool found;
	uint64_t value;
};

static bool find_line(void *ctx, char *line)
{
	struct find *f = ctx;
	size_t n = strlen(f->name);
	if (strncmp(line, f->name, n) != 0)
		return true;
	const char *at = line + n + strspn(line + n, " \t");
	f->found = true;
	f->value = strncmp(at, "unlimited", 9) == 0 ? UINT64_MAX : kernel_text_number(at);
	return false;
}

bool kernel_text_find(const char *root, const char *path, const char *name, uint64_t *ret)
{
	struct find f = { .name = name };
	if (!kernel_text_lines(root, path, find_line, &f) || !f.found)
		return false;
	*ret = f.value;
	return true;
}
