#include "config/value.h"

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
};

/* "expected <what the key takes>, found <what is there>". */
static int refuse(const struct refusal *r)
{
	char expects[VALUE_WHY_BYTES - 100];
	(void)snprintf(r->why, VALUE_WHY_BYTES, "expected %s, found %s",
		key_expects(expects, sizeof(expects), r->key), r->found);
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
	return check_range(r, number, ret_number);
}

/* Sizes and durations, which may carry a unit; bare integers and ports, which may not. */
static int number_from_text(const struct refusal *r, const char *text, uint64_t *ret_number)
{
	uint64_t number = 0;
	int ret = -EINVAL;
	if (r->key->type == KEY_SIZE)
		ret = units_parse_size(text, &number);
	else if (r->key->type == KEY_DURATION)
		ret = units_parse_duration(text, &number);
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
	return refuse(r);
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

/* The three types of text. n bytes, which a TOML string may have more of than strlen sees. */
static int text_from_text(
	const struct refusal *r, const char *text, size_t n, const char *base_dir, char **ret_text)
{
	if (strlen(text) != n)
		return refuse_because(r, "contains a NUL character");
	if (!text_is_utf8(text, n))
		return refuse_because(r, "is not UTF-8");
	if (r->key->type == KEY_NAME && !is_name(text, n, r->key->max))
		return refuse(r);
	if (r->key->type == KEY_STRING && n > r->key->max)
		return refuse_because(r,
			"has %zu bytes, more than the %" PRIu64 " that are allowed", n,
			r->key->max);
	if (r->key->type == KEY_PATH && n == 0)
		return refuse(r);
	if (r->key->type == KEY_PATH)
		return make_absolute(r, text, base_dir, ret_text);
	*ret_text = strdup(text);
	return *ret_text ? 0 : -ENOMEM;
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
	case KEY_SIZE:
	case KEY_DURATION:
		if (toml->type == TOML_INTEGER)
			return number_from_integer(r, toml->integer, &v->number);
		if (is_text && strlen(toml->string) == toml->string_bytes)
			return number_from_text(r, toml->string, &v->number);
		return refuse(r);
	case KEY_WORD:
		if (toml->type == TOML_BOOLEAN && !toml->boolean)
			return word_from_text(r, "false", &v->number);
		if (is_text && strlen(toml->string) == toml->string_bytes)
			return word_from_text(r, toml->string, &v->number);
		return refuse(r);
	case KEY_NAME:
	case KEY_STRING:
	case KEY_PATH:
		return is_text ? text_from_text(
					 r, toml->string, toml->string_bytes, base_dir, &v->text)
			       : refuse(r);
	case KEY_INTEGERS:
		return toml->type == TOML_ARRAY ? list_from_toml(r, toml, v) : refuse(r);
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
	case KEY_SIZE:
	case KEY_DURATION:
		return number_from_text(r, text, &v->number);
	case KEY_WORD:
		return word_from_text(r, text, &v->number);
	case KEY_NAME:
	case KEY_STRING:
	case KEY_PATH:
		return text_from_text(r, text, strlen(text), base_dir, &v->text);
	case KEY_INTEGERS:
		return list_from_text(r, text, v);
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
	if (ret < 0)
		value_done(ret_value);
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

void value_done(struct value *v)
{
	free(v->text);
	free(v->list);
	*v = (struct value){ 0 };
}
