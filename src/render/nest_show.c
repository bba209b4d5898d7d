/* SPDX-License-Identifier: MIT */
#include "render/nest_show.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS 100
#define NAME_WIDTH 11

static const enum nesting_finding_level levels[] = {
	NESTING_FINDING_FORBIDS,
	NESTING_FINDING_DANGER,
	NESTING_FINDING_WEAKENS,
	NESTING_FINDING_NOTE,
};

/* Words of text from column indent on; the first line has its indent already. */
static void wrap(const struct paint *p, enum paint_style style, int indent, const char *text)
{
	size_t room = COLUMNS - (size_t)indent;
	while (*text) {
		size_t n = strlen(text);
		if (n > room) {
			for (n = room; n > 0 && text[n] != ' ';)
				n--;
			/* A word that is longer than a line stays whole. */
			if (n == 0)
				n = strcspn(text, " ");
		}
		paint(p, style, "%.*s", (int)n, text);
		paint_end(p);
		text += n;
		text += strspn(text, " ");
		if (*text)
			paint(p, PAINT_PLAIN, "%*s", indent, "");
	}
}

void nest_show_answer(const struct paint *p, bool yes, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	paint_cell(p, yes ? PAINT_GOOD : PAINT_BAD, 4, "%s", yes ? "YES" : "NO");
	paint(p, PAINT_BOLD, "%s", text);
	paint_end(p);
}

void nest_show_fact(const struct paint *p, const char *name, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	paint(p, PAINT_PLAIN, "  ");
	paint_cell(p, PAINT_DIM, NAME_WIDTH, "%s", name);
	wrap(p, PAINT_PLAIN, NAME_WIDTH + 3, text);
}

static enum paint_style style_of(enum nesting_finding_level level)
{
	switch (level) {
	case NESTING_FINDING_FORBIDS:
	case NESTING_FINDING_DANGER:
		return PAINT_BAD;
	case NESTING_FINDING_WEAKENS:
		return PAINT_WARN;
	case NESTING_FINDING_NOTE:
		return PAINT_DIM;
	}
	return PAINT_PLAIN;
}

void nest_show_findings(const struct paint *p, const struct nesting_findings *f)
{
	for (size_t k = 0; k < ARRAY_SIZE(levels); k++) {
		for (unsigned i = 0; i < f->nr_items; i++) {
			const struct nesting_finding *item = &f->items[i];
			if (item->level != levels[k])
				continue;
			paint(p, PAINT_PLAIN, "  ");
			paint_cell(p, style_of(item->level), NAME_WIDTH, "%s",
				nesting_finding_level_name(item->level));
			wrap(p, PAINT_PLAIN, NAME_WIDTH + 3, item->text);
			if (!item->fix[0])
				continue;
			paint(p, PAINT_PLAIN, "%*s", NAME_WIDTH + 3, "");
			paint_cell(p, PAINT_GOOD, 4, "fix:");
			wrap(p, PAINT_PLAIN, NAME_WIDTH + 8, item->fix);
		}
	}
}

json_t *nest_json_findings(const struct nesting_findings *f)
{
	json_t *array = json_array();
	for (size_t k = 0; k < ARRAY_SIZE(levels); k++) {
		for (unsigned i = 0; i < f->nr_items; i++) {
			const struct nesting_finding *item = &f->items[i];
			if (item->level != levels[k])
				continue;
			json_t *object = json_pack("{s:s, s:s, s:o, s:o}", "level",
				nesting_finding_level_name(item->level), "id", item->id, "text",
				json_text(item->text), "fix", json_text(item->fix));
			if (!object || json_array_append_new(array, object)) {
				json_decref(array);
				return NULL;
			}
		}
	}
	return array;
}
