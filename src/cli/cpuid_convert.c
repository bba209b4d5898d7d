/* SPDX-License-Identifier: MIT */
/* nestor cpuid convert: a CPU policy from one program's words into another's. */
#include "cli/cpuid.h"

#include "base/input_file.h"
#include "cli/cli.h"
#include "cli/outfile.h"
#include "cli/policy_file.h"
#include "config/text.h"
#include "formats/convert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum format { FORMAT_TOML, FORMAT_QEMU, FORMAT_LIBVIRT, FORMAT_FIRECRACKER, FORMAT_COUNT };

static const char *const format_names[FORMAT_COUNT] = {
	[FORMAT_TOML] = "toml",
	[FORMAT_QEMU] = "qemu",
	[FORMAT_LIBVIRT] = "libvirt",
	[FORMAT_FIRECRACKER] = "firecracker",
};

struct convert_args {
	int from, to; /* enum format, or -1 */
	const char *operand;
	bool is_text, strict;
	const char *output;
};

/* What is converted; the bytes are text's or file's. */
struct input {
	const char *bytes;
	size_t size;
	char name[256]; /* printable, for errors */
	struct input_file file;
	char *text; /* of standard input; owned */
};

static const struct argp_option options[] = {
	{ "from", 'f', "FORMAT", 0, "toml, qemu, libvirt or firecracker; guessed where it is clear",
		0 },
	{ "to", 't', "FORMAT", 0, "the same; needed", 0 },
	{ "text", 'e', "TEXT", 0, "convert this text, not a file", 0 },
	{ "strict", 's', NULL, 0, "end with status 1 where something could not be said", 0 },
	{ "output", 'o', "FILE", 0, "write there, not to standard output", 0 },
	{ 0 },
};

static int format_of(const char *name, struct argp_state *state)
{
	for (int i = 0; i < FORMAT_COUNT; i++) {
		if (strcmp(name, format_names[i]) == 0)
			return i;
	}
	args_refuse(state, "unknown format %s; expected toml, qemu, libvirt or firecracker", name);
	return -1;
}

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct convert_args *args = state->input;
	switch (option) {
	case 'f':
		args->from = format_of(arg, state);
		return 0;
	case 't':
		args->to = format_of(arg, state);
		return 0;
	case 's':
		args->strict = true;
		return 0;
	case 'o':
		args->output = arg;
		return 0;
	case 'e':
	case ARGP_KEY_ARG:
		if (args->operand)
			argp_error(state, "one file or text at most");
		args->operand = arg;
		args->is_text = option == 'e';
		return 0;
	case ARGP_KEY_END:
		if (args->to < 0)
			argp_error(state, "--to is missing");
		if (!args->operand)
			argp_error(state, "what to convert is missing: a file, -, or a text");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE|-|TEXT",
	.doc = "Translate a CPU policy between nestor's TOML, the -cpu argument of QEMU, the <cpu> "
	       "element of libvirt, and Firecracker's CPU template. What is not the name of a file "
	       "is taken as the text itself.\vWhat the other format cannot say is reported, a line "
	       "each. The exit status is 0, 1 with --strict where there is such a report, or 101 "
	       "where what was given is bad.",
};

static int read_stdin(struct input *in, struct err *e)
{
	size_t capacity = CONVERT_MAX_BYTES + 1;
	in->text = malloc(capacity);
	if (!in->text)
		return err_set(e, -ENOMEM, "out of memory");
	in->size = fread(in->text, 1, capacity, stdin);
	if (ferror(stdin))
		return err_set_errno(e, -errno, "cannot read standard input");
	if (in->size > CONVERT_MAX_BYTES)
		return err_set_config(e, -E2BIG, "standard input: more than 1 MiB");
	in->bytes = in->text;
	(void)snprintf(in->name, sizeof(in->name), "standard input");
	return 0;
}

/* Whether it can be but the name of a file. */
static bool looks_like_path(const char *operand)
{
	static const char *const ends[] = { ".toml", ".xml", ".json", ".txt" };
	size_t n = strlen(operand);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t m = strlen(ends[i]);
		if (n > m && strcmp(operand + n - m, ends[i]) == 0)
			return true;
	}
	return *operand == '/' || strncmp(operand, "./", 2) == 0;
}

static int read_input(const struct convert_args *args, struct input *in, struct err *e)
{
	struct stat st;
	const char *operand = args->operand;
	if (!args->is_text && strcmp(operand, "-") == 0)
		return read_stdin(in, e);
	if (args->is_text || (stat(operand, &st) < 0 && !looks_like_path(operand))) {
		in->bytes = operand;
		in->size = strlen(operand);
		(void)snprintf(in->name, sizeof(in->name), "argument");
		return in->size <= CONVERT_MAX_BYTES
			       ? 0
			       : err_set_config(e, -E2BIG, "argument: more than 1 MiB");
	}
	(void)text_printable(in->name, sizeof(in->name), operand, strlen(operand));
	int rc = input_file_read(&in->file, operand, CONVERT_MAX_BYTES, e);
	in->bytes = in->file.data ? (const char *)in->file.data : "";
	in->size = in->file.size;
	return rc;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && strcmp(text + n - m, end) == 0;
}

