/* SPDX-License-Identifier: MIT */
/* Stages 5 and 7: who the processor says it is, and how wide its addresses are. */
#include "cpuid/stages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define AMD_COPIES UINT32_C(0x0183f3ff) /* of leaf 1 EDX (APM vol. 3, Fn8000_0001 EDX) */

int cpu_resolve_vendor(
	const char *key, const struct policy_text *text, char ret_id[13], struct err *e)
{
	const char *id = cpuid_vendor_id(text->text);
	if (strlen(id) != 12)
		return err_fault(e, -EINVAL,
			&(struct fault){
				"vendor", key, text->origin ? text->origin : "the policy", NULL },
			"expected 12 characters, or intel, amd, hygon, zhaoxin or centaur, found "
			"%s",
			text->text);
	(void)memcpy(ret_id, id, 13);
	return 0;
}

static void set_vendor(struct cpu_work *w, const uint32_t words[3])
{
	cpu_edit_bits(&w->edit, 0, 0, CPUID_EBX, UINT32_MAX, words[0]);
	cpu_edit_bits(&w->edit, 0, 0, CPUID_EDX, UINT32_MAX, words[1]);
	cpu_edit_bits(&w->edit, 0, 0, CPUID_ECX, UINT32_MAX, words[2]);
	w->r->vendor = cpuid_vendor(w->edit.table);
	/* AMD repeats it in leaf 0x80000000; elsewhere that is reserved. */
	bool amd = w->r->vendor == CPUID_VENDOR_AMD;
	cpu_edit_bits(&w->edit, 0x80000000, 0, CPUID_EBX, UINT32_MAX, amd ? words[0] : 0);
	cpu_edit_bits(&w->edit, 0x80000000, 0, CPUID_EDX, UINT32_MAX, amd ? words[1] : 0);
	cpu_edit_bits(&w->edit, 0x80000000, 0, CPUID_ECX, UINT32_MAX, amd ? words[2] : 0);
}

static int vendor(struct cpu_work *w)
{
	const struct policy_text *text = cpu_work_text(w, offsetof(struct cpu_policy, vendor));
	const struct cpu_model *model = w->r->model;
	const struct cpuid_entry *source = cpuid_get(&w->source->supported, 0, 0);
	uint32_t words[3] = { 0 };
	char id[13] = "";
	if (text) {
		int rc = cpu_resolve_vendor("cpu.vendor", text, id, w->e);
		if (rc)
			return rc;
	} else if (model && model->vendor_id[0]) {
		(void)snprintf(id, sizeof(id), "%s", model->vendor_id);
	} else if (source) {
		words[0] = source->reg[CPUID_EBX];
		words[1] = source->reg[CPUID_EDX];
		words[2] = source->reg[CPUID_ECX];
	}
	if (id[0])
		(void)memcpy(words, id, sizeof(words));
	cpu_work_rule(w, "CPU-17", text ? text->origin : NULL, model ? model->name : NULL);
	set_vendor(w, words);
	return 0;
}

static void signature(struct cpu_work *w)
{
	const struct policy_number *family =
		cpu_work_number(w, offsetof(struct cpu_policy, family));
	const struct policy_number *number =
		cpu_work_number(w, offsetof(struct cpu_policy, model_number));
	const struct policy_number *stepping =
		cpu_work_number(w, offsetof(struct cpu_policy, stepping));
	const struct cpu_model *m = w->r->model;
	unsigned f = 0, n = 0, s = 0;
	uint32_t eax = cpuid_value(&w->source->supported, 1, 0, CPUID_EAX);
	bool given = family || number || stepping;
	cpu_signature_unpack(eax, &f, &n, &s);
	if (m && m->has_signature) {
		f = m->family;
		n = m->nr_numbers ? m->numbers[0] : 0;
		s = m->stepping_low;
	}
	f = family ? (unsigned)family->value : f;
	n = number ? (unsigned)number->value : n;
	s = stepping ? (unsigned)stepping->value : s;
	/* The host's own bits 13:12, processor type, are its own only as it is. */
	if (given || (m && m->has_signature))
		eax = cpu_signature_pack(f, n, s);
	cpu_work_rule(w, "CPU-18",
		given ? (family          ? family
				: number ? number
					 : stepping)
				->origin
		      : NULL,
		m ? m->name : NULL);
	cpu_edit_bits(&w->edit, 1, 0, CPUID_EAX, UINT32_MAX, eax);
	bool amd = w->r->vendor == CPUID_VENDOR_AMD;
	if (amd || !w->passthrough)
		cpu_edit_bits(&w->edit, 0x80000001, 0, CPUID_EAX, UINT32_MAX, amd ? eax : 0);
}

