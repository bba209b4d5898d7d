/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "host/output.h"

#include "base/types.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MUCH 200000 /* more than a pipe holds */
#define NR_WRITERS 4
#define CHUNK 100

/* What the next calls of write come to, one each: a negative errno, or at most so many bytes; 0:
 * as it is. Of the test's thread. */
static _Thread_local struct {
	int next[4];
	unsigned at;
} writes;

ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
	int now = writes.at < ARRAY_SIZE(writes.next) ? writes.next[writes.at++] : 0;
	if (now < 0) {
		errno = -now;
		return -1;
	}
	return __real_write(fd, bytes, now && (size_t)now < n ? (size_t)now : n);
}

static _Thread_local bool poll_is_interrupted; /* once */

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (!poll_is_interrupted)
		return __real_poll(fds, n, timeout);
	poll_is_interrupted = false;
	errno = EINTR;
	return -1;
}

static void script_writes(int a, int b, int c, int d)
{
	writes.at = 0;
	writes.next[0] = a;
	writes.next[1] = b;
	writes.next[2] = c;
	writes.next[3] = d;
}

struct fixture {
	struct host_output *out;
	struct err e;
	int pipe[2], stop_fd;
	uint8_t *bytes;
	struct reporter reporter; /* … of which … */
	unsigned nr_warnings;
	char warning[200]; /* the last */
};

static void on_report(void *ctx, enum report_level level, const char *text)
{
	struct fixture *f = ctx;
	assert_int_equal(level, REPORT_WARN);
	f->nr_warnings++;
	(void)snprintf(f->warning, sizeof(f->warning), "%s", text);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f || pipe2(f->pipe, O_CLOEXEC) < 0)
		return -1;
	f->stop_fd = eventfd(0, EFD_CLOEXEC);
	f->bytes = malloc(MUCH);
	if (f->stop_fd < 0 || !f->bytes)
		return -1;
	for (size_t i = 0; i < MUCH; i++)
		f->bytes[i] = (uint8_t)(i * 7 + i / 251);
	(void)signal(SIGPIPE, SIG_IGN);
	*state = f;
	f->reporter = (struct reporter){ .fn = on_report, .ctx = f };
	return host_output_create(&f->out, f->pipe[1], f->stop_fd, "COM2", &f->reporter, &f->e);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	host_output_destroy(f->out);
	(void)close(f->pipe[0]);
	(void)close(f->pipe[1]);
	(void)close(f->stop_fd);
	free(f->bytes);
	free(f);
	return 0;
}

static void *write_much(void *arg)
{
	struct fixture *f = arg;
	host_output_write(f->out, f->bytes, MUCH);
	return NULL;
}

static void *flush(void *arg)
{
	struct fixture *f = arg;
	host_output_flush(f->out);
	return NULL;
}

/* What comes next out of the pipe. */
static void assert_comes_out(struct fixture *f, const char *text)
{
	char got[16] = { 0 };
	assert_int_equal(read(f->pipe[0], got, strlen(text)), strlen(text));
	assert_string_equal(got, text);
}

/* Waits until the pipe takes no more: the writer is stuck, or about to be. */
static void wait_full(const struct fixture *f)
{
	struct pollfd p = { .fd = f->pipe[1], .events = POLLOUT };
	while (poll(&p, 1, 0) > 0)
		(void)sched_yield();
}

static void stop(const struct fixture *f)
{
	const uint64_t one = 1;
	assert_int_equal(write(f->stop_fd, &one, sizeof(one)), sizeof(one));
}

static void host_output_write__slow_reader__waits_and_loses_nothing(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	uint8_t *got = malloc(MUCH);
	assert_non_null(got);
	assert_int_equal(pthread_create(&thread, NULL, write_much, f), 0);
	wait_full(f);
	size_t n = 0;
	while (n < MUCH) {
		size_t room = MUCH - n < 4097 ? MUCH - n : 4097;
		ssize_t done = read(f->pipe[0], got + n, room);
		assert_true(done > 0);
		n += (size_t)done;
	}
	(void)pthread_join(thread, NULL);
	assert_memory_equal(got, f->bytes, MUCH);
	free(got);
}

