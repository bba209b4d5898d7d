/* SPDX-License-Identifier: MIT */
/* The table [nesting] in a plan, case by case; what holds always is in test_nesting_properties.c.
 */
#include "nested.h"

#include "fake/cmocka.h"
#include "fake/msr_filter.h"

#include "nesting/nesting.h"

#include <errno.h>
#include <string.h>

static int intel(void **state)
{
	*state = nested_create(CPUID_VENDOR_INTEL);
	return *state ? 0 : -1;
}

static int amd(void **state)
{
	*state = nested_create(CPUID_VENDOR_AMD);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	nested_destroy(*state);
	return 0;
}

static void plan_ok(struct nested *n)
{
	if (nested_plan(n))
		fail_msg("%s", n->e.msg);
	nested_check_laws(n);
}

static bool has(const struct nested *n, feature_id id)
{
	return feature_set_has(&n->plan.cpu.features, id);
}

/* The one note with this text. */
static const struct cpu_note *note_of(const struct nested *n, const char *text)
{
	char line[CPU_NOTE_BYTES];
	for (unsigned i = 0; i < n->plan.cpu.nr_notes; i++) {
		if (strstr(cpu_note_text(line, &n->plan.cpu.notes[i]), text))
			return &n->plan.cpu.notes[i];
	}
	return NULL;
}

/* The host loses a feature. */
static void take_from_host(struct nested *n, const char *name)
{
	const feature_id id = feature_find(name)->id;
	const struct feature_word *w = feature_word(id / 32u);
	uint64_t bit = UINT64_C(1) << (id % 32 + w->shift);
	for (unsigned i = 0; i < n->host.nr_feature_msrs; i++) {
		struct msr_value *m = &n->host.feature_msrs[i];
		if (w->kind == FEATURE_WORD_MSR && m->index == w->msr)
			m->value = w->inverted ? m->value | bit : m->value & ~bit;
		if (w->kind == FEATURE_WORD_MSR && w->shift == 32 && w->msr >= 0x48d &&
			w->msr <= 0x490 && m->index == w->msr - 0x48d + 0x481)
			m->value &= ~bit;
	}
	if (w->kind == FEATURE_WORD_CPUID)
		cpuid_find(&n->host.supported, w->leaf, w->subleaf)->reg[w->reg] &= (uint32_t)~bit;
}

static void extensions__those_of_the_host__taken(void **state)
{
	struct nested *n = *state;
	n->config.nesting.extensions = EXTENSIONS_VMX;
	plan_ok(n);
	assert_true(has(n, FEATURE_ID_vmx));
}

static void extensions__others_than_the_hosts__refused_naming_both(void **state)
{
	struct nested *n = *state;
	n->config.nesting.extensions = EXTENSIONS_SVM;
	n->policy.extensions_origin = "vm.toml:5:14";
	assert_int_equal(nested_plan(n), -ENOTSUP);
	assert_int_equal(n->e.kind, ERR_HOST);
	assert_contains(n->e.msg, "vm.toml:5:14: nesting.extensions = \"svm\"");
	assert_contains(n->e.msg, "has vmx");
}

static void extensions__others_while_hidden__say_nothing(void **state)
{
	struct nested *n = *state;
	n->config.nesting.expose_virtualization_extensions = false;
	n->config.nesting.extensions = EXTENSIONS_SVM;
	assert_int_equal(nested_plan(n), 0);
}

static void features__removed_and_added_elsewhere__names_both_lines(void **state)
{
	struct nested *n = *state;
	const struct policy_feature asked = { "vmx-ept", true, "vm.toml:2:13" };
	n->policy.features = &asked;
	n->policy.nr_features = 1;
	nested_ask(n, false, "vmx-ept");
	assert_int_equal(nested_plan(n), -EINVAL);
	assert_int_equal(n->e.kind, ERR_CONFIG);
	assert_contains(n->e.msg, "vm.toml:9:1: nesting.features: -vmx-ept contradicts +vmx-ept");
	assert_contains(n->e.msg, "at vm.toml:2:13");
}

static void features__added_without_what_it_needs__names_both(void **state)
{
	struct nested *n = *state;
	n->policy.on_missing = CPU_MISSING_ERROR;
	nested_ask(n, true, "vmx-posted-intr");
	nested_ask(n, false, "vmx-apicv-vid");
	assert_int_equal(nested_plan(n), -EINVAL);
	assert_int_equal(n->e.kind, ERR_CONFIG);
	assert_contains(n->e.msg, "vm.toml:9:1: nesting.features: +vmx-posted-intr");
	assert_contains(n->e.msg, "needs vmx-apicv-vid");
}

