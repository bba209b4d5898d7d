/* SPDX-License-Identifier: MIT */
/* nestor cpuid convert: a CPU policy from one program's words into another's. */
#include "cli/cpuid.h"

#include "base/input_file.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/outfile.h"
#include "config/text.h"
#include "convert/convert.h"
#include "formats/words.h"
#include "policy/cpuid_view.h"
#include "policy/policy_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const format_names[CONVERT_FORMATS] = {
	[CONVERT_TOML] = "toml",
	[CONVERT_QEMU] = "qemu",
	[CONVERT_LIBVIRT] = "libvirt",
	[CONVERT_FIRECRACKER] = "firecracker",
};

struct convert_args {
	int from, to, words; /* enum convert_format, or -1 */
	const char *operand, *host, *output;
	bool is_text, strict;
};

/* What is converted; the bytes are text's or file's. */
struct input {
	const char *bytes;
	size_t size;
	char name[256]; /* printable, for errors */
	struct input_file file;
	char *text; /* of standard input; owned */
};

enum { OPTION_HOST = 256, OPTION_WORDS };

static const struct argp_option options[] = {
	{ "from", 'f', "FORMAT", 0, "toml, qemu, libvirt or firecracker; guessed where it is clear",
		0 },
	{ "to", 't', "FORMAT", 0, "the same; needed", 0 },
	{ "host", OPTION_HOST, "HOST", 0,
		"the host that it is for: a file, or kvm; without it, any that may run it", 0 },
	{ "text", 'e', "TEXT", 0, "convert this text, not a file", 0 },
	{ "strict", 's', NULL, 0, "end with status 1 where something could not be said", 0 },
	{ "output", 'o', "FILE", 0, "write there, not to standard output", 0 },
	{ "words", OPTION_WORDS, "FORMAT", 0,
		"list what becomes of each word of a format, and convert nothing", 0 },
	{ 0 },
};

