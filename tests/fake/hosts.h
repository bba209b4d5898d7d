/* SPDX-License-Identifier: MIT */
/* Synthetic hosts: what KVM_GET_SUPPORTED_CPUID and the capabilities of made-up machines say. */
#ifndef NESTOR_TESTS_FAKE_HOSTS_H
#define NESTOR_TESTS_FAKE_HOSTS_H

#include "cpuid/everything.h"
#include "cpuid/host_facts.h"

/* A recent Intel (leaves up to 0x1F, 4 cache leaves) or AMD (0x8000001D, 0x8000001E) host. */
void host_intel(struct host_facts *ret_facts, bool vmx);
void host_amd(struct host_facts *ret_facts, bool svm);

/* A table of random entries, always the same for one seed; the vendor is random as well. */
void host_random(struct host_facts *ret_facts, uint32_t seed);

/* xorshift32; *state must not be 0. */
uint32_t host_random_next(uint32_t *state);

#endif
