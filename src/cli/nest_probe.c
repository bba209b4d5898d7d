/* SPDX-License-Identifier: MIT */
/* nestor nest probe: what this CPU really offers a hypervisor, and how that differs from a profile.
 */
#include "cli/nest.h"

#include "base/text_buf.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "nesting/probe.h"
#include "policy/nest_facts.h"
#include "render/json_out.h"
#include "render/nest_show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PROFILE "minimal"

struct probe_args {
	const char *profile;
	bool json;
};

struct probe_report {
	struct nest_facts *facts;
	struct nesting_probe probe;
	const struct nesting_profile *profile;
	struct feature_set capabilities;
	bool can_host;
	const char *reason;
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct probe_args *args = state->input;
	switch (option) {
	case 'j':
		args->json = true;
		return 0;
	case 'p':
		args->profile = arg;
		return 0;
	case ARGP_KEY_ARG:
		argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ "profile", 'p', "NAME", 0,
		"compare with what this guest hypervisor needs: full, kvm, xen, hyperv, vmware or "
		"minimal (the default)",
		0 },
	{ 0 },
};
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Print what the CPU that this runs on really offers a hypervisor: every capability "
	       "of VMX or SVM by name. In a VM, that is what the hypervisor below gives it."
	       "\vThe exit status is 0 where this CPU can host the profile, else 1.",
};

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

static const char *source_name(enum nesting_probe_source source)
{
	switch (source) {
	case NESTING_PROBE_NONE:
		return "none";
	case NESTING_PROBE_MSRS:
		return "processor";
	case NESTING_PROBE_KVM:
		return "kvm";
	}
	return "none";
}

/* --- for people --- */

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

static void show_capabilities(const struct paint *p, const struct probe_report *r)
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

static void show_vmx(const struct paint *p, const struct probe_report *r)
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

static void show_svm(const struct paint *p, const struct probe_report *r)
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
static void show_rows(const struct paint *p, const struct probe_report *r, enum nesting_level level,
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

static void print_text(const struct probe_report *r)
{
	struct paint p = paint_to(stdout);
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

/* --- JSON --- */

static json_t *json_known(bool known, uint64_t value)
{
	return known ? json_hex(value) : json_null();
}

static json_t *json_capabilities(const struct probe_report *r)
{
	bool unknown = r->probe.vmx && r->probe.source == NESTING_PROBE_NONE;
	json_t *object = json_object();
	for (feature_id id = feature_set_next(&r->capabilities, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&r->capabilities, (feature_id)(id + 1))) {
		char label[FEATURE_PLACE_BYTES];
		(void)json_object_set_new(object, feature_label(label, id),
			unknown ? json_null()
				: json_boolean(feature_set_has(&r->probe.features, id)));
	}
	return object;
}

static json_t *json_differences(const struct probe_report *r)
{
	static const char *const verdicts[] = { "agrees", "lacks", "has", "unknown", "other" };
	json_t *array = json_array();
	for (size_t i = 0; i < r->profile->nr_rows; i++) {
		const struct nesting_profile_row *row = &r->profile->rows[i];
		enum nesting_probe_verdict verdict = nesting_probe_row(&r->probe, row);
		char label[FEATURE_PLACE_BYTES];
		if (verdict == NESTING_PROBE_AGREES || verdict == NESTING_PROBE_OTHER)
			continue;
		(void)json_array_append_new(
			array, json_pack("{s:s, s:s, s:s, s:o}", "feature",
				       feature_label(label, row->feature), "level",
				       nesting_level_name(row->level), "cpu", verdicts[verdict],
				       "reason", json_text(row->reason)));
	}
	return array;
}

static json_t *json_vmx(const struct probe_report *r)
{
	const struct nesting_probe *q = &r->probe;
	if (!q->vmx || q->source == NESTING_PROBE_NONE)
		return json_null();
	return json_pack("{s:o, s:i, s:i, s:b, s:i, s:i, s:i, s:i}", "vmcs_revision",
		json_hex(q->vmcs_revision), "vmcs_bytes", (int)q->vmcs_bytes, "vmcs_memory_type",
		(int)q->vmcs_memory_type, "addresses_32bit", q->vmx_32bit_addresses, "cr3_targets",
		(int)q->cr3_targets, "msr_list_max", (int)q->msr_list_max, "timer_shift",
		(int)q->timer_shift, "vmcs_field_max", (int)q->vmcs_field_max);
}

static json_t *json_svm(const struct probe_report *r)
{
	return r->probe.svm ? json_pack("{s:I, s:I}", "revision", (json_int_t)r->probe.svm_revision,
				      "asids", (json_int_t)r->probe.nr_asids)
			    : json_null();
}

static int print_json(const struct probe_report *r)
{
	const struct nesting_probe *q = &r->probe;
	json_t *msrs = json_pack("{s:o, s:o, s:o}", "feature_control",
		json_known(q->feature_control_known, q->feature_control), "efer",
		json_known(q->efer_known, q->efer), "vm_cr", json_known(q->vm_cr_known, q->vm_cr));
	json_t *root = json_pack(
		"{s:b, s:s, s:o, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "can_host",
		r->can_host, "profile", r->profile->name, "reason", json_text(r->reason),
		"extensions",
		q->vmx   ? "vmx"
		: q->svm ? "svm"
			 : "none",
		"source", source_name(q->source), "physical_address_bits", (int)q->phys_bits,
		"depth_below", q->depth_known ? json_integer((json_int_t)q->depth) : json_null(),
		"vmx", json_vmx(r), "svm", json_svm(r), "msrs", msrs, "msr_error",
		json_text(r->facts->nr_msrs ? NULL : r->facts->msr_error.msg), "capabilities",
		json_capabilities(r), "differences", json_differences(r));
	return json_out(root, /* pretty */ true, stdout);
}

/* --- */

static int gather(const struct probe_args *args, struct probe_report *r, struct err *e)
{
	const char *name = args->profile ? args->profile : DEFAULT_PROFILE;
	r->profile = nesting_profile_find(name);
	if (!r->profile) {
		(void)err_set_config(e, -EINVAL,
			"%s is no profile; there are full, kvm, xen, hyperv, vmware and minimal",
			name);
		return -EINVAL;
	}
	int rc = nest_facts_create(&r->facts, e);
	if (rc)
		return rc;
	nesting_probe_make(&r->facts->processor, r->facts->msrs, r->facts->nr_msrs,
		r->facts->has_kvm ? &r->facts->kvm : NULL, &r->probe);
	nesting_probe_capabilities(&r->probe, &r->capabilities);
	r->can_host = nesting_probe_can_host(&r->probe, r->profile, &r->reason);
	return 0;
}

int cmd_nest_probe(int argc, char **argv)
{
	struct probe_args args = { 0 };
	struct probe_report r = { 0 };
	struct err e = ERR_INIT;
	if (args_parse(&argp, argc, argv, &args))
		return STATUS_CONFIG;
	int rc = gather(&args, &r, &e);
	if (rc == 0 && args.json) {
		rc = print_json(&r);
		if (rc == -ENOMEM)
			(void)err_set(&e, rc, "out of memory");
	} else if (rc == 0) {
		print_text(&r);
	}
	int status;
	if (rc && rc != -EIO) {
		status = cli_fail(&e);
	} else {
		status = cli_flush(STATUS_OK);
		if (status == STATUS_OK && !r.can_host)
			status = STATUS_NO;
	}
	nest_facts_destroy(r.facts);
	return status;
}