static void features__no_part_of_the_extensions__refused(void **state)
{
	struct nested *n = *state;
	nested_ask(n, true, "avx2");
	assert_int_equal(nested_plan(n), -EINVAL);
	assert_int_equal(n->e.kind, ERR_CONFIG);
	assert_contains(n->e.msg, "vm.toml:9:1: nesting.features: avx2 is no part of VMX or SVM");
}

static void features__unknown_name__nearest_is_named(void **state)
{
	struct nested *n = *state;
	nested_ask(n, false, "vmx-epd");
	assert_int_equal(nested_plan(n), -EINVAL);
	assert_contains(n->e.msg,
		"vm.toml:9:1: nesting.features: unknown feature vmx-epd, did you mean vmx-ept");
}

static void features__extensions_taken_away__contradicts_the_knob(void **state)
{
	struct nested *n = *state;
	nested_ask(n, false, "vmx");
	assert_int_equal(nested_plan(n), -EINVAL);
	assert_contains(n->e.msg, "vm.toml:9:1: nesting.features: -vmx contradicts");
	assert_contains(n->e.msg, "vm.toml:3:1");
}

static void features__of_the_other_vendor__noted_and_without_effect(void **state)
{
	struct nested *n = *state;
	nested_ask(n, true, "npt");
	nested_ask(n, false, "svm");
	nested_ask(n, false, "vmx-pml");
	n->config.nesting.require = true;
	plan_ok(n);
	assert_false(has(n, FEATURE_ID_vmx_pml));
	const struct cpu_note *note = note_of(n, "nesting.features: +npt has no effect");
	assert_non_null(note);
	assert_string_equal(note->origin, "vm.toml:9:1");
	assert_non_null(note_of(n, "-svm has no effect: the guest has vmx"));
}

static void features__svm_removed__gone_from_leaf_0x8000000a(void **state)
{
	struct nested *n = *state;
	nested_ask(n, false, "vgif");
	nested_ask(n, false, "npt");
	plan_ok(n);
	uint32_t edx = cpuid_value(&n->plan.cpu.table, 0x8000000a, 0, CPUID_EDX);
	assert_int_equal(edx & (1u << 16 | 1u), 0);
	assert_true(has(n, FEATURE_ID_nrip_save));
	/* Revision and number of ASIDs are the host's. */
	assert_int_equal(cpuid_value(&n->plan.cpu.table, 0x8000000a, 0, CPUID_EAX),
		cpuid_value(&n->host.supported, 0x8000000a, 0, CPUID_EAX));
	assert_int_equal(cpuid_value(&n->plan.cpu.table, 0x8000000a, 0, CPUID_EBX),
		cpuid_value(&n->host.supported, 0x8000000a, 0, CPUID_EBX));
}

static void features__hidden__are_not_looked_at(void **state)
{
	struct nested *n = *state;
	n->config.nesting.expose_virtualization_extensions = false;
	nested_ask(n, true, "vmx-ept");
	assert_int_equal(nested_plan(n), 0);
	assert_false(has(n, FEATURE_ID_vmx_ept));
}

static void profile__named_model__gets_what_the_profile_wants(void **state)
{
	struct nested *n = *state;
	n->policy.model = (struct policy_text){ "Nehalem", NULL };
	plan_ok(n);
	assert_false(has(n, FEATURE_ID_vmx_shadow_vmcs));
	/* What models have no name for, and no 64-bit hypervisor runs without. */
	assert_true(has(n, FEATURE_ID_vmx_exit_host_addr_space_size));
	assert_true(has(n, FEATURE_ID_vmx_ept_wb));
	n->config.nesting.profile = CONFIG_PROFILE_KVM;
	plan_ok(n);
	assert_true(has(n, FEATURE_ID_vmx_shadow_vmcs));
	const struct cpu_decision *d = cpu_trace_find(
		&n->trace, n->trace.nr_decisions, true, 0x48b, 0, CPUID_EAX, 32 + 14);
	assert_string_equal(d->rule, "CPU-31");
	assert_string_equal(d->origin, "vm.toml:4:11");
}

