/* SPDX-License-Identifier: MIT */
#include "checkrooms/rooms.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A source as the compiler's first phases see it: lines that end with a backslash joined, comments
 * and texts as one character. Line and column are of the next byte. */
struct scanner {
	const char *text;
	size_t bytes, at;
	unsigned line, column;
};

static bool at_end(const struct scanner *s)
{
	return s->at >= s->bytes;
}

static bool begins_with(const struct scanner *s, const char *prefix)
{
	size_t n = strlen(prefix);
	return s->bytes - s->at >= n && memcmp(s->text + s->at, prefix, n) == 0;
}

/* What is joined to the line before is passed over. */
static void skip_splices(struct scanner *s)
{
	for (;;) {
		size_t n = begins_with(s, "\\\n") ? 2 : begins_with(s, "\\\r\n") ? 3 : 0;
		if (n == 0)
			return;
		s->at += n;
		s->line++;
		s->column = 1;
	}
}

static char next(struct scanner *s)
{
	char c = s->text[s->at++];
	if (c == '\n') {
		s->line++;
		s->column = 1;
	} else {
		s->column++;
	}
	skip_splices(s);
	return c;
}

static char peek(const struct scanner *s)
{
	return at_end(s) ? '\0' : s->text[s->at];
}

/* Whether a comment began here; it is passed over. */
static bool skip_comment(struct scanner *s)
{
	struct scanner begin = *s;
	if (peek(s) != '/')
		return false;
	(void)next(s);
	if (peek(s) == '/') {
		while (!at_end(s) && peek(s) != '\n')
			(void)next(s);
		return true;
	}
	if (peek(s) == '*') {
		(void)next(s);
		for (char last = '\0'; !at_end(s);) {
			char c = next(s);
			if (last == '*' && c == '/')
				break;
			last = c;
		}
		return true;
	}
	*s = begin;
	return false;
}

static void skip_blanks(struct scanner *s)
{
	while (!at_end(s)) {
		if (peek(s) == ' ' || peek(s) == '\t')
			(void)next(s);
		else if (!skip_comment(s))
			return;
	}
}

/* The rest of the line, where texts and comments may hide what looks like an end. */
static void skip_line(struct scanner *s)
{
	while (!at_end(s)) {
		if (skip_comment(s))
			continue;
		char c = next(s);
		if (c == '\n')
			return;
		if (c != '"' && c != '\'')
			continue;
		while (!at_end(s) && peek(s) != c && peek(s) != '\n') {
			if (next(s) == '\\' && !at_end(s))
				(void)next(s);
		}
		if (!at_end(s) && peek(s) == c)
			(void)next(s);
	}
}

/* The letters and digits here, in the arena. */
static char *take_word(struct scanner *s, struct arena *a)
{
	size_t room = 0, n = 0;
	char *word = arena_grow(a, NULL, 0, &room, 1);
	while (!at_end(s) && (isalnum((unsigned char)peek(s)) || peek(s) == '_')) {
		word = arena_grow(a, word, n + 1, &room, 1);
		word[n++] = next(s);
	}
	word[n] = '\0';
	return word;
}

/* A judge of one source. */
struct source {
	const struct rooms *rooms;
	const struct room *room;
	const char *path;
};

/* A header's name as it is included: "ROOM/FILE". */
static void judge_header(const struct source *f, unsigned line, unsigned column, const char *name,
	size_t length, bool quotes)
{
	struct faults *faults = f->rooms->faults;
	const char *slash = memrchr(name, '/', length);
	size_t folder = slash ? (size_t)(slash - name) : 0;
	const char *room = arena_copy(faults->arena, name, folder);
	const struct named *other = names_find(&f->rooms->names, room);
	if (strstr(room, "..") || name[0] == '/' || (quotes && !other))
		fault_add(faults, f->path, line, column,
			"expected \"ROOM/FILE\", of a room of src/rooms.tsv, found %.*s",
			(int)length, name);
	else if (other && !room_may_include(f->room, other->value))
		fault_add(faults, f->path, line, column,
			"expected only rooms that src/%s may look into (src/rooms.tsv), found %.*s",
			f->room->name->text, (int)length, name);
}

