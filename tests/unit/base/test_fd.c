/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct files {
	char dir[64], path[96];
};

static int set_up(void **state)
{
	struct files *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/nestor-test-fd-XXXXXX");
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

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "we");
	assert_non_null(out);
	(void)fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static bool fd_is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void fd_close__descriptor__is_closed_and_errno_kept(void **state)
{
	(void)state;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	errno = EBUSY;
	assert_int_equal(fd_close(fd), -1);
	assert_false(fd_is_open(fd));
	errno = EBUSY;
	assert_int_equal(fd_close(-1), -1);
	assert_int_equal(errno, EBUSY);
}

static int open_local(bool take)
{
	FD_LOCAL fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int number = fd;
	if (take)
		return fd_take(&fd);
	return number;
}

static void fd_local__scope_ends__closes_what_was_not_taken(void **state)
{
	(void)state;
	assert_false(fd_is_open(open_local(false)));
	int fd = open_local(true);
	assert_true(fd_is_open(fd));
	(void)fd_close(fd);
}

struct drain {
	int fd;
	size_t n;
	uint8_t last;
};

static void *drain_main(void *arg)
{
	struct drain *d = arg;
	uint8_t buf[4096];
	ssize_t n;
	while ((n = read(d->fd, buf, sizeof(buf))) > 0) {
		d->n += (size_t)n;
		d->last = buf[n - 1];
	}
	return NULL;
}

static void fd_write_all__more_than_a_pipe_holds__writes_all(void **state)
{
	(void)state;
	int pipe_fds[2];
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	struct drain d = { .fd = pipe_fds[0] };
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, drain_main, &d), 0);
	const size_t n = 300000;
	uint8_t *bytes = calloc(1, n);
	assert_non_null(bytes);
	bytes[n - 1] = 9;
	assert_int_equal(fd_write_all(pipe_fds[1], bytes, n), 0);
	(void)close(pipe_fds[1]);
	(void)pthread_join(thread, NULL);
	assert_int_equal(d.n, n);
	assert_int_equal(d.last, 9);
	(void)close(pipe_fds[0]);
	free(bytes);
}

static void fd_write_all__no_reader_or_bad_descriptor__says_so(void **state)
{
	(void)state;
	int pipe_fds[2];
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	(void)close(pipe_fds[0]);
	assert_int_equal(fd_write_all(pipe_fds[1], "x", 1), -EPIPE);
	(void)close(pipe_fds[1]);
	assert_int_equal(fd_write_all(-1, "x", 1), -EBADF);
	assert_int_equal(fd_write_all(-1, "x", 0), 0);
}

static void file_map_open__file__maps_its_bytes(void **state)
{
	struct files *f = *state;
	struct err e = ERR_INIT;
	struct file_map map;
	write_file(f->path, "hello");
	assert_int_equal(file_map_open(&map, f->path, 5, &e), 0);
	assert_int_equal(map.size, 5);
	assert_memory_equal(map.data, "hello", 5);
	file_map_close(&map);
	assert_null(map.data);
	assert_int_equal(map.size, 0);
	file_map_close(&map);
}

static void file_map_open__empty_file__has_no_data(void **state)
{
	struct files *f = *state;
	struct err e = ERR_INIT;
	struct file_map map = { .size = 1 };
	write_file(f->path, "");
	assert_int_equal(file_map_open(&map, f->path, 5, &e), 0);
	assert_null(map.data);
	assert_int_equal(map.size, 0);
	file_map_close(&map);
}

static void file_map_open__too_large__refused_with_both_sizes(void **state)
{
	struct files *f = *state;
	struct err e = ERR_INIT;
	struct file_map map;
	write_file(f->path, "hello!");
	assert_int_equal(file_map_open(&map, f->path, 5, &e), -EFBIG);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_contains(e.msg, f->path);
	assert_contains(e.msg, "6 bytes, more than the 5");
}

static void file_map_open__absent__refused_with_its_path(void **state)
{
	struct files *f = *state;
	struct err e = ERR_INIT;
	struct file_map map;
	assert_int_equal(file_map_open(&map, f->path, 5, &e), -ENOENT);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_contains(e.msg, f->path);
	assert_int_equal(file_map_open(&map, f->path, 5, NULL), -ENOENT);
}

static void file_map_open__folder_fifo_or_device__refused_at_once(void **state)
{
	struct files *f = *state;
	struct err e = ERR_INIT;
	struct file_map map;
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(file_map_open(&map, f->path, 5, &e), -EINVAL);
	assert_contains(e.msg, "not a regular file");
	assert_int_equal(file_map_open(&map, f->dir, 5, &e), -EINVAL);
	assert_int_equal(file_map_open(&map, "/dev/zero", 5, &e), -EINVAL);
	assert_int_equal(e.kind, ERR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fd_close__descriptor__is_closed_and_errno_kept),
		cmocka_unit_test(fd_local__scope_ends__closes_what_was_not_taken),
		cmocka_unit_test(fd_write_all__more_than_a_pipe_holds__writes_all),
		cmocka_unit_test(fd_write_all__no_reader_or_bad_descriptor__says_so),
		cmocka_unit_test_setup_teardown(
			file_map_open__file__maps_its_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			file_map_open__empty_file__has_no_data, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			file_map_open__too_large__refused_with_both_sizes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			file_map_open__absent__refused_with_its_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			file_map_open__folder_fifo_or_device__refused_at_once, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
