/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"
#include "fake/tree.h"

#include "host/cache_files.h"
#include "host/kernel_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNPACKED_BYTES (4 * CACHE_BLOCK_BYTES + 5000)
#define OTHER_USER 12345

static const uint8_t payload[] = "\x28\xb5\x2f\xfd a kernel's payload", other[] = "another one";

#define skip_because(why)                                                                          \
	do {                                                                                       \
		print_message("skipped: " why "\n");                                               \
		skip();                                                                            \
	} while (0)

struct fixture {
	char base[64], dir[80], path[160]; /* path: of payload's entry */
	struct kernel_cache *cache;
	struct err e;
	uint8_t *unpacked, *got;
};

static struct kernel_cache *cache_at(const char *base, uint64_t max_bytes)
{
	struct kernel_cache *cache;
	struct cache_place place = { .xdg_cache_home = base };
	assert_int_equal(kernel_cache_create(&cache, &place, max_bytes, NULL), 0);
	return cache;
}

static int set_up(void **state)
{
	char name[CACHE_NAME_BYTES];
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	(void)snprintf(f->base, sizeof(f->base), "/tmp/nestor-cache-XXXXXX");
	f->unpacked = calloc(1, UNPACKED_BYTES);
	f->got = malloc(UNPACKED_BYTES);
	if (!mkdtemp(f->base) || !f->unpacked || !f->got)
		return -1;
	for (size_t i = CACHE_BLOCK_BYTES; i < UNPACKED_BYTES; i++) /* block 0 stays zero */
		f->unpacked[i] = (uint8_t)(i * 13 + i / 253);
	cache_entry_name(xxh3_128(payload, sizeof(payload)), name);
	(void)snprintf(f->dir, sizeof(f->dir), "%s/nestor", f->base);
	(void)snprintf(f->path, sizeof(f->path), "%s/%s", f->dir, name);
	f->cache = cache_at(f->base, KERNEL_CACHE_MAX_BYTES);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	kernel_cache_destroy(f->cache);
	(void)chmod(f->dir, 0700);
	(void)tree_remove(f->base);
	free(f->unpacked);
	free(f->got);
	free(f);
	return 0;
}

static int store(struct fixture *f)
{
	return kernel_cache_store(
		f->cache, payload, sizeof(payload), f->unpacked, UNPACKED_BYTES, &f->e);
}

static int load_of(struct fixture *f, const uint8_t *what, size_t bytes)
{
	size_t got_bytes = 0;
	(void)memset(f->got, 0xee, UNPACKED_BYTES);
	int rc = kernel_cache_load(f->cache, what, bytes, f->got, UNPACKED_BYTES,
		/* dst_is_zero */ false, &got_bytes, &f->e);
	if (rc == 0) {
		assert_int_equal(got_bytes, UNPACKED_BYTES);
		assert_memory_equal(f->got, f->unpacked, UNPACKED_BYTES);
	}
	return rc;
}

static int load(struct fixture *f)
{
	return load_of(f, payload, sizeof(payload));
}

static void expect_said(const struct fixture *f, const char *words)
{
	if (!strstr(f->e.msg, words))
		fail_msg("expected \"%s\" in \"%s\"", words, f->e.msg);
}

/* The number of files in the directory. */
static size_t count_files(const struct fixture *f)
{
	char command[128];
	size_t n = 0;
	(void)snprintf(command, sizeof(command), "ls -A '%s' | wc -l", f->dir);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%zu", &n), 1);
	(void)pclose(pipe);
	return n;
}

static uint64_t file_bytes(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_size;
}

static void flip(const char *path, uint64_t offset)
{
	uint8_t byte;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
	(void)close(fd);
}

static void load__nothing_stored__not_there_and_no_directory_made(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(load(f), -ENOENT);
	assert_int_equal(access(f->dir, F_OK), -1);
	assert_int_equal(store(f), 0);
	assert_int_equal(load_of(f, other, sizeof(other)), -ENOENT);
}