static void profile__minimal__hides_and_keeps(void **state)
{
	struct nested *n = *state;
	n->config.nesting.profile = CONFIG_PROFILE_MINIMAL;
	plan_ok(n);
	assert_true(has(n, FEATURE_ID_vmx_ept));
	assert_false(has(n, FEATURE_ID_vmx_vpid) || has(n, FEATURE_ID_vmx_shadow_vmcs) ||
		     has(n, FEATURE_ID_vmx_tertiary_ctls));
}

static void profile__names_of_either_key__win_over_it(void **state)
{
	struct nested *n = *state;
	const struct policy_feature asked = { "vmx-pml", true, "vm.toml:2:13" };
	n->policy.features = &asked;
	n->policy.nr_features = 1;
	n->config.nesting.profile = CONFIG_PROFILE_MINIMAL;
	nested_ask(n, true, "vmx-vpid");
	plan_ok(n);
	assert_true(has(n, FEATURE_ID_vmx_vpid) && has(n, FEATURE_ID_vmx_pml));
	assert_false(has(n, FEATURE_ID_vmx_invvpid));
}

static void profile__requirement_taken_away_by_name__is_noted(void **state)
{
	struct nested *n = *state;
	n->config.nesting.profile = CONFIG_PROFILE_HYPERV;
	nested_ask(n, false, "vmx-ept");
	plan_ok(n);
	assert_false(has(n, FEATURE_ID_vmx_ept));
	const struct cpu_note *note =
		note_of(n, "removed, though nesting.profile = \"hyperv\" needs it");
	assert_non_null(note);
	assert_int_equal(note->feature, FEATURE_ID_vmx_ept);
	assert_string_equal(note->origin, "vm.toml:9:1");
}

static void profile__requirement_the_host_lacks__is_missing(void **state)
{
	struct nested *n = *state;
	n->config.nesting.profile = CONFIG_PROFILE_XEN;
	take_from_host(n, "vmx-io-bitmap");
	plan_ok(n);
	assert_int_equal(n->plan.cpu.nr_missing, 1);
	assert_non_null(note_of(n, "this host lacks it, which nesting.profile = \"xen\" needs"));
	n->policy.on_missing = CPU_MISSING_ERROR;
	assert_int_equal(nested_plan(n), -ENOTSUP);
	assert_int_equal(n->e.kind, ERR_HOST);
	assert_contains(n->e.msg, "vm.toml:4:11: vmx-io-bitmap");
}

static void profile__wish_the_host_lacks__is_nothing(void **state)
{
	struct nested *n = *state;
	n->config.nesting.profile = CONFIG_PROFILE_KVM;
	n->config.nesting.require = true;
	n->policy.on_missing = CPU_MISSING_ERROR;
	take_from_host(n, "vmx-pml");
	plan_ok(n);
	assert_int_equal(n->plan.cpu.nr_missing, 0);
}

static void require__host_lacks_it__fails_with_the_reason(void **state)
{
	struct nested *n = *state;
	n->config.nesting.profile = CONFIG_PROFILE_VMWARE;
	n->config.nesting.require = true;
	n->policy.require_origin = "vm.toml:6:11";
	take_from_host(n, "flushbyasid");
	take_from_host(n, "vgif");
	nested_ask(n, true, "vgif");
	assert_int_equal(nested_plan(n), -ENOTSUP);
	assert_int_equal(n->e.kind, ERR_HOST);
	assert_contains(n->e.msg, "nesting.require = true at vm.toml:6:11");
	assert_contains(n->e.msg, "vm.toml:4:11: nesting.profile = \"vmware\": flushbyasid");
	assert_contains(n->e.msg, "Workstation 17");
	assert_contains(n->e.msg, "vm.toml:9:1: nesting.features: +vgif, which this host lacks");
}

static void require__policy_takes_it_away__is_the_configs_fault(void **state)
{
	struct nested *n = *state;
	n->config.nesting.profile = CONFIG_PROFILE_HYPERV;
	n->config.nesting.require = true;
	nested_ask(n, false, "npt");
	assert_int_equal(nested_plan(n), -ENOTSUP);
	assert_int_equal(n->e.kind, ERR_CONFIG);
	assert_contains(n->e.msg, "npt, which the policy takes away");
}

