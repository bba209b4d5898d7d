/* SPDX-License-Identifier: MIT */
/* nestor kernel cache: the unpacked kernels that nestor run keeps. */
#include "cli/kernel_cache.h"

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/kernel_file.h"
#include "render/json_out.h"

#include "base/report.h"
#include "boot/boot.h"
#include "host/background.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct cache_args {
	const char *add;
	bool clear, json;
	bool background; /* of --add, as nestor run starts it */
};

int user_kernel_cache(struct kernel_cache **ret_cache, struct err *e)
{
	struct cache_place place = { .xdg_cache_home = secure_getenv("XDG_CACHE_HOME"),
		.home = secure_getenv("HOME") };
	return kernel_cache_create(ret_cache, &place, KERNEL_CACHE_MAX_BYTES, e);
}

#define POLL_NS UINT64_C(1000000000)

/* On the loop's thread, once the guest runs: that has not to wait for this. */
static void storing_step(void *ctx)
{
	struct kernel_storing *s = ctx;
	struct err e = ERR_INIT;
	char *const argv[] = { "nestor", "kernel", "cache", "--background", "--add",
		(char *)(uintptr_t)s->path, NULL };
	if (s->child == 0 && background_start(argv, &s->child, &e) < 0) {
		report(s->reporter, REPORT_DEBUG, "kernel cache: not stored: %s", e.msg);
		return;
	}
	if (!background_ended(s->child))
		loop_timer_arm(s->timer, host_monotonic_ns() + POLL_NS);
}

void kernel_storing_begin(struct kernel_storing *s, struct loop *loop, const char *path,
	const struct reporter *reporter)
{
	struct err e = ERR_INIT;
	*s = (struct kernel_storing){ .path = path, .reporter = reporter };
	if (loop_add_timer(loop, storing_step, s, &s->timer, &e) < 0) {
		report(reporter, REPORT_DEBUG, "kernel cache: not stored: %s", e.msg);
		s->timer = NULL;
		return;
	}
	loop_timer_arm(s->timer, host_monotonic_ns());
}

void kernel_storing_end(struct kernel_storing *s)
{
	if (s->timer)
		loop_remove_timer(s->timer);
	if (s->child > 0)
		(void)background_ended(s->child);
	*s = (struct kernel_storing){ 0 };
}

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct cache_args *args = state->input;
	switch (option) {
	case 'j':
		args->json = true;
		return 0;
	case 'c':
		args->clear = true;
		return 0;
	case 'a':
		args->add = arg;
		return 0;
	case 'b':
		args->background = true;
		return 0;
	case ARGP_KEY_ARG:
		args_refuse(state, "too many arguments: %s", arg);
		return 0;
	case ARGP_KEY_END:
		if (args->clear + args->json + (args->add != NULL) > 1)
			argp_error(state, "only one of --add, --clear and --json at a time");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "add", 'a', "FILE", 0, "unpack the kernel FILE and store it now", 0 },
	{ "clear", 'c', NULL, 0, "remove all entries", 0 },
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ "background", 'b', NULL, OPTION_HIDDEN, "with --add: as nestor run does it", 0 },
	{ 0 },
};
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "List the unpacked kernels that nestor run keeps (see boot.cache in "
	       "nestor.toml(5)), "
	       "the last used first; add one, or remove all.",
};

/* Of kernel_cache_open, what just says that nothing is stored yet. */
static bool is_absent(int rc)
{
	return rc == -ENOENT;
}

static int print_json(const struct kernel_cache *cache, const struct kernel_cache_item *items,
	size_t nr, const char *why)
{
	json_t *list = json_array();
	for (size_t i = 0; i < nr; i++) {
		const struct kernel_cache_item *item = &items[i];
		(void)json_array_append_new(
			list, json_pack("{s:s, s:I, s:I, s:I, s:I, s:b, s:s*}", "name", item->name,
				      "bytes", (json_int_t)item->file_bytes, "payload_bytes",
				      (json_int_t)item->payload_bytes, "unpacked_bytes",
				      (json_int_t)item->unpacked_bytes, "used",
				      (json_int_t)item->used.tv_sec, "usable", item->usable,
				      "why_not", item->why_not));
	}
	json_t *root = json_pack("{s:o, s:o*, s:I, s:o}", "directory",
		json_text(cache ? kernel_cache_path(cache) : NULL), "why_not",
		why ? json_text(why) : NULL, "max_bytes", (json_int_t)KERNEL_CACHE_MAX_BYTES,
		"entries", list);
	int rc = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;
	json_decref(root);
	(void)putchar('\n');
	return cli_flush(rc ? STATUS_HOST : STATUS_OK);
}

