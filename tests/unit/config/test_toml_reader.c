/* SPDX-License-Identifier: MIT */
#include "config_test.h"

#include "config/toml_reader.h"

#include <errno.h>

static int read_text(const char *text, struct toml_value *root, struct toml_fault *fault)
{
	return toml_read(text, strlen(text), root, fault);
}

static void toml_read__every_type__value_and_position(void **state)
{
	(void)state;
	struct toml_value root;
	struct toml_fault fault;
	const char *text =
		"s = \"x\\u0000y\"\ni = 127\n f = 1.5\nb = true\nd = 1979-05-27\na = [1, 'two']\n"
		"[t]\nk.l = false\n";
	assert_int_equal(read_text(text, &root, &fault), 0);
	assert_int_equal(root.type, TOML_TABLE);
	assert_int_equal(root.nr_items, 7);
	const struct toml_value *v = root.items;
	assert_string_equal(v[0].key, "s");
	assert_int_equal(v[0].type, TOML_STRING);
	assert_int_equal(v[0].string_bytes, 3);
	assert_memory_equal(v[0].string, "x\0y", 4);
	assert_int_equal(v[1].type, TOML_INTEGER);
	assert_int_equal(v[1].integer, 127);
	assert_int_equal(v[2].type, TOML_FLOAT);
	assert_true(v[2].real > 1.4 && v[2].real < 1.6);
	assert_int_equal(v[2].line, 3);
	assert_int_equal(v[2].column, 6);
	assert_int_equal(v[2].key_line, 3);
	assert_int_equal(v[2].key_column, 2);
	assert_int_equal(v[3].type, TOML_BOOLEAN);
	assert_true(v[3].boolean);
	assert_int_equal(v[4].type, TOML_TIME);
	assert_int_equal(v[5].type, TOML_ARRAY);
	assert_int_equal(v[5].nr_items, 2);
	assert_null(v[5].items[0].key);
	assert_string_equal(v[5].items[1].string, "two");
	assert_int_equal(v[6].type, TOML_TABLE);
	assert_string_equal(v[6].items[0].key, "k");
	assert_string_equal(v[6].items[0].items[0].key, "l");
	toml_value_done(&root);
	assert_null(root.items);
}

static void toml_read__members__in_the_order_of_the_text(void **state)
{
	(void)state;
	struct toml_value root;
	struct toml_fault fault;
	assert_int_equal(read_text("z = 1\na = 2\nm = 3\n", &root, &fault), 0);
	assert_string_equal(root.items[0].key, "z");
	assert_string_equal(root.items[1].key, "a");
	assert_string_equal(root.items[2].key, "m");
	toml_value_done(&root);
}

static void toml_read__empty__is_an_empty_table(void **state)
{
	(void)state;
	struct toml_value root;
	struct toml_fault fault;
	assert_int_equal(toml_read("", 0, &root, &fault), 0);
	assert_int_equal(root.type, TOML_TABLE);
	assert_int_equal(root.nr_items, 0);
	toml_value_done(&root);
}

static void toml_read__syntax_error__says_where(void **state)
{
	(void)state;
	struct toml_value root;
	struct toml_fault fault;
	assert_int_equal(read_text("a = 1\nb = = 2\n", &root, &fault), -EINVAL);
	assert_int_equal(fault.line, 2);
	assert_int_equal(fault.column, 5);
	assert_non_null(strstr(fault.text, "value"));
	assert_null(root.items);
}

static void toml_read__not_utf8__refused(void **state)
{
	(void)state;
	struct toml_value root;
	struct toml_fault fault;
	assert_int_equal(read_text("a = \"\xff\"\n", &root, &fault), -EINVAL);
	assert_int_equal(toml_read("a\0 = 1\n", 7, &root, &fault), -EINVAL);
	assert_int_equal(toml_read("\0", 1, &root, &fault), -EINVAL);
}

