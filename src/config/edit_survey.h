/* SPDX-License-Identifier: MIT */
/* Where a key stands in a TOML text, and where it could stand: what edit.c decides by. */
#ifndef NESTOR_CONFIG_EDIT_SURVEY_H
#define NESTOR_CONFIG_EDIT_SURVEY_H

#include "config/toml_scan.h"

/* A line after which a key of the wanted table can follow. */
struct edit_line {
	bool have;
	size_t after;            /* where the next line begins */
	struct toml_span indent; /* the blanks that a key of the table begins with */
	size_t from;             /* parts of the path that the section's header says already */
};

struct edit_survey {
	size_t nr_found;       /* how often the key itself is there; the rest is of the last one */
	struct toml_span line; /* with its newline; where the key is not in an inline table */
	struct toml_span pair; /* from the key to the end of the value */
	struct toml_span value;
	bool in_braces;           /* it is in an inline table */
	struct edit_line section; /* in the table's own section: after its last key or its header.
				     Of the root: after its last key, or where the text begins */
	bool section_has_keys;
	struct edit_line dotted; /* after the last dotted key that makes the table */
	struct {
		bool have;
		size_t begin; /* after the brace */
		size_t last;  /* after the last pair, or begin */
		size_t from;  /* parts of the path that lead to it */
	} braces;             /* the innermost inline table that the key would be in */
};

/* False where the text is not understood; it was accepted by toml_read. */
bool edit_survey(const char *text, size_t n, const struct toml_path *path,
	struct edit_survey *ret_survey) MUST_CHECK;

#endif
