/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "base/nearest.h"

#include <string.h>

static const char *nearest_of(const char *text, const char *const *names)
{
	struct nearest n;
	nearest_start(&n, text);
	for (; *names; names++)
		nearest_consider(&n, *names);
	return nearest_result(&n);
}

static void text_distance__edits__are_counted(void **state)
{
	(void)state;
	assert_int_equal(text_distance("", ""), 0);
	assert_int_equal(text_distance("abc", "abc"), 0);
	assert_int_equal(text_distance("abc", ""), 3);
	assert_int_equal(text_distance("abc", "abxc"), 1);
	assert_int_equal(text_distance("abc", "ac"), 1);
	assert_int_equal(text_distance("abc", "axc"), 1);
	assert_int_equal(text_distance("abc", "acb"), 1);
	assert_int_equal(text_distance("kitten", "sitting"), 3);
}

static void text_distance__too_long__is_infinite(void **state)
{
	(void)state;
	char text[NEAREST_TEXT_BYTES + 1];
	memset(text, 'a', sizeof(text));
	text[NEAREST_TEXT_BYTES] = '\0';
	assert_true(text_distance(text, "a") == SIZE_MAX);
	assert_true(text_distance("a", text) == SIZE_MAX);
	text[NEAREST_TEXT_BYTES - 1] = '\0';
	assert_int_equal(text_distance(text, "a"), NEAREST_TEXT_BYTES - 2);
}

static void nearest_result__misspelt__first_of_the_nearest(void **state)
{
	(void)state;
	static const char *const names[] = { "alpha_beta", "alpha-beto", "gamma", NULL };
	assert_string_equal(nearest_of("ALPHA-BETA", names), "alpha_beta");
	assert_string_equal(nearest_of("alpha-bet", names), "alpha_beta");
	assert_string_equal(nearest_of("gama", names), "gamma");
}

static void nearest_result__beginning_of_names__shortest_of_them(void **state)
{
	(void)state;
	static const char *const names[] = { "alphabetical", "alphabets", NULL };
	assert_string_equal(nearest_of("alph", names), "alphabets");
	assert_null(nearest_of("al", names));
}

static void nearest_result__nothing_near__null(void **state)
{
	(void)state;
	static const char *const names[] = { "alpha", NULL };
	static const char *const none[] = { NULL };
	assert_null(nearest_of("omega", names));
	assert_null(nearest_of("", names));
	assert_null(nearest_of("alpha", none));
	char text[3 * NEAREST_TEXT_BYTES];
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_null(nearest_of(text, (const char *const[]){ text, NULL }));
	assert_null(nearest_of("alphb", (const char *const[]){ text, NULL }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_distance__edits__are_counted),
		cmocka_unit_test(text_distance__too_long__is_infinite),
		cmocka_unit_test(nearest_result__misspelt__first_of_the_nearest),
		cmocka_unit_test(nearest_result__beginning_of_names__shortest_of_them),
		cmocka_unit_test(nearest_result__nothing_near__null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
