/* SPDX-License-Identifier: MIT */
/* Files that are written in one piece: what is there and no regular file is never replaced. */
#include "fake/cmocka.h"
#include "fake/tree.h"

#include "base/types.h"
#include "cli/outfile.h"
#include "cli/vm_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

struct folder {
	char path[64];
	char in[96], out[96], other[96];
	struct err e;
};

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

static void assert_holds(const char *path, const char *text)
{
	char got[64] = "";
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	assert_true(read(fd, got, sizeof(got) - 1) >= 0);
	(void)close(fd);
	assert_string_equal(got, text);
}

static int set_up(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	(void)snprintf(f->path, sizeof(f->path), "/tmp/test-outfile-XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	(void)snprintf(f->in, sizeof(f->in), "%s/in", f->path);
	(void)snprintf(f->out, sizeof(f->out), "%s/out", f->path);
	(void)snprintf(f->other, sizeof(f->other), "%s/other", f->path);
	put(f->in, "input");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct folder *f = *state;
	tree_remove(f->path);
	free(f);
	return 0;
}

static int write_out(struct folder *f, const char *path)
{
	f->e = (struct err)ERR_INIT;
	return outfile_write_whole(
		path, f->in, /* secret */ false, (const uint8_t *)"new", 3, &f->e);
}

static void write_whole__no_file__is_made(void **state)
{
	struct folder *f = *state;
	assert_int_equal(write_out(f, f->out), 0);
	assert_holds(f->out, "new");
}

/* Of what may be read by some only, nothing is made that others may read. */
static void write_whole__new_file__no_more_readable_than_its_input(void **state)
{
	static const struct {
		mode_t input;
		bool secret;
		mode_t expected;
	} rows[] = { { 0644, false, 0644 }, { 0640, false, 0640 }, { 0600, false, 0600 },
		{ 0444, false, 0644 }, { 0400, false, 0600 }, { 0644, true, 0600 } };
	struct folder *f = *state;
	mode_t mask = umask(022);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct stat st;
		(void)unlink(f->out);
		assert_int_equal(chmod(f->in, rows[i].input), 0);
		assert_int_equal(outfile_write_whole(f->out, f->in, rows[i].secret,
					 (const uint8_t *)"new", 3, &f->e),
			0);
		assert_int_equal(stat(f->out, &st), 0);
		assert_int_equal(st.st_mode & 0777, rows[i].expected);
	}
	(void)unlink(f->out);
	assert_int_equal(
		outfile_write_whole(f->out, NULL, true, (const uint8_t *)"new", 3, &f->e), 0);
	(void)umask(mask);
	assert_holds(f->out, "new");
}

/* However much was written, and whoever has noticed it first. */
static void close__full_disk__says_so(void **state)
{
	struct folder *f = *state;
	for (size_t n = 1; n <= 100000; n *= 10) {
		for (int flushed = 0; flushed < 2; flushed++) {
			struct outfile out;
			struct err e = ERR_INIT;
			if (access("/dev/full", W_OK) < 0)
				skip();
			assert_int_equal(outfile_open(&out, "/dev/full", NULL, 0, &e), 0);
			for (size_t i = 0; i < n; i++)
				(void)putc('x', out.file);
			if (flushed)
				(void)fflush(out.file);
			errno = 0;
			assert_int_equal(outfile_close(&out, 0, &e), -ENOSPC);
			assert_contains(e.msg, "cannot write /dev/full: No space left");
			assert_int_equal(e.kind, ERR_HOST);
		}
	}
	(void)f;
}

