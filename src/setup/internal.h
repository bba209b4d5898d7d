/* SPDX-License-Identifier: MIT */
/* What the files of setup/ share. */
#ifndef NESTOR_SETUP_INTERNAL_H
#define NESTOR_SETUP_INTERNAL_H

#include "memory/ram.h"
#include "setup/setup.h"

struct setup {
	struct setup_options options;
	struct kvm_vm *vm;
	struct ram *smram;                      /* NULL: KVM has no system management mode */
	const struct msr_filter *filter;        /* that is set; NULL: none is yet; borrowed */
	bool wide_ids, has_memory, has_irqchip; /* steps 3, 5 and 6, and 7 are done */
	bool has_pit;                           /* step 11 is; of the thread that calls setup_pit */
	struct kvm_vcpu *vcpus[PLAN_MAX_VCPUS]; /* in the plan's order; NULL: not made */
};

/* smm.c: RAM for system management mode, where KVM has it; and each vCPU's way back from it. */
int setup_add_smram(struct setup *s, struct err *e) MUST_CHECK;
int setup_prepare_smm(struct setup *s, unsigned i, struct err *e) MUST_CHECK;

#endif
