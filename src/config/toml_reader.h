/* SPDX-License-Identifier: MIT */
/*
 * TOML 1.0 text to a tree of plain C values with positions: the only door to the parser library,
 * so that everything else in the room is C. Knows no key of nestor's. The text is hostile: its
 * size, its nesting and the dots on a line are bounded, so that neither the stack nor time runs
 * out.
 */
#ifndef NESTOR_CONFIG_TOML_READER_H
#define NESTOR_CONFIG_TOML_READER_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TOML_MAX_BYTES ((size_t)256 << 10) /* of one document */
#define TOML_MAX_LINE_DOTS 128             /* bounds the depth that a dotted key can make */
#define TOML_MAX_DEPTH 16                  /* of arrays and tables in one another */

enum toml_type {
	TOML_NOTHING = 0,
	TOML_STRING,
	TOML_INTEGER,
	TOML_FLOAT,
	TOML_BOOLEAN,
	TOML_TIME, /* a date, a time or both; never a value of ours, so not kept */
	TOML_ARRAY,
	TOML_TABLE,
};

/* Owns everything that it points to. */
struct toml_value {
	enum toml_type type;
	unsigned line, column; /* of the value (a table: its header); the first is 1 */
	char *key;             /* of a member of a table, without NUL inside; else NULL */
	unsigned key_line, key_column;
	bool boolean;
	int64_t integer;
	double real;
	char *string;             /* UTF-8; NUL after its last byte, and possibly inside */
	size_t string_bytes;      /* without the last NUL */
	struct toml_value *items; /* elements, or members in the order of their keys' positions */
	size_t nr_items;
};

/* Why a text is refused, and where. */
struct toml_fault {
	unsigned line, column;
	char text[256]; /* UTF-8, perhaps with control characters of the document's */
};

/*
 * Parses n bytes. Returns 0, and the caller owns *ret_root (a table; toml_value_done), or -EINVAL
 * with *ret_fault filled, or -ENOMEM.
 */
int toml_read(const char *text, size_t n, struct toml_value *ret_root,
	struct toml_fault *ret_fault) MUST_CHECK;

/* Frees what v owns and zeroes it; accepts one that is all zero. */
void toml_value_done(struct toml_value *v);

/* "a string", "an integer" … */
const char *toml_type_name(enum toml_type type);

#ifdef __cplusplus
}
#endif

#endif
