/* SPDX-License-Identifier: MIT */
/* Whether two TOML trees differ in just what they should. */
#ifndef NESTOR_CONFIG_EDIT_SAME_H
#define NESTOR_CONFIG_EDIT_SAME_H

#include "config/toml_reader.h"
#include "config/toml_scan.h"

/* The same type and value, with all that is inside; places do not count. Times count as equal. */
bool edit_same_value(const struct toml_value *a, const struct toml_value *b);

/*
 * True where two roots are the same but for the key of path, and for tables on the way to it that
 * one of them has not (empty otherwise). The values of the key, or NULL, are lent.
 */
bool edit_same_but(const struct toml_value *a, const struct toml_value *b,
	const struct toml_path *path, const struct toml_value **ret_a,
	const struct toml_value **ret_b);

/* The value of path; NULL where there is none. *ret_blocked: the part of path that is there but no
 * table, so that the key cannot be; or path->nr. */
const struct toml_value *edit_find(
	const struct toml_value *root, const struct toml_path *path, size_t *ret_blocked);

#endif
