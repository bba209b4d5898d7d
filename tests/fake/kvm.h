/* SPDX-License-Identifier: MIT */
/*
 * A KVM played by the test process: the call table of kvm/calls.h without /dev/kvm. It answers
 * from a set of host facts, keeps what it was given (CPUID, MSRs, registers, routes, filter),
 * writes down every call in order, can fail call N, and counts what was not given back. KVM_RUN
 * plays a script of exits per vCPU; when a script is over, KVM_RUN waits until it is kicked, as a
 * halted vCPU does.
 */
#ifndef NESTOR_TESTS_FAKE_KVM_H
#define NESTOR_TESTS_FAKE_KVM_H

#include "cpuid/host_facts.h"
#include "kvm/calls.h"

#include <linux/kvm.h>
#include <pthread.h>

#define FAKE_MAX_VCPUS 256
#define FAKE_MAX_LOG 8192
#define FAKE_MAX_FDS 512
#define FAKE_MAX_MSRS 64
#define FAKE_MAX_READS 64
#define FAKE_GP UINT64_C(0x6e9ab3ee9fa17000) /* in reads[]: the MSR access was #GP */

enum fake_step_kind {
	FAKE_END = 0, /* wait for a kick */
	FAKE_OUT,     /* data: size * count bytes to port */
	FAKE_IN,      /* the answer goes to the vCPU's reads[] */
	FAKE_MMIO_READ,
	FAKE_MMIO_WRITE,
	FAKE_EXIT,         /* only the reason: KVM_EXIT_HLT, KVM_EXIT_SHUTDOWN … */
	FAKE_FAIL_ENTRY,   /* value: the hardware's reason */
	FAKE_INTERNAL,     /* value: suberror, count: of data (0: two): 0xabc, 0xdef, 0xd02 … */
	FAKE_SYSTEM_EVENT, /* value: type */
	FAKE_EOI,          /* value: vector */
	FAKE_RDMSR,  /* addr: MSR; through the filter. The result or FAKE_GP goes to reads[] */
	FAKE_WRMSR,  /* likewise, with value; 0 or FAKE_GP goes to reads[] */
	FAKE_ERRNO,  /* value: KVM_RUN fails with this errno */
	FAKE_CALL,   /* calls fn(fn_ctx) on the vCPU's thread and goes on */
	FAKE_HYPERV, /* addr: the type of exit, value: a hypercall's input. Its result goes to
			reads[] */
	FAKE_REPEAT, /* back to the first step, for ever */
};

struct fake_step {
	enum fake_step_kind kind;
	uint64_t addr; /* port, guest physical address or MSR */
	uint32_t size, count;
	const char *data;
	uint64_t value;
	void (*fn)(void *ctx);
	void *fn_ctx;
};

struct fake_vcpu {
	int fd;
	uint32_t id;
	struct kvm_run *run;
	const struct fake_step *script; /* of the test; NULL: only wait */
	unsigned at;
	const struct fake_step *answer_to; /* a read whose answer is fetched at the next KVM_RUN */
	uint64_t reads[FAKE_MAX_READS];
	unsigned nr_reads;
	unsigned runs;
	struct cpuid_table cpuid;
	struct kvm_msr_entry msrs[FAKE_MAX_MSRS]; /* in the order in which they were first set */
	unsigned nr_msrs;
	unsigned tsc_khz;
	uint32_t mp_state;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct kvm_lapic_state lapic;
	uint64_t tsc_offset;
	unsigned told_paused; /* KVM_KVMCLOCK_CTRL */
	pthread_t thread;     /* the last that called KVM_RUN */
};

struct fake_call {
	const char *name; /* "open", "map", or the ioctl's */
	int fd;
	uint64_t arg; /* a number argument; of KVM_ENABLE_CAP the capability */
};

struct fake_irq {
	uint32_t gsi;
	bool level;
};

#define FAKE_MAX_GSIS 32 /* KVM_CAP_IRQ_ROUTING; a real KVM says 4096 */

