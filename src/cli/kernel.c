/* SPDX-License-Identifier: MIT */
/* nestor kernel: what a kernel file is, its uncompressed form, and the cache of those. */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/kernel_cache.h"
#include "cli/kernel_file.h"
#include "cli/outfile.h"
#include "render/json_out.h"

#include "boot/boot.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct kernel_args {
	const char *in, *out;
	bool wants_out;
	bool json;
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct kernel_args *args = state->input;
	switch (option) {
	case 'j':
		args->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!args->in)
			args->in = arg;
		else if (args->wants_out && !args->out)
			args->out = arg;
		else
			args_refuse(state, "too many files: %s", arg);
		return 0;
	case ARGP_KEY_END:
		if (!args->in || (args->wants_out && !args->out))
			argp_error(state, "a file is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option show_options[] = {
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ 0 },
};
static const struct argp show_argp = {
	.options = show_options,
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Show how a kernel file can be booted, and how it is compressed.",
};
static const struct argp extract_argp = {
	.parser = parse,
	.args_doc = "FILE OUT",
	.doc = "Unpack a bzImage to its ELF kernel, or a compressed file, into OUT.",
};

static json_t *entries_json(const struct boot_info *info)
{
	json_t *list = json_array();
	for (int p = 0; p < BOOT_NR_PROTOCOLS; p++) {
		if (info->offers[p])
			(void)json_array_append_new(
				list, json_pack("{s:s, s:I}", "protocol",
					      boot_protocol_name((enum boot_protocol)p), "entry",
					      (json_int_t)info->entry[p]));
	}
	return list;
}

static int show_json(const char *path, const struct boot_info *info)
{
	json_t *root = json_pack("{s:o, s:s, s:s, s:I, s:I, s:o, s:s}", "file", json_text(path),
		"format",
		info->is_bzimage ? "bzImage"
		: info->is_elf   ? (info->elf_is_64_bit ? "ELF64" : "ELF32")
				 : "raw",
		"file_compression", boot_compression_name(info->file_compression), "file_bytes",
		(json_int_t)info->file_size, "unpacked_bytes", (json_int_t)info->unpacked_file_size,
		"protocols", entries_json(info), "preferred", boot_protocol_name(info->preferred));
	if (root && info->is_bzimage) {
		(void)json_object_set_new(root, "version", json_string(info->version));
		(void)json_object_set_new(root, "boot_protocol",
			json_sprintf("%u.%02u", info->protocol_major, info->protocol_minor));
	}
	if (root && info->has_payload)
		(void)json_object_set_new(root, "payload",
			json_pack("{s:s, s:I, s:I, s:b, s:b, s:I}", "compression",
				boot_compression_name(info->payload_compression), "bytes",
				(json_int_t)info->payload_size, "unpacked_bytes",
				(json_int_t)info->unpacked_payload_size, "kernel",
				info->payload_is_kernel, "pvh", info->payload_has_pvh, "pvh_entry",
				(json_int_t)info->payload_pvh_entry));
	if (root && info->nr_relocation_lists)
		(void)json_object_set_new(root, "relocations",
			json_pack("{s:i, s:I}", "lists", (int)info->nr_relocation_lists, "count",
				(json_int_t)info->nr_relocations));
	int rc = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;
	json_decref(root);
	(void)putchar('\n');
	return cli_flush(rc ? STATUS_HOST : STATUS_OK);
}