static int print_text(const struct kernel_cache *cache, const struct kernel_cache_item *items,
	size_t nr, const char *why)
{
	uint64_t sum = 0;
	char shown[CLI_SHOWN_BYTES];
	if (why) {
		(void)printf("no cache: %s\n", cli_shown(shown, why));
		return cli_flush(STATUS_OK);
	}
	for (size_t i = 0; i < nr; i++) {
		const struct kernel_cache_item *item = &items[i];
		char used[32] = "?";
		struct tm tm;
		if (localtime_r(&item->used.tv_sec, &tm))
			(void)strftime(used, sizeof(used), "%Y-%m-%d %H:%M:%S", &tm);
		(void)printf(
			"%s  used %s  %" PRIu64 " bytes, ", item->name, used, item->file_bytes);
		if (item->usable)
			(void)printf("of %" PRIu64 " compressed and %" PRIu64 " unpacked\n",
				item->payload_bytes, item->unpacked_bytes);
		else
			(void)printf("not used: %s\n", item->why_not);
		sum += item->file_bytes;
	}
	(void)printf("%s: %zu %s, %" PRIu64 " of at most %" PRIu64 " MiB\n",
		cli_shown(shown, kernel_cache_path(cache)), nr, nr == 1 ? "entry" : "entries",
		sum / MIB, (uint64_t)(KERNEL_CACHE_MAX_BYTES / MIB));
	return cli_flush(STATUS_OK);
}

/* That there is no cache, and why, is an answer too. */
static int list(struct kernel_cache *cache, const char *why, bool json)
{
	struct err e = ERR_INIT;
	struct kernel_cache_item *items = NULL;
	size_t nr = 0;
	int rc = cache ? kernel_cache_open(cache, /* create */ false, &e) : 0;
	if (rc < 0 && !is_absent(rc))
		why = e.msg;
	else if (cache && rc == 0 && kernel_cache_list(cache, &items, &nr, &e) < 0)
		return cli_fail(&e);
	int status = json ? print_json(cache, items, nr, why) : print_text(cache, items, nr, why);
	free(items);
	return status;
}

static int clear(struct kernel_cache *cache)
{
	struct err e = ERR_INIT;
	size_t nr = 0;
	uint64_t bytes = 0;
	int rc = kernel_cache_open(cache, /* create */ false, &e);
	if (rc == 0)
		rc = kernel_cache_clear(cache, &nr, &bytes, &e);
	if (rc < 0 && !is_absent(rc))
		return cli_fail(&e);
	char shown[CLI_SHOWN_BYTES];
	(void)printf("%s: removed %zu %s, %" PRIu64 " MiB\n",
		cli_shown(shown, kernel_cache_path(cache)), nr, nr == 1 ? "entry" : "entries",
		bytes / MIB);
	return cli_flush(STATUS_OK);
}

/* Of --add; for boot_fill_cache. */
struct filling {
	struct kernel_cache *cache;
	struct err e;
	int rc;
	bool stored, present;
};

static bool is_present(void *ctx, const uint8_t *packed, size_t packed_bytes, uint8_t *dst,
	size_t dst_bytes, size_t *ret_bytes)
{
	struct filling *f = ctx;
	/* Read whole: an entry that is damaged has to be replaced. */
	f->present = kernel_cache_load(f->cache, packed, packed_bytes, dst, dst_bytes,
			     /* dst_is_zero */ true, ret_bytes, /* e */ NULL) == 0;
	return f->present;
}

static void store(void *ctx, const uint8_t *packed, size_t packed_bytes, const uint8_t *unpacked,
	size_t unpacked_bytes)
{
	struct filling *f = ctx;
	f->rc = kernel_cache_store(f->cache, packed, packed_bytes, unpacked, unpacked_bytes, &f->e);
	f->stored = f->rc == 0;
}

static int add(struct kernel_cache *cache, const struct cache_args *args)
{
	struct filling f = { .cache = cache, .e = ERR_INIT };
	struct input_file in = { 0 };
	if (args->background)
		background_become();
	int rc = kernel_file_read(&in, args->add, &f.e);
	struct boot_file file = { args->add, in.data, in.size };
	const struct boot_cache fill = { is_present, store, &f };
	if (rc == 0)
		rc = boot_fill_cache(&file, &fill, &f.e);
	input_file_close(&in);
	if (rc < 0 || f.rc < 0)
		return cli_fail(&f.e);
	char file_shown[CLI_SHOWN_BYTES], shown[CLI_SHOWN_BYTES];
	(void)printf("%s: %s in %s\n", cli_shown(file_shown, args->add),
		f.stored ? "stored" : "was there already",
		cli_shown(shown, kernel_cache_path(cache)));
	return cli_flush(STATUS_OK);
}

int cmd_kernel_cache(int argc, char **argv)
{
	struct cache_args args = { 0 };
	struct kernel_cache *cache = NULL;
	struct err e = ERR_INIT;
	if (args_parse(&argp, argc, argv, &args))
		return STATUS_CONFIG;
	int status;
	int rc = user_kernel_cache(&cache, &e);
	if (rc < 0 && (args.add || args.clear))
		status = cli_fail(&e);
	else if (args.add)
		status = add(cache, &args);
	else if (args.clear)
		status = clear(cache);
	else
		status = list(cache, rc < 0 ? e.msg : NULL, args.json);
	kernel_cache_destroy(cache);
	return status;
}
