/* SPDX-License-Identifier: MIT */
#include "policy/nest_facts.h"

#include "base/fd.h"
#include "host/machine_facts.h"
#include "kvm/kvm.h"
#include "nesting/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void read_range(struct nest_facts *f, int fd, uint32_t first, uint32_t last)
{
	for (uint32_t i = first; i <= last && f->nr_msrs < NEST_MAX_MSRS; i++) {
		uint64_t value;
		if (machine_msr_read(fd, i, &value) == 0)
			f->msrs[f->nr_msrs++] = (struct msr_value){ i, value };
	}
}

static void read_msrs(struct nest_facts *f)
{
	FD_LOCAL fd = -1;
	if (machine_msr_open("", &fd, &f->msr_error))
		return;
	if (cpuid_has_vmx(&f->processor)) {
		read_range(f, fd, MSR_IA32_FEATURE_CONTROL, MSR_IA32_FEATURE_CONTROL);
		read_range(f, fd, MSR_IA32_VMX_BASIC, MSR_IA32_VMX_EXIT_CTLS2);
	}
	if (cpuid_has_svm(&f->processor)) {
		read_range(f, fd, MSR_EFER, MSR_EFER);
		read_range(f, fd, MSR_VM_CR, MSR_VM_CR);
	}
	if (f->nr_msrs == 0)
		(void)err_set(&f->msr_error, -EIO, "/dev/cpu/0/msr gives none of the MSRs");
}

int nest_facts_create(struct nest_facts **ret_facts, struct err *e)
{
	struct nest_facts *f = calloc(1, sizeof(*f));
	if (!f)
		return err_set(e, -ENOMEM, "out of memory");
	machine_facts_read("", &f->machine);
	kvm_processor_cpuid(&f->processor);
	read_msrs(f);
	struct kvm *kvm = NULL;
	int rc = kvm_open(&kvm, &kvm_calls_real, KVM_DEVICE_PATH, &f->kvm_error);
	if (rc == 0)
		rc = kvm_host_facts(kvm, &f->kvm, &f->kvm_error);
	f->has_kvm = rc == 0;
	kvm_close(kvm);
	*ret_facts = f;
	return 0;
}

void nest_facts_destroy(struct nest_facts *f)
{
	free(f);
}
