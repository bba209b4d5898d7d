/* SPDX-License-Identifier: MIT */
#include "tsv/tsv.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Name number n, from 0, of names with one space between; its length in *ret_length. */
static const char *name_of_column(const char *names, unsigned n, int *ret_length)
{
	for (; n > 0; n--)
		names += strcspn(names, " ") + 1;
	*ret_length = (int)strcspn(names, " ");
	return names;
}

static unsigned count_of_columns(const char *names)
{
	unsigned nr = 1;
	for (; *names; names++)
		nr += *names == ' ';
	return nr;
}

/* What makes a reader in C or another tool see something else than a person does. */
static bool bytes_are_plain(const struct tsv *t, const char *line, size_t length, unsigned number)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)line[i];
		if (c == '\r' && i + 1 == length) {
			fault_add(t->faults, t->path, number, (unsigned)i + 1,
				"expected the line to end with LF alone, found CR LF");
			return false;
		}
		if (c != '\t' && (c < ' ' || c > '~')) {
			fault_add(t->faults, t->path, number, (unsigned)i + 1,
				"expected plain ASCII text, found the byte 0x%02x", c);
			return false;
		}
	}
	return true;
}

static bool cell_is_plain(const struct tsv *t, const struct cell *c, unsigned nr)
{
	int length = 0;
	const char *name = name_of_column(t->columns, nr, &length);
	size_t bytes = strlen(c->text);
	if (bytes == 0)
		fault_add(t->faults, t->path, c->line, c->column,
			"expected text in the column `%.*s`, found none; - means none", length,
			name);
	else if (c->text[0] == ' ' || c->text[bytes - 1] == ' ')
		fault_add(t->faults, t->path, c->line, c->column,
			"expected no space at the ends of the column `%.*s`, found \"%s\"", length,
			name, c->text);
	else
		return true;
	return false;
}

static void read_row(struct tsv *t, const char *line, size_t length, unsigned number)
{
	if (!bytes_are_plain(t, line, length, number))
		return;
	struct tsv_row row = { 0 };
	unsigned nr = 0;
	size_t at = 0, excess = 0;
	for (;;) {
		const char *tab = memchr(line + at, '\t', length - at);
		size_t bytes = tab ? (size_t)(tab - (line + at)) : length - at;
		if (nr < t->nr_columns) {
			row.cell[nr].table = t;
			row.cell[nr].text = arena_copy(t->faults->arena, line + at, bytes);
			row.cell[nr].line = number;
			row.cell[nr].column = (unsigned)at + 1;
		} else if (nr == t->nr_columns) {
			excess = at;
		}
		nr++;
		if (!tab)
			break;
		at += bytes + 1;
	}
	if (nr != t->nr_columns) {
		int name_length = 0;
		const char *name = name_of_column(
			t->columns, nr < t->nr_columns ? nr : t->nr_columns - 1, &name_length);
		fault_add(t->faults, t->path, number,
			(unsigned)(nr < t->nr_columns ? length : excess) + 1,
			nr < t->nr_columns ? "expected %u columns, found %u: no `%.*s`"
					   : "expected %u columns, found %u: more after `%.*s`",
			t->nr_columns, nr, name_length, name);
		return;
	}
	bool plain = true;
	for (unsigned i = 0; i < nr; i++)
		plain &= cell_is_plain(t, &row.cell[i], i);
	if (!plain)
		return;
	t->rows = arena_grow(t->faults->arena, t->rows, t->nr_rows, &t->room, sizeof(*t->rows));
	t->rows[t->nr_rows++] = row;
}

/* line: the last comment before the first row, without its end. */
static void judge_heading(const struct tsv *t, const char *line, size_t length, unsigned number)
{
	char *wanted = arena_printf(t->faults->arena, "# %s", t->columns);
	for (char *c = wanted + 2; *c; c++) {
		if (*c == ' ')
			*c = '\t';
	}
	if (length == strlen(wanted) && memcmp(line, wanted, length) == 0)
		return;
	fault_add(t->faults, t->path, number ? number : 1, 1,
		"expected a heading with the names of the columns, \"%s\", before the first row",
		wanted);
}

const struct tsv *tsv_parse(struct faults *faults, const char *path, const char *columns,
	const char *text, size_t bytes)
{
	struct tsv *t = arena_alloc(faults->arena, sizeof(*t));
	t->faults = faults;
	t->path = path;
	t->columns = columns;
	t->nr_columns = count_of_columns(columns);
	if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		fault_add(faults, path, 1, 1, "expected no byte order mark");
		text += 3;
		bytes -= 3;
	}
	const char *heading = "";
	size_t heading_length = 0, at = 0;
	unsigned heading_number = 0, number = 1;
	bool rows = false;
	for (; at < bytes; number++) {
		const char *line = text + at, *end = memchr(line, '\n', bytes - at);
		size_t length = end ? (size_t)(end - line) : bytes - at;
		if (!end)
			fault_add(faults, path, number, (unsigned)length + 1,
				"expected a newline at the end of the file");
		at += length + (end ? 1 : 0);
		if (length == 0)
			continue;
		if (line[0] == '#') {
			if (!rows) {
				heading = line;
				heading_length = length;
				heading_number = number;
			}
			continue;
		}
		if (!rows)
			judge_heading(t, heading, heading_length, heading_number);
		rows = true;
		read_row(t, line, length, number);
	}
	if (!rows)
		fault_add(faults, path, number, 1, "expected a row, found the end of the file");
	return t;
}

static char *stream_read(struct arena *a, FILE *stream, size_t *ret_bytes)
{
	char *text = NULL;
	size_t bytes = 0, room = 0;
	for (;;) {
		if (room - bytes < 2) {
			room = room ? 2 * room : 65536;
			char *grown = arena_alloc(a, room);
			if (bytes > 0)
				memcpy(grown, text, bytes);
			text = grown;
		}
		size_t got = fread(text + bytes, 1, room - bytes - 1, stream);
		bytes += got;
		if (got == 0)
			break;
	}
	*ret_bytes = bytes;
	return ferror(stream) ? NULL : text;
}

char *file_read(struct faults *faults, const char *path, size_t *ret_bytes)
{
	FILE *stream = fopen(path, "re");
	char *text = stream ? stream_read(faults->arena, stream, ret_bytes) : NULL;
	if (!text)
		fault_add(faults, path, 0, 0, "cannot be read: %s", strerror(errno));
	if (stream)
		(void)fclose(stream);
	return text;
}

const struct tsv *tsv_read(struct faults *faults, const char *path, const char *columns)
{
	size_t bytes = 0;
	const char *text = file_read(faults, path, &bytes);
	if (text)
		return tsv_parse(faults, path, columns, text, bytes);
	struct tsv *t = arena_alloc(faults->arena, sizeof(*t));
	*t = (struct tsv){ .faults = faults,
		.path = path,
		.columns = columns,
		.nr_columns = count_of_columns(columns) };
	return t;
}
