/* SPDX-License-Identifier: MIT */
/*
 * Files that are written at the end, none where one cannot be, and only where their text would
 * change, so that nothing is compiled again without need.
 */
#ifndef NESTOR_TSV_OUTPUT_H
#define NESTOR_TSV_OUTPUT_H

#include <stdbool.h>

#include "tsv/fault.h"

struct output {
	const char *path;
	FILE *stream; /* into text */
	char *text;
	size_t bytes;
	bool part; /* PATH.part is written */
	struct output *next;
};

struct outputs {
	struct faults *faults;
	struct output *first;
};

/* Begins a file. The stream is the outputs'; what is wrong with writing is found at the end. */
FILE *output_begin(struct outputs *o, const char *path);

/* Writes them, into folders that are there; false and faults where that failed. */
bool outputs_write(struct outputs *o);

/* Forgets what was not written. */
void outputs_free(struct outputs *o);

/* A text as a C string with its quotes, in the arena: whatever bytes it has, C reads the same. */
const char *c_string(struct arena *a, const char *text);

/* A name as what C takes for an identifier: anything but letters and digits becomes _. */
const char *c_identifier(struct arena *a, const char *name);

/* A copy in capitals, for the names of enum constants. */
const char *c_constant(struct arena *a, const char *name);

#endif
