/* SPDX-License-Identifier: MIT */
#include "render/nest_changes.h"

#include "config/text.h"
#include "render/json_out.h"

#include <string.h>

/* Lines of the file, of which a terminal obeys nothing; their tabs become spaces. */
static void put_lines(FILE *out, char sign, const char *lines)
{
	while (*lines) {
		char line[400], shown[512];
		size_t n = strcspn(lines, "\n"), used = 0;
		for (; used < n && used < sizeof(line); used++)
			line[used] = lines[used] == '\t' ? ' ' : lines[used];
		used -= used > 0 && line[used - 1] == '\r' ? 1 : 0;
		(void)fprintf(
			out, "    %c %s\n", sign, text_printable(shown, sizeof(shown), line, used));
		lines += n + (lines[n] == '\n');
	}
}

void nest_changes_text(const struct nest_changes *c, const char *file, bool enable, FILE *out)
{
	char shown[256];
	(void)fprintf(out, "%s: VM %s %s\n",
		text_printable(shown, sizeof(shown), file, strlen(file)), c->name,
		c->nr_items > 0 ? "needs these changes:"
		: enable        ? "is enabled already; nothing to change"
				: "is disabled already; nothing to change");
	for (size_t i = 0; i < c->nr_items; i++) {
		const struct nest_change *change = &c->items[i];
		char origin[300];
		(void)fprintf(out, "\n  %s: %s -> %s  (%s)\n    %s\n", change->key, change->from,
			change->to[0] ? change->to : "removed",
			text_printable(
				origin, sizeof(origin), change->origin, strlen(change->origin)),
			change->reason);
		put_lines(out, '-', change->old_lines);
		put_lines(out, '+', change->new_lines);
	}
	for (size_t i = 0; i < c->nr_notes; i++) {
		char text[512];
		(void)fprintf(out, "\n  note: %s\n    fix: %s\n",
			text_printable(
				text, sizeof(text), c->notes[i].text, strlen(c->notes[i].text)),
			c->notes[i].fix);
	}
}

json_t *nest_changes_json(
	const struct nest_changes *c, const char *file, bool enabled, bool written)
{
	json_t *changes = json_array(), *notes = json_array();
	for (size_t i = 0; i < c->nr_items; i++) {
		const struct nest_change *change = &c->items[i];
		(void)json_array_append_new(changes,
			json_pack("{s:s, s:o, s:o, s:o, s:o}", "key", change->key, "from",
				json_text(change->from), "to", json_text(change->to), "origin",
				json_text(change->origin), "reason", json_text(change->reason)));
	}
	for (size_t i = 0; i < c->nr_notes; i++)
		(void)json_array_append_new(
			notes, json_pack("{s:o, s:o}", "text", json_text(c->notes[i].text), "fix",
				       json_text(c->notes[i].fix)));
	return json_pack("{s:o, s:o, s:b, s:b, s:o, s:o}", "file", json_text(file), "vm",
		json_text(c->name), "enabled", enabled, "written", written, "changes", changes,
		"notes", notes);
}
