/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "cpuid/fields.h"

#include <string.h>

static uint32_t field_mask(const struct cpuid_field *f)
{
	return (uint32_t)(bit_mask(f->high + 1u) & ~bit_mask(f->low));
}

static void cpuid_fields__rows__are_sorted_and_do_not_overlap(void **state)
{
	(void)state;
	size_t count;
	const struct cpuid_field *f = cpuid_fields(&count);
	assert_true(count > 400);
	for (size_t i = 0; i < count; i++) {
		assert_true(f[i].low <= f[i].high && f[i].high < 32);
		assert_true(f[i].name[0] != '\0');
		if (i == 0 || f[i - 1].leaf < f[i].leaf)
			continue;
		assert_int_equal(f[i - 1].leaf, f[i].leaf);
		if (f[i - 1].subleaf < f[i].subleaf)
			continue;
		assert_int_equal(f[i - 1].subleaf, f[i].subleaf);
		assert_true(f[i - 1].reg < f[i].reg ||
			    (f[i - 1].reg == f[i].reg && f[i - 1].high < f[i].low));
	}
}

static void cpuid_fields__named_features__lie_in_none(void **state)
{
	(void)state;
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *w = feature_word(i);
		if (w->kind != FEATURE_WORD_CPUID)
			continue;
		size_t count;
		const struct cpuid_field *f = cpuid_fields_of(w->leaf, w->subleaf, &count);
		for (size_t n = 0; n < count; n++)
			assert_true(f[n].reg != w->reg || (field_mask(&f[n]) & w->named) == 0);
	}
}

static void cpuid_fields__required_features__have_names(void **state)
{
	(void)state;
	size_t count;
	const struct cpuid_field *f = cpuid_fields(&count);
	for (size_t i = 0; i < count; i++)
		assert_true(f[i].requires == CPUID_FIELD_ALWAYS || feature_by_id(f[i].requires));
}

static void cpuid_fields__leaves__have_titles(void **state)
{
	(void)state;
	size_t count;
	const struct cpuid_field *f = cpuid_fields(&count);
	for (size_t i = 0; i < count; i++) {
		assert_non_null(cpuid_leaf_title(f[i].leaf, 0));
		assert_true(f[i].subleaf < 0 || cpuid_leaf_has_subleaves(f[i].leaf));
	}
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *w = feature_word(i);
		if (w->kind == FEATURE_WORD_CPUID) {
			assert_non_null(cpuid_leaf_title(w->leaf, w->subleaf));
			assert_int_equal(cpuid_leaf_has_subleaves(w->leaf), w->subleaf_matters);
		}
	}
}

static void cpuid_field_find__known_bits__names_kind_and_combination(void **state)
{
	(void)state;
	const struct cpuid_field *f = cpuid_field_find(0x80000008, 0, CPUID_EAX, 3);
	assert_int_equal(f->kind, CPUID_FIELD_ADDRESS);
	assert_int_equal(f->combine, CPUID_COMBINE_MIN);
	assert_int_equal(f->low, 0);
	assert_int_equal(f->high, 7);
	f = cpuid_field_find(0x1, 7, CPUID_EBX, 31);
	assert_int_equal(f->kind, CPUID_FIELD_TOPOLOGY);
	f = cpuid_field_find(0x8000000a, 0, CPUID_EBX, 0);
	assert_int_equal(f->requires, FEATURE_ID_svm);
}

static void cpuid_field_find__subleaf_with_rows_of_its_own__not_those_of_any(void **state)
{
	(void)state;
	assert_string_equal(
		cpuid_field_find(0xd, 0, CPUID_EAX, 0)->name, "XCR0 bits 31:0 that may be 1");
	/* Bits of subleaf 1 EAX are features or reserved, though EAX of further ones is a size. */
	assert_null(cpuid_field_find(0xd, 1, CPUID_EAX, 0));
	assert_null(cpuid_field_find(0xd, 1, CPUID_EAX, 31));
	assert_string_equal(cpuid_field_find(0xd, 2, CPUID_EAX, 0)->name, "bytes of the component");
	assert_string_equal(
		cpuid_field_find(0xd, UINT32_MAX, CPUID_EAX, 0)->name, "bytes of the component");
}

