/* SPDX-License-Identifier: MIT */
/* nestor cpuid models: the named models, and which of them a host runs. */
#include "cli/cpuid.h"

#include "cli/args.h"
#include "cli/cli.h"
#include "config/text.h"
#include "policy/cpuid_view.h"
#include "policy/host_fit.h"
#include "render/json_out.h"
#include "render/models.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct models_args {
	const char *name, *host;
	bool json;
};

/* What is shown: of a model, whether a host runs it. */
struct models {
	const struct hostfile *host; /* NULL: there is none to ask */
	struct host_fit *fit;        /* owned */
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

/* The answer about a model; NULL: there is no host to ask. Lent until the next one. */
static const struct host_fit *ask(const struct models *models, const struct cpu_model *m)
{
	if (!models->host)
		return NULL;
	host_fit_model(models->fit, m, &models->host->facts);
	return models->fit;
}

static json_t *list_json(const struct models *models)
{
	json_t *all = json_array();
	const struct cpu_model *m;
	for (size_t i = 0; all && (m = cpu_model_at(i)) != NULL; i++)
		(void)json_array_append_new(all, model_json(m, ask(models, m), false));
	return all;
}

static void list_text(const struct models *models, const struct paint *p)
{
	const struct cpu_model *m;
	models_text_head(models->host ? "runs here" : "runs", p);
	for (size_t i = 0; (m = cpu_model_at(i)) != NULL; i++)
		models_text_row(m, ask(models, m), p);
}

/* One model, or all. */
static int print(
	const struct models *models, const struct cpu_model *model, bool json, struct err *e)
{
	const struct paint p = paint_to(stdout);
	if (json) {
		json_t *o = model ? model_json(model, ask(models, model), true) : list_json(models);
		return json_out(o, /* pretty */ true, stdout) == -ENOMEM
			       ? err_set(e, -ENOMEM, "out of memory")
			       : 0;
	}
	if (model)
		model_text(model, ask(models, model),
			models->host ? cpuid_view_name(models->host) : NULL, &p);
	else
		list_text(models, &p);
	return 0;
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
	const struct models_args *args, struct hostfile *host, struct models *models, struct err *e)
{
	struct err none = ERR_INIT;
	const struct reporter reporter = cli_reporter(REPORT_WARN);
	int rc = cpuid_host_load(args->host, &reporter, host, args->host ? e : &none);
	if (rc == 0) {
		models->host = host;
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
	struct models models = { 0 };
	int rc = host ? host_fit_create(&models.fit, &e) : err_set(&e, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = load_host(&args, host, &models, &e);
	if (rc == 0)
		rc = print(&models, model, args.json, &e);
	host_fit_destroy(models.fit);
	free(host);
	return rc ? cli_fail(&e) : cli_flush(STATUS_OK);
}
