/* SPDX-License-Identifier: MIT */
#include "config/keys.h"

#include "base/text_buf.h"
#include "config/text.h"
#include "config/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

size_t key_index(const struct key *key)
{
	return (size_t)(key - key_table);
}

bool key_holds_text(const struct key *key)
{
	return key->type == KEY_NAME || key->type == KEY_STRING || key->type == KEY_ASCII ||
	       key->type == KEY_UUID || key->type == KEY_PATH || key->type == KEY_MODEL;
}

bool key_holds_texts(const struct key *key)
{
	return key->type == KEY_FEATURES || key->type == KEY_PATHS || key->type == KEY_ASCIIS;
}

const struct key *key_find(const char *name)
{
	for (size_t i = 0; i < key_count; i++) {
		if (strcmp(key_table[i].name, name) == 0)
			return &key_table[i];
	}
	return NULL;
}

const struct key_array *key_array_find(const char *name)
{
	for (size_t i = 0; i < KEY_NR_ARRAYS; i++) {
		if (strcmp(key_arrays[i].name, name) == 0)
			return &key_arrays[i];
	}
	return NULL;
}

size_t key_array_index(const struct key_array *array)
{
	return (size_t)(array - key_arrays);
}

bool key_is_section(const char *name)
{
	for (size_t i = 0; key_sections[i]; i++) {
		if (strcmp(key_sections[i], name) == 0)
			return true;
	}
	return false;
}

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

/* Reads "N" or "[N]" at *p, up to the next dot or the end. */
static int parse_index(const char **p, unsigned *ret_index)
{
	const char *s = *p;
	bool bracket = *s == '[';
	unsigned value = 0;
	if (bracket)
		s++;
	if (!is_digit(*s))
		return -EINVAL;
	for (; is_digit(*s); s++) {
		if (value > 9999)
			return -EINVAL;
		value = value * 10 + (unsigned)(*s - '0');
	}
	if (bracket && *s++ != ']')
		return -EINVAL;
	if (*s != '\0' && *s != '.')
		return -EINVAL;
	*p = s;
	*ret_index = value;
	return 0;
}

int key_parse_path(const char *path, char ret_name[KEY_PATH_BYTES], unsigned *ret_index)
{
	size_t used = 0;
	bool indexed = false;
	*ret_index = 0;
	for (const char *p = path; *p != '\0';) {
		bool bracket = *p == '[';
		bool number = *p == '.' && is_digit(p[1]);
		if (used + 3 >= KEY_PATH_BYTES)
			return -EINVAL;
		if (!bracket && !number) {
			if (*p == ']')
				return -EINVAL;
			ret_name[used++] = *p++;
			continue;
		}
		p += number ? 1 : 0;
		if (indexed || parse_index(&p, ret_index) < 0)
			return -EINVAL;
		indexed = true;
		ret_name[used++] = '[';
		ret_name[used++] = ']';
	}
	ret_name[used] = '\0';
	return used > 0 ? 0 : -EINVAL;
}

char *key_format_path(char text[KEY_PATH_BYTES], const char *name, unsigned index)
{
	const char *open = strstr(name, "[]");
	if (open)
		(void)snprintf(text, KEY_PATH_BYTES, "%.*s[%u]%s", (int)(open - name), name, index,
			open + 2);
	else
		(void)snprintf(text, KEY_PATH_BYTES, "%s", name);
	return text;
}

bool key_word_is_boolean(const char *word)
{
	return strcmp(word, "false") == 0 || strcmp(word, "true") == 0;
}

static void expects_words(char *text, size_t capacity, const struct key *key)
{
	char all[KEY_EXPECTS_BYTES];
	struct text_buf list = TEXT_BUF(all);
	for (size_t i = 0; key->words[i]; i++) {
		const char *quote = key_word_is_boolean(key->words[i]) ? "" : "\"";
		(void)text_buf_item(&list, key->words[i + 1] ? ", " : " or ", "%s%s%s", quote,
			key->words[i], quote);
	}
	(void)snprintf(text, capacity, "%s", all);
}