static void load__stored__the_same_bytes(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	assert_int_equal(store(f), 0);
	assert_int_equal(load(f), 0);
	assert_int_equal(stat(f->dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(count_files(f), 1);
}

static void load__fresh_memory__zero_blocks_left_alone(void **state)
{
	struct fixture *f = *state;
	size_t bytes;
	assert_int_equal(store(f), 0);
	(void)memset(f->got, 0, UNPACKED_BYTES);
	f->got[5] = 1; /* a sign that nobody wrote here */
	assert_int_equal(kernel_cache_load(f->cache, payload, sizeof(payload), f->got,
				 UNPACKED_BYTES, /* dst_is_zero */ true, &bytes, &f->e),
		0);
	assert_int_equal(f->got[5], 1);
	f->got[5] = 0;
	assert_memory_equal(f->got, f->unpacked, UNPACKED_BYTES);
}

static void load__too_little_room__refused(void **state)
{
	struct fixture *f = *state;
	size_t bytes;
	assert_int_equal(store(f), 0);
	assert_int_equal(kernel_cache_load(f->cache, payload, sizeof(payload), f->got,
				 UNPACKED_BYTES - 1, false, &bytes, &f->e),
		-EINVAL);
}

static void load__truncated_anywhere__refused_then_replaced(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(store(f), 0);
	uint64_t bytes = file_bytes(f->path);
	for (uint64_t size = bytes; size-- > 0;) {
		/* Each length of the header and payload, and about each block's end. */
		if (size > CACHE_HEADER_BYTES + 100 && size + 3 < bytes && size % 4093 > 2)
			continue;
		assert_int_equal(truncate(f->path, (off_t)size), 0);
		assert_int_equal(load(f), -EINVAL);
	}
	assert_int_equal(store(f), 0);
	assert_int_equal(load(f), 0);
}

static void load__longer_by_a_byte__refused(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(store(f), 0);
	assert_int_equal(truncate(f->path, (off_t)file_bytes(f->path) + 1), 0);
	assert_int_equal(load(f), -EINVAL);
}

static void load__content_lost_at_full_length__refused(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(store(f), 0);
	uint64_t bytes = file_bytes(f->path);
	uint64_t blocks = CACHE_HEADER_BYTES + sizeof(payload);
	/* As after the power's loss: the length is there, what was not written out is zero. */
	assert_int_equal(truncate(f->path, (off_t)blocks + 70000), 0);
	assert_int_equal(truncate(f->path, (off_t)bytes), 0);
	assert_int_equal(load(f), -EINVAL);
	expect_said(f, "damaged");
	assert_int_equal(truncate(f->path, 0), 0);
	assert_int_equal(truncate(f->path, (off_t)bytes), 0);
	assert_int_equal(load(f), -EINVAL);
}

static void load__a_bit_rotten__refused(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(store(f), 0);
	uint64_t bytes = file_bytes(f->path);
	for (uint64_t at = 0; at < bytes; at += at < CACHE_HEADER_BYTES + 30 ? 61 : 9973) {
		flip(f->path, at);
		assert_int_equal(load(f), -EINVAL);
		flip(f->path, at);
	}
	assert_int_equal(load(f), 0);
}

/* A kernel made so that its payload has another's hash: same name, same length, not the same. */
static void load__same_hash_other_payload__refused(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(store(f), 0);
	flip(f->path, CACHE_HEADER_BYTES + sizeof(payload) - 2);
	assert_int_equal(load(f), -EINVAL);
	expect_said(f, "another one");
}

static void load__entry_under_anothers_name__refused(void **state)
{
	struct fixture *f = *state;
	char name[CACHE_NAME_BYTES], path[160];
	assert_int_equal(store(f), 0);
	cache_entry_name(xxh3_128(other, sizeof(other)), name);
	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	assert_int_equal(rename(f->path, path), 0);
	assert_int_equal(load_of(f, other, sizeof(other)), -EINVAL);
	expect_said(f, "another kernel's");
}

static void load__entry_is_a_link__refused_then_replaced(void **state)
{
	struct fixture *f = *state;
	char aside[96];
	assert_int_equal(store(f), 0);
	(void)snprintf(aside, sizeof(aside), "%s/aside", f->base);
	assert_int_equal(rename(f->path, aside), 0);
	assert_int_equal(symlink(aside, f->path), 0);
	assert_int_equal(load(f), -EINVAL);
	expect_said(f, "a link");
	assert_int_equal(store(f), 0);
	assert_int_equal(load(f), 0);
}

static void load__entry_with_two_names__refused(void **state)
{
	struct fixture *f = *state;
	char second[96];
	assert_int_equal(store(f), 0);
	(void)snprintf(second, sizeof(second), "%s/second", f->base);
	assert_int_equal(link(f->path, second), 0);
	assert_int_equal(load(f), -EINVAL);
	expect_said(f, "another name");
}

static void load__others_may_read_or_write_entry__refused(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0666 };
	struct fixture *f = *state;
	assert_int_equal(store(f), 0);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(f->path, modes[i]), 0);
		assert_int_equal(load(f), -EINVAL);
	}
	assert_int_equal(chmod(f->path, 0600), 0);
	assert_int_equal(load(f), 0);
}

