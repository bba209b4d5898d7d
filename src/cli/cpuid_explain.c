/* SPDX-License-Identifier: MIT */
/* nestor cpuid explain: which rule, and which line of which file, decided each bit. */
#include "cli/cpuid.h"

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/outfile.h"
#include "config/text.h"
#include "nesting/hyperv.h"
#include "nesting/nesting.h"
#include "render/explain.h"
#include "render/json_out.h"
#include "render/paint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct explain_args {
	struct config_args config;
	const char *words[2]; /* after the file: FEATURE, LEAF, or msr MSR */
	unsigned nr_words;
	const char *host, *html;
	uint64_t vcpu;
	bool all, json, rules;
};

enum { OPTION_HOST = 256, OPTION_VCPU, OPTION_HTML, OPTION_RULES };

static const struct argp_option options[] = {
	{ "host", OPTION_HOST, "FILE", 0, "on the host saved there, not on this one", 2 },
	{ "vcpu", OPTION_VCPU, "N", 0, "which vCPU (default 0)", 2 },
	{ "all", 'a', NULL, 0, "every feature that has a name, not only where something differs",
		2 },
	{ "json", 'j', NULL, 0, "print JSON", 3 },
	{ "html", OPTION_HTML, "FILE", 0, "write a page with every bit (-: standard output)", 3 },
	{ "rules", OPTION_RULES, NULL, 0, "list the rules that decide bits; needs no VM", 3 },
	{ 0 },
};

static error_t take_word(struct explain_args *args, char *arg, struct argp_state *state)
{
	if (!args->config.file)
		args->config.file = arg;
	else if (args->nr_words < 2)
		args->words[args->nr_words++] = arg;
	else
		args_refuse(state, "too many arguments: %s", arg);
	return 0;
}

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct explain_args *args = state->input;
	switch (option) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->config;
		return 0;
	case OPTION_HOST:
		args->host = arg;
		return 0;
	case OPTION_VCPU:
		if (text_parse_integer(arg, &args->vcpu) || args->vcpu >= PLAN_MAX_VCPUS)
			args_refuse(state, "--vcpu: expected a number below %d, found %s",
				PLAN_MAX_VCPUS, arg);
		return 0;
	case 'a':
		args->all = true;
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case OPTION_HTML:
		args->html = arg;
		return 0;
	case OPTION_RULES:
		args->rules = true;
		return 0;
	case ARGP_KEY_ARG:
		return take_word(args, arg, state);
	case ARGP_KEY_END:
		if (!args->config.file && !args->rules)
			argp_error(state, "a VM's file is missing");
		if (args->html && (args->json || args->nr_words > 0))
			argp_error(state, "--html goes with neither --json nor a feature or leaf");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { .argp = &policy_argp }, { 0 } };
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "VM.toml [FEATURE | LEAF[.SUBLEAF] | msr MSR]",
	.children = children,
	.doc = "Explain what a VM's processor is like: for each bit what the host has, what the "
	       "policy says, what the guest gets, and which rule and which line decided.\vWithout "
	       "FEATURE or LEAF: every named feature of which these three differ. Where this host "
	       "cannot run the VM, the error is printed, the explanation leaves out what is "
	       "missing, "
	       "and the exit status is 102.",
};

/* Of the named ranges of the architecture; few enough to look at each. */
static bool find_msr(const char *name, uint32_t *ret_index)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = { { 0, 0x1fff }, { 0x40000000, 0x400001ff }, { 0x4b564d00, 0x4b564dff },
		{ 0xc0000000, 0xc0000fff }, { 0xc0010000, 0xc0011fff } };
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		for (uint32_t msr = ranges[i].first; msr <= ranges[i].last; msr++) {
			const char *known = msr_name(msr);
			if (known && strcasecmp(known, name) == 0) {
				*ret_index = msr;
				return true;
			}
		}
	}
	return false;
}

static int ask_msr(const char *text, struct explain_question *q, struct err *e)
{
	char shown[64];
	uint64_t index;
	q->kind = EXPLAIN_MSR;
	if (text_parse_integer(text, &index) == 0 && index <= UINT32_MAX) {
		q->leaf = (uint32_t)index;
		return 0;
	}
	if (find_msr(text, &q->leaf))
		return 0;
	return err_set_config(e, -EINVAL,
		"%s is no MSR; expected a number such as 0x10a, or a name such as "
		"IA32_ARCH_CAPABILITIES",
		text_printable(shown, sizeof(shown), text, strlen(text)));
}

/* "0x7", "0x7.1"; false where it is no such thing. */
static bool ask_leaf(const char *text, struct explain_question *q)
{
	char leaf_text[24];
	const char *dot = strchr(text, '.');
	size_t n = dot ? (size_t)(dot - text) : strlen(text);
	uint64_t leaf, subleaf = 0;
	if (n >= sizeof(leaf_text))
		return false;
	memcpy(leaf_text, text, n);
	leaf_text[n] = '\0';
	if (text_parse_integer(leaf_text, &leaf) || leaf > UINT32_MAX)
		return false;
	if (dot && (text_parse_integer(dot + 1, &subleaf) || subleaf > UINT32_MAX))
		return false;
	q->kind = EXPLAIN_LEAF;
	q->leaf = (uint32_t)leaf;
	q->any_subleaf = !dot;
	q->subleaf = (uint32_t)subleaf;
	return true;
}

