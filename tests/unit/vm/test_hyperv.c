/* SPDX-License-Identifier: MIT */
/* A machine with Hyper-V's leaves: the order of KVM's calls, and the exits. */
#include "unit/vm/fixture.h"

#include <errno.h>

static const struct policy_feature full[] = { { "hv-vpindex", true, "vm.toml:1:1" },
	{ "hv-time", true, "vm.toml:1:2" }, { "hv-synic", true, "vm.toml:1:3" },
	{ "hv-stimer", true, "vm.toml:1:4" }, { "hv-vapic", true, "vm.toml:1:5" },
	{ "hv-crash", true, "vm.toml:1:6" }, { "hv-enforce-cpuid", true, "vm.toml:1:7" },
	{ "hv-evmcs", true, "vm.toml:1:8" } };

/* All of those, on a host that has them; the last two need more than the host of the fixture. */
static void ask(struct fixture *f, size_t n)
{
	host_give_hyperv(&f->facts, true);
	f->fake->evmcs_versions = 0x0101;
	f->policy.hyperv_features = full;
	f->policy.nr_hyperv_features = n;
	f->given_policy = &f->policy;
	f->config.nesting.expose_virtualization_extensions = true;
}

static void machine_create__hyperv__capabilities_before_cpuid_on_each_vcpu(void **state)
{
	static const uint64_t caps[] = { KVM_CAP_HYPERV_SYNIC2, KVM_CAP_HYPERV_ENLIGHTENED_VMCS,
		KVM_CAP_HYPERV_ENFORCE_CPUID };
	struct fixture *f = *state;
	f->config.cpu.vcpus = 3;
	ask(f, ARRAY_SIZE(full));
	assert_int_equal(fixture_create(f), 0);
	unsigned at = 0;
	for (unsigned i = 0; i < 3; i++) {
		at = (unsigned)fake_kvm_find(f->fake, "KVM_CREATE_VCPU", at);
		int cpuid = fake_kvm_find(f->fake, "KVM_SET_CPUID2", at);
		for (unsigned k = 0; k < ARRAY_SIZE(caps); k++) {
			int enabled = fake_kvm_find(f->fake, "KVM_ENABLE_CAP", at);
			assert_in_range(enabled, at, cpuid);
			assert_int_equal(f->fake->log[enabled].arg, caps[k]);
			assert_int_equal(f->fake->log[enabled].fd, f->fake->vcpus[i]->fd);
			at = (unsigned)enabled + 1;
		}
		assert_int_equal(f->fake->log[cpuid].fd, f->fake->vcpus[i]->fd);
		const struct cpuid_table *t = &f->fake->vcpus[i]->cpuid;
		assert_int_equal(cpuid_value(t, 0x40000001, 0, CPUID_EAX), 0x31237648);
		assert_int_equal(cpuid_value(t, 0x4000000a, 0, CPUID_EAX), 0x101);
		assert_memory_equal(&cpuid_get(t, 0x40000100, 0)->reg[1], "KVMKVMKVM\0\0\0", 12);
	}
}

static void machine_create__no_hyperv__no_capability(void **state)
{
	struct fixture *f = *state;
	host_give_hyperv(&f->facts, true);
	assert_int_equal(fixture_create(f), 0);
	assert_int_equal(fake_kvm_find(f->fake, "KVM_ENABLE_CAP", 0), -1);
	assert_memory_equal(&cpuid_get(&f->fake->vcpus[0]->cpuid, 0x40000000, 0)->reg[1],
		"KVMKVMKVM\0\0\0", 12);
	assert_null(cpuid_get(&f->fake->vcpus[0]->cpuid, 0x40000100, 0));
}

static void machine_create__call_n_fails_hyperv__error_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 2;
	ask(f, ARRAY_SIZE(full));
	assert_int_equal(fixture_create(f), 0);
	unsigned before = f->fake->nr_calls;
	machine_destroy(f->machine);
	f->machine = NULL;
	assert_int_equal(fixture_create(f), 0);
	unsigned calls = f->fake->nr_calls - before;
	machine_destroy(f->machine);
	f->machine = NULL;
	unsigned failed = 0;
	for (unsigned n = 1; n <= calls; n++) {
		unsigned fds = fixture_count_fds();
		f->e = (struct err)ERR_INIT;
		f->fake->fail_at = f->fake->nr_calls + n;
		f->fake->fail_code = EIO;
		int rc = fixture_create(f);
		failed += rc != 0;
		assert_int_equal(rc != 0, f->e.msg[0] != '\0');
		machine_destroy(f->machine);
		f->machine = NULL;
		assert_int_equal(fixture_count_fds(), fds);
		assert_int_equal(f->fake->bad_calls, 0);
		f->fake->fail_at = 0;
	}
	assert_true(failed > 20);
}

