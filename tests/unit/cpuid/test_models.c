/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "cpuid/models.h"

#include <string.h>

static void cpu_model_at__every_row__is_sorted_and_found_by_name(void **state)
{
	(void)state;
	size_t i = 0;
	for (const struct cpu_model *m; (m = cpu_model_at(i)); i++) {
		assert_ptr_equal(cpu_model_find(m->name), m);
		assert_true(i == 0 || strcmp(cpu_model_at(i - 1)->name, m->name) < 0);
		assert_true(m->source[0] != '\0');
	}
	assert_int_equal(i, 180);
	assert_null(cpu_model_at(SIZE_MAX));
}

static void cpu_model_find__unknown__null(void **state)
{
	(void)state;
	assert_null(cpu_model_find(""));
	assert_null(cpu_model_find("host"));
	assert_null(cpu_model_find("max"));
	assert_null(cpu_model_find("haswell"));
	assert_null(cpu_model_find("Haswell "));
}

static void cpu_model_nearest__misspelt__names_the_one_meant(void **state)
{
	(void)state;
	assert_string_equal(cpu_model_nearest("haswel"), "Haswell");
	assert_string_equal(cpu_model_nearest("epyc-rome"), "EPYC-Rome");
	assert_string_equal(cpu_model_nearest("hots"), "host");
	assert_string_equal(cpu_model_nearest("Sapphire"), "SapphireRapids");
	assert_string_equal(cpu_model_nearest("x86-64v3"), "x86-64-v3");
	assert_null(cpu_model_nearest("PowerPC G4"));
	assert_null(cpu_model_nearest(""));
}

static void cpu_model__features__are_closed_under_requirements(void **state)
{
	(void)state;
	const struct cpu_model *m;
	for (size_t i = 0; (m = cpu_model_at(i)); i++) {
		struct feature_set set = m->features, closed;
		/* VMX controls count where the guest has vmx. */
		feature_set_add(&set, FEATURE_ID_vmx);
		closed = set;
		feature_set_close(&closed, NULL, NULL);
		if (memcmp(&closed, &set, sizeof(set)) != 0)
			fail_msg("%s breaks a requirement", m->name);
	}
}

static void cpu_model__base__has_a_subset_of_the_features(void **state)
{
	(void)state;
	const struct cpu_model *m;
	size_t based = 0;
	for (size_t i = 0; (m = cpu_model_at(i)); i++) {
		if (m->base[0] == '\0')
			continue;
		const struct cpu_model *base = cpu_model_find(m->base);
		assert_non_null(base);
		if (!feature_set_is_subset(&base->features, &m->features))
			fail_msg("%s lacks a feature of its base %s", m->name, m->base);
		based++;
	}
	assert_true(based > 50);
}

static void cpu_model__features__are_not_of_another_vendor(void **state)
{
	(void)state;
	const struct cpu_model *m;
	for (size_t i = 0; (m = cpu_model_at(i)); i++) {
		struct feature_set foreign;
		feature_set_foreign(m->vendor, &foreign);
		feature_set_and(&foreign, &m->features);
		if (!feature_set_is_empty(&foreign))
			fail_msg("%s has a feature of another vendor", m->name);
	}
}

static void cpu_model__qemu_extra__is_apart_from_features(void **state)
{
	(void)state;
	const struct cpu_model *m;
	for (size_t i = 0; (m = cpu_model_at(i)); i++) {
		struct feature_set both = m->qemu_extra;
		feature_set_and(&both, &m->features);
		assert_true(feature_set_is_empty(&both));
	}
}

static void cpu_model__signature__fits_a_leaf(void **state)
{
	(void)state;
	const struct cpu_model *m;
	for (size_t i = 0; (m = cpu_model_at(i)); i++) {
		assert_int_equal(m->has_signature, m->nr_numbers > 0);
		assert_true(m->nr_numbers <= CPU_MODEL_MAX_NUMBERS);
		assert_true(m->stepping_low <= m->stepping_high && m->stepping_high <= 15);
		for (unsigned n = 0; n < m->nr_numbers; n++) {
			unsigned family, number, stepping;
			uint32_t eax =
				cpu_signature_pack(m->family, m->numbers[n], m->stepping_low);
			cpu_signature_unpack(eax, &family, &number, &stepping);
			assert_int_equal(family, m->family);
			assert_int_equal(number, m->numbers[n]);
			assert_int_equal(stepping, m->stepping_low);
		}
	}
}

