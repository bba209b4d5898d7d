/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "nesting/nesting.h"
#include "nesting/profile.h"

#include <string.h>

static const enum cpuid_vendor vendors[] = { CPUID_VENDOR_INTEL, CPUID_VENDOR_AMD };

static void profiles__names__are_those_of_the_config_in_its_order(void **state)
{
	(void)state;
	static const char *const names[] = { "full", "kvm", "xen", "hyperv", "vmware", "minimal" };
	size_t n = 0;
	const struct nesting_profile *p = nesting_profiles(&n);
	assert_int_equal(n, ARRAY_SIZE(names));
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(p[i].name, names[i]);
		assert_ptr_equal(nesting_profile_find(names[i]), &p[i]);
	}
}

static void profile_find__other_names__are_not_found(void **state)
{
	(void)state;
	assert_null(nesting_profile_find(""));
	assert_null(nesting_profile_find("KVM"));
	assert_null(nesting_profile_find("kvm "));
}

static void profiles__rows__each_with_a_known_feature_and_a_reason(void **state)
{
	(void)state;
	size_t n = 0;
	const struct nesting_profile *p = nesting_profiles(&n);
	for (size_t i = 0; i < n; i++) {
		assert_true(p[i].title[0] != '\0');
		for (size_t k = 0; k < p[i].nr_rows; k++) {
			const struct nesting_profile_row *row = &p[i].rows[k];
			assert_non_null(feature_by_id(row->feature));
			assert_true(strlen(row->reason) > 5);
			for (size_t v = 0; v < ARRAY_SIZE(vendors); v++) {
				if (row->vendor == CPUID_VENDOR_OTHER || row->vendor == vendors[v])
					assert_ptr_equal(nesting_profile_row(
								 &p[i], vendors[v], row->feature),
						row);
			}
		}
	}
}

static void profiles__extensions_themselves__are_required_by_all(void **state)
{
	(void)state;
	size_t n = 0;
	const struct nesting_profile *p = nesting_profiles(&n);
	for (size_t i = 0; i < n; i++) {
		const struct nesting_profile_row *vmx =
			nesting_profile_row(&p[i], CPUID_VENDOR_INTEL, FEATURE_ID_vmx);
		const struct nesting_profile_row *svm =
			nesting_profile_row(&p[i], CPUID_VENDOR_AMD, FEATURE_ID_svm);
		assert_true(vmx && vmx->level == NESTING_REQUIRED);
		assert_true(svm && svm->level == NESTING_REQUIRED);
		assert_null(nesting_profile_row(&p[i], CPUID_VENDOR_AMD, FEATURE_ID_vmx));
	}
}

/* What a row asks for can be given: what it needs is not hidden, and required where it is. */
static void profiles__requirements_of_rows__do_not_contradict(void **state)
{
	(void)state;
	size_t n = 0, nr_requires = 0;
	const struct nesting_profile *p = nesting_profiles(&n);
	const struct feature_requirement *r = feature_requirements(&nr_requires);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < nr_requires; k++) {
			const char *its = nesting_extensions_of(r[k].feature);
			if (!its || !nesting_extensions_of(r[k].required))
				continue;
			enum cpuid_vendor v =
				strcmp(its, "vmx") == 0 ? CPUID_VENDOR_INTEL : CPUID_VENDOR_AMD;
			const struct nesting_profile_row *row =
				nesting_profile_row(&p[i], v, r[k].feature);
			const struct nesting_profile_row *needs =
				nesting_profile_row(&p[i], v, r[k].required);
			if (!row || row->level == NESTING_HIDDEN)
				continue;
			if (needs && needs->level == NESTING_HIDDEN)
				fail_msg("%s: %s needs %s, which is hidden", p[i].name,
					feature_by_id(r[k].feature)->name,
					feature_by_id(r[k].required)->name);
			if (row->level == NESTING_REQUIRED &&
				(!needs || needs->level != NESTING_REQUIRED))
				fail_msg("%s: %s is required, %s is not", p[i].name,
					feature_by_id(r[k].feature)->name,
					feature_by_id(r[k].required)->name);
		}
	}
}

/* So that a new feature is decided on before a guest sees it. */
static void profile_minimal__every_vmx_and_svm_feature__has_a_row(void **state)
{
	(void)state;
	const struct nesting_profile *p = nesting_profile_find("minimal");
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at(i);
		const char *its = nesting_extensions_of(f->id);
		if (!its)
			continue;
		enum cpuid_vendor v =
			strcmp(its, "vmx") == 0 ? CPUID_VENDOR_INTEL : CPUID_VENDOR_AMD;
		if (!nesting_profile_row(p, v, f->id))
			fail_msg("profile minimal says nothing of %s", f->name);
	}
}

/* minimal runs KVM and Xen: what these require is required there. */
static void profile_minimal__what_kvm_and_xen_require__is_required(void **state)
{
	(void)state;
	static const char *const names[] = { "kvm", "xen" };
	const struct nesting_profile *minimal = nesting_profile_find("minimal");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct nesting_profile *p = nesting_profile_find(names[i]);
		for (size_t k = 0; k < p->nr_rows; k++) {
			const struct nesting_profile_row *row = &p->rows[k];
			if (row->level != NESTING_REQUIRED)
				continue;
			const struct nesting_profile_row *there =
				nesting_profile_row(minimal, row->vendor, row->feature);
			if (!there || there->level != NESTING_REQUIRED)
				fail_msg("minimal does not require %s",
					feature_by_id(row->feature)->name);
		}
	}
}

static void profile_row__row_for_any__fits_both_vendors(void **state)
{
	(void)state;
	const struct nesting_profile *p = nesting_profile_find("hyperv");
	assert_non_null(nesting_profile_row(p, CPUID_VENDOR_INTEL, FEATURE_ID_nx));
	assert_non_null(nesting_profile_row(p, CPUID_VENDOR_AMD, FEATURE_ID_nx));
	assert_null(nesting_profile_row(p, CPUID_VENDOR_AMD, FEATURE_ID_avx));
}

static void level_name__each__is_the_word_of_the_file(void **state)
{
	(void)state;
	assert_string_equal(nesting_level_name(NESTING_REQUIRED), "required");
	assert_string_equal(nesting_level_name(NESTING_WANTED), "wanted");
	assert_string_equal(nesting_level_name(NESTING_HIDDEN), "hidden");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profiles__names__are_those_of_the_config_in_its_order),
		cmocka_unit_test(profile_find__other_names__are_not_found),
		cmocka_unit_test(profiles__rows__each_with_a_known_feature_and_a_reason),
		cmocka_unit_test(profiles__extensions_themselves__are_required_by_all),
		cmocka_unit_test(profiles__requirements_of_rows__do_not_contradict),
		cmocka_unit_test(profile_minimal__every_vmx_and_svm_feature__has_a_row),
		cmocka_unit_test(profile_minimal__what_kvm_and_xen_require__is_required),
		cmocka_unit_test(profile_row__row_for_any__fits_both_vendors),
		cmocka_unit_test(level_name__each__is_the_word_of_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
