/* SPDX-License-Identifier: MIT */
/* nestor cpuid models: the named models, and which of them a host runs. */
#include "cli/cpuid.h"

#include "cli/args.h"
#include "cli/cli.h"
#include "config/text.h"
#include "plan/plan.h"
#include "policy/cpuid_bits.h"
#include "policy/cpuid_view.h"
#include "policy/policy_file.h"
#include "render/json_out.h"
#include "render/paint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_WIDTH 96

struct models_args {
	const char *name, *host;
	bool json;
};

/* Whether a host runs a model. */
struct fit {
	const struct hostfile *host; /* NULL: there is none to ask */
	struct machine_plan *plan;   /* of the model that was asked about; owned */
	struct err why;
	bool runs;
	unsigned nr_missing; /* 0 and not runs: another reason, in why */
};

enum { OPTION_HOST = 256 };

static const struct argp_option options[] = {
	{ "host", OPTION_HOST, "FILE", 0, "what the host saved there runs, not this one", 0 },
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ 0 },
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct models_args *args = state->input;
	switch (option) {
	case OPTION_HOST:
		args->host = arg;
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (args->name)
			argp_error(state, "one model at most");
		args->name = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[NAME]",
	.doc = "List the named CPU models, and which of them this host's KVM can run; or show one, "
	       "with its features.\vThe exit status is 0, 101 where the name or the file is bad, "
	       "or "
	       "102 where something else failed. Without a usable KVM the list is printed without "
	       "that column.",
};

/* By the plan of a VM that asks for nothing but the model, so that `cpuid check` says the same. */
static int plan_model(struct fit *fit, const struct cpu_model *model, struct err *e)
{
	char text[128];
	struct policy_file *file = NULL;
	const struct cpu_policy *policy = NULL;
	(void)snprintf(
		text, sizeof(text), "[cpu]\nmodel = \"%s\"\non_missing = \"drop\"\n", model->name);
	machine_plan_done(fit->plan);
	*fit->plan = (struct machine_plan){ 0 };
	const struct config_source source = {
		.name = model->name, .text = text, .n = strlen(text)
	};
	int rc = policy_file_load(&file, &source, POLICY_FILE_ASK, e);
	if (rc == 0)
		rc = policy_file_for_host(file, &fit->host->facts, &policy, e);
	if (rc == 0)
		rc = plan_machine(policy_file_vm(file), policy, &fit->host->facts,
			/* trace */ NULL, fit->plan, e);
	/* The notes are asked for features alone, which are static; their origins go here. */
	policy_file_destroy(file);
	return rc;
}

static void fit_model(struct fit *fit, const struct cpu_model *model)
{
	fit->why = (struct err)ERR_INIT;
	int rc = plan_model(fit, model, &fit->why);
	fit->nr_missing = rc ? 0 : fit->plan->cpu.nr_missing;
	fit->runs = rc == 0 && fit->nr_missing == 0;
}

static const char *vendor_name(const struct cpu_model *m)
{
	return *m->vendor_id ? m->vendor_id : "any";
}

static char *signature(char *text, size_t size, const struct cpu_model *m)
{
	if (m->has_signature && m->nr_numbers > 0)
		(void)snprintf(text, size, "%#x/%#x/%u", m->family, m->numbers[0], m->stepping_low);
	else
		(void)snprintf(text, size, "-");
	return text;
}

static void print_fit(const struct paint *p, const struct fit *fit)
{
	if (!fit->host)
		paint_cell(p, PAINT_DIM, 14, "-");
	else if (fit->runs)
		paint_cell(p, PAINT_GOOD, 14, "yes");
	else if (fit->nr_missing > 0)
		paint_cell(p, PAINT_BAD, 14, "lacks %u", fit->nr_missing);
	else
		paint_cell(p, PAINT_DIM, 14, "no");
}