struct fake_kvm {
	struct kvm_calls calls;
	const struct host_facts *facts;
	int api_version;
	int run_size;
	int absent_cap;      /* KVM_CHECK_EXTENSION gives 0 for this one; -1: none */
	uint32_t refuse_msr; /* KVM_SET_MSRS and KVM_GET_MSRS take all but this one; 0: all */
	uint32_t lossy_msr;  /* … and forgets the value of this one */
	uint32_t sticky_msr; /* … and adds a bit, the highest, to this one */
	uint32_t lossy_leaf; /* KVM_GET_CPUID2 has bit 0 of its EAX flipped; 0: none */
	bool forgets_leaf;   /* … or has not that leaf at all */
	/* KVM_SET_CPUID2 takes these bits away, and adds those: of EBX, say, of leaf 7. */
	struct fake_rewrite {
		uint32_t leaf, subleaf;
		enum cpuid_reg reg;
		uint32_t drop, add;
	} rewrites[4];
	uint32_t zero_msr;   /* KVM_SET_MSRS takes only 0 for this one: it stops there, … */
	bool zero_msr_fails; /* … or fails as a whole; 0: none */
	bool run_time_bits;  /* KVM_GET_CPUID2 shows a vCPU's registers as KVM does */
	bool shows_vmx;      /* … or shows VMX whatever was set */
	bool smm;            /* it has system management mode, and an address space for it */
	bool lossy_tsc;      /* KVM_GET_TSC_KHZ gives one kHz less */
	bool translate_fails, regs_fail;
	bool no_realtime;        /* KVM_SET_CLOCK has no KVM_CLOCK_REALTIME */
	bool no_tsc_offset;      /* KVM_HAS_DEVICE_ATTR has no KVM_VCPU_TSC_OFFSET */
	bool forgets_tsc_offset; /* … or takes it, and no more */
	uint64_t tsc;            /* of a vCPU whose offset is 0; the test's to advance */
	/* At each KVM_RUN, before it looks whether it was asked to exit at once; NULL: nothing. */
	void (*on_run)(void *ctx, struct fake_vcpu *vcpu);
	void *on_run_ctx;
	uint16_t evmcs_versions; /* that KVM_CAP_HYPERV_ENLIGHTENED_VMCS gives */

	unsigned fail_at;                /* the number, from 1, of the call to fail; 0: none */
	int fail_code;                   /* a positive errno */
	_Atomic(const char *) fail_name; /* all calls of that name fail, too; NULL: none */

	pthread_mutex_t lock; /* guards all below that vCPUs share */
	struct fake_call log[FAKE_MAX_LOG];
	unsigned nr_calls;
	int fds[FAKE_MAX_FDS];
	unsigned nr_fds;
	unsigned nr_maps;
	unsigned bad_calls; /* closes, unmaps and ioctls of what is not there */
	struct fake_vcpu *vcpus[FAKE_MAX_VCPUS]; /* until their descriptors are closed */
	unsigned nr_vcpus;
	const struct fake_step *scripts[FAKE_MAX_VCPUS]; /* by order of creation; set before */
	struct kvm_msr_filter filter;                    /* with copies of the bitmaps */
	bool msr_exits; /* KVM_CAP_X86_USER_SPACE_MSR has the reason FILTER */
	struct kvm_enable_cap caps[8];
	unsigned nr_caps;
	struct kvm_userspace_memory_region slots[8];
	unsigned nr_slots;
	uint32_t pit_flags;
	struct kvm_pit_state2 pit;
	uint64_t clock_ns, clock_wall_ns; /* as they were set; 0: without the latter */
	struct kvm_ioapic_state ioapic;
	struct fake_irq irqs[64];
	unsigned nr_irqs;
	struct kvm_msi msis[64];
	unsigned nr_msis;
	struct kvm_irq_routing_entry routes[64];
	unsigned nr_routes;
};

/* facts are borrowed. NULL when memory is out. */
struct fake_kvm *fake_kvm_create(const struct host_facts *facts);
void fake_kvm_destroy(struct fake_kvm *f);

/* True where every descriptor and mapping was given back, and nothing else was. */
bool fake_kvm_is_clean(const struct fake_kvm *f);

/* What the filter that was set does with a guest's access. */
bool fake_kvm_filter_passes(const struct fake_kvm *f, uint32_t index, bool write);

/* Where the first call of that name from number `from` on stands in the log, or -1. */
int fake_kvm_find(const struct fake_kvm *f, const char *name, unsigned from);
unsigned fake_kvm_count(const struct fake_kvm *f, const char *name);

#endif