static void load__entry_is_fifo_or_directory__refused(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(store(f), 0);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(load(f), -EINVAL);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(mkdir(f->path, 0700), 0);
	assert_int_equal(load(f), -EINVAL);
	assert_true(store(f) < 0); /* and a directory is not replaced */
}

static void load__entry_of_another_user__refused(void **state)
{
	struct fixture *f = *state;
	if (geteuid() != 0)
		skip_because("only root can give a file away");
	assert_int_equal(store(f), 0);
	assert_int_equal(chown(f->path, OTHER_USER, OTHER_USER), 0);
	assert_int_equal(load(f), -EINVAL);
	expect_said(f, "another user");
	assert_int_equal(store(f), 0);
	assert_int_equal(load(f), 0);
}

static void open__directory_with_other_mode__refused(void **state)
{
	static const mode_t modes[] = { 0777, 0755, 0770, 0701, 0500 };
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct kernel_cache *cache = cache_at(f->base, KERNEL_CACHE_MAX_BYTES);
		(void)mkdir(f->dir, 0700);
		assert_int_equal(chmod(f->dir, modes[i]), 0);
		assert_int_equal(kernel_cache_open(cache, true, &f->e), -EPERM);
		expect_said(f, "not 0700");
		kernel_cache_destroy(cache);
	}
	assert_true(store(f) < 0);
}

static void open__directory_of_another_user__refused(void **state)
{
	struct fixture *f = *state;
	if (geteuid() != 0)
		skip_because("only root can give a directory away");
	assert_int_equal(mkdir(f->dir, 0700), 0);
	assert_int_equal(chown(f->dir, OTHER_USER, OTHER_USER), 0);
	assert_int_equal(kernel_cache_open(f->cache, true, &f->e), -EPERM);
	expect_said(f, "belongs to user 12345");
}

static void open__below_another_users_home__refused_and_nothing_made(void **state)
{
	struct fixture *f = *state;
	char home[80], cache_home[96];
	struct kernel_cache *cache;
	if (geteuid() != 0)
		skip_because("only root can give a directory away");
	(void)snprintf(home, sizeof(home), "%s/bob", f->base);
	(void)snprintf(cache_home, sizeof(cache_home), "%s/.cache", home);
	assert_int_equal(mkdir(home, 0755), 0);
	assert_int_equal(chown(home, OTHER_USER, OTHER_USER), 0);
	struct cache_place place = { .home = home };
	assert_int_equal(kernel_cache_create(&cache, &place, MIB, &f->e), 0);
	assert_int_equal(kernel_cache_open(cache, true, &f->e), -EPERM);
	expect_said(f, "belongs to user 12345");
	assert_int_equal(access(cache_home, F_OK), -1);
	/* Nor through a link from a place of root's own. */
	assert_int_equal(mkdir(cache_home, 0700), 0);
	assert_int_equal(unlink(f->dir), -1);
	kernel_cache_destroy(cache);
	char link_path[96];
	(void)snprintf(link_path, sizeof(link_path), "%s/link", f->base);
	assert_int_equal(symlink(cache_home, link_path), 0);
	cache = cache_at(link_path, MIB);
	assert_int_equal(kernel_cache_open(cache, true, &f->e), -EPERM);
	kernel_cache_destroy(cache);
}

static void open__others_may_write_above__refused_unless_sticky(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(chmod(f->base, 0777), 0);
	assert_int_equal(kernel_cache_open(f->cache, true, &f->e), -EPERM);
	expect_said(f, "others may write");
	assert_int_equal(chmod(f->base, 01777), 0);
	assert_int_equal(kernel_cache_open(f->cache, true, &f->e), 0);
}

static void open__directory_is_a_link__refused(void **state)
{
	struct fixture *f = *state;
	char real[96];
	(void)snprintf(real, sizeof(real), "%s/real", f->base);
	assert_int_equal(mkdir(real, 0700), 0);
	assert_int_equal(symlink(real, f->dir), 0);
	assert_true(kernel_cache_open(f->cache, true, &f->e) < 0);
}

