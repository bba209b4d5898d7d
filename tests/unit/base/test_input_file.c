/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "fake/allocation.h"

#include "base/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Larger than the head that is read at first, and no multiple of anything. */
#define LARGE_BYTES ((size_t)(300 * KIB + 7))

struct files {
	char dir[64], path[96];
};

static int set_up(void **state)
{
	struct files *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/nestor-test-input-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	(void)snprintf(f->path, sizeof(f->path), "%s/file", f->dir);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct files *f = *state;
	(void)unlink(f->path);
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 7 + (i >> 8));
}

static void write_bytes(const char *path, size_t n)
{
	FILE *out = fopen(path, "we");
	assert_non_null(out);
	for (size_t i = 0; i < n; i++)
		(void)putc(byte_at(i), out);
	assert_int_equal(fclose(out), 0);
	/* Long ago, so that whatever is written from now on has another time. */
	const struct timespec times[2] = { { 1000000000, 1 }, { 1000000000, 1 } };
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void expect_bytes(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != byte_at(i))
			fail_msg("byte %zu", i);
}

static unsigned open_descriptors(void)
{
	unsigned n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void input_file_read__any_size__all_of_it(void **state)
{
	static const size_t sizes[] = { 1, 5, 4096, 16384, 128 * KIB - 1, 128 * KIB, 128 * KIB + 1,
		256 * KIB, LARGE_BYTES, 3 * MIB };
	struct files *f = *state;
	unsigned before = open_descriptors();
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct input_file in;
		struct err e = ERR_INIT;
		write_bytes(f->path, sizes[i]);
		if (input_file_read(&in, f->path, sizes[i], &e) < 0)
			fail_msg("%s", e.msg);
		assert_int_equal(in.size, sizes[i]);
		assert_int_equal(in.read, sizes[i]);
		assert_string_equal(in.path, f->path);
		expect_bytes(in.data, in.size);
		assert_int_equal(open_descriptors(), before);
		input_file_close(&in);
		assert_null(in.data);
		input_file_close(&in);
	}
}

static void input_file_open__large_file__first_bytes_and_size(void **state)
{
	struct files *f = *state;
	struct input_file in;
	uint8_t *copy = malloc(LARGE_BYTES);
	assert_non_null(copy);
	write_bytes(f->path, LARGE_BYTES);
	assert_int_equal(input_file_open(&in, f->path, UINT64_MAX, NULL), 0);
	assert_int_equal(in.size, LARGE_BYTES);
	assert_int_equal(in.read, INPUT_FILE_HEAD_BYTES);
	expect_bytes(in.data, in.read);
	assert_int_equal(input_file_copy(&in, copy, NULL), 0);
	expect_bytes(copy, LARGE_BYTES);
	assert_int_equal(in.read, INPUT_FILE_HEAD_BYTES);
	input_file_close(&in);
	free(copy);
}

static void input_file_open__closed_at_once__gives_back_the_descriptor(void **state)
{
	struct files *f = *state;
	struct input_file in;
	unsigned before = open_descriptors();
	write_bytes(f->path, LARGE_BYTES);
	assert_int_equal(input_file_open(&in, f->path, UINT64_MAX, NULL), 0);
	assert_int_equal(open_descriptors(), before + 1);
	input_file_close(&in);
	assert_int_equal(open_descriptors(), before);
}

/* What it is, is told by the first bytes: neither memory nor a limit for the rest is needed. */
static void input_file_open__huge_file__first_bytes_and_the_rest_refused(void **state)
{
	struct files *f = *state;
	struct input_file in;
	struct err e = ERR_INIT;
	write_bytes(f->path, LARGE_BYTES);
	assert_int_equal(truncate(f->path, (off_t)1 << 42), 0);
	assert_int_equal(input_file_open(&in, f->path, GIB, &e), 0);
	assert_int_equal(in.read, INPUT_FILE_HEAD_BYTES);
	expect_bytes(in.data, in.read);
	assert_int_equal(input_file_rest(&in, &e), -EFBIG);
	assert_contains(e.msg, "has 4398046511104 bytes, more than the 1073741824 that");
	assert_int_equal(e.kind, ERR_CONFIG);
	input_file_close(&in);
}

