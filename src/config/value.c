/* SPDX-License-Identifier: MIT */
#include "config/value.h"

#include "base/analyzer.h"
#include "base/nearest.h"
#include "base/uuid.h"

#include "config/text.h"
#include "config/units.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A refusal in the making: what the key takes, and what stands there instead. */
struct refusal {
	const struct key *key;
	char *why;
	char found[80];
	bool is_item; /* of an array of texts */
};

/* "expected <what the key takes>, found <what is there>". */
static int refuse(const struct refusal *r)
{
	char expects[KEY_EXPECTS_BYTES];
	if (r->is_item)
		(void)key_expects_item(expects, sizeof(expects), r->key);
	else
		(void)key_expects(expects, sizeof(expects), r->key);
	(void)snprintf(r->why, VALUE_WHY_BYTES, "expected %s, found %s", expects, r->found);
	return -EINVAL;
}

static int refuse_because(const struct refusal *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int refuse_because(const struct refusal *r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(r->why, VALUE_WHY_BYTES, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static void describe_text(char *found, size_t capacity, const char *kind, const char *s, size_t n)
{
	char shown[48];
	(void)snprintf(
		found, capacity, "%s\"%s\"", kind, text_printable(shown, sizeof(shown), s, n));
}

static void describe_toml(char *found, size_t capacity, const struct toml_value *toml)
{
	if (toml->type == TOML_STRING)
		describe_text(found, capacity, "the string ", toml->string, toml->string_bytes);
	else if (toml->type == TOML_INTEGER)
		(void)snprintf(found, capacity, "%" PRId64, toml->integer);
	else if (toml->type == TOML_BOOLEAN)
		(void)snprintf(found, capacity, "%s", toml->boolean ? "true" : "false");
	else
		(void)snprintf(found, capacity, "%s", toml_type_name(toml->type));
}

static int check_range(const struct refusal *r, uint64_t number, uint64_t *ret_number)
{
	if (number < r->key->min || number > r->key->max)
		return refuse(r);
	*ret_number = number;
	return 0;
}

static int number_from_integer(const struct refusal *r, int64_t integer, uint64_t *ret_number)
{
	uint64_t number = 0;
	uint64_t factor = r->key->type == KEY_DURATION ? 1000 : 1;
	if (integer < 0 || __builtin_mul_overflow((uint64_t)integer, factor, &number))
		return refuse(r);
	if (r->key->type == KEY_FREQUENCY) { /* Hz to kHz */
		if (number % 1000 != 0)
			return refuse(r);
		number /= 1000;
	}
	return check_range(r, number, ret_number);
}

/* What may carry a unit; bare integers, ports and the like, which may not. */
static int number_from_text(const struct refusal *r, const char *text, uint64_t *ret_number)
{
	uint64_t number = 0;
	int ret = -EINVAL;
	if (r->key->type == KEY_SIZE)
		ret = units_parse_size(text, &number);
	else if (r->key->type == KEY_DURATION)
		ret = units_parse_duration(text, &number);
	else if (r->key->type == KEY_FREQUENCY)
		ret = units_parse_frequency(text, &number);
	else
		ret = text_parse_integer(text, &number);
	return ret < 0 ? refuse(r) : check_range(r, number, ret_number);
}

static int word_from_text(const struct refusal *r, const char *text, uint64_t *ret_number)
{
	for (unsigned i = 0; r->key->words[i]; i++) {
		if (strcmp(r->key->words[i], text) == 0) {
			*ret_number = i;
			return 0;
		}
	}
	struct nearest near;
	nearest_start(&near, text);
	for (unsigned i = 0; r->key->words[i]; i++)
		nearest_consider(&near, r->key->words[i]);
	const char *meant = nearest_result(&near);
	int rc = refuse(r);
	size_t used = strlen(r->why);
	if (meant)
		(void)snprintf(
			r->why + used, VALUE_WHY_BYTES - used, ", did you mean \"%s\"?", meant);
	return rc;
}

static int boolean_from_text(const struct refusal *r, const char *text, uint64_t *ret_number)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return refuse(r);
	*ret_number = text[0] == 't';
	return 0;
}

/* Absolute, so that neither a change of directory nor a copy of the config changes its meaning. */
static int make_absolute(
	const struct refusal *r, const char *text, const char *base_dir, char **ret_text)
{
	char *cwd = NULL;
	char *path = NULL;
	bool have_base = text[0] != '/' && base_dir && base_dir[0] != '\0';
	bool need_cwd = text[0] != '/' && !(have_base && base_dir[0] == '/');
	if (need_cwd) {
		cwd = getcwd(NULL, 0);
		if (!cwd)
			return errno == ENOMEM ? -ENOMEM
					       : refuse_because(r, "is relative, and the working "
								   "directory cannot be found");
	}
	/* "/" must not become "//", which POSIX lets a system treat as another root. */
	bool cwd_is_root = cwd && strcmp(cwd, "/") == 0;
	bool base_ends = have_base && base_dir[strlen(base_dir) - 1] == '/';
	int n = asprintf(&path, "%s%s%s%s%s", cwd && !cwd_is_root ? cwd : "", cwd ? "/" : "",
		have_base ? base_dir : "", have_base && !base_ends ? "/" : "", text);
	free(cwd);
	if (n < 0)
		return -ENOMEM;
	if (n > KEY_TEXT_MAX || !text_is_utf8(path, (size_t)n)) {
		free(path);
		return n > KEY_TEXT_MAX
			       ? refuse_because(r, "the path is longer than %d bytes", KEY_TEXT_MAX)
			       : refuse_because(r, "the working directory's path is not UTF-8");
	}
	*ret_text = path;
	return 0;
}

static bool is_name(const char *s, size_t n, size_t max)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	/* A leading "." or "-" would be a hidden file or an option, where a name becomes one. */
	return n >= 1 && n <= max && strspn(s, allowed) == n && s[0] != '.' && s[0] != '-';
}

/* A sign and a name. Whether there is such a feature is for those who know them to say. */
static bool is_feature(const char *s, size_t n)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	return n >= 2 && n <= 1 + KEY_FEATURE_MAX && (s[0] == '+' || s[0] == '-') &&
	       strspn(s + 1, allowed) == n - 1 && !strchr("._-", s[1]);
}

