/* SPDX-License-Identifier: MIT */
#include "config/keys.h"

#include "base/nearest.h"

#include <string.h>

/* The last part of a dotted name. */
static const char *leaf(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot ? dot + 1 : name;
}

struct best {
	const char *name;
	size_t cost;
};

static void consider(struct best *best, const char *name, const char *candidate)
{
	size_t whole = text_distance(name, candidate);
	/* A known last part in the wrong section is nearer than its distance says. */
	size_t part = 1 + 2 * text_distance(leaf(name), leaf(candidate));
	size_t cost = whole < part ? whole : part;
	if (cost < best->cost) {
		best->name = candidate;
		best->cost = cost;
	}
}

const char *key_nearest(const char *name)
{
	if (strlen(name) >= KEY_PATH_BYTES)
		return NULL;
	/* A third of the letters wrong is still a misspelling; more is another word. */
	size_t n = strlen(leaf(name));
	struct best best = { .name = NULL, .cost = (n < 4 ? 1 : n / 3) + 1 };
	for (size_t i = 0; i < key_count; i++)
		consider(&best, name, key_table[i].name);
	for (size_t i = 0; key_sections[i]; i++)
		consider(&best, name, key_sections[i]);
	for (size_t i = 0; i < KEY_NR_ARRAYS; i++)
		consider(&best, name, key_arrays[i].name);
	return best.name;
}
