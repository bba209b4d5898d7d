/* SPDX-License-Identifier: MIT */
/*
 * Bytes out to a descriptor, from any thread. A slow reader slows the guest down (nothing is lost),
 * but never keeps the machine from stopping: waiting ends when stop_fd becomes readable. The
 * descriptor is not made non-blocking: standard output is shared with the user's shell. Where it is
 * a terminal whose user wants no output from the background (tostop of stty(1)), bytes wait there
 * until nestor is in the foreground.
 */
#ifndef NESTOR_HOST_OUTPUT_H
#define NESTOR_HOST_OUTPUT_H

#include "base/err.h"
#include "base/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_output;

/*
 * fd, stop_fd and reporter are borrowed. fd -1 drops everything. name ("COM1") is
 * copied: the first time that bytes are lost because they cannot be written, one warning says so,
 * with the reason. A full disk or quota may pass: later bytes are tried again.
 */
int host_output_create(struct host_output **ret_out, int fd, int stop_fd, const char *name,
	const struct reporter *reporter, struct err *e) MUST_CHECK;
void host_output_destroy(struct host_output *out);

/* The VM is to end soon: bytes that would have to wait for the foreground are dropped from now on.
 * Any thread; accepts NULL. */
void host_output_hurry(struct host_output *out);

/* stop_fd was readable, and is no more: the machine runs again, and there is no hurry. Accepts
 * NULL.
 */
void host_output_restart(struct host_output *out);

/*
 * While held_fd (borrowed; an eventfd, say) is readable, bytes that would have to wait are kept, in
 * memory, and the call returns: whoever writes is wanted elsewhere. host_output_flush writes them
 * before all that comes later, waiting as host_output_write does; each writer is to call it before
 * it goes on. Accepts NULL.
 */
void host_output_hold(struct host_output *out, int held_fd);
void host_output_flush(struct host_output *out);

/* For struct byte_sink: ctx is the host_output. Once the reader is gone, drops everything. */
void host_output_write(void *ctx, const uint8_t *bytes, size_t n);

#endif
