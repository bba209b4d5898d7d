/* SPDX-License-Identifier: MIT */
/* nestor cpuid check: on which of many hosts a VM can run, and why not on the others. */
#include "cli/cpuid.h"

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/cpuid_hosts.h"
#include "render/host_fit.h"
#include "render/json_out.h"

#include <errno.h>
#include <stdio.h>

struct check_args {
	struct config_args config;
	struct hosts hosts;
	struct err list_error; /* of a folder or list */
	int list_code;
	bool json, verbose;
};

struct check {
	const struct check_args *args;
	struct policy_file *policy_file;
	struct host_fit *fit; /* of the host that is looked at; owned */
	struct paint paint;
	size_t nr_hosts, nr_failed;
};

enum { OPTION_HOST = 256, OPTION_FROM, OPTION_SKIP };

static const struct argp_option options[] = {
	{ "host", OPTION_HOST, "HOST", 0, "a host, or a folder of them; more may follow", 2 },
	{ "files-from", OPTION_FROM, "LIST", 0,
		"take the names of files from LIST (-: standard input)", 2 },
	{ "skip-bad", OPTION_SKIP, NULL, 0, "report files that are bad, and go on without them",
		2 },
	{ "json", 'j', NULL, 0, "print a line of JSON for each host", 3 },
	{ "verbose", 'v', NULL, 0, "name every feature that is missing", 3 },
	{ 0 },
};

static void take_host(struct check_args *args, const char *path)
{
	if (args->list_code == 0)
		args->list_code = file_list_add(&args->hosts.files, path, &args->list_error);
}

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct check_args *args = state->input;
	switch (option) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->config;
		return 0;
	case OPTION_HOST:
		take_host(args, arg);
		return 0;
	case OPTION_FROM:
		if (args->list_code == 0)
			args->list_code =
				file_list_add_from(&args->hosts.files, arg, &args->list_error);
		return 0;
	case OPTION_SKIP:
		args->hosts.skip_bad = true;
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case 'v':
		args->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		if (args->config.file)
			take_host(args, arg);
		else
			args->config.file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!args->config.file)
			argp_error(state, "a VM's file is missing");
		if (args->list_code == 0 && args->hosts.files.nr_files == 0)
			argp_error(state, "no host is named");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { .argp = &policy_argp }, { 0 } };
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "VM.toml --host HOST...",
	.children = children,
	.doc = "Find out on which hosts a VM can run. HOST is a file that `nestor cpuid dump` or "
	       "`cpuid -r` wrote, a folder of such files, or the word kvm (this host).\vThe exit "
	       "status is 0 where it runs on all of them, 1 where it does not, 101 where a file is "
	       "bad, or 102 where KVM cannot be used.",
};

static int check_host(struct check *c, const struct hostfile *host, const char *path, struct err *e)
{
	bool verbose = c->args->verbose;
	int rc = host_fit_vm(c->fit, c->policy_file, &host->facts, e);
	if (rc)
		return rc;
	c->nr_hosts++;
	c->nr_failed += !c->fit->runs;
	if (!c->args->json)
		host_fit_text(c->fit, host, path, verbose, &c->paint);
	else if (json_out(host_fit_json(c->fit, host, path, verbose), /* pretty */ false, stdout) ==
		 -ENOMEM)
		return err_set(e, -ENOMEM, "out of memory");
	return 0;
}

static int check_all(struct check *c, struct hosts *hosts, struct err *e)
{
	for (;;) {
		const struct hostfile *host = NULL;
		const char *path = NULL;
		int rc = hosts_next(hosts, &host, &path, e);
		if (rc || !host)
			return rc;
		progress_clear(&hosts->progress);
		rc = check_host(c, host, path, e);
		if (rc)
			return rc;
		/* Nobody reads on: going through thousands of hosts would be for nothing. */
		if (ferror(stdout))
			return 0;
	}
}

static int run(struct check_args *args, int *ret_status, struct err *e)
{
	const struct config_source source = config_args_source(&args->config);
	struct check c = { .args = args, .paint = paint_to(stdout) };
	int rc = host_fit_create(&c.fit, e);
	if (rc == 0)
		rc = policy_file_load(&c.policy_file, &source, POLICY_FILE_ASK, e);
	if (rc == 0)
		rc = hosts_start(&args->hosts, e);
	if (rc == 0)
		rc = check_all(&c, &args->hosts, e);
	if (rc == 0 && c.nr_hosts == 0)
		rc = err_set_config(e, -EINVAL, "none of the files is good");
	if (rc == 0 && !args->json) {
		paint(&c.paint, c.nr_failed ? PAINT_BAD : PAINT_GOOD, "%zu of %zu hosts can run it",
			c.nr_hosts - c.nr_failed, c.nr_hosts);
		paint_end(&c.paint);
	}
	if (rc == 0)
		hosts_report(&args->hosts);
	*ret_status = c.nr_failed > 0 ? STATUS_NO : STATUS_OK;
	policy_file_destroy(c.policy_file);
	host_fit_destroy(c.fit);
	return rc;
}

int cmd_cpuid_check(int argc, char **argv)
{
	struct check_args args = { .list_error = ERR_INIT };
	struct err e = ERR_INIT;
	int status = STATUS_CONFIG;
	if (args_parse(&argp, argc, argv, &args) == 0) {
		if (args.list_code)
			status = cli_fail(&args.list_error);
		else if (run(&args, &status, &e))
			status = cli_fail(&e);
		int flushed = cli_flush(STATUS_OK);
		if (flushed != STATUS_OK)
			status = flushed;
	}
	hosts_done(&args.hosts);
	return status;
}