/* Behind #include. */
static void judge_include(const struct source *f, struct scanner *s)
{
	skip_blanks(s);
	unsigned line = s->line, column = s->column + 1;
	char open = peek(s), close = '>';
	if (open == '"')
		close = '"';
	if (open == '"' || open == '<') {
		(void)next(s);
		size_t begin = s->at;
		while (!at_end(s) && peek(s) != close && peek(s) != '\n')
			(void)next(s);
		judge_header(f, line, column, s->text + begin, s->at - begin, open == '"');
		return;
	}
	fault_add(f->rooms->faults, f->path, line, column - 1,
		"expected the name of a header, which can be judged, found something else");
}

void rooms_judge_source(const struct rooms *r, const struct room *room, const char *path,
	const char *text, size_t bytes)
{
	struct source f = { .rooms = r, .room = room, .path = path };
	struct scanner s = { .text = text, .bytes = bytes, .line = 1, .column = 1 };
	skip_splices(&s);
	while (!at_end(&s)) {
		skip_blanks(&s);
		if (peek(&s) == '#' || begins_with(&s, "%:")) {
			if (next(&s) == '%')
				(void)next(&s);
			skip_blanks(&s);
			const char *word = take_word(&s, r->faults->arena);
			if (strcmp(word, "include") == 0 || strcmp(word, "include_next") == 0 ||
				strcmp(word, "import") == 0)
				judge_include(&f, &s);
		}
		skip_line(&s);
	}
}

static bool is_source(const char *name)
{
	static const char *const endings[] = { ".c", ".h", ".cpp", ".hpp", ".S", ".inc" };
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot && i < sizeof(endings) / sizeof(endings[0]); i++) {
		if (strcmp(dot, endings[i]) == 0)
			return true;
	}
	return false;
}

static void judge_file(const struct rooms *r, const char *path, const char *room_name)
{
	const struct named *room = names_find(&r->names, room_name);
	size_t bytes = 0;
	if (!room) {
		fault_add(r->faults, path, 0, 0,
			"expected a row for the room of this source in src/rooms.tsv, found none");
		return;
	}
	const char *text = file_read(r->faults, path, &bytes);
	if (text)
		rooms_judge_source(r, room->value, path, text, bytes);
}

/* A folder below src/, "" for src/ itself. The number of sources right in it is returned. */
static size_t judge_folder(const struct rooms *r, const char *folder)
{
	struct arena *arena = r->faults->arena;
	const char *slash = *folder ? "/" : "";
	const char *path = arena_printf(arena, "%s%s%s", r->source, slash, folder);
	struct dirent **entries = NULL;
	int nr = scandir(path, &entries, NULL, alphasort);
	size_t nr_sources = 0;
	if (nr < 0)
		fault_add(r->faults, path, 0, 0, "cannot be read: %s", strerror(errno));
	for (int i = 0; i < nr; i++) {
		const char *name = entries[i]->d_name;
		const char *below = arena_printf(arena, "%s%s%s", folder, slash, name);
		if (name[0] != '.' && entries[i]->d_type == DT_DIR) {
			(void)judge_folder(r, below);
		} else if (name[0] != '.' && is_source(name)) {
			nr_sources++;
			judge_file(r, arena_printf(arena, "%s/%s", path, name), folder);
		}
		free(entries[i]);
	}
	free(entries);
	const struct named *room = names_find(&r->names, folder);
	if (room && nr_sources == 0)
		cell_expected(room->cell, "a room that has sources");
	return nr_sources;
}

void rooms_judge_sources(const struct rooms *r)
{
	(void)judge_folder(r, "");
	for (size_t i = 0; i < r->nr; i++) {
		const char *path =
			arena_printf(r->faults->arena, "%s/%s", r->source, r->list[i].name->text);
		DIR *dir = opendir(path);
		if (dir)
			(void)closedir(dir);
		else
			cell_expected(r->list[i].name, "the name of a folder below src/");
	}
}
