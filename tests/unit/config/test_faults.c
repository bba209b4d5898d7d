/* SPDX-License-Identifier: MIT */
#include "config_test.h"

#include "config/faults.h"

#include <errno.h>

static const struct fault nothing = { "value", NULL, NULL, NULL };

static void faults_result__none__is_zero(void **state)
{
	(void)state;
	struct faults f = { 0 };
	struct err e = ERR_INIT;
	assert_int_equal(faults_result(&f, &e), 0);
	assert_string_equal(e.msg, "");
}

static void faults_result__two__a_line_each(void **state)
{
	(void)state;
	struct faults f = { 0 };
	struct err e = ERR_INIT;
	faults_add(&f, &nothing, "first %d", 1);
	faults_add(&f, &nothing, "second");
	assert_int_equal(faults_result(&f, &e), -EINVAL);
	assert_string_equal(e.msg, "first 1\nsecond");
	assert_int_equal(e.kind, ERR_CONFIG);
}

static void faults_result__no_err__still_fails(void **state)
{
	(void)state;
	struct faults f = { 0 };
	faults_add(&f, &nothing, "wrong");
	assert_int_equal(faults_result(&f, NULL), -EINVAL);
}

static void faults_result__out_of_memory__is_the_hosts_fault(void **state)
{
	(void)state;
	struct faults f = { .out_of_memory = true };
	struct err e = ERR_INIT;
	assert_int_equal(faults_result(&f, &e), -ENOMEM);
	assert_int_equal(e.kind, ERR_HOST);
}

static void faults_add__more_than_fit__are_counted(void **state)
{
	(void)state;
	struct faults f = { 0 };
	struct err e = ERR_INIT;
	unsigned shown = 0;
	for (int i = 0; i < 500; i++) {
		faults_add(&f, &nothing, "fault number %03d of many", i);
		shown += faults_full(&f) ? 0 : 1;
	}
	char tail[64];
	(void)snprintf(tail, sizeof(tail), "\nand %u more faults", 500 - shown);
	assert_int_equal(faults_result(&f, &e), -EINVAL);
	assert_string_equal(e.msg + strlen(e.msg) - strlen(tail), tail);
	assert_true(shown > 20);
}

static void faults_add__a_line_of_any_length__never_overflows(void **state)
{
	(void)state;
	char line[2048];
	for (size_t n = 900; n < sizeof(line); n++) {
		struct faults f = { 0 };
		struct err e = ERR_INIT;
		(void)memset(line, 'x', n);
		line[n] = '\0';
		faults_add(&f, &nothing, "%s", line);
		faults_add(&f, &nothing, "%s", line);
		faults_add(&f, &nothing, "%s", "short");
		assert_int_equal(faults_result(&f, &e), -EINVAL);
		assert_int_equal(f.nr, 3);
		assert_non_null(strstr(e.msg, "\nand 2 more faults"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_result__none__is_zero),
		cmocka_unit_test(faults_result__two__a_line_each),
		cmocka_unit_test(faults_result__no_err__still_fails),
		cmocka_unit_test(faults_result__out_of_memory__is_the_hosts_fault),
		cmocka_unit_test(faults_add__more_than_fit__are_counted),
		cmocka_unit_test(faults_add__a_line_of_any_length__never_overflows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