static bool is_printable_ascii(const char *s, size_t n, uint64_t min, uint64_t max)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] < 0x20 || s[i] > 0x7e)
			return false;
	}
	return n >= min && n <= max;
}

/* Neither of the two that say in SMBIOS that there is none (DSP0134 3.7, section 7.2.1). */
static bool is_uuid(const char *s)
{
	uint8_t uuid[UUID_BYTES];
	if (!uuid_parse(s, uuid))
		return false;
	bool same = true;
	for (size_t i = 1; i < UUID_BYTES; i++)
		same = same && uuid[i] == uuid[0];
	return !same || (uuid[0] != 0 && uuid[0] != 0xff);
}

/* A model file's path, as opposed to a model's name. */
static bool is_model_path(const char *s, size_t n)
{
	return strchr(s, '/') || (n >= 5 && strcmp(s + n - 5, ".toml") == 0);
}

/* A text of the type, and of the type of their elements for arrays of texts. s has no NUL inside.
 */
static bool text_fits(const struct key *key, const char *s, size_t n)
{
	switch (key->type) {
	case KEY_NAME:
		return is_name(s, n, key->max);
	case KEY_ASCII:
	case KEY_ASCIIS:
		return is_printable_ascii(s, n, key->min, key->max);
	case KEY_UUID:
		return is_uuid(s);
	case KEY_MODEL:
		return is_model_path(s, n) || is_name(s, n, KEY_MODEL_MAX);
	case KEY_FEATURES:
		return is_feature(s, n);
	case KEY_PATH:
	case KEY_PATHS:
		return n > 0;
	case KEY_STRING:
	case KEY_BOOLEAN:
	case KEY_INTEGER:
	case KEY_PORT:
	case KEY_HEX:
	case KEY_SIZE:
	case KEY_DURATION:
	case KEY_FREQUENCY:
	case KEY_WORD:
	case KEY_MASK:
	case KEY_INTEGERS:
		break;
	}
	return true;
}