static void input_file_read__empty_file__has_no_data(void **state)
{
	struct files *f = *state;
	struct input_file in;
	write_bytes(f->path, 0);
	assert_int_equal(input_file_read(&in, f->path, 5, NULL), 0);
	assert_null(in.data);
	assert_int_equal(in.size, 0);
	input_file_close(&in);
}

static void input_file_read__too_large__refused_with_both_sizes(void **state)
{
	struct files *f = *state;
	struct err e = ERR_INIT;
	struct input_file in;
	write_bytes(f->path, 6);
	assert_int_equal(input_file_read(&in, f->path, 5, &e), -EFBIG);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_contains(e.msg, f->path);
	assert_contains(e.msg, "6 bytes, more than the 5");
}

static void input_file_read__absent__refused_with_its_path(void **state)
{
	struct files *f = *state;
	struct err e = ERR_INIT;
	struct input_file in;
	assert_int_equal(input_file_read(&in, f->path, 5, &e), -ENOENT);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_contains(e.msg, f->path);
	assert_int_equal(input_file_read(&in, f->path, 5, NULL), -ENOENT);
}

static void input_file_read__long_path__the_reason_is_not_cut_off(void **state)
{
	char path[3000];
	struct err e = ERR_INIT;
	struct input_file in;
	(void)state;
	(void)memset(path, '/', sizeof(path));
	(void)memcpy(path + sizeof(path) - 12, "/absent.toml", 12);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(input_file_read(&in, path, 5, &e), -ENOENT);
	assert_contains(e.msg, "cannot open ...////");
	assert_contains(e.msg, "/absent.tom: No such file");
}

static void input_file_read__no_file_at_all__refused_naming_what_it_is(void **state)
{
	struct files *f = *state;
	struct err e = ERR_INIT;
	struct input_file in;
	unsigned before = open_descriptors();
	assert_int_equal(input_file_read(&in, f->dir, 5, &e), -EISDIR);
	assert_contains(e.msg, "is a directory, not a file to read");
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_int_equal(input_file_read(&in, "/dev/zero", 5, &e), -EINVAL);
	assert_contains(e.msg, "/dev/zero is a character device");
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_int_equal(open_descriptors(), before);
	/* By its name alone, as it may not be there. */
	assert_string_equal(input_file_kind(S_IFBLK | 0600), "a block device");
	assert_string_equal(input_file_kind(S_IFSOCK), "a socket");
}

static void input_file_read__fifo_without_writer__refused_at_once(void **state)
{
	struct files *f = *state;
	struct err e = ERR_INIT;
	struct input_file in;
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(input_file_read(&in, f->path, 5, &e), -EINVAL);
	assert_contains(e.msg, "is a FIFO that nobody has written to");
	assert_int_equal(e.kind, ERR_CONFIG);
}

struct writer {
	const char *path;
	int fd; /* -1: opens path */
	size_t n;
};

