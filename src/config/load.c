/* SPDX-License-Identifier: MIT */
#include "config/load.h"

#include "base/analyzer.h"
#include "base/input_file.h"
#include "config/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHERE_BYTES 256 /* of a file's name in messages */
_Static_assert(WHERE_BYTES + 2 * sizeof(":4294967295") <= ORIGIN_BYTES, "with line and column");

static void add_fault(const struct load *l, unsigned line, unsigned column, const char *id,
	const char *shown, const char *why)
{
	char text[ORIGIN_BYTES];
	const char *origin =
		l->origin || line == 0 ? l->where : origin_text(text, l->where, line, column);
	faults_add(l->faults, &(struct fault){ id, shown, origin, NULL }, "%s", why);
}

void load_fault(
	const struct load *l, unsigned line, unsigned column, const char *shown, const char *why)
{
	add_fault(l, line, column, CONFIG_FAULT_VALUE, shown, why);
}

void load_fault_unknown(
	const struct load *l, unsigned line, unsigned column, const char *name, unsigned index)
{
	char shown[KEY_PATH_BYTES];
	char why[KEY_PATH_BYTES + 64] = "unknown key";
	char path[KEY_PATH_BYTES];
	if (!faults_full(l->faults)) {
		const char *near = key_nearest(name);
		if (near)
			(void)snprintf(why, sizeof(why), "unknown key, did you mean %s?", near);
	}
	/* A name that is too long is cut anyway; one that is not gets its index back. */
	if (strlen(name) + 8 < sizeof(path))
		name = key_format_path(path, name, index);
	add_fault(l, line, column, CONFIG_FAULT_UNKNOWN_KEY,
		text_printable(shown, sizeof(shown), name, strlen(name)), why);
}

/* The origin to record of what stands at a place, in a buffer where it is not that of all. */
static const char *origin_at(
	const struct load *l, const struct toml_value *at, char text[ORIGIN_BYTES])
{
	if (l->origin)
		return l->origin;
	return origin_text(text, l->where, at->line, at->column);
}

ANALYZER_MISTAKEN("-Wanalyzer-malloc-leak"); /* the array owns it */
/* Each text of an array gets its own place, as arrays can span lines. at: NULL for bare text. */
static int place_texts(
	const struct load *l, struct config_texts *texts, const struct toml_value *at)
{
	char origin[ORIGIN_BYTES];
	for (size_t i = 0; i < texts->n; i++) {
		const char *from = l->origin;
		if (at && i < at->nr_items)
			from = origin_at(l, &at->items[i], origin);
		texts->items[i].origin = strdup(from);
		if (!texts->items[i].origin)
			return -ENOMEM;
	}
	return 0;
}
ANALYZER_END;

/* Stores a converted value, or adds what the conversion said. at: NULL for bare text. */
static void finish_key(const struct load *l, const struct key *key, unsigned index, int ret,
	struct value *value, const struct toml_value *at, const char *why)
{
	char origin[ORIGIN_BYTES];
	char shown[KEY_PATH_BYTES];
	if (ret == 0) {
		ret = place_texts(l, &value->texts, at);
		if (ret == 0)
			ret = store_put(l->config, key, index, value, origin_at(l, at, origin));
		else
			value_done(value);
	} else if (ret == -EINVAL) {
		if (at && value->bad_item > 0)
			at = &at->items[value->bad_item - 1];
		load_fault(l, at ? at->line : 0, at ? at->column : 0,
			key_format_path(shown, key->name, index), why);
	}
	if (ret == -ENOMEM)
		l->faults->out_of_memory = true;
}

void load_text(const struct load *l, const struct key *key, unsigned index, const char *text)
{
	struct value value = { 0 };
	char why[VALUE_WHY_BYTES];
	int ret = value_from_text(key, text, l->base_dir, &value, why);
	finish_key(l, key, index, ret, &value, NULL, why);
}

static void load_key(
	const struct load *l, const struct key *key, unsigned index, const struct toml_value *toml)
{
	struct value value = { 0 };
	char why[VALUE_WHY_BYTES];
	int ret = value_from_toml(key, toml, l->base_dir, &value, why);
	finish_key(l, key, index, ret, &value, toml, why);
}

static void fault_type(const struct load *l, const char *name, unsigned index,
	const struct toml_value *toml, const char *expected)
{
	char shown[KEY_PATH_BYTES];
	char why[128];
	(void)snprintf(
		why, sizeof(why), "expected %s, found %s", expected, toml_type_name(toml->type));
	load_fault(l, toml->line, toml->column, key_format_path(shown, name, index), why);
}

/* A quoted key may hold a dot or a bracket; taken as part of a path it would be another key. */
static bool is_bare(const char *key)
{
	return key[0] != '\0' && strpbrk(key, ".[]") == NULL;
}

static void load_table(
	const struct load *l, const char *name, unsigned index, const struct toml_value *toml)
{
	if (toml->type != TOML_TABLE) {
		fault_type(l, name, index, toml, "a table");
		return;
	}
	for (size_t i = 0; i < toml->nr_items; i++) {
		const struct toml_value *item = &toml->items[i];
		char member[2 * KEY_PATH_BYTES];
		int n = snprintf(member, sizeof(member), "%s%s%s%s%s", name,
			name[0] == '\0' ? "" : ".", is_bare(item->key) ? "" : "\"", item->key,
			is_bare(item->key) ? "" : "\"");
		if (n >= KEY_PATH_BYTES || !is_bare(item->key))
			load_fault_unknown(l, item->key_line, item->key_column, member, index);
		else
			load_value(l, member, index, item);
	}
}

