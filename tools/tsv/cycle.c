/* SPDX-License-Identifier: MIT */
#include "tsv/cycle.h"

/* Takes away what leads to nothing, as long as there is such; only circles, and what leads into
 * them, stay. */
static void keep_circles(bool *gone, const struct edge *edges, size_t nr_edges, size_t *nr_from)
{
	for (size_t i = 0; i < nr_edges; i++)
		nr_from[edges[i].from]++;
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < nr_edges; i++) {
			if (gone[i] || nr_from[edges[i].to] > 0)
				continue;
			gone[i] = true;
			nr_from[edges[i].from]--;
			more = true;
		}
	}
}

static size_t first_from(const bool *gone, const struct edge *edges, size_t node)
{
	size_t i = 0;
	while (gone[i] || edges[i].from != node)
		i++;
	return i;
}

void cycle_refuse(
	const struct edge *edges, size_t nr_edges, const char *const *name_of, size_t nr_names)
{
	if (nr_edges == 0)
		return;
	struct arena *arena = edges[0].cell->table->faults->arena;
	bool *gone = arena_alloc(arena, nr_edges * sizeof(*gone));
	size_t *nr_from = arena_alloc(arena, nr_names * sizeof(*nr_from));
	keep_circles(gone, edges, nr_edges, nr_from);
	size_t at = 0;
	while (at < nr_edges && gone[at])
		at++;
	if (at == nr_edges)
		return;
	/* Every node on the way leads on; after that many steps, the circle is entered. */
	for (size_t i = 0; i < nr_names; i++)
		at = first_from(gone, edges, edges[at].to);
	size_t begin = at;
	for (size_t i = first_from(gone, edges, edges[at].to); i != at;
		i = first_from(gone, edges, edges[i].to))
		begin = i < begin ? i : begin;
	const char *way = name_of[edges[begin].from];
	at = begin;
	do {
		way = arena_printf(arena, "%s -> %s", way, name_of[edges[at].to]);
		at = first_from(gone, edges, edges[at].to);
	} while (at != begin);
	cell_fault(edges[begin].cell, "expected no circle of needs, found %s", way);
}
