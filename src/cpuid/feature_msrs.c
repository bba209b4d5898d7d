/* SPDX-License-Identifier: MIT */
/* Stage 9: what the feature MSRs hold, and which accesses do what. */
#include "cpuid/stages.h"

#include <errno.h>
#include <inttypes.h>

bool cpu_msr_gate(uint32_t msr, feature_id *ret_gate)
{
	switch (msr) {
	case MSR_IA32_ARCH_CAPABILITIES:
		*ret_gate = FEATURE_ID_arch_capabilities;
		return true;
	case MSR_IA32_CORE_CAPABILITIES:
		*ret_gate = FEATURE_ID_core_capability;
		return true;
	case MSR_IA32_PERF_CAPABILITIES:
		*ret_gate = FEATURE_ID_pdcm;
		return true;
	default:
		*ret_gate = FEATURE_ID_vmx;
		return msr >= MSR_IA32_VMX_BASIC && msr <= MSR_IA32_VMX_EXIT_CTLS2;
	}
}

static bool is_vmx(uint32_t msr)
{
	return msr >= MSR_IA32_VMX_BASIC && msr <= MSR_IA32_VMX_EXIT_CTLS2;
}

/* Controls have two MSRs: 0x48d to 0x490 ("true"), and 0x481 to 0x484, which hold the same in their
 * upper half (SDM vol. 3, appendix A.2). */
static uint32_t basic_twin(uint32_t msr)
{
	return msr >= 0x48d && msr <= 0x490 ? msr - 0x48d + 0x481 : 0;
}

/* The bits that features name in an MSR, and what the guest's features make of them. */
static void named_of(
	const struct cpu_work *w, uint32_t msr, uint64_t *ret_mask, uint64_t *ret_value)
{
	*ret_mask = *ret_value = 0;
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *f = feature_word(i);
		if (f->kind != FEATURE_WORD_MSR)
			continue;
		bool twin = basic_twin(f->msr) == msr && f->shift == 32;
		if (f->msr != msr && !twin)
			continue;
		uint32_t bits = w->r->features.w[i];
		bits = (f->inverted ? ~bits : bits) & f->named;
		*ret_mask |= (uint64_t)f->named << f->shift;
		*ret_value |= (uint64_t)bits << f->shift;
	}
}

static void record(struct cpu_work *w, uint32_t msr, uint64_t mask, uint64_t value,
	const char *rule, const char *origin)
{
	const struct cpu_decision d = {
		.is_msr = true,
		.leaf = msr,
		.mask = mask,
		.value = value & mask,
		.rule = rule,
		.origin = origin,
	};
	cpu_trace_add(w->edit.trace, &d);
}

/* Whether a processor with the guest's features has such a VMX MSR, and what of it (SDM vol. 3,
 * appendix A.3.3, A.3.4, A.4.2, A.10, A.11). KVM answers for one that is not there all the same: it
 * says 0 then, as must-be-1 bits are all that KVM insists on. */
static uint64_t part_there(const struct cpu_work *w, uint32_t msr)
{
	const struct feature_set *set = &w->r->features;
	const uint64_t low = UINT32_MAX, high = ~low;
	switch (msr) {
	case 0x48b:
		return feature_set_has(set, FEATURE_ID_vmx_secondary_ctls) ? UINT64_MAX : low;
	case 0x48c:
		return (feature_set_has(set, FEATURE_ID_vmx_ept) ? low : 0) |
		       (feature_set_has(set, FEATURE_ID_vmx_vpid) ? high : 0);
	case 0x491:
		return feature_set_has(set, FEATURE_ID_vmx_vmfunc) ? UINT64_MAX : 0;
	case 0x492:
		return feature_set_has(set, FEATURE_ID_vmx_tertiary_ctls) ? UINT64_MAX : 0;
	case 0x493:
		return feature_set_has(set, FEATURE_ID_vmx_exit_secondary_ctls) ? UINT64_MAX : 0;
	default:
		return UINT64_MAX;
	}
}

static bool is_control(uint32_t msr)
{
	return msr_follows_others(msr) || msr == 0x48b || basic_twin(msr) != 0;
}

/* A control that this host's VMX never does without cannot be taken away. */
static int check_must_be_1(struct cpu_work *w, const struct msr_value *host, uint64_t value)
{
	uint32_t stuck =
		(uint32_t)host->value & (uint32_t)(host->value >> 32) & ~(uint32_t)(value >> 32);
	if (!is_control(host->index) || stuck == 0)
		return 0;
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *f = feature_word(i);
		bool its = f->kind == FEATURE_WORD_MSR && f->shift == 32 &&
			   (f->msr == host->index || basic_twin(f->msr) == host->index);
		for (unsigned bit = 0; its && bit < 32; bit++) {
			char name[FEATURE_PLACE_BYTES];
			if (stuck >> bit & 1)
				return err_set(w->e, -ENOTSUP,
					"a guest cannot be without %s on this host: by MSR "
					"%#" PRIx32 " that control must be 1",
					feature_label(name, (feature_id)(i * 32 + bit)),
					host->index);
		}
	}
	return 0;
}