static void *write_slowly(void *arg)
{
	const struct writer *w = arg;
	uint8_t *bytes = malloc(w->n);
	if (!bytes)
		return NULL;
	for (size_t i = 0; i < w->n; i++)
		bytes[i] = byte_at(i);
	for (size_t done = 0; done < w->n;) {
		size_t piece = w->n - done < 1000 ? w->n - done : 1000;
		ssize_t n = write(w->fd, bytes + done, piece);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	free(bytes);
	(void)close(w->fd);
	return NULL;
}

/* As a shell's <(command) gives it: somebody else has the reading end, too. */
static void input_file_read__fifo_with_writer__read_to_its_end(void **state)
{
	struct files *f = *state;
	pthread_t thread;
	struct input_file in;
	struct err e = ERR_INIT;
	assert_int_equal(mkfifo(f->path, 0600), 0);
	int both = open(f->path, O_RDWR | O_CLOEXEC);
	struct writer w = { .fd = open(f->path, O_WRONLY | O_CLOEXEC), .n = LARGE_BYTES };
	assert_true(both >= 0 && w.fd >= 0);
	assert_int_equal(pthread_create(&thread, NULL, write_slowly, &w), 0);
	/* While both is open there is no end: it is closed once something is there to read. */
	uint8_t first;
	assert_int_equal(read(both, &first, 1), 1);
	assert_int_equal(first, byte_at(0));
	int reader = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	(void)close(both);
	if (input_file_read(&in, f->path, UINT64_MAX, &e) < 0)
		fail_msg("%s", e.msg);
	(void)close(reader);
	(void)pthread_join(thread, NULL);
	assert_int_equal(in.size, LARGE_BYTES - 1);
	for (size_t i = 0; i < in.size; i++)
		if (in.data[i] != byte_at(i + 1))
			fail_msg("byte %zu", i);
	input_file_close(&in);
}

static void input_file_read__fifo_with_too_much__refused(void **state)
{
	struct files *f = *state;
	struct input_file in;
	struct err e = ERR_INIT;
	assert_int_equal(mkfifo(f->path, 0600), 0);
	int both = open(f->path, O_RDWR | O_CLOEXEC);
	assert_int_equal(write(both, "hello!", 6), 6);
	int reader = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int writer = open(f->path, O_WRONLY | O_CLOEXEC);
	(void)close(both);
	(void)close(writer);
	assert_int_equal(input_file_read(&in, f->path, 5, &e), -EFBIG);
	assert_contains(e.msg, "more than the 5 bytes");
	(void)close(reader);
}

/* Files of /proc say that they have 0 bytes. */
static void input_file_read__proc__read_to_its_end(void **state)
{
	struct input_file in;
	struct err e = ERR_INIT;
	struct stat st;
	(void)state;
	if (stat("/proc/self/status", &st) < 0)
		skip();
	assert_int_equal(st.st_size, 0);
	if (input_file_read(&in, "/proc/self/status", MIB, &e) < 0)
		fail_msg("%s", e.msg);
	assert_true(in.size > 100);
	assert_memory_equal(in.data, "Name:", 5);
	input_file_close(&in);
	assert_int_equal(input_file_read(&in, "/proc/self/status", 16, &e), -EFBIG);
	assert_contains(e.msg, "more than the 16 bytes");
}

/* Those of /sys that they have a page. */
static void input_file_read__sys__as_long_as_it_is(void **state)
{
	static const char path[] = "/sys/kernel/mm/transparent_hugepage/enabled";
	struct input_file in;
	struct err e = ERR_INIT;
	struct stat st;
	(void)state;
	if (stat(path, &st) < 0 || st.st_size != 4096)
		skip();
	if (input_file_read(&in, path, MIB, &e) < 0)
		fail_msg("%s", e.msg);
	assert_in_range(in.size, 1, 4095);
	assert_int_equal(in.data[in.size - 1], '\n');
	input_file_close(&in);
}

static void expect_all_of(int fd, const char *path, size_t n)
{
	struct input_file in;
	struct err e = ERR_INIT;
	uint8_t *copy = malloc(n);
	assert_non_null(copy);
	if (input_file_of_fd(&in, fd, path, UINT64_MAX, &e) < 0 || input_file_rest(&in, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(in.size, n);
	expect_bytes(in.data, n);
	input_file_close(&in);
	/* Given up halfway, and begun again. */
	assert_int_equal(input_file_of_fd(&in, fd, path, UINT64_MAX, &e), 0);
	input_file_close(&in);
	assert_int_equal(input_file_of_fd(&in, fd, path, UINT64_MAX, &e), 0);
	assert_int_equal(input_file_copy(&in, copy, &e), 0);
	expect_bytes(copy, n);
	input_file_close(&in);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	free(copy);
}

static void input_file_of_fd__name_leads_elsewhere__same_file_each_time(void **state)
{
	static const size_t sizes[] = { 1, 128 * KIB, LARGE_BYTES };
	struct files *f = *state;
	struct err e = ERR_INIT;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		int fd = -1;
		unsigned before = open_descriptors();
		write_bytes(f->path, sizes[i]);
		assert_int_equal(input_fd_open(f->path, &fd, &e), 0);
		expect_all_of(fd, f->path, sizes[i]);
		assert_int_equal(unlink(f->path), 0);
		expect_all_of(fd, f->path, sizes[i]);
		write_bytes(f->path, 5);
		expect_all_of(fd, f->path, sizes[i]);
		assert_int_equal(open_descriptors(), before + 1);
		(void)close(fd);
	}
}

static void input_file_of_fd__written_to_meanwhile__what_it_holds_now(void **state)
{
	struct files *f = *state;
	struct err e = ERR_INIT;
	int fd = -1;
	write_bytes(f->path, LARGE_BYTES);
	assert_int_equal(input_fd_open(f->path, &fd, &e), 0);
	expect_all_of(fd, f->path, LARGE_BYTES);
	write_bytes(f->path, 1000);
	expect_all_of(fd, f->path, 1000);
	(void)close(fd);
}

static void input_file_of_fd__fifo__is_read_once_and_then_refused(void **state)
{
	struct files *f = *state;
	struct input_file in;
	struct err e = ERR_INIT;
	int fd = -1;
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(input_fd_open(f->path, &fd, &e), 0);
	int writer = open(f->path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(writer, "hello!", 6), 6);
	(void)close(writer);
	assert_int_equal(input_file_of_fd(&in, fd, f->path, 100, &e), 0);
	assert_memory_equal(in.data, "hello!", 6);
	assert_int_equal(input_file_rest(&in, &e), 0);
	input_file_close(&in);
	assert_int_equal(input_file_of_fd(&in, fd, f->path, 100, &e), -EINVAL);
	assert_contains(e.msg, "is a FIFO that nobody has written to");
	input_file_close(&in);
	(void)close(fd);
}

static void input_file_of_fd__proc__anew_each_time(void **state)
{
	struct err e = ERR_INIT;
	struct input_file in;
	int fd = -1;
	(void)state;
	if (input_fd_open("/proc/self/status", &fd, &e) < 0)
		skip();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(input_file_of_fd(&in, fd, "status", MIB, &e), 0);
		assert_memory_equal(in.data, "Name:", 5);
		input_file_close(&in);
	}
	(void)close(fd);
}

static void input_file_of_fd__no_file_to_read__refused_and_left_open(void **state)
{
	struct files *f = *state;
	struct err e = ERR_INIT;
	struct input_file in;
	int fd = -1;
	assert_int_equal(input_fd_open(f->path, &fd, &e), -ENOENT);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_contains(e.msg, f->path);
	assert_int_equal(fd, -1);
	assert_int_equal(input_fd_open(f->dir, &fd, &e), 0);
	assert_int_equal(input_file_of_fd(&in, fd, f->dir, 5, &e), -EISDIR);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	(void)close(fd);
	assert_int_equal(input_file_of_fd(&in, fd, "closed", 5, &e), -EBADF);
	assert_contains(e.msg, "cannot read closed");
	input_file_close(&in);
}

/* What happens to a file between its being opened and its being read. */
static void shrink_to_nothing(const char *path)
{
	assert_int_equal(truncate(path, 0), 0);
}

static void shrink_by_a_byte(const char *path)
{
	assert_int_equal(truncate(path, (off_t)LARGE_BYTES - 1), 0);
}

static void shrink_into_the_head(const char *path)
{
	assert_int_equal(truncate(path, 4096), 0);
}

static void grow(const char *path)
{
	assert_int_equal(truncate(path, (off_t)LARGE_BYTES + 1), 0);
}

static void rewrite(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 200000), 1);
	(void)close(fd);
}

