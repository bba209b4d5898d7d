/* SPDX-License-Identifier: MIT */
/* verify_run on a scripted KVM whose vCPUs play the guest. */
#include "unit/verify/fixture.h"

#include <errno.h>
#include <stdlib.h>

static const struct verify_difference *only_difference(const struct fixture *f)
{
	assert_int_equal(f->result.nr_differences, 1);
	return &f->result.differences[0];
}

static void verify_run__kvm_keeps_every_promise__no_difference(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(fixture_run(f), 0);
	assert_int_equal(f->result.nr_vcpus, FIXTURE_VCPUS);
	assert_int_equal(f->result.nr_differences, 0);
	assert_true(f->result.nr_leaves > FIXTURE_VCPUS * f->plan.cpu.table.nr_entries);
	assert_int_equal(f->result.nr_msr_accesses, FIXTURE_VCPUS * f->plan.cpu.msrs.nr_set);
	assert_int_equal(f->result.nr_not_compared, 0);
}

static void verify_run__each_vcpu__has_its_apic_id_and_cpuid_before_msrs_before_run(void **state)
{
	static const char *const order[] = { "KVM_SET_CPUID2", "KVM_SET_MSRS", "KVM_SET_MP_STATE",
		"KVM_SET_SREGS", "KVM_SET_REGS", "KVM_RUN" };
	struct fixture *f = *state;
	assert_int_equal(fixture_run(f), 0);
	int from = 0;
	for (unsigned i = 0; i < FIXTURE_VCPUS; i++) {
		from = fake_kvm_find(f->fake, "KVM_CREATE_VCPU", (unsigned)from);
		assert_int_equal(f->fake->log[from].arg, 2 * i);
		int last = from++;
		for (size_t k = 0; k < ARRAY_SIZE(order); k++) {
			int at = fake_kvm_find(f->fake, order[k], (unsigned)from);
			assert_true(at > last);
			last = at;
		}
	}
}

static void verify_run__split_irqchip_and_wide_ids__are_asked_for(void **state)
{
	struct fixture *f = *state;
	f->plan.split_irqchip = true;
	f->plan.vcpus[2].apic_id = 0x100;
	assert_int_equal(fixture_run(f), 0);
	assert_int_equal(f->fake->nr_caps, 2);
	assert_int_equal(f->fake->caps[0].cap, KVM_CAP_X2APIC_API);
	assert_int_equal(f->fake->caps[1].cap, KVM_CAP_SPLIT_IRQCHIP);
	assert_int_equal(fake_kvm_find(f->fake, "KVM_CREATE_IRQCHIP", 0), -1);
}

static void verify_run__hyperv__each_vcpu_is_told_before_its_cpuid(void **state)
{
	struct fixture *f = *state;
	f->plan.cpu.hyperv = (struct hyperv_caps){ .synic = true, .enforce_cpuid = true };
	assert_int_equal(fixture_run(f), 0);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_ENABLE_CAP"), 2 * FIXTURE_VCPUS);
	unsigned at = 0;
	for (unsigned i = 0; i < FIXTURE_VCPUS; i++) {
		at = (unsigned)fake_kvm_find(f->fake, "KVM_CREATE_VCPU", at) + 1;
		int cpuid = fake_kvm_find(f->fake, "KVM_SET_CPUID2", at);
		int synic = fake_kvm_find(f->fake, "KVM_ENABLE_CAP", at);
		int enforce = fake_kvm_find(f->fake, "KVM_ENABLE_CAP", (unsigned)synic + 1);
		assert_true(synic < enforce && enforce < cpuid);
		assert_int_equal(f->fake->log[synic].arg, KVM_CAP_HYPERV_SYNIC2);
		assert_int_equal(f->fake->log[enforce].arg, KVM_CAP_HYPERV_ENFORCE_CPUID);
	}
}

static void verify_run__tsc_frequency__is_set_on_every_vcpu(void **state)
{
	struct fixture *f = *state;
	f->plan.tsc_khz = 2000000;
	assert_int_equal(fixture_run(f), 0);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_SET_TSC_KHZ"), FIXTURE_VCPUS);
}

static void verify_run__one_bit_of_cpuid_is_a_lie__exactly_that_difference(void **state)
{
	struct fixture *f = *state;
	f->lie = (struct lie){ .op = GUEST_CPUID,
		.vcpu = 1,
		.leaf = 7,
		.subleaf = 0,
		.reg = CPUID_EBX,
		.flip = 1u << 16 };
	assert_int_equal(fixture_run(f), 0);
	const struct verify_difference *d = only_difference(f);
	assert_int_equal(d->vcpu, 1);
	assert_false(d->is_msr);
	assert_int_equal(d->leaf, 7);
	assert_int_equal(d->subleaf, 0);
	assert_int_equal(d->reg, CPUID_EBX);
	assert_int_equal(d->promised ^ d->seen, 1u << 16);
	assert_int_equal(d->promised, cpuid_value(&f->plan.cpu.table, 7, 0, CPUID_EBX));
	assert_false(d->rewritten_by_kvm);
}

