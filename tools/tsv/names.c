/* SPDX-License-Identifier: MIT */
#include "tsv/names.h"

#include <string.h>

#include "base/nearest.h"

/* FNV-1a. */
static size_t hash_of(const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return (size_t)h;
}

/* The slot of a name: one with its number, or a free one. */
static size_t slot_of(const struct names *n, const char *name)
{
	size_t slot = hash_of(name) % n->nr_slots;
	while (n->slots[slot] && strcmp(n->list[n->slots[slot] - 1].name, name) != 0)
		slot = (slot + 1) % n->nr_slots;
	return slot;
}

const struct named *names_find(const struct names *n, const char *name)
{
	if (n->nr_slots == 0)
		return NULL;
	size_t number = n->slots[slot_of(n, name)];
	return number ? &n->list[number - 1] : NULL;
}

bool names_add(struct names *n, const char *name, const struct cell *cell, void *value)
{
	const struct named *other = names_find(n, name);
	if (other) {
		cell_fault(cell, "expected another %s than %s, which is also in %s:%u", n->what,
			name, other->cell->table->path, other->cell->line);
		return false;
	}
	struct arena *arena = cell->table->faults->arena;
	n->list = arena_grow(arena, n->list, n->nr, &n->room, sizeof(*n->list));
	n->list[n->nr++] = (struct named){ .name = name, .cell = cell, .value = value };
	if (n->nr * 2 > n->nr_slots) {
		n->nr_slots = n->nr_slots ? 2 * n->nr_slots : 64;
		n->slots = arena_alloc(arena, n->nr_slots * sizeof(*n->slots));
		for (size_t i = 0; i < n->nr; i++)
			n->slots[slot_of(n, n->list[i].name)] = i + 1;
	} else {
		n->slots[slot_of(n, name)] = n->nr;
	}
	return true;
}

const struct named *names_known(const struct names *n, const struct cell *cell)
{
	const struct named *found = names_find(n, cell->text);
	if (found)
		return found;
	struct nearest nearest;
	nearest_start(&nearest, cell->text);
	for (size_t i = 0; i < n->nr; i++)
		nearest_consider(&nearest, n->list[i].name);
	const char *name = nearest_result(&nearest);
	cell_expected(cell, name ? arena_printf(cell->table->faults->arena,
					   "a %s (the nearest is %s)", n->what, name)
				 : arena_printf(cell->table->faults->arena, "a %s", n->what));
	return NULL;
}
