/* SPDX-License-Identifier: MIT */
/* A config written down: as TOML that loads again, or as JSON. */
#include "base/toml_string.h"
#include "config/store.h"
#include "config/units.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define MASK_TEXT_BYTES (64 + 7 + 1)

/* "xxxxxxxx_xxxxxxxx_xxxxxxxx_xxxxxx1x". Returns text. */
static char *format_mask(char text[MASK_TEXT_BYTES], struct config_mask mask, uint64_t bits)
{
	size_t used = 0;
	for (uint64_t bit = bits; bit-- > 0;) {
		text[used++] = mask.set >> bit & 1 ? '1' : mask.clear >> bit & 1 ? '0' : 'x';
		if (bit % 8 == 0 && bit > 0)
			text[used++] = '_';
	}
	text[used] = '\0';
	return text;
}

/* One to a line, as each has an origin. */
static void print_texts(FILE *out, const struct config_texts *texts)
{
	(void)fputs("[\n", out);
	for (size_t i = 0; i < texts->n; i++) {
		(void)fputc('\t', out);
		toml_put_string(out, texts->items[i].text);
		(void)fprintf(out, ", # %s\n", texts->items[i].origin);
	}
	(void)fputc(']', out);
}

static void print_value(FILE *out, const struct config *c, const struct key *key, unsigned index)
{
	char text[UNITS_TEXT_BYTES];
	uint64_t number = 0;
	if (key_holds_text(key)) {
		toml_put_string(out, store_text(c, key, index));
		return;
	}
	if (key_holds_texts(key)) {
		print_texts(out, store_texts(c, key));
		return;
	}
	if (key->type == KEY_MASK) {
		char mask[MASK_TEXT_BYTES];
		(void)fprintf(
			out, "\"%s\"", format_mask(mask, store_mask(c, key, index), key->max));
		return;
	}
	if (key->type == KEY_INTEGERS) {
		size_t n = 0;
		const uint64_t *list = store_list(c, key, &n);
		for (size_t i = 0; i < n; i++)
			(void)fprintf(out, "%s%" PRIu64, i == 0 ? "[" : ", ", list[i]);
		(void)fputc(']', out);
		return;
	}
	number = store_number(c, key, index);
	if (key->type == KEY_BOOLEAN) {
		(void)fputs(number ? "true" : "false", out);
	} else if (key->type == KEY_WORD) {
		const char *word = key->words[number];
		const char *quote = key_word_is_boolean(word) ? "" : "\"";
		(void)fprintf(out, "%s%s%s", quote, word, quote);
	} else if (key->type == KEY_SIZE) {
		units_format_size(text, number);
		(void)fprintf(out, "\"%s\"", text);
	} else if (key->type == KEY_DURATION) {
		units_format_duration(text, number);
		(void)fprintf(out, "\"%s\"", text);
	} else if (key->type == KEY_FREQUENCY) {
		units_format_frequency(text, number);
		(void)fprintf(out, "\"%s\"", text);
	} else if (key->type == KEY_HEX) {
		/* TOML integers are signed. */
		const char *quote = number > INT64_MAX ? "\"" : "";
		(void)fprintf(out, "%s0x%" PRIx64 "%s", quote, number, quote);
	} else {
		(void)fprintf(out, key->type == KEY_PORT ? "%#" PRIx64 : "%" PRIu64, number);
	}
}

/* "serial[].path" lies in "serial[]"; "name" in "". */
static size_t section_bytes(const struct key *key)
{
	const char *dot = strrchr(key->name, '.');
	return dot ? (size_t)(dot - key->name) : 0;
}

static const char *leaf(const struct key *key)
{
	const char *dot = strrchr(key->name, '.');
	return dot ? dot + 1 : key->name;
}

static const char *origin_of(const struct config *c, const struct key *key, unsigned index)
{
	const char *origin = store_origin(c, key->name, index);
	return origin ? origin : "default";
}

static void print_line(FILE *out, const struct config *c, const struct key *key, unsigned index)
{
	if (!store_has_value(c, key, index)) {
		(void)fprintf(out, "# %s is not given\n", leaf(key));
		return;
	}
	(void)fprintf(out, "%s = ", leaf(key));
	print_value(out, c, key, index);
	(void)fprintf(out, " # %s\n", origin_of(c, key, index));
}

static void print_elements(FILE *out, const struct config *c, const struct key_array *array)
{
	for (unsigned i = 0; i < store_count(c, array); i++) {
		(void)fprintf(out, "\n[[%s]]\n", array->name);
		for (size_t k = 0; k < key_count; k++) {
			if (key_table[k].array == array)
				print_line(out, c, &key_table[k], i);
		}
	}
}

static void show_toml(const struct config *c, FILE *out)
{
	const struct key *before = NULL;
	for (size_t k = 0; k < key_count; k++) {
		const struct key *key = &key_table[k];
		size_t n = section_bytes(key);
		bool begins = !before || section_bytes(before) != n ||
			      strncmp(before->name, key->name, n) != 0;
		before = key;
		if (key->array) {
			if (begins)
				print_elements(out, c, key->array);
			continue;
		}
		if (begins && n > 0)
			(void)fprintf(out, "\n[%.*s]\n", (int)n, key->name);
		print_line(out, c, key, 0);
		/* An empty array has no table of its own to say that it is not the default. */
		if (n == 0 && store_count(c, key_array_find("serial")) == 0)
			(void)fputs("serial = []\n", out);
	}
}