static int (*honest_ioctl)(void *ctx, int fd, unsigned long request, const char *name, void *arg);

/* Keeps another signature than it was given, for the guest and for KVM_GET_CPUID2. */
static int rewriting_ioctl(void *ctx, int fd, unsigned long request, const char *name, void *arg)
{
	int rc = honest_ioctl(ctx, fd, request, name, arg);
	struct fake_kvm *fake = ctx;
	if (request == KVM_SET_CPUID2)
		cpuid_find(&fake->vcpus[fake->nr_vcpus - 1]->cpuid, 1, 0)->reg[CPUID_EAX] ^= 2;
	return rc;
}

static void verify_run__kvm_rewrites_the_table__is_found_and_said(void **state)
{
	struct fixture *f = *state;
	honest_ioctl = f->fake->calls.ioctl;
	f->fake->calls.ioctl = rewriting_ioctl;
	assert_int_equal(fixture_run(f), 0);
	/* On each vCPU, for subleaf 0 and for one that makes no difference. */
	assert_int_equal(f->result.nr_differences, 2 * FIXTURE_VCPUS);
	for (unsigned i = 0; i < 2 * FIXTURE_VCPUS; i++) {
		const struct verify_difference *d = &f->result.differences[i];
		assert_int_equal(d->leaf, 1);
		assert_int_equal(d->promised ^ d->seen, 2);
		assert_true(d->rewritten_by_kvm);
	}
}

/* The policy promises a feature MSR; this KVM drops the CPUID bit before it. */
static void promise_arch_capabilities(struct fixture *f)
{
	struct cpuid_entry *e = cpuid_find(&f->plan.cpu.table, 7, 0);
	assert_non_null(e);
	e->reg[CPUID_EDX] |= 1u << 29;
	assert_int_equal(msr_policy_set(&f->plan.cpu.msrs, 0x10a, 0x6b, &f->e), 0);
	f->fake->zero_msr = 0x10a;
}

static void verify_run__kvm_drops_a_bit_and_its_msr__both_are_kvms_own(void **state)
{
	struct fixture *f = *state;
	unsigned leaves = 0, msrs = 0;
	promise_arch_capabilities(f);
	f->fake->rewrites[0] = (struct fake_rewrite){ 7, 0, CPUID_EDX, 1u << 29, 0 };
	assert_int_equal(fixture_run(f), 0);
	for (size_t i = 0; i < f->result.nr_differences; i++) {
		const struct verify_difference *d = &f->result.differences[i];
		assert_true(d->rewritten_by_kvm);
		leaves += d->leaf == 7 && !d->is_msr;
		msrs += d->leaf == 0x10a && d->is_msr && d->seen_fault;
	}
	assert_int_equal(leaves, FIXTURE_VCPUS);
	assert_int_equal(msrs, FIXTURE_VCPUS);
	assert_int_equal(f->result.nr_differences, 2 * FIXTURE_VCPUS);
}

static void verify_run__kvm_refuses_an_msr_value__is_kvms_own_and_no_error(void **state)
{
	struct fixture *f = *state;
	promise_arch_capabilities(f);
	assert_int_equal(fixture_run(f), 0);
	assert_int_equal(f->result.nr_differences, FIXTURE_VCPUS);
	for (unsigned i = 0; i < FIXTURE_VCPUS; i++) {
		const struct verify_difference *d = &f->result.differences[i];
		assert_int_equal(d->leaf, 0x10a);
		assert_int_equal(d->promised, 0x6b);
		assert_true(d->rewritten_by_kvm);
	}
}

static void verify_run__a_leaf_far_from_any_range_is_a_lie__is_found(void **state)
{
	struct fixture *f = *state;
	f->lie = (struct lie){
		.op = GUEST_CPUID, .vcpu = 2, .leaf = 0x7fffffff, .reg = CPUID_EDX, .flip = 1
	};
	assert_int_equal(fixture_run(f), 0);
	assert_int_equal(only_difference(f)->leaf, 0x7fffffff);
}

