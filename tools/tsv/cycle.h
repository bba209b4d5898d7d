/* SPDX-License-Identifier: MIT */
/* Rows that need each other in a circle. */
#ifndef NESTOR_TSV_CYCLE_H
#define NESTOR_TSV_CYCLE_H

#include "tsv/cell.h"

/* A row says that what has one number needs what has another. */
struct edge {
	size_t from, to;
	const struct cell *cell; /* that says so */
};

/* A fault at the first cell of a circle, with the whole of it, where there is one. name_of: each
 * number's name, of so many. */
void cycle_refuse(
	const struct edge *edges, size_t nr_edges, const char *const *name_of, size_t nr_names);

#endif
