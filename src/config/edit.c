/* SPDX-License-Identifier: MIT */
#include "config/edit.h"

#include "config/edit_same.h"
#include "config/edit_survey.h"
#include "config/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 4096  /* bytes of a new value */
#define INSERT_MAX 8192 /* of what is put in, besides the indentation */

/* One edit: some bytes go, some come in their place. */
struct edit {
	const char *text;
	size_t n;
	const char *key; /* as the caller spelt it */
	struct toml_path path;
	struct toml_value before;      /* owned */
	const struct toml_value *node; /* the key's value now, or NULL */
	struct edit_survey survey;
	struct toml_span
		cuts[2]; /* in order, disjoint; the first may be empty: a place to insert */
	size_t nr_cuts;
	struct toml_span indent; /* goes in first, copied from the text */
	const char *lead;        /* a newline that goes in before that, or "" */
	char insert[INSERT_MAX];
};

static int refuse(struct err *e, const char *key, const char *why)
{
	int rc = err_set_config(e, -EINVAL, "%s: %s", key, why);
	return err_hint(e, rc, "edit the file by hand");
}

static int fail_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "out of memory while editing");
}

static int read_tree(const char *text, size_t n, struct toml_value *ret_root, struct err *e)
{
	struct toml_fault fault;
	char why[sizeof(fault.text)];
	int rc = toml_read(text, n, ret_root, &fault);
	if (rc == -ENOMEM)
		return fail_memory(e);
	if (rc < 0)
		return err_set_config(e, rc, "%u:%u: %s", fault.line, fault.column,
			text_printable(why, sizeof(why), fault.text, strlen(fault.text)));
	return 0;
}

/* The place in the bytes must be the one that the library gives. */
static bool is_placed(const struct edit *x)
{
	unsigned line = 0, column = 0;
	if (x->survey.nr_found != 1)
		return false;
	toml_scan_place(x->text, x->n, x->survey.value.begin, &line, &column);
	return line == x->node->line && column == x->node->column;
}

/* Reads the text and finds the key. done() in all cases. */
static int begin(struct edit *x, const char *text, size_t n, const char *key, struct err *e)
{
	size_t blocked = 0;
	*x = (struct edit){ .text = text, .n = n, .key = key, .lead = "" };
	if (toml_path_parse(key, &x->path) < 0)
		return err_set_config(e, -EINVAL, "not a key that can be edited");
	int rc = read_tree(text, n, &x->before, e);
	if (rc)
		return rc;
	x->node = edit_find(&x->before, &x->path, &blocked);
	if (blocked < x->path.nr) {
		const char *end = x->path.part[blocked - 1] + x->path.len[blocked - 1];
		char why[128];
		(void)snprintf(why, sizeof(why), "cannot be there, as %.*s is not a table",
			(int)(end - key), key);
		return refuse(e, key, why);
	}
	if (!edit_survey(text, n, &x->path, &x->survey))
		return refuse(e, key, "the file's layout is not understood");
	if (x->node ? !is_placed(x) : x->survey.nr_found != 0)
		return refuse(e, key, "its place in the file is not certain");
	return 0;
}

static void done(struct edit *x)
{
	toml_value_done(&x->before);
}

static void cut(struct edit *x, size_t first, size_t end)
{
	x->cuts[x->nr_cuts++] = (struct toml_span){ first, end };
}

/* The text with the cuts taken out and the insertion in place of the first. */
static int splice(const struct edit *x, char **ret_text, size_t *ret_n, struct err *e)
{
	size_t lead = strlen(x->lead), insert = strlen(x->insert);
	size_t indent = x->indent.end - x->indent.begin;
	/* All of it is at most what toml_read takes, and what is put in is short. */
	char *out = malloc(x->n + lead + indent + insert + 1);
	if (!out)
		return fail_memory(e);
	size_t used = 0, at = 0;
	for (size_t i = 0; i < x->nr_cuts; i++) {
		(void)memcpy(out + used, x->text + at, x->cuts[i].begin - at);
		used += x->cuts[i].begin - at;
		at = x->cuts[i].end;
		if (i > 0)
			continue;
		(void)memcpy(out + used, x->lead, lead);
		(void)memcpy(out + used + lead, x->text + x->indent.begin, indent);
		(void)memcpy(out + used + lead + indent, x->insert, insert);
		used += lead + indent + insert;
	}
	(void)memcpy(out + used, x->text + at, x->n - at);
	used += x->n - at;
	out[used] = '\0';
	*ret_text = out;
	*ret_n = used;
	return 0;
}