static json_t *json_value(const struct config *c, const struct key *key, unsigned index)
{
	char text[UNITS_TEXT_BYTES];
	if (key->type == KEY_INTEGERS) {
		size_t n = 0;
		const uint64_t *list = store_list(c, key, &n);
		json_t *array = json_array();
		for (size_t i = 0; i < n; i++)
			(void)json_array_append_new(array, json_integer((json_int_t)list[i]));
		return array;
	}
	if (key_holds_texts(key)) {
		const struct config_texts *texts = store_texts(c, key);
		json_t *array = json_array();
		for (size_t i = 0; i < texts->n; i++)
			(void)json_array_append_new(array, json_string(texts->items[i].text));
		return array;
	}
	if (!store_has_value(c, key, index))
		return json_null();
	if (key_holds_text(key))
		return json_string(store_text(c, key, index));
	if (key->type == KEY_MASK) {
		char mask[MASK_TEXT_BYTES];
		return json_string(format_mask(mask, store_mask(c, key, index), key->max));
	}
	uint64_t number = store_number(c, key, index);
	if (key->type == KEY_BOOLEAN)
		return json_boolean(number != 0);
	if (key->type == KEY_WORD) {
		const char *word = key->words[number];
		return key_word_is_boolean(word) ? json_boolean(word[0] == 't') : json_string(word);
	}
	if (key->type == KEY_DURATION) {
		units_format_duration(text, number);
		return json_string(text);
	}
	if (key->type == KEY_HEX) { /* may be more than JSON's readers can hold */
		(void)snprintf(text, sizeof(text), "0x%" PRIx64, number);
		return json_string(text);
	}
	if (key->type == KEY_FREQUENCY) /* Hz, as of an integer that is read */
		number *= 1000;
	return json_integer((json_int_t)number);
}

/* The origins of the texts of an array: "cpu.features[0]" … */
static int json_add_text_origins(json_t *origins, const struct config *c, const struct key *key)
{
	const struct config_texts *texts = store_texts(c, key);
	for (size_t i = 0; i < texts->n; i++) {
		char path[KEY_PATH_BYTES + 24];
		(void)snprintf(path, sizeof(path), "%s[%zu]", key->name, i);
		if (json_object_set_new(origins, path, json_string(texts->items[i].origin)) < 0)
			return -1;
	}
	return 0;
}

/* Adds one value and its origin. section is the object that it lies in. */
static int json_add(json_t *section, json_t *origins, const struct config *c, const struct key *key,
	unsigned index)
{
	char path[KEY_PATH_BYTES];
	int ret = json_object_set_new(section, leaf(key), json_value(c, key, index));
	if (ret == 0 && store_has_value(c, key, index))
		ret = json_object_set_new(origins, key_format_path(path, key->name, index),
			json_string(origin_of(c, key, index)));
	if (ret == 0 && key_holds_texts(key))
		ret = json_add_text_origins(origins, c, key);
	return ret;
}

/* The object (or, for an array of tables, the array) called by the first n bytes of a dotted name.
 */
static json_t *json_section(json_t *root, const char *name, size_t n, bool is_array)
{
	char text[KEY_PATH_BYTES];
	(void)snprintf(text, sizeof(text), "%.*s", (int)n, name);
	json_t *at = root;
	for (char *part = text; part && part[0] != '\0';) {
		char *dot = strchr(part, '.');
		if (dot)
			*dot++ = '\0';
		json_t *next = json_object_get(at, part);
		if (!next) {
			next = is_array && !dot ? json_array() : json_object();
			if (json_object_set_new(at, part, next) < 0)
				return NULL;
		}
		at = next;
		part = dot;
	}
	return at;
}

static int json_add_elements(
	json_t *root, json_t *origins, const struct config *c, const struct key_array *array)
{
	json_t *list = json_section(root, array->name, strlen(array->name), true);
	for (unsigned i = 0; i < store_count(c, array); i++) {
		json_t *element = json_object();
		int ret = json_array_append_new(list, element);
		for (size_t k = 0; k < key_count && ret == 0; k++) {
			if (key_table[k].array == array)
				ret = json_add(element, origins, c, &key_table[k], i);
		}
		if (ret < 0)
			return ret;
	}
	return list ? 0 : -1;
}

static int show_json(const struct config *c, FILE *out)
{
	int ret = 0;
	json_t *root = json_object();
	json_t *values = json_section(root, "config", strlen("config"), false);
	json_t *origins = json_section(root, "origins", strlen("origins"), false);
	for (size_t k = 0; k < key_count && ret == 0; k++) {
		const struct key *key = &key_table[k];
		if (!key->array)
			ret = json_add(json_section(values, key->name, section_bytes(key), false),
				origins, c, key, 0);
	}
	for (size_t i = 0; i < KEY_NR_ARRAYS && ret == 0; i++)
		ret = json_add_elements(values, origins, c, &key_arrays[i]);
	if (ret < 0) {
		json_decref(root);
		return -ENOMEM;
	}
	errno = 0;
	ret = json_dumpf(root, out, JSON_INDENT(2));
	json_decref(root);
	if (ret < 0 || fputc('\n', out) == EOF)
		return errno ? -errno : -EIO;
	return 0;
}

int config_show(const struct config *c, FILE *out, bool json)
{
	int ret = 0;
	if (json)
		ret = show_json(c, out);
	else
		show_toml(c, out);
	if (ret == 0 && (fflush(out) != 0 || ferror(out)))
		ret = -EIO;
	return ret;
}