static void print_list(struct fit *fit)
{
	const struct paint p = paint_to(stdout);
	paint_cell(&p, PAINT_BOLD, 28, "model");
	paint_cell(&p, PAINT_BOLD, 14, "vendor");
	paint_cell(&p, PAINT_BOLD, 14, "signature");
	paint_cell(&p, PAINT_BOLD, 8, "features");
	paint_cell(&p, PAINT_BOLD, 14, "%s", fit->host ? "runs here" : "runs");
	paint(&p, PAINT_BOLD, "source");
	paint_end(&p);
	const struct cpu_model *m;
	for (size_t i = 0; (m = cpu_model_at(i)) != NULL; i++) {
		char text[40];
		if (fit->host)
			fit_model(fit, m);
		paint_cell(&p, PAINT_NAME, 28, "%s", m->name);
		paint_cell(&p, PAINT_PLAIN, 14, "%s", vendor_name(m));
		paint_cell(&p, PAINT_PLAIN, 14, "%s", signature(text, sizeof(text), m));
		paint_cell(&p, PAINT_PLAIN, 8, "%u", feature_set_count(&m->features));
		print_fit(&p, fit);
		paint(&p, PAINT_DIM, "%s", m->source);
		paint_end(&p);
	}
}

/* Names, as many in a line as fit; those of missing are shown as such. */
static void print_names(
	const struct paint *p, const struct feature_set *set, const struct feature_set *missing)
{
	size_t used = 0;
	const feature_id end = FEATURE_NR_WORDS * 32;
	for (feature_id id = feature_set_next(set, 0); id < end;
		id = feature_set_next(set, (feature_id)(id + 1))) {
		char label[FEATURE_PLACE_BYTES];
		size_t n = strlen(feature_label(label, id));
		if (used > 0 && used + n + 1 > LINE_WIDTH) {
			paint_end(p);
			used = 0;
		}
		bool lacks = missing && feature_set_has(missing, id);
		paint(p, PAINT_PLAIN, "%s", used ? " " : "  ");
		paint(p, lacks ? PAINT_BAD : PAINT_PLAIN, "%s", label);
		used += n + 1;
	}
	if (used > 0)
		paint_end(p);
}

static void missing_of(const struct fit *fit, struct feature_set *ret_missing)
{
	const struct cpu_result *r = &fit->plan->cpu;
	*ret_missing = (struct feature_set){ 0 };
	if (!fit->host || fit->runs || fit->nr_missing == 0)
		return;
	for (unsigned i = 0; i < r->nr_notes; i++) {
		if (r->notes[i].kind == CPU_NOTE_MISSING && r->notes[i].has_feature)
			feature_set_add(ret_missing, r->notes[i].feature);
	}
}

static void print_model(const struct cpu_model *m, struct fit *fit)
{
	const struct paint p = paint_to(stdout);
	struct feature_set missing;
	if (fit->host)
		fit_model(fit, m);
	missing_of(fit, &missing);
	paint(&p, PAINT_NAME, "%s", m->name);
	paint(&p, PAINT_PLAIN, ": %s", vendor_name(m));
	if (m->has_signature) {
		paint(&p, PAINT_PLAIN, ", family %#x, model", m->family);
		for (unsigned i = 0; i < m->nr_numbers; i++)
			paint(&p, PAINT_PLAIN, "%s %#x", i ? "," : "", m->numbers[i]);
		paint(&p, PAINT_PLAIN, ", stepping %u to %u", m->stepping_low, m->stepping_high);
	}
	paint(&p, PAINT_PLAIN, "; from %s", m->source);
	if (*m->base)
		paint(&p, PAINT_PLAIN, "; all of %s, and more", m->base);
	paint_end(&p);
	paint(&p, PAINT_BOLD, "features: %u", feature_set_count(&m->features));
	paint_end(&p);
	print_names(&p, &m->features, &missing);
	if (!feature_set_is_empty(&m->qemu_extra)) {
		paint(&p, PAINT_BOLD, "QEMU's model of that name has besides");
		paint_end(&p);
		print_names(&p, &m->qemu_extra, NULL);
	}
	if (!fit->host)
		return;
	paint(&p, PAINT_BOLD, "on %s: ", cpuid_view_name(fit->host));
	if (fit->runs)
		paint(&p, PAINT_GOOD, "runs");
	else if (fit->nr_missing == 0)
		paint(&p, PAINT_BAD, "cannot run: %s", fit->why.msg);
	else
		paint(&p, PAINT_BAD, "%u are missing", fit->nr_missing);
	paint_end(&p);
	print_names(&p, &missing, NULL);
}

