/* SPDX-License-Identifier: MIT */
/*
 * Changes one key in TOML text and leaves every other byte as it is: comments, layout, order, line
 * ends. What was changed is parsed again and compared with the tree before; where anything but the
 * one key differs, or its place is not certain, the text is not changed, and the error says to edit
 * the file by hand. Pure; the text is hostile, and as bounded as toml_read's.
 */
#ifndef NESTOR_CONFIG_EDIT_H
#define NESTOR_CONFIG_EDIT_H

#include "base/err.h"

#include <stddef.h>

/*
 * All three: key is "memory.size", at most 8 bare keys with dots between, through tables, not
 * arrays. Return 0 with *ret_text (free) of *ret_n bytes; or -EINVAL (ERR_CONFIG), as above, or
 * where the text is not TOML ("LINE:COLUMN: why") or the key cannot be there; or -ENOMEM.
 */

/*
 * Sets key to toml_value, a value of TOML on one line. Where the key is there, only its value
 * changes, whatever it was. A new key follows the last one of its table, wherever and in whichever
 * form that is; a new table follows at the end of the text.
 */
int toml_edit_set(const char *text, size_t n, const char *key, const char *toml_value,
	char **ret_text, size_t *ret_n, struct err *e) MUST_CHECK;

/* Removes key, its value and its line, unless a comment is on that line. -ENOENT: it is not there.
 */
int toml_edit_remove(const char *text, size_t n, const char *key, char **ret_text, size_t *ret_n,
	struct err *e) MUST_CHECK;

/* Removes element `index` of the array that is key's value; a line of its own goes with it, unless
 * a comment is on that line. -ENOENT: there is no such array or element. */
int toml_edit_remove_item(const char *text, size_t n, const char *key, size_t index,
	char **ret_text, size_t *ret_n, struct err *e) MUST_CHECK;

#endif
