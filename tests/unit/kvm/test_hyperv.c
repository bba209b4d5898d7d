/* SPDX-License-Identifier: MIT */
/* Hyper-V's capabilities of a vCPU, and the exits that KVM leaves to nestor. */
#include "unit/kvm/fixture.h"

#include "kvm/hyperv.h"

static const struct hyperv_caps all_caps = { .synic = true, .evmcs = true, .enforce_cpuid = true };

static int enable(struct fixture *f, const struct hyperv_caps *caps)
{
	return kvm_vcpu_enable_hyperv(f->vcpu, caps, &f->e);
}

static void enable_hyperv__nothing_asked__no_call(void **state)
{
	struct fixture *f = *state;
	unsigned before = f->fake->nr_calls;
	const struct hyperv_caps none = { 0 };
	assert_int_equal(enable(f, &none), 0);
	assert_int_equal(f->fake->nr_calls, before);
}

static void enable_hyperv__all_asked__each_once_on_the_vcpu(void **state)
{
	static const int expected[] = { KVM_CAP_HYPERV_SYNIC2, KVM_CAP_HYPERV_ENLIGHTENED_VMCS,
		KVM_CAP_HYPERV_ENFORCE_CPUID };
	struct fixture *f = *state;
	unsigned before = f->fake->nr_calls;
	f->fake->evmcs_versions = 0x0101;
	assert_int_equal(enable(f, &all_caps), 0);
	assert_int_equal(f->fake->nr_calls, before + ARRAY_SIZE(expected));
	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct fake_call *call = &f->fake->log[before + i];
		assert_string_equal(call->name, "KVM_ENABLE_CAP");
		assert_int_equal(call->fd, f->fake->vcpus[0]->fd);
		assert_int_equal(call->arg, expected[i]);
	}
}

static void enable_hyperv__call_n_fails__error_names_capability_and_vcpu(void **state)
{
	static const char *const names[] = { "KVM_CAP_HYPERV_SYNIC2",
		"KVM_CAP_HYPERV_ENLIGHTENED_VMCS", "KVM_CAP_HYPERV_ENFORCE_CPUID" };
	struct fixture *f = *state;
	f->fake->evmcs_versions = 0x0101;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		unsigned before = f->fake->nr_calls;
		f->fake->fail_at = before + 1 + i;
		f->fake->fail_code = EINVAL;
		assert_int_equal(enable(f, &all_caps), -EINVAL);
		assert_contains(f->e.msg, names[i]);
		assert_contains(f->e.msg, "vCPU 7");
		assert_int_equal(f->fake->nr_calls, before + 1 + i);
	}
}

static void enable_hyperv__evmcs_versions__only_those_with_version_1(void **state)
{
	static const struct {
		uint16_t versions;
		int rc;
	} rows[] = { { 0x0101, 0 }, { 0x0301, 0 }, { 0x0202, -ENOTSUP }, { 0, -ENOTSUP } };
	struct fixture *f = *state;
	const struct hyperv_caps evmcs = { .evmcs = true };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		f->fake->evmcs_versions = rows[i].versions;
		assert_int_equal(enable(f, &evmcs), rows[i].rc);
	}
	assert_contains(f->e.msg, "versions 0 to 0");
}

static void host_facts__hyperv_leaves__are_there_where_the_capability_is(void **state)
{
	struct fixture *f = *state;
	struct host_facts got;
	host_give_hyperv(&f->facts, true);
	assert_int_equal(kvm_host_facts(f->kvm, &got, &f->e), 0);
	assert_int_equal(got.hyperv.nr_entries, f->facts.hyperv.nr_entries);
	assert_int_equal(cpuid_value(&got.hyperv, 0x40000001, 0, CPUID_EAX), 0x31237648);
	assert_true(got.hyperv_enforce_cpuid);
	f->fake->absent_cap = KVM_CAP_SYS_HYPERV_CPUID;
	assert_int_equal(kvm_host_facts(f->kvm, &got, &f->e), 0);
	assert_int_equal(got.hyperv.nr_entries, 0);
	f->fake->absent_cap = -1;
	f->facts.hyperv_enforce_cpuid = false;
	assert_int_equal(kvm_host_facts(f->kvm, &got, &f->e), 0);
	assert_false(got.hyperv_enforce_cpuid);
}

