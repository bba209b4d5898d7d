/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "cpuid/features.h"

#include <stdio.h>
#include <string.h>

static feature_id id_of(const char *name)
{
	const struct feature *f = feature_find(name);
	assert_non_null(f);
	return f->id;
}

static struct feature_set set_of(const char *const *names)
{
	struct feature_set set = { { 0 } };
	for (; *names; names++)
		feature_set_add(&set, id_of(*names));
	return set;
}

static void feature_at__every_row__is_sorted_and_found_by_name_and_id(void **state)
{
	(void)state;
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at(i);
		assert_ptr_equal(feature_find(f->name), f);
		assert_ptr_equal(feature_by_id(f->id), f);
		assert_true(i == 0 || strcmp(feature_at(i - 1)->name, f->name) < 0);
		assert_true(feature_word(f->id / 32)->named >> (f->id % 32) & 1);
	}
}

static void feature_at__every_alias__finds_the_row(void **state)
{
	(void)state;
	size_t aliases = 0;
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		char text[256], *rest = text;
		snprintf(text, sizeof(text), "%s", feature_at(i)->aliases);
		for (char *alias; (alias = strsep(&rest, ",")) && *alias; aliases++)
			assert_ptr_equal(feature_find(alias), feature_at(i));
	}
	assert_true(aliases > 80);
}

static void feature_word__named_bits__are_as_many_as_features(void **state)
{
	(void)state;
	unsigned named = 0;
	for (unsigned w = 0; w < FEATURE_NR_WORDS; w++)
		named += (unsigned)__builtin_popcount(feature_word(w)->named);
	assert_int_equal(named, FEATURE_COUNT);
}

static void feature_by_id__bit_without_a_name_or_no_bit__null(void **state)
{
	(void)state;
	/* Leaf 1 EDX bit 10 is reserved. */
	int w = feature_word_of_cpuid(1, 0, CPUID_EDX);
	assert_true(w >= 0);
	assert_null(feature_by_id((feature_id)(w * 32 + 10)));
	assert_null(feature_by_id(FEATURE_NR_WORDS * 32));
	assert_null(feature_by_id(UINT16_MAX));
}

static void feature_find__underscore_for_dash_and_back__finds(void **state)
{
	(void)state;
	assert_string_equal(feature_find("tsc-adjust")->name, "tsc_adjust");
	assert_string_equal(feature_find("avx512_vnni")->name, "avx512vnni");
	assert_string_equal(feature_find("arch_capabilities")->name, "arch-capabilities");
	assert_string_equal(feature_find("sse4_1")->name, "sse4.1");
	assert_string_equal(feature_find("sse3")->name, "pni");
	assert_string_equal(feature_find("vmx_true_ctls")->name, "vmx-true-ctls");
}

static void feature_find__unknown_names__null(void **state)
{
	(void)state;
	assert_null(feature_find(""));
	assert_null(feature_find("avx3"));
	assert_null(feature_find("AVX"));
	assert_null(feature_find("avx "));
	assert_null(feature_find("\xff"));
	assert_null(feature_find("zzz"));
}

static void feature_nearest__misspelt__names_the_one_meant(void **state)
{
	(void)state;
	assert_string_equal(feature_nearest("avx521f"), "avx512f");
	assert_string_equal(feature_nearest("AVX2"), "avx2");
	assert_string_equal(feature_nearest("kvm-pv-un"), "kvm-pv-unhalt");
	assert_string_equal(feature_nearest("pclmulqd"), "pclmuldq");
	assert_string_equal(feature_nearest("tsc-deadlin-timer"), "tsc-deadline-timer");
	assert_string_equal(feature_nearest("cmp-legcy"), "cmp_legacy");
}

static void feature_nearest__nothing_near__null(void **state)
{
	(void)state;
	char longest[4096];
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_null(feature_nearest("quantum-entanglement"));
	assert_null(feature_nearest(""));
	assert_null(feature_nearest(longest));
}

