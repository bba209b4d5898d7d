/* SPDX-License-Identifier: MIT */
#include "checkrooms/rooms.h"

#include <string.h>

static void judge_name(const struct cell *c)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_/";
	size_t n = strlen(c->text);
	if (c->text[strspn(c->text, letters)] != '\0' || c->text[0] == '/' ||
		c->text[n - 1] == '/' || strstr(c->text, "//"))
		cell_expected(c, "the name of a folder below src/");
}

static void read_may(struct rooms *r, struct room *room, const struct cell *c)
{
	struct arena *arena = r->faults->arena;
	struct cells parts = cell_split(c, ' ', 256);
	room->may = arena_alloc(arena, (parts.nr + 1) * sizeof(struct room *));
	for (unsigned i = 0; i < parts.nr; i++) {
		/* Only rooms above are known yet. */
		const struct named *named = names_find(&r->names, parts.cell[i].text);
		struct room *other = named ? named->value : NULL;
		if (!other)
			cell_expected(&parts.cell[i], "a room of a row above");
		else if (room_may_include(room, other))
			cell_expected(&parts.cell[i], "a room once");
		else
			room->may[room->nr_may++] = other;
	}
}

void rooms_read(struct rooms *r, struct faults *faults, const char *source)
{
	*r = (struct rooms){ .faults = faults, .source = source, .names = { .what = "room" } };
	const struct tsv *t = tsv_read(faults, arena_printf(faults->arena, "%s/rooms.tsv", source),
		"room may_include what");
	r->list = arena_alloc(faults->arena, (t->nr_rows + 1) * sizeof(*r->list));
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		struct room *room = &r->list[r->nr++];
		room->name = &c[0];
		judge_name(&c[0]);
		read_may(r, room, &c[1]);
		(void)names_add(&r->names, c[0].text, &c[0], room);
		room->what = cell_said(&c[2], SIZE_MAX);
		if (strchr(room->what, '|'))
			cell_expected(&c[2], "a text without |, which parts README's columns");
	}
}

bool room_may_include(const struct room *room, const struct room *other)
{
	for (size_t i = 0; i < room->nr_may; i++) {
		if (room->may[i] == other)
			return true;
	}
	return room == other;
}
