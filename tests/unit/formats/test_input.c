/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"
#include "formats/input.h"

#include <errno.h>

static void number__decimal_and_hex__are_read(void **state)
{
	(void)state;
	uint64_t v = 0;
	assert_int_equal(input_number("18446744073709551615", 20, UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(input_number("0xfFfFFFFFffffffff", 18, UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(input_number("0", 1, 0, &v), 0);
	assert_int_equal(v, 0);
}

static void number__out_of_range__is_erange_and_untouched(void **state)
{
	(void)state;
	uint64_t v = 7;
	assert_int_equal(input_number("18446744073709551616", 20, UINT64_MAX, &v), -ERANGE);
	assert_int_equal(input_number("0x10000000000000000", 19, UINT64_MAX, &v), -ERANGE);
	assert_int_equal(input_number("256", 3, 255, &v), -ERANGE);
	assert_int_equal(v, 7);
}

static void number__not_a_number__is_einval(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "0x", "-1", "+1", " 1", "1 ", "0xg", "1f", "0x1 ",
		"99999999999999999999x" };
	uint64_t v = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(input_number(bad[i], strlen(bad[i]), UINT64_MAX, &v), -EINVAL);
	assert_int_equal(v, 7);
}

static void clean__hostile_bytes__become_question_marks(void **state)
{
	(void)state;
	char text[] = "a\x1b[31m\tb\xff\xc3\xa9\xc0\x80\xed\xa0\x80\xc2\x85\nz\xe2\x82";
	input_clean(text);
	assert_string_equal(text, "a?[31m?b?\xc3\xa9???\?\?\?\?\nz??");
}

static void utf8__well_formed__only(void **state)
{
	(void)state;
	assert_true(input_is_utf8("", 0));
	assert_true(input_is_utf8("\xf0\x9f\x98\x80 \xc3\xa9", 7));
	assert_false(input_is_utf8("a\0b", 3));
	assert_false(input_is_utf8("\xf4\x90\x80\x80", 4));
	assert_false(input_is_utf8("\xe2\x82", 2));
	assert_false(input_is_utf8("\xc1\xbf", 2));
}

static void fail__quotes_input__message_is_printable(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	assert_int_equal(input_fail(&e, "bad %s", "\x1b]0;\x07"), -EINVAL);
	assert_string_equal(e.msg, "bad ?]0;?");
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_int_equal(input_fail(NULL, "no error wanted"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number__decimal_and_hex__are_read),
		cmocka_unit_test(number__out_of_range__is_erange_and_untouched),
		cmocka_unit_test(number__not_a_number__is_einval),
		cmocka_unit_test(clean__hostile_bytes__become_question_marks),
		cmocka_unit_test(utf8__well_formed__only),
		cmocka_unit_test(fail__quotes_input__message_is_printable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
