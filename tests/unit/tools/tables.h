/* SPDX-License-Identifier: MIT */
/* Small tables that tools/maketables takes, and what it refuses. */
#ifndef NESTOR_UNIT_TOOLS_TABLES_H
#define NESTOR_UNIT_TOOLS_TABLES_H

#include <stdbool.h>
#include <stddef.h>

/* All that there are, each with its heading; paths are below the folder of the source. */
struct good_table {
	const char *path, *text;
};

extern const struct good_table good_tables[];
extern const size_t nr_good_tables;

/* Rows that are refused, after the heading alone or after the good ones, too. The character ^
 * stands before the place, and is not part of the row. */
struct bad_table {
	const char *path;
	enum bad_table_rows { ONLY, MORE } kind;
	const char *rows;
	const char *expected; /* a part of the fault's text */
};

extern const struct bad_table bad_tables[];
extern const size_t nr_bad_tables;

#endif
