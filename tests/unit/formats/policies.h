/* SPDX-License-Identifier: MIT */
/* Policies for tests: random ones, a text that two equal ones share, and reading and writing. */
#ifndef NESTOR_TESTS_UNIT_FORMATS_POLICIES_H
#define NESTOR_TESTS_UNIT_FORMATS_POLICIES_H

#include "fake/cmocka.h"
#include "formats/convert.h"
#include "formats/dialect.h"

typedef int policy_writer(
	const struct cpu_policy *policy, FILE *out, struct losses *losses, struct err *e);
typedef int policy_reader(const char *text, size_t n, const char *name, struct policy_doc **ret_doc,
	struct losses *losses, struct err *e);

/* What a random policy may say. */
struct policy_kind {
	int dialect;          /* DIALECT_*: names of that program alone; -1: any */
	bool host_only;       /* model "host", always named */
	bool vendor_by_model; /* a vendor with a named model only */
	bool identity, brand, tsc, topology, phys_bits, ucode, leaves, msr_bits, msr_rules, modes;
	bool on_missing_warn, cache_none, hypervisor_none, hypervisor_hyperv, no_switches;
};

/* All of it owned by the result; the same for one seed. */
struct policy_doc *policy_random(const struct policy_kind *kind, uint32_t seed);

/*
 * A policy as text that is the same for policies that mean the same: features in the order of their
 * bits, defaults filled in, rules merged by bits. What QEMU's model has too many of is left out of
 * what is off, where qemu is true. free() it.
 */
char *policy_normal(const struct cpu_policy *p, bool qemu);

/* Writes; asserts that it worked. free() the result. */
char *policy_write(policy_writer *writer, const struct cpu_policy *p, struct losses *losses);

/* Reads; asserts that it worked. */
struct policy_doc *policy_read(policy_reader *reader, const char *text, struct losses *losses);

/* Reads a text that must be refused, with just this message. */
void assert_refused(policy_reader *reader, const char *text, const char *message);

/* A line of losses contains part. */
void assert_loss(const struct losses *l, const char *part);
void assert_no_losses(const struct losses *l);

/* The features of a policy: "+a -b". Into text. */
const char *policy_features(const struct cpu_policy *p, char text[4096]);

#endif