/* KVM_GET_MSR_FEATURE_INDEX_LIST also has MSRs that no CPUID bit announces; those stay KVM's. */
static int feature_msr(struct cpu_work *w, const struct msr_value *host)
{
	feature_id gate;
	uint64_t mask, value;
	if (!cpu_msr_gate(host->index, &gate) || !feature_set_has(&w->r->features, gate))
		return 0;
	/* IA32_VMX_CR0_FIXED1 and CR4_FIXED1 follow the guest's CPUID, in KVM. */
	if (host->index == 0x487 || host->index == 0x489)
		return 0;
	named_of(w, host->index, &mask, &value);
	bool keep = w->passthrough || is_vmx(host->index);
	uint64_t rest = keep ? host->value & ~mask : 0;
	if (is_vmx(host->index)) {
		rest &= part_there(w, host->index);
		int rc = check_must_be_1(w, host, value | rest);
		if (rc)
			return rc;
	}
	record(w, host->index, ~mask, rest, "CPU-29", NULL);
	/* Never more than the host has: an allowed-1 bit that a twin lacks stays off. */
	if (msr_follows_others(host->index)) {
		value &= host->value;
		record(w, host->index, mask, value, "CPU-29", NULL);
	}
	return msr_policy_set(&w->r->msrs, host->index, value | rest, w->e);
}

/* KVM refuses to set an MSR that the guest's CPUID does not announce. */
static int msr_without_gate(struct cpu_work *w, const struct policy_msr_bits *bits, feature_id gate)
{
	const char *name = feature_by_id(gate)->name;
	bool of_policy = feature_set_has(&w->can, gate) && w->source == w->host;
	if (bits->set == 0)
		cpu_work_note(w, CPU_NOTE_REMARK, NULL, NULL, bits->origin,
			"bits of MSR %#" PRIx32 " have no effect: only with %s is it there",
			bits->index, name);
	else if (!of_policy)
		cpu_work_note(w, CPU_NOTE_MISSING, NULL, NULL, bits->origin,
			"MSR %#" PRIx32 ", which is there only with %s", bits->index, name);
	else if (w->on_missing == CPU_MISSING_ERROR)
		return err_fault(w->e, -EINVAL,
			&(struct fault){ "unmet", "msr.bits",
				bits->origin ? bits->origin : "the policy", NULL },
			"MSR %#" PRIx32
			" is there only with %s, which this policy does not give the guest",
			bits->index, name);
	else
		cpu_work_note(w, CPU_NOTE_DROPPED, NULL, NULL, bits->origin,
			"bits of MSR %#" PRIx32 ": dropped, as it is there only with %s",
			bits->index, name);
	return 0;
}

static int msr_bits(struct cpu_work *w, const struct policy_msr_bits *bits)
{
	uint64_t value = 0, can = 0;
	feature_id gate;
	if (cpu_msr_gate(bits->index, &gate) && !feature_set_has(&w->r->features, gate))
		return msr_without_gate(w, bits, gate);
	bool on_host = host_feature_msr(w->source, bits->index, &can);
	if (!msr_policy_get(&w->r->msrs, bits->index, &value)) {
		value = can;
		record(w, bits->index, UINT64_MAX, can, "CPU-29", NULL);
	}
	/* UCODE_REV is a number, not a set of capabilities. */
	uint64_t missing = bits->index == MSR_IA32_UCODE_REV ? 0 : bits->set & ~can;
	if (on_host && missing && cpu_msr_gate(bits->index, &gate))
		cpu_work_note(w, CPU_NOTE_MISSING, NULL, NULL, bits->origin,
			"MSR %#" PRIx32 " bits %#" PRIx64, bits->index, missing);
	else
		missing = 0;
	value = (value & ~bits->clear) | (bits->set & ~missing);
	record(w, bits->index, bits->set | bits->clear, value, "CPU-28", bits->origin);
	return msr_policy_set(&w->r->msrs, bits->index, value, w->e);
}

static int access_rules(struct cpu_work *w)
{
	struct msr_policy *msrs = &w->r->msrs;
	int rc = 0;
	for (unsigned i = 0; i < w->nr_layers; i++) {
		const struct cpu_policy *p = w->layers[i];
		msrs->default_deny |= p->msr_default_deny;
		for (size_t k = 0; rc == 0 && k < p->nr_msr_bits; k++)
			rc = msr_bits(w, &p->msr_bits[k]);
		for (size_t k = 0; rc == 0 && k < p->nr_msr_rules; k++) {
			if (msr_rule_check(&p->msr_rules[k], NULL) == 0) /* else refused already */
				rc = msr_policy_add(msrs, &p->msr_rules[k], w->e);
			if (rc && p->msr_rules[k].origin)
				rc = err_wrap(w->e, rc, "%s: msr.rules", p->msr_rules[k].origin);
			if (rc && w->e)
				w->e->kind = ERR_CONFIG;
		}
	}
	return rc;
}

int cpu_check_msr_rules(struct cpu_work *w)
{
	int rc = 0;
	for (unsigned i = 0; i < w->nr_layers; i++) {
		const struct cpu_policy *p = w->layers[i];
		for (size_t k = 0; k < p->nr_msr_rules; k++) {
			const struct msr_rule *rule = &p->msr_rules[k];
			struct err why = ERR_INIT;
			if (msr_rule_check(rule, &why) == 0)
				continue;
			const struct fault what = { "msr-rule", rule->origin ? "msr.rules" : NULL,
				rule->origin, why.hint };
			rc = err_fault(w->e, -EINVAL, &what, "%s", why.msg);
			if (why.hint[0])
				rc = err_hint(w->e, rc, "%s", why.hint);
		}
	}
	return rc;
}

int cpu_stage_msrs(struct cpu_work *w)
{
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < w->source->nr_feature_msrs; i++)
		rc = feature_msr(w, &w->source->feature_msrs[i]);
	return rc ? rc : access_rules(w);
}
