/* SPDX-License-Identifier: MIT */
/* nestor cpuid check: on which of many hosts a VM can run, and why not on the others. */
#include "cli/cpuid.h"

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/cpuid_hosts.h"
#include "cpuid/kept.h"
#include "render/json_out.h"
#include "render/paint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_FEATURES 4 /* of those that are missing, without --verbose */

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
	struct machine_plan *plan; /* of the host that is looked at; owned, as is kept */
	struct check_kept *kept;
	struct paint paint;
	size_t nr_hosts, nr_failed;
};

/* What that host's KVM would keep of the plan's CPUID, where its file says. */
struct check_kept {
	struct cpuid_table set, table;
	struct cpu_kept k;
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

/* The features that the host lacks, or that went with them. */
static bool is_loss(const struct cpu_note *note)
{
	switch (note->kind) {
	case CPU_NOTE_MISSING:
	case CPU_NOTE_DROPPED:
		return true;
	case CPU_NOTE_REMARK:
	case CPU_NOTE_REMOVED:
		break;
	}
	return false;
}

/* The same, of nothing but bits that KVM would not keep: none in asked, where there are none. An
 * MSR that goes with its CPUID bit is no news. */
static struct cpu_unkept only_lost(const struct cpu_unkept *u)
{
	struct cpu_unkept lost = *u;
	lost.asked = u->kind == CPU_UNKEPT_NO_MSR ? 0 : u->set & ~u->kept;
	return lost;
}

static void print_losses(const struct check *c)
{
	const struct cpu_result *r = &c->plan->cpu;
	unsigned shown = 0, left_out = r->nr_lost;
	for (unsigned i = 0; i < r->nr_notes; i++) {
		char label[FEATURE_PLACE_BYTES], where[FEATURE_PLACE_BYTES];
		const struct cpu_note *note = &r->notes[i];
		if (!is_loss(note))
			continue;
		if (!c->args->verbose && shown == SHOWN_FEATURES) {
			left_out++;
			continue;
		}
		paint(&c->paint, PAINT_PLAIN, "%s", shown++ ? ", " : "");
		if (note->has_feature)
			paint(&c->paint, PAINT_PLAIN, "%s (%s)",
				feature_label(label, note->feature),
				feature_place(where, note->feature));
		else
			paint(&c->paint, PAINT_PLAIN, "%s", note->text);
	}
	for (unsigned i = 0; i < c->kept->k.nr_items; i++) {
		char text[CPU_UNKEPT_BYTES];
		struct cpu_unkept lost = only_lost(&c->kept->k.items[i]);
		if (!lost.asked)
			continue;
		if (!c->args->verbose && shown == SHOWN_FEATURES) {
			left_out++;
			continue;
		}
		paint(&c->paint, PAINT_PLAIN, "%s%s", shown++ ? ", " : "",
			cpu_unkept_text(text, &lost));
	}
	if (left_out > 0)
		paint(&c->paint, PAINT_PLAIN, " and %u more", left_out);
}

static unsigned count_losses(const struct check *c)
{
	const struct cpu_result *r = &c->plan->cpu;
	unsigned n = 0;
	for (unsigned i = 0; i < r->nr_notes; i++)
		n += is_loss(&r->notes[i]);
	for (unsigned i = 0; i < c->kept->k.nr_items; i++)
		n += only_lost(&c->kept->k.items[i]).asked != 0;
	return n;
}

static void print_remarks(const struct check *c)
{
	const struct cpu_result *r = &c->plan->cpu;
	for (unsigned i = 0; i < r->nr_notes; i++) {
		if (r->notes[i].kind == CPU_NOTE_REMARK)
			paint(&c->paint, PAINT_DIM, "; note: %s", r->notes[i].text);
	}
}

static void print_row(const struct check *c, const struct hostfile *host, const char *path,
	bool runs, const struct err *why)
{
	const struct cpu_result *r = &c->plan->cpu;
	paint_cell(&c->paint, PAINT_NAME, 24, "%s", host->name[0] ? host->name : path);
	paint(&c->paint, runs ? PAINT_GOOD : PAINT_BAD, "%s", runs ? "OK" : "FAIL");
	if (!runs && r->nr_missing == 0) {
		paint(&c->paint, PAINT_PLAIN, " %s", why->msg);
	} else if (count_losses(c) > 0) {
		paint(&c->paint, PAINT_PLAIN, "%s", runs ? "   without " : " lacks ");
		print_losses(c);
	}
	if (!runs && r->nearest[0]) {
		paint(&c->paint, PAINT_DIM, "; nearest model: ");
		paint(&c->paint, PAINT_PLAIN, "%s", r->nearest);
	}
	print_remarks(c);
	paint_end(&c->paint);
}

static json_t *losses_json(const struct check *c)
{
	const struct cpu_result *r = &c->plan->cpu;
	json_t *all = json_array();
	for (unsigned i = 0; all && i < r->nr_notes; i++) {
		const struct cpu_note *note = &r->notes[i];
		char label[FEATURE_PLACE_BYTES], where[FEATURE_PLACE_BYTES];
		if (!is_loss(note))
			continue;
		(void)json_array_append_new(all,
			json_pack("{s:o, s:o, s:o}", "feature",
				json_text(note->has_feature ? feature_label(label, note->feature)
							    : note->text),
				"place",
				json_text(note->has_feature ? feature_place(where, note->feature)
							    : NULL),
				"origin", json_text(note->origin)));
	}
	for (unsigned i = 0; all && i < c->kept->k.nr_items; i++) {
		struct cpu_unkept lost = only_lost(&c->kept->k.items[i]);
		char text[CPU_UNKEPT_BYTES];
		if (!lost.asked)
			continue;
		(void)json_array_append_new(
			all, json_pack("{s:o, s:o, s:o}", "feature",
				     json_text(cpu_unkept_text(text, &lost)), "place", json_null(),
				     "origin", json_text(lost.origin)));
	}
	return all;
}

static json_t *remarks_json(const struct cpu_result *r)
{
	json_t *all = json_array();
	for (unsigned i = 0; all && i < r->nr_notes; i++) {
		const struct cpu_note *note = &r->notes[i];
		if (note->kind == CPU_NOTE_REMARK)
			(void)json_array_append_new(
				all, json_pack("{s:o, s:o}", "text", json_text(note->text),
					     "origin", json_text(note->origin)));
	}
	return all;
}

static int print_json(const struct check *c, const struct hostfile *host, const char *path,
	bool runs, const struct err *why)
{
	const struct cpu_result *r = &c->plan->cpu;
	json_t *row = json_pack("{s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "host",
		json_text(host->name[0] ? host->name : path), "file", json_text(path), "runs", runs,
		"reason", json_text(runs ? NULL : why->msg), "lacks", losses_json(c), "notes",
		remarks_json(r), "nearest_model", json_text(runs ? NULL : r->nearest));
	return json_out(row, /* pretty */ false, stdout);
}

/* As `run` would, by what that host's KVM keeps (vm/cpuid_check.c). False: it would refuse. */
static bool runs_with_kept(struct check *c, const struct host_facts *facts,
	const struct cpu_policy *policy, struct err *ret_why)
{
	const struct cpu_result *r = &c->plan->cpu;
	struct check_kept *kept = c->kept;
	if (!facts->kept_known || plan_vcpu_cpuid(c->plan, 0, &kept->set, ret_why))
		return true;
	cpu_kept_predict(facts, &kept->set, &r->msrs, &kept->table, &kept->k);
	cpu_kept_judge(&kept->k, policy);
	if (cpu_kept_decide(&kept->k, r->on_missing, "KVM", ret_why) != CPU_KEPT_REFUSE)
		return true;
	/* The first register and what asks for it, on a row; --verbose has the rest. */
	char *second = strchr(ret_why->msg, '\n');
	char *third = second ? strchr(second + 1, '\n') : NULL;
	if (third && !c->args->verbose)
		*third = '\0';
	return false;
}

static int check_host(struct check *c, const struct hostfile *host, const char *path, struct err *e)
{
	const struct cpu_policy *policy = NULL;
	struct err why = ERR_INIT, line;
	int rc = policy_file_for_host(c->policy_file, &host->facts, &policy, e);
	if (rc)
		return rc;
	memset(c->plan, 0, sizeof(*c->plan));
	rc = plan_machine(policy_file_vm(c->policy_file), policy, &host->facts, /* trace */ NULL,
		c->plan, &why);
	if (rc && (why.kind != ERR_HOST || rc == -ENOMEM)) {
		if (e)
			*e = why;
		machine_plan_done(c->plan);
		return rc;
	}
	c->kept->k.nr_items = 0;
	bool runs = rc == 0 && runs_with_kept(c, &host->facts, policy, &why);
	(void)cpuid_why(&line, &why, c->plan->cpu.nr_missing);
	c->nr_hosts++;
	c->nr_failed += !runs;
	rc = 0;
	if (c->args->json && print_json(c, host, path, runs, &line) == -ENOMEM)
		rc = err_set(e, -ENOMEM, "out of memory");
	else if (!c->args->json)
		print_row(c, host, path, runs, &line);
	machine_plan_done(c->plan);
	return rc;
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
	c.plan = malloc(sizeof(*c.plan));
	c.kept = malloc(sizeof(*c.kept));
	int rc = c.plan && c.kept ? 0 : err_set(e, -ENOMEM, "out of memory");
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
	free(c.kept);
	free(c.plan);
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