static void host_facts__hyperv_call_fails__no_leaves_and_no_error(void **state)
{
	struct fixture *f = *state;
	struct host_facts got;
	host_give_hyperv(&f->facts, true);
	unsigned before = f->fake->nr_calls;
	assert_int_equal(kvm_host_facts(f->kvm, &got, &f->e), 0);
	int at = fake_kvm_find(f->fake, "KVM_GET_SUPPORTED_HV_CPUID", before);
	assert_true(at >= 0);
	f->fake->fail_at = f->fake->nr_calls + ((unsigned)at - before) + 1;
	f->fake->fail_code = EIO;
	assert_int_equal(kvm_host_facts(f->kvm, &got, &f->e), 0);
	assert_int_equal(got.hyperv.nr_entries, 0);
	assert_true(got.supported.nr_entries > 0);
}

/* Runs the one exit and answers it. */
static bool answer(struct fixture *f, const struct fake_step *script)
{
	struct kvm_exit x;
	f->fake->vcpus[0]->script = script;
	f->fake->vcpus[0]->at = 0;
	f->fake->vcpus[0]->nr_reads = 0;
	assert_int_equal(kvm_vcpu_run(f->vcpu, &f->e), 0);
	kvm_vcpu_exit(f->vcpu, &x);
	assert_int_equal(x.kind, KVM_EXIT_KIND_HYPERV);
	assert_int_equal(x.reason, KVM_EXIT_HYPERV);
	bool known = kvm_vcpu_answer_hyperv(&x);
	kvm_vcpu_request_immediate_exit(f->vcpu);
	assert_int_equal(kvm_vcpu_run(f->vcpu, &f->e), -EINTR);
	f->fake->vcpus[0]->run->immediate_exit = 0;
	return known;
}

static void hypercall__message_or_event__no_such_connection(void **state)
{
	static const uint64_t inputs[] = { 0x5c, 0x5d, 0x1005d, UINT64_C(0xffffffffffff005c) };
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
		const struct fake_step script[] = {
			{ .kind = FAKE_HYPERV, .addr = KVM_EXIT_HYPERV_HCALL, .value = inputs[i] },
			{ .kind = FAKE_END }
		};
		assert_true(answer(f, script));
		assert_int_equal(f->fake->vcpus[0]->nr_reads, 1);
		assert_int_equal(f->fake->vcpus[0]->reads[0], 18);
	}
}

static void hypercall__any_other__no_such_code(void **state)
{
	static const uint64_t inputs[] = { 0, 0x5b, 0x5e, 0x8001, UINT64_MAX };
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
		const struct fake_step script[] = {
			{ .kind = FAKE_HYPERV, .addr = KVM_EXIT_HYPERV_HCALL, .value = inputs[i] },
			{ .kind = FAKE_END }
		};
		assert_true(answer(f, script));
		assert_int_equal(f->fake->vcpus[0]->reads[0], 2);
	}
}

static void synic_and_debugger__are_answered_with_nothing(void **state)
{
	static const struct fake_step synic[] = {
		{ .kind = FAKE_HYPERV, .addr = KVM_EXIT_HYPERV_SYNIC }, { .kind = FAKE_END }
	};
	static const struct fake_step debugger[] = {
		{ .kind = FAKE_HYPERV, .addr = KVM_EXIT_HYPERV_SYNDBG }, { .kind = FAKE_END }
	};
	struct fixture *f = *state;
	assert_true(answer(f, synic));
	assert_int_equal(f->fake->vcpus[0]->nr_reads, 0);
	assert_true(answer(f, debugger));
	assert_int_equal(f->fake->vcpus[0]->reads[0], 0);
}

static void unknown_type__is_not_answered(void **state)
{
	static const struct fake_step script[] = { { .kind = FAKE_HYPERV, .addr = 99 },
		{ .kind = FAKE_END } };
	struct fixture *f = *state;
	assert_false(answer(f, script));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_vcpu, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(enable_hyperv__nothing_asked__no_call),
		TEST(enable_hyperv__all_asked__each_once_on_the_vcpu),
		TEST(enable_hyperv__call_n_fails__error_names_capability_and_vcpu),
		TEST(enable_hyperv__evmcs_versions__only_those_with_version_1),
		TEST(host_facts__hyperv_leaves__are_there_where_the_capability_is),
		TEST(host_facts__hyperv_call_fails__no_leaves_and_no_error),
		TEST(hypercall__message_or_event__no_such_connection),
		TEST(hypercall__any_other__no_such_code),
		TEST(synic_and_debugger__are_answered_with_nothing),
		TEST(unknown_type__is_not_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