static void input_file_rest__file_changes__refused_without_a_signal(void **state)
{
	static const struct {
		void (*change)(const char *path);
		const char *text;
	} rows[] = {
		{ shrink_to_nothing, "changed while it was read: it had 307207 bytes, and has 0" },
		{ shrink_by_a_byte, "it had 307207 bytes, and has 307206 now" },
		{ shrink_into_the_head, "it had 307207 bytes, and has 4096 now" },
		{ grow, "it had 307207 bytes, and has 307208 now" },
		{ rewrite, "was written to while it was read" },
	};
	struct files *f = *state;
	unsigned before = open_descriptors();
	uint8_t *copy = malloc(LARGE_BYTES);
	assert_non_null(copy);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int how = 0; how < 2; how++) {
			struct input_file in;
			struct err e = ERR_INIT;
			write_bytes(f->path, LARGE_BYTES);
			assert_int_equal(input_file_open(&in, f->path, UINT64_MAX, &e), 0);
			rows[i].change(f->path);
			int rc = how ? input_file_copy(&in, copy, &e) : input_file_rest(&in, &e);
			assert_int_equal(rc, -EBUSY);
			assert_int_equal(e.kind, ERR_HOST);
			assert_contains(e.msg, f->path);
			assert_contains(e.msg, rows[i].text);
			assert_contains(e.hint, "start again");
			input_file_close(&in);
			assert_int_equal(open_descriptors(), before);
		}
	}
	free(copy);
}

