/* SPDX-License-Identifier: MIT */
/*
 * Config text to checked config. Sources in rising order of precedence: defaults, one TOML 1.0
 * file, command-line flags and --set (in the order given). Nothing is opened but the TOML file
 * itself; whether named files exist is checked by config_finish, which names the line that named
 * them.
 *
 * Every error is ERR_CONFIG and reads FILE:LINE:COLUMN: KEY: what is wrong, what was expected, and
 * for an unknown key the nearest known one. As many faults as fit are reported at once, a line
 * each.
 */
#ifndef NESTOR_CONFIG_CONFIG_H
#define NESTOR_CONFIG_CONFIG_H

#include "base/err.h"
#include "config/vm_config.h"

#include <stdio.h>

struct config; /* vm_config plus the origin of each value */

struct config *config_create(void); /* NULL only when memory is out */
void config_destroy(struct config *c);

/* Reads the TOML file at path ("-" is not special). Relative paths inside are relative to the file.
 */
int config_load_file(struct config *c, const char *path, struct err *e) MUST_CHECK;

/* As config_load_file, of n bytes that came from name; for tests and fuzzing. base_dir may be NULL.
 */
int config_load_text(struct config *c, const char *text, size_t n, const char *name,
	const char *base_dir, struct err *e) MUST_CHECK;

/*
 * key=value where value is a TOML value or, where that does not parse and the key takes a string,
 * a size, a duration or a word, the bare text: memory.size=512M, boot.modules=[{path="x"}].
 * An array element by number: serial.1.mode=file. origin names the flag in errors ("--set").
 */
int config_set(
	struct config *c, const char *assignment, const char *origin, struct err *e) MUST_CHECK;

/* A flag that stands for one key: its value is taken as bare text, never parsed as TOML. */
int config_set_text(struct config *c, const char *key, const char *value, const char *origin,
	struct err *e) MUST_CHECK;

/* Whole-config checks (cross-key rules, files exist); then the result is const, owned by c. */
int config_finish(struct config *c, const struct vm_config **ret_config, struct err *e) MUST_CHECK;

/*
 * The same for who only wants to know the CPU and MSR policy of a VM: memory, cpu, msr and nesting
 * are checked, boot and serial are not, and no file is looked at.
 */
int config_finish_policy(
	struct config *c, const struct vm_config **ret_config, struct err *e) MUST_CHECK;

/*
 * The same for a model file: what a CPU is like, by [cpu] and [msr]. Keys that say something of
 * one VM (its topology, pinning, migration modes) and all other tables are errors.
 */
int config_finish_model(
	struct config *c, const struct vm_config **ret_config, struct err *e) MUST_CHECK;

/*
 * What was loaded and set so far, without any check between keys; the values that config_finish
 * computes may be missing. For who wants to change a config that is not right yet. Lent.
 */
const struct vm_config *config_view(const struct config *c);

/* Prints each key, its effective value as TOML, and where it came from. JSON where json is true. */
int config_show(const struct config *c, FILE *out, bool json) MUST_CHECK;

/* A file that a config names. */
struct config_file {
	const char *key;  /* "boot.kernel", "serial[1].path"; lent for the call */
	const char *path; /* absolute; lent */
	bool output;      /* the VM writes it */
};

/*
 * Calls fn for every file that the config names, in the order of the key table, until one call
 * returns other than 0, which is then returned. The files of model files are not among them.
 */
int config_each_file(const struct config *c, int (*fn)(void *ctx, const struct config_file *file),
	void *ctx) MUST_CHECK;

/*
 * FILE:LINE:COLUMN, "--set", "--memory" or "default" of a key such as "boot.kernel" or
 * "serial[0].path"; borrowed. For errors that later stages find.
 */
const char *config_origin(const struct config *c, const char *key);

/*
 * The same, but NULL where the value is the default or computed, so that a 0 that was given can be
 * told from none: "cpu.stepping", "cpu.leaves[2].subleaf". An element of an array of tables
 * ("cpu.leaves[2]") has the origin of its header; of an array of strings ("cpu.features[3]"), its
 * own. Borrowed, valid until the key is set again.
 */
const char *config_given(const struct config *c, const char *key);

/* The key table, for documentation tests and completion: name of key i ("serial[].mode"), or NULL.
 */
const char *config_key_name(size_t i);

#endif
