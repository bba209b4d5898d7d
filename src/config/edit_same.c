/* SPDX-License-Identifier: MIT */
#include "config/edit_same.h"

#include <string.h>

static bool is_part(const struct toml_value *item, const struct toml_path *path, size_t i)
{
	return strlen(item->key) == path->len[i] &&
	       memcmp(item->key, path->part[i], path->len[i]) == 0;
}

static bool same_items(const struct toml_value *a, const struct toml_value *b)
{
	if (a->nr_items != b->nr_items)
		return false;
	for (size_t i = 0; i < a->nr_items; i++) {
		const struct toml_value *x = &a->items[i], *y = &b->items[i];
		if (a->type == TOML_TABLE && strcmp(x->key, y->key) != 0)
			return false;
		if (!edit_same_value(x, y))
			return false;
	}
	return true;
}

bool edit_same_value(const struct toml_value *a, const struct toml_value *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case TOML_STRING:
		return a->string_bytes == b->string_bytes &&
		       memcmp(a->string, b->string, a->string_bytes) == 0;
	case TOML_INTEGER:
		return a->integer == b->integer;
	case TOML_FLOAT:
		return memcmp(&a->real, &b->real, sizeof(a->real)) == 0;
	case TOML_BOOLEAN:
		return a->boolean == b->boolean;
	case TOML_ARRAY:
	case TOML_TABLE:
		return same_items(a, b);
	case TOML_TIME:
	case TOML_NOTHING:
		break;
	}
	return true;
}

/* The members of two tables but for one; *ret_a and *ret_b are that one. They are in the order of
 * the text, which an edit does not change. */
static bool same_others(const struct toml_value *a, const struct toml_value *b,
	const struct toml_path *path, size_t depth, const struct toml_value **ret_a,
	const struct toml_value **ret_b)
{
	size_t i = 0, j = 0;
	*ret_a = *ret_b = NULL;
	for (;;) {
		if (i < a->nr_items && is_part(&a->items[i], path, depth))
			*ret_a = &a->items[i++];
		if (j < b->nr_items && is_part(&b->items[j], path, depth))
			*ret_b = &b->items[j++];
		if (i == a->nr_items || j == b->nr_items)
			return i == a->nr_items && j == b->nr_items;
		if (strcmp(a->items[i].key, b->items[j].key) != 0 ||
			!edit_same_value(&a->items[i], &b->items[j]))
			return false;
		i++;
		j++;
	}
}

bool edit_same_but(const struct toml_value *a, const struct toml_value *b,
	const struct toml_path *path, const struct toml_value **ret_a,
	const struct toml_value **ret_b)
{
	static const struct toml_value none = { .type = TOML_TABLE };
	*ret_a = *ret_b = NULL;
	for (size_t depth = 0; depth < path->nr; depth++) {
		const struct toml_value *x = NULL, *y = NULL;
		if (a->type != TOML_TABLE || b->type != TOML_TABLE ||
			!same_others(a, b, path, depth, &x, &y))
			return false;
		if (depth + 1 == path->nr) {
			*ret_a = x;
			*ret_b = y;
		}
		a = x ? x : &none;
		b = y ? y : &none;
	}
	return true;
}

const struct toml_value *edit_find(
	const struct toml_value *root, const struct toml_path *path, size_t *ret_blocked)
{
	const struct toml_value *at = root;
	*ret_blocked = path->nr;
	for (size_t depth = 0; depth < path->nr; depth++) {
		if (at->type != TOML_TABLE) {
			*ret_blocked = depth;
			return NULL;
		}
		const struct toml_value *next = NULL;
		for (size_t i = 0; i < at->nr_items && !next; i++) {
			if (is_part(&at->items[i], path, depth))
				next = &at->items[i];
		}
		if (!next)
			return NULL;
		at = next;
	}
	return at;
}