ANALYZER_MISTAKEN("-Wanalyzer-malloc-leak"); /* who asked owns it */
/* n bytes, which a TOML string may have more of than strlen sees. */
static int text_from_text(
	const struct refusal *r, const char *text, size_t n, const char *base_dir, char **ret_text)
{
	enum key_type type = r->key->type;
	if (strlen(text) != n)
		return refuse_because(r, "contains a NUL character");
	if (!text_is_utf8(text, n))
		return refuse_because(r, "is not UTF-8");
	if (!text_fits(r->key, text, n))
		return refuse(r);
	if (type == KEY_STRING && n > r->key->max)
		return refuse_because(r,
			"has %zu bytes, more than the %" PRIu64 " that are allowed", n,
			r->key->max);
	if (type == KEY_PATH || type == KEY_PATHS || (type == KEY_MODEL && is_model_path(text, n)))
		return make_absolute(r, text, base_dir, ret_text);
	*ret_text = strdup(text);
	return *ret_text ? 0 : -ENOMEM;
}
ANALYZER_END;

/* Digits of a mask, the most significant first; single or repeated "_" and " " may part them. */
static int mask_from_text(struct refusal *r, const char *text, size_t n, struct config_mask *ret)
{
	struct config_mask mask = { 0 };
	size_t digits = 0;
	const char *bad = n > 0 && (text[0] == '_' || text[0] == ' ') ? text : NULL;
	if (n > 0 && (text[n - 1] == '_' || text[n - 1] == ' '))
		bad = text + n - 1;
	for (size_t i = 0; i < n && !bad; i++) {
		char ch = text[i];
		if (ch == '_' || ch == ' ')
			continue;
		if (ch != '0' && ch != '1' && ch != 'x') {
			bad = text + i;
			break;
		}
		mask.set = mask.set << 1 | (ch == '1');
		mask.clear = mask.clear << 1 | (ch == '0');
		digits++;
	}
	if (bad) {
		/* All bytes of the character; those that continue it are 10xxxxxx. */
		size_t at = (size_t)(bad - text), len = 1;
		while (at + len < n && ((unsigned char)bad[len] & 0xc0) == 0x80)
			len++;
		char shown[16];
		(void)snprintf(r->found, sizeof(r->found), "\"%s\" as character %zu",
			text_printable(shown, sizeof(shown), bad, len), at + 1);
		return refuse(r);
	}
	if (digits != r->key->max) {
		(void)snprintf(
			r->found, sizeof(r->found), "%zu digit%s", digits, digits == 1 ? "" : "s");
		return refuse(r);
	}
	*ret = mask;
	return 0;
}

/* "0x..." only, so that nobody takes "10" for sixteen. */
static int hex_from_string(const struct refusal *r, const struct toml_value *toml, uint64_t *ret)
{
	if (strlen(toml->string) != toml->string_bytes || strncmp(toml->string, "0x", 2) != 0)
		return refuse(r);
	return number_from_text(r, toml->string, ret);
}

static int list_from_toml(struct refusal *r, const struct toml_value *toml, struct value *v)
{
	if (toml->nr_items > r->key->max_count) {
		(void)snprintf(r->found, sizeof(r->found), "an array of %zu", toml->nr_items);
		return refuse(r);
	}
	if (toml->nr_items == 0)
		return 0;
	v->list = calloc(toml->nr_items, sizeof(*v->list));
	if (!v->list)
		return -ENOMEM;
	for (size_t i = 0; i < toml->nr_items; i++) {
		const struct toml_value *item = &toml->items[i];
		int ret = 0;
		describe_toml(r->found, sizeof(r->found), item);
		if (item->type != TOML_INTEGER)
			ret = refuse(r);
		else
			ret = number_from_integer(r, item->integer, &v->list[i]);
		if (ret < 0)
			return ret;
	}
	v->nr_list = toml->nr_items;
	return 0;
}

