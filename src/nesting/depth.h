/* SPDX-License-Identifier: MIT */
/*
 * How many levels may nest: nesting.max_depth, and the CPUID leaf by which a nestor tells the next.
 *
 * A VM's remainder is how many levels of further VMs, one inside the other, may be given the
 * extensions below it. A VM that is given them with max_depth = N, on a machine whose own remainder
 * is R, has the remainder min(N, R) - 1; without N, or without R, the other counts alone, and
 * without both there is no limit. So with N = 1 the VM may run VMs, but none of these may be a
 * hypervisor in turn; with N = 0 the VM itself may not be given them. A machine whose remainder is
 * 0 gives the extensions to no VM.
 *
 * The remainder is shown to the VM's vCPUs in leaves of nestor's own (cpuid/nestor_leaf.h). They
 * are there only where the VM has the extensions and there is a limit. cpu.hypervisor = "none"
 * does not hide them, as a limit that can be hidden is none.
 *
 * What it does not do: a guest hypervisor other than nestor does not know of these leaves, and its
 * guests see them no more. It can give its own guests the extensions however deep; only what was
 * never shown to it (nesting.features, cpu.features) limits that. Pure.
 */
#ifndef NESTOR_NESTING_DEPTH_H
#define NESTOR_NESTING_DEPTH_H

#include "base/err.h"
#include "cpuid/edit.h"
#include "cpuid/nestor_leaf.h"
#include "cpuid/policy.h"

/* A limit, or none. */
struct nesting_depth {
	bool limited;
	unsigned remainder; /* where limited */
};

/*
 * The remainder of a VM that is given the extensions. max_depth: nesting.max_depth; machine: what
 * the machine that it runs on was told itself. ERR_CONFIG, -EINVAL: max_depth is 0. ERR_HOST,
 * -EPERM: the machine's remainder is 0, with who decided that.
 */
int nesting_depth_of_vm(const struct policy_number *max_depth, const struct nesting_depth *machine,
	struct nesting_depth *ret_depth, struct err *e) MUST_CHECK;

/* Writes the leaves where there is a limit, over whatever the table has there. */
void nesting_depth_show(const struct nesting_depth *depth, struct cpu_edit *edit);

#endif