static void feature_word_of_cpuid__places__as_the_manuals_say(void **state)
{
	(void)state;
	char text[FEATURE_PLACE_BYTES];
	assert_string_equal(feature_place(text, FEATURE_ID_vmx), "CPUID 0x1 ECX bit 5");
	assert_string_equal(feature_place(text, FEATURE_ID_avx512f), "CPUID 0x7.0 EBX bit 16");
	assert_string_equal(feature_place(text, FEATURE_ID_xsaves), "CPUID 0xd.1 EAX bit 3");
	assert_string_equal(feature_place(text, FEATURE_ID_npt), "CPUID 0x8000000a EDX bit 0");
	assert_string_equal(feature_place(text, FEATURE_ID_mds_no), "MSR 0x10a bit 5");
	assert_string_equal(feature_place(text, FEATURE_ID_its_no), "MSR 0x10a bit 62");
	assert_string_equal(feature_place(text, FEATURE_ID_vmx_ins_outs), "MSR 0x480 bit 54");
	assert_string_equal(feature_place(text, FEATURE_ID_vmx_ept), "MSR 0x48b bit 33");
	assert_string_equal(
		feature_place(text, FEATURE_ID_vmx_cr3_load_noexit), "MSR 0x48e bit 15");
	assert_string_equal(feature_place(text, UINT16_MAX), "no bit");
	assert_int_equal(feature_word_of_cpuid(7, 0, CPUID_EBX), FEATURE_ID_avx512f / 32);
}

static void feature_word_of_cpuid__subleaf__counts_only_where_it_matters(void **state)
{
	(void)state;
	assert_int_equal(feature_word_of_cpuid(1, 99, CPUID_ECX), FEATURE_ID_vmx / 32);
	assert_int_equal(feature_word_of_cpuid(7, 99, CPUID_EBX), -1);
	assert_int_equal(feature_word_of_cpuid(1, 0, CPUID_EAX), -1);
	assert_int_equal(feature_word_of_cpuid(0x480, 0, CPUID_EAX), -1);
	assert_int_equal(feature_word_of_cpuid(UINT32_MAX, 0, CPUID_EAX), -1);
}

static void feature_word__allowed_zero_halves__are_inverted_and_only_they(void **state)
{
	(void)state;
	assert_true(feature_word(FEATURE_ID_vmx_cr3_load_noexit / 32)->inverted);
	assert_int_equal(feature_word(FEATURE_ID_vmx_cr3_load_noexit / 32)->shift, 0);
	assert_true(feature_word(FEATURE_ID_vmx_exit_nosave_debugctl / 32)->inverted);
	assert_true(feature_word(FEATURE_ID_vmx_entry_noload_debugctl / 32)->inverted);
	unsigned inverted = 0;
	for (unsigned w = 0; w < FEATURE_NR_WORDS; w++)
		inverted += feature_word(w)->inverted;
	assert_int_equal(inverted, 3);
	assert_int_equal(feature_word(FEATURE_ID_vmx_ept / 32)->shift, 32);
	assert_int_equal(feature_word(FEATURE_ID_vmx_ipi_virt / 32)->shift, 0);
}

static void feature_label__with_and_without_a_name__name_or_place(void **state)
{
	(void)state;
	char text[FEATURE_PLACE_BYTES];
	assert_string_equal(feature_label(text, FEATURE_ID_sse4_1), "sse4.1");
	feature_id nameless = FEATURE_ID_fpu / 32 * 32 + 10;
	assert_string_equal(feature_label(text, nameless), "CPUID 0x1 EDX bit 10");
}

static void feature_set__algebra__is_of_sets(void **state)
{
	(void)state;
	struct feature_set ab = set_of((const char *[]){ "fpu", "avx", NULL });
	struct feature_set bc = set_of((const char *[]){ "avx", "vmx-ept", NULL });
	struct feature_set both = ab, either = ab, left = ab;
	feature_set_and(&both, &bc);
	feature_set_or(&either, &bc);
	feature_set_subtract(&left, &bc);
	assert_int_equal(feature_set_count(&both), 1);
	assert_true(feature_set_has(&both, FEATURE_ID_avx));
	assert_int_equal(feature_set_count(&either), 3);
	assert_int_equal(feature_set_count(&left), 1);
	assert_true(feature_set_has(&left, FEATURE_ID_fpu));
	assert_true(feature_set_is_subset(&both, &ab));
	assert_false(feature_set_is_subset(&either, &ab));
	feature_set_subtract(&left, &ab);
	assert_true(feature_set_is_empty(&left));
	assert_false(feature_set_is_empty(&both));
}

static void feature_set_next__loop__gives_each_member_in_order_and_ends(void **state)
{
	(void)state;
	struct feature_set set =
		set_of((const char *[]){ "fpu", "avx", "vmx-ept", "its-no", NULL });
	unsigned count = 0;
	feature_id last = 0;
	for (feature_id id = feature_set_next(&set, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&set, (feature_id)(id + 1))) {
		assert_true(feature_set_has(&set, id));
		assert_true(count == 0 || id > last);
		last = id;
		count++;
	}
	assert_int_equal(count, 4);
	struct feature_set full;
	memset(&full, 0xff, sizeof(full));
	assert_int_equal(feature_set_next(&full, 31), 31);
	assert_int_equal(
		feature_set_next(&full, FEATURE_NR_WORDS * 32 - 1), FEATURE_NR_WORDS * 32 - 1);
	assert_int_equal(feature_set_next(&full, FEATURE_NR_WORDS * 32), FEATURE_NR_WORDS * 32);
	assert_int_equal(feature_set_next(&full, UINT16_MAX), FEATURE_NR_WORDS * 32);
}

