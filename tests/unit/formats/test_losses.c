/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"
#include "formats/losses.h"

static void add__same_line_twice__is_kept_once(void **state)
{
	(void)state;
	struct losses l = { 0 };
	losses_add(&l, "hv-%s", "relaxed");
	losses_add(&l, "hv-relaxed");
	losses_add(&l, "pmu");
	assert_int_equal(l.nr_lines, 2);
	assert_string_equal(l.lines[0], "hv-relaxed");
	assert_string_equal(l.lines[1], "pmu");
	losses_done(&l);
	assert_int_equal(l.nr_lines, 0);
}

static void add__control_characters__become_one_printable_line(void **state)
{
	(void)state;
	struct losses l = { 0 };
	losses_add(&l, "a\nb\x1b[0m");
	assert_string_equal(l.lines[0], "a b?[0m");
	losses_done(&l);
}

static void add__thousands__end_with_a_word_that_there_are_more(void **state)
{
	(void)state;
	struct losses l = { 0 };
	for (unsigned i = 0; i < 5000; i++)
		losses_add(&l, "line %u", i);
	assert_int_equal(l.nr_lines, 1001);
	assert_string_equal(l.lines[999], "line 999");
	assert_contains(l.lines[1000], "more than 1000");
	losses_done(&l);
}

static void settle__open_lines__are_losses_or_forgotten(void **state)
{
	(void)state;
	struct losses l = { 0 };
	losses_open(&l, "model host: %s", "a");
	losses_open(&l, "model host: %s", "a");
	assert_int_equal(l.nr_open, 1);
	assert_int_equal(l.nr_lines, 0);
	losses_settle(&l, false);
	assert_int_equal(l.nr_open, 0);
	assert_string_equal(l.lines[0], "model host: a");
	losses_open(&l, "model host: b");
	losses_settle(&l, true);
	assert_int_equal(l.nr_open, 0);
	assert_int_equal(l.nr_lines, 1);
	losses_open(&l, "left");
	losses_done(&l);
}

static void add_and_done__null__do_nothing(void **state)
{
	(void)state;
	losses_add(NULL, "x");
	losses_open(NULL, "x");
	losses_settle(NULL, false);
	losses_done(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add__same_line_twice__is_kept_once),
		cmocka_unit_test(add__control_characters__become_one_printable_line),
		cmocka_unit_test(add__thousands__end_with_a_word_that_there_are_more),
		cmocka_unit_test(settle__open_lines__are_losses_or_forgotten),
		cmocka_unit_test(add_and_done__null__do_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
