/* SPDX-License-Identifier: MIT */
/* Policies for tests: random ones, a text that two equal ones share, and reading and writing. */
#ifndef NESTOR_TESTS_UNIT_FORMATS_POLICIES_H
#define NESTOR_TESTS_UNIT_FORMATS_POLICIES_H

#include "fake/cmocka.h"
#include "formats/convert.h"
#include "formats/dialect.h"

typedef int policy_reader(const char *text, size_t n, const char *name, struct policy_doc **ret_doc,
	struct losses *losses, struct err *e);

/* Says anything that a VM's file can say of a CPU. All of it owned by the result; the same for one
 * seed. */
struct policy_doc *policy_random(uint32_t seed);

/*
 * A policy as text that is the same for policies that mean the same: features in the order of their
 * bits, defaults filled in, rules merged by bits. free() it.
 */
char *policy_normal(const struct cpu_policy *p);

/* As TOML; asserts that it worked. free() the result. */
char *policy_toml(const struct cpu_policy *p);

/* Reads; asserts that it worked. */
struct policy_doc *policy_read(policy_reader *reader, const char *text, struct losses *losses);

/* Reads a text that must be refused, with just this message. */
void assert_refused(policy_reader *reader, const char *text, const char *message);

/* A line of losses contains part. */
void assert_loss(const struct losses *l, const char *part);
/* The same of what a text leaves open. */
void assert_open(const struct losses *l, const char *part);
void assert_no_losses(const struct losses *l);

/* The features of a policy: "+a -b". Into text. */
const char *policy_features(const struct cpu_policy *p, char text[4096]);

#endif
