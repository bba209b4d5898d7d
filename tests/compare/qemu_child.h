/* SPDX-License-Identifier: MIT */
/* Asks a QEMU binary for its CPU models, over QMP, without running anything in it. */
#ifndef NESTOR_TESTS_COMPARE_QEMU_CHILD_H
#define NESTOR_TESTS_COMPARE_QEMU_CHILD_H

#include "compare.h"

#include <jansson.h>
#include <sys/types.h>

struct qemu_child {
	pid_t pid;
	int in, out; /* its standard input and output */
	char *buffer;
	size_t filled, capacity;
	int64_t deadline_ms; /* of CLOCK_MONOTONIC; what takes longer fails */
};

struct qemu_paths {
	char program[1024];
	char libraries[1024]; /* a folder for LD_LIBRARY_PATH, or "" */
	char modules[1024];   /* a folder of QEMU's modules, or "": where it looks itself */
};

/* Returns the version as QMP tells it. False, with a message on stderr: it does not start. Either
 * way qemu_child_stop frees. */
bool qemu_child_start(
	struct qemu_child *q, const struct qemu_paths *paths, char *ret_version, size_t size);

/* One command; arguments may be NULL and is taken over. NULL: no answer in time, or an error, which
 * is told on stderr unless quiet. The caller owns the result. */
json_t *qemu_child_ask(struct qemu_child *q, const char *command, json_t *arguments, bool quiet);

/* Ends it, whatever it is doing. */
void qemu_child_stop(struct qemu_child *q);

#endif
