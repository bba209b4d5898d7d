/* SPDX-License-Identifier: MIT */
/*
 * Where things begin and end in the bytes of a TOML text, which the parser library does not say.
 * For texts that the library has accepted: a false result means that the two do not understand the
 * text alike, so that whoever wants to change it must leave it alone. No meaning is looked at, and
 * no text makes it read out of bounds or recurse.
 */
#ifndef NESTOR_CONFIG_TOML_SCAN_H
#define NESTOR_CONFIG_TOML_SCAN_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* A dotted key of bare parts, "memory.size", split. Borrows the text that it was made from. */
#define TOML_PATH_MAX 8
struct toml_path {
	const char *part[TOML_PATH_MAX];
	size_t len[TOML_PATH_MAX];
	size_t nr; /* at least 1 */
};

/* Returns 0, or -EINVAL where key is not 1 to TOML_PATH_MAX bare keys with dots between. */
int toml_path_parse(const char *key, struct toml_path *ret_path) MUST_CHECK;

/* Bytes of the text, half-open. */
struct toml_span {
	size_t begin, end;
};

struct toml_scan {
	const char *text;
	size_t n;
	size_t at; /* the next byte */
};

/* How a dotted key in the text compares with a path. */
struct toml_match {
	size_t nr;   /* parts that the key has */
	size_t same; /* of these, the first ones that are the path's, from part `from` on */
};

/* True, and past it, where the next byte is ch. */
bool toml_scan_byte(struct toml_scan *s, char ch);

/* Past spaces and tabs. */
void toml_scan_blanks(struct toml_scan *s);

/* Past blanks, newlines and comments, as between the elements of an array. */
void toml_scan_gap(struct toml_scan *s);

/* Past blanks and a comment, and past the newline unless the text ends; false where there is
 * something else. */
bool toml_scan_line_end(struct toml_scan *s);

/* Past a dotted key. Quoted parts are compared by what they mean. */
bool toml_scan_key(
	struct toml_scan *s, const struct toml_path *path, size_t from, struct toml_match *ret);

/* Past a value of any type. */
bool toml_scan_value(struct toml_scan *s, struct toml_span *ret_value);

/* The line and column, as the library counts them (characters, from 1 on; the byte order mark is
 * none), of a place in the text. */
void toml_scan_place(
	const char *text, size_t n, size_t at, unsigned *ret_line, unsigned *ret_column);

/* Bytes of the byte order mark that the text begins with: 3 or 0. */
size_t toml_scan_mark(const char *text, size_t n);

#endif
