/* SPDX-License-Identifier: MIT */
/* What a subcommand writes, to a file that the user named or to standard output; all of it, or an
 * error. */
#ifndef NESTOR_CLI_OUTFILE_H
#define NESTOR_CLI_OUTFILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Stays where it is while it is open. */
struct outfile {
	FILE *file;
	const char *path; /* NULL: standard output; borrowed */
	char *text;       /* what is for path, until it is closed; owned */
	size_t size;
};

/*
 * path NULL or "-": standard output; else nothing is written before it is closed. -EBUSY
 * (ERR_CONFIG) where it is the file of a VM that runs, and -EINVAL (ERR_CONFIG) where it is, by
 * whatever name, one of the inputs (NULL and "-" among them are none).
 */
int outfile_open(struct outfile *ret_out, const char *path, const char *const *inputs,
	size_t nr_inputs, struct err *e) MUST_CHECK;

/*
 * Closes (standard output is flushed); accepts one never opened. rc is how the writing went: where
 * it is an error it is returned as it is and path stays as it was, else path is written in one
 * piece, as by outfile_write_whole; -errno (ERR_HOST) where anything could not be written.
 */
int outfile_close(struct outfile *out, int rc, struct err *e) MUST_CHECK;

/*
 * Writes a file in one piece: a regular one beside its place and then moved there, so that it is
 * whole or as it was, and a link to it stays a link; what is no regular file (a device, a FIFO) is
 * written as it is, never replaced. A new file is its owner's alone (0600) where it is secret, and
 * in any case may be read by no more people than input; one that is there keeps its mode. Refused
 * where path is the file input (-EINVAL, ERR_CONFIG; NULL: there is none), by whatever name, or
 * leads nowhere.
 */
int outfile_write_whole(const char *path, const char *input, bool secret, const uint8_t *data,
	size_t size, struct err *e) MUST_CHECK;

#endif
