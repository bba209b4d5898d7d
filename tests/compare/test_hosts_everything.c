/* SPDX-License-Identifier: MIT */
/* The made-up hosts that other tests stand on. */
#include "fake/cmocka.h"

#include "cpuid/engine.h"
#include "fake/hosts_everything.h"

#define NR_SEEDS 300u

static const enum cpuid_vendor vendors[] = { CPUID_VENDOR_INTEL, CPUID_VENDOR_AMD,
	CPUID_VENDOR_OTHER };

/* Two XSAVE areas do not overlap, and the size reaches the end of the last. */
static void assert_xsave_fits(const struct host_facts *host)
{
	const struct cpuid_table *t = &host->supported;
	uint32_t mask = cpuid_value(t, 0xd, 0, CPUID_EAX),
		 bytes = cpuid_value(t, 0xd, 0, CPUID_ECX);
	for (uint32_t i = 2; i < 32; i++) {
		const struct cpuid_entry *a = cpuid_get(t, 0xd, i);
		assert_int_equal(mask >> i & 1, a && !(a->reg[CPUID_ECX] & 1));
		for (uint32_t k = 2; k < i && mask >> i & 1; k++) {
			const struct cpuid_entry *b = cpuid_get(t, 0xd, k);
			if (mask >> k & 1)
				assert_true(
					a->reg[CPUID_EBX] >=
						b->reg[CPUID_EBX] + b->reg[CPUID_EAX] ||
					b->reg[CPUID_EBX] >= a->reg[CPUID_EBX] + a->reg[CPUID_EAX]);
		}
		if (mask >> i & 1)
			assert_true(a->reg[CPUID_EBX] + a->reg[CPUID_EAX] <= bytes);
	}
}

static void everything__each_vendor__has_all_of_its_features(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++) {
		struct host_facts host;
		struct feature_set has, foreign;
		host_everything(vendors[i], &host);
		host_features(&host, &has);
		feature_set_foreign(vendors[i], &foreign);
		assert_int_equal(cpuid_vendor(&host.supported), vendors[i]);
		assert_xsave_fits(&host);
		for (size_t k = 0; k < FEATURE_COUNT; k++) {
			feature_id id = feature_at(k)->id;
			bool never = id == FEATURE_ID_ospke ||
				     id == FEATURE_ID_kvm_hint_dedicated ||
				     /* of processors without 64 bits */
				     id == FEATURE_ID_vmx_basic_32bit_phys_addr ||
				     feature_set_has(&foreign, id);
			uint32_t msr = feature_word(id / 32u)->msr;
			/* MSRs that the vendor's hosts have no CPUID bit for. */
			if (feature_word(id / 32u)->kind == FEATURE_WORD_MSR &&
				vendors[i] == CPUID_VENDOR_AMD && msr != 0)
				continue;
			assert_int_equal(feature_set_has(&has, id), !never);
		}
	}
}

static void everything__each_vendor__needs_nothing_that_it_lacks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++) {
		struct host_facts host;
		struct feature_set has, closed;
		host_everything(vendors[i], &host);
		host_features(&host, &has);
		closed = has;
		feature_set_close(&closed, NULL, NULL);
		/* The tables give a few features to any vendor, but what they need to one. */
		feature_set_subtract(&has, &closed);
		for (feature_id id = feature_set_next(&has, 0); id < FEATURE_NR_WORDS * 32;
			id = feature_set_next(&has, (feature_id)(id + 1)))
			assert_string_equal(feature_by_id(id)->name, "");
	}
}

static void of_model__every_model__is_enough_for_it(void **state)
{
	(void)state;
	struct cpu_result *result = test_malloc(sizeof(*result));
	for (size_t i = 0; cpu_model_at(i); i++) {
		const struct cpu_model *m = cpu_model_at(i);
		const struct cpu_policy policy = { .model = { .text = m->name },
			.topology = { 1, 1, 1, 1 } };
		struct host_facts host;
		struct err e = { 0 };
		host_of_model(m, &host);
		int rc = cpu_compute(&policy, &host, NULL, result, &e);
		assert_string_equal(rc ? e.msg : "", "");
		assert_int_equal(result->nr_missing, 0);
		assert_xsave_fits(&host);
	}
	test_free(result);
}