static void require__models_extensions_lacking__fails(void **state)
{
	struct nested *n = *state;
	n->policy.model = (struct policy_text){ "Skylake-Client", "vm.toml:2:9" };
	n->config.nesting.require = true;
	take_from_host(n, "vmx-pml");
	assert_int_equal(nested_plan(n), -ENOTSUP);
	assert_contains(n->e.msg, "vmx-pml");
	n->config.nesting.require = false;
	plan_ok(n);
}

static void require__more_than_an_error_holds__counts_the_rest(void **state)
{
	struct nested *n = *state;
	n->config.nesting.profile = CONFIG_PROFILE_KVM;
	n->config.nesting.require = true;
	static const char *const gone[] = { "vmx-intr-exit", "vmx-nmi-exit", "vmx-hlt-exit",
		"vmx-invlpg-exit", "vmx-mwait-exit", "vmx-monitor-exit", "vmx-rdpmc-exit",
		"vmx-io-exit" };
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
		take_from_host(n, gone[i]);
	assert_int_equal(nested_plan(n), -ENOTSUP);
	assert_contains(n->e.msg, "vmx-intr-exit");
	assert_contains(n->e.msg, " more");
	assert_null(strstr(n->e.msg, "vmx-io-exit"));
}

static uint32_t depth_leaf(const struct nested *n, enum cpuid_reg reg)
{
	return cpuid_value(&n->plan.cpu.table, NESTOR_LEAF_DEPTH, 0, reg);
}

static void max_depth__given__shown_in_the_guests_leaf(void **state)
{
	struct nested *n = *state;
	n->policy.max_depth = (struct policy_number){ true, 3, "vm.toml:7:13" };
	plan_ok(n);
	const struct cpuid_entry *e = cpuid_get(&n->plan.cpu.table, NESTOR_LEAF_SIGNATURE, 0);
	assert_true(e && nestor_leaf_is_signed(e->reg));
	assert_int_equal(depth_leaf(n, CPUID_EAX), 2);
	const struct cpu_decision *d = cpu_trace_find(
		&n->trace, n->trace.nr_decisions, false, NESTOR_LEAF_DEPTH, 0, CPUID_EAX, 1);
	assert_string_equal(d->rule, "NEST-10");
	assert_string_equal(d->origin, "vm.toml:7:13");
}

static void max_depth__neither_given_nor_inherited__no_leaf(void **state)
{
	struct nested *n = *state;
	plan_ok(n);
	assert_null(cpuid_get(&n->plan.cpu.table, NESTOR_LEAF_SIGNATURE, 0));
}

static void max_depth__extensions_hidden__no_leaf(void **state)
{
	struct nested *n = *state;
	n->config.nesting.expose_virtualization_extensions = false;
	n->policy.max_depth = (struct policy_number){ true, 0, NULL };
	n->host.nesting_limited = true;
	assert_int_equal(nested_plan(n), 0);
	assert_null(cpuid_get(&n->plan.cpu.table, NESTOR_LEAF_SIGNATURE, 0));
	assert_null(cpuid_get(&n->plan.cpu.table, NESTOR_LEAF_DEPTH, 0));
}

static void max_depth__no_hypervisor_shown_and_leaf_rules__leaf_stays(void **state)
{
	struct nested *n = *state;
	const struct policy_leaf forged = {
		.leaf = NESTOR_LEAF_DEPTH, .any_subleaf = true, .reg = CPUID_EAX, .set = 0xff
	};
	n->policy.leaves = &forged;
	n->policy.nr_leaves = 1;
	n->policy.hypervisor_given = true;
	n->policy.hypervisor = CPU_HYPERVISOR_NONE;
	n->host.nesting_limited = true;
	n->host.nesting_depth = 1;
	plan_ok(n);
	assert_non_null(cpuid_get(&n->plan.cpu.table, NESTOR_LEAF_SIGNATURE, 0));
	assert_int_equal(depth_leaf(n, CPUID_EAX), 0);
}

static void max_depth__more_than_is_left__noted_or_refused(void **state)
{
	struct nested *n = *state;
	n->policy.max_depth = (struct policy_number){ true, 4, "vm.toml:7:13" };
	n->host.nesting_limited = true;
	n->host.nesting_depth = 2;
	plan_ok(n);
	assert_int_equal(depth_leaf(n, CPUID_EAX), 1);
	assert_non_null(note_of(n, "nesting.max_depth: 2 levels at most"));
	n->config.nesting.require = true;
	assert_int_equal(nested_plan(n), -ENOTSUP);
	assert_contains(n->e.msg, "vm.toml:7:13: nesting.max_depth");
}