static void verify_run__set_msr_reads_otherwise__exactly_that_difference(void **state)
{
	struct fixture *f = *state;
	f->lie = (struct lie){
		.op = GUEST_RDMSR, .vcpu = 2, .leaf = MSR_IA32_UCODE_REV, .flip = UINT64_C(1) << 40
	};
	assert_int_equal(fixture_run(f), 0);
	const struct verify_difference *d = only_difference(f);
	assert_true(d->is_msr);
	assert_false(d->write);
	assert_int_equal(d->vcpu, 2);
	assert_int_equal(d->leaf, MSR_IA32_UCODE_REV);
	assert_true(d->promised == UINT64_C(0x1234) << 32);
	assert_true(d->seen == UINT64_C(0x1334) << 32);
}

static void verify_run__set_msr_faults__exactly_that_difference(void **state)
{
	struct fixture *f = *state;
	f->lie = (struct lie){ .op = GUEST_RDMSR, .leaf = MSR_IA32_UCODE_REV, .fault = true };
	assert_int_equal(fixture_run(f), 0);
	const struct verify_difference *d = only_difference(f);
	assert_false(d->promised_fault);
	assert_true(d->seen_fault);
	assert_true(d->promised == UINT64_C(0x1234) << 32);
}

static void verify_run__status_bits_of_misc_enable__are_no_difference(void **state)
{
	struct fixture *f = *state;
	f->lie = (struct lie){ .op = GUEST_RDMSR, .leaf = MSR_IA32_MISC_ENABLE, .flip = 0x1800 };
	assert_int_equal(fixture_run(f), 0);
	assert_int_equal(f->result.nr_differences, 0);
	f->lie.flip = 0x1801;
	assert_int_equal(fixture_run(f), 0);
	assert_int_equal(only_difference(f)->promised ^ only_difference(f)->seen, 1);
}

static void verify_run__rules_by_filter_alone__are_kept(void **state)
{
	struct fixture *f = *state;
	fixture_rule(f, 0x480, 0x491, MSR_DENY, MSR_DENY, 0);
	assert_int_equal(fixture_run(f), 0);
	assert_int_equal(f->result.nr_differences, 0);
	assert_int_equal(f->result.nr_msr_accesses, FIXTURE_VCPUS * (2 + 2 * 18));
}

static void verify_run__rules_that_exit__are_answered_by_the_policy(void **state)
{
	struct fixture *f = *state;
	fixture_rule(f, 0x480, 0x491, MSR_DENY, MSR_DENY, 0);
	fixture_rule(f, 0xce, 0xce, MSR_VALUE, MSR_IGNORE, UINT64_C(0x8000000180000002));
	fixture_rule(f, 0x198, 0x198, MSR_UNRULED, MSR_IGNORE, 0);
	assert_true(f->plan.filter.exits);
	assert_int_equal(fixture_run(f), 0);
	assert_int_equal(f->result.nr_differences, 0);
	/* Two set; denied both ways; read-as and ignored; ignored alone, of an MSR that the fake
	 * KVM does not have. */
	assert_int_equal(f->result.nr_msr_accesses, FIXTURE_VCPUS * (2 + 2 * 18 + 2 + 1));
	assert_int_equal(f->result.nr_not_compared, FIXTURE_VCPUS);
}

static void verify_run__denied_msr_is_let_through__both_directions_differ(void **state)
{
	struct fixture *f = *state;
	fixture_rule(f, MSR_IA32_UCODE_REV, MSR_IA32_UCODE_REV, MSR_DENY, MSR_DENY, 0);
	f->lie = (struct lie){ .leaf = MSR_IA32_UCODE_REV, .unfiltered = true };
	assert_int_equal(fixture_run(f), 0);
	assert_int_equal(f->result.nr_differences, 2 * FIXTURE_VCPUS);
	for (unsigned i = 0; i < 2 * FIXTURE_VCPUS; i++) {
		const struct verify_difference *d = &f->result.differences[i];
		assert_int_equal(d->vcpu, i / 2);
		assert_int_equal(d->leaf, MSR_IA32_UCODE_REV);
		assert_int_equal(d->write, i % 2);
		assert_true(d->promised_fault);
		assert_false(d->seen_fault);
	}
	assert_true(f->result.differences[0].seen == UINT64_C(0x1234) << 32);
}

static void verify_run__ignored_write_takes_effect__is_found(void **state)
{
	struct fixture *f = *state;
	fixture_rule(f, MSR_IA32_UCODE_REV, MSR_IA32_UCODE_REV, MSR_UNRULED, MSR_IGNORE, 0);
	f->lie = (struct lie){ .leaf = MSR_IA32_UCODE_REV, .unfiltered = true };
	f->plan.nr_vcpus = 1;
	assert_int_equal(fixture_run(f), 0);
	const struct verify_difference *d = only_difference(f);
	assert_true(d->is_msr && d->write);
	assert_false(d->promised_fault || d->seen_fault);
	assert_true(d->promised == UINT64_C(0x1234) << 32);
	assert_true(d->seen == (UINT64_C(0x1234) << 32 | 1));
}