static void cpu_model__vendor__has_its_id(void **state)
{
	(void)state;
	const struct cpu_model *m = cpu_model_find("Dhyana");
	assert_int_equal(m->vendor, CPUID_VENDOR_AMD);
	assert_string_equal(m->vendor_id, "HygonGenuine");
	m = cpu_model_find("YongFeng");
	assert_int_equal(m->vendor, CPUID_VENDOR_OTHER);
	assert_string_equal(m->vendor_id, "CentaurHauls");
	m = cpu_model_find("qemu64");
	assert_int_equal(m->vendor, CPUID_VENDOR_OTHER);
	assert_string_equal(m->vendor_id, "");
	for (size_t i = 0; (m = cpu_model_at(i)); i++)
		assert_true(m->vendor_id[0] == '\0' || strlen(m->vendor_id) == 12);
}

static void cpu_model__cascadelake__is_as_the_table_says(void **state)
{
	(void)state;
	const struct cpu_model *m = cpu_model_find("Cascadelake-Server");
	assert_int_equal(m->vendor, CPUID_VENDOR_INTEL);
	assert_int_equal(m->family, 6);
	assert_int_equal(m->numbers[0], 85);
	assert_int_equal(m->stepping_low, 5);
	assert_int_equal(m->stepping_high, 7);
	assert_true(feature_set_has(&m->features, FEATURE_ID_avx512vnni));
	assert_true(feature_set_has(&m->features, FEATURE_ID_vmx_ept));
	assert_false(feature_set_has(&m->features, FEATURE_ID_avx512_bf16));
	assert_true(feature_set_has(&m->qemu_extra, FEATURE_ID_pku));
}

static void cpu_model__psabi_levels__grow_and_can_run_a_system(void **state)
{
	(void)state;
	static const char *const names[] = { "x86-64-v1", "x86-64-v2", "x86-64-v3", "x86-64-v4" };
	const struct cpu_model *last = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct cpu_model *m = cpu_model_find(names[i]);
		assert_true(feature_set_has(&m->features, FEATURE_ID_pae));
		assert_true(feature_set_has(&m->features, FEATURE_ID_lm));
		assert_true(feature_set_has(&m->features, FEATURE_ID_apic));
		assert_true(!last || feature_set_is_subset(&last->features, &m->features));
		last = m;
	}
	assert_true(feature_set_has(&last->features, FEATURE_ID_avx512vl));
}

static void cpu_signature_pack__known_processors__are_as_they_report(void **state)
{
	(void)state;
	assert_int_equal(cpu_signature_pack(6, 85, 7), 0x50657);   /* Cascade Lake */
	assert_int_equal(cpu_signature_pack(6, 60, 3), 0x306c3);   /* Haswell */
	assert_int_equal(cpu_signature_pack(15, 4, 1), 0xf41);     /* Pentium 4 Prescott */
	assert_int_equal(cpu_signature_pack(23, 1, 2), 0x800f12);  /* EPYC */
	assert_int_equal(cpu_signature_pack(25, 17, 1), 0xa10f11); /* EPYC Genoa */
	assert_int_equal(cpu_signature_pack(7, 91, 2), 0x507b2);   /* YongFeng */
	assert_int_equal(cpu_signature_pack(5, 2, 12), 0x52c);     /* Pentium */
}