static void host_output_write__stop_while_it_waits__returns_and_drops_the_rest(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, write_much, f), 0);
	wait_full(f);
	stop(f);
	(void)pthread_join(thread, NULL);
	host_output_write(f->out, f->bytes, MUCH); /* would wait for ever */
}

/* As a machine does that calls its vCPUs back while its console is full. */
static void host_output_write__held_while_it_waits__returns_and_keeps_the_rest_in_order(
	void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	uint64_t one = 1;
	uint8_t *got = malloc(MUCH);
	int held_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(got && held_fd >= 0);
	host_output_hold(f->out, held_fd);
	assert_int_equal(pthread_create(&thread, NULL, write_much, f), 0);
	wait_full(f);
	assert_int_equal(write(held_fd, &one, sizeof(one)), sizeof(one));
	(void)pthread_join(thread, NULL);
	/* Still held: neither waits. */
	host_output_write(f->out, (const uint8_t *)"more", 4);
	host_output_flush(f->out);
	assert_int_equal(read(held_fd, &one, sizeof(one)), sizeof(one));
	assert_int_equal(pthread_create(&thread, NULL, flush, f), 0);
	for (size_t at = 0; at < MUCH;) {
		ssize_t n = read(f->pipe[0], got + at, MUCH - at);
		assert_true(n > 0);
		at += (size_t)n;
	}
	(void)pthread_join(thread, NULL);
	assert_memory_equal(got, f->bytes, MUCH);
	assert_comes_out(f, "more");
	host_output_flush(f->out); /* nothing is left */
	host_output_flush(NULL);
	host_output_hold(NULL, -1);
	(void)close(held_fd);
	free(got);
}

static void host_output_write__held_and_the_reader_has_room__is_written_at_once(void **state)
{
	struct fixture *f = *state;
	const uint64_t one = 1;
	int held_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(held_fd >= 0);
	host_output_hold(f->out, held_fd);
	assert_int_equal(write(held_fd, &one, sizeof(one)), sizeof(one));
	host_output_write(f->out, (const uint8_t *)"text", 4);
	assert_comes_out(f, "text");
	(void)close(held_fd);
}

static void host_output_write__stopped_but_the_reader_has_room__still_delivers(void **state)
{
	struct fixture *f = *state;
	char text[4] = { 0 };
	stop(f);
	host_output_write(f->out, (const uint8_t *)"end", 3);
	assert_int_equal(read(f->pipe[0], text, 3), 3);
	assert_string_equal(text, "end");
}

static void host_output_write__reader_gone__drops_everything(void **state)
{
	struct fixture *f = *state;
	(void)close(f->pipe[0]);
	host_output_write(f->out, f->bytes, MUCH);
	host_output_write(f->out, f->bytes, MUCH);
	f->pipe[0] = -1;
}

static void host_output_write__non_blocking_descriptor__waits_as_well(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(fcntl(f->pipe[1], F_SETFL, O_NONBLOCK), 0);
	host_output_write__slow_reader__waits_and_loses_nothing(state);
}

static void assert_delivers(struct fixture *f, const char *text)
{
	char got[16] = { 0 };
	host_output_write(f->out, (const uint8_t *)text, strlen(text));
	assert_int_equal(fcntl(f->pipe[0], F_SETFL, O_NONBLOCK), 0);
	(void)!read(f->pipe[0], got, sizeof(got) - 1);
	assert_string_equal(got, text);
}

/* As where another process filled a terminal or pipe between poll and write. */
static void host_output_write__eagain__is_tried_again(void **state)
{
	script_writes(-EAGAIN, -EAGAIN, 0, 0);
	assert_delivers(*state, "again");
}

