/* SPDX-License-Identifier: MIT */
#include "render/html.h"

#include "fake/cmocka.h"

#include <stdlib.h>
#include <string.h>

/* What put writes. */
static char *written(void (*put)(FILE *out, const char *text), const char *text)
{
	char *bytes = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&bytes, &n);
	assert_non_null(out);
	put(out, text);
	assert_int_equal(fclose(out), 0);
	return bytes;
}

static void expect(const char *text, const char *escaped)
{
	char *bytes = written(html_text, text);
	assert_string_equal(bytes, escaped);
	free(bytes);
}

static void put_page(FILE *out, const char *text)
{
	html_begin(out, text, text);
	html_element(out, "td", "n", text);
	html_end(out);
}

static void html_text__markup__is_escaped(void **state)
{
	(void)state;
	expect("<a href='x' b=\"y\">&amp;", "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;amp;");
}

static void html_text__control_characters_and_bad_utf8__are_question_marks(void **state)
{
	(void)state;
	expect("a\033[31m\r\n\x80z\xc3\xa4", "a?[31m???z\xc3\xa4");
}

static void html_text__longer_than_its_buffer__is_cut(void **state)
{
	(void)state;
	char *text = malloc(10001);
	assert_non_null(text);
	memset(text, '<', 10000);
	text[10000] = '\0';
	char *bytes = written(html_text, text);
	size_t n = strlen(bytes);
	assert_true(n > 16000 && n < 17000);
	assert_string_equal(bytes + n - 7, "&lt;...");
	free(bytes);
	free(text);
}

static void html_begin__hostile_title__stays_text(void **state)
{
	(void)state;
	char *bytes = written(put_page, "</title><script>alert(1)</script>");
	assert_null(strstr(bytes, "<script>alert"));
	assert_non_null(strstr(bytes, "<td class=\"n\">&lt;/title&gt;&lt;script&gt;"));
	assert_non_null(strstr(bytes, "default-src 'none'"));
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(html_text__markup__is_escaped),
		cmocka_unit_test(html_text__control_characters_and_bad_utf8__are_question_marks),
		cmocka_unit_test(html_text__longer_than_its_buffer__is_cut),
		cmocka_unit_test(html_begin__hostile_title__stays_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
