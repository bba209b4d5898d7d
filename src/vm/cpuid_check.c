/* SPDX-License-Identifier: MIT */
/* What KVM keeps of a vCPU's CPUID and MSRs against what was set: what becomes of it. */
#include "vm/internal.h"

#include "cpuid/kept.h"

#include <errno.h>
#include <stdio.h>

int vcpu_check_kept(struct vcpu *vcpu, const struct machine_plan *plan,
	const struct cpu_policy *policy, struct cpu_kept *kept, struct err *e)
{
	struct machine *m = vcpu->machine;
	struct err why;
	char who[32];
	(void)snprintf(who, sizeof(who), "vCPU %u", vcpu->index);
	cpu_kept_judge(kept, policy);
	enum cpu_kept_verdict verdict = cpu_kept_decide(kept, plan->cpu.on_missing, who, &why);
	enum report_level level = verdict == CPU_KEPT_WARN ? REPORT_WARN : REPORT_DEBUG;
	switch (verdict) {
	case CPU_KEPT_AS_SET:
		return 0;
	case CPU_KEPT_REFUSE:
		if (e)
			*e = why;
		return -EPROTO;
	case CPU_KEPT_QUIET:
	case CPU_KEPT_WARN:
		break;
	}
	/* Once: the other vCPUs differ in the same way. */
	if (!m->kept_reported)
		report(m->options.reporter, level, "%s", why.msg);
	m->kept_reported = true;
	return 0;
}
