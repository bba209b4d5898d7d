/* SPDX-License-Identifier: MIT */
/* nestor cpuid verify: what a guest really sees on this host, against what was promised. */
#include "cli/cpuid.h"

#include "cli/args.h"
#include "cli/cli.h"
#include "kvm/kvm.h"
#include "policy/cpuid_bits.h"
#include "policy/cpuid_view.h"
#include "render/findings_json.h"
#include "render/json_out.h"
#include "render/paint.h"
#include "verify/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct verify_args {
	struct config_args config;
	bool json;
};

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "print JSON", 2 },
	{ 0 },
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct verify_args *args = state->input;
	switch (option) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->config;
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (args->config.file)
			argp_error(state, "one VM's file at most");
		args->config.file = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { .argp = &policy_argp }, { 0 } };
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[VM.toml]",
	.children = children,
	.doc = "Run a tiny built-in guest on this host's KVM with a VM's policy. On every vCPU it "
	       "executes CPUID for every leaf, and reads and writes the MSRs that the policy "
	       "speaks "
	       "of; what it sees is compared with what was promised. Nothing of the VM's own is "
	       "started.\vThe exit status is 0 where all is as promised, 1 where something "
	       "differs, "
	       "101 where the file is bad, or 102 where this host cannot run it.",
};

static void side_text(
	char *text, size_t size, const struct verify_difference *d, bool fault, uint64_t v)
{
	bool faults_differ = d->promised_fault != d->seen_fault;
	if (fault)
		(void)snprintf(text, size, "#GP");
	else if (d->is_msr && d->write && faults_differ)
		(void)snprintf(text, size, "no fault");
	else
		(void)snprintf(text, size, "0x%" PRIx64, v);
}

static struct bits_place place_of(const struct verify_difference *d)
{
	return (struct bits_place){
		.is_msr = d->is_msr, .leaf = d->leaf, .subleaf = d->subleaf, .reg = d->reg
	};
}

/* The names of the bits that differ. */
static void print_bits(const struct paint *p, const struct verify_difference *d)
{
	const struct bits_place place = place_of(d);
	uint64_t differ = d->promised ^ d->seen;
	struct bits_item item;
	bool any = false;
	if (d->promised_fault || d->seen_fault)
		return;
	for (unsigned bit = 0; bit < bits_width(&place); bit = item.high + 1) {
		char name[BITS_NAME_BYTES];
		bits_item_at(&place, bit, &item);
		if (bits_of(&item, differ) == 0)
			continue;
		paint(p, PAINT_DIM, "%s%s", any ? " " : " (", bits_name(&item, name));
		any = true;
	}
	if (any)
		paint(p, PAINT_DIM, ")");
}

static void print_difference(const struct paint *p, const struct verify_difference *d)
{
	const struct bits_place place = place_of(d);
	char where[BITS_PLACE_BYTES], promised[32], seen[32];
	side_text(promised, sizeof(promised), d, d->promised_fault, d->promised);
	side_text(seen, sizeof(seen), d, d->seen_fault, d->seen);
	paint(p, PAINT_PLAIN, "vCPU %u, ", d->vcpu);
	paint(p, PAINT_NAME, "%s%s", bits_place_text(where, &place),
		!d->is_msr ? ""
		: d->write ? ", written"
			   : ", read");
	paint(p, PAINT_PLAIN, ": promised ");
	paint(p, PAINT_GOOD, "%s", promised);
	paint(p, PAINT_PLAIN, ", seen ");
	paint(p, PAINT_BAD, "%s", seen);
	print_bits(p, d);
	if (d->rewritten_by_kvm)
		paint(p, PAINT_DIM, ", as KVM says itself");
	paint_end(p);
}

/* What KVM_GET_CPUID2 shows already: not a fault of nestor's, nor anything that it can mend. */
static size_t count_rewritten(const struct verify_result *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->nr_differences; i++)
		n += r->differences[i].rewritten_by_kvm;
	return n;
}

static void print_count(const struct paint *p, const struct verify_result *r)
{
	size_t rewritten = count_rewritten(r);
	if (r->nr_differences == 0) {
		paint(p, PAINT_GOOD, "all as promised");
		return;
	}
	paint(p, PAINT_BAD, "%zu difference%s", r->nr_differences,
		r->nr_differences == 1 ? "" : "s");
	if (rewritten == r->nr_differences)
		paint(p, PAINT_PLAIN, ", all because this KVM does not keep the CPUID it is given");
	else if (rewritten > 0)
		paint(p, PAINT_PLAIN,
			", %zu of them because this KVM does not keep the CPUID it is given",
			rewritten);
}

