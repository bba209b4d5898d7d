/* SPDX-License-Identifier: MIT */
#include "config_test.h"

#include "config/text.h"

#include <errno.h>

static void text_is_utf8__well_formed__true(void **state)
{
	(void)state;
	static const char *const good[] = {
		"",
		"a",
		"\x7f",
		"\xc2\x80",
		"\xdf\xbf",
		"\xe0\xa0\x80",
		"\xed\x9f\xbf",
		"\xee\x80\x80",
		"\xef\xbf\xbf",
		"\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(text_is_utf8(good[i], strlen(good[i])));
	assert_true(text_is_utf8("a\0b", 3));
}

static void text_is_utf8__ill_formed__false(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xc2",
		"\xc2g",
		"\xe0\x9f\xbf",
		"\xe1\x80",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf0\x8f\xbf\xbf",
		"\xf0\x90\x80",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xff",
		"abc\xe4",
		"\xe1\x80g",
		"\xf1\x80\x80g",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(text_is_utf8(bad[i], strlen(bad[i])));
}

static void text_printable__plain__is_copied(void **state)
{
	(void)state;
	char out[16];
	assert_string_equal(text_printable(out, sizeof(out), "k\xc3\xb6nig", 6), "k\xc3\xb6nig");
}

static void text_printable__controls_and_garbage__become_question_marks(void **state)
{
	(void)state;
	char out[32];
	const char in[] = "a\n\x1b[m\0\x7f\xc2\x9b\xff\xed\xa0\x80z";
	assert_string_equal(text_printable(out, sizeof(out), in, sizeof(in) - 1), "a??[m???????z");
}

static void text_printable__too_long__ends_in_dots(void **state)
{
	(void)state;
	char out[8];
	assert_string_equal(text_printable(out, 8, "1234567", 7), "1234567");
	assert_string_equal(text_printable(out, 8, "12345678", 8), "1234...");
	assert_string_equal(text_printable(out, 4, "12345678", 8), "...");
}

static void text_printable__cut_inside_a_character__drops_it_whole(void **state)
{
	(void)state;
	char out[9];
	const char *in = "123\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad";
	assert_string_equal(text_printable(out, sizeof(out), in, strlen(in)), "123...");
}

static void text_parse_integer__decimal_and_hexadecimal__parsed(void **state)
{
	(void)state;
	uint64_t v = 0;
	assert_int_equal(text_parse_integer("0", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(text_parse_integer("255", &v), 0);
	assert_int_equal(v, 255);
	assert_int_equal(text_parse_integer("0xFf", &v), 0);
	assert_int_equal(v, 255);
	assert_int_equal(text_parse_integer("18446744073709551615", &v), 0);
	assert_true(v == UINT64_MAX);
}

static void text_parse_integer__not_a_number__refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "x", "-1", "+1", " 1", "1 ", "0x", "0xg", "1a",
		"1.0", "0X10" };
	uint64_t v = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(text_parse_integer(bad[i], &v), -EINVAL);
	assert_int_equal(v, 7);
}

static void text_parse_integer__beyond_64_bits__out_of_range(void **state)
{
	(void)state;
	uint64_t v = 0;
	assert_int_equal(text_parse_integer("18446744073709551616", &v), -ERANGE);
	assert_int_equal(text_parse_integer("0x10000000000000000", &v), -ERANGE);
	assert_int_equal(text_parse_integer("99999999999999999999", &v), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_utf8__well_formed__true),
		cmocka_unit_test(text_is_utf8__ill_formed__false),
		cmocka_unit_test(text_printable__plain__is_copied),
		cmocka_unit_test(text_printable__controls_and_garbage__become_question_marks),
		cmocka_unit_test(text_printable__too_long__ends_in_dots),
		cmocka_unit_test(text_printable__cut_inside_a_character__drops_it_whole),
		cmocka_unit_test(text_parse_integer__decimal_and_hexadecimal__parsed),
		cmocka_unit_test(text_parse_integer__not_a_number__refused),
		cmocka_unit_test(text_parse_integer__beyond_64_bits__out_of_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