static int format_of(const char *name, struct argp_state *state)
{
	for (int i = 0; i < CONVERT_FORMATS; i++) {
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
	case OPTION_HOST:
		args->host = arg;
		return 0;
	case OPTION_WORDS:
		args->words = format_of(arg, state);
		return 0;
	case 'e':
	case ARGP_KEY_ARG:
		if (args->operand)
			argp_error(state, "one file or text at most");
		args->operand = arg;
		args->is_text = option == 'e';
		return 0;
	case ARGP_KEY_END:
		if (args->words >= 0)
			return 0;
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
	       "is taken as the text itself.\vThe result is compared, bit by bit, with what a VM "
	       "of "
	       "nestor's would see, and what the other format cannot say is reported, a line each. "
	       "The exit status is 0, 1 with --strict where there is such a report, 101 where "
	       "what was given is bad, or no VM's file can say it, or 102 where the host that was "
	       "named cannot run it.",
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
		return CONVERT_TOML;
	size_t i = 0;
	while (i < in->size && strchr(" \t\r\n", in->bytes[i]) && in->bytes[i])
		i++;
	if (i == in->size)
		return -1;
	if (in->bytes[i] == '<')
		return CONVERT_LIBVIRT;
	if (in->bytes[i] == '{')
		return CONVERT_FIRECRACKER;
	size_t end = in->size;
	while (end > i && (in->bytes[end - 1] == '\n' || in->bytes[end - 1] == '\r'))
		end--;
	if (memchr(in->bytes + i, '\n', end - i))
		return in->bytes[i] == '[' || in->bytes[i] == '#' ? CONVERT_TOML : -1;
	return in->bytes[i] == '[' ? CONVERT_TOML : CONVERT_QEMU;
}

/* TOML is read by the config, so that model files that it names are followed. */
static int read_toml(const struct convert_args *args, const struct input *in,
	struct policy_file **ret_file, struct err *e)
{
	const struct config_source source = {
		.name = in->file.data ? args->operand : in->name,
		.text = in->bytes,
		.n = in->size,
	};
	return policy_file_load(ret_file, &source, POLICY_FILE_ASK, e);
}

/* A VM's own file, or another program's text. */
static int read_any(const struct convert_args *args, int from, const struct input *in,
	const struct host_facts *host, struct policy_file **ret_file, struct convert **ret_convert,
	struct losses *losses, struct err *e)
{
	const struct cpu_policy *policy = NULL;
	if (from < 0)
		return err_set_config(e, -EINVAL,
			"%s: it is not clear what format this is; say it with --from", in->name);
	if (from != CONVERT_TOML)
		return convert_read(ret_convert, (enum convert_format)from, in->bytes, in->size,
			in->name, losses, e);
	int rc = read_toml(args, in, ret_file, e);
	if (rc == 0)
		rc = policy_file_for_host(*ret_file, host, &policy, e);
	return rc ? rc : convert_own(ret_convert, policy_file_vm(*ret_file), policy, e);
}

static int convert(const struct convert_args *args, struct losses *losses, struct err *e)
{
	struct input in = { .bytes = "" };
	struct outfile out = { 0 };
	const char *const inputs[] = { args->is_text ? NULL : args->operand, args->host };
	struct policy_file *file = NULL;
	struct convert *c = NULL;
	struct hostfile *host = args->host ? malloc(sizeof(*host)) : NULL;
	const struct host_facts *facts = host ? &host->facts : NULL;
	int rc = args->host && !host ? err_set(e, -ENOMEM, "out of memory") : 0;
	const struct reporter reporter = cli_reporter(REPORT_WARN);
	if (host)
		rc = cpuid_host_load(args->host, &reporter, host, e);
	if (rc == 0)
		rc = read_input(args, &in, e);
	int from = rc == 0 && args->from < 0 ? guess(args, &in) : args->from;
	if (rc == 0)
		rc = read_any(args, from, &in, facts, &file, &c, losses, e);
	if (rc == 0)
		rc = convert_plan(c, facts, losses, e);
	if (rc == 0)
		rc = outfile_open(&out, args->output, inputs, ARRAY_SIZE(inputs), e);
	if (rc == 0)
		rc = convert_write(c, (enum convert_format)args->to, out.file, losses, e);
	/* -EIO is found again, with its reason, when the file is closed. */
	rc = outfile_close(&out, rc == -EIO ? 0 : rc, e);
	convert_destroy(c);
	policy_file_destroy(file);
	input_file_close(&in.file);
	free(in.text);
	free(host);
	return rc;
}

static int list_words(enum convert_format format)
{
	static const enum word_format tables[] = { [CONVERT_TOML] = WORDS_TOML,
		[CONVERT_QEMU] = WORDS_QEMU,
		[CONVERT_LIBVIRT] = WORDS_LIBVIRT,
		[CONVERT_FIRECRACKER] = WORDS_FIRECRACKER };
	const struct word *w;
	for (size_t i = 0; (w = word_at(tables[format], i)) != NULL; i++)
		(void)printf("%-40s %-8s %s%s%s\n", w->name, word_fate_name(w->fate), w->note,
			w->nothing[0] ? "; nothing is asked for by " : "", w->nothing);
	return cli_flush(STATUS_OK);
}

int cmd_cpuid_convert(int argc, char **argv)
{
	struct convert_args args = { .from = -1, .to = -1, .words = -1 };
	struct losses losses = { 0 };
	struct err e = ERR_INIT;
	if (args_parse(&argp, argc, argv, &args))
		return STATUS_CONFIG;
	if (args.words >= 0)
		return list_words((enum convert_format)args.words);
	int rc = convert(&args, &losses, &e);
	if (rc == 0 && losses.error)
		rc = err_set(&e, losses.error, "out of memory");
	struct reporter reporter = cli_reporter(REPORT_INFO);
	for (size_t i = 0; i < losses.nr_lines; i++)
		report(&reporter, REPORT_WARN, "%s", losses.lines[i]);
	for (size_t i = 0; i < losses.nr_notes; i++)
		report(&reporter, REPORT_INFO, "%s", losses.notes[i]);
	int status = rc ? cli_fail(&e) : args.strict && losses.nr_lines ? STATUS_NO : STATUS_OK;
	losses_done(&losses);
	return status;
}