static int ask(const struct explain_args *args, struct explain_question *q, struct err *e)
{
	*q = (struct explain_question){ .kind = EXPLAIN_OVERVIEW, .all = args->all };
	if (args->nr_words == 0)
		return 0;
	const char *word = args->words[0];
	char shown[128];
	(void)text_printable(shown, sizeof(shown), word, strlen(word));
	if (strcmp(word, "msr") == 0 && args->nr_words == 2)
		return ask_msr(args->words[1], q, e);
	if (args->nr_words == 2)
		return err_set_config(
			e, -EINVAL, "expected one feature or leaf, or msr and a number");
	if (ask_leaf(word, q))
		return 0;
	q->kind = EXPLAIN_FEATURE;
	q->feature = feature_find(word);
	if (q->feature)
		return 0;
	const char *near = feature_nearest(word);
	return err_set_config(e, -EINVAL,
		"%s is neither a feature nor a leaf (such as 0x7 or 0x7.1)%s%s%s", shown,
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static json_t *rule_json(const char *id, const char *title, const char *text)
{
	return json_pack(
		"{s:s, s:o, s:o}", "rule", id, "title", json_text(title), "text", json_text(text));
}

static int print_rules_json(FILE *out)
{
	size_t n;
	json_t *all = json_array();
	const struct cpu_rule *rules = cpu_rules(&n);
	for (size_t i = 0; all && i < n; i++)
		(void)json_array_append_new(
			all, rule_json(rules[i].id, rules[i].title, rules[i].text));
	rules = hyperv_rules(&n);
	for (size_t i = 0; all && i < n; i++)
		(void)json_array_append_new(
			all, rule_json(rules[i].id, rules[i].title, rules[i].text));
	const struct nesting_rule *nesting = nesting_rules(&n);
	for (size_t i = 0; all && i < n; i++)
		(void)json_array_append_new(all, rule_json(nesting[i].id, nesting[i].why, NULL));
	return json_out(all, /* pretty */ true, out);
}

static void print_rule(const struct paint *p, const char *id, const char *title, const char *text)
{
	paint_cell(p, PAINT_NAME, 9, "%s", id);
	paint(p, PAINT_BOLD, "%s", title);
	paint_end(p);
	if (!*text)
		return;
	paint(p, PAINT_PLAIN, "          %s", text);
	paint_end(p);
}

static int print_rules(bool json)
{
	size_t n;
	struct err e = ERR_INIT;
	const struct paint p = paint_to(stdout);
	if (json) {
		int rc = print_rules_json(stdout);
		if (rc == -ENOMEM) {
			(void)err_set(&e, rc, "out of memory");
			return cli_fail(&e);
		}
		return cli_flush(STATUS_OK);
	}
	const struct cpu_rule *rules = cpu_rules(&n);
	for (size_t i = 0; i < n; i++)
		print_rule(&p, rules[i].id, rules[i].title, rules[i].text);
	rules = hyperv_rules(&n);
	for (size_t i = 0; i < n; i++)
		print_rule(&p, rules[i].id, rules[i].title, rules[i].text);
	const struct nesting_rule *nesting = nesting_rules(&n);
	for (size_t i = 0; i < n; i++)
		print_rule(&p, nesting[i].id, nesting[i].why, "");
	return cli_flush(STATUS_OK);
}

static int print(const struct explain_args *args, const struct cpuid_vm *vm,
	const struct explain_question *q, struct err *e)
{
	struct explanation x;
	struct outfile out;
	const char *const inputs[] = { args->config.file, args->host };
	int rc = explanation_init(&x, vm, args->config.file, e);
	if (rc)
		return rc;
	rc = outfile_open(&out, args->html, inputs, ARRAY_SIZE(inputs), e);
	if (rc == 0 && args->html)
		explain_html(&x, out.file);
	else if (rc == 0 && !args->json)
		explain_text(&x, q, out.file);
	else if (rc == 0 && json_out(explain_json(&x, q), /* pretty */ true, out.file) == -ENOMEM)
		rc = err_set(e, -ENOMEM, "out of memory");
	/* Anything else that goes wrong while writing is found when the file is closed. */
	rc = outfile_close(&out, rc, e);
	explanation_done(&x);
	return rc;
}

static int explain(const struct explain_args *args, const struct explain_question *q)
{
	struct err e = ERR_INIT;
	struct policy_file *policy_file = NULL;
	struct cpuid_vm *vm = NULL;
	int status = STATUS_OK;
	const struct config_source source = config_args_source(&args->config);
	const struct reporter reporter = cli_reporter(REPORT_WARN);
	struct hostfile *host = malloc(sizeof(*host));
	int rc = host ? 0 : err_set(&e, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = policy_file_load(&policy_file, &source, POLICY_FILE_ASK, &e);
	if (rc == 0)
		rc = cpuid_host_load(args->host, &reporter, host, &e);
	if (rc == 0)
		rc = cpuid_vm_create(
			&vm, policy_file, host, (unsigned)args->vcpu, CPUID_VM_ANYWAY, &e);
	if (rc == 0 && vm->cannot_run)
		status = cli_fail(&vm->why);
	if (rc == 0)
		rc = print(args, vm, q, &e);
	if (rc)
		status = cli_fail(&e);
	cpuid_vm_destroy(vm);
	policy_file_destroy(policy_file);
	free(host);
	return status;
}

int cmd_cpuid_explain(int argc, char **argv)
{
	struct explain_args args = { 0 };
	struct explain_question question;
	struct err e = ERR_INIT;
	if (args_parse(&argp, argc, argv, &args))
		return STATUS_CONFIG;
	if (args.rules)
		return print_rules(args.json);
	if (ask(&args, &question, &e))
		return cli_fail(&e);
	return explain(&args, &question);
}
