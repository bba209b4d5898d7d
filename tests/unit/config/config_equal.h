/* SPDX-License-Identifier: MIT */
/* Whether two configs hold the same values, wherever these came from. */
#ifndef NESTOR_TESTS_CONFIG_EQUAL_H
#define NESTOR_TESTS_CONFIG_EQUAL_H

#include "config/store.h"

#include <string.h>

static inline bool config_key_equal(
	const struct config *a, const struct config *b, const struct key *key, unsigned index)
{
	if (key_holds_text(key)) {
		const char *ta = store_text(a, key, index), *tb = store_text(b, key, index);
		return ta && tb ? strcmp(ta, tb) == 0 : ta == tb;
	}
	if (key_holds_texts(key)) {
		const struct config_texts *ta = store_texts(a, key), *tb = store_texts(b, key);
		bool equal = ta->n == tb->n;
		for (size_t i = 0; i < ta->n && equal; i++)
			equal = strcmp(ta->items[i].text, tb->items[i].text) == 0;
		return equal;
	}
	if (key->type == KEY_MASK) {
		struct config_mask ma = store_mask(a, key, index), mb = store_mask(b, key, index);
		return ma.set == mb.set && ma.clear == mb.clear;
	}
	if (key->type == KEY_INTEGERS) {
		size_t na = 0, nb = 0;
		const uint64_t *la = store_list(a, key, &na), *lb = store_list(b, key, &nb);
		return na == nb && memcmp(la, lb, na * sizeof(*la)) == 0;
	}
	return store_number(a, key, index) == store_number(b, key, index) &&
	       store_has_value(a, key, index) == store_has_value(b, key, index);
}

static inline bool config_equal(const struct config *a, const struct config *b)
{
	for (size_t k = 0; k < key_count; k++) {
		const struct key *key = &key_table[k];
		size_t n = key->array ? store_count(a, key->array) : 1;
		if (key->array && n != store_count(b, key->array))
			return false;
		for (unsigned i = 0; i < n; i++) {
			if (!config_key_equal(a, b, key, i))
				return false;
		}
	}
	return true;
}

#endif