static void host_output_write__eintr__is_tried_again(void **state)
{
	script_writes(-EINTR, 0, 0, 0);
	assert_delivers(*state, "again");
}

static void host_output_write__poll_interrupted__waits_on(void **state)
{
	poll_is_interrupted = true;
	assert_delivers(*state, "again");
}

static void host_output_write__short_writes__go_on_where_they_ended(void **state)
{
	script_writes(2, -EAGAIN, 3, 0);
	assert_delivers(*state, "in pieces");
}

static void host_output_write__eio__drops_the_rest_for_good(void **state)
{
	struct fixture *f = *state;
	char got[16];
	script_writes(2, -EIO, 0, 0);
	host_output_write(f->out, (const uint8_t *)"lost", 4);
	host_output_write(f->out, (const uint8_t *)"more", 4);
	assert_int_equal(fcntl(f->pipe[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(read(f->pipe[0], got, sizeof(got)), 2);
}

static void host_output_write__first_loss__one_warning_with_port_and_reason(void **state)
{
	struct fixture *f = *state;
	script_writes(-EIO, 0, 0, 0);
	host_output_write(f->out, (const uint8_t *)"lost", 4);
	host_output_write(f->out, (const uint8_t *)"more", 4);
	assert_int_equal(f->nr_warnings, 1);
	assert_string_equal(f->warning, "COM2: what the guest writes is lost: Input/output error");
}

/* Somebody makes room: what comes then is written, and no second warning. */
static void host_output_write__disk_full__later_bytes_are_tried_again(void **state)
{
	struct fixture *f = *state;
	static const int codes[] = { -ENOSPC, -EFBIG, -EDQUOT };
	assert_int_equal(fcntl(f->pipe[0], F_SETFL, O_NONBLOCK), 0);
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		char got[16];
		script_writes(codes[i], 0, 0, 0);
		host_output_write(f->out, (const uint8_t *)"lost", 4);
		assert_int_equal(read(f->pipe[0], got, sizeof(got)), -1);
		host_output_write(f->out, (const uint8_t *)"later", 5);
		assert_int_equal(read(f->pipe[0], got, sizeof(got)), 5);
	}
	assert_int_equal(f->nr_warnings, 1);
	assert_non_null(strstr(f->warning, "No space left on device (what comes later"));
}

/* As when the guest was reset. */
static void host_output_restart__loss_was_told__no_warning_again(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 3; i++) {
		script_writes(-ENOSPC, 0, 0, 0);
		host_output_write(f->out, f->bytes, 10);
		host_output_restart(f->out);
	}
	assert_int_equal(f->nr_warnings, 1);
}

static void host_output_write__stopped_while_it_waits__is_no_loss_to_warn_of(void **state)
{
	struct fixture *f = *state;
	stop(f);
	host_output_write(f->out, f->bytes, MUCH);
	assert_int_equal(f->nr_warnings, 0);
}

/* What came after the stop is dropped, what comes after the restart is not. */
static void host_output_restart__was_stopped__takes_bytes_again(void **state)
{
	struct fixture *f = *state;
	char got[16];
	uint64_t count;
	stop(f);
	assert_int_equal(fcntl(f->pipe[0], F_SETFL, O_NONBLOCK), 0);
	host_output_write(f->out, f->bytes, MUCH);
	host_output_hurry(f->out);
	while (read(f->pipe[0], got, 1) == 1) {
	}
	assert_int_equal(read(f->stop_fd, &count, sizeof(count)), sizeof(count));
	host_output_write(f->out, (const uint8_t *)"dropped", 7);
	assert_int_equal(read(f->pipe[0], got, sizeof(got)), -1);
	host_output_restart(f->out);
	host_output_restart(NULL);
	host_output_write(f->out, (const uint8_t *)"taken", 5);
	assert_int_equal(read(f->pipe[0], got, sizeof(got)), 5);
	assert_memory_equal(got, "taken", 5);
	assert_int_equal(f->nr_warnings, 0);
}

/* Nobody reads, and nobody ever will. */
static void host_output_restart__reader_is_gone__drops_everything(void **state)
{
	struct fixture *f = *state;
	script_writes(-EPIPE, 0, 0, 0);
	host_output_write(f->out, (const uint8_t *)"lost", 4);
	host_output_restart(f->out);
	host_output_write(f->out, (const uint8_t *)"more", 4);
	assert_int_equal(fcntl(f->pipe[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(read(f->pipe[0], (char[4]){ 0 }, 4), -1);
	assert_int_equal(f->nr_warnings, 1);
}

static void host_output_write__no_descriptor__drops_everything(void **state)
{
	(void)state;
	struct host_output *out = NULL;
	struct err e = ERR_INIT;
	assert_int_equal(host_output_create(&out, -1, -1, "COM1", NULL, &e), 0);
	host_output_write(out, (const uint8_t *)"x", 1);
	host_output_destroy(out);
	host_output_destroy(NULL);
}

struct writer {
	struct fixture *f;
	uint8_t letter;
};

static void *write_letters(void *arg)
{
	struct writer *w = arg;
	uint8_t chunk[CHUNK];
	memset(chunk, w->letter, sizeof(chunk));
	for (int i = 0; i < 200; i++)
		host_output_write(w->f->out, chunk, sizeof(chunk));
	return NULL;
}

static void host_output_write__several_threads__calls_stay_together(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[NR_WRITERS];
	struct writer writers[NR_WRITERS];
	for (int i = 0; i < NR_WRITERS; i++) {
		writers[i] = (struct writer){ f, (uint8_t)('a' + i) };
		assert_int_equal(pthread_create(&threads[i], NULL, write_letters, &writers[i]), 0);
	}
	for (int i = 0; i < NR_WRITERS * 200; i++) {
		uint8_t chunk[CHUNK];
		for (size_t n = 0; n < sizeof(chunk);) {
			ssize_t done = read(f->pipe[0], chunk + n, sizeof(chunk) - n);
			assert_true(done > 0);
			n += (size_t)done;
		}
		for (size_t n = 1; n < sizeof(chunk); n++)
			assert_int_equal(chunk[n], chunk[0]);
	}
	for (int i = 0; i < NR_WRITERS; i++)
		(void)pthread_join(threads[i], NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(host_output_write__slow_reader__waits_and_loses_nothing),
		TEST(host_output_write__stop_while_it_waits__returns_and_drops_the_rest),
		TEST(host_output_write__held_while_it_waits__returns_and_keeps_the_rest_in_order),
		TEST(host_output_write__held_and_the_reader_has_room__is_written_at_once),
		TEST(host_output_write__stopped_but_the_reader_has_room__still_delivers),
		TEST(host_output_write__reader_gone__drops_everything),
		TEST(host_output_write__non_blocking_descriptor__waits_as_well),
		TEST(host_output_write__eagain__is_tried_again),
		TEST(host_output_write__eintr__is_tried_again),
		TEST(host_output_write__poll_interrupted__waits_on),
		TEST(host_output_write__short_writes__go_on_where_they_ended),
		TEST(host_output_write__eio__drops_the_rest_for_good),
		TEST(host_output_write__first_loss__one_warning_with_port_and_reason),
		TEST(host_output_write__disk_full__later_bytes_are_tried_again),
		TEST(host_output_restart__loss_was_told__no_warning_again),
		TEST(host_output_restart__was_stopped__takes_bytes_again),
		TEST(host_output_restart__reader_is_gone__drops_everything),
		TEST(host_output_write__stopped_while_it_waits__is_no_loss_to_warn_of),
		TEST(host_output_write__no_descriptor__drops_everything),
		TEST(host_output_write__several_threads__calls_stay_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