static int show_text(const char *path, const struct boot_info *info)
{
	char shown[CLI_SHOWN_BYTES];
	(void)printf("%s: %s", cli_shown(shown, path),
		info->is_bzimage ? "Linux bzImage"
		: info->is_elf   ? (info->elf_is_64_bit ? "ELF64" : "ELF32")
				 : "raw");
	if (info->file_compression != BOOT_COMPRESSION_NONE)
		(void)printf(", %s-compressed, %zu bytes unpacked",
			boot_compression_name(info->file_compression), info->unpacked_file_size);
	(void)printf(", %zu bytes\n", info->file_size);
	if (info->is_bzimage)
		(void)printf("  version    %s (boot protocol %u.%02u)\n", info->version,
			info->protocol_major, info->protocol_minor);
	for (int p = 0; p < BOOT_NR_PROTOCOLS; p++) {
		if (info->offers[p])
			(void)printf("  boots by   %-10s entry %#" PRIx64 "%s\n",
				boot_protocol_name((enum boot_protocol)p), info->entry[p],
				info->preferred == (enum boot_protocol)p ? "  (preferred)" : "");
	}
	if (info->has_payload) {
		(void)printf("  payload    %s, %zu bytes, %zu unpacked%s%s\n",
			boot_compression_name(info->payload_compression), info->payload_size,
			info->unpacked_payload_size,
			info->payload_is_kernel ? ", an ELF kernel" : "",
			info->payload_has_pvh ? " with a PVH entry" : "");
		if (info->payload_note[0])
			(void)printf("             %s\n", info->payload_note);
	}
	if (info->nr_relocation_lists)
		(void)printf("  relocations %zu in %u list%s: it can be put at a random place "
			     "(boot.kaslr)\n",
			info->nr_relocations, info->nr_relocation_lists,
			info->nr_relocation_lists == 1 ? "" : "s");
	else if (info->payload_is_kernel ||
		 (info->is_elf && (info->offers[BOOT_LINUX64] || info->offers[BOOT_LINUX32])))
		(void)printf("  relocations none\n");
	return cli_flush(STATUS_OK);
}

static int show(const struct kernel_args *args, const struct boot_file *file)
{
	struct err e = ERR_INIT;
	struct boot_info info;
	if (boot_inspect(file, &info, &e))
		return cli_fail(&e);
	return args->json ? show_json(args->in, &info) : show_text(args->in, &info);
}

static int extract(const struct kernel_args *args, const struct boot_file *file)
{
	struct err e = ERR_INIT;
	uint8_t *data = NULL;
	size_t size = 0;
	int rc = boot_extract(file, &data, &size, &e);
	if (rc == 0)
		rc = outfile_write_whole(args->out, args->in, /* secret */ false, data, size, &e);
	boot_extract_free(data, size);
	return rc ? cli_fail(&e) : STATUS_OK;
}

static const struct {
	const char *name, *full;
	const struct argp *argp;
	bool wants_out;
	int (*run)(const struct kernel_args *args, const struct boot_file *file);
} commands[] = {
	{ "show", "nestor kernel show", &show_argp, false, show },
	{ "extract", "nestor kernel extract", &extract_argp, true, extract },
};

static int run_command(size_t i, int argc, char **argv)
{
	struct kernel_args args = { .wants_out = commands[i].wants_out };
	struct err e = ERR_INIT;
	struct input_file in = { 0 };
	char full[32];
	(void)snprintf(full, sizeof(full), "%s", commands[i].full);
	argv[0] = full;
	if (args_parse(commands[i].argp, argc, argv, &args))
		return STATUS_CONFIG;
	int status;
	if (kernel_file_read(&in, args.in, &e)) {
		status = cli_fail(&e);
	} else {
		struct boot_file file = { args.in, in.data, in.size };
		status = commands[i].run(&args, &file);
	}
	input_file_close(&in);
	return status;
}

int cmd_kernel(int argc, char **argv)
{
	static const char usage[] = "Usage: nestor kernel show [--json] FILE\n"
				    "       nestor kernel extract FILE OUT\n"
				    "       nestor kernel cache [--add FILE | --clear | --json]\n";
	const char *name = argc > 1 ? argv[1] : "";
	if (strcmp(name, "--help") == 0 || strcmp(name, "-?") == 0) {
		(void)fputs(usage, stdout);
		return cli_flush(STATUS_OK);
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(name, commands[i].name) == 0)
			return run_command(i, argc - 1, argv + 1);
	}
	if (strcmp(name, "cache") == 0) {
		char full[] = "nestor kernel cache";
		argv[1] = full;
		return cmd_kernel_cache(argc - 1, argv + 1);
	}
	return cli_usage("nestor kernel", "expected show, extract or cache, found %s",
		*name ? name : "nothing");
}