static void toml_read__nul_in_a_key__refused(void **state)
{
	(void)state;
	struct toml_value root;
	struct toml_fault fault;
	assert_int_equal(
		read_text("ok = 1\n'x' = { \"a\\u0000b\" = 1 }\n", &root, &fault), -EINVAL);
	assert_int_equal(fault.line, 2);
	assert_string_equal(fault.text, "a key contains a NUL character");
}

static void toml_read__size_limit__exact(void **state)
{
	(void)state;
	struct toml_value root;
	struct toml_fault fault;
	char *text = malloc(TOML_MAX_BYTES + 1);
	assert_non_null(text);
	(void)memset(text, '#', TOML_MAX_BYTES + 1);
	assert_int_equal(toml_read(text, TOML_MAX_BYTES, &root, &fault), 0);
	toml_value_done(&root);
	assert_int_equal(toml_read(text, TOML_MAX_BYTES + 1, &root, &fault), -EINVAL);
	assert_string_equal(fault.text, "larger than 256 KiB");
	free(text);
}

/* n times `open`, then `middle`, then n times `close`. */
static char *nest(size_t n, const char *open, const char *middle, const char *close)
{
	size_t size = n * (strlen(open) + strlen(close)) + strlen(middle) + 1;
	char *text = malloc(size);
	assert_non_null(text);
	char *p = text;
	for (size_t i = 0; i < n; i++)
		p = stpcpy(p, open);
	p = stpcpy(p, middle);
	for (size_t i = 0; i < n; i++)
		p = stpcpy(p, close);
	return text;
}

static void toml_read__hostile_nesting__refused(void **state)
{
	(void)state;
	static const char *const shapes[][3] = {
		{ "a = [", "", "]" },
		{ "[", "", "]" },
		{ "a={b=[", "", "]}" },
		{ "a.", "a = 1", "" },
		{ "[a.", "a]", "" },
		{ "a . ", "a = 1", "" },
		{ "'a'.", "a = 1", "" },
		{ "[[a].", "", "" },
		{ "a = {", "", "}" },
		{ "a = [[", "", "]]" },
	};
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		struct toml_value root;
		struct toml_fault fault;
		char *text = nest(20000, shapes[i][0], shapes[i][1], shapes[i][2]);
		assert_int_equal(read_text(text, &root, &fault), -EINVAL);
		free(text);
	}
	struct toml_value root;
	struct toml_fault fault;
	char *text = nest(100000, "[", "", "]");
	char *document = NULL;
	assert_true(asprintf(&document, "a = %s", text) > 0);
	assert_int_equal(read_text(document, &root, &fault), -EINVAL);
	assert_non_null(strstr(fault.text, "depth"));
	free(document);
	free(text);
}

static void toml_read__deepest_that_parses__refused_without_a_crash(void **state)
{
	(void)state;
	/* 15 arrays in one another, each reached through a key of as many dots as a line may have.
	 */
	char dotted[2 * TOML_MAX_LINE_DOTS + 1];
	for (size_t i = 0; i < TOML_MAX_LINE_DOTS; i++)
		(void)memcpy(dotted + 2 * i, "a.", 2);
	dotted[2 * TOML_MAX_LINE_DOTS] = '\0';
	char *open = NULL, *table = NULL;
	assert_true(asprintf(&open, "%sa = [\n{", dotted) > 0);
	assert_true(asprintf(&table, "[%sa]\n", dotted) > 0);
	char *value = nest(7, open, "x = 1", "}]");
	char *document = NULL;
	assert_true(asprintf(&document, "%s%s\n", table, value) > 0);
	struct toml_value root;
	struct toml_fault fault;
	assert_int_equal(read_text(document, &root, &fault), -EINVAL);
	assert_string_equal(fault.text, "nested more than 16 deep");
	free(document);
	free(value);
	free(table);
	free(open);
}

