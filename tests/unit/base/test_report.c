/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "base/report.h"

struct heard {
	unsigned calls;
	enum report_level level;
	char text[8192];
};

static void hear(void *ctx, enum report_level level, const char *text)
{
	struct heard *h = ctx;
	h->calls++;
	h->level = level;
	size_t n = strnlen(text, sizeof(h->text) - 1);
	memcpy(h->text, text, n);
	h->text[n] = '\0';
}

static void report__level_high_enough__is_formatted_and_handed_over(void **state)
{
	(void)state;
	struct heard h = { 0 };
	struct reporter r = { .fn = hear, .ctx = &h, .least = REPORT_INFO };
	report(&r, REPORT_INFO, "%d of %s", 1, "x");
	assert_int_equal(h.calls, 1);
	assert_int_equal(h.level, REPORT_INFO);
	assert_string_equal(h.text, "1 of x");
	report(&r, REPORT_ERROR, "bad");
	assert_int_equal(h.calls, 2);
	assert_int_equal(h.level, REPORT_ERROR);
}

static void report__level_too_low__says_nothing(void **state)
{
	(void)state;
	struct heard h = { 0 };
	struct reporter r = { .fn = hear, .ctx = &h, .least = REPORT_WARN };
	report(&r, REPORT_INFO, "x");
	report(&r, REPORT_DEBUG, "x");
	assert_int_equal(h.calls, 0);
}

static void report__nobody_listens__does_nothing(void **state)
{
	(void)state;
	struct reporter r = { 0 };
	report(NULL, REPORT_ERROR, "x");
	report(&r, REPORT_ERROR, "x");
}

static void report__text_too_long__is_cut_off(void **state)
{
	(void)state;
	struct heard h = { 0 };
	struct reporter r = { .fn = hear, .ctx = &h };
	report(&r, REPORT_INFO, "%5000d", 1);
	assert_int_equal(h.calls, 1);
	assert_int_equal(strlen(h.text), 4095);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(report__level_high_enough__is_formatted_and_handed_over),
		cmocka_unit_test(report__level_too_low__says_nothing),
		cmocka_unit_test(report__nobody_listens__does_nothing),
		cmocka_unit_test(report__text_too_long__is_cut_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
