/* SPDX-License-Identifier: MIT */
#include "checkrooms/rooms.h"

#include <string.h>

static const char heading[] = "| room | what is in it | may look into |\n|---|---|---|\n";

/* The rooms that it may look into, in words. */
static const char *may_text(const struct rooms *r, size_t i)
{
	struct arena *arena = r->faults->arena;
	const struct room *room = &r->list[i];
	if (room->nr_may == 0)
		return "-";
	bool all = i > 1 && room->nr_may + 3 >= i && room->nr_may > 3;
	const char *text = all ? "all above" : "";
	const char *separator = all ? " but " : "";
	for (size_t j = 0; j < i; j++) {
		if (room_may_include(room, &r->list[j]) == all)
			continue;
		text = arena_printf(arena, "%s%s%s", text, separator, r->list[j].name->text);
		separator = ", ";
	}
	return text;
}

static const char *table_text(const struct rooms *r)
{
	const char *text = heading;
	for (size_t i = 0; i < r->nr; i++)
		text = arena_printf(r->faults->arena, "%s| `%s/` | %s | %s |\n", text,
			r->list[i].name->text, r->list[i].what, may_text(r, i));
	return text;
}

static unsigned line_of(const char *text, const char *at)
{
	unsigned line = 1;
	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

const char *rooms_readme(
	const struct rooms *r, const char *path, const char *text, unsigned *ret_line)
{
	const char *begin = strstr(text, heading), *end = begin;
	*ret_line = 0;
	if (!begin) {
		fault_add(r->faults, path, 0, 0,
			"expected the table of the map, \"%.*s\", found none",
			(int)strcspn(heading, "\n"), heading);
		return NULL;
	}
	while (*end == '|')
		end += strcspn(end, "\n") + (end[strcspn(end, "\n")] == '\n');
	const char *table = table_text(r);
	size_t same = 0;
	while (begin + same < end && table[same] && table[same] == begin[same])
		same++;
	if (begin + same < end || table[same])
		*ret_line = line_of(text, begin + same);
	return arena_printf(r->faults->arena, "%.*s%s%s", (int)(begin - text), text, table, end);
}