static void feature_set_of_attribute__classes__hold_their_features(void **state)
{
	(void)state;
	struct feature_set s;
	feature_set_of_attribute(FEATURE_MANAGED, &s);
	assert_true(feature_set_has(&s, FEATURE_ID_osxsave));
	assert_true(feature_set_has(&s, FEATURE_ID_hypervisor));
	assert_false(feature_set_has(&s, FEATURE_ID_topoext));
	feature_set_of_attribute(FEATURE_DEFECT | FEATURE_IMMOBILE, &s);
	assert_true(feature_set_has(&s, FEATURE_ID_rsba));
	assert_true(feature_set_has(&s, FEATURE_ID_invtsc));
	feature_set_of_attribute(FEATURE_VMX_CONTROL, &s);
	assert_int_equal(feature_set_count(&s), 133);
	assert_false(feature_set_has(&s, FEATURE_ID_vmx));
	feature_set_of_attribute(FEATURE_HINT, &s);
	assert_int_equal(feature_set_count(&s), 1);
	feature_set_of_attribute(0, &s);
	assert_true(feature_set_is_empty(&s));
}

static void feature_set_of_attribute__pv__is_all_of_kvms_leaf(void **state)
{
	(void)state;
	struct feature_set pv;
	feature_set_of_attribute(FEATURE_PV, &pv);
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at(i);
		const struct feature_word *w = feature_word(f->id / 32);
		bool kvm = w->kind == FEATURE_WORD_CPUID && w->leaf == 0x40000001;
		assert_int_equal(feature_set_has(&pv, f->id), kvm);
	}
}

static void feature_set_foreign__vendors__exclude_each_other(void **state)
{
	(void)state;
	struct feature_set intel, amd, other;
	feature_set_foreign(CPUID_VENDOR_INTEL, &intel);
	feature_set_foreign(CPUID_VENDOR_AMD, &amd);
	feature_set_foreign(CPUID_VENDOR_OTHER, &other);
	assert_true(feature_set_has(&intel, FEATURE_ID_svm));
	assert_true(feature_set_has(&intel, FEATURE_ID_xstore));
	assert_false(feature_set_has(&intel, FEATURE_ID_vmx));
	assert_true(feature_set_has(&amd, FEATURE_ID_vmx));
	assert_true(feature_set_has(&amd, FEATURE_ID_vmx_ept));
	assert_false(feature_set_has(&amd, FEATURE_ID_svm));
	assert_false(feature_set_has(&amd, FEATURE_ID_tsc_deadline));
	assert_true(feature_set_is_empty(&other));
}

static void feature_requirements__all__are_sorted_and_of_named_features(void **state)
{
	(void)state;
	size_t count;
	const struct feature_requirement *r = feature_requirements(&count);
	assert_true(count > 300);
	for (size_t i = 0; i < count; i++) {
		assert_non_null(feature_by_id(r[i].feature));
		assert_non_null(feature_by_id(r[i].required));
		assert_true(r[i].why[0] != '\0');
		assert_true(
			i == 0 || r[i - 1].feature < r[i].feature ||
			(r[i - 1].feature == r[i].feature && r[i - 1].required < r[i].required));
	}
}

/* Features all of whose requirements are placed can be placed; a cycle never is. */
static void feature_requirements__all__have_no_cycle(void **state)
{
	(void)state;
	size_t count;
	const struct feature_requirement *r = feature_requirements(&count);
	struct feature_set open;
	for (size_t i = 0; i < FEATURE_NR_WORDS; i++)
		open.w[i] = feature_word((unsigned)i)->named;
	for (unsigned before = 0; feature_set_count(&open) != before;) {
		before = feature_set_count(&open);
		struct feature_set waits = { { 0 } };
		for (size_t i = 0; i < count; i++) {
			if (feature_set_has(&open, r[i].required))
				feature_set_add(&waits, r[i].feature);
		}
		feature_set_and(&open, &waits);
	}
	assert_true(feature_set_is_empty(&open));
}