static void of_model__every_model__has_no_feature_of_another(void **state)
{
	(void)state;
	struct feature_set pv;
	feature_set_of_attribute(FEATURE_PV | FEATURE_MANAGED, &pv);
	feature_set_add(&pv, FEATURE_ID_tsc_adjust);
	for (size_t i = 0; cpu_model_at(i); i++) {
		struct host_facts host;
		struct feature_set has;
		host_of_model(cpu_model_at(i), &host);
		host_features(&host, &has);
		feature_set_subtract(&has, &pv);
		assert_true(feature_set_is_subset(&has, &cpu_model_at(i)->features));
	}
}

static void random_subset__many_seeds__is_a_consistent_part(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++) {
		struct host_facts base, host;
		struct feature_set all, has, closed;
		host_everything(vendors[i], &base);
		host_features(&base, &all);
		for (uint32_t seed = 0; seed < NR_SEEDS; seed++) {
			host_random_subset(&base, seed, &host);
			host_features(&host, &has);
			closed = has;
			feature_set_close(&closed, NULL, NULL);
			assert_true(feature_set_is_subset(&has, &all));
			assert_true(feature_set_is_subset(&has, &closed));
			assert_int_equal(cpuid_vendor(&host.supported), vendors[i]);
			assert_xsave_fits(&host);
		}
	}
}

static void random_subset__same_seed__same_host(void **state)
{
	(void)state;
	static struct host_facts base, a, b;
	host_everything(CPUID_VENDOR_INTEL, &base);
	host_random_subset(&base, 7, &a);
	host_random_subset(&base, 7, &b);
	assert_memory_equal(&a, &b, sizeof(a));
	host_random_subset(&base, 8, &b);
	assert_memory_not_equal(&a, &b, sizeof(a));
}

static void with_features__one_less__it_is_gone_everywhere(void **state)
{
	(void)state;
	struct host_facts base, host;
	struct feature_set set, has;
	uint64_t value;
	host_everything(CPUID_VENDOR_INTEL, &base);
	host_features(&base, &set);
	feature_set_remove(&set, FEATURE_ID_amx_tile);
	feature_set_remove(&set, FEATURE_ID_arch_capabilities);
	host_with_features(&base, &set, &host);
	host_features(&host, &has);
	assert_false(feature_set_has(&has, FEATURE_ID_amx_tile));
	assert_null(cpuid_get(&host.supported, 0x1d, 1));
	assert_null(cpuid_get(&host.supported, 0xd, 18));
	assert_int_equal(cpuid_value(&host.supported, 0xd, 0, CPUID_EAX) >> 17 & 3, 0);
	assert_false(host_feature_msr(&host, 0x10a, &value));
	assert_true(host_feature_msr(&host, 0x480, &value));
}

static void with_features__all_of_them__nothing_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++) {
		static struct host_facts base, host;
		struct feature_set set;
		host_everything(vendors[i], &base);
		host_features(&base, &set);
		host_with_features(&base, &set, &host);
		assert_int_equal(host.supported.nr_entries, base.supported.nr_entries);
		assert_memory_equal(host.supported.entries, base.supported.entries,
			base.supported.nr_entries * sizeof(base.supported.entries[0]));
		assert_int_equal(host.nr_feature_msrs, base.nr_feature_msrs);
		assert_memory_equal(host.feature_msrs, base.feature_msrs,
			base.nr_feature_msrs * sizeof(base.feature_msrs[0]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything__each_vendor__has_all_of_its_features),
		cmocka_unit_test(everything__each_vendor__needs_nothing_that_it_lacks),
		cmocka_unit_test(of_model__every_model__is_enough_for_it),
		cmocka_unit_test(of_model__every_model__has_no_feature_of_another),
		cmocka_unit_test(random_subset__many_seeds__is_a_consistent_part),
		cmocka_unit_test(random_subset__same_seed__same_host),
		cmocka_unit_test(with_features__one_less__it_is_gone_everywhere),
		cmocka_unit_test(with_features__all_of_them__nothing_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
