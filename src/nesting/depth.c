/* SPDX-License-Identifier: MIT */
#include "nesting/depth.h"

#include <errno.h>
#include <limits.h>

int nesting_depth_of_vm(const struct policy_number *max_depth, const struct nesting_depth *machine,
	struct nesting_depth *ret_depth, struct err *e)
{
	*ret_depth = (struct nesting_depth){ .limited = max_depth->given || machine->limited };
	const struct fault what = { "contradiction", "nesting.max_depth",
		max_depth->origin ? max_depth->origin : "the policy", NULL };
	if (max_depth->given && max_depth->value == 0)
		return err_fault(e, -EINVAL, &what,
			"nesting.max_depth = 0 contradicts "
			"nesting.expose_virtualization_extensions = true: a VM that has them is a "
			"level of its own");
	if (machine->limited && machine->remainder == 0) {
		(void)err_set(e, -EPERM,
			"this machine is a VM of nestor's that may run VMs, but may not give them "
			"virtualization extensions: nesting.max_depth of a VM below this level "
			"leaves no level more (CPUID leaf %#x)",
			NESTOR_LEAF_DEPTH);
		return err_hint(e, -EPERM,
			"raise nesting.max_depth in the config of the VM that this machine is, or "
			"of one that it runs in");
	}
	if (!ret_depth->limited)
		return 0;
	uint64_t least = max_depth->given ? max_depth->value : UINT_MAX;
	if (machine->limited && machine->remainder < least)
		least = machine->remainder;
	ret_depth->remainder = (unsigned)(least < UINT_MAX ? least : UINT_MAX) - 1;
	return 0;
}

void nesting_depth_show(const struct nesting_depth *depth, struct cpu_edit *edit)
{
	if (!depth->limited)
		return;
	uint32_t first[4];
	const uint32_t second[4] = { depth->remainder };
	nestor_leaf_sign(first);
	/* A leaf that is all zeros is there all the same. */
	if (!cpuid_put(edit->table, NESTOR_LEAF_DEPTH, 0, false))
		edit->full = true;
	cpu_edit_regs(edit, NESTOR_LEAF_SIGNATURE, 0, first);
	cpu_edit_regs(edit, NESTOR_LEAF_DEPTH, 0, second);
}