static void create__places__by_the_xdg_specification(void **state)
{
	static const struct {
		struct cache_place place;
		const char *path; /* NULL: none */
	} cases[] = {
		{ { "/x", "/home/me" }, "/x/nestor" },
		{ { NULL, "/home/me" }, "/home/me/.cache/nestor" },
		{ { "", "/home/me" }, "/home/me/.cache/nestor" },
		{ { "relative", "/home/me" }, "/home/me/.cache/nestor" },
		{ { "relative", NULL }, NULL },
		{ { NULL, "relative" }, NULL },
		{ { NULL, "" }, NULL },
		{ { NULL, NULL }, NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kernel_cache *cache = NULL;
		int rc = kernel_cache_create(&cache, &cases[i].place, MIB, NULL);
		assert_int_equal(rc, cases[i].path ? 0 : -ENOENT);
		if (rc == 0)
			assert_string_equal(kernel_cache_path(cache), cases[i].path);
		kernel_cache_destroy(cache);
	}
}

static void open__cache_home_missing__made_for_the_user_alone(void **state)
{
	struct fixture *f = *state;
	char base[96];
	struct stat st;
	(void)snprintf(base, sizeof(base), "%s/cache/", f->base);
	struct kernel_cache *cache = cache_at(base, MIB);
	assert_int_equal(kernel_cache_open(cache, false, &f->e), -ENOENT);
	assert_int_equal(kernel_cache_open(cache, true, &f->e), 0);
	assert_int_equal(stat(base, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	kernel_cache_destroy(cache);
	/* But not more than that. */
	(void)snprintf(base, sizeof(base), "%s/no/such", f->base);
	cache = cache_at(base, MIB);
	assert_int_equal(kernel_cache_open(cache, true, &f->e), -ENOENT);
	kernel_cache_destroy(cache);
}

/* Runs fn in a child, whose doings to itself end with it; returns its status. */
static int in_child(int (*fn)(struct fixture *f), struct fixture *f)
{
	int status = 0;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(fn(f));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int store_beyond_limit(struct fixture *f)
{
	struct rlimit limit = { 100000, 100000 };
	(void)setrlimit(RLIMIT_FSIZE, &limit); /* SIGXFSZ is at its default: it would kill */
	return store(f) == -EFBIG ? 0 : 1;
}

static void store__limit_of_file_sizes__no_entry_and_no_signal(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(in_child(store_beyond_limit, f), 0);
	assert_int_equal(load(f), -ENOENT);
	assert_int_equal(count_files(f), 0);
}

#define CANNOT_MOUNT 77

/* Mounts a small file system over base, where only this process sees it. */
static bool mount_small(const struct fixture *f, const char *options)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", f->base, "tmpfs", 0, options) == 0;
}

static int store_where_little_is_free(struct fixture *f)
{
	if (!mount_small(f, "size=400k,mode=0700"))
		return CANNOT_MOUNT;
	int rc = store(f); /* 272 KiB: more than half */
	return rc == -ENOSPC && count_files(f) == 0 ? 0 : 1;
}

static int write_where_nothing_is_free(struct fixture *f)
{
	struct cache_entry entry;
	if (!mount_small(f, "size=200k,mode=0700"))
		return CANNOT_MOUNT;
	if (kernel_cache_open(f->cache, true, &f->e) < 0)
		return 2;
	int dir = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cache_entry_describe(&entry, payload, sizeof(payload), f->unpacked, UNPACKED_BYTES);
	int rc = cache_file_write(dir, strrchr(f->path, '/') + 1, &entry, payload, f->unpacked);
	return rc == -ENOSPC && count_files(f) == 0 ? 0 : 1;
}

static int use_read_only(struct fixture *f)
{
	bool again;
	if (!mount_small(f, "mode=0700"))
		return CANNOT_MOUNT;
	if (store(f) < 0 || mount(NULL, f->base, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
		return 2;
	if (load(f) < 0)
		return 3;
	return store(f) == -EROFS && load_of(f, other, sizeof(other)) == -ENOENT &&
			       kernel_cache_want(f->cache, &again, &f->e) == -EROFS
		       ? 0
		       : 1;
}

/* Skips where this user may not mount. */
static void expect_in_child(int (*fn)(struct fixture *f), struct fixture *f)
{
	int status = in_child(fn, f);
	if (status == CANNOT_MOUNT)
		skip_because("this user may not mount");
	assert_int_equal(status, 0);
}

static void store__little_is_free__left(void **state)
{
	expect_in_child(store_where_little_is_free, *state);
}

static void store__disk_fills_up__nothing_left_behind(void **state)
{
	expect_in_child(write_where_nothing_is_free, *state);
}

static void cache__read_only_disk__reads_and_does_not_write(void **state)
{
	expect_in_child(use_read_only, *state);
}

static int store_often(struct fixture *f)
{
	struct kernel_cache *own = cache_at(f->base, KERNEL_CACHE_MAX_BYTES);
	for (unsigned i = 0; i < 40; i++) {
		if (kernel_cache_store(
			    own, payload, sizeof(payload), f->unpacked, UNPACKED_BYTES, NULL) < 0)
			return 1;
	}
	kernel_cache_destroy(own);
	return 0;
}

static void store__two_processes_at_once__readers_always_see_a_whole_one(void **state)
{
	struct fixture *f = *state;
	pid_t children[2];
	unsigned running = 2;
	assert_int_equal(store(f), 0);
	for (unsigned i = 0; i < 2; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0)
			_exit(store_often(f));
	}
	while (running > 0) {
		int status;
		assert_int_equal(load(f), 0);
		pid_t ended = waitpid(-1, &status, WNOHANG);
		assert_true(ended >= 0);
		if (ended > 0) {
			assert_int_equal(status, 0);
			running--;
		}
	}
	assert_int_equal(count_files(f), 1);
}

static void read__replaced_and_removed_meanwhile__goes_on(void **state)
{
	struct fixture *f = *state;
	struct cache_entry entry;
	int fd;
	size_t nr;
	uint64_t bytes;
	assert_int_equal(store(f), 0);
	int dir = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_null(cache_file_open(dir, strrchr(f->path, '/') + 1, &fd, &entry));
	assert_int_equal(store(f), 0);
	assert_int_equal(kernel_cache_clear(f->cache, &nr, &bytes, &f->e), 0);
	assert_null(cache_file_compare(fd, payload, sizeof(payload)));
	assert_null(cache_file_read(fd, &entry, f->got, false));
	assert_memory_equal(f->got, f->unpacked, UNPACKED_BYTES);
	(void)close(fd);
	(void)close(dir);
}

static void want__twice__second_says_again_until_stored(void **state)
{
	struct fixture *f = *state;
	bool again = true;
	assert_int_equal(load(f), -ENOENT);
	assert_int_equal(kernel_cache_want(f->cache, &again, &f->e), 0);
	assert_false(again);
	assert_int_equal(load(f), -ENOENT);
	assert_int_equal(kernel_cache_want(f->cache, &again, &f->e), 0);
	assert_true(again);
	assert_int_equal(store(f), 0);
	assert_int_equal(count_files(f), 1);
	assert_int_equal(kernel_cache_want(f->cache, &again, &f->e), 0);
	assert_false(again);
}

/* Stores a kernel number i, last used at second i + 1000. */
static void store_numbered(struct fixture *f, struct kernel_cache *cache, uint8_t i)
{
	uint8_t numbered[] = { 'n', i };
	char name[CACHE_NAME_BYTES], path[160];
	struct timespec times[2] = { { 1000 + i, 0 }, { 1000 + i, 0 } };
	assert_int_equal(kernel_cache_store(cache, numbered, sizeof(numbered), f->unpacked,
				 UNPACKED_BYTES, &f->e),
		0);
	cache_entry_name(xxh3_128(numbered, sizeof(numbered)), name);
	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static bool has_numbered(struct fixture *f, struct kernel_cache *cache, uint8_t i)
{
	uint8_t numbered[] = { 'n', i };
	size_t bytes;
	return kernel_cache_load(cache, numbered, sizeof(numbered), f->got, UNPACKED_BYTES, false,
		       &bytes, &f->e) == 0;
}

static void store__cache_full__least_recently_used_goes(void **state)
{
	struct fixture *f = *state;
	struct kernel_cache *small = cache_at(f->base, 3 * UNPACKED_BYTES);
	store_numbered(f, small, 0);
	store_numbered(f, small, 1);
	store_numbered(f, small, 2);
	assert_true(has_numbered(f, small, 0)); /* used just now */
	store_numbered(f, small, 3);
	assert_true(has_numbered(f, small, 0));
	assert_false(has_numbered(f, small, 1));
	assert_true(has_numbered(f, small, 2));
	assert_true(has_numbered(f, small, 3));
	kernel_cache_destroy(small);
}

static void store__larger_than_the_cache__refused(void **state)
{
	struct fixture *f = *state;
	struct kernel_cache *small = cache_at(f->base, 100000);
	assert_int_equal(kernel_cache_store(small, payload, sizeof(payload), f->unpacked,
				 UNPACKED_BYTES, &f->e),
		-EFBIG);
	kernel_cache_destroy(small);
}

static void make_aged(const struct fixture *f, const char *name, time_t age)
{
	char path[160];
	struct timespec now, times[2];
	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	times[0] = times[1] = (struct timespec){ now.tv_sec - age, 0 };
	assert_int_equal(futimens(fd, times), 0);
	(void)close(fd);
}

static void store__stale_files__removed_and_strangers_kept(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(store(f), 0);
	make_aged(f, ".new-0123456789abcdef", 2 * 3600);
	make_aged(f, ".new-0123456789abcdee", 10); /* another process may be writing it */
	make_aged(f, "0123456789abcdef0123456789abcdef.kernel.wanted", 31 * 24 * 3600);
	make_aged(f, "0123456789abcdef0123456789abcdee.kernel.wanted", 24 * 3600);
	make_aged(f, "README", 365 * 24 * 3600);
	assert_int_equal(store(f), 0);
	assert_int_equal(count_files(f), 4);
}

static void list_and_clear__entries_good_and_bad__told_and_gone(void **state)
{
	struct fixture *f = *state;
	struct kernel_cache_item *items;
	size_t nr;
	uint64_t bytes;
	store_numbered(f, f->cache, 1);
	assert_int_equal(store(f), 0);
	make_aged(f, "0123456789abcdef0123456789abcdef.kernel", 3600);
	assert_int_equal(kernel_cache_list(f->cache, &items, &nr, &f->e), 0);
	assert_int_equal(nr, 3);
	assert_true(items[0].usable);
	assert_int_equal(items[0].unpacked_bytes, UNPACKED_BYTES);
	assert_int_equal(items[0].payload_bytes, sizeof(payload));
	assert_false(items[1].usable);
	assert_string_equal(items[1].why_not, "it is too short");
	assert_int_equal(items[2].payload_bytes, 2);
	bytes = items[0].file_bytes + items[2].file_bytes;
	free(items);
	uint64_t cleared;
	assert_int_equal(kernel_cache_clear(f->cache, &nr, &cleared, &f->e), 0);
	assert_int_equal(nr, 3);
	assert_int_equal(cleared, bytes);
	assert_int_equal(count_files(f), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(load__nothing_stored__not_there_and_no_directory_made),
		TEST(load__stored__the_same_bytes),
		TEST(load__fresh_memory__zero_blocks_left_alone),
		TEST(load__too_little_room__refused),
		TEST(load__truncated_anywhere__refused_then_replaced),
		TEST(load__longer_by_a_byte__refused),
		TEST(load__content_lost_at_full_length__refused),
		TEST(load__a_bit_rotten__refused),
		TEST(load__same_hash_other_payload__refused),
		TEST(load__entry_under_anothers_name__refused),
		TEST(load__entry_is_a_link__refused_then_replaced),
		TEST(load__entry_with_two_names__refused),
		TEST(load__others_may_read_or_write_entry__refused),
		TEST(load__entry_is_fifo_or_directory__refused),
		TEST(load__entry_of_another_user__refused),
		TEST(open__directory_with_other_mode__refused),
		TEST(open__directory_of_another_user__refused),
		TEST(open__below_another_users_home__refused_and_nothing_made),
		TEST(open__others_may_write_above__refused_unless_sticky),
		TEST(open__directory_is_a_link__refused),
		TEST(create__places__by_the_xdg_specification),
		TEST(open__cache_home_missing__made_for_the_user_alone),
		TEST(store__limit_of_file_sizes__no_entry_and_no_signal),
		TEST(store__little_is_free__left),
		TEST(store__disk_fills_up__nothing_left_behind),
		TEST(cache__read_only_disk__reads_and_does_not_write),
		TEST(store__two_processes_at_once__readers_always_see_a_whole_one),
		TEST(read__replaced_and_removed_meanwhile__goes_on),
		TEST(want__twice__second_says_again_until_stored),
		TEST(store__cache_full__least_recently_used_goes),
		TEST(store__larger_than_the_cache__refused),
		TEST(store__stale_files__removed_and_strangers_kept),
		TEST(list_and_clear__entries_good_and_bad__told_and_gone),
	};
	return cmocka_run_group_tests_name("host/kernel_cache", tests, NULL, NULL);
}