static void feature_requirements__vmx_and_svm__are_needed_by_each_of_their_features(void **state)
{
	(void)state;
	struct feature_set set, want;
	memset(&set, 0xff, sizeof(set));
	feature_set_remove(&set, FEATURE_ID_vmx);
	feature_set_remove(&set, FEATURE_ID_svm);
	feature_set_close(&set, NULL, NULL);
	feature_set_of_attribute(FEATURE_VMX_CONTROL, &want);
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at(i);
		const struct feature_word *w = feature_word(f->id / 32);
		bool svm = w->kind == FEATURE_WORD_CPUID && w->leaf == 0x8000000a;
		if (svm || feature_set_has(&want, f->id))
			assert_false(feature_set_has(&set, f->id));
	}
}

struct drops {
	struct feature_set set;
	unsigned count;
	feature_id because_of_avx2; /* what avx512f was dropped for */
};

static void note_drop(void *ctx, const struct feature_requirement *r)
{
	struct drops *d = ctx;
	assert_false(feature_set_has(&d->set, r->feature));
	feature_set_add(&d->set, r->feature);
	d->count++;
	if (r->feature == FEATURE_ID_avx512f)
		d->because_of_avx2 = r->required;
}

static void feature_set_close__chain_is_broken_at_its_root__all_dependants_go_once(void **state)
{
	(void)state;
	struct feature_set set = set_of((const char *[]){
		"fpu", "osxsave", "avx", "avx2", "fma", "avx512f", "avx512vl", NULL });
	struct drops drops = { .count = 0 };
	feature_set_close(&set, note_drop, &drops);
	assert_int_equal(feature_set_count(&set), 1);
	assert_true(feature_set_has(&set, FEATURE_ID_fpu));
	assert_int_equal(drops.count, 6);
	assert_int_equal(drops.because_of_avx2, FEATURE_ID_avx2);
}

static void feature_set_close__all_met__nothing_changes(void **state)
{
	(void)state;
	struct feature_set set =
		set_of((const char *[]){ "xsave", "avx", "avx2", "f16c", "osxsave", NULL });
	struct feature_set before = set;
	struct drops drops = { .count = 0 };
	feature_set_close(&set, note_drop, &drops);
	assert_memory_equal(&set, &before, sizeof(set));
	assert_int_equal(drops.count, 0);
}

static void feature_set_close__bits_without_names__stay(void **state)
{
	(void)state;
	struct feature_set set = { { 0 } };
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++)
		set.w[i] = ~feature_word(i)->named;
	struct feature_set before = set;
	feature_set_close(&set, NULL, NULL);
	assert_memory_equal(&set, &before, sizeof(set));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(feature_at__every_row__is_sorted_and_found_by_name_and_id),
		cmocka_unit_test(feature_at__every_alias__finds_the_row),
		cmocka_unit_test(feature_word__named_bits__are_as_many_as_features),
		cmocka_unit_test(feature_by_id__bit_without_a_name_or_no_bit__null),
		cmocka_unit_test(feature_find__underscore_for_dash_and_back__finds),
		cmocka_unit_test(feature_find__unknown_names__null),
		cmocka_unit_test(feature_nearest__misspelt__names_the_one_meant),
		cmocka_unit_test(feature_nearest__nothing_near__null),
		cmocka_unit_test(feature_word_of_cpuid__places__as_the_manuals_say),
		cmocka_unit_test(feature_word_of_cpuid__subleaf__counts_only_where_it_matters),
		cmocka_unit_test(feature_word__allowed_zero_halves__are_inverted_and_only_they),
		cmocka_unit_test(feature_label__with_and_without_a_name__name_or_place),
		cmocka_unit_test(feature_set__algebra__is_of_sets),
		cmocka_unit_test(feature_set_next__loop__gives_each_member_in_order_and_ends),
		cmocka_unit_test(feature_set_of_attribute__classes__hold_their_features),
		cmocka_unit_test(feature_set_of_attribute__pv__is_all_of_kvms_leaf),
		cmocka_unit_test(feature_set_foreign__vendors__exclude_each_other),
		cmocka_unit_test(feature_requirements__all__are_sorted_and_of_named_features),
		cmocka_unit_test(feature_requirements__all__have_no_cycle),
		cmocka_unit_test(
			feature_requirements__vmx_and_svm__are_needed_by_each_of_their_features),
		cmocka_unit_test(
			feature_set_close__chain_is_broken_at_its_root__all_dependants_go_once),
		cmocka_unit_test(feature_set_close__all_met__nothing_changes),
		cmocka_unit_test(feature_set_close__bits_without_names__stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