static void print_text(const struct verify_result *r)
{
	const struct paint p = paint_to(stdout);
	for (size_t i = 0; i < r->nr_differences; i++)
		print_difference(&p, &r->differences[i]);
	paint(&p, PAINT_PLAIN, "compared on %u vCPU%s: %u CPUID leaves and %u MSR accesses; ",
		r->nr_vcpus, r->nr_vcpus == 1 ? "" : "s", r->nr_leaves, r->nr_msr_accesses);
	print_count(&p, r);
	if (r->nr_not_compared > 0)
		paint(&p, PAINT_DIM, " (of %u MSRs nothing is promised)", r->nr_not_compared);
	paint_end(&p);
}

static json_t *difference_json(const struct verify_difference *d)
{
	const struct bits_place place = place_of(d);
	char where[BITS_PLACE_BYTES];
	return json_pack("{s:i, s:s, s:b, s:b, s:o, s:o, s:b, s:b, s:b}", "vcpu", (int)d->vcpu,
		"place", bits_place_text(where, &place), "msr", d->is_msr, "write", d->write,
		"promised", json_hex(d->promised), "seen", json_hex(d->seen), "promised_fault",
		d->promised_fault, "seen_fault", d->seen_fault, "rewritten_by_kvm",
		d->rewritten_by_kvm);
}

/* As print_difference() says it. What KVM keeps otherwise, nobody promised wrongly. */
static void find_difference(struct findings *found, const struct verify_difference *d)
{
	const struct bits_place place = place_of(d);
	char where[BITS_PLACE_BYTES], promised[32], seen[32];
	side_text(promised, sizeof(promised), d, d->promised_fault, d->promised);
	side_text(seen, sizeof(seen), d, d->seen_fault, d->seen);
	findings_say(found, d->rewritten_by_kvm ? FINDING_NOTE : FINDING_ERROR,
		d->rewritten_by_kvm ? "rewritten-by-kvm"
		: d->is_msr         ? "msr"
				    : "cpuid",
		"vCPU %u, %s%s: promised %s, seen %s", d->vcpu, bits_place_text(where, &place),
		!d->is_msr ? ""
		: d->write ? ", written"
			   : ", read",
		promised, seen);
}

static int print_json(const struct verify_result *r)
{
	struct findings found = { 0 };
	json_t *all = json_array();
	for (size_t i = 0; all && i < r->nr_differences; i++) {
		(void)json_array_append_new(all, difference_json(&r->differences[i]));
		find_difference(&found, &r->differences[i]);
	}
	json_t *findings = found.out_of_memory ? NULL : findings_json(&found);
	findings_done(&found);
	return json_out(
		json_pack("{s:i, s:i, s:i, s:i, s:b, s:o, s:o}", "vcpus", (int)r->nr_vcpus,
			"leaves", (int)r->nr_leaves, "msr_accesses", (int)r->nr_msr_accesses,
			"not_compared", (int)r->nr_not_compared, "as_promised",
			r->nr_differences == 0, "differences", all, "findings", findings),
		/* pretty */ true, stdout);
}

static int verify(struct kvm *kvm, const struct verify_args *args, struct verify_result *ret_result,
	struct err *e)
{
	struct policy_file *policy_file = NULL;
	const struct cpu_policy *policy = NULL;
	const struct config_source source = config_args_source(&args->config);
	struct reporter reporter = cli_reporter(REPORT_WARN);
	struct host_facts *facts = malloc(sizeof(*facts));
	struct machine_plan *plan = calloc(1, sizeof(*plan));
	int rc = facts && plan ? 0 : err_set(e, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = policy_file_load(&policy_file, &source, POLICY_FILE_ASK, e);
	if (rc == 0)
		rc = kvm_host_facts(kvm, facts, e);
	if (rc == 0)
		rc = policy_file_for_host(policy_file, facts, &policy, e);
	if (rc == 0)
		rc = plan_machine(
			policy_file_vm(policy_file), policy, facts, /* trace */ NULL, plan, e);
	if (rc == 0)
		rc = verify_run(kvm, plan, &reporter, ret_result, e);
	if (plan)
		machine_plan_done(plan);
	policy_file_destroy(policy_file);
	free(plan);
	free(facts);
	return rc;
}

int cmd_cpuid_verify(int argc, char **argv)
{
	struct verify_args args = { 0 };
	struct verify_result result = { 0 };
	struct kvm *kvm = NULL;
	struct err e = ERR_INIT;
	if (args_parse(&argp, argc, argv, &args))
		return STATUS_CONFIG;
	int rc = kvm_open(&kvm, &kvm_calls_real, KVM_DEVICE_PATH, &e);
	if (rc == 0)
		rc = verify(kvm, &args, &result, &e);
	int status = result.nr_differences > 0 ? STATUS_NO : STATUS_OK;
	if (rc == 0 && args.json) {
		if (print_json(&result) == -ENOMEM)
			rc = err_set(&e, -ENOMEM, "out of memory");
	} else if (rc == 0) {
		print_text(&result);
	}
	verify_result_done(&result);
	kvm_close(kvm);
	if (rc)
		return cli_fail(&e);
	int flushed = cli_flush(STATUS_OK);
	return flushed == STATUS_OK ? status : flushed;
}
