/* SPDX-License-Identifier: MIT */
/* What a config is made from, as values: the text of a file, and what is set over it. */
#ifndef NESTOR_CONFIG_SOURCE_H
#define NESTOR_CONFIG_SOURCE_H

#include "base/input_file.h"
#include "config/config.h"

/* One value that is set over the file. All of it is borrowed. */
struct config_override {
	const char *key;    /* NULL: text is an assignment, as of config_set */
	const char *text;   /* as of config_set_text, where there is a key */
	const char *origin; /* who says so: "--set", "--memory" */
};

/* All of it is borrowed, by config_load for the call alone. */
struct config_source {
	/* The file, as the user named it: it is in messages, and paths in it are relative to its
	 * folder. NULL: there is none, and no text. */
	const char *name;
	const char *text; /* what it holds, n bytes; NULL: it is read */
	size_t n;
	const struct config_override *overrides; /* in the order in which they are set */
	size_t nr_overrides;
};

/*
 * Reads the file where there is one and its text is not given, for who looks at the text more than
 * once: all that is said of it is then of one text, whatever becomes of the file. The text is lent
 * by *ret_file (input_file_close, failed or not). Errors as those of config_load_file.
 */
int config_source_read(
	struct config_source *source, struct input_file *ret_file, struct err *e) MUST_CHECK;

/* Loads the text and sets the overrides; nothing is checked as a whole yet (config_finish). Errors
 * as those of config_load_file, config_set and config_set_text. */
int config_load(struct config *c, const struct config_source *source, struct err *e) MUST_CHECK;

#endif