char *key_expects(char *text, size_t capacity, const struct key *key)
{
	char low[UNITS_TEXT_BYTES], high[UNITS_TEXT_BYTES];
	text[0] = '\0';
	switch (key->type) {
	case KEY_BOOLEAN:
		(void)snprintf(text, capacity, "true or false");
		break;
	case KEY_INTEGER:
		(void)snprintf(text, capacity, "an integer from %" PRIu64 " to %" PRIu64, key->min,
			key->max);
		break;
	case KEY_PORT:
		(void)snprintf(text, capacity, "an integer from %#" PRIx64 " to %#" PRIx64,
			key->min, key->max);
		break;
	case KEY_HEX:
		(void)snprintf(text, capacity,
			"an integer or a string \"0x...\" from %#" PRIx64 " to %#" PRIx64, key->min,
			key->max);
		break;
	case KEY_SIZE:
		units_format_size(low, key->min);
		units_format_size(high, key->max);
		(void)snprintf(text, capacity,
			"a size from \"%s\" to \"%s\", in bytes or with a unit (K M G T, KiB MiB "
			"GiB TiB, kB MB GB TB)",
			low, high);
		break;
	case KEY_DURATION:
		units_format_duration(high, key->max);
		(void)snprintf(text, capacity,
			"a duration up to \"%s\", in seconds or with a unit (ms, s, m, h)", high);
		break;
	case KEY_FREQUENCY:
		units_format_frequency(low, key->min);
		units_format_frequency(high, key->max);
		(void)snprintf(text, capacity,
			"a frequency from \"%s\" to \"%s\", in Hz or with a unit (Hz, kHz, MHz, "
			"GHz), a whole number of kHz",
			low, high);
		break;
	case KEY_WORD:
		expects_words(text, capacity, key);
		break;
	case KEY_NAME:
		(void)snprintf(text, capacity,
			"a string of 1 to %" PRIu64 " letters, digits, \".\", \"_\" and \"-\", "
			"the first a letter, a digit or \"_\"",
			key->max);
		break;
	case KEY_STRING:
		(void)snprintf(text, capacity, "a string of at most %" PRIu64 " bytes", key->max);
		break;
	case KEY_ASCII:
		(void)snprintf(text, capacity,
			"a string of %" PRIu64 " to %" PRIu64 " printable ASCII characters",
			key->min, key->max);
		break;
	case KEY_UUID:
		(void)snprintf(text, capacity,
			"a UUID, 32 hexadecimal digits in groups of 8-4-4-4-12, neither all 0 nor "
			"all f");
		break;
	case KEY_PATH:
		(void)snprintf(text, capacity, "a string, the path of a file");
		break;
	case KEY_MODEL:
		(void)snprintf(text, capacity,
			"a string: a CPU model's name of 1 to %d letters, digits, \".\", \"_\" and "
			"\"-\", or the path of a model file, with \"/\" or ending in \".toml\"",
			KEY_MODEL_MAX);
		break;
	case KEY_MASK:
		(void)snprintf(text, capacity,
			"a string of %" PRIu64 " digits 0, 1 or x, the most significant bit first",
			key->max);
		break;
	case KEY_INTEGERS:
		(void)snprintf(text, capacity,
			"an array of up to %u integers from %" PRIu64 " to %" PRIu64,
			key->max_count, key->min, key->max);
		break;
	case KEY_FEATURES:
		(void)snprintf(text, capacity,
			"an array of up to %u features such as \"+pcid\" and \"-avx512f\"",
			key->max_count);
		break;
	case KEY_PATHS:
		(void)snprintf(
			text, capacity, "an array of up to %u paths of files", key->max_count);
		break;
	case KEY_ASCIIS:
		(void)snprintf(text, capacity, "an array of up to %u strings", key->max_count);
		break;
	}
	return text;
}

char *key_expects_item(char *text, size_t capacity, const struct key *key)
{
	if (key->type == KEY_PATHS)
		(void)snprintf(text, capacity, "a string, the path of a file");
	else if (key->type == KEY_ASCIIS)
		(void)snprintf(text, capacity,
			"a string of %" PRIu64 " to %" PRIu64 " printable ASCII characters",
			key->min, key->max);
	else
		(void)snprintf(text, capacity,
			"a sign and a feature's name of 1 to %d letters, digits, \".\", \"_\" and "
			"\"-\", such as \"+pcid\" or \"-avx512f\"",
			KEY_FEATURE_MAX);
	return text;
}