/* True where `after` is what the key's value was to become. */
typedef bool (*judge_fn)(
	const struct toml_value *before, const struct toml_value *after, const void *ctx);

/* Splices, and gives the result away only where it is what it should be. */
static int finish(const struct edit *x, judge_fn judge, const void *ctx, char **ret_text,
	size_t *ret_n, struct err *e)
{
	char *text = NULL;
	size_t n = 0;
	struct toml_value after = { 0 };
	const struct toml_value *was = NULL, *is = NULL;
	int rc = splice(x, &text, &n, e);
	if (rc == 0)
		rc = read_tree(text, n, &after, NULL);
	if (rc == 0 &&
		(!edit_same_but(&x->before, &after, &x->path, &was, &is) || !judge(was, is, ctx)))
		rc = -EINVAL;
	toml_value_done(&after);
	if (rc == 0) {
		*ret_text = text;
		*ret_n = n;
		return 0;
	}
	free(text);
	return rc == -ENOMEM ? fail_memory(e)
			     : refuse(e, x->key, "cannot be changed without changing more");
}

/* The newline that the line before `at` ends with, or else the text's first. */
static const char *newline_at(const struct edit *x, size_t at)
{
	const char *first = memchr(x->text, '\n', x->n);
	size_t end = at > 0 && x->text[at - 1] == '\n' ? at - 1
		     : first                           ? (size_t)(first - x->text)
						       : 0;
	return end > 0 && x->text[end - 1] == '\r' ? "\r\n" : "\n";
}

/* True where a line begins at `at`: not in the text's last line, which has no newline. */
static bool begins_line(const struct edit *x, size_t at)
{
	return at == toml_scan_mark(x->text, x->n) || x->text[at - 1] == '\n';
}

/* The key without its first `from` parts. */
static const char *key_rest(const struct edit *x, size_t from)
{
	return x->path.part[from];
}

/* A line of its own; where the last line of a text has no newline, it still has none. */
static void insert_line(struct edit *x, const struct edit_line *line, const char *value)
{
	const char *newline = newline_at(x, line->after);
	bool whole = begins_line(x, line->after);
	x->lead = whole ? "" : newline;
	x->indent = line->indent;
	(void)snprintf(x->insert, sizeof(x->insert), "%s = %s%s", key_rest(x, line->from), value,
		whole ? newline : "");
	cut(x, line->after, line->after);
}

/* The first key of the root goes before everything, as comments may belong to what follows them. */
static void insert_first(struct edit *x, const char *value)
{
	size_t at = x->survey.section.after;
	const char *newline = newline_at(x, at);
	bool alone = at == x->n || x->text[at] == '\n' || x->text[at] == '\r';
	(void)snprintf(x->insert, sizeof(x->insert), "%s = %s%s%s", x->key, value, newline,
		alone ? "" : newline);
	cut(x, at, at);
}

static void insert_in_braces(struct edit *x, const char *value)
{
	size_t last = x->survey.braces.last;
	bool empty = last == x->survey.braces.begin;
	(void)snprintf(x->insert, sizeof(x->insert), "%s%s = %s%s", empty ? " " : ", ",
		key_rest(x, x->survey.braces.from), value,
		empty && x->text[last] == '}' ? " " : "");
	cut(x, last, last);
}

static bool ends_with_blank_line(const struct edit *x)
{
	size_t n = x->n;
	if (n == 0 || x->text[n - 1] != '\n')
		return false;
	n--;
	n -= n > 0 && x->text[n - 1] == '\r' ? 1 : 0;
	return n > 0 && x->text[n - 1] == '\n';
}

