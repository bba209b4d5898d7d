/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "cpuid/features.h"
#include "cpuid/msr.h"
#include "nesting/evmcs.h"
#include "nesting/nesting.h"

#include <string.h>

static void evmcs_withdrawals__all__controls_of_vmx_each_once(void **state)
{
	(void)state;
	struct policy_withdrawal gone[EVMCS_MAX_WITHDRAWALS];
	size_t n = evmcs_withdrawals("vm.toml:3:5", gone);
	assert_in_range(n, 1, EVMCS_MAX_WITHDRAWALS);
	for (size_t i = 0; i < n; i++) {
		const struct feature_word *w = feature_word(gone[i].feature / 32u);
		assert_non_null(feature_by_id(gone[i].feature));
		assert_string_equal(nesting_extensions_of(gone[i].feature), "vmx");
		assert_int_equal(w->kind, FEATURE_WORD_MSR);
		/* Whether a control may be 0 is not the enlightened VMCS's business. */
		assert_false(w->inverted);
		assert_string_equal(gone[i].rule, "HV-13");
		assert_string_equal(gone[i].origin, "vm.toml:3:5");
		assert_non_null(strstr(gone[i].by, "hv-evmcs"));
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(gone[k].feature, gone[i].feature);
	}
}

static void evmcs_withdrawals__what_hyperv_needs__stays(void **state)
{
	(void)state;
	static const char *const kept[] = { "vmx", "vmx-ept", "vmx-vpid", "vmx-unrestricted-guest",
		"vmx-msr-bitmap", "vmx-io-bitmap", "vmx-secondary-ctls", "vmx-apicv-x2apic" };
	struct policy_withdrawal gone[EVMCS_MAX_WITHDRAWALS];
	size_t n = evmcs_withdrawals(NULL, gone);
	for (size_t k = 0; k < ARRAY_SIZE(kept); k++) {
		const struct feature *f = feature_find(kept[k]);
		assert_non_null(f);
		for (size_t i = 0; i < n; i++)
			assert_int_not_equal(gone[i].feature, f->id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evmcs_withdrawals__all__controls_of_vmx_each_once),
		cmocka_unit_test(evmcs_withdrawals__what_hyperv_needs__stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
