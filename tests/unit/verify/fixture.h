/* SPDX-License-Identifier: MIT */
/* A fake KVM whose vCPUs play the verifying guest, and a plan for it. */
#ifndef NESTOR_TESTS_UNIT_VERIFY_FIXTURE_H
#define NESTOR_TESTS_UNIT_VERIFY_FIXTURE_H

#include "fake/cmocka.h"
#include "fake/hosts.h"
#include "fake/kvm.h"

#include "verify/internal.h"

#define FIXTURE_VCPUS 3

struct fixture;

/* Plays the guest on one vCPU: answers its list as KVM would by what it was given. */
struct player {
	struct fixture *f;
	unsigned vcpu;
	size_t at;             /* in the list */
	bool waits_for_answer; /* of an MSR exit */
	struct fake_step script[3];
};

/* What one vCPU's CPUID or MSRs do otherwise than KVM was told. */
struct lie {
	enum guest_op op; /* GUEST_END: no lie */
	unsigned vcpu;
	uint32_t leaf, subleaf; /* or the MSR */
	enum cpuid_reg reg;
	uint64_t flip;   /* of CPUID's register, or what an MSR reads */
	bool fault;      /* the access faults, or does not where it should */
	bool unfiltered; /* accesses of both kinds pass the filter */
};

struct fixture {
	struct host_facts facts;
	struct fake_kvm *fake;
	struct kvm *kvm;
	struct machine_plan plan;
	struct player players[FIXTURE_VCPUS];
	struct lie lie;
	struct verify_result result;
	struct err e;
};

/* Of an Intel host with FIXTURE_VCPUS vCPUs, APIC IDs 0, 2 and 4, each played. */
int fixture_set_up(void **state);
/* Fails the test where anything was not given back. */
int fixture_tear_down(void **state);

/* Adds a rule for MSRs first to last, and compiles the filter anew. */
void fixture_rule(struct fixture *f, uint32_t first, uint32_t last, enum msr_action read,
	enum msr_action write, uint64_t value);

/* verify_run_bounded, in a time that no test comes near. */
int fixture_run(struct fixture *f);

#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

#endif
