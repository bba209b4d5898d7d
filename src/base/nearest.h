/* SPDX-License-Identifier: MIT */
/* Which known name a misspelt one may mean. Knows nothing of what the names are of. */
#ifndef NESTOR_BASE_NEAREST_H
#define NESTOR_BASE_NEAREST_H

#include "base/types.h"

#define NEAREST_TEXT_BYTES 64 /* longer texts are near nothing */

/*
 * Edit distance: insertions, deletions, replacements and swaps of neighbours (Damerau's four,
 * restricted). SIZE_MAX where a text has NEAREST_TEXT_BYTES bytes or more.
 */
size_t text_distance(const char *a, const char *b);

/* A search; capitals and "_" count as small letters and "-". */
struct nearest {
	char text[NEAREST_TEXT_BYTES];
	const char *name;   /* nearest so far, or NULL */
	size_t cost;        /* a name must cost less than this */
	const char *longer; /* the shortest name that begins with text, or NULL */
};

void nearest_start(struct nearest *n, const char *text);

/* Of names that are as near, the one considered first stays. name is borrowed. */
void nearest_consider(struct nearest *n, const char *name);

/* A name that one edit makes of text, else one that text begins, else the nearest by edits, of
 * which a third of the letters may need one; NULL where none is. */
const char *nearest_result(const struct nearest *n);

#endif