static void verify_run__ignored_write_faults__is_found(void **state)
{
	struct fixture *f = *state;
	fixture_rule(f, MSR_IA32_UCODE_REV, MSR_IA32_UCODE_REV, MSR_UNRULED, MSR_IGNORE, 0);
	f->lie = (struct lie){ .op = GUEST_WRMSR, .leaf = MSR_IA32_UCODE_REV, .fault = true };
	assert_int_equal(fixture_run(f), 0);
	const struct verify_difference *d = only_difference(f);
	assert_true(d->is_msr && d->write && d->seen_fault);
	assert_false(d->promised_fault);
}

static void verify_run__more_requests_than_a_list_holds__all_are_answered(void **state)
{
	struct fixture *f = *state;
	for (uint32_t i = 0; i < 60; i++)
		fixture_rule(f, 0x10000 + 0x40 * i, 0x1001f + 0x40 * i, MSR_DENY, MSR_DENY, 0);
	assert_int_equal(fixture_run(f), 0);
	assert_int_equal(f->result.nr_differences, 0);
	assert_int_equal(f->result.nr_msr_accesses, FIXTURE_VCPUS * (2 + 2 * 60 * 32));
}

/* Runs with vCPU 0 playing steps instead of the guest, which must fail with code and say text. */
static void assert_fails(
	struct fixture *f, const struct fake_step *steps, unsigned ms, int code, const char *text)
{
	f->fake->scripts[f->fake->nr_vcpus] = steps;
	f->e = (struct err)ERR_INIT;
	assert_int_equal(verify_run_bounded(f->kvm, &f->plan, NULL, ms, &f->result, &f->e), code);
	assert_contains(f->e.msg, text);
	assert_null(f->result.differences);
	assert_int_equal(f->fake->nr_maps, 0);
}

static void verify_run__guest_never_comes_back__times_out_and_says_where(void **state)
{
	struct fixture *f = *state;
	assert_fails(f, NULL, 30, -ETIMEDOUT, "did not come back within 30 ms");
	assert_contains(f->e.msg, "vCPU 0, at CPUID 0.0 (request 1 of ");
}

static void verify_run__guest_exits_for_ever__is_bounded(void **state)
{
	static const struct fake_step script[] = { { .kind = FAKE_EXIT, .value = KVM_EXIT_INTR },
		{ .kind = FAKE_REPEAT } };
	assert_fails(*state, script, 60000, -EPROTO, " exits for ");
}

static void verify_run__kvm_run_is_interrupted__goes_on(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { { .kind = FAKE_ERRNO, .value = EINTR },
		{ .kind = FAKE_ERRNO, .value = EAGAIN },
		{ .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN } };
	assert_fails(f, script, 60000, -EPROTO, "KVM_EXIT_SHUTDOWN");
	assert_int_equal(fake_kvm_count(f->fake, "KVM_RUN"), 3);
}

