/* SPDX-License-Identifier: MIT */
#include "kvm/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

int kvm_vm_create(struct kvm_vm **ret_vm, struct kvm *kvm, struct err *e)
{
	struct kvm_vm *vm = calloc(1, sizeof(*vm));
	if (!vm)
		return err_set(e, -ENOMEM, "out of memory");
	vm->kvm = kvm;
	kvm_routes_init(&vm->routes);
	do {
		vm->fd = kvm_do_value(kvm, kvm->fd, KVM_CREATE_VM, 0);
	} while (vm->fd == -EINTR);
	if (vm->fd < 0) {
		int rc = err_set_errno(e, vm->fd, "KVM_CREATE_VM, type 0");
		kvm_vm_destroy(vm);
		if (rc == -ENOMEM)
			return err_hint(e, rc,
				"free memory on the host, or raise the limit that this process "
				"runs under");
		return rc;
	}
	*ret_vm = vm;
	return 0;
}

void kvm_vm_destroy(struct kvm_vm *vm)
{
	if (!vm)
		return;
	if (vm->fd >= 0)
		vm->kvm->calls->close(vm->kvm->calls->ctx, vm->fd);
	kvm_routes_done(&vm->routes);
	free(vm);
}

#define SPACE_NORMAL 0
#define SPACE_SMM 1

static int set_memslot(struct kvm_vm *vm, unsigned address_space, unsigned slot, struct gpa base,
	uint64_t size_bytes, void *hva, struct err *e)
{
	struct kvm_userspace_memory_region region = {
		.slot = address_space << 16 | slot,
		.guest_phys_addr = base.v,
		.memory_size = size_bytes,
		.userspace_addr = (uintptr_t)hva,
	};
	int rc = kvm_do(vm->kvm, vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
	if (rc < 0)
		return err_set_errno(e, rc,
			"KVM_SET_USER_MEMORY_REGION, slot %u%s, gpa %#" PRIx64 ", %#" PRIx64
			" bytes",
			slot, address_space == SPACE_SMM ? " of system management mode" : "",
			base.v, size_bytes);
	return 0;
}

int kvm_vm_set_memslot(struct kvm_vm *vm, unsigned slot, struct gpa base, uint64_t size_bytes,
	void *hva, struct err *e)
{
	return set_memslot(vm, SPACE_NORMAL, slot, base, size_bytes, hva, e);
}

int kvm_vm_has_smm(struct kvm_vm *vm, bool *ret_has, struct err *e)
{
	int rc = kvm_do_value(vm->kvm, vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_SMM);
	*ret_has = false;
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_CHECK_EXTENSION, KVM_CAP_X86_SMM");
	if (rc == 0)
		return 0;
	rc = kvm_do_value(vm->kvm, vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MULTI_ADDRESS_SPACE);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_CHECK_EXTENSION, KVM_CAP_MULTI_ADDRESS_SPACE");
	*ret_has = rc > SPACE_SMM;
	return 0;
}

int kvm_vm_set_smm_memslot(struct kvm_vm *vm, unsigned slot, struct gpa base, uint64_t size_bytes,
	void *hva, struct err *e)
{
	return set_memslot(vm, SPACE_SMM, slot, base, size_bytes, hva, e);
}

int kvm_vm_set_intel_pages(
	struct kvm_vm *vm, struct gpa tss, struct gpa identity_map, struct err *e)
{
	uint64_t addr = identity_map.v;
	int rc = kvm_do(vm->kvm, vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &addr);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_SET_IDENTITY_MAP_ADDR, gpa %#" PRIx64, addr);
	rc = kvm_do_value(vm->kvm, vm->fd, KVM_SET_TSS_ADDR, tss.v);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_SET_TSS_ADDR, gpa %#" PRIx64, tss.v);
	return 0;
}

int kvm_vm_enable_x2apic_ids(struct kvm_vm *vm, struct err *e)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X2APIC_API,
		/* The second: ID 0xff is a vCPU, not a broadcast (KVM API, KVM_CAP_X2APIC_API). */
		.args = { KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK },
	};
	int rc = kvm_do(vm->kvm, vm->fd, KVM_ENABLE_CAP, &cap);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_ENABLE_CAP, KVM_CAP_X2APIC_API with %#llx",
			(unsigned long long)cap.args[0]);
	return 0;
}