static void toml_read__dots_in_a_long_line__limit_exact(void **state)
{
	(void)state;
	struct toml_value root;
	struct toml_fault fault;
	char *text = nest(TOML_MAX_LINE_DOTS, ".", "", "");
	char *document = NULL;
	assert_true(asprintf(&document, "a = '%s'\nb = '%s'\n", text, text) > 0);
	assert_int_equal(read_text(document, &root, &fault), 0);
	toml_value_done(&root);
	free(document);
	assert_true(asprintf(&document, "a = 1\nb = '.%s'\n", text) > 0);
	assert_int_equal(read_text(document, &root, &fault), -EINVAL);
	assert_int_equal(fault.line, 2);
	free(document);
	free(text);
}

static void toml_read__every_truncation__no_crash(void **state)
{
	(void)state;
	const char *text =
		"a.b = {c=[1,2.5,'x',\"\"\"\ny\\\n \"\"\"]}\n[[t]]\nd=1979-05-27T07:32:00Z\n"
		"[t.u]\n\"q\\U0001F600\" = 0b101 # c\n";
	for (size_t n = 0; n <= strlen(text); n++) {
		struct toml_value root;
		struct toml_fault fault;
		int ret = toml_read(text, n, &root, &fault);
		assert_true(
			ret == 0 || (ret == -EINVAL && fault.text[0] != '\0' && fault.line > 0));
		toml_value_done(&root);
	}
}

static void toml_read__letters_of_every_alphabet__as_written(void **state)
{
	(void)state;
	struct toml_value root;
	struct toml_fault fault;
	/* Two, three and four bytes; in keys, strings and comments, and around a line's end. */
	const char *text = "\xef\xbb\xbf# \xc3\xa9\n"
			   "\"\xc3\xbc\xe2\x82\xac\" = '\xce\xa9\xe3\x81\x82' # \xd2\x99\n"
			   "m = \"\"\"\\\n \xc3\xa4\xef\xac\xa6\"\"\"\n"
			   "e = \"\xf0\x9f\x98\x80\xf4\x80\x83\xa9\xc3\xa9\\U000F00E9\\u00e9\"\n";
	assert_int_equal(read_text(text, &root, &fault), 0);
	assert_int_equal(root.nr_items, 3);
	assert_string_equal(root.items[0].key, "\xc3\xbc\xe2\x82\xac");
	assert_string_equal(root.items[0].string, "\xce\xa9\xe3\x81\x82");
	assert_int_equal(root.items[0].line, 2);
	assert_int_equal(root.items[0].column, 8);
	assert_string_equal(root.items[1].string, "\xc3\xa4\xef\xac\xa6");
	assert_int_equal(root.items[1].string_bytes, 5);
	assert_string_equal(root.items[2].string,
		"\xf0\x9f\x98\x80\xf4\x80\x83\xa9\xc3\xa9\xf3\xb0\x83\xa9\xc3\xa9");
	toml_value_done(&root);
}

static void toml_read__every_character__in_a_string_and_out_of_it(void **state)
{
	(void)state;
	for (unsigned code = 0x80; code < 0x20000; code += code < 0x10000 ? 1 : 0xfff) {
		char c[5] = "", text[64];
		struct toml_value root;
		struct toml_fault fault;
		if (code < 0x800)
			(void)snprintf(c, sizeof(c), "%c%c", 0xc0 | code >> 6, 0x80 | (code & 63));
		else if (code < 0x10000)
			(void)snprintf(c, sizeof(c), "%c%c%c", 0xe0 | code >> 12,
				0x80 | (code >> 6 & 63), 0x80 | (code & 63));
		else
			(void)snprintf(c, sizeof(c), "%c%c%c%c", 0xf0 | code >> 18,
				0x80 | (code >> 12 & 63), 0x80 | (code >> 6 & 63),
				0x80 | (code & 63));
		bool surrogate = code >= 0xd800 && code <= 0xdfff;
		(void)snprintf(text, sizeof(text), "a = \"%s\"\n", c);
		assert_int_equal(read_text(text, &root, &fault), surrogate ? -EINVAL : 0);
		if (!surrogate)
			assert_string_equal(root.items[0].string, c);
		toml_value_done(&root);
		(void)snprintf(text, sizeof(text), "a%s= 1\n", c);
		assert_int_equal(read_text(text, &root, &fault), -EINVAL);
		(void)snprintf(text, sizeof(text), "a = %s1\n", c);
		assert_int_equal(read_text(text, &root, &fault), -EINVAL);
		assert_int_equal(fault.line, 1);
		(void)snprintf(text, sizeof(text), "a = \"\"\"\\%sx\n\"\"\"\n", c);
		assert_int_equal(read_text(text, &root, &fault), -EINVAL);
	}
}