/* "0,2,4" */
static int list_from_text(const struct refusal *r, const char *text, struct value *v)
{
	v->list = calloc(r->key->max_count, sizeof(*v->list));
	if (!v->list)
		return -ENOMEM;
	for (const char *p = text;; p++) {
		char number[24];
		size_t n = strcspn(p, ",");
		if (v->nr_list == r->key->max_count || n >= sizeof(number))
			return refuse(r);
		(void)memcpy(number, p, n);
		number[n] = '\0';
		int ret = number_from_text(r, number, &v->list[v->nr_list]);
		if (ret < 0)
			return ret;
		v->nr_list++;
		p += n;
		if (*p == '\0')
			return 0;
	}
}

/* Room for n texts. */
static int make_texts(struct value *v, size_t n)
{
	v->texts.items = n > 0 ? calloc(n, sizeof(*v->texts.items)) : NULL;
	return n > 0 && !v->texts.items ? -ENOMEM : 0;
}

static int texts_from_toml(
	struct refusal *r, const struct toml_value *toml, const char *base_dir, struct value *v)
{
	if (toml->nr_items > r->key->max_count) {
		(void)snprintf(r->found, sizeof(r->found), "an array of %zu", toml->nr_items);
		return refuse(r);
	}
	int ret = make_texts(v, toml->nr_items);
	r->is_item = true;
	for (size_t i = 0; i < toml->nr_items && ret == 0; i++) {
		const struct toml_value *item = &toml->items[i];
		describe_toml(r->found, sizeof(r->found), item);
		v->bad_item = i + 1;
		ret = item->type == TOML_STRING
			      ? text_from_text(r, item->string, item->string_bytes, base_dir,
					&v->texts.items[i].text)
			      : refuse(r);
		v->texts.n += ret == 0;
	}
	return ret;
}

/* "+pcid,-avx512f"; a path with a comma needs TOML's way. */
static int texts_from_text(
	struct refusal *r, const char *text, const char *base_dir, struct value *v)
{
	size_t n = 1;
	for (const char *p = text; *p != '\0'; p++)
		n += *p == ',';
	if (n > r->key->max_count) {
		(void)snprintf(r->found, sizeof(r->found), "%zu", n);
		return refuse(r);
	}
	int ret = make_texts(v, n);
	r->is_item = true;
	for (const char *p = text; v->texts.n < n && ret == 0; p++) {
		size_t bytes = strcspn(p, ",");
		char *item = strndup(p, bytes);
		if (!item)
			return -ENOMEM;
		describe_text(r->found, sizeof(r->found), "", item, bytes);
		ret = text_from_text(r, item, bytes, base_dir, &v->texts.items[v->texts.n].text);
		v->texts.n += ret == 0;
		free(item);
		p += bytes;
	}
	return ret;
}