static void verify_run__exit_that_the_guest_gives_no_cause_for__is_named(void **state)
{
	static const struct {
		struct fake_step step;
		const char *text;
	} cases[] = {
		{ { .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN }, "triple fault" },
		{ { .kind = FAKE_EXIT, .value = KVM_EXIT_HLT }, "KVM exit reason 5," },
		{ { .kind = FAKE_FAIL_ENTRY, .value = 0x80000021 }, "hardware reason 0x80000021" },
		{ { .kind = FAKE_INTERNAL, .value = 1 }, "suberror 1" },
		{ { .kind = FAKE_MMIO_READ, .addr = 0xd0000000, .size = 4 }, "KVM exit reason 6," },
		{ { .kind = FAKE_OUT, .addr = 0x80, .size = 1, .data = "\0" }, "writes port 0x80" },
		{ { .kind = FAKE_IN, .addr = GUEST_PORT, .size = 1 }, "reads port 0xf4" },
		{ { .kind = FAKE_OUT, .addr = GUEST_PORT, .size = 2, .data = "\0\0" },
			"writes port 0xf4" },
		{ { .kind = FAKE_OUT, .addr = GUEST_PORT, .size = 1, .data = "\1" },
			"an exception that is not #GP" },
		{ { .kind = FAKE_OUT, .addr = GUEST_PORT, .size = 1, .data = "\0" },
			"without an answer" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_fails(*state, &cases[i].step, 60000, -EPROTO, cases[i].text);
}

static void verify_run__kvm_run_fails__names_it_and_the_request(void **state)
{
	static const struct fake_step script[] = { { .kind = FAKE_ERRNO, .value = ENOMEM } };
	static const struct fake_step dead[] = { { .kind = FAKE_ERRNO, .value = EIO } };
	struct fixture *f = *state;
	assert_fails(f, script, 60000, -ENOMEM, "KVM_RUN on vCPU 0");
	assert_contains(f->e.msg, "at CPUID 0.0");
	assert_fails(f, dead, 60000, -EPROTO, "KVM gave the VM up");
}

static void verify_run__call_n_fails__error_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	f->plan.split_irqchip = true;
	f->plan.tsc_khz = 2000000;
	f->plan.nr_vcpus = 2;
	fixture_rule(f, 0xce, 0xce, MSR_VALUE, MSR_DENY, 5);
	unsigned fds = f->fake->nr_fds, n = 0;
	int rc;
	do {
		for (unsigned i = 0; i < FIXTURE_VCPUS; i++) {
			f->players[i].at = 0;
			f->players[i].waits_for_answer = false;
		}
		f->fake->nr_slots = 0;
		f->fake->fail_at = f->fake->nr_calls + ++n;
		f->e = (struct err)ERR_INIT;
		rc = fixture_run(f);
		assert_int_equal(rc != 0, f->e.msg[0] != '\0');
		assert_int_equal(f->fake->nr_fds, fds);
		assert_int_equal(f->fake->nr_maps, 0);
		assert_int_equal(f->fake->nr_vcpus, 0);
	} while (rc);
	/* None but the last run went well, as call n was past its end. */
	assert_true(f->fake->fail_at > f->fake->nr_calls);
	assert_in_range(n, 35, 100);
	assert_int_equal(f->result.nr_differences, 0);
}

static void verify_result_done__all_zero_or_done__does_nothing(void **state)
{
	(void)state;
	struct verify_result r = { 0 };
	verify_result_done(&r);
	r.differences = calloc(1, sizeof(*r.differences));
	verify_result_done(&r);
	verify_result_done(&r);
	assert_null(r.differences);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(verify_run__kvm_keeps_every_promise__no_difference),
		FIXTURE_TEST(
			verify_run__each_vcpu__has_its_apic_id_and_cpuid_before_msrs_before_run),
		FIXTURE_TEST(verify_run__split_irqchip_and_wide_ids__are_asked_for),
		FIXTURE_TEST(verify_run__hyperv__each_vcpu_is_told_before_its_cpuid),
		FIXTURE_TEST(verify_run__tsc_frequency__is_set_on_every_vcpu),
		FIXTURE_TEST(verify_run__one_bit_of_cpuid_is_a_lie__exactly_that_difference),
		FIXTURE_TEST(verify_run__kvm_rewrites_the_table__is_found_and_said),
		FIXTURE_TEST(verify_run__kvm_drops_a_bit_and_its_msr__both_are_kvms_own),
		FIXTURE_TEST(verify_run__kvm_refuses_an_msr_value__is_kvms_own_and_no_error),
		FIXTURE_TEST(verify_run__a_leaf_far_from_any_range_is_a_lie__is_found),
		FIXTURE_TEST(verify_run__set_msr_reads_otherwise__exactly_that_difference),
		FIXTURE_TEST(verify_run__set_msr_faults__exactly_that_difference),
		FIXTURE_TEST(verify_run__status_bits_of_misc_enable__are_no_difference),
		FIXTURE_TEST(verify_run__rules_by_filter_alone__are_kept),
		FIXTURE_TEST(verify_run__rules_that_exit__are_answered_by_the_policy),
		FIXTURE_TEST(verify_run__denied_msr_is_let_through__both_directions_differ),
		FIXTURE_TEST(verify_run__ignored_write_takes_effect__is_found),
		FIXTURE_TEST(verify_run__ignored_write_faults__is_found),
		FIXTURE_TEST(verify_run__more_requests_than_a_list_holds__all_are_answered),
		FIXTURE_TEST(verify_run__guest_never_comes_back__times_out_and_says_where),
		FIXTURE_TEST(verify_run__guest_exits_for_ever__is_bounded),
		FIXTURE_TEST(verify_run__kvm_run_is_interrupted__goes_on),
		FIXTURE_TEST(verify_run__exit_that_the_guest_gives_no_cause_for__is_named),
		FIXTURE_TEST(verify_run__kvm_run_fails__names_it_and_the_request),
		FIXTURE_TEST(verify_run__call_n_fails__error_and_nothing_leaks),
		FIXTURE_TEST(verify_result_done__all_zero_or_done__does_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