static void max_depth__just_what_is_left__neither_noted_nor_refused(void **state)
{
	struct nested *n = *state;
	n->config.nesting.require = true;
	n->policy.max_depth = (struct policy_number){ true, 2, "vm.toml:7:13" };
	n->host.nesting_limited = true;
	n->host.nesting_depth = 2;
	plan_ok(n);
	assert_int_equal(depth_leaf(n, CPUID_EAX), 1);
	assert_null(note_of(n, "nesting.max_depth"));
}

static void max_depth__one_more_than_is_left__noted_or_refused(void **state)
{
	struct nested *n = *state;
	n->policy.max_depth = (struct policy_number){ true, 3, "vm.toml:7:13" };
	n->host.nesting_limited = true;
	n->host.nesting_depth = 2;
	plan_ok(n);
	assert_non_null(note_of(n, "nesting.max_depth: 2 levels at most"));
	n->config.nesting.require = true;
	assert_int_equal(nested_plan(n), -ENOTSUP);
	assert_contains(n->e.msg, "nesting.max_depth: this machine may have 2 levels below");
}

static void max_depth__less_than_is_left__is_what_is_given(void **state)
{
	struct nested *n = *state;
	n->config.nesting.require = true;
	n->policy.max_depth = (struct policy_number){ true, 1, "vm.toml:7:13" };
	n->host.nesting_limited = true;
	n->host.nesting_depth = 2;
	plan_ok(n);
	assert_int_equal(depth_leaf(n, CPUID_EAX), 0);
	assert_null(note_of(n, "nesting.max_depth"));
}

static void max_depth__nothing_left__refused(void **state)
{
	struct nested *n = *state;
	n->host.nesting_limited = true;
	n->host.nesting_depth = 0;
	assert_int_equal(nested_plan(n), -EPERM);
	assert_int_equal(n->e.kind, ERR_HOST);
}

static void msr_bits__against_the_rules_of_vmx__is_the_configs_fault(void **state)
{
	struct nested *n = *state;
	/* HLT exiting may not be 1 by the "true" MSR, and may by the basic one. */
	const struct policy_msr_bits bits = { 0x48e, 0, UINT64_C(1) << 39, "vm.toml:8:1" };
	n->policy.msr_bits = &bits;
	n->policy.nr_msr_bits = 1;
	assert_int_equal(nested_plan(n), -EINVAL);
	assert_int_equal(n->e.kind, ERR_CONFIG);
	assert_contains(n->e.msg, "vm.toml:8:1: msr.bits");
	assert_contains(n->e.msg, "differ from the \"true\" MSR");
}

static void msrs__control_that_must_be_1__cannot_be_removed(void **state)
{
	struct nested *n = *state;
	for (unsigned i = 0; i < n->host.nr_feature_msrs; i++) {
		if (n->host.feature_msrs[i].index == 0x48d)
			n->host.feature_msrs[i].value |= 1;
	}
	nested_ask(n, false, "vmx-intr-exit");
	assert_int_equal(nested_plan(n), -ENOTSUP);
	assert_int_equal(n->e.kind, ERR_HOST);
	assert_contains(n->e.msg, "vmx-intr-exit");
	assert_contains(n->e.msg, "must be 1");
}

static void msrs__no_secondary_controls__say_nothing_and_fault(void **state)
{
	struct nested *n = *state;
	uint64_t value = 1;
	nested_ask(n, false, "vmx-secondary-ctls");
	plan_ok(n);
	assert_true(msr_policy_get(&n->plan.cpu.msrs, 0x48b, &value));
	assert_int_equal(value >> 32, 0);
	assert_int_equal(msr_policy_access(&n->plan.cpu.msrs, 0x48b, false).action, MSR_DENY);
	assert_int_equal(msr_policy_access(&n->plan.cpu.msrs, 0x48c, false).action, MSR_DENY);
	assert_false(msr_filter_passes(&n->plan.filter, 0x48b, false));
	assert_true(msr_filter_passes(&n->plan.filter, 0x48a, false));
	assert_false(has(n, FEATURE_ID_vmx_ept) || has(n, FEATURE_ID_vmx_unrestricted_guest));
}

