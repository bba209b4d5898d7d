/* SPDX-License-Identifier: MIT */
/* nestor cpuid diff: two hosts or VMs, by the names of what differs. */
#include "cli/cpuid.h"

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/outfile.h"
#include "config/text.h"
#include "render/difference.h"
#include "render/json_out.h"
#include "render/paint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct diff_args {
	const char *operands[2];
	unsigned nr_operands;
	const char *host, *html;
	uint64_t vcpu;
	bool json;
};

enum { OPTION_HOST = 256, OPTION_VCPU, OPTION_HTML };

static const struct argp_option options[] = {
	{ "host", OPTION_HOST, "FILE", 0, "where VMs run: the host saved there, not this one", 0 },
	{ "vcpu", OPTION_VCPU, "N", 0, "which vCPU of VMs (default 0)", 0 },
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ "html", OPTION_HTML, "FILE", 0, "write a page (-: standard output)", 0 },
	{ 0 },
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct diff_args *args = state->input;
	switch (option) {
	case OPTION_HOST:
		args->host = arg;
		return 0;
	case OPTION_VCPU:
		if (text_parse_integer(arg, &args->vcpu) || args->vcpu >= PLAN_MAX_VCPUS)
			args_refuse(state, "--vcpu: expected a number below %d, found %s",
				PLAN_MAX_VCPUS, arg);
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case OPTION_HTML:
		args->html = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (args->nr_operands == 2)
			args_refuse(state, "expected two things to compare, found more: %s", arg);
		args->operands[args->nr_operands++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (args->nr_operands < 2)
			argp_error(state, "expected two things to compare");
		if (args->html && args->json)
			argp_error(state, "only one of --json and --html");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "A B",
	.doc = "Compare what two hosts have or two VMs see. A and B are each a file that `nestor "
	       "cpuid dump` or `cpuid -r` wrote, a VM's file (its name ends in .toml), the word "
	       "kvm "
	       "(this host's KVM), or the word host (its processor).\vThe exit status is 0 where "
	       "they "
	       "are alike, 1 where they differ, 101 where a file is bad, or 102 where KVM cannot "
	       "be "
	       "used.",
};

static void print_set(const struct paint *p, const struct feature_set *set, const char *whose,
	enum paint_style style, char sign)
{
	unsigned n = feature_set_count(set);
	if (n == 0)
		return;
	paint(p, PAINT_BOLD, "only in %s: %u feature%s", whose, n, n == 1 ? "" : "s");
	paint_end(p);
	const feature_id end = FEATURE_NR_WORDS * 32;
	for (feature_id id = feature_set_next(set, 0); id < end;
		id = feature_set_next(set, (feature_id)(id + 1))) {
		char label[FEATURE_PLACE_BYTES], where[FEATURE_PLACE_BYTES];
		paint(p, style, "  %c ", sign);
		paint_cell(p, style, 26, "%s", feature_label(label, id));
		paint(p, PAINT_DIM, "%s", feature_place(where, id));
		paint_end(p);
	}
}

static void print_text(const struct difference *d, FILE *out)
{
	const struct paint p = paint_to(out);
	if (difference_is_none(d)) {
		paint(&p, PAINT_GOOD, "%s and %s are alike", d->a_name, d->b_name);
		paint_end(&p);
		return;
	}
	print_set(&p, &d->only_a, d->a_name, PAINT_BAD, '-');
	print_set(&p, &d->only_b, d->b_name, PAINT_GOOD, '+');
	if (d->nr_rows == 0)
		return;
	paint(&p, PAINT_BOLD, "values: in %s, in %s", d->a_name, d->b_name);
	paint_end(&p);
	unsigned width = 0;
	for (size_t i = 0; i < d->nr_rows; i++) {
		char name[DIFFERENCE_NAME_BYTES];
		size_t n = strlen(difference_name(name, &d->rows[i]));
		width = n > width ? (unsigned)n : width;
	}
	for (size_t i = 0; i < d->nr_rows; i++) {
		char name[DIFFERENCE_NAME_BYTES], a[BITS_VALUE_BYTES], b[BITS_VALUE_BYTES];
		paint(&p, PAINT_PLAIN, "  ");
		paint_cell(&p, PAINT_NAME, width, "%s", difference_name(name, &d->rows[i]));
		paint_cell(&p, PAINT_BAD, 20, "%s", difference_value(a, &d->rows[i], false));
		paint(&p, PAINT_GOOD, "%s", difference_value(b, &d->rows[i], true));
		paint_end(&p);
	}
}

static json_t *set_json(const struct feature_set *set)
{
	json_t *all = json_array();
	const feature_id end = FEATURE_NR_WORDS * 32;
	for (feature_id id = feature_set_next(set, 0); all && id < end;
		id = feature_set_next(set, (feature_id)(id + 1))) {
		char where[FEATURE_PLACE_BYTES];
		const struct feature *f = feature_by_id(id);
		(void)json_array_append_new(
			all, json_pack("{s:o, s:s}", "feature", json_text(f ? f->name : NULL),
				     "place", feature_place(where, id)));
	}
	return all;
}

static json_t *row_json(const struct difference_row *row)
{
	char where[BITS_PLACE_BYTES];
	const char *name = row->place.is_msr ? msr_name(row->place.leaf)
			   : row->named      ? row->item.field->name
					     : NULL;
	return json_pack("{s:s, s:o, s:o, s:o}", "place", bits_place_text(where, &row->place),
		"name", json_text(name), "a", row->a_has ? json_hex(row->a) : json_null(), "b",
		row->b_has ? json_hex(row->b) : json_null());
}

static int print_json(const struct difference *d, FILE *out)
{
	json_t *rows = json_array();
	for (size_t i = 0; rows && i < d->nr_rows; i++)
		(void)json_array_append_new(rows, row_json(&d->rows[i]));
	return json_out(
		json_pack("{s:o, s:o, s:b, s:o, s:o, s:o}", "a", json_text(d->a_name), "b",
			json_text(d->b_name), "alike", difference_is_none(d), "only_in_a",
			set_json(&d->only_a), "only_in_b", set_json(&d->only_b), "values", rows),
		/* pretty */ true, out);
}

static int print(const struct diff_args *args, const struct hostfile *a, const struct hostfile *b,
	int *ret_status, struct err *e)
{
	struct difference d;
	struct outfile out;
	int rc = difference_make(&d, a, args->operands[0], b, args->operands[1], e);
	if (rc)
		return rc;
	*ret_status = difference_is_none(&d) ? STATUS_OK : STATUS_NO;
	rc = outfile_open(&out, args->html, e);
	if (rc == 0 && args->html)
		difference_html(&d, out.file);
	else if (rc == 0 && !args->json)
		print_text(&d, out.file);
	else if (rc == 0 && print_json(&d, out.file) == -ENOMEM)
		rc = err_set(e, -ENOMEM, "out of memory");
	/* Anything else that goes wrong while writing is found when the file is closed. */
	rc = outfile_close(&out, rc, e);
	difference_done(&d);
	return rc;
}

int cmd_cpuid_diff(int argc, char **argv)
{
	struct diff_args args = { 0 };
	struct err e = ERR_INIT;
	int status = STATUS_OK;
	if (args_parse(&argp, argc, argv, &args))
		return STATUS_CONFIG;
	struct hostfile *views = calloc(2, sizeof(*views));
	const struct reporter reporter = cli_reporter(REPORT_WARN);
	int rc = views ? 0 : err_set(&e, -ENOMEM, "out of memory");
	for (unsigned i = 0; rc == 0 && i < 2; i++)
		rc = cpuid_operand_load(
			args.operands[i], args.host, (unsigned)args.vcpu, &reporter, &views[i], &e);
	if (rc == 0)
		rc = print(&args, &views[0], &views[1], &status, &e);
	free(views);
	return rc ? cli_fail(&e) : status;
}
