/* SPDX-License-Identifier: MIT */
#include "base/finding.h"

#include "base/text_buf.h"
#include "base/types.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *finding_level_name(enum finding_level level)
{
	static const char *const names[] = {
		[FINDING_ERROR] = "error",
		[FINDING_FORBIDS] = "forbids",
		[FINDING_DANGER] = "danger",
		[FINDING_WEAKENS] = "weakens",
		[FINDING_NOTE] = "note",
	};
	return names[level];
}

char *origin_text(char text[ORIGIN_BYTES], const char *file, unsigned line, unsigned column)
{
	(void)snprintf(text, ORIGIN_BYTES, "%s:%u:%u", file, line, column);
	return text;
}

/* The number at the end of the first n bytes of text, after a colon; how many are before that.
 * 0: there is none. */
static size_t number_before(const char *text, size_t n, unsigned *ret_number)
{
	size_t from = n;
	unsigned number = 0;
	while (from > 0 && isdigit((unsigned char)text[from - 1]))
		from--;
	if (from == n || n - from > 9 || from < 1 || text[from - 1] != ':')
		return 0;
	for (size_t i = from; i < n; i++)
		number = number * 10 + (unsigned)(text[i] - '0');
	*ret_number = number;
	return from - 1;
}

size_t origin_file_bytes(const char *origin, unsigned *ret_line, unsigned *ret_column)
{
	unsigned line = 0, column = 0;
	bool is_flag = origin[0] == '-'; /* and what it was given may look like anything */
	size_t n = is_flag ? 0 : number_before(origin, strlen(origin), &column);
	n = n ? number_before(origin, n, &line) : 0;
	*ret_line = n ? line : 0;
	*ret_column = n ? column : 0;
	return n;
}

static void done(struct finding *f)
{
	free(f->key);
	free(f->origin);
	free(f->file);
	free(f->text);
	free(f->fix);
}

void findings_done(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		done(&f->items[i]);
	free(f->items);
	*f = (struct findings){ 0 };
}

/* A copy, NULL of NULL; *failed where memory is out. */
static char *copy(const char *text, bool *failed)
{
	char *made = text ? strdup(text) : NULL;
	*failed |= text && !made;
	return made;
}

static bool make_room(struct findings *f)
{
	if (f->n < f->room)
		return true;
	size_t room = f->room ? f->room * 2 : 8;
	struct finding *items = realloc(f->items, room * sizeof(*items));
	if (!items)
		return false;
	f->items = items;
	f->room = room;
	return true;
}

void findings_add(
	struct findings *f, enum finding_level level, const struct fault *what, const char *text)
{
	struct finding made = { .level = level, .id = what->id };
	bool failed = !make_room(f);
	f->forbidden |= level <= FINDING_FORBIDS;
	made.key = copy(what->key, &failed);
	made.origin = copy(what->origin, &failed);
	made.text = copy(text, &failed);
	made.fix = copy(what->fix && *what->fix ? what->fix : NULL, &failed);
	size_t n = what->origin ? origin_file_bytes(what->origin, &made.line, &made.column) : 0;
	if (n > 0) {
		made.file = strndup(what->origin, n);
		failed |= !made.file;
	}
	if (failed) {
		done(&made);
		f->out_of_memory = true;
		return;
	}
	f->items[f->n++] = made;
}

void findings_add_error(struct findings *f, size_t before, const struct err *e)
{
	bool of_config = e->kind == ERR_CONFIG;
	const struct fault what = { of_config ? "config" : "host", NULL, NULL, e->hint };
	if (f->n == before && e->msg[0])
		findings_add(f, of_config ? FINDING_ERROR : FINDING_FORBIDS, &what, e->msg);
}

void findings_say(
	struct findings *f, enum finding_level level, const char *id, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	findings_add(f, level, &(struct fault){ id, NULL, NULL, NULL }, text);
}

void findings_fix(struct findings *f, const char *fmt, ...)
{
	char text[1024];
	if (f->n == 0 || f->out_of_memory)
		return;
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	free(f->items[f->n - 1].fix);
	f->items[f->n - 1].fix = strdup(text);
	f->out_of_memory |= !f->items[f->n - 1].fix;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool findings_has(const struct findings *f, const struct finding *like)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *g = &f->items[i];
		if (same(g->key, like->key) && same(g->origin, like->origin) &&
			same(g->text, like->text))
			return true;
	}
	return false;
}

