/* SPDX-License-Identifier: MIT */
/* Collects faults, a line each, so that a user sees all of a config's mistakes at once. */
#ifndef NESTOR_CONFIG_FAULTS_H
#define NESTOR_CONFIG_FAULTS_H

#include "base/finding.h"

#include <stdbool.h>
#include <stddef.h>

/* Ids of findings. */
#define CONFIG_FAULT_SYNTAX "syntax"           /* no TOML */
#define CONFIG_FAULT_UNKNOWN_KEY "unknown-key" /* none of the table's */
#define CONFIG_FAULT_VALUE "value"             /* not what the key takes, or not with the others */

/* Zero-initialised by its owner but for findings; holds no memory. */
struct faults {
	struct findings *findings; /* gets each, too; lent, or NULL */
	char text[sizeof(((struct err *)NULL)->msg)];
	size_t used;
	unsigned nr, nr_hidden; /* of all; of those that did not fit */
	bool out_of_memory;
};

/* Of what will be said to e. */
struct faults faults_of(const struct err *e);

/* Adds the line ORIGIN: KEY: MESSAGE. Control characters of the arguments must be gone already
 * (text_printable). */
void faults_add(struct faults *f, const struct fault *what, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* True where further ones are only counted, so that the work of wording them can be saved. */
bool faults_full(const struct faults *f);

/* 0 where nothing was added; else e is filled and the result -ENOMEM or -EINVAL. */
int faults_result(const struct faults *f, struct err *e) MUST_CHECK;

#endif
