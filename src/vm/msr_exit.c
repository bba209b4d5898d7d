/* SPDX-License-Identifier: MIT */
/* MSR accesses that the filter stopped: done by the plan's policy, and reported where a rule logs.
 */
#include "vm/internal.h"

#include "kvm/msr_exit.h"

#include <inttypes.h>
#include <stdio.h>

/* So many accesses of a rule are reported one by one; from there on, each time that their number
 * has doubled. A guest thus cannot flood the log. */
#define LOGS_IN_FULL 8

static bool is_reported(uint64_t number)
{
	return number <= LOGS_IN_FULL || (number & (number - 1)) == 0;
}

static void log_access(struct vcpu *vcpu, const struct msr_outcome *o, uint32_t index, bool write,
	uint64_t value, bool fault)
{
	struct machine *m = vcpu->machine;
	const struct msr_rule *rule = o->rule;
	size_t i = (size_t)(rule - m->options.plan->cpu.msrs.rules);
	uint64_t number = atomic_fetch_add(&m->msr_logs[i], 1) + 1;
	if (!is_reported(number))
		return;

	char label[MSR_LABEL_BYTES], result[48], count[104] = "";
	if (write)
		(void)snprintf(result, sizeof(result), "<- 0x%" PRIx64 "%s", value,
			fault                     ? ", #GP"
			: o->action == MSR_IGNORE ? ", ignored"
						  : "");
	else if (fault)
		(void)snprintf(result, sizeof(result), "-> #GP");
	else
		(void)snprintf(result, sizeof(result), "-> 0x%" PRIx64, value);
	if (number >= LOGS_IN_FULL)
		(void)snprintf(count, sizeof(count),
			" (its access number %" PRIu64 "; the next to be shown is %" PRIu64 ")",
			number, number * 2);
	report(m->options.reporter, REPORT_INFO, "vCPU %u: %s %s %s, rule at %s%s", vcpu->index,
		write ? "WRMSR" : "RDMSR", msr_label(label, index), result,
		rule->origin ? rule->origin : rule->id, count);
}

void vcpu_handle_msr(struct vcpu *vcpu, const struct kvm_exit *x)
{
	const struct msr_policy *policy = &vcpu->machine->options.plan->cpu.msrs;
	struct msr_outcome o = kvm_vcpu_answer_msr(vcpu->kvm, x, policy);
	if (o.log)
		log_access(vcpu, &o, x->msr.index, x->msr.write, *x->msr.data, *x->msr.error);
}

void machine_report_unlogged(const struct machine *m)
{
	const struct msr_policy *policy = &m->options.plan->cpu.msrs;
	for (unsigned i = 0; i < policy->nr_rules; i++) {
		const struct msr_rule *rule = &policy->rules[i];
		char label[MSR_LABEL_BYTES];
		uint32_t index;
		const char *reason;
		if (!msr_rule_unlogged(policy, i, &index, &reason))
			continue;
		report(m->options.reporter, REPORT_INFO,
			"%s: writes of MSR %s%s go to KVM unlogged: %s",
			rule->origin ? rule->origin : rule->id, msr_label(label, index),
			rule->first == rule->last ? "" : " and perhaps others", reason);
	}
}