static void cpuid_field_find__feature_reserved_or_unknown__null(void **state)
{
	(void)state;
	assert_null(cpuid_field_find(0x1, 0, CPUID_EDX, 0));
	assert_null(cpuid_field_find(0x1, 0, CPUID_EAX, 28));
	assert_null(cpuid_field_find(0x7, 0, CPUID_EBX, 16));
	assert_null(cpuid_field_find(0x7, 5, CPUID_EAX, 0));
	assert_null(cpuid_field_find(0x12345, 0, CPUID_EAX, 0));
	assert_null(cpuid_field_find(UINT32_MAX, UINT32_MAX, CPUID_EDX, 31));
	assert_null(cpuid_field_find(0x1, 0, CPUID_EAX, UINT32_MAX));
}

static void cpuid_fields_of__leaf_without_rows__none(void **state)
{
	(void)state;
	size_t count = 99;
	assert_null(cpuid_fields_of(0x12345, 0, &count));
	assert_int_equal(count, 0);
	assert_non_null(cpuid_fields_of(0x4, UINT32_MAX, &count));
	assert_int_equal(count, 13);
}

static void cpuid_leaf_title__subleaves__have_titles_of_their_own_or_the_leafs(void **state)
{
	(void)state;
	assert_string_equal(cpuid_leaf_title(0xd, 2), "XSAVE component AVX");
	assert_string_equal(cpuid_leaf_title(0xd, 60), "XSAVE component");
	assert_string_equal(cpuid_leaf_title(0x1, 60), "family, model, features");
	assert_null(cpuid_leaf_title(0x12345, 0));
	assert_null(cpuid_leaf_title(UINT32_MAX, UINT32_MAX));
}

static void cpuid_leaf_has_subleaves__leaves__as_the_manuals_say(void **state)
{
	(void)state;
	static const uint32_t with[] = { 0x4, 0x7, 0xb, 0xd, 0xf, 0x10, 0x12, 0x14, 0x17, 0x18,
		0x1d, 0x1e, 0x1f, 0x20, 0x23, 0x24, 0x8000001d, 0x80000020, 0x80000026 };
	for (size_t i = 0; i < ARRAY_SIZE(with); i++)
		assert_true(cpuid_leaf_has_subleaves(with[i]));
	assert_false(cpuid_leaf_has_subleaves(0x1));
	assert_false(cpuid_leaf_has_subleaves(0x15));
	assert_false(cpuid_leaf_has_subleaves(0x80000008));
	assert_false(cpuid_leaf_has_subleaves(0x12345));
}

static void cpuid_reg_name__all__lower_case(void **state)
{
	(void)state;
	assert_string_equal(cpuid_reg_name(CPUID_EAX), "eax");
	assert_string_equal(cpuid_reg_name(CPUID_EDX), "edx");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpuid_fields__rows__are_sorted_and_do_not_overlap),
		cmocka_unit_test(cpuid_fields__named_features__lie_in_none),
		cmocka_unit_test(cpuid_fields__required_features__have_names),
		cmocka_unit_test(cpuid_fields__leaves__have_titles),
		cmocka_unit_test(cpuid_field_find__known_bits__names_kind_and_combination),
		cmocka_unit_test(cpuid_field_find__subleaf_with_rows_of_its_own__not_those_of_any),
		cmocka_unit_test(cpuid_field_find__feature_reserved_or_unknown__null),
		cmocka_unit_test(cpuid_fields_of__leaf_without_rows__none),
		cmocka_unit_test(
			cpuid_leaf_title__subleaves__have_titles_of_their_own_or_the_leafs),
		cmocka_unit_test(cpuid_leaf_has_subleaves__leaves__as_the_manuals_say),
		cmocka_unit_test(cpuid_reg_name__all__lower_case),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