static void machine_create__hyperv_that_kvm_changes__refused(void **state)
{
	struct fixture *f = *state;
	struct config_text text = { (char[]){ "+hv-vpindex" }, NULL };
	ask(f, 1);
	f->config.hyperv.features = (struct config_texts){ &text, 1 };
	f->fake->lossy_leaf = 0x40000003;
	assert_int_equal(fixture_create(f), -EPROTO);
	assert_contains(f->e.msg, "0x40000003");
}

static void machine_run__hyperv_exits__are_answered_and_the_guest_goes_on(void **state)
{
	static const struct fake_step script[] = {
		{ .kind = FAKE_HYPERV, .addr = KVM_EXIT_HYPERV_SYNIC },
		{ .kind = FAKE_HYPERV, .addr = KVM_EXIT_HYPERV_HCALL, .value = 0x5c },
		{ .kind = FAKE_HYPERV, .addr = KVM_EXIT_HYPERV_HCALL, .value = 0x1 },
		{ .kind = FAKE_OUT, .addr = 0xf4, .size = 1, .data = "\x05" },
		{ .kind = FAKE_END },
	};
	struct fixture *f = *state;
	ask(f, 3);
	assert_int_equal(fixture_run(f, script), 0);
	assert_int_equal(f->result.end, MACHINE_END_DEBUG_EXIT);
	assert_int_equal(f->result.status, 5);
	assert_int_equal(f->fake->vcpus[0]->nr_reads, 2);
	assert_int_equal(f->fake->vcpus[0]->reads[0], 18);
	assert_int_equal(f->fake->vcpus[0]->reads[1], 2);
}

static void machine_run__unknown_hyperv_exit__is_a_crash(void **state)
{
	static const struct fake_step script[] = { { .kind = FAKE_HYPERV, .addr = 77 },
		{ .kind = FAKE_END } };
	struct fixture *f = *state;
	assert_int_equal(fixture_run(f, script), 0);
	assert_int_equal(f->result.end, MACHINE_END_CRASH);
	assert_contains(f->reports, "KVM_EXIT_HYPERV, type 77");
}

static void machine_run__crash_by_msrs__is_a_panic_with_its_parameters(void **state)
{
	static const struct fake_step script[] = {
		{ .kind = FAKE_WRMSR, .addr = 0x40000100, .value = 0x7e },
		{ .kind = FAKE_WRMSR, .addr = 0x40000104, .value = 0xabcdef },
		{ .kind = FAKE_SYSTEM_EVENT, .value = KVM_SYSTEM_EVENT_CRASH },
		{ .kind = FAKE_END },
	};
	struct fixture *f = *state;
	ask(f, 6);
	assert_int_equal(fixture_run(f, script), 0);
	assert_int_equal(f->result.end, MACHINE_END_PANIC);
	assert_contains(f->reports, "on vCPU 0: code 0x7e, parameters 0 0 0 0xabcdef");
}

static void machine_run__crash_msrs_cannot_be_read__still_a_panic(void **state)
{
	static const struct fake_step script[] = {
		{ .kind = FAKE_SYSTEM_EVENT, .value = KVM_SYSTEM_EVENT_CRASH },
		{ .kind = FAKE_END },
	};
	struct fixture *f = *state;
	ask(f, 6);
	f->fake->refuse_msr = 0x40000102;
	assert_int_equal(fixture_run(f, script), 0);
	assert_int_equal(f->result.end, MACHINE_END_PANIC);
	assert_contains(f->reports, "reported a crash");
	assert_contains(f->reports, "KVM_GET_MSRS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(machine_create__hyperv__capabilities_before_cpuid_on_each_vcpu),
		FIXTURE_TEST(machine_create__no_hyperv__no_capability),
		FIXTURE_TEST(machine_create__call_n_fails_hyperv__error_and_nothing_leaks),
		FIXTURE_TEST(machine_create__hyperv_that_kvm_changes__refused),
		FIXTURE_TEST(machine_run__hyperv_exits__are_answered_and_the_guest_goes_on),
		FIXTURE_TEST(machine_run__unknown_hyperv_exit__is_a_crash),
		FIXTURE_TEST(machine_run__crash_by_msrs__is_a_panic_with_its_parameters),
		FIXTURE_TEST(machine_run__crash_msrs_cannot_be_read__still_a_panic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
