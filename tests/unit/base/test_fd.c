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
#include <unistd.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fd_close__descriptor__is_closed_and_errno_kept),
		cmocka_unit_test(fd_local__scope_ends__closes_what_was_not_taken),
		cmocka_unit_test(fd_write_all__more_than_a_pipe_holds__writes_all),
		cmocka_unit_test(fd_write_all__no_reader_or_bad_descriptor__says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
