/* SPDX-License-Identifier: MIT */
#include "unit/kvm/fixture.h"

#include <time.h>

#define MSR_TSC_DEADLINE 0x6e0

static void kvm_vm_set_clock__what_was_got__is_there_again(void **state)
{
	struct fixture *f = *state;
	uint64_t ns = 0;
	f->fake->clock_ns = 12345;
	assert_int_equal(kvm_vm_get_clock(f->vm, &ns, &f->e), 0);
	assert_int_equal(ns, 12345);
	f->fake->clock_ns = 99999;
	/* KVM adds what has passed since. */
	assert_int_equal(kvm_vm_set_clock(f->vm, ns, 777, &f->e), 0);
	assert_int_equal(f->fake->clock_ns, 12345);
	assert_int_equal(f->fake->clock_wall_ns, 777);
}

static void kvm_vm_set_clock__kvm_takes_no_wall_time__what_has_passed_is_added(void **state)
{
	struct fixture *f = *state;
	struct timespec now;
	f->fake->no_realtime = true;
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	const uint64_t wall_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	const uint64_t passed_ns = 5000000000u;
	assert_int_equal(kvm_vm_set_clock(f->vm, 12345, wall_ns - passed_ns, &f->e), 0);
	assert_int_equal(f->fake->clock_wall_ns, 0);
	assert_true(f->fake->clock_ns >= 12345 + passed_ns);
	assert_true(f->fake->clock_ns < 12345 + 100 * passed_ns);
}

static void kvm_vm_set_pit__what_was_got__is_there_again(void **state)
{
	struct fixture *f = *state;
	struct kvm_pit pit;
	f->fake->pit.channels[2].count = 1193;
	f->fake->pit.flags = KVM_PIT_FLAGS_HPET_LEGACY;
	assert_int_equal(kvm_vm_get_pit(f->vm, &pit, &f->e), 0);
	memset(&f->fake->pit, 0, sizeof(f->fake->pit));
	assert_int_equal(kvm_vm_set_pit(f->vm, &pit, &f->e), 0);
	assert_int_equal(f->fake->pit.channels[2].count, 1193);
	assert_int_equal(f->fake->pit.flags, KVM_PIT_FLAGS_HPET_LEGACY);
}

static void kvm_vcpu_turn_tsc_back__ticks__off_the_offset_and_the_deadline_is_set_anew(void **state)
{
	struct fixture *f = *state;
	uint64_t tsc = 0;
	f->fake->tsc = 5000;
	f->fake->vcpus[0]->tsc_offset = 700;
	assert_int_equal(kvm_vcpu_get_tsc(f->vcpu, &tsc, &f->e), 0);
	assert_int_equal(tsc, 5700);
	assert_int_equal(kvm_vcpu_turn_tsc_back(f->vcpu, 1700, &f->e), 0);
	assert_int_equal(f->fake->vcpus[0]->tsc_offset, UINT64_C(0) - 1000);
	/* It was disarmed, and stays so. */
	assert_int_equal(fake_kvm_count(f->fake, "KVM_SET_MSRS"), 0);
	assert_int_equal(kvm_vcpu_set_msr(f->vcpu, MSR_TSC_DEADLINE, 8000, &f->e), 0);
	assert_int_equal(kvm_vcpu_turn_tsc_back(f->vcpu, 1, &f->e), 0);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_SET_MSRS"), 2);
	f->fake->refuse_msr = MSR_TSC_DEADLINE; /* as of a CPU without it */
	assert_int_equal(kvm_vcpu_turn_tsc_back(f->vcpu, 1, &f->e), 0);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_SET_MSRS"), 2);
}

static void kvm_vcpu_turn_tsc_back__kvm_forgets_it__not_supported(void **state)
{
	struct fixture *f = *state;
	f->fake->forgets_tsc_offset = true;
	assert_int_equal(kvm_vcpu_turn_tsc_back(f->vcpu, 1, &f->e), -ENOTSUP);
	assert_contains(f->e.msg, "does not keep KVM_VCPU_TSC_OFFSET");
}

static void kvm_vcpu_get_tsc__no_tsc_offset__not_supported(void **state)
{
	struct fixture *f = *state;
	uint64_t tsc = 0;
	f->fake->no_tsc_offset = true;
	assert_int_equal(kvm_vcpu_get_tsc(f->vcpu, &tsc, &f->e), -ENOTSUP);
	assert_contains(f->e.msg, "KVM_VCPU_TSC_OFFSET");
}

static void kvm_vcpu_tell_paused__guest_without_kvmclock__is_no_error(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(kvm_vcpu_tell_paused(f->vcpu, &f->e), 0);
	assert_int_equal(f->fake->vcpus[0]->told_paused, 1);
	fail_next(f, EINVAL);
	assert_int_equal(kvm_vcpu_tell_paused(f->vcpu, &f->e), 0);
	fail_next(f, EFAULT);
	assert_int_equal(kvm_vcpu_tell_paused(f->vcpu, &f->e), -EFAULT);
	assert_contains(f->e.msg, "KVM_KVMCLOCK_CTRL on vCPU 7");
}

static void clock_calls__each_ioctl_fails__is_named(void **state)
{
	struct fixture *f = *state;
	struct kvm_pit pit = { .state = { 0 } };
	uint64_t value = 0;
	fail_next(f, EIO);
	assert_int_equal(kvm_vm_get_clock(f->vm, &value, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_GET_CLOCK");
	f->fake->fail_name = "KVM_SET_CLOCK";
	assert_int_equal(kvm_vm_set_clock(f->vm, 55, 0, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_SET_CLOCK, 55 ns");
	fail_next(f, EIO);
	assert_int_equal(kvm_vm_get_pit(f->vm, &pit, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_GET_PIT2");
	fail_next(f, EIO);
	assert_int_equal(kvm_vm_set_pit(f->vm, &pit, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_SET_PIT2");
	f->fake->fail_name = "KVM_GET_DEVICE_ATTR";
	assert_int_equal(kvm_vcpu_turn_tsc_back(f->vcpu, 1, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_GET_DEVICE_ATTR, KVM_VCPU_TSC_OFFSET of vCPU 7");
	f->fake->fail_name = "KVM_SET_DEVICE_ATTR";
	assert_int_equal(kvm_vcpu_turn_tsc_back(f->vcpu, 1, &f->e), -EIO);
	assert_contains(
		f->e.msg, "KVM_SET_DEVICE_ATTR, KVM_VCPU_TSC_OFFSET of vCPU 7, 0xffffffffffffffff");
	f->fake->fail_name = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_vcpu, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(kvm_vm_set_clock__what_was_got__is_there_again),
		TEST(kvm_vm_set_clock__kvm_takes_no_wall_time__what_has_passed_is_added),
		TEST(kvm_vm_set_pit__what_was_got__is_there_again),
		TEST(kvm_vcpu_turn_tsc_back__ticks__off_the_offset_and_the_deadline_is_set_anew),
		TEST(kvm_vcpu_turn_tsc_back__kvm_forgets_it__not_supported),
		TEST(kvm_vcpu_get_tsc__no_tsc_offset__not_supported),
		TEST(kvm_vcpu_tell_paused__guest_without_kvmclock__is_no_error),
		TEST(clock_calls__each_ioctl_fails__is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
