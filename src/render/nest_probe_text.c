/* SPDX-License-Identifier: MIT */
#include "render/nest_probe.h"

#include "base/text_buf.h"
#include "render/nest_show.h"

#include <inttypes.h>
#include <stdio.h>

/* What is read of VMX, MSR by MSR; of SVM there is one word. */
static const struct {
	uint32_t msr;
	const char *title;
} groups[] = {
	{ 0, "svm" },
	{ 0x480, "basic" },
	{ 0x48d, "pin-based" },
	{ 0x48e, "primary" },
	{ 0x48b, "secondary" },
	{ 0x492, "tertiary" },
	{ 0x48f, "exit" },
	{ 0x490, "entry" },
	{ 0x48c, "ept, vpid" },
	{ 0x491, "functions" },
	{ 0x485, "misc" },
};

/* The members of a set in one group, as words; returns their number. */
static unsigned list_group(const struct feature_set *set, uint32_t msr, char *ret_list, size_t size)
{
	unsigned n = 0;
	struct text_buf list = text_buf_in(ret_list, size);
	for (feature_id id = feature_set_next(set, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(set, (feature_id)(id + 1))) {
		char label[FEATURE_PLACE_BYTES];
		const struct feature_word *w = feature_word(id / 32);
		if ((w->kind == FEATURE_WORD_MSR ? w->msr : 0) != msr)
			continue;
		(void)text_buf_item(&list, " ", "%s", feature_label(label, id));
		n++;
	}
	return n;
}

static void show_capabilities(const struct paint *p, const struct nest_probe *r)
{
	struct feature_set has = r->capabilities, lacks = r->capabilities;
	feature_set_and(&has, &r->probe.features);
	feature_set_subtract(&lacks, &r->probe.features);
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		char list[1000];
		unsigned n = list_group(&has, groups[i].msr, list, sizeof(list));
		if (n)
			nest_show_fact(p, groups[i].title, "%s", list);
		unsigned missing = list_group(&lacks, groups[i].msr, list, sizeof(list));
		if (missing)
			nest_show_fact(p, n ? "" : groups[i].title, "without %s", list);
	}
}

static void show_vmx(const struct paint *p, const struct nest_probe *r)
{
	const struct nesting_probe *q = &r->probe;
	if (q->feature_control_known)
		nest_show_fact(p, "lock", "IA32_FEATURE_CONTROL is %#" PRIx64 ": %s, VMX %s",
			q->feature_control, q->feature_control & 1 ? "locked" : "not locked",
			q->feature_control & 4 ? "on" : "off");
	if (q->source == NESTING_PROBE_NONE) {
		nest_show_fact(p, "vmx", "its capabilities could not be read: %s%s%s",
			r->facts->msr_error.msg, r->facts->msr_error.hint[0] ? "; " : "",
			r->facts->msr_error.hint);
		return;
	}
	if (q->source == NESTING_PROBE_KVM)
		nest_show_fact(p, "source",
			"KVM: what follows is what it gives guests, which may be less than the "
			"processor has (%s%s%s)",
			r->facts->msr_error.msg, r->facts->msr_error.hint[0] ? "; " : "",
			r->facts->msr_error.hint);
	nest_show_fact(p, "vmcs",
		"revision %#" PRIx32 ", %u bytes, memory type %u%s, fields up to index %u",
		q->vmcs_revision, q->vmcs_bytes, q->vmcs_memory_type,
		q->vmx_32bit_addresses ? ", addresses of 32 bits" : "", q->vmcs_field_max);
	nest_show_fact(p, "limits",
		"%u CR3 targets, lists of %u MSRs, preemption timer counts at TSC / %u",
		q->cr3_targets, q->msr_list_max, 1u << q->timer_shift);
	show_capabilities(p, r);
}

static void show_svm(const struct paint *p, const struct nest_probe *r)
{
	const struct nesting_probe *q = &r->probe;
	nest_show_fact(p, "svm", "revision %u, %u ASIDs", q->svm_revision, q->nr_asids);
	if (q->efer_known)
		nest_show_fact(
			p, "efer", "SVME is %s now", q->efer & (UINT64_C(1) << 12) ? "on" : "off");
	if (q->vm_cr_known)
		nest_show_fact(p, "vm_cr", "%#" PRIx64 ": SVM %s, %s", q->vm_cr,
			q->vm_cr & 0x10 ? "disabled" : "not disabled",
			q->vm_cr & 8 ? "locked" : "not locked");
	else
		nest_show_fact(p, "msrs", "EFER and VM_CR could not be read: %s%s%s",
			r->facts->msr_error.msg, r->facts->msr_error.hint[0] ? "; " : "",
			r->facts->msr_error.hint);
	show_capabilities(p, r);
}

/* Rows of one level with one verdict: those that are required each with its reason. */
static void show_rows(const struct paint *p, const struct nest_probe *r, enum nesting_level level,
	enum nesting_probe_verdict verdict, const char *title)
{
	struct feature_set set = { 0 };
	for (size_t i = 0; i < r->profile->nr_rows; i++) {
		const struct nesting_profile_row *row = &r->profile->rows[i];
		char label[FEATURE_PLACE_BYTES];
		if (row->level != level || nesting_probe_row(&r->probe, row) != verdict)
			continue;
		if (level == NESTING_REQUIRED && verdict == NESTING_PROBE_LACKS)
			nest_show_fact(p, title, "%s: %s", feature_label(label, row->feature),
				row->reason);
		else
			feature_set_add(&set, row->feature);
	}
	char list[1000];
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (!list_group(&set, groups[i].msr, list, sizeof(list)))
			continue;
		nest_show_fact(p, title, "%s", list);
		title = "";
	}
}

void nest_probe_text(const struct nest_probe *r, FILE *out)
{
	struct paint p = paint_to(out);
	const struct nesting_probe *q = &r->probe;
	nest_show_answer(&p, r->can_host, "this CPU %s a hypervisor of profile %s%s%s",
		r->can_host ? "can host" : "cannot host", r->profile->name, r->can_host ? "" : ": ",
		r->reason);
	nest_show_fact(&p, "cpu", "%s; %u physical address bits",
		q->vmx   ? "VMX"
		: q->svm ? "SVM"
			 : "neither VMX nor SVM",
		q->phys_bits);
	if (q->depth_known)
		nest_show_fact(&p, "depth",
			"%u more level%s of VMs may be hypervisors below this one", q->depth,
			q->depth == 1 ? "" : "s");
	if (q->vmx)
		show_vmx(&p, r);
	if (q->svm)
		show_svm(&p, r);
	if (!q->vmx && !q->svm)
		return;
	paint_end(&p);
	paint(&p, PAINT_BOLD, "compared with profile %s (%s)", r->profile->name, r->profile->title);
	paint_end(&p);
	show_rows(&p, r, NESTING_REQUIRED, NESTING_PROBE_LACKS, "required");
	show_rows(&p, r, NESTING_REQUIRED, NESTING_PROBE_UNKNOWN, "not known");
	show_rows(&p, r, NESTING_WANTED, NESTING_PROBE_LACKS, "wanted");
	show_rows(&p, r, NESTING_HIDDEN, NESTING_PROBE_HAS, "to hide");
}