bool findings_has_key(const struct findings *f, const char *key)
{
	for (size_t i = 0; i < f->n; i++) {
		if (same(f->items[i].key, key))
			return true;
	}
	return false;
}

void findings_merge(struct findings *f, const struct findings *from)
{
	f->out_of_memory |= from->out_of_memory;
	f->forbidden |= from->out_of_memory && from->forbidden;
	for (size_t i = 0; i < from->n; i++) {
		const struct finding *g = &from->items[i];
		const struct fault what = { g->id, g->key, g->origin, g->fix };
		if (!findings_has(f, g))
			findings_add(f, g->level, &what, g->text);
	}
}

void findings_remove(struct findings *f, size_t i)
{
	done(&f->items[i]);
	(void)memmove(&f->items[i], &f->items[i + 1], (f->n - i - 1) * sizeof(f->items[0]));
	f->n--;
	f->forbidden = f->out_of_memory;
	for (size_t k = 0; k < f->n; k++)
		f->forbidden |= f->items[k].level <= FINDING_FORBIDS;
}

static bool is_before(const struct finding *a, const struct finding *b)
{
	int order = a->line && b->line ? strcmp(a->file, b->file) : 0;
	if (!a->line || !b->line)
		return a->line > 0 && !b->line;
	if (order != 0)
		return order < 0;
	return a->line != b->line ? a->line < b->line : a->column < b->column;
}

void findings_sort(struct findings *f)
{
	for (size_t i = 1; i < f->n; i++) {
		struct finding moved = f->items[i];
		size_t at = i;
		for (; at > 0 && is_before(&moved, &f->items[at - 1]); at--)
			f->items[at] = f->items[at - 1];
		f->items[at] = moved;
	}
}

size_t fault_line(char *line, size_t n, const struct fault *what, const char *text)
{
	const char *key = what->key;
	size_t key_bytes = key ? strlen(key) : 0;
	/* "cpu.pinning lists 3 host CPUs" needs it no more. */
	if (key_bytes > 0 && strncmp(text, key, key_bytes) == 0 && text[key_bytes] == ' ')
		key = NULL;
	int written = snprintf(line, n, "%s%s%s%s%s", what->origin ? what->origin : "",
		what->origin ? ": " : "", key ? key : "", key ? ": " : "", text);
	return written < 0 ? 0 : (size_t)written;
}

char *finding_line(const struct finding *f)
{
	const struct fault what = { f->id, f->key, f->origin, f->fix };
	size_t n = fault_line(NULL, 0, &what, f->text) + 1;
	char *line = malloc(n);
	if (line)
		(void)fault_line(line, n, &what, f->text);
	return line;
}

int findings_result(const struct findings *f, struct err *e)
{
	char text[sizeof(e->msg) - 40]; /* room for how many more there are */
	struct text_buf lines = TEXT_BUF(text);
	const char *fix = NULL;
	if (f->n == 0 && !f->out_of_memory)
		return 0;
	for (size_t i = 0; i < f->n; i++) {
		char *line = finding_line(&f->items[i]);
		if (!line)
			return err_set(e, -ENOMEM, "out of memory");
		/* All behind the first that does not fit are left out, too. */
		if (lines.nr_left_out > 0)
			lines.nr_left_out++;
		else if (i == 0) /* of any length: better cut than left out */
			(void)text_buf_add(&lines, "%.*s", (int)sizeof(text) - 1, line);
		else
			(void)text_buf_item(&lines, "\n", "%s", line);
		free(line);
		fix = fix ? fix : f->items[i].fix;
	}
	if (f->out_of_memory)
		return err_set(e, -ENOMEM, "out of memory");
	char rest[40] = "";
	if (lines.nr_left_out > 0)
		(void)snprintf(rest, sizeof(rest), "\nand %u more fault%s", lines.nr_left_out,
			lines.nr_left_out == 1 ? "" : "s");
	int rc = err_set_config(e, -EINVAL, "%s%s", text, rest);
	return fix ? err_hint(e, rc, "%s", fix) : rc;
}
