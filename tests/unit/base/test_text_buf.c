/* SPDX-License-Identifier: MIT */
/* Texts that are put together, and as XML and TOML take them. */
#include "fake/cmocka.h"

#include "base/markup.h"
#include "base/text_buf.h"
#include "base/toml_string.h"

#include <stdio.h>
#include <stdlib.h>

static void text_buf__pieces__one_text(void **state)
{
	(void)state;
	char text[32] = "old";
	struct text_buf b = TEXT_BUF(text);
	assert_string_equal(text, "");
	assert_true(text_buf_add(&b, "%s %d", "one", 1));
	assert_true(text_buf_add(&b, "%s", ""));
	assert_true(text_buf_add(&b, "; two"));
	assert_string_equal(text, "one 1; two");
	assert_int_equal(b.used, strlen(text));
	assert_int_equal(b.nr_left_out, 0);
}

static void text_buf__items__separator_between_them(void **state)
{
	(void)state;
	char text[32];
	struct text_buf b = TEXT_BUF(text);
	assert_true(text_buf_item(&b, ", ", "a"));
	assert_true(text_buf_item(&b, ", ", "b%u", 2));
	assert_true(text_buf_item(&b, " or ", "c"));
	assert_string_equal(text, "a, b2 or c");
}

/* Each length from none to more than fits, with what stands there before. */
static void text_buf__what_does_not_fit__left_out_whole(void **state)
{
	(void)state;
	for (size_t size = 1; size <= 8; size++) {
		char memory[16];
		memset(memory, '#', sizeof(memory));
		struct text_buf b = text_buf_in(memory, size);
		bool first = text_buf_item(&b, ", ", "abc");
		assert_int_equal(first, size > 3);
		bool second = text_buf_item(&b, ", ", "de");
		/* "abc, de" takes 8 bytes, and "de" alone 3. */
		assert_int_equal(second, size == 8 || size == 3);
		assert_string_equal(memory, size == 8   ? "abc, de"
					    : size > 3  ? "abc"
					    : size == 3 ? "de"
							: "");
		assert_int_equal(b.used, strlen(memory));
		assert_int_equal(b.nr_left_out, !first + !second);
		assert_int_equal(memory[size], '#');
	}
}

/* What put writes, owned. */
static char *written(void (*put)(FILE *out, const char *text), const char *text)
{
	char *all = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&all, &n);
	assert_non_null(out);
	put(out, text);
	assert_int_equal(fclose(out), 0);
	return all;
}

static void expect(void (*put)(FILE *out, const char *text), const char *text, const char *result)
{
	char *all = written(put, text);
	assert_string_equal(all, result);
	free(all);
}

static void markup__text__escaped_for_elements_and_attributes(void **state)
{
	(void)state;
	expect(markup_put_text, "a<b>&\"c\"'d' \xc3\xa9",
		"a&lt;b&gt;&amp;&quot;c&quot;&#39;d&#39; \xc3\xa9");
	expect(markup_put_text, "", "");
}

static void toml_string__characters__escaped(void **state)
{
	(void)state;
	expect(toml_put_string, "a \"b\" \\ \n\t\x01\x7f \xc3\xa9",
		"\"a \\\"b\\\" \\\\ \\n\\t\\u0001\\u007F \xc3\xa9\"");
	expect(toml_put_string, "", "\"\"");
	expect(toml_put_string, "v1.2", "\"v1.2\"");
}

/* As many as the reader takes on a line would leave none for what follows. */
static void toml_string__many_dots__escaped(void **state)
{
	(void)state;
	char text[66];
	memset(text, '.', sizeof(text));
	text[64] = '\0';
	char *few = written(toml_put_string, text);
	assert_int_equal(strlen(few), 64 + 2);
	text[64] = '.';
	text[65] = '\0';
	char *many = written(toml_put_string, text);
	assert_null(strchr(many, '.'));
	assert_int_equal(strlen(many), 65 * strlen("\\u002E") + 2);
	free(few);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_buf__pieces__one_text),
		cmocka_unit_test(text_buf__items__separator_between_them),
		cmocka_unit_test(text_buf__what_does_not_fit__left_out_whole),
		cmocka_unit_test(markup__text__escaped_for_elements_and_attributes),
		cmocka_unit_test(toml_string__characters__escaped),
		cmocka_unit_test(toml_string__many_dots__escaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
