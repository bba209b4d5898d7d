#include "config/store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(enum config_protocol) == sizeof(unsigned), "words are stored as unsigned");

static bool is_text(const struct key *key)
{
	return key->type == KEY_NAME || key->type == KEY_STRING || key->type == KEY_PATH;
}

static size_t field_offset(const struct key *key, unsigned index)
{
	return key->offset + (key->array ? index * key->array->stride : 0);
}

/* Fields are reached by offset; memcpy in and out of them knows no aliasing. */
static void *field(struct config *c, size_t offset)
{
	return (char *)&c->vm + offset;
}

static const void *field_const(const struct config *c, size_t offset)
{
	return (const char *)&c->vm + offset;
}

static size_t get_count(const struct config *c, size_t offset)
{
	size_t n = 0;
	(void)memcpy(&n, field_const(c, offset), sizeof(n));
	return n;
}

static void set_count(struct config *c, size_t offset, size_t n)
{
	(void)memcpy(field(c, offset), &n, sizeof(n));
}

static void put_text(struct config *c, size_t offset, char *text)
{
	char *old = NULL;
	(void)memcpy(&old, field(c, offset), sizeof(old));
	free(old);
	(void)memcpy(field(c, offset), &text, sizeof(text));
}

static void put_number(struct config *c, const struct key *key, size_t offset, uint64_t number)
{
	if (key->type == KEY_BOOLEAN) {
		bool b = number != 0;
		(void)memcpy(field(c, offset), &b, sizeof(b));
	} else if (key->type == KEY_WORD) {
		unsigned word = (unsigned)number;
		(void)memcpy(field(c, offset), &word, sizeof(word));
	} else {
		(void)memcpy(field(c, offset), &number, sizeof(number));
	}
}

/* Replaces an owned origin. */
static int put_origin(char **slot, const char *origin)
{
	char *copy = NULL;
	if (origin) {
		copy = strdup(origin);
		if (!copy)
			return -ENOMEM;
	}
	free(*slot);
	*slot = copy;
	return 0;
}

int store_put(struct config *c, const struct key *key, unsigned index, struct value *value,
	const char *origin)
{
	size_t offset = field_offset(key, index);
	int ret = put_origin(&c->origins[key_index(key)][index], origin);
	if (ret == 0 && is_text(key)) {
		put_text(c, offset, value->text);
		value->text = NULL;
	} else if (ret == 0 && key->type == KEY_INTEGERS) {
		if (value->nr_list > 0)
			(void)memcpy(field(c, offset), value->list,
				value->nr_list * sizeof(*value->list));
		set_count(c, key->count_offset, value->nr_list);
	} else if (ret == 0) {
		put_number(c, key, offset, value->number);
	}
	value_done(value);
	return ret;
}

static int put_default(struct config *c, const struct key *key, unsigned index)
{
	struct value value = { 0 };
	char why[VALUE_WHY_BYTES];
	if (key->initial) {
		int ret = value_from_text(key, key->initial, NULL, &value, why);
		if (ret < 0)
			return ret;
	}
	return store_put(c, key, index, &value, NULL);
}

size_t store_count(const struct config *c, const struct key_array *array)
{
	return get_count(c, array->count_offset);
}

void store_clear(struct config *c, const struct key_array *array)
{
	for (size_t k = 0; k < key_count; k++) {
		const struct key *key = &key_table[k];
		if (key->array != array)
			continue;
		for (unsigned i = 0; i < array->max; i++) {
			if (is_text(key))
				put_text(c, field_offset(key, i), NULL);
			else
				put_number(c, key, field_offset(key, i), 0);
			free(c->origins[k][i]);
			c->origins[k][i] = NULL;
		}
	}
	char **origins = c->element_origins[key_array_index(array)];
	for (unsigned i = 0; i < array->max; i++) {
		free(origins[i]);
		origins[i] = NULL;
	}
	set_count(c, array->count_offset, 0);
}

int store_append(struct config *c, const struct key_array *array, const char *origin)
{
	size_t n = store_count(c, array);
	assert(n < array->max);
	for (size_t k = 0; k < key_count; k++) {
		if (key_table[k].array != array)
			continue;
		int ret = put_default(c, &key_table[k], (unsigned)n);
		if (ret < 0)
			return ret;
	}
	int ret = put_origin(&c->element_origins[key_array_index(array)][n], origin);
	if (ret == 0)
		set_count(c, array->count_offset, n + 1);
	return ret;
}

uint64_t store_number(const struct config *c, const struct key *key, unsigned index)
{
	const void *p = field_const(c, field_offset(key, index));
	if (key->type == KEY_BOOLEAN) {
		bool b = false;
		(void)memcpy(&b, p, sizeof(b));
		return b;
	}
	if (key->type == KEY_WORD) {
		unsigned word = 0;
		(void)memcpy(&word, p, sizeof(word));
		return word;
	}
	uint64_t number = 0;
	(void)memcpy(&number, p, sizeof(number));
	return number;
}

const char *store_text(const struct config *c, const struct key *key, unsigned index)
{
	char *text = NULL;
	(void)memcpy(&text, field_const(c, field_offset(key, index)), sizeof(text));
	return text;
}

const uint64_t *store_list(const struct config *c, const struct key *key, size_t *ret_n)
{
	*ret_n = get_count(c, key->count_offset);
	return field_const(c, key->offset);
}

const char *store_origin(const struct config *c, const char *name, unsigned index)
{
	const struct key *key = key_find(name);
	return key ? c->origins[key_index(key)][index] : NULL;
}

bool store_has_value(const struct config *c, const struct key *key, unsigned index)
{
	if (is_text(key))
		return store_text(c, key, index) != NULL;
	if (key->type == KEY_INTEGERS)
		return get_count(c, key->count_offset) > 0;
	/* A number without a default is 0, below its range, until it is given or computed. */
	return key->initial != NULL || store_number(c, key, index) != 0;
}

struct config *config_create(void)
{
	struct config *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	for (size_t k = 0; k < key_count; k++) {
		if (!key_table[k].array && put_default(c, &key_table[k], 0) < 0)
			goto fail;
	}
	/* COM1 on the terminal is what every other VMM's user expects, and what a first boot needs.
	 */
	if (store_append(c, key_array_find("serial"), NULL) < 0)
		goto fail;
	return c;
fail:
	config_destroy(c);
	return NULL;
}

void config_destroy(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < KEY_NR_ARRAYS; i++)
		store_clear(c, &key_arrays[i]);
	for (size_t k = 0; k < key_count; k++) {
		if (is_text(&key_table[k]) && !key_table[k].array)
			put_text(c, key_table[k].offset, NULL);
		free(c->origins[k][0]);
	}
	free(c->file);
	free(c);
}

const char *config_origin(const struct config *c, const char *path)
{
	char name[KEY_PATH_BYTES];
	unsigned index = 0;
	const char *origin = NULL;
	if (key_parse_path(path, name, &index) == 0 && index < CONFIG_MAX_ELEMENTS)
		origin = store_origin(c, name, index);
	return origin ? origin : "default";
}

const char *config_key_name(size_t i)
{
	return i < key_count ? key_table[i].name : NULL;
}