/* A capability that has no name yet goes with the control that it belongs to. */
static void msrs__bits_without_a_name__go_with_their_control(void **state)
{
	struct nested *n = *state;
	uint64_t value = 0;
	for (unsigned i = 0; i < n->host.nr_feature_msrs; i++) {
		if (n->host.feature_msrs[i].index == 0x48c)
			n->host.feature_msrs[i].value |= UINT64_C(1) << 30 | UINT64_C(1) << 62;
	}
	nested_ask(n, false, "vmx-ept");
	plan_ok(n);
	assert_true(msr_policy_get(&n->plan.cpu.msrs, 0x48c, &value));
	assert_int_equal((uint32_t)value, 0);
	assert_true(value >> 62 & 1);
	n->config.nesting.features.n = 0;
	nested_ask(n, false, "vmx-vpid");
	plan_ok(n);
	assert_true(msr_policy_get(&n->plan.cpu.msrs, 0x48c, &value));
	assert_int_equal(value >> 32, 0);
	assert_true(value >> 30 & 1);
}

static void msrs__no_true_controls__basic_ones_are_as_without(void **state)
{
	struct nested *n = *state;
	uint64_t basic = 0, exact = 0;
	nested_ask(n, false, "vmx-true-ctls");
	plan_ok(n);
	assert_false(has(n, FEATURE_ID_vmx_cr3_load_noexit));
	assert_true(msr_policy_get(&n->plan.cpu.msrs, 0x482, &basic));
	assert_true(msr_policy_get(&n->plan.cpu.msrs, 0x48e, &exact));
	assert_int_equal((uint32_t)exact & 0x18000, 0x18000); /* CR3 exits must be */
	assert_int_equal((uint32_t)basic & 0x18000, 0x18000);
}

#define INTEL(t) cmocka_unit_test_setup_teardown(t, intel, tear_down)
#define AMD(t) cmocka_unit_test_setup_teardown(t, amd, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		INTEL(extensions__those_of_the_host__taken),
		INTEL(extensions__others_than_the_hosts__refused_naming_both),
		INTEL(extensions__others_while_hidden__say_nothing),
		INTEL(features__removed_and_added_elsewhere__names_both_lines),
		INTEL(features__added_without_what_it_needs__names_both),
		INTEL(features__no_part_of_the_extensions__refused),
		INTEL(features__unknown_name__nearest_is_named),
		INTEL(features__extensions_taken_away__contradicts_the_knob),
		INTEL(features__of_the_other_vendor__noted_and_without_effect),
		AMD(features__svm_removed__gone_from_leaf_0x8000000a),
		INTEL(features__hidden__are_not_looked_at),
		INTEL(profile__named_model__gets_what_the_profile_wants),
		INTEL(profile__minimal__hides_and_keeps),
		INTEL(profile__names_of_either_key__win_over_it),
		INTEL(profile__requirement_taken_away_by_name__is_noted),
		INTEL(profile__requirement_the_host_lacks__is_missing),
		INTEL(profile__wish_the_host_lacks__is_nothing),
		AMD(require__host_lacks_it__fails_with_the_reason),
		AMD(require__policy_takes_it_away__is_the_configs_fault),
		INTEL(require__models_extensions_lacking__fails),
		INTEL(require__more_than_an_error_holds__counts_the_rest),
		INTEL(max_depth__given__shown_in_the_guests_leaf),
		AMD(max_depth__neither_given_nor_inherited__no_leaf),
		INTEL(max_depth__extensions_hidden__no_leaf),
		AMD(max_depth__no_hypervisor_shown_and_leaf_rules__leaf_stays),
		AMD(max_depth__more_than_is_left__noted_or_refused),
		AMD(max_depth__just_what_is_left__neither_noted_nor_refused),
		AMD(max_depth__one_more_than_is_left__noted_or_refused),
		AMD(max_depth__less_than_is_left__is_what_is_given),
		AMD(max_depth__nothing_left__refused),
		INTEL(msr_bits__against_the_rules_of_vmx__is_the_configs_fault),
		INTEL(msrs__control_that_must_be_1__cannot_be_removed),
		INTEL(msrs__no_secondary_controls__say_nothing_and_fault),
		INTEL(msrs__bits_without_a_name__go_with_their_control),
		INTEL(msrs__no_true_controls__basic_ones_are_as_without),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