static void cpu_signature_unpack__known_processors__family_model_stepping(void **state)
{
	(void)state;
	static const struct {
		uint32_t eax;
		unsigned family, model, stepping;
	} known[] = {
		{ 0x50657, 6, 85, 7 },
		{ 0xa10f11, 25, 17, 1 },
		{ 0x100f43, 16, 4, 3 },
		{ 0x50654, 6, 85, 4 },
		{ 0xb0671, 6, 183, 1 },
		{ 0x52c, 5, 2, 12 },
		{ UINT32_MAX, 270, 255, 15 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		unsigned family, model, stepping;
		cpu_signature_unpack(known[i].eax, &family, &model, &stepping);
		assert_int_equal(family, known[i].family);
		assert_int_equal(model, known[i].model);
		assert_int_equal(stepping, known[i].stepping);
	}
}

static void cpu_signature_pack__numbers_too_large__touch_no_other_field(void **state)
{
	(void)state;
	assert_int_equal(cpu_signature_pack(UINT32_MAX, 0, 0) & 0xf00ff0ff, 0);
	assert_int_equal(cpu_signature_pack(6, UINT32_MAX, 0), 0xf06f0);
	assert_int_equal(cpu_signature_pack(6, 0, UINT32_MAX), 0x60f);
}

static void cpu_minimum_features__of_hyperv__hides_what_hyperv_hides(void **state)
{
	(void)state;
	static const feature_id hidden[] = { FEATURE_ID_ssse3, FEATURE_ID_sse4_1, FEATURE_ID_sse4_2,
		FEATURE_ID_popcnt, FEATURE_ID_misalignsse, FEATURE_ID_xsave, FEATURE_ID_avx,
		FEATURE_ID_sse4a, FEATURE_ID_xop, FEATURE_ID_abm, FEATURE_ID_3dnow,
		FEATURE_ID_3dnowext, FEATURE_ID_avx2, FEATURE_ID_aes, FEATURE_ID_invtsc };
	struct feature_set minimum;
	cpu_minimum_features(&minimum);
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		assert_false(feature_set_has(&minimum, hidden[i]));
}

static void cpu_minimum_features__of_hyperv__runs_a_64_bit_system_and_a_hypervisor(void **state)
{
	(void)state;
	static const feature_id kept[] = { FEATURE_ID_lm, FEATURE_ID_nx, FEATURE_ID_syscall,
		FEATURE_ID_cx16, FEATURE_ID_pni, FEATURE_ID_lahf_lm, FEATURE_ID_apic,
		FEATURE_ID_vmx, FEATURE_ID_vmx_ept, FEATURE_ID_svm, FEATURE_ID_npt,
		FEATURE_ID_kvmclock, FEATURE_ID_spec_ctrl };
	struct feature_set minimum, closed;
	cpu_minimum_features(&minimum);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		assert_true(feature_set_has(&minimum, kept[i]));
	closed = minimum;
	feature_set_close(&closed, NULL, NULL);
	assert_memory_equal(&closed, &minimum, sizeof(closed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_model_at__every_row__is_sorted_and_found_by_name),
		cmocka_unit_test(cpu_model_find__unknown__null),
		cmocka_unit_test(cpu_model_nearest__misspelt__names_the_one_meant),
		cmocka_unit_test(cpu_model__features__are_closed_under_requirements),
		cmocka_unit_test(cpu_model__base__has_a_subset_of_the_features),
		cmocka_unit_test(cpu_model__features__are_not_of_another_vendor),
		cmocka_unit_test(cpu_model__qemu_extra__is_apart_from_features),
		cmocka_unit_test(cpu_model__signature__fits_a_leaf),
		cmocka_unit_test(cpu_model__vendor__has_its_id),
		cmocka_unit_test(cpu_model__cascadelake__is_as_the_table_says),
		cmocka_unit_test(cpu_model__psabi_levels__grow_and_can_run_a_system),
		cmocka_unit_test(cpu_signature_pack__known_processors__are_as_they_report),
		cmocka_unit_test(cpu_signature_unpack__known_processors__family_model_stepping),
		cmocka_unit_test(cpu_signature_pack__numbers_too_large__touch_no_other_field),
		cmocka_unit_test(cpu_minimum_features__of_hyperv__hides_what_hyperv_hides),
		cmocka_unit_test(
			cpu_minimum_features__of_hyperv__runs_a_64_bit_system_and_a_hypervisor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
