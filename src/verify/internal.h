/* SPDX-License-Identifier: MIT */
/* What the files of this room share: requests, the guest that answers them, and the VM. */
#ifndef NESTOR_VERIFY_INTERNAL_H
#define NESTOR_VERIFY_INTERNAL_H

#include "cpuid/execute.h"
#include "memory/ram.h"
#include "setup/setup.h"
#include "verify/verify.h"

/* What the guest's code can do; it knows these numbers, and the layout of guest_request. */
enum guest_op { GUEST_END, GUEST_CPUID, GUEST_RDMSR, GUEST_WRMSR };
enum guest_status { GUEST_NOT_REACHED, GUEST_DONE, GUEST_FAULT };

/* One line of the list in guest RAM; the guest fills in the answer. */
struct guest_request {
	uint32_t op;            /* enum guest_op; GUEST_END ends the list */
	uint32_t eax, ecx, edx; /* before the instruction */
	uint32_t status;        /* enum guest_status */
	uint32_t reg[4];        /* after it, by enum cpuid_reg; not where it faulted */
	uint32_t unused;
};

/* Guest RAM, from address 0. */
#define GUEST_RAM_BYTES UINT64_C(0x10000)
#define GUEST_IDT UINT64_C(0x1000)
#define GUEST_GDT UINT64_C(0x1800)
#define GUEST_CODE UINT64_C(0x2000)
#define GUEST_LIST UINT64_C(0x4000) /* the stack is below */
/* Requests in a list, besides the one that ends it. */
#define GUEST_MAX_REQUESTS 1024u

/* The guest writes a byte here: 0 at the end of the list, 1 on an exception that is no #GP. */
#define GUEST_PORT 0xf4

/* Puts tables and code into RAM of GUEST_RAM_BYTES; ret_state enters it, on any vCPU. */
int guest_load(
	const struct guest_memory *mem, struct x86_state *ret_state, struct err *e) MUST_CHECK;

/* One instruction, what is promised of it, and what was seen. */
struct verify_request {
	enum guest_op op;
	uint32_t index;       /* leaf or MSR */
	uint32_t subleaf;     /* GUEST_CPUID */
	uint64_t write_value; /* GUEST_WRMSR */

	bool compared;    /* false: nothing is promised */
	bool after_write; /* GUEST_RDMSR: belongs to the write before, and is not counted itself */
	bool promised_fault;
	uint32_t promised_reg[4];      /* GUEST_CPUID */
	uint32_t kept_reg[4];          /* GUEST_CPUID: by the table that KVM says it keeps */
	uint64_t promised_value, mask; /* GUEST_RDMSR; mask: the bits that are promised */

	bool seen_fault;
	uint32_t seen_reg[4];
};

/* Owned by the caller; zero-initialised; request_list_done frees. */
struct request_list {
	struct verify_request *items;
	size_t nr, capacity;
};

void request_list_done(struct request_list *list);

/* EDX:EAX of an answered RDMSR. */
static inline uint64_t request_seen_value(const struct verify_request *r)
{
	return (uint64_t)r->seen_reg[CPUID_EDX] << 32 | r->seen_reg[CPUID_EAX];
}

/*
 * Each appends requests, sorted, none twice; -ENOMEM is the only error.
 * cpuid: every entry of the table, one subleaf past the last of each leaf that has them, all leaves
 * of each range and two past its highest, and leaves far from any range. kept: what KVM says that
 * it keeps of the table.
 */
int request_list_cpuid(struct request_list *list, const struct cpuid_table *table,
	const struct cpuid_table *kept, const struct cpuid_vcpu_state *state,
	struct err *e) MUST_CHECK;
/* Reads: every MSR that the policy sets or has a rule for; of wide rules a sample. */
int request_list_msr_reads(
	struct request_list *list, const struct msr_policy *policy, struct err *e) MUST_CHECK;
/* Writes: where the policy rules them, of the MSRs in reads, which were answered. */
int request_list_msr_writes(struct request_list *list, const struct msr_policy *policy,
	const struct request_list *reads, struct err *e) MUST_CHECK;

/* How long the guest may take for one list of requests, which it works through in one go. */
#define VERIFY_LIST_MS 20000

/* The VM. Owner: verify_run. */
struct verify_vm;
int verify_vm_create(struct verify_vm **ret_vm, struct kvm *kvm, const struct machine_plan *plan,
	const struct reporter *reporter, struct err *e) MUST_CHECK;
void verify_vm_destroy(struct verify_vm *vm);
/* What vCPU i was to be, and what KVM keeps of its CPUID and MSRs. */
const struct setup_processor *verify_vm_processor(const struct verify_vm *vm, unsigned i);
/* Has vCPU i answer all of list; list_ms bounds each GUEST_MAX_REQUESTS of it. */
int verify_vm_answer(struct verify_vm *vm, unsigned i, struct request_list *list, unsigned list_ms,
	struct err *e) MUST_CHECK;

/* As verify_run, with a bound of the caller's own. */
int verify_run_bounded(struct kvm *kvm, const struct machine_plan *plan,
	const struct reporter *reporter, unsigned list_ms, struct verify_result *ret_result,
	struct err *e) MUST_CHECK;

#endif