/* KVM mostly gives the brand string as zeros: then the processor's own. */
static void host_brand(const struct host_facts *host, uint32_t ret_words[12])
{
	(void)memcpy(ret_words, host->brand, sizeof(host->brand));
	for (uint32_t i = 0; i < 3; i++) {
		const struct cpuid_entry *e = cpuid_get(&host->supported, 0x80000002 + i, 0);
		if (e && (e->reg[0] | e->reg[1] | e->reg[2] | e->reg[3]))
			(void)memcpy(&ret_words[4 * i], e->reg, sizeof(e->reg));
	}
}

static void brand(struct cpu_work *w)
{
	const struct policy_text *text = cpu_work_text(w, offsetof(struct cpu_policy, brand));
	const struct cpu_model *m = w->r->model;
	uint32_t words[12] = { 0 };
	char made[48] = "";
	if (text)
		(void)snprintf(made, sizeof(made), "%s", text->text);
	else if (m)
		(void)snprintf(made, sizeof(made), "%s%s Processor",
			m->vendor == CPUID_VENDOR_INTEL ? "Intel "
			: m->vendor == CPUID_VENDOR_AMD ? "AMD "
							: "",
			m->name);
	if (made[0])
		(void)memcpy(words, made, sizeof(words));
	else
		host_brand(w->source, words);
	cpu_work_rule(w, "CPU-19", text ? text->origin : NULL, m ? m->name : NULL);
	for (unsigned i = 0; i < 3; i++)
		cpu_edit_regs(&w->edit, 0x80000002 + i, 0, &words[4 * i]);
}

static void amd_copies(struct cpu_work *w)
{
	bool amd = w->r->vendor == CPUID_VENDOR_AMD;
	uint32_t edx = cpuid_value(w->edit.table, 1, 0, CPUID_EDX);
	cpu_work_rule(w, "CPU-20", NULL, NULL);
	cpu_edit_bits(&w->edit, 0x80000001, 0, CPUID_EDX, AMD_COPIES, amd ? edx : 0);
}

int cpu_stage_identity(struct cpu_work *w)
{
	int rc = vendor(w);
	if (rc)
		return rc;
	signature(w);
	brand(w);
	amd_copies(w);
	return 0;
}

int cpu_stage_addresses(struct cpu_work *w)
{
	const struct policy_number *want =
		cpu_work_number(w, offsetof(struct cpu_policy, phys_bits));
	unsigned host = cpuid_phys_bits(&w->host->supported);
	unsigned bits = cpuid_phys_bits(&w->source->supported);
	unsigned most = bits < host ? bits : host;
	if (want && want->value > most) {
		cpu_work_note(w, CPU_NOTE_MISSING, NULL, NULL, want->origin,
			"cpu.phys_bits: %" PRIu64 " physical address bits (it has %u)", want->value,
			most);
		bits = most;
	} else if (want) {
		bits = (unsigned)want->value;
	} else if (bits > host) {
		cpu_work_note(w, CPU_NOTE_MISSING, NULL, NULL, NULL,
			"the cluster's %u physical address bits (it has %u)", bits, host);
		bits = host;
	}
	unsigned linear = feature_set_has(&w->r->features, FEATURE_ID_la57) ? 57
			  : feature_set_has(&w->r->features, FEATURE_ID_lm) ? 48
									    : 32;
	w->r->phys_bits = bits;
	cpu_work_rule(w, "CPU-23", want ? want->origin : NULL, NULL);
	/* Bits 23:16, the width under nested paging, 0: the same. */
	cpu_edit_bits(&w->edit, 0x80000008, 0, CPUID_EAX, UINT32_MAX, bits | linear << 8);
	return 0;
}
