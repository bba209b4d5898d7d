/* SPDX-License-Identifier: MIT */
/*
 * System management mode. There is no firmware that would use it, but a guest can send itself an
 * SMI (by its local APIC), and where KVM then finds no memory to save the vCPU's state in, it gives
 * up the VM. So there is RAM, with nothing in it but the way back: RSM.
 *
 * It is RAM of its own, not the guest's, which an SMI must not overwrite; and as no guest code runs
 * in this mode, there is no need to show it the guest's RAM. Each vCPU has its own SMBASE, as
 * firmware would give it: with one for all, two vCPUs that take an SMI at once would come back with
 * each other's state. INIT leaves SMBASE alone, a guest cannot read or write it.
 */
#include "setup/internal.h"

int setup_add_smram(struct setup *s, struct err *e)
{
	_Static_assert(
		PLAN_SMBASE(PLAN_MAX_VCPUS - 1) + 0x10000 <= PLAN_SMRAM_BASE + PLAN_SMRAM_SIZE,
		"the last vCPU saves its state there, too");
	const struct ram_bank bank = { gpa(PLAN_SMRAM_BASE), PLAN_SMRAM_SIZE };
	const struct ram_options options = { .hugepage_bytes = 0 };
	bool has_smm = false;
	int rc = kvm_vm_has_smm(s->vm, &has_smm, e);
	if (rc || !has_smm)
		return rc;
	rc = ram_create(&s->smram, &bank, 1, &options, s->options.reporter, e);
	if (rc)
		return err_wrap(e, rc, "RAM of system management mode");
	const struct guest_region *region = &ram_guest_memory(s->smram)->regions[0];
	return kvm_vm_set_smm_memslot(s->vm, 0, region->base, region->size_bytes, region->hva, e);
}

int setup_prepare_smm(struct setup *s, unsigned i, struct err *e)
{
	static const uint8_t rsm[] = { 0x0f, 0xaa };
	if (!s->smram)
		return 0;
	int rc = guest_memory_write(
		ram_guest_memory(s->smram), gpa(PLAN_SMM_ENTRY(i)), rsm, sizeof(rsm), e);
	return rc || i == 0 ? rc : kvm_vcpu_set_smbase(s->vcpus[i], (uint32_t)PLAN_SMBASE(i), e);
}
