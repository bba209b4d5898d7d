/* SPDX-License-Identifier: MIT */
/* Collects faults, a line each, so that a user sees all of a config's mistakes at once. */
#ifndef NESTOR_CONFIG_FAULTS_H
#define NESTOR_CONFIG_FAULTS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialised by its owner; holds no memory. */
struct faults {
	char text[sizeof(((struct err *)NULL)->msg)];
	size_t used;
	unsigned nr, nr_hidden; /* of all; of those that did not fit */
	bool out_of_memory;
};

/* Adds a line. Control characters of the arguments must be gone already (text_printable). */
void faults_add(struct faults *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* True where further lines are only counted, so that the work of wording them can be saved. */
bool faults_full(const struct faults *f);

/* 0 where nothing was added; else e is filled and the result -ENOMEM or -EINVAL. */
int faults_result(const struct faults *f, struct err *e) MUST_CHECK;

#endif
