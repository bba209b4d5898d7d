/* SPDX-License-Identifier: MIT */
/*
 * Synthetic hosts made from the tables of features: one whose KVM offers all that processors of a
 * vendor have, and consistent smaller ones. Whatever a host lacks is absent everywhere: leaves,
 * XSAVE components, feature MSRs and highest leaves follow from its features.
 */
#ifndef NESTOR_TESTS_FAKE_HOSTS_EVERYTHING_H
#define NESTOR_TESTS_FAKE_HOSTS_EVERYTHING_H

#include "cpuid/everything.h"
#include "cpuid/host_facts.h"
#include "cpuid/models.h"

/* KVM offers what the model has and what it gives any guest, no more. A model of no vendor gets an
 * Intel host. */
void host_of_model(const struct cpu_model *m, struct host_facts *ret);

/* A random part of base's features that is consistent by itself, the same for one seed: some hosts
 * lack a few, others most. Address widths, TSC scaling and threads per core vary as well. */
void host_random_subset(const struct host_facts *base, uint32_t seed, struct host_facts *ret);

/* base without the features that are not in set; what needs them goes too (leaves, components,
 * MSRs), though not their dependants among the features. ret may not be base. */
void host_with_features(
	const struct host_facts *base, const struct feature_set *set, struct host_facts *ret);

/* The features that a host's tables show, managed ones included. */
void host_features(const struct host_facts *host, struct feature_set *ret);

#endif