static void append_table(struct edit *x, const char *value)
{
	const struct toml_path *path = &x->path;
	const char *newline = newline_at(x, x->n);
	const char *last = path->part[path->nr - 1];
	bool whole = begins_line(x, x->n);
	bool apart = x->n > toml_scan_mark(x->text, x->n) && !ends_with_blank_line(x);
	x->lead = whole ? "" : newline;
	(void)snprintf(x->insert, sizeof(x->insert), "%s[%.*s]%s%s = %s%s", apart ? newline : "",
		(int)(last - 1 - x->key), x->key, newline, last, value, whole ? newline : "");
	cut(x, x->n, x->n);
}

static bool became(const struct toml_value *before, const struct toml_value *after, const void *ctx)
{
	(void)before;
	return after && edit_same_value(after, ctx);
}

/* One value on one line, nothing after it. *ret_root is a table with it (toml_value_done). */
static int read_value(const char *value, struct toml_value *ret_root, struct err *e)
{
	char text[VALUE_MAX + 8];
	struct toml_span span = { 0 };
	int n = snprintf(text, sizeof(text), "v = %s", value);
	struct toml_scan s = { .text = text, .n = n < 0 ? 0 : (size_t)n, .at = strlen("v = ") };
	if (n < 0 || (size_t)n >= sizeof(text) || strchr(value, '\n') ||
		!toml_scan_value(&s, &span) || s.at != s.n)
		return err_set_config(e, -EINVAL, "not a value of TOML on one line");
	return read_tree(text, s.n, ret_root, e);
}

int toml_edit_set(const char *text, size_t n, const char *key, const char *toml_value,
	char **ret_text, size_t *ret_n, struct err *e)
{
	struct edit x;
	struct toml_value wanted = { 0 };
	int rc = begin(&x, text, n, key, e);
	if (rc == 0)
		rc = read_value(toml_value, &wanted, e);
	if (rc == 0) {
		if (x.node) {
			(void)snprintf(x.insert, sizeof(x.insert), "%s", toml_value);
			cut(&x, x.survey.value.begin, x.survey.value.end);
		} else if (x.survey.braces.have) {
			insert_in_braces(&x, toml_value);
		} else if (x.path.nr == 1 && !x.survey.section_has_keys) {
			insert_first(&x, toml_value);
		} else if (x.survey.section.have) {
			insert_line(&x, &x.survey.section, toml_value);
		} else if (x.survey.dotted.have) {
			insert_line(&x, &x.survey.dotted, toml_value);
		} else {
			append_table(&x, toml_value);
		}
		rc = finish(&x, became, &wanted.items[0], ret_text, ret_n, e);
	}
	toml_value_done(&wanted);
	done(&x);
	return rc;
}

/* Where the blanks before `at` begin, not before `least`. */
static size_t blanks_before(const struct edit *x, size_t at, size_t least)
{
	while (at > least && (x->text[at - 1] == ' ' || x->text[at - 1] == '\t'))
		at--;
	return at;
}

static size_t blanks_after(const struct edit *x, size_t at)
{
	struct toml_scan s = { .text = x->text, .n = x->n, .at = at };
	toml_scan_blanks(&s);
	return s.at;
}

static bool is_at(const struct edit *x, size_t at, const char *any)
{
	return at < x->n && strchr(any, x->text[at]) != NULL && x->text[at] != '\0';
}

static void remove_from_braces(struct edit *x)
{
	struct toml_span pair = x->survey.pair;
	size_t before = blanks_before(x, pair.begin, 0), after = blanks_after(x, pair.end);
	if (is_at(x, after, ","))
		cut(x, pair.begin, blanks_after(x, after + 1));
	else if (before > 0 && x->text[before - 1] == ',')
		cut(x, blanks_before(x, before - 1, 0), pair.end);
	else
		cut(x, before, pair.end);
}

static void remove_line(struct edit *x)
{
	struct toml_span line = x->survey.line;
	size_t comment = blanks_after(x, x->survey.pair.end);
	if (is_at(x, comment, "#")) {
		cut(x, x->survey.pair.begin, comment);
		return;
	}
	/* The last line takes the newline before it along where it has none of its own. */
	if (line.end == x->n && !begins_line(x, x->n) && line.begin > 0 &&
		x->text[line.begin - 1] == '\n') {
		line.begin--;
		line.begin -= line.begin > 0 && x->text[line.begin - 1] == '\r' ? 1 : 0;
	}
	cut(x, line.begin, line.end);
}