static void toml_read__unknown_letter__message_shows_it(void **state)
{
	(void)state;
	struct toml_value root;
	struct toml_fault fault;
	assert_int_equal(read_text("a.\xc3\xb6 = 1\n", &root, &fault), -EINVAL);
	assert_non_null(strstr(fault.text, "saw '\xc3\xb6'"));
	assert_int_equal(fault.column, 3);
}

static void toml_read__letters_of_all_planes__refused(void **state)
{
	(void)state;
	struct toml_value root;
	struct toml_fault fault;
	char text[512] = "a = '\xc3\xa9";
	char *p = text + strlen(text);
	for (unsigned plane = 1; plane <= 16; plane++)
		p += snprintf(p, 16, "\\U%08X", plane << 16);
	p = stpcpy(p, "'\n");
	assert_int_equal(read_text(text, &root, &fault), -EINVAL);
	assert_non_null(strstr(fault.text, "planes"));
	/* Without a letter of the first plane nothing stands in for anything. */
	(void)memcpy(text + 5, "ab", 2);
	assert_int_equal(read_text(text, &root, &fault), 0);
	toml_value_done(&root);
}

static void toml_type_name__each__has_one(void **state)
{
	(void)state;
	assert_string_equal(toml_type_name(TOML_STRING), "a string");
	assert_string_equal(toml_type_name(TOML_INTEGER), "an integer");
	assert_string_equal(toml_type_name(TOML_FLOAT), "a float");
	assert_string_equal(toml_type_name(TOML_BOOLEAN), "a boolean");
	assert_string_equal(toml_type_name(TOML_TIME), "a date or time");
	assert_string_equal(toml_type_name(TOML_ARRAY), "an array");
	assert_string_equal(toml_type_name(TOML_TABLE), "a table");
	assert_string_equal(toml_type_name(TOML_NOTHING), "nothing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(toml_read__every_type__value_and_position),
		cmocka_unit_test(toml_read__members__in_the_order_of_the_text),
		cmocka_unit_test(toml_read__empty__is_an_empty_table),
		cmocka_unit_test(toml_read__syntax_error__says_where),
		cmocka_unit_test(toml_read__not_utf8__refused),
		cmocka_unit_test(toml_read__nul_in_a_key__refused),
		cmocka_unit_test(toml_read__size_limit__exact),
		cmocka_unit_test(toml_read__hostile_nesting__refused),
		cmocka_unit_test(toml_read__deepest_that_parses__refused_without_a_crash),
		cmocka_unit_test(toml_read__dots_in_a_long_line__limit_exact),
		cmocka_unit_test(toml_read__every_truncation__no_crash),
		cmocka_unit_test(toml_read__letters_of_every_alphabet__as_written),
		cmocka_unit_test(toml_read__every_character__in_a_string_and_out_of_it),
		cmocka_unit_test(toml_read__unknown_letter__message_shows_it),
		cmocka_unit_test(toml_read__letters_of_all_planes__refused),
		cmocka_unit_test(toml_type_name__each__has_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