static json_t *names_json(const struct feature_set *set)
{
	json_t *names = json_array();
	const feature_id end = FEATURE_NR_WORDS * 32;
	for (feature_id id = feature_set_next(set, 0); names && id < end;
		id = feature_set_next(set, (feature_id)(id + 1))) {
		char label[FEATURE_PLACE_BYTES];
		(void)json_array_append_new(names, json_string(feature_label(label, id)));
	}
	return names;
}

static json_t *model_json(const struct cpu_model *m, struct fit *fit, bool features)
{
	struct feature_set missing;
	if (fit->host)
		fit_model(fit, m);
	missing_of(fit, &missing);
	json_t *numbers = json_array();
	for (unsigned i = 0; numbers && i < m->nr_numbers; i++)
		(void)json_array_append_new(numbers, json_integer(m->numbers[i]));
	json_t *o = json_pack("{s:s, s:o, s:o, s:s, s:i, s:o, s:o, s:o}", "model", m->name,
		"vendor", json_text(m->vendor_id), "base", json_text(m->base), "source", m->source,
		"features_count", (int)feature_set_count(&m->features), "family",
		m->has_signature ? json_integer(m->family) : json_null(), "model_numbers", numbers,
		"stepping", m->has_signature ? json_integer(m->stepping_low) : json_null());
	if (!o)
		return NULL;
	if (fit->host) {
		(void)json_object_set_new(o, "runs", json_boolean(fit->runs));
		(void)json_object_set_new(o, "missing", names_json(&missing));
		(void)json_object_set_new(o, "why_not",
			json_text(fit->runs || fit->nr_missing ? NULL : fit->why.msg));
	}
	if (features)
		(void)json_object_set_new(o, "features", names_json(&m->features));
	return o;
}

static json_t *list_json(struct fit *fit)
{
	json_t *all = json_array();
	const struct cpu_model *m;
	for (size_t i = 0; all && (m = cpu_model_at(i)) != NULL; i++)
		(void)json_array_append_new(all, model_json(m, fit, false));
	return all;
}

static int find(const char *name, const struct cpu_model **ret_model, struct err *e)
{
	*ret_model = cpu_model_find(name);
	if (*ret_model)
		return 0;
	char shown[128];
	const char *near = cpu_model_nearest(name);
	return err_set_config(e, -EINVAL, "there is no CPU model %s%s%s%s",
		text_printable(shown, sizeof(shown), name, strlen(name)),
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* Without --host, this host's KVM, where there is one. */
static int load_host(
	const struct models_args *args, struct hostfile *host, struct fit *fit, struct err *e)
{
	struct err none = ERR_INIT;
	const struct reporter reporter = cli_reporter(REPORT_WARN);
	int rc = cpuid_host_load(args->host, &reporter, host, args->host ? e : &none);
	if (rc == 0) {
		fit->host = host;
		return 0;
	}
	if (args->host)
		return rc;
	report(&reporter, REPORT_WARN, "not compared with this host: %s", none.msg);
	return 0;
}

int cmd_cpuid_models(int argc, char **argv)
{
	struct models_args args = { 0 };
	struct err e = ERR_INIT;
	const struct cpu_model *model = NULL;
	if (args_parse(&argp, argc, argv, &args))
		return STATUS_CONFIG;
	if (args.name && find(args.name, &model, &e))
		return cli_fail(&e);
	struct hostfile *host = malloc(sizeof(*host));
	struct fit fit = { .plan = calloc(1, sizeof(*fit.plan)) };
	int rc = host && fit.plan ? load_host(&args, host, &fit, &e)
				  : err_set(&e, -ENOMEM, "out of memory");
	if (rc == 0 && args.json) {
		json_t *o = model ? model_json(model, &fit, true) : list_json(&fit);
		if (json_out(o, /* pretty */ true, stdout) == -ENOMEM)
			rc = err_set(&e, -ENOMEM, "out of memory");
	} else if (rc == 0 && model) {
		print_model(model, &fit);
	} else if (rc == 0) {
		print_list(&fit);
	}
	if (fit.plan)
		machine_plan_done(fit.plan);
	free(fit.plan);
	free(host);
	return rc ? cli_fail(&e) : cli_flush(STATUS_OK);
}
