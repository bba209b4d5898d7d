/* SPDX-License-Identifier: MIT */
/* The files that a command was given: by name, as a folder's, or in a list. */
#ifndef NESTOR_CLI_FILE_LIST_H
#define NESTOR_CLI_FILE_LIST_H

#include "base/err.h"

#include <stddef.h>

#define FILE_LIST_MAX 1000000

/* Zero-initialised by its owner; file_list_done frees. */
struct file_list {
	char **paths;
	size_t nr_files, capacity;
};

/* A folder stands for the regular files in it, but not in folders below, whose names do not begin
 * with a dot; in the order of their bytes. Anything else is taken as it is. */
int file_list_add(struct file_list *l, const char *path, struct err *e) MUST_CHECK;

/* Each line of the file ("-": standard input) as in file_list_add; empty lines do not count. */
int file_list_add_from(struct file_list *l, const char *path, struct err *e) MUST_CHECK;

void file_list_done(struct file_list *l);

#endif
