/* SPDX-License-Identifier: MIT */
/* What is called how: each name once, with the cell that gave it, and a value of the caller's. */
#ifndef NESTOR_TSV_NAMES_H
#define NESTOR_TSV_NAMES_H

#include "tsv/cell.h"

struct named {
	const char *name;
	const struct cell *cell;
	void *value;
};

struct names {
	const char *what;   /* what they are names of, for faults: "feature" */
	struct named *list; /* in the order in which they came */
	size_t nr, room;
	size_t *slots; /* a hash table of numbers in list, from 1 */
	size_t nr_slots;
};

/* Adds a name; where there is one already, a fault at the cell, and false. cell must stay. */
bool names_add(struct names *n, const char *name, const struct cell *cell, void *value);

/* NULL where no such name is. */
const struct named *names_find(const struct names *n, const char *name);

/* As names_find() with the cell's text, and a fault that tells the nearest name where it is none.
 */
const struct named *names_known(const struct names *n, const struct cell *cell);

#endif
