/* SPDX-License-Identifier: MIT */
/*
 * struct config from inside the room: the values and where each came from. The only code that
 * knows how a key's row leads to a field.
 */
#ifndef NESTOR_CONFIG_STORE_H
#define NESTOR_CONFIG_STORE_H

#include "config/config.h"
#include "config/keys.h"
#include "config/value.h"

/*
 * Where something came from, by number of element: owned printable lines, as many as were needed.
 * NULL, or none: the value is the default, or computed.
 */
struct store_origins {
	char **items;
	size_t n;
};

struct config {
	struct vm_config vm;
	char *file; /* the last one loaded, printable; NULL: none */
	struct store_origins origins[CONFIG_MAX_KEYS];
	struct store_origins element_origins[KEY_NR_ARRAYS];
	char *array_origins[KEY_NR_ARRAYS]; /* what gave an array of tables, which may be empty */
};

/*
 * Moves *value into the field of key (of element `index` of its array, which exists) and copies
 * origin, which may be NULL. Returns 0 or -ENOMEM; value is done in both cases.
 */
int store_put(struct config *c, const struct key *key, unsigned index, struct value *value,
	const char *origin) MUST_CHECK;

/* Elements that an array of tables has now. */
size_t store_count(const struct config *c, const struct key_array *array);

/* Removes all elements. */
void store_clear(struct config *c, const struct key_array *array);

/* Removes all elements, and remembers who said so. 0 or -ENOMEM. */
int store_restart(struct config *c, const struct key_array *array, const char *origin) MUST_CHECK;

/* Adds an element of defaults; there is room (store_count < array->max). 0 or -ENOMEM. */
int store_append(struct config *c, const struct key_array *array, const char *origin) MUST_CHECK;

/* The value of a key that holds numbers; a boolean as 0 or 1, a word as its index. */
uint64_t store_number(const struct config *c, const struct key *key, unsigned index);

/* The value of a key that holds text; NULL where not given. Borrowed. */
const char *store_text(const struct config *c, const struct key *key, unsigned index);

/* The values of a key of KEY_INTEGERS; borrowed, *ret_n of them. */
const uint64_t *store_list(const struct config *c, const struct key *key, size_t *ret_n);

/* The value of a key that holds texts, and of one that holds a mask. Borrowed. */
const struct config_texts *store_texts(const struct config *c, const struct key *key);
struct config_mask store_mask(const struct config *c, const struct key *key, unsigned index);

/* Where a value came from, or NULL; borrowed. name is as in the key table. */
const char *store_origin(const struct config *c, const char *name, unsigned index);

/* Where an element of an array of tables came from, or NULL; borrowed. */
const char *store_element_origin(
	const struct config *c, const struct key_array *array, unsigned index);

/* True where the key has a value that can be written down. */
bool store_has_value(const struct config *c, const struct key *key, unsigned index);

#endif
