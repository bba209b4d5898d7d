/* SPDX-License-Identifier: MIT */
/* What becomes of an MSR access that the filter stopped; kvm/msr_exit.h. */
#include "unit/kvm/fixture.h"

#include "kvm/msr_exit.h"

static struct msr_policy policy_of(
	uint32_t index, enum msr_action read, enum msr_action write, uint64_t value, bool log)
{
	struct msr_policy p = { .nr_rules = 1 };
	p.rules[0] = (struct msr_rule){ .first = index,
		.last = index,
		.read = read,
		.write = write,
		.value = value,
		.log = log,
		.id = "T" };
	return p;
}

/* Answers an access, whose data is *data; returns whether it is #GP. */
static bool faults(struct fixture *f, const struct msr_policy *policy, bool write, uint64_t *data)
{
	uint8_t error = 0x55;
	const struct kvm_exit x = { .kind = KVM_EXIT_KIND_MSR,
		.msr = { .index = policy->rules[0].first,
			.write = write,
			.data = data,
			.error = &error } };
	struct msr_outcome o = kvm_vcpu_answer_msr(f->vcpu, &x, policy);
	assert_ptr_equal(o.rule, &policy->rules[0]);
	assert_in_range(error, 0, 1);
	return error;
}

static void kvm_vcpu_answer_msr__denied__is_gp(void **state)
{
	const struct msr_policy p = policy_of(0x277, MSR_DENY, MSR_DENY, 0, false);
	uint64_t data = 7;
	assert_true(faults(*state, &p, false, &data));
	assert_true(faults(*state, &p, true, &data));
}

static void kvm_vcpu_answer_msr__read_as_and_ignored__no_call_of_kvm(void **state)
{
	struct fixture *f = *state;
	const struct msr_policy p = policy_of(0x277, MSR_VALUE, MSR_IGNORE, UINT64_MAX - 1, false);
	uint64_t data = 7;
	unsigned calls = f->fake->nr_calls;
	assert_false(faults(f, &p, true, &data));
	assert_int_equal(data, 7);
	assert_false(faults(f, &p, false, &data));
	assert_true(data == UINT64_MAX - 1);
	assert_int_equal(f->fake->nr_calls, calls);
}

static void kvm_vcpu_answer_msr__logged__is_carried_out_by_kvm(void **state)
{
	struct fixture *f = *state;
	const struct msr_policy p = policy_of(0x174, MSR_KVM, MSR_KVM, 0, true);
	const char *reason;
	uint64_t data = 0x1234;
	assert_int_equal(msr_write_log(0x174, &reason), MSR_WRITE_HOST);
	assert_false(faults(f, &p, true, &data));
	data = 0;
	assert_false(faults(f, &p, false, &data));
	assert_int_equal(data, 0x1234);
}

static void kvm_vcpu_answer_msr__logged_and_kvm_refuses__is_gp(void **state)
{
	struct fixture *f = *state;
	const struct msr_policy p = policy_of(0x174, MSR_KVM, MSR_KVM, 0, true);
	uint64_t data = 1;
	fail_next(f, EINVAL);
	assert_true(faults(f, &p, true, &data));
	fail_next(f, EINVAL);
	assert_true(faults(f, &p, false, &data));
}

static void kvm_vcpu_answer_msr__nobody_asked_to_stop_it__is_gp(void **state)
{
	const struct msr_policy p = policy_of(0x174, MSR_KVM, MSR_KVM, 0, false);
	uint64_t data = 1;
	assert_true(faults(*state, &p, false, &data));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_vcpu, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(kvm_vcpu_answer_msr__denied__is_gp),
		TEST(kvm_vcpu_answer_msr__read_as_and_ignored__no_call_of_kvm),
		TEST(kvm_vcpu_answer_msr__logged__is_carried_out_by_kvm),
		TEST(kvm_vcpu_answer_msr__logged_and_kvm_refuses__is_gp),
		TEST(kvm_vcpu_answer_msr__nobody_asked_to_stop_it__is_gp),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