bool load_element(const struct load *l, const struct key_array *array, unsigned index)
{
	char shown[KEY_PATH_BYTES];
	char why[64];
	size_t n = store_count(l->config, array);
	if (index < n)
		return true;
	(void)snprintf(shown, sizeof(shown), "%s[%u]", array->name, index);
	if (index >= array->max) {
		(void)snprintf(why, sizeof(why), "there are at most %u of these", array->max);
		load_fault(l, 0, 0, shown, why);
	} else if (index > n) {
		(void)snprintf(why, sizeof(why), "the next one that can be added is number %zu", n);
		load_fault(l, 0, 0, shown, why);
	} else if (store_append(l->config, array, l->origin) < 0) {
		l->faults->out_of_memory = true;
	} else {
		return true;
	}
	return false;
}

/* Takes the place of all elements that there were. */
static void load_array(
	const struct load *l, const struct key_array *array, const struct toml_value *toml)
{
	char element[KEY_PATH_BYTES];
	if (toml->type != TOML_ARRAY) {
		char expected[KEY_PATH_BYTES + 32];
		(void)snprintf(
			expected, sizeof(expected), "an array of tables ([[%s]])", array->name);
		fault_type(l, array->name, 0, toml, expected);
		return;
	}
	if (toml->nr_items > array->max) {
		char why[64];
		(void)snprintf(why, sizeof(why), "has %zu entries, more than the %u allowed",
			toml->nr_items, array->max);
		load_fault(l, toml->items[array->max].line, toml->items[array->max].column,
			array->name, why);
		return;
	}
	char origin[ORIGIN_BYTES];
	if (store_restart(l->config, array, origin_at(l, toml, origin)) < 0) {
		l->faults->out_of_memory = true;
		return;
	}
	(void)snprintf(element, sizeof(element), "%s[]", array->name);
	for (unsigned i = 0; i < toml->nr_items; i++) {
		const struct toml_value *item = &toml->items[i];
		if (store_append(l->config, array, origin_at(l, item, origin)) < 0) {
			l->faults->out_of_memory = true;
			return;
		}
		load_table(l, element, i, item);
	}
}

/* The array that name, "serial[]", is an element of; or NULL. */
static const struct key_array *element_array(const char *name)
{
	for (size_t i = 0; i < KEY_NR_ARRAYS; i++) {
		size_t n = strlen(key_arrays[i].name);
		if (strncmp(name, key_arrays[i].name, n) == 0 && strcmp(name + n, "[]") == 0)
			return &key_arrays[i];
	}
	return NULL;
}

void load_value(
	const struct load *l, const char *name, unsigned index, const struct toml_value *toml)
{
	const struct key *key = key_find(name);
	const struct key_array *array = key_array_find(name);
	if (key)
		load_key(l, key, index, toml);
	else if (array)
		load_array(l, array, toml);
	else if (name[0] == '\0' || key_is_section(name) || element_array(name))
		load_table(l, name, index, toml);
	else
		load_fault_unknown(l, toml->key_line, toml->key_column, name, index);
}

/* A long name keeps its end, which tells more than its beginning. */
static const char *printable_name(char where[WHERE_BYTES], const char *name)
{
	size_t n = strlen(name);
	const char *tail = n < WHERE_BYTES ? name : name + (n - WHERE_BYTES + 4);
	(void)text_printable(where, WHERE_BYTES, tail, strlen(tail));
	if (tail != name)
		(void)memcpy(where, "...", 3);
	return where;
}

int config_load_text(struct config *c, const char *text, size_t n, const char *name,
	const char *base_dir, struct err *e)
{
	char where[WHERE_BYTES];
	struct faults faults = faults_of(e);
	struct toml_value root = { 0 };
	struct toml_fault syntax = { 0 };
	const struct load l = {
		.config = c,
		.faults = &faults,
		.where = printable_name(where, name),
		.base_dir = base_dir,
	};
	char *file = strdup(where);
	if (!file)
		return err_set(e, -ENOMEM, "out of memory while reading %s", where);
	free(c->file);
	c->file = file;
	int ret = toml_read(text, n, &root, &syntax);
	if (ret == 0)
		load_value(&l, "", 0, &root);
	else if (ret == -ENOMEM)
		faults.out_of_memory = true;
	else {
		char why[sizeof(syntax.text)];
		(void)text_printable(why, sizeof(why), syntax.text, strlen(syntax.text));
		char at[ORIGIN_BYTES];
		const struct fault what = { CONFIG_FAULT_SYNTAX, NULL,
			origin_text(at, where, syntax.line, syntax.column), NULL };
		faults_add(&faults, &what, "%s", why);
	}
	toml_value_done(&root);
	return faults_result(&faults, e);
}

int load_text_of(struct config *c, const char *path, const char *text, size_t n, struct err *e)
{
	const char *slash = strrchr(path, '/');
	/* "/vm.toml" lies in "/": the slash belongs to the directory. */
	char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : NULL;
	if (slash && !dir)
		return err_set(e, -ENOMEM, "out of memory while reading %s", path);
	int ret = config_load_text(c, text, n, path, dir, e);
	free(dir);
	return ret;
}

int config_load_file(struct config *c, const char *path, struct err *e)
{
	struct input_file file;
	int ret = input_file_read(&file, path, TOML_MAX_BYTES, e);
	if (ret < 0)
		return ret;
	ret = load_text_of(c, path, file.data ? (const char *)file.data : "", file.size, e);
	input_file_close(&file);
	return ret;
}