int kvm_vm_create_irqchip(struct kvm_vm *vm, struct err *e)
{
	int rc = kvm_do_value(vm->kvm, vm->fd, KVM_CREATE_IRQCHIP, 0);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_CREATE_IRQCHIP");
	vm->routes.kernel_chips = true;
	return 0;
}

int kvm_vm_create_pit(struct kvm_vm *vm, struct err *e)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	int rc = kvm_do(vm->kvm, vm->fd, KVM_CREATE_PIT2, &pit);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_CREATE_PIT2, flags %#x", pit.flags);
	return 0;
}

int kvm_vm_set_ioapic_id(struct kvm_vm *vm, uint8_t id, struct err *e)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	int rc = kvm_do(vm->kvm, vm->fd, KVM_GET_IRQCHIP, &chip);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_GET_IRQCHIP, I/O APIC");
	chip.chip.ioapic.id = id;
	rc = kvm_do(vm->kvm, vm->fd, KVM_SET_IRQCHIP, &chip);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_SET_IRQCHIP, I/O APIC with ID %u", id);
	return 0;
}

int kvm_vm_create_split_irqchip(struct kvm_vm *vm, unsigned nr_pins, struct err *e)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { nr_pins } };
	int rc = kvm_do(vm->kvm, vm->fd, KVM_ENABLE_CAP, &cap);
	if (rc < 0)
		return err_set_errno(
			e, rc, "KVM_ENABLE_CAP, KVM_CAP_SPLIT_IRQCHIP with %u pins", nr_pins);
	return 0;
}

int kvm_vm_irq_line(struct kvm_vm *vm, unsigned gsi, bool level)
{
	struct kvm_irq_level irq = { .irq = gsi, .level = level };
	return kvm_do(vm->kvm, vm->fd, KVM_IRQ_LINE, &irq);
}

int kvm_vm_signal_msi(struct kvm_vm *vm, uint64_t address, uint32_t data)
{
	struct kvm_msi msi = {
		.address_lo = (uint32_t)address,
		.address_hi = (uint32_t)(address >> 32),
		.data = data,
	};
	return kvm_do(vm->kvm, vm->fd, KVM_SIGNAL_MSI, &msi);
}

int kvm_vm_set_msr_filter(struct kvm_vm *vm, const struct msr_filter *filter, struct err *e)
{
	_Static_assert(MSR_FILTER_MAX_RANGES == KVM_MSR_FILTER_MAX_RANGES, "KVM's own number");
	_Static_assert(MSR_FILTER_RANGE_MAX_MSRS == KVM_MSR_FILTER_MAX_BITMAP_SIZE * 8, "likewise");
	struct kvm_msr_filter f = { .flags = filter->default_deny ? KVM_MSR_FILTER_DEFAULT_DENY
								  : KVM_MSR_FILTER_DEFAULT_ALLOW };
	if (filter->nr_ranges == 0)
		return 0;
	for (unsigned i = 0; i < filter->nr_ranges && i < MSR_FILTER_MAX_RANGES; i++) {
		const struct msr_filter_range *r = &filter->ranges[i];
		f.ranges[i] = (struct kvm_msr_filter_range){
			.flags = (r->read ? KVM_MSR_FILTER_READ : 0u) |
				 (r->write ? KVM_MSR_FILTER_WRITE : 0u),
			.nmsrs = r->count,
			.base = r->base,
			.bitmap = r->bitmap,
		};
	}
	int rc;
	if (filter->exits) {
		struct kvm_enable_cap cap = {
			.cap = KVM_CAP_X86_USER_SPACE_MSR,
			.args = { KVM_MSR_EXIT_REASON_FILTER },
		};
		rc = kvm_do(vm->kvm, vm->fd, KVM_ENABLE_CAP, &cap);
		if (rc < 0)
			return err_set_errno(e, rc,
				"KVM_ENABLE_CAP, KVM_CAP_X86_USER_SPACE_MSR with %#llx",
				(unsigned long long)cap.args[0]);
	}
	rc = kvm_do(vm->kvm, vm->fd, KVM_X86_SET_MSR_FILTER, &f);
	if (rc < 0)
		return err_set_errno(
			e, rc, "KVM_X86_SET_MSR_FILTER with %u ranges", filter->nr_ranges);
	return 0;
}