static int convert_toml(
	struct refusal *r, const struct toml_value *toml, const char *base_dir, struct value *v)
{
	bool is_text = toml->type == TOML_STRING;
	switch (r->key->type) {
	case KEY_BOOLEAN:
		if (toml->type != TOML_BOOLEAN)
			return refuse(r);
		v->number = toml->boolean;
		return 0;
	case KEY_INTEGER:
	case KEY_PORT:
		return toml->type == TOML_INTEGER
			       ? number_from_integer(r, toml->integer, &v->number)
			       : refuse(r);
	case KEY_HEX:
		if (toml->type == TOML_INTEGER)
			return number_from_integer(r, toml->integer, &v->number);
		return is_text ? hex_from_string(r, toml, &v->number) : refuse(r);
	case KEY_SIZE:
	case KEY_DURATION:
	case KEY_FREQUENCY:
		if (toml->type == TOML_INTEGER)
			return number_from_integer(r, toml->integer, &v->number);
		if (is_text && strlen(toml->string) == toml->string_bytes)
			return number_from_text(r, toml->string, &v->number);
		return refuse(r);
	case KEY_WORD:
		if (toml->type == TOML_BOOLEAN) /* of a key that has such a word */
			return word_from_text(r, toml->boolean ? "true" : "false", &v->number);
		if (is_text && strlen(toml->string) == toml->string_bytes)
			return word_from_text(r, toml->string, &v->number);
		return refuse(r);
	case KEY_NAME:
	case KEY_STRING:
	case KEY_ASCII:
	case KEY_UUID:
	case KEY_PATH:
	case KEY_MODEL:
		return is_text ? text_from_text(
					 r, toml->string, toml->string_bytes, base_dir, &v->text)
			       : refuse(r);
	case KEY_MASK:
		return is_text ? mask_from_text(r, toml->string, toml->string_bytes, &v->mask)
			       : refuse(r);
	case KEY_INTEGERS:
		return toml->type == TOML_ARRAY ? list_from_toml(r, toml, v) : refuse(r);
	case KEY_FEATURES:
	case KEY_PATHS:
	case KEY_ASCIIS:
		return toml->type == TOML_ARRAY ? texts_from_toml(r, toml, base_dir, v) : refuse(r);
	}
	return refuse(r);
}

static int convert_text(struct refusal *r, const char *text, const char *base_dir, struct value *v)
{
	switch (r->key->type) {
	case KEY_BOOLEAN:
		return boolean_from_text(r, text, &v->number);
	case KEY_INTEGER:
	case KEY_PORT:
	case KEY_HEX:
	case KEY_SIZE:
	case KEY_DURATION:
	case KEY_FREQUENCY:
		return number_from_text(r, text, &v->number);
	case KEY_WORD:
		return word_from_text(r, text, &v->number);
	case KEY_NAME:
	case KEY_STRING:
	case KEY_ASCII:
	case KEY_UUID:
	case KEY_PATH:
	case KEY_MODEL:
		return text_from_text(r, text, strlen(text), base_dir, &v->text);
	case KEY_MASK:
		return mask_from_text(r, text, strlen(text), &v->mask);
	case KEY_INTEGERS:
		return list_from_text(r, text, v);
	case KEY_FEATURES:
	case KEY_PATHS:
	case KEY_ASCIIS:
		return texts_from_text(r, text, base_dir, v);
	}
	return refuse(r);
}

int value_from_toml(const struct key *key, const struct toml_value *toml, const char *base_dir,
	struct value *ret_value, char why[VALUE_WHY_BYTES])
{
	struct refusal r = { .key = key, .why = why, .found = "" };
	why[0] = '\0';
	*ret_value = (struct value){ 0 };
	describe_toml(r.found, sizeof(r.found), toml);
	int ret = convert_toml(&r, toml, base_dir, ret_value);
	if (ret < 0) {
		size_t bad_item = ret_value->bad_item;
		value_done(ret_value);
		ret_value->bad_item = bad_item;
	}
	return ret;
}

int value_from_text(const struct key *key, const char *text, const char *base_dir,
	struct value *ret_value, char why[VALUE_WHY_BYTES])
{
	struct refusal r = { .key = key, .why = why, .found = "" };
	why[0] = '\0';
	*ret_value = (struct value){ 0 };
	describe_text(r.found, sizeof(r.found), "", text, strlen(text));
	int ret = convert_text(&r, text, base_dir, ret_value);
	if (ret < 0)
		value_done(ret_value);
	return ret;
}

void value_texts_done(struct config_texts *texts)
{
	for (size_t i = 0; i < texts->n; i++) {
		free(texts->items[i].text);
		free(texts->items[i].origin);
	}
	free(texts->items);
	*texts = (struct config_texts){ 0 };
}

void value_done(struct value *v)
{
	free(v->text);
	free(v->list);
	value_texts_done(&v->texts);
	*v = (struct value){ 0 };
}
