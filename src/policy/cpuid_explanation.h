/* SPDX-License-Identifier: MIT */
/*
 * Why a VM's vCPU is as it is, as a value that text, JSON and HTML are made from: for each bit what
 * the host has, what the policy says, what the guest gets, and the decisions of the engine's trace.
 */
#ifndef NESTOR_POLICY_CPUID_EXPLANATION_H
#define NESTOR_POLICY_CPUID_EXPLANATION_H

#include "policy/cpuid_bits.h"
#include "policy/cpuid_view.h"

struct explanation {
	const struct cpuid_vm *vm; /* borrowed */
	const char *file;          /* the VM's, as the user named it; borrowed */
	struct feature_set host, policy, guest;
	struct bits_place *places; /* every register and MSR; owned */
	size_t nr_places;
};

/* What is known of an item of a register. Of a feature the values are 1 where it is there. */
#define EXPLAINED_MAX_BY 4
struct explained {
	struct bits_item item;
	uint64_t host, guest, policy;
	bool policy_speaks;
	const struct cpu_decision *by[EXPLAINED_MAX_BY]; /* each that decided some of the bits */
	unsigned nr_by;
};

int explanation_init(struct explanation *x, const struct cpuid_vm *vm, const char *file,
	struct err *e) MUST_CHECK;
void explanation_done(struct explanation *x);

/* The register's or MSR's value; false, and 0, where there is no such leaf or MSR. */
bool explanation_host_value(
	const struct explanation *x, const struct bits_place *place, uint64_t *ret_value);
bool explanation_guest_value(
	const struct explanation *x, const struct bits_place *place, uint64_t *ret_value);

/* The item that holds a bit. */
void explanation_item(const struct explanation *x, const struct bits_place *place, unsigned bit,
	struct explained *ret);
/* Where the guest sees a feature: KVM's own are further up where Hyper-V's leaves come first. */
struct bits_place explanation_place(
	const struct explanation *x, const struct feature *feature, unsigned *ret_bit);
void explanation_feature(
	const struct explanation *x, const struct feature *feature, struct explained *ret);

/* True where the three do not agree. */
bool explained_differs(const struct explained *it);

/* The decision about a bit that came before `before` (NULL: the last one); NULL: none. */
const struct cpu_decision *explanation_earlier(const struct explanation *x,
	const struct bits_place *place, unsigned bit, const struct cpu_decision *before);

struct explanation_counts {
	unsigned host, policy, guest; /* named features */
	unsigned withheld;            /* on the host, not in the guest */
	unsigned missing;             /* asked for, not in the guest */
	unsigned added;               /* not asked for, but in the guest */
};
struct explanation_counts explanation_count(const struct explanation *x);

/* A control of VMX of a guest without VMX: there are many, and they say nothing new. */
bool explanation_is_moot(const struct explanation *x, const struct feature *feature);

/* "CPU-02 features: avx512f, vm.toml:4:12". Returns text. */
#define EXPLAINED_BY_BYTES 512
char *explained_by(char text[EXPLAINED_BY_BYTES], const struct cpu_decision *d);

/* What an access to an MSR does, and by which rule: "#GP (MSR-02, vm.toml:9:1)". Returns text. */
#define EXPLAINED_ACCESS_BYTES 256
char *explanation_access(
	char text[EXPLAINED_ACCESS_BYTES], const struct explanation *x, uint32_t msr, bool write);

/* What the user asked about. */
struct explain_question {
	enum { EXPLAIN_OVERVIEW, EXPLAIN_FEATURE, EXPLAIN_LEAF, EXPLAIN_MSR } kind;
	bool all; /* of the overview */
	const struct feature *feature;
	uint32_t leaf; /* or the MSR */
	bool any_subleaf;
	uint32_t subleaf;
};

/*
 * A question as words: none, a feature, a leaf ("0x7", "0x7.1"), or "msr" and its number or name.
 * all is of the overview. -EINVAL (ERR_CONFIG) where it is none of these, with the nearest name.
 */
int explain_question_parse(struct explain_question *ret, const char *const *words, size_t n,
	bool all, struct err *e) MUST_CHECK;

/* True where the place is what the question is about (a leaf or an MSR). */
bool explain_asks(const struct explain_question *q, const struct bits_place *place);

#endif
