/* SPDX-License-Identifier: MIT */
/*
 * Random CPU policies for property tests: the same for one seed. Names are valid, though what is
 * asked for may contradict itself or be more than a host has; that is what is tested.
 */
#ifndef NESTOR_TESTS_FAKE_RANDOM_POLICY_H
#define NESTOR_TESTS_FAKE_RANDOM_POLICY_H

#include "cpuid/policy.h"
#include "nesting/nesting.h"

#include <stdio.h>

#define RANDOM_POLICY_MAX_FEATURES 16
#define RANDOM_POLICY_MAX_LEAVES 4
#define RANDOM_POLICY_MAX_BITS 3
#define RANDOM_POLICY_MAX_RULES 6

/* What a policy may have besides a model, features and a hypervisor. */
enum random_policy_part {
	RANDOM_LEAVES = 1,    /* rules of leaves */
	RANDOM_MSRS = 2,      /* rules and bits of MSRs */
	RANDOM_MODES = 4,     /* minimum_feature_set, older operating systems */
	RANDOM_SHAPE = 8,     /* more than one vCPU */
	RANDOM_BASE = 16,     /* a model file below */
	RANDOM_IDENTITY = 32, /* vendor, family and so on, brand, TSC frequency, address width */
	RANDOM_PRESSURE = 64, /* any on_missing; else always drop */
	RANDOM_KNOB = 128,    /* exposed extensions; else always withdrawn */
	RANDOM_ALL = 255,
};

struct random_policy {
	struct cpu_policy policy; /* points into the rest */
	struct cpu_policy base;
	struct policy_feature features[RANDOM_POLICY_MAX_FEATURES];
	struct policy_feature base_features[RANDOM_POLICY_MAX_FEATURES];
	struct policy_leaf leaves[RANDOM_POLICY_MAX_LEAVES];
	struct policy_msr_bits bits[RANDOM_POLICY_MAX_BITS];
	struct msr_rule rules[RANDOM_POLICY_MAX_RULES];
	struct policy_withdrawal withdrawals[NESTING_MAX_WITHDRAWALS];
	bool expose; /* nothing is withdrawn */
};

/* Mostly for hosts of that vendor. */
void random_policy_make(
	struct random_policy *p, enum cpuid_vendor vendor, unsigned parts, uint32_t seed);

void random_policy_copy(struct random_policy *to, const struct random_policy *from);

/*
 * Takes part number i of the policy away (a feature, a rule, a choice), for finding the smallest
 * that shows a fault. False: there are not as many parts. A part that was not there is none lost.
 */
bool random_policy_reduce(struct random_policy *p, unsigned i);

/* In one line, TOML-like. */
void random_policy_print(const struct random_policy *p, FILE *out);

#endif
