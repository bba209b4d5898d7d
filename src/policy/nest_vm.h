/* SPDX-License-Identifier: MIT */
/* Whether a VM may and can be a hypervisor, by its file: config, policy, and what this host gives.
 */
#ifndef NESTOR_POLICY_NEST_VM_H
#define NESTOR_POLICY_NEST_VM_H

#include "config/source.h"
#include "nesting/status.h"
#include "policy/nest_facts.h"

struct nest_vm {
	const char *path; /* borrowed */
	char name[128];
	bool read;    /* the file could be taken; what follows is known */
	bool exposed; /* the knob */
	char profile[16];
	uint64_t memory_bytes;
	bool planned;       /* what follows is known, too */
	char extensions[8]; /* that it gets (or would, with the knob on): "vmx", "svm" or "none" */
	struct findings findings; /* the answer is NO where they forbid; owned */
};

/* The source has a name. Only -ENOMEM is an error; all else is a finding. *ret_vm, which is
 * zero-initialised or was filled before, is the caller's to nest_vm_done, also on failure. */
int nest_vm_judge(const struct config_source *source, const struct nest_facts *facts,
	const struct nesting_host_status *host, struct nest_vm *ret_vm, struct err *e) MUST_CHECK;
void nest_vm_done(struct nest_vm *vm);

#endif
