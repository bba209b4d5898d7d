/* SPDX-License-Identifier: MIT */
/*
 * The parts of config_finish, apart so that a config can be checked where its files are not, or for
 * its policy only.
 */
#ifndef NESTOR_CONFIG_CHECK_H
#define NESTOR_CONFIG_CHECK_H

#include "config/faults.h"
#include "config/store.h"

/* Rules between keys; fills in what follows from others (cpu.vcpus, cpu.cores …). */
void check_values(struct config *c, struct faults *f);

/* The same but for boot and serial, which decide nothing about what a guest's CPU is like. */
void check_policy(struct config *c, struct faults *f);

/* The parts that are about cpu and msr. */
void check_cpu(struct config *c, struct faults *f);
void check_msr(struct config *c, struct faults *f);

/* [nesting]: what asks for extensions while they are hidden. */
void check_nesting(const struct config *c, struct faults *f);

/* The files that are read must be there, readable and regular. Looks, opens nothing. */
void check_files(const struct config *c, struct faults *f);

/*
 * Adds ORIGIN: KEY: WHY. A key that is not given is pointed at through its element's line, if it
 * has one; a default has no origin to name.
 */
void check_fault(const struct config *c, struct faults *f, const char *name, unsigned index,
	const char *fmt, ...) PRINTF_LIKE(5, 6);

/* True where a key outside of arrays of tables is given. */
bool check_given(const struct config *c, const char *name);

#endif