/* By the file's name, or by how the text begins; -1: not clear. */
static int guess(const struct convert_args *args, const struct input *in)
{
	if (!args->is_text && ends_with(args->operand, ".toml"))
		return FORMAT_TOML;
	size_t i = 0;
	while (i < in->size && strchr(" \t\r\n", in->bytes[i]) && in->bytes[i])
		i++;
	if (i == in->size)
		return -1;
	if (in->bytes[i] == '<')
		return FORMAT_LIBVIRT;
	if (in->bytes[i] == '{')
		return FORMAT_FIRECRACKER;
	size_t end = in->size;
	while (end > i && (in->bytes[end - 1] == '\n' || in->bytes[end - 1] == '\r'))
		end--;
	if (memchr(in->bytes + i, '\n', end - i))
		return in->bytes[i] == '[' || in->bytes[i] == '#' ? FORMAT_TOML : -1;
	return in->bytes[i] == '[' ? FORMAT_TOML : FORMAT_QEMU;
}

static int write_policy(
	int to, const struct cpu_policy *policy, FILE *out, struct losses *losses, struct err *e)
{
	switch (to) {
	case FORMAT_QEMU:
		return qemu_cpu_write(policy, out, losses, e);
	case FORMAT_LIBVIRT:
		return libvirt_cpu_write(policy, out, losses, e);
	case FORMAT_FIRECRACKER:
		return firecracker_cpu_write(policy, out, losses, e);
	default:
		return toml_cpu_write(policy, out, e);
	}
}

/* TOML is read by the config, so that model files that it names are followed. */
static int read_toml(const struct convert_args *args, const struct input *in,
	struct policy_file **ret_file, struct err *e)
{
	struct config_args config = { .file = args->operand };
	if (in->file.data)
		return policy_file_load(ret_file, &config, POLICY_FILE_ASK, e);
	return policy_file_load_text(ret_file, in->bytes, in->size, in->name, POLICY_FILE_ASK, e);
}

static int read_other(int from, const struct input *in, struct policy_doc **ret_doc,
	struct losses *losses, struct err *e)
{
	switch (from) {
	case FORMAT_QEMU:
		return qemu_cpu_read(in->bytes, in->size, in->name, ret_doc, losses, e);
	case FORMAT_LIBVIRT:
		return libvirt_cpu_read(in->bytes, in->size, in->name, ret_doc, losses, e);
	case FORMAT_FIRECRACKER:
		return firecracker_cpu_read(in->bytes, in->size, in->name, ret_doc, losses, e);
	default:
		return err_set_config(e, -EINVAL,
			"%s: it is not clear what format this is; say it with --from", in->name);
	}
}

static int convert(const struct convert_args *args, struct losses *losses, struct err *e)
{
	struct input in = { .bytes = "" };
	struct outfile out = { 0 };
	struct policy_file *file = NULL;
	struct policy_doc *doc = NULL;
	const struct cpu_policy *policy = NULL;
	int rc = read_input(args, &in, e);
	int from = rc == 0 && args->from < 0 ? guess(args, &in) : args->from;
	if (rc == 0 && from == FORMAT_TOML) {
		rc = read_toml(args, &in, &file, e);
		if (rc == 0)
			rc = policy_file_for_host(file, /* host */ NULL, &policy, e);
	} else if (rc == 0) {
		rc = read_other(from, &in, &doc, losses, e);
		if (rc == 0)
			policy = policy_doc_policy(doc);
	}
	if (rc == 0)
		rc = outfile_open(&out, args->output, e);
	if (rc == 0)
		rc = write_policy(args->to, policy, out.file, losses, e);
	/* -EIO is found again, with its reason, when the file is closed. */
	rc = outfile_close(&out, rc == -EIO ? 0 : rc, e);
	policy_doc_destroy(doc);
	policy_file_destroy(file);
	input_file_close(&in.file);
	free(in.text);
	return rc;
}

int cmd_cpuid_convert(int argc, char **argv)
{
	struct convert_args args = { .from = -1, .to = -1 };
	struct losses losses = { 0 };
	struct err e = ERR_INIT;
	if (args_parse(&argp, argc, argv, &args))
		return STATUS_CONFIG;
	int rc = convert(&args, &losses, &e);
	if (rc == 0 && losses.error)
		rc = err_set(&e, losses.error, "out of memory");
	struct reporter reporter = cli_reporter(REPORT_WARN);
	for (size_t i = 0; i < losses.nr_lines; i++)
		report(&reporter, REPORT_WARN, "%s", losses.lines[i]);
	int status = rc ? cli_fail(&e) : args.strict && losses.nr_lines ? STATUS_NO : STATUS_OK;
	losses_done(&losses);
	return status;
}