static void write_whole__regular_file__replaced_with_its_mode(void **state)
{
	struct folder *f = *state;
	struct stat st;
	put(f->out, "what was there before");
	assert_int_equal(write_out(f, f->out), 0);
	assert_holds(f->out, "new");
	assert_int_equal(stat(f->out, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

/* What is shown as the group's bits is the list's mask: as a mode it would let the group in. */
static void write_whole__file_with_an_acl__keeps_it(void **state)
{
	struct folder *f = *state;
	/* linux/posix_acl_xattr.h: version 2; owner rw-, user 1234 r--, group ---, mask r--, others
	 * ---. */
	static const uint16_t acl[] = { 2, 0, 1, 6, 0xffff, 0xffff, 2, 4, 1234, 0, 4, 0, 0xffff,
		0xffff, 16, 4, 0xffff, 0xffff, 32, 0, 0xffff, 0xffff };
	uint16_t got[64];
	put(f->out, "what was there before");
	if (setxattr(f->out, "system.posix_acl_access", acl, sizeof(acl), 0) < 0)
		skip();
	assert_int_equal(write_out(f, f->out), 0);
	assert_holds(f->out, "new");
	assert_int_equal(
		getxattr(f->out, "system.posix_acl_access", got, sizeof(got)), sizeof(acl));
	assert_memory_equal(got, acl, sizeof(acl));
}

/* By the lock that `nestor run` holds. */
static void any__file_of_a_vm_that_runs__refused(void **state)
{
	struct folder *f = *state;
	struct vm_lock held;
	struct outfile out;
	put(f->out, "name = \"vm\"\n");
	assert_int_equal(vm_lock_hold(f->out, &held, NULL), 0);
	assert_int_equal(write_out(f, f->out), -EBUSY);
	f->e = (struct err)ERR_INIT;
	assert_int_equal(outfile_open(&out, f->out, NULL, 0, &f->e), -EBUSY);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg, "the VM is running");
	assert_int_equal(outfile_close(&out, -EBUSY, NULL), -EBUSY);
	assert_holds(f->out, "name = \"vm\"\n");
	vm_lock_release(&held);
	assert_int_equal(outfile_open(&out, f->out, NULL, 0, &f->e), 0);
	assert_int_equal(outfile_close(&out, 0, NULL), 0);
	assert_holds(f->out, "");
}

/* By its own name, a link's or another of its links', and wherever it stands among the inputs. */
static void open__an_input_by_any_name__refused_and_kept(void **state)
{
	struct folder *f = *state;
	struct outfile out = { 0 };
	const char *const inputs[] = { NULL, "-", "/nonexistent", f->other };
	put(f->other, "precious");
	assert_int_equal(symlink("other", f->out), 0);
	for (int hard = 0; hard <= 1; hard++) {
		f->e = (struct err)ERR_INIT;
		assert_int_equal(outfile_open(&out, f->out, inputs, 4, &f->e), -EINVAL);
		assert_int_equal(f->e.kind, ERR_CONFIG);
		assert_contains(f->e.msg, "is the file that is read");
		assert_int_equal(outfile_close(&out, -EINVAL, NULL), -EINVAL);
		assert_holds(f->other, "precious");
		assert_int_equal(unlink(f->out), 0);
		assert_int_equal(link(f->other, f->out), 0);
	}
	assert_int_equal(outfile_open(&out, f->other, inputs, 4, &f->e), -EINVAL);
	assert_int_equal(outfile_open(&out, f->other, inputs, 3, &f->e), 0);
	assert_int_equal(outfile_close(&out, 0, &f->e), 0);
	assert_holds(f->other, "");
}

static void close__writing_went_wrong__file_is_as_it_was(void **state)
{
	struct folder *f = *state;
	struct outfile out = { 0 };
	put(f->out, "what was there before");
	assert_int_equal(outfile_open(&out, f->out, NULL, 0, &f->e), 0);
	(void)fputs("half of ", out.file);
	(void)fflush(out.file);
	assert_holds(f->out, "what was there before");
	assert_int_equal(outfile_close(&out, -ENOMEM, &f->e), -ENOMEM);
	assert_holds(f->out, "what was there before");
	assert_int_equal(outfile_open(&out, f->out, NULL, 0, &f->e), 0);
	(void)fputs("all of it", out.file);
	assert_int_equal(outfile_close(&out, 0, &f->e), 0);
	assert_holds(f->out, "all of it");
}

static void write_whole__link__stays_and_its_file_changes(void **state)
{
	struct folder *f = *state;
	struct stat st;
	put(f->other, "old");
	assert_int_equal(symlink("other", f->out), 0);
	assert_int_equal(write_out(f, f->out), 0);
	assert_int_equal(lstat(f->out, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_holds(f->other, "new");
}

static void write_whole__link_to_nothing__refused_and_kept(void **state)
{
	struct folder *f = *state;
	struct stat st;
	assert_int_equal(symlink("nowhere", f->out), 0);
	assert_int_equal(write_out(f, f->out), -ENOENT);
	assert_int_equal(lstat(f->out, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void write_whole__fifo__written_and_still_one(void **state)
{
	struct folder *f = *state;
	struct stat st;
	char got[8] = "";
	assert_int_equal(mkfifo(f->out, 0600), 0);
	int reader = open(f->out, O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	assert_int_equal(write_out(f, f->out), 0);
	assert_int_equal(read(reader, got, sizeof(got)), 3);
	(void)close(reader);
	assert_int_equal(lstat(f->out, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
}

/* As root a rename over it would succeed, and the machine be without it. */
static void write_whole__device__written_and_still_one(void **state)
{
	struct folder *f = *state;
	struct stat before, after;
	assert_int_equal(stat("/dev/null", &before), 0);
	assert_int_equal(symlink("/dev/null", f->out), 0);
	assert_int_equal(write_out(f, f->out), 0);
	assert_int_equal(stat("/dev/null", &after), 0);
	assert_true(S_ISCHR(after.st_mode));
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(write_out(f, "/dev/full"), -ENOSPC);
}

static void write_whole__the_input_by_any_name__refused_and_kept(void **state)
{
	struct folder *f = *state;
	assert_int_equal(link(f->in, f->out), 0);
	assert_int_equal(symlink("in", f->other), 0);
	const char *const names[] = { f->in, f->out, f->other };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(write_out(f, names[i]), -EINVAL);
		assert_int_equal(f->e.kind, ERR_CONFIG);
		assert_holds(f->in, "input");
	}
}

static void write_whole__folder_that_is_not_there__named(void **state)
{
	struct folder *f = *state;
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/absent/out", f->path);
	assert_int_equal(write_out(f, path), -ENOENT);
	assert_non_null(strstr(f->e.msg, path));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(write_whole__no_file__is_made),
		TEST(write_whole__new_file__no_more_readable_than_its_input),
		TEST(close__full_disk__says_so),
		TEST(write_whole__regular_file__replaced_with_its_mode),
		TEST(write_whole__file_with_an_acl__keeps_it),
		TEST(any__file_of_a_vm_that_runs__refused),
		TEST(write_whole__link__stays_and_its_file_changes),
		TEST(open__an_input_by_any_name__refused_and_kept),
		TEST(close__writing_went_wrong__file_is_as_it_was),
		TEST(write_whole__link_to_nothing__refused_and_kept),
		TEST(write_whole__fifo__written_and_still_one),
		TEST(write_whole__device__written_and_still_one),
		TEST(write_whole__the_input_by_any_name__refused_and_kept),
		TEST(write_whole__folder_that_is_not_there__named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
