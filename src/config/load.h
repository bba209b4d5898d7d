/* SPDX-License-Identifier: MIT */
/* TOML trees into a config, for a whole file as for the value of one --set. */
#ifndef NESTOR_CONFIG_LOAD_H
#define NESTOR_CONFIG_LOAD_H

#include "config/faults.h"
#include "config/store.h"

/* Where values come from, as messages and origins say it. All borrowed, all printable. */
struct load {
	struct config *config;
	struct faults *faults;
	const char *where;    /* begins each fault; :LINE:COLUMN is added … */
	const char *origin;   /* … where this is NULL; else it is what is recorded: "--set" */
	const char *base_dir; /* of relative paths; NULL: the working directory */
};

/*
 * Puts a TOML value to what name (in the table's spelling: a key, a section, "" for the root, an
 * array of tables, or an element of one: "serial[]") and index say. An element exists already
 * (load_element). Faults are collected, the rest is stored.
 */
void load_value(
	const struct load *l, const char *name, unsigned index, const struct toml_value *toml);

/* The same of bare text to a key. */
void load_text(const struct load *l, const struct key *key, unsigned index, const char *text);

/* True where element `index` exists or was the next and is added; else a fault. */
bool load_element(const struct load *l, const struct key_array *array, unsigned index);

/* config_load_text of what lies at path, in its folder. */
int load_text_of(
	struct config *c, const char *path, const char *text, size_t n, struct err *e) MUST_CHECK;

/* Adds a fault: WHERE[:LINE:COLUMN]: SHOWN: WHY. line is 0 where there is none. */
void load_fault(
	const struct load *l, unsigned line, unsigned column, const char *shown, const char *why);

/* The fault of an unknown key: its name and index as load_value takes them, not yet printable. */
void load_fault_unknown(
	const struct load *l, unsigned line, unsigned column, const char *name, unsigned index);

#endif
