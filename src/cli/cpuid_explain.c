/* SPDX-License-Identifier: MIT */
/* nestor cpuid explain: which rule, and which line of which file, decided each bit. */
#include "cli/cpuid.h"

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/outfile.h"
#include "config/text.h"
#include "render/explain.h"
#include "render/json_out.h"
#include "render/rules.h"

#include <errno.h>
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

static int print_rules(bool json)
{
	struct err e = ERR_INIT;
	if (!json) {
		rules_text(stdout);
	} else if (json_out(rules_json(), /* pretty */ true, stdout) == -ENOMEM) {
		(void)err_set(&e, -ENOMEM, "out of memory");
		return cli_fail(&e);
	}
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
	if (explain_question_parse(&question, args.words, args.nr_words, args.all, &e))
		return cli_fail(&e);
	return explain(&args, &question);
}
