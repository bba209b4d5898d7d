/* SPDX-License-Identifier: MIT */
/*
 * Properties of the engine over random hosts and policies. A property is a function that says
 * whether a case holds; where one does not, the case is made as small as it gets and is printed
 * with its seed.
 *
 *   NESTOR_PROPERTY_SEED=N    runs case N alone
 *   NESTOR_PROPERTY_TIMES=N   runs N times as many cases, with other seeds
 */
#ifndef NESTOR_TESTS_CPUID_PROPERTIES_H
#define NESTOR_TESTS_CPUID_PROPERTIES_H

#include "fake/cmocka.h"
#include "fake/hosts.h"
#include "fake/hosts_everything.h"
#include "fake/random_policy.h"

#include "cpuid/engine.h"

#define PROPERTY_WHY_BYTES 512

struct property_case {
	uint32_t seed;
	enum cpuid_vendor vendor;
	const char *origin;     /* what base is: "everything", or a model */
	struct host_facts base; /* what host is a part of */
	struct host_facts host;
	struct random_policy policy;
	/* Of property_compute: */
	int rc;
	struct err e;
	struct cpu_result result;
	struct cpu_trace trace;
	char why[PROPERTY_WHY_BYTES];
};

/* Fills why and returns false. */
bool property_fails(struct property_case *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Computes the case's policy on its host, nesting rules included, as a plan does. */
void property_compute(struct property_case *c);

/* The same of any policy and host; trace may be NULL. */
int property_compute_on(const struct cpu_policy *policy, bool expose, const struct host_facts *host,
	struct cpu_trace *trace, struct cpu_result *ret_result, struct err *e);

/* Runs a property over `cases` cases; parts: of enum random_policy_part. */
void property_run(bool (*holds)(struct property_case *c), unsigned parts, unsigned cases);

/* Number of cases and the first seed, by the environment. */
unsigned property_cases(unsigned cases, uint32_t *ret_first_seed);

/* A host by seed alone: all of everything, a model's, or a part of either. */
void property_host(struct property_case *c, uint32_t seed);

/* "avx, avx2 and 3 more". Returns text. */
char *property_list(char text[PROPERTY_WHY_BYTES], const struct feature_set *set);

/* The features that are the VM's or nestor's own decision, whatever a host has. */
void property_managed(struct feature_set *ret_set);

/* The first difference of two tables in why; false where there is one. Entries of zeros count as
 * none. */
bool property_same_table(struct property_case *c, const char *what, const struct cpuid_table *a,
	const struct cpuid_table *b);

/* The same of sets of features. */
bool property_same_features(struct property_case *c, const char *what, const struct feature_set *a,
	const struct feature_set *b);

#endif
