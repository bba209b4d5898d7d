/* SPDX-License-Identifier: MIT */
/* What a user asks of an explanation, as words. */
#include "fake/cmocka.h"

#include "policy/cpuid_explanation.h"

#include <errno.h>

static struct explain_question asked(const char *first, const char *second)
{
	struct err e = ERR_INIT;
	struct explain_question q;
	const char *const words[] = { first, second };
	assert_int_equal(
		explain_question_parse(&q, words, first ? second ? 2 : 1 : 0, false, &e), 0);
	return q;
}

static void refused(const char *first, const char *second, const char *why)
{
	struct err e = ERR_INIT;
	struct explain_question q;
	const char *const words[] = { first, second };
	assert_int_equal(explain_question_parse(&q, words, second ? 2 : 1, false, &e), -EINVAL);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_contains(e.msg, why);
}

static void parse__words_of_each_kind__taken(void **state)
{
	(void)state;
	assert_int_equal(asked(NULL, NULL).kind, EXPLAIN_OVERVIEW);
	struct explain_question q = asked("avx2", NULL);
	assert_int_equal(q.kind, EXPLAIN_FEATURE);
	assert_string_equal(q.feature->name, "avx2");
	q = asked("0x7", NULL);
	assert_int_equal(q.kind, EXPLAIN_LEAF);
	assert_int_equal(q.leaf, 7);
	assert_true(q.any_subleaf);
	q = asked("0xd.1", NULL);
	assert_int_equal(q.leaf, 0xd);
	assert_int_equal(q.subleaf, 1);
	assert_false(q.any_subleaf);
	assert_string_equal(asked("msr", NULL).feature->name, "msr");
	q = asked("msr", "0x10a");
	assert_int_equal(q.kind, EXPLAIN_MSR);
	assert_int_equal(q.leaf, 0x10a);
	q = asked("msr", "ia32_arch_capabilities");
	assert_int_equal(q.leaf, 0x10a);
}

static void parse__anything_else__refused(void **state)
{
	(void)state;
	refused("avx3", NULL, "did you mean avx");
	refused("0x100000000", NULL, "neither a feature nor a leaf");
	refused("0x7.", NULL, "neither a feature nor a leaf");
	refused("0x7.0x100000000", NULL, "neither a feature nor a leaf");
	refused("", NULL, "neither a feature nor a leaf");
	refused("avx2", "avx", "expected one feature or leaf");
	refused("msr", "0x100000000", "is no MSR");
	refused("msr", "a\033[31mb", "a?[31mb is no MSR");
}

static void asks__places__of_that_leaf_or_msr(void **state)
{
	(void)state;
	const struct bits_place leaf = { .leaf = 7, .subleaf = 1 };
	const struct bits_place msr = { .is_msr = true, .leaf = 7 };
	struct explain_question q = asked("0x7", NULL);
	assert_true(explain_asks(&q, &leaf));
	assert_false(explain_asks(&q, &msr));
	q = asked("0x7.0", NULL);
	assert_false(explain_asks(&q, &leaf));
	q = asked("msr", "7");
	assert_true(explain_asks(&q, &msr));
	assert_false(explain_asks(&q, &leaf));
	q = asked("avx2", NULL);
	assert_false(explain_asks(&q, &leaf));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__words_of_each_kind__taken),
		cmocka_unit_test(parse__anything_else__refused),
		cmocka_unit_test(asks__places__of_that_leaf_or_msr),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
