/* SPDX-License-Identifier: MIT */
/* What KVM counts for a guest: kvmclock, the TSC's offset, the 8254, the TSC deadline. */
#include "kvm/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#define MSR_TSC 0x10           /* SDM vol. 4, IA32_TIME_STAMP_COUNTER */
#define MSR_TSC_DEADLINE 0x6e0 /* SDM vol. 4, IA32_TSC_DEADLINE */

/* linux/kvm.h has them since Linux 5.16. */
#ifndef KVM_VCPU_TSC_CTRL
#define KVM_VCPU_TSC_CTRL 0
#define KVM_VCPU_TSC_OFFSET 0
#endif

int kvm_vm_get_clock(struct kvm_vm *vm, uint64_t *ret_ns, struct err *e)
{
	struct kvm_clock_data data = { 0 };
	int rc = kvm_do(vm->kvm, vm->fd, KVM_GET_CLOCK, &data);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_GET_CLOCK");
	*ret_ns = data.clock;
	return 0;
}

int kvm_vm_set_clock(struct kvm_vm *vm, uint64_t ns, uint64_t wall_ns, struct err *e)
{
	struct kvm_clock_data data = { .clock = ns, .realtime = wall_ns };
	struct timespec now;
	int flags = kvm_do_value(vm->kvm, vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_ADJUST_CLOCK);
	if (flags > 0 && (flags & KVM_CLOCK_REALTIME)) {
		data.flags = KVM_CLOCK_REALTIME;
	} else {
		(void)clock_gettime(CLOCK_REALTIME, &now);
		data.clock += (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - wall_ns;
	}
	int rc = kvm_do(vm->kvm, vm->fd, KVM_SET_CLOCK, &data);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_SET_CLOCK, %" PRIu64 " ns", ns);
	return 0;
}

int kvm_vm_get_pit(struct kvm_vm *vm, struct kvm_pit *ret_pit, struct err *e)
{
	struct kvm_pit_state2 state;
	_Static_assert(sizeof(state) == sizeof(ret_pit->state), "all of it");
	int rc = kvm_do(vm->kvm, vm->fd, KVM_GET_PIT2, &state);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_GET_PIT2");
	memcpy(ret_pit->state, &state, sizeof(state));
	return 0;
}

int kvm_vm_set_pit(struct kvm_vm *vm, const struct kvm_pit *pit, struct err *e)
{
	struct kvm_pit_state2 state;
	memcpy(&state, pit->state, sizeof(state));
	int rc = kvm_do(vm->kvm, vm->fd, KVM_SET_PIT2, &state);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_SET_PIT2");
	return 0;
}

int kvm_vcpu_tell_paused(struct kvm_vcpu *vcpu, struct err *e)
{
	int rc = kvm_do_value(vcpu->kvm, vcpu->fd, KVM_KVMCLOCK_CTRL, 0);
	/* EINVAL: the guest has no kvmclock on this vCPU, and so asks nobody whether it was paused.
	 */
	if (rc < 0 && rc != -EINVAL)
		return err_set_errno(e, rc, "KVM_KVMCLOCK_CTRL on vCPU %u", vcpu->id);
	return 0;
}

static struct kvm_device_attr offset_attr(uint64_t *offset)
{
	return (struct kvm_device_attr){
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)offset,
	};
}

int kvm_vcpu_get_tsc(struct kvm_vcpu *vcpu, uint64_t *ret_tsc, struct err *e)
{
	uint64_t offset = 0;
	struct kvm_device_attr attr = offset_attr(&offset);
	if (kvm_do(vcpu->kvm, vcpu->fd, KVM_HAS_DEVICE_ATTR, &attr) < 0)
		return err_set(e, -ENOTSUP, "this KVM has no KVM_VCPU_TSC_OFFSET");
	return kvm_vcpu_get_msr(vcpu, MSR_TSC, ret_tsc, e);
}

/* Sets again when the local APIC's timer is due: KVM reckoned with the old offset. */
static int rearm_deadline(struct kvm_vcpu *vcpu, struct err *e)
{
	uint64_t deadline = 0;
	/* A CPU without it has nothing to set. */
	if (kvm_vcpu_get_msr(vcpu, MSR_TSC_DEADLINE, &deadline, NULL) || deadline == 0)
		return 0;
	return kvm_vcpu_set_msr(vcpu, MSR_TSC_DEADLINE, deadline, e);
}

int kvm_vcpu_turn_tsc_back(struct kvm_vcpu *vcpu, uint64_t ticks, struct err *e)
{
	uint64_t offset = 0;
	struct kvm_device_attr attr = offset_attr(&offset);
	int rc = kvm_do(vcpu->kvm, vcpu->fd, KVM_GET_DEVICE_ATTR, &attr);
	if (rc < 0)
		return err_set_errno(
			e, rc, "KVM_GET_DEVICE_ATTR, KVM_VCPU_TSC_OFFSET of vCPU %u", vcpu->id);
	const uint64_t wanted = offset - ticks;
	offset = wanted;
	rc = kvm_do(vcpu->kvm, vcpu->fd, KVM_SET_DEVICE_ATTR, &attr);
	if (rc < 0)
		return err_set_errno(e, rc,
			"KVM_SET_DEVICE_ATTR, KVM_VCPU_TSC_OFFSET of vCPU %u, %#" PRIx64, vcpu->id,
			offset);
	/* Some KVMs take it, and no more. */
	offset = ~wanted;
	rc = kvm_do(vcpu->kvm, vcpu->fd, KVM_GET_DEVICE_ATTR, &attr);
	if (rc < 0 || offset != wanted)
		return err_set(e, -ENOTSUP, "this KVM does not keep KVM_VCPU_TSC_OFFSET");
	return rearm_deadline(vcpu, e);
}