/* What is put in its place, as editors and package managers do, is another file. */
static void input_file_rest__file_is_replaced__the_one_that_was_opened(void **state)
{
	struct files *f = *state;
	struct input_file in;
	write_bytes(f->path, LARGE_BYTES);
	assert_int_equal(input_file_open(&in, f->path, UINT64_MAX, NULL), 0);
	assert_int_equal(unlink(f->path), 0);
	write_bytes(f->path, 10);
	assert_int_equal(input_file_rest(&in, NULL), 0);
	assert_int_equal(in.size, LARGE_BYTES);
	expect_bytes(in.data, in.size);
	input_file_close(&in);
}

/* A file that says its size, and one that does not. */
static void read_both(void *ctx)
{
	const struct files *f = ctx;
	struct input_file sized, unsized;
	struct err e = ERR_INIT;
	int rc_sized = input_file_read(&sized, f->path, UINT64_MAX, &e);
	int rc_unsized = input_file_read(&unsized, "/proc/self/status", UINT64_MAX, &e);
	bool failed = allocation_has_failed();
	assert_int_equal(rc_sized | rc_unsized, failed ? -ENOMEM : 0);
	if (failed)
		assert_contains(e.msg, "cannot read ");
	input_file_close(&sized);
	input_file_close(&unsized);
}

static void input_file_read__no_memory__says_so_and_loses_nothing(void **state)
{
	struct files *f = *state;
	write_bytes(f->path, 5000);
	assert_int_equal(allocation_fail_each(read_both, f), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(input_file_read__any_size__all_of_it),
		TEST(input_file_open__large_file__first_bytes_and_size),
		TEST(input_file_open__closed_at_once__gives_back_the_descriptor),
		TEST(input_file_open__huge_file__first_bytes_and_the_rest_refused),
		TEST(input_file_read__empty_file__has_no_data),
		TEST(input_file_read__too_large__refused_with_both_sizes),
		TEST(input_file_read__absent__refused_with_its_path),
		TEST(input_file_read__long_path__the_reason_is_not_cut_off),
		TEST(input_file_read__no_file_at_all__refused_naming_what_it_is),
		TEST(input_file_read__fifo_without_writer__refused_at_once),
		TEST(input_file_read__fifo_with_writer__read_to_its_end),
		TEST(input_file_read__fifo_with_too_much__refused),
		TEST(input_file_read__proc__read_to_its_end),
		TEST(input_file_read__sys__as_long_as_it_is),
		TEST(input_file_of_fd__name_leads_elsewhere__same_file_each_time),
		TEST(input_file_of_fd__written_to_meanwhile__what_it_holds_now),
		TEST(input_file_of_fd__fifo__is_read_once_and_then_refused),
		TEST(input_file_of_fd__proc__anew_each_time),
		TEST(input_file_of_fd__no_file_to_read__refused_and_left_open),
		TEST(input_file_rest__file_changes__refused_without_a_signal),
		TEST(input_file_rest__file_is_replaced__the_one_that_was_opened),
		TEST(input_file_read__no_memory__says_so_and_loses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
