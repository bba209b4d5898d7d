/* SPDX-License-Identifier: MIT */
#include "render/nest_show.h"

#include "render/findings_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS 100
#define NAME_WIDTH 11

static const enum finding_level levels[] = {
	FINDING_ERROR,
	FINDING_FORBIDS,
	FINDING_DANGER,
	FINDING_WEAKENS,
	FINDING_NOTE,
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

static enum paint_style style_of(enum finding_level level)
{
	switch (level) {
	case FINDING_ERROR:
	case FINDING_FORBIDS:
	case FINDING_DANGER:
		return PAINT_BAD;
	case FINDING_WEAKENS:
		return PAINT_WARN;
	case FINDING_NOTE:
		return PAINT_DIM;
	}
	return PAINT_PLAIN;
}

void nest_show_findings(const struct paint *p, const struct findings *f)
{
	for (size_t k = 0; k < ARRAY_SIZE(levels); k++) {
		for (size_t i = 0; i < f->n; i++) {
			const struct finding *item = &f->items[i];
			const struct fault what = { item->id, item->key, item->origin, NULL };
			char line[1100];
			if (item->level != levels[k])
				continue;
			paint(p, PAINT_PLAIN, "  ");
			paint_cell(p, style_of(item->level), NAME_WIDTH, "%s",
				finding_level_name(item->level));
			(void)fault_line(line, sizeof(line), &what, item->text);
			wrap(p, PAINT_PLAIN, NAME_WIDTH + 3, line);
			if (!item->fix)
				continue;
			paint(p, PAINT_PLAIN, "%*s", NAME_WIDTH + 3, "");
			paint_cell(p, PAINT_GOOD, 4, "fix:");
			wrap(p, PAINT_PLAIN, NAME_WIDTH + 8, item->fix);
		}
	}
}

json_t *nest_json_findings(const struct findings *f)
{
	json_t *array = json_array();
	for (size_t k = 0; k < ARRAY_SIZE(levels); k++) {
		for (size_t i = 0; i < f->n; i++) {
			const struct finding *item = &f->items[i];
			if (array && item->level == levels[k] &&
				json_array_append_new(array, finding_json(item))) {
				json_decref(array);
				array = NULL;
			}
		}
	}
	return array;
}
