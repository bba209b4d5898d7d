/* SPDX-License-Identifier: MIT */
/* nestor cpuid baseline: what all of several hosts have. */
#include "cli/cpuid.h"

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/cpuid_hosts.h"
#include "cli/outfile.h"
#include "config/text.h"
#include "cpuid/baseline.h"
#include "formats/convert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct baseline_args {
	struct hosts hosts;
	struct err list_error; /* of a folder or list */
	int list_code;
	bool facts, virtualization;
	const char *output;
};

enum { OPTION_FROM = 256, OPTION_FACTS, OPTION_SKIP, OPTION_VIRTUALIZATION };

static const struct argp_option options[] = {
	{ "files-from", OPTION_FROM, "LIST", 0,
		"take the names of files from LIST (-: standard input)", 0 },
	{ "facts", OPTION_FACTS, NULL, 0, "print what they share as a host file, in JSON", 0 },
	{ "json", 'j', NULL, OPTION_ALIAS, NULL, 0 },
	{ "virtualization", OPTION_VIRTUALIZATION, NULL, 0,
		"name VMX and SVM features too, for VMs that may run VMs", 0 },
	{ "skip-bad", OPTION_SKIP, NULL, 0, "report files that are bad, and go on without them",
		0 },
	{ "output", 'o', "FILE", 0, "write there, not to standard output", 0 },
	{ 0 },
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct baseline_args *args = state->input;
	struct file_list *files = &args->hosts.files;
	switch (option) {
	case OPTION_FROM:
		if (args->list_code == 0)
			args->list_code = file_list_add_from(files, arg, &args->list_error);
		return 0;
	case OPTION_FACTS:
	case 'j':
		args->facts = true;
		return 0;
	case OPTION_VIRTUALIZATION:
		args->virtualization = true;
		return 0;
	case OPTION_SKIP:
		args->hosts.skip_bad = true;
		return 0;
	case 'o':
		args->output = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (args->list_code == 0)
			args->list_code = file_list_add(files, arg, &args->list_error);
		return 0;
	case ARGP_KEY_END:
		if (args->list_code == 0 && files->nr_files == 0)
			argp_error(state, "no host is named");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[HOST...]",
	.doc = "Find the largest policy that runs on all of several hosts, and print it as the "
	       "TOML "
	       "of a VM or of a model file. HOST is a file that `nestor cpuid dump` or `cpuid -r` "
	       "wrote, a folder of such files, or the word kvm (this host).\vThe exit status is 0, "
	       "101 where a file is bad or the hosts' vendors differ, or 102 where KVM cannot be "
	       "used.",
};

static int collect(struct hosts *hosts, struct cpu_baseline *baseline, struct err *e)
{
	for (;;) {
		const struct hostfile *host = NULL;
		const char *path = NULL;
		char shown[256];
		int rc = hosts_next(hosts, &host, &path, e);
		if (rc || !host)
			return rc;
		rc = cpu_baseline_add(baseline, &host->facts, e);
		if (rc == 0)
			continue;
		progress_clear(&hosts->progress);
		if (e && rc != -ENOMEM)
			e->kind = ERR_CONFIG;
		return err_wrap(
			e, rc, "%s", text_printable(shown, sizeof(shown), path, strlen(path)));
	}
}

static int write_policy(
	const struct cpu_baseline *baseline, bool virtualization, FILE *out, struct err *e)
{
	struct policy_feature *features = calloc(FEATURE_COUNT, sizeof(*features));
	struct cpu_policy policy;
	int rc = features ? 0 : err_set(e, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = cpu_baseline_policy(baseline, virtualization, features, &policy, e);
	if (rc == 0) {
		(void)fprintf(out, "# The largest policy that runs on %s%u host%s.\n",
			baseline->nr_hosts > 1 ? "all of " : "", baseline->nr_hosts,
			baseline->nr_hosts == 1 ? "" : "s");
		rc = toml_cpu_write(&policy, out, e);
	}
	free(features);
	/* -EIO is found again, with its reason, when the file is closed. */
	return rc == -EIO ? 0 : rc;
}

static int write_facts(const struct cpu_baseline *baseline, FILE *out, struct err *e)
{
	struct hostfile *file = calloc(1, sizeof(*file));
	if (!file)
		return err_set(e, -ENOMEM, "out of memory");
	file->kind = HOSTFILE_KVM;
	file->facts = baseline->facts;
	(void)snprintf(file->name, sizeof(file->name), "baseline of %u host%s", baseline->nr_hosts,
		baseline->nr_hosts == 1 ? "" : "s");
	int rc = hostfile_write_json(file, out);
	free(file);
	return rc && rc != -EIO ? err_set_errno(e, rc, "cannot write the facts") : 0;
}

static int run(struct baseline_args *args, struct err *e)
{
	struct outfile out = { 0 };
	struct cpu_baseline *baseline = calloc(1, sizeof(*baseline));
	int rc = baseline ? hosts_start(&args->hosts, e) : err_set(e, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = collect(&args->hosts, baseline, e);
	if (rc == 0) {
		hosts_report(&args->hosts);
		if (baseline->nr_hosts == 0)
			rc = err_set_config(e, -EINVAL, "none of the files is good");
	}
	if (rc == 0)
		rc = outfile_open(&out, args->output, (const char *const *)args->hosts.files.paths,
			args->hosts.files.nr_files, e);
	if (rc == 0)
		rc = args->facts ? write_facts(baseline, out.file, e)
				 : write_policy(baseline, args->virtualization, out.file, e);
	rc = outfile_close(&out, rc, e);
	free(baseline);
	return rc;
}

int cmd_cpuid_baseline(int argc, char **argv)
{
	struct baseline_args args = { .list_error = ERR_INIT };
	struct err e = ERR_INIT;
	int status = STATUS_CONFIG;
	if (args_parse(&argp, argc, argv, &args) == 0) {
		if (args.list_code)
			status = cli_fail(&args.list_error);
		else
			status = run(&args, &e) ? cli_fail(&e) : STATUS_OK;
	}
	hosts_done(&args.hosts);
	return status;
}
