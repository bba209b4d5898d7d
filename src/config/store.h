/*
 * struct config from inside the room: the values and where each came from. The only code that
 * knows how a key's row leads to a field.
 */
#ifndef NESTOR_CONFIG_STORE_H
#define NESTOR_CONFIG_STORE_H

#include "config/config.h"
#include "config/keys.h"
#include "config/value.h"

/* Origins are owned printable lines; NULL means that the value is the default, or computed. */
struct config {
	struct vm_config vm;
	char *file; /* the last one loaded, printable; NULL: none */
	char *origins[CONFIG_MAX_KEYS][CONFIG_MAX_ELEMENTS];
	char *element_origins[KEY_NR_ARRAYS][CONFIG_MAX_ELEMENTS];
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

/* Adds an element of defaults; there is room (store_count < array->max). 0 or -ENOMEM. */
int store_append(struct config *c, const struct key_array *array, const char *origin) MUST_CHECK;

/* The value of a key that holds numbers; a boolean as 0 or 1, a word as its index. */
uint64_t store_number(const struct config *c, const struct key *key, unsigned index);

/* The value of a key that holds text; NULL where not given. Borrowed. */
const char *store_text(const struct config *c, const struct key *key, unsigned index);

/* The values of a key of KEY_INTEGERS; borrowed, *ret_n of them. */
const uint64_t *store_list(const struct config *c, const struct key *key, size_t *ret_n);

/* Where a value came from, or NULL; borrowed. name is as in the key table and exists. */
const char *store_origin(const struct config *c, const char *name, unsigned index);

/* True where the key has a value that can be written down. */
bool store_has_value(const struct config *c, const struct key *key, unsigned index);

#endif