static bool is_gone(
	const struct toml_value *before, const struct toml_value *after, const void *ctx)
{
	(void)before;
	(void)ctx;
	return !after;
}

static int fail_absent(struct err *e, const char *key, const char *what)
{
	return err_set_config(e, -ENOENT, "%s: %s", key, what);
}

int toml_edit_remove(
	const char *text, size_t n, const char *key, char **ret_text, size_t *ret_n, struct err *e)
{
	struct edit x;
	int rc = begin(&x, text, n, key, e);
	if (rc == 0 && !x.node)
		rc = fail_absent(e, key, "not given");
	if (rc == 0) {
		if (x.survey.in_braces)
			remove_from_braces(&x);
		else
			remove_line(&x);
		rc = finish(&x, is_gone, NULL, ret_text, ret_n, e);
	}
	done(&x);
	return rc;
}

/* An element of an array, and the commas around it; SIZE_MAX: there is none. */
struct item {
	struct toml_span span;
	size_t comma, comma_before;
};

static bool find_item(const struct edit *x, size_t index, struct item *ret)
{
	struct toml_span array = x->survey.value;
	struct toml_scan s = { .text = x->text, .n = array.end, .at = array.begin };
	*ret = (struct item){ .comma = SIZE_MAX, .comma_before = SIZE_MAX };
	if (!toml_scan_byte(&s, '['))
		return false;
	for (size_t i = 0; i <= index; i++) {
		toml_scan_gap(&s);
		if (!toml_scan_value(&s, &ret->span))
			return false;
		toml_scan_gap(&s);
		size_t comma = s.at;
		bool more = toml_scan_byte(&s, ',');
		if (i < index)
			ret->comma_before = comma;
		else if (more)
			ret->comma = comma;
		if (i < index && !more)
			return false;
	}
	return true;
}

/* On a line of its own the element takes the line along, unless there is a comment. */
static void cut_item(struct edit *x, const struct item *item)
{
	size_t first = item->span.begin, end = item->span.end;
	size_t array = x->survey.value.begin + 1;
	size_t before = blanks_before(x, first, array);
	bool own_line = before > array && x->text[before - 1] == '\n';
	bool comma = item->comma != SIZE_MAX;
	if (comma && blanks_after(x, end) == item->comma)
		end = item->comma + 1;
	size_t after = blanks_after(x, end);
	if (own_line && is_at(x, after, "\r\n")) {
		after += x->text[after] == '\r' ? 1 : 0;
		cut(x, before, after + 1);
	} else if (own_line && is_at(x, after, "#")) {
		cut(x, first, after);
	} else if (comma && !is_at(x, after, "\r\n#]")) {
		cut(x, first, after);
	} else if (!comma && item->comma_before != SIZE_MAX &&
		   blanks_after(x, item->comma_before + 1) == first) {
		cut(x, blanks_before(x, item->comma_before, array), end);
	} else {
		cut(x, own_line ? first : before, end);
	}
	/* A comment stands between the element and its comma. */
	if (comma && end != item->comma + 1)
		cut(x, item->comma, item->comma + 1);
}

static bool lost_item(
	const struct toml_value *before, const struct toml_value *after, const void *ctx)
{
	const size_t *index = ctx;
	if (!before || !after || after->type != TOML_ARRAY ||
		after->nr_items + 1 != before->nr_items)
		return false;
	for (size_t i = 0; i < after->nr_items; i++) {
		if (!edit_same_value(&after->items[i], &before->items[i < *index ? i : i + 1]))
			return false;
	}
	return true;
}

int toml_edit_remove_item(const char *text, size_t n, const char *key, size_t index,
	char **ret_text, size_t *ret_n, struct err *e)
{
	struct edit x;
	struct item item;
	int rc = begin(&x, text, n, key, e);
	if (rc == 0 && (!x.node || x.node->type != TOML_ARRAY || index >= x.node->nr_items))
		rc = fail_absent(e, key, "there is no such element");
	if (rc == 0 && !find_item(&x, index, &item))
		rc = refuse(e, key, "its place in the file is not certain");
	if (rc == 0) {
		cut_item(&x, &item);
		rc = finish(&x, lost_item, &index, ret_text, ret_n, e);
	}
	done(&x);
	return rc;
}
