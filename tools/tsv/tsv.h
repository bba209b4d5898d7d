/* SPDX-License-Identifier: MIT */
/*
 * The one reader of the project's tables. A table is a text file of rows of cells with a tab
 * between them:
 *
 *   - Lines that begin with # are comments, empty lines are passed over.
 *   - The last comment before the first row is the heading: "# " and the names of the columns with
 *     tabs between them. Every row has exactly these columns.
 *   - A cell is never empty; "-" means none. It is printable ASCII, without spaces at its ends.
 *   - Lines end with LF, the last one too. There is no byte order mark.
 *
 * What is against that is a fault, with its place.
 */
#ifndef NESTOR_TSV_TSV_H
#define NESTOR_TSV_TSV_H

#include <stddef.h>

#include "tsv/fault.h"

#define TSV_MAX_COLUMNS 16

struct cell {
	const struct tsv *table;
	const char *text;
	unsigned line, column; /* of the text's first byte */
};

struct tsv_row {
	struct cell cell[TSV_MAX_COLUMNS]; /* of the table's columns; the others are zero */
};

struct tsv {
	struct faults *faults;
	const char *path;
	const char *columns; /* their names, with spaces between */
	unsigned nr_columns;
	struct tsv_row *rows; /* those without faults */
	size_t nr_rows;
	size_t room;
};

/*
 * Reads a table that must have these columns (names with one space between, at most
 * TSV_MAX_COLUMNS). Adds what is wrong to faults, in whose arena all of the table is. path and
 * columns are borrowed. Never NULL: of a file that cannot be read, there are no rows.
 */
const struct tsv *tsv_read(struct faults *faults, const char *path, const char *columns);

/* As tsv_read(), of a text of so many bytes (which may hold NULs); path is for the faults. */
const struct tsv *tsv_parse(struct faults *faults, const char *path, const char *columns,
	const char *text, size_t bytes);

/* The whole of a file, with a NUL behind it, in the faults' arena; NULL and a fault where it cannot
 * be read. */
char *file_read(struct faults *faults, const char *path, size_t *ret_bytes);

#endif
