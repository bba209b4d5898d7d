#include "config/keys.h"

#include <string.h>

/* The last part of a dotted name. */
static const char *leaf(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot ? dot + 1 : name;
}

/*
 * Edit distance of two texts of less than KEY_PATH_BYTES bytes: insertions, deletions,
 * replacements and swaps of neighbours (Damerau's four, restricted).
 */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][KEY_PATH_BYTES] = { { 0 } };
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	size_t na = strlen(a), nb = strlen(b);
	for (size_t j = 0; j <= nb; j++)
		last[j] = j;
	for (size_t i = 1; i <= na; i++) {
		now[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		size_t *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[nb];
}

struct best {
	const char *name;
	size_t cost;
};

static void consider(struct best *best, const char *name, const char *candidate)
{
	size_t whole = distance(name, candidate);
	/* A known last part in the wrong section is nearer than its distance says. */
	size_t part = 1 + 2 * distance(leaf(name), leaf(candidate));
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
