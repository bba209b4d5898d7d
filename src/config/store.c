/* SPDX-License-Identifier: MIT */
#include "config/store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(enum config_protocol) == sizeof(unsigned), "words are stored as unsigned");

/* Fields are reached by offset; memcpy in and out of them knows no aliasing. */
static void *field(struct config *c, size_t offset)
{
	return (char *)&c->vm + offset;
}

static const void *field_const(const struct config *c, size_t offset)
{
	return (const char *)&c->vm + offset;
}

/* Element `index` of an array of tables; there is memory for it. */
static char *element(struct config *c, const struct key_array *array, unsigned index)
{
	char *base = field(c, array->offset);
	if (array->allocated)
		(void)memcpy(&base, field(c, array->offset), sizeof(base));
	return base + index * array->stride;
}

/* Where the value of key is. */
static void *slot(struct config *c, const struct key *key, unsigned index)
{
	return key->array ? element(c, key->array, index) + key->offset : field(c, key->offset);
}

static const void *slot_const(const struct config *c, const struct key *key, unsigned index)
{
	if (!key->array)
		return field_const(c, key->offset);
	const char *base = field_const(c, key->array->offset);
	if (key->array->allocated)
		(void)memcpy(&base, field_const(c, key->array->offset), sizeof(base));
	return base + index * key->array->stride + key->offset;
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

static void put_text(void *at, char *text)
{
	char *old = NULL;
	(void)memcpy(&old, at, sizeof(old));
	free(old);
	(void)memcpy(at, &text, sizeof(text));
}

static void put_texts(void *at, struct config_texts texts)
{
	struct config_texts old;
	(void)memcpy(&old, at, sizeof(old));
	value_texts_done(&old);
	(void)memcpy(at, &texts, sizeof(texts));
}

static void put_number(const struct key *key, void *at, uint64_t number)
{
	if (key->type == KEY_BOOLEAN) {
		bool b = number != 0;
		(void)memcpy(at, &b, sizeof(b));
	} else if (key->type == KEY_WORD) {
		unsigned word = (unsigned)number;
		(void)memcpy(at, &word, sizeof(word));
	} else {
		(void)memcpy(at, &number, sizeof(number));
	}
}

/* Replaces an owned origin. */
static int put_origin(char **at, const char *origin)
{
	char *copy = NULL;
	if (origin) {
		copy = strdup(origin);
		if (!copy)
			return -ENOMEM;
	}
	free(*at);
	*at = copy;
	return 0;
}

/* The same of number `index`; most are never given, and take no memory. */
static int set_origin(struct store_origins *o, unsigned index, const char *origin)
{
	if (index >= o->n) {
		if (!origin)
			return 0;
		char **items = reallocarray(o->items, index + (size_t)1, sizeof(*items));
		if (!items)
			return -ENOMEM;
		for (size_t i = o->n; i <= index; i++)
			items[i] = NULL;
		o->items = items;
		o->n = index + (size_t)1;
	}
	return put_origin(&o->items[index], origin);
}

static const char *get_origin(const struct store_origins *o, unsigned index)
{
	return index < o->n ? o->items[index] : NULL;
}

static void clear_origins(struct store_origins *o)
{
	for (size_t i = 0; i < o->n; i++)
		free(o->items[i]);
	free(o->items);
	*o = (struct store_origins){ 0 };
}

int store_put(struct config *c, const struct key *key, unsigned index, struct value *value,
	const char *origin)
{
	void *at = slot(c, key, index);
	int ret = set_origin(&c->origins[key_index(key)], index, origin);
	if (ret < 0) {
		value_done(value);
		return ret;
	}
	if (key_holds_text(key)) {
		put_text(at, value->text);
		value->text = NULL;
	} else if (key_holds_texts(key)) {
		put_texts(at, value->texts);
		value->texts = (struct config_texts){ 0 };
	} else if (key->type == KEY_INTEGERS) {
		if (value->nr_list > 0)
			(void)memcpy(at, value->list, value->nr_list * sizeof(*value->list));
		set_count(c, key->count_offset, value->nr_list);
	} else if (key->type == KEY_MASK) {
		(void)memcpy(at, &value->mask, sizeof(value->mask));
	} else {
		put_number(key, at, value->number);
	}
	value_done(value);
	return 0;
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
	size_t n = store_count(c, array);
	for (size_t k = 0; k < key_count; k++) {
		const struct key *key = &key_table[k];
		if (key->array != array)
			continue;
		for (unsigned i = 0; i < n && key_holds_text(key); i++)
			put_text(slot(c, key, i), NULL);
		clear_origins(&c->origins[k]);
	}
	clear_origins(&c->element_origins[key_array_index(array)]);
	set_count(c, array->count_offset, 0);
	if (array->allocated)
		put_text(field(c, array->offset), NULL);
	else
		(void)memset(field(c, array->offset), 0, array->max * array->stride);
}

int store_restart(struct config *c, const struct key_array *array, const char *origin)
{
	store_clear(c, array);
	return put_origin(&c->array_origins[key_array_index(array)], origin);
}

/* Memory for element n, all zero. */
static int grow(struct config *c, const struct key_array *array, size_t n)
{
	if (array->allocated) {
		char *base = NULL;
		(void)memcpy(&base, field(c, array->offset), sizeof(base));
		base = reallocarray(base, n + 1, array->stride);
		if (!base)
			return -ENOMEM;
		(void)memcpy(field(c, array->offset), &base, sizeof(base));
	}
	(void)memset(element(c, array, (unsigned)n), 0, array->stride);
	return 0;
}

int store_append(struct config *c, const struct key_array *array, const char *origin)
{
	size_t n = store_count(c, array);
	assert(n < array->max);
	int ret = grow(c, array, n);
	if (ret < 0)
		return ret;
	set_count(c, array->count_offset, n + 1);
	for (size_t k = 0; k < key_count; k++) {
		if (key_table[k].array != array)
			continue;
		ret = put_default(c, &key_table[k], (unsigned)n);
		if (ret < 0)
			return ret;
	}
	size_t a = key_array_index(array);
	ret = set_origin(&c->element_origins[a], (unsigned)n, origin);
	if (ret == 0 && origin && !c->array_origins[a])
		ret = put_origin(&c->array_origins[a], origin);
	return ret;
}

uint64_t store_number(const struct config *c, const struct key *key, unsigned index)
{
	const void *p = slot_const(c, key, index);
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
	(void)memcpy(&text, slot_const(c, key, index), sizeof(text));
	return text;
}

const uint64_t *store_list(const struct config *c, const struct key *key, size_t *ret_n)
{
	*ret_n = get_count(c, key->count_offset);
	return field_const(c, key->offset);
}

const struct config_texts *store_texts(const struct config *c, const struct key *key)
{
	return field_const(c, key->offset);
}

struct config_mask store_mask(const struct config *c, const struct key *key, unsigned index)
{
	struct config_mask mask;
	(void)memcpy(&mask, slot_const(c, key, index), sizeof(mask));
	return mask;
}

const char *store_origin(const struct config *c, const char *name, unsigned index)
{
	const struct key *key = key_find(name);
	return key ? get_origin(&c->origins[key_index(key)], index) : NULL;
}

const char *store_element_origin(
	const struct config *c, const struct key_array *array, unsigned index)
{
	return get_origin(&c->element_origins[key_array_index(array)], index);
}

bool store_has_value(const struct config *c, const struct key *key, unsigned index)
{
	if (key_holds_text(key))
		return store_text(c, key, index) != NULL;
	if (key_holds_texts(key))
		return store_texts(c, key)->n > 0;
	if (key->type == KEY_INTEGERS)
		return get_count(c, key->count_offset) > 0;
	if (key->initial || get_origin(&c->origins[key_index(key)], index))
		return true;
	/* What is neither given nor has a default can have been computed, and is then not 0. */
	return key->type != KEY_MASK && store_number(c, key, index) != 0;
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
	for (size_t i = 0; i < KEY_NR_ARRAYS; i++) {
		store_clear(c, &key_arrays[i]);
		free(c->array_origins[i]);
	}
	for (size_t k = 0; k < key_count; k++) {
		const struct key *key = &key_table[k];
		if (key_holds_text(key) && !key->array)
			put_text(slot(c, key, 0), NULL);
		if (key_holds_texts(key))
			put_texts(slot(c, key, 0), (struct config_texts){ 0 });
		clear_origins(&c->origins[k]);
	}
	free(c->file);
	free(c);
}

/* Of "cpu.features[]" and "cpu.leaves[]": the origin of element `index`; or NULL. */
static const char *element_origin(const struct config *c, char *name, unsigned index)
{
	size_t n = strlen(name);
	if (n < 2 || strcmp(name + n - 2, "[]") != 0)
		return NULL;
	name[n - 2] = '\0';
	const struct key_array *array = key_array_find(name);
	if (array)
		return store_element_origin(c, array, index);
	const struct key *key = key_find(name);
	if (!key || !key_holds_texts(key) || index >= store_texts(c, key)->n)
		return NULL;
	return store_texts(c, key)->items[index].origin;
}

const char *config_given(const struct config *c, const char *path)
{
	char name[KEY_PATH_BYTES];
	unsigned index = 0;
	if (key_parse_path(path, name, &index) < 0)
		return NULL;
	const char *origin = store_origin(c, name, index);
	return origin ? origin : element_origin(c, name, index);
}

const char *config_origin(const struct config *c, const char *path)
{
	const char *origin = config_given(c, path);
	return origin ? origin : "default";
}

const struct vm_config *config_view(const struct config *c)
{
	return &c->vm;
}

const char *config_key_name(size_t i)
{
	return i < key_count ? key_table[i].name : NULL;
}
