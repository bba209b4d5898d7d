/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with what was read: every fault, each with its place, in the one form
 * "FILE:LINE:COLUMN: what was expected, and what was found". Lines and columns count from 1,
 * columns in bytes, as compilers do it.
 */
#ifndef NESTOR_TSV_FAULT_H
#define NESTOR_TSV_FAULT_H

#include <stddef.h>
#include <stdio.h>

#include "tsv/arena.h"

struct fault {
	const char *path;
	unsigned line, column; /* 0: the file as a whole */
	const char *text;
};

struct faults {
	struct arena *arena; /* the caller's; paths are borrowed, texts are in it */
	struct fault *list;
	size_t nr, room;
};

void fault_add(struct faults *f, const char *path, unsigned line, unsigned column, const char *fmt,
	...) __attribute__((format(printf, 5, 6)));

/* Prints them in the order in which they were found; of many, the first 20 and how many more. */
void faults_print(const struct faults *f, FILE *to);

#endif
