/* SPDX-License-Identifier: MIT */
#include "config/toml_scan.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static bool is_bare(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
	       ch == '_' || ch == '-';
}

int toml_path_parse(const char *key, struct toml_path *ret_path)
{
	struct toml_path path = { 0 };
	for (const char *p = key;; p++) {
		size_t n = 0;
		while (is_bare(p[n]))
			n++;
		if (n == 0 || path.nr == TOML_PATH_MAX)
			return -EINVAL;
		path.part[path.nr] = p;
		path.len[path.nr] = n;
		path.nr++;
		p += n;
		if (*p == '\0')
			break;
		if (*p != '.')
			return -EINVAL;
	}
	*ret_path = path;
	return 0;
}

/* The next byte, or NUL at the end; no accepted text has a NUL outside of nothing at all. */
static char peek(const struct toml_scan *s)
{
	return s->at < s->n ? s->text[s->at] : '\0';
}

static bool has(const struct toml_scan *s, const char *what)
{
	size_t n = strlen(what);
	return s->n - s->at >= n && memcmp(s->text + s->at, what, n) == 0;
}

bool toml_scan_byte(struct toml_scan *s, char ch)
{
	if (s->at >= s->n || s->text[s->at] != ch)
		return false;
	s->at++;
	return true;
}

void toml_scan_blanks(struct toml_scan *s)
{
	while (peek(s) == ' ' || peek(s) == '\t')
		s->at++;
}

static void scan_comment(struct toml_scan *s)
{
	if (peek(s) != '#')
		return;
	while (s->at < s->n && s->text[s->at] != '\n')
		s->at++;
	/* The carriage return of CRLF is not the comment's. */
	if (s->at < s->n && s->text[s->at - 1] == '\r')
		s->at--;
}

static bool scan_newline(struct toml_scan *s)
{
	size_t n = has(s, "\r\n") ? 2 : has(s, "\n") ? 1 : 0;
	s->at += n;
	return n > 0;
}

void toml_scan_gap(struct toml_scan *s)
{
	do {
		toml_scan_blanks(s);
		scan_comment(s);
	} while (scan_newline(s));
}

bool toml_scan_line_end(struct toml_scan *s)
{
	toml_scan_blanks(s);
	scan_comment(s);
	return s->at == s->n || scan_newline(s);
}

/* Past a string; the one that begins with three quotes goes on over lines. */
static bool scan_string(struct toml_scan *s, struct toml_span *ret_inside)
{
	char quote = peek(s);
	bool lines = has(s, quote == '"' ? "\"\"\"" : "'''");
	s->at += lines ? 3 : 1;
	ret_inside->begin = s->at;
	for (; s->at < s->n; s->at++) {
		char ch = s->text[s->at];
		if (ch == '\\' && quote == '"') {
			s->at++;
		} else if (ch == quote && !lines) {
			ret_inside->end = s->at++;
			return true;
		} else if (ch == quote && has(s, quote == '"' ? "\"\"\"" : "'''")) {
			/* Up to two quotes may stand right before the closing three. */
			size_t more = s->at + 3;
			while (more < s->n && more < s->at + 5 && s->text[more] == quote)
				more++;
			ret_inside->end = more - 3;
			s->at = more;
			return true;
		} else if (ch == '\n' && !lines) {
			return false;
		}
	}
	s->at = s->n;
	return false;
}

static int hex_digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch = (char)(ch | 0x20);
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/*
 * The character that an escape stands for (TOML 1.0, String), where it is one of those that a bare
 * key can have, which \u and \U alone can spell; else NUL. *p is after the backslash.
 */
static char unescape(const char **p, const char *end)
{
	size_t digits = **p == 'u' ? 4 : **p == 'U' ? 8 : 0;
	uint32_t code = 0;
	(*p)++;
	if (digits == 0 || (size_t)(end - *p) < digits)
		return '\0';
	for (size_t i = 0; i < digits; i++, (*p)++) {
		int digit = hex_digit(**p);
		if (digit < 0)
			return '\0';
		code = code << 4 | (uint32_t)digit;
	}
	return code < 0x80 ? (char)code : '\0';
}

/* Whether what is inside a key's quotes (escapes: of basic strings) is this bare key. */
static bool same_part(
	const char *inside, size_t n, bool escapes, const char *bare, size_t bare_bytes)
{
	const char *end = inside + n;
	size_t i = 0;
	while (inside < end) {
		char ch = *inside++;
		if (ch == '\\' && escapes)
			ch = inside < end ? unescape(&inside, end) : '\0';
		if (i == bare_bytes || ch != bare[i])
			return false;
		i++;
	}
	return i == bare_bytes;
}

static bool scan_part(struct toml_scan *s, struct toml_span *ret_inside)
{
	if (peek(s) == '"' || peek(s) == '\'')
		return scan_string(s, ret_inside);
	ret_inside->begin = s->at;
	while (s->at < s->n && is_bare(s->text[s->at]))
		s->at++;
	ret_inside->end = s->at;
	return ret_inside->end > ret_inside->begin;
}

bool toml_scan_key(
	struct toml_scan *s, const struct toml_path *path, size_t from, struct toml_match *ret)
{
	*ret = (struct toml_match){ 0 };
	do {
		struct toml_span inside = { 0 };
		toml_scan_blanks(s);
		bool escapes = peek(s) == '"';
		if (!scan_part(s, &inside))
			return false;
		size_t i = from + ret->nr;
		if (ret->same == ret->nr && i < path->nr &&
			same_part(s->text + inside.begin, inside.end - inside.begin, escapes,
				path->part[i], path->len[i]))
			ret->same++;
		ret->nr++;
		toml_scan_blanks(s);
	} while (toml_scan_byte(s, '.'));
	return true;
}

/* Past an array or an inline table, with all that is in it. */
static bool scan_brackets(struct toml_scan *s)
{
	size_t depth = 0;
	struct toml_span inside;
	do {
		char ch = peek(s);
		if (ch == '"' || ch == '\'') {
			if (!scan_string(s, &inside))
				return false;
			continue;
		}
		if (ch == '#') {
			scan_comment(s);
			continue;
		}
		if (ch == '[' || ch == '{')
			depth++;
		else if (ch == ']' || ch == '}')
			depth--;
		s->at++;
	} while (depth > 0 && s->at < s->n);
	return depth == 0;
}

bool toml_scan_value(struct toml_scan *s, struct toml_span *ret_value)
{
	struct toml_span inside;
	char ch = peek(s);
	ret_value->begin = s->at;
	if (ch == '"' || ch == '\'') {
		bool ok = scan_string(s, &inside);
		ret_value->end = s->at;
		return ok;
	}
	if (ch == '[' || ch == '{') {
		bool ok = scan_brackets(s);
		ret_value->end = s->at;
		return ok;
	}
	/* A date and its time may have a space between, so that only the end of all ends it. */
	while (s->at < s->n && !strchr(",]}#\r\n", s->text[s->at]))
		s->at++;
	while (s->at > ret_value->begin &&
		(s->text[s->at - 1] == ' ' || s->text[s->at - 1] == '\t'))
		s->at--;
	ret_value->end = s->at;
	return ret_value->end > ret_value->begin;
}

size_t toml_scan_mark(const char *text, size_t n)
{
	return n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

void toml_scan_place(
	const char *text, size_t n, size_t at, unsigned *ret_line, unsigned *ret_column)
{
	*ret_line = *ret_column = 1;
	for (size_t i = toml_scan_mark(text, n); i < at; i++) {
		if (text[i] == '\n') {
			++*ret_line;
			*ret_column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			++*ret_column;
		}
	}
}
