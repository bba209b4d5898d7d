/* SPDX-License-Identifier: MIT */
/*
 * KVM as nestor uses it: the system, a VM, its irqchip, and vCPUs. Converts between nestor's value
 * types and KVM's structs at this border, and decides nothing. Each error names the ioctl and its
 * argument. Owners: a setup (setup/) owns a kvm_vm and its kvm_vcpus; they borrow the struct kvm,
 * which must outlive them.
 */
#ifndef NESTOR_KVM_KVM_H
#define NESTOR_KVM_KVM_H

#include "base/err.h"
#include "base/types.h"
#include "base/x86.h"
#include "cpuid/host_facts.h"
#include "cpuid/msr.h"
#include "kvm/calls.h"

#define KVM_DEVICE_PATH "/dev/kvm"

struct kvm;
struct kvm_vm;
struct kvm_vcpu;

/*
 * System (KVM API section 4, system ioctls). Opens path, and refuses an API version other than 12
 * or the absence of any required capability, all of which are named.
 */
int kvm_open(struct kvm **ret_kvm, const struct kvm_calls *calls, const char *path,
	struct err *e) MUST_CHECK;
void kvm_close(struct kvm *kvm);
int kvm_host_facts(struct kvm *kvm, struct host_facts *ret_facts, struct err *e) MUST_CHECK;
/*
 * The same in two parts, for facts that host_facts_clear() has cleared: KVM's CPUID table, for
 * which it takes most of a millisecond where this host is a VM itself, and all the others. Each
 * leaves the other's members alone, so two threads can read them at the same time.
 */
int kvm_host_facts_cpuid(struct kvm *kvm, struct host_facts *facts, struct err *e) MUST_CHECK;
int kvm_host_facts_others(struct kvm *kvm, struct host_facts *facts, struct err *e) MUST_CHECK;
/* The CPUID of the processor itself, every leaf and subleaf that it has. Needs no KVM. */
void kvm_processor_cpuid(struct cpuid_table *ret_table);

/* Each capability that nestor knows: its name, number, what for, value on this host. */
struct kvm_capability {
	const char *name;
	int number;
	bool required;
	const char *purpose;
};
const struct kvm_capability *kvm_capabilities(size_t *ret_count);
/* KVM_CHECK_EXTENSION; 0 where it is absent. */
int kvm_check_extension(struct kvm *kvm, int number);
int kvm_api_version(struct kvm *kvm);

/* VM. */
int kvm_vm_create(struct kvm_vm **ret_vm, struct kvm *kvm, struct err *e) MUST_CHECK;
void kvm_vm_destroy(struct kvm_vm *vm);

/* Maps size_bytes at hva into the guest at base, in the given slot. Multiples of 4 KiB. */
int kvm_vm_set_memslot(struct kvm_vm *vm, unsigned slot, struct gpa base, uint64_t size_bytes,
	void *hva, struct err *e) MUST_CHECK;

/*
 * System management mode: whether vCPUs of this VM can enter it, and then the memory that they see
 * in it, which is an address space of its own, empty at first (KVM API,
 * KVM_CAP_MULTI_ADDRESS_SPACE). Slots are numbered apart from the others.
 */
int kvm_vm_has_smm(struct kvm_vm *vm, bool *ret_has, struct err *e) MUST_CHECK;
int kvm_vm_set_smm_memslot(struct kvm_vm *vm, unsigned slot, struct gpa base, uint64_t size_bytes,
	void *hva, struct err *e) MUST_CHECK;

/* Where KVM may keep its TSS (3 pages) and identity map (1 page) on Intel; before any vCPU. */
int kvm_vm_set_intel_pages(
	struct kvm_vm *vm, struct gpa tss, struct gpa identity_map, struct err *e) MUST_CHECK;

/* 32-bit APIC IDs, where KVM has KVM_CAP_X2APIC_API. */
int kvm_vm_enable_x2apic_ids(struct kvm_vm *vm, struct err *e) MUST_CHECK;

/* 8259 pair, I/O APIC and local APICs in KVM. */
int kvm_vm_create_irqchip(struct kvm_vm *vm, struct err *e) MUST_CHECK;
/* With those, an 8254 that claims port 0x61 too. KVM starts a thread for it, and waits for that. */
int kvm_vm_create_pit(struct kvm_vm *vm, struct err *e) MUST_CHECK;

/* Its I/O APIC's ID register, which KVM leaves at 0: id, 0 to 15, is what the tables say. */
int kvm_vm_set_ioapic_id(struct kvm_vm *vm, uint8_t id, struct err *e) MUST_CHECK;

/* Local APICs in KVM only; nr_pins GSIs are kept for an I/O APIC outside. */
int kvm_vm_create_split_irqchip(struct kvm_vm *vm, unsigned nr_pins, struct err *e) MUST_CHECK;

/* Drives a pin of the in-kernel irqchip. */
int kvm_vm_irq_line(struct kvm_vm *vm, unsigned gsi, bool level);

/* Sends a message-signalled interrupt. */
int kvm_vm_signal_msi(struct kvm_vm *vm, uint64_t address, uint32_t data);

/*
 * GSI routes: what becomes of each interrupt that a GSI stands for. KVM takes the whole table at
 * once (KVM API, KVM_SET_GSI_ROUTING), so it has one owner, the VM, and a change gives KVM all of
 * it again. The first GSIs are the pins of the interrupt controllers: of KVM's own, which know
 * their routes, or of an I/O APIC in user space (split), whose pins are messages. Others are added
 * for devices that send messages through an irqfd. Any thread.
 */
struct kvm_message {
	uint64_t address;
	uint32_t data;
};
/*
 * Split irqchip: tells KVM where each pin's message goes, so that it exits on the end of interrupt
 * of level-triggered ones. read(ctx, pin, &message) says false where a pin has no route. It is
 * called for every pin with the table's lock held: of two threads whose pins change, the one that
 * comes last has what both have changed.
 */
int kvm_vm_update_pins(struct kvm_vm *vm, unsigned nr_pins,
	bool (*read)(void *ctx, unsigned pin, struct kvm_message *ret_message), void *ctx,
	struct err *e) MUST_CHECK;
/* A GSI beyond the pins that no other has; without a route until it is set. -ENOSPC: KVM has no
 * more (KVM_CAP_IRQ_ROUTING); -ENOMEM. */
int kvm_vm_add_gsi(struct kvm_vm *vm, unsigned *ret_gsi, struct err *e) MUST_CHECK;
/* Its message, or NULL: none, as while it is masked. Nothing is asked of KVM where that is so
 * already; where KVM refuses, it stays as it was. */
int kvm_vm_set_gsi(struct kvm_vm *vm, unsigned gsi, const struct kvm_message *message,
	struct err *e) MUST_CHECK;
/* Without a route first (kvm_vm_set_gsi with NULL); another may get the number. */
void kvm_vm_remove_gsi(struct kvm_vm *vm, unsigned gsi);

/*
 * KVM_X86_SET_MSR_FILTER; nothing where the filter has no range. Where filter->exits, also makes
 * the accesses that the filter stops exit (KVM_CAP_X86_USER_SPACE_MSR, reason FILTER); else they
 * are #GP. Before any guest code runs.
 */
int kvm_vm_set_msr_filter(
	struct kvm_vm *vm, const struct msr_filter *filter, struct err *e) MUST_CHECK;

/*
 * Time (kvm/clock.c). The kvmclock of all vCPUs, in ns since the VM's start. It is set to have said
 * ns when the host's CLOCK_REALTIME said wall_ns, which is just past, and to go on from then. The
 * 8254, as it counts; set anew, it owes the guest no tick.
 */
int kvm_vm_get_clock(struct kvm_vm *vm, uint64_t *ret_ns, struct err *e) MUST_CHECK;
int kvm_vm_set_clock(struct kvm_vm *vm, uint64_t ns, uint64_t wall_ns, struct err *e) MUST_CHECK;
struct kvm_pit {
	uint8_t state[112]; /* struct kvm_pit_state2 */
};
int kvm_vm_get_pit(struct kvm_vm *vm, struct kvm_pit *ret_pit, struct err *e) MUST_CHECK;
int kvm_vm_set_pit(struct kvm_vm *vm, const struct kvm_pit *pit, struct err *e) MUST_CHECK;

/* vCPU. vcpu_id is its APIC ID. */
int kvm_vcpu_create(
	struct kvm_vcpu **ret_vcpu, struct kvm_vm *vm, uint32_t vcpu_id, struct err *e) MUST_CHECK;
void kvm_vcpu_destroy(struct kvm_vcpu *vcpu);

int kvm_vcpu_set_cpuid(
	struct kvm_vcpu *vcpu, const struct cpuid_table *table, struct err *e) MUST_CHECK;
/* Reads back what KVM keeps of it (KVM_GET_CPUID2). */
int kvm_vcpu_get_cpuid(
	struct kvm_vcpu *vcpu, struct cpuid_table *ret_table, struct err *e) MUST_CHECK;
/*
 * Sets n MSRs (at most MSR_POLICY_MAX_SET) in their order, and reads them back: KVM may not take
 * one, or keep another value. ret_kept[i] says what became of msrs[i]. Errors are of the calls.
 */
struct kvm_msr_kept {
	bool taken;     /* KVM_SET_MSRS took it, or it follows others and was not set */
	bool read;      /* KVM_GET_MSRS gives it */
	uint64_t value; /* where read */
};
int kvm_vcpu_set_msrs(struct kvm_vcpu *vcpu, const struct msr_value *msrs, unsigned n,
	struct kvm_msr_kept *ret_kept, struct err *e) MUST_CHECK;
/* One MSR, as the host sees it (no guest permission is asked). */
int kvm_vcpu_get_msr(
	struct kvm_vcpu *vcpu, uint32_t index, uint64_t *ret_value, struct err *e) MUST_CHECK;
int kvm_vcpu_set_msr(
	struct kvm_vcpu *vcpu, uint32_t index, uint64_t value, struct err *e) MUST_CHECK;
/* KVM_SET_TSC_KHZ, and reads back what the guest gets (KVM_GET_TSC_KHZ). Before the first run.
 * -ENOTSUP where it is not the host's, and KVM has no KVM_CAP_TSC_CONTROL. */
int kvm_vcpu_set_tsc_khz(struct kvm_vcpu *vcpu, unsigned khz, struct err *e) MUST_CHECK;
int kvm_vcpu_get_tsc_khz(struct kvm_vcpu *vcpu, unsigned *ret_khz, struct err *e) MUST_CHECK;
/*
 * The guest's TSC, where it can be turned back (KVM_VCPU_TSC_OFFSET, since Linux 5.16), else
 * -ENOTSUP; and does so, by the guest's ticks: vCPUs that were in step stay so. -ENOTSUP where KVM
 * has not kept that. When the local APIC's timer is due by the TSC is reckoned anew. On the vCPU's
 * thread.
 */
int kvm_vcpu_get_tsc_khz(struct kvm_vcpu *vcpu, unsigned *ret_khz, struct err *e) MUST_CHECK;
/*
 * The guest's TSC, where it can be turned back (KVM_VCPU_TSC_OFFSET, since Linux 5.16), else
 * -ENOTSUP; and does so, by the guest's ticks: vCPUs that were in step stay so. When the local
 * APIC's timer is due by the TSC is reckoned anew. On the vCPU's thread.
 */
int kvm_vcpu_get_tsc(struct kvm_vcpu *vcpu, uint64_t *ret_tsc, struct err *e) MUST_CHECK;
int kvm_vcpu_turn_tsc_back(struct kvm_vcpu *vcpu, uint64_t ticks, struct err *e) MUST_CHECK;
/* KVM_KVMCLOCK_CTRL: tells a guest with a kvmclock, whose watchdogs ask for it, that it was paused.
 */
int kvm_vcpu_tell_paused(struct kvm_vcpu *vcpu, struct err *e) MUST_CHECK;
/* KVM_SET_MP_STATE: the vCPU runs at once, without INIT and SIPI. */
int kvm_vcpu_make_runnable(struct kvm_vcpu *vcpu, struct err *e) MUST_CHECK;
/* Enters by a boot protocol's state; what it does not say stays as after reset. */
int kvm_vcpu_set_state(
	struct kvm_vcpu *vcpu, const struct x86_state *state, struct err *e) MUST_CHECK;
/* LINT0 takes the 8259's interrupts, LINT1 is NMI, as firmware leaves them on the boot vCPU. */
int kvm_vcpu_set_lint(struct kvm_vcpu *vcpu, struct err *e) MUST_CHECK;

/* Where the vCPU enters system management mode: 0x30000 after reset; INIT leaves it. */
int kvm_vcpu_set_smbase(struct kvm_vcpu *vcpu, uint32_t smbase, struct err *e) MUST_CHECK;

/*
 * KVM_RUN. Returns 0 on an exit to handle, -EINTR where the vCPU was kicked, or another negative
 * errno, with e set: the host's fault. That the VM is dead is an exit: what KVM gives a VM up for,
 * the guest has done.
 */
int kvm_vcpu_run(struct kvm_vcpu *vcpu, struct err *e) MUST_CHECK;

/* Makes KVM_RUN, now or next time, return -EINTR; the caller also signals the thread. What the
 * guest had asked for by the last exit is done by then. Any thread. */
void kvm_vcpu_request_immediate_exit(struct kvm_vcpu *vcpu);
/* KVM_RUN runs the guest again. The vCPU's thread. */
void kvm_vcpu_cancel_immediate_exit(struct kvm_vcpu *vcpu);

/* The last exit; valid after kvm_vcpu_run returned 0, on the same thread. */
enum kvm_exit_kind {
	KVM_EXIT_KIND_IO,
	KVM_EXIT_KIND_MMIO,
	KVM_EXIT_KIND_HLT,
	KVM_EXIT_KIND_SHUTDOWN,
	KVM_EXIT_KIND_FAIL_ENTRY,
	KVM_EXIT_KIND_INTERNAL_ERROR,
	KVM_EXIT_KIND_SYSTEM_EVENT,
	KVM_EXIT_KIND_IOAPIC_EOI,
	KVM_EXIT_KIND_MSR,    /* an access that the MSR filter stopped */
	KVM_EXIT_KIND_HYPERV, /* Hyper-V's interface; see kvm/hyperv.h */
	KVM_EXIT_KIND_INTR,
	KVM_EXIT_KIND_DEAD,  /* KVM gave the whole VM up: all of its calls fail from now on */
	KVM_EXIT_KIND_OTHER, /* any reason that nestor does not ask for */
	KVM_EXIT_KIND_COUNT,
};

enum kvm_hyperv_exit_type {
	KVM_HYPERV_SYNIC,     /* the guest wrote to the SynIC's control MSRs */
	KVM_HYPERV_HYPERCALL, /* one that KVM does not carry out */
	KVM_HYPERV_DEBUGGER,
	KVM_HYPERV_UNKNOWN,
};

struct kvm_exit {
	enum kvm_exit_kind kind;
	uint32_t reason; /* KVM's own number */
	union {
		struct {
			uint16_t port;
			bool out;
			uint8_t size_bytes; /* 1, 2 or 4 */
			uint32_t count; /* string operations: elements, one after another in data */
			uint8_t *data;  /* size_bytes * count, read or written in place */
		} io;
		struct {
			struct gpa addr;
			bool write;
			uint32_t size_bytes; /* 1 to 8 */
			uint8_t *data;
		} mmio;
		struct {
			uint64_t reason;
		} fail_entry;
		struct {
			uint32_t suberror;
			bool emulation; /* of an instruction failed, at RIP */
			uint32_t nr_data;
			uint64_t data[16];
		} internal;
		struct {
			bool in_smm;
			bool in_nested_guest; /* only known from Linux 6.11 on */
		} dead;
		struct {
			uint32_t type;
		} system_event;
		struct {
			uint8_t vector;
		} eoi;
		struct {
			uint32_t index;
			bool write;
			uint64_t *data; /* read or written in place */
			uint8_t *error; /* set to 1: #GP */
		} msr;
		struct {
			enum kvm_hyperv_exit_type type;
			uint32_t kvm_type; /* KVM's own number */
			uint64_t input;    /* of a hypercall: code in bits 15:0 */
			uint64_t *result;  /* of a hypercall, or of the debugger; written in place
					    */
		} hyperv;
	};
};
void kvm_vcpu_exit(struct kvm_vcpu *vcpu, struct kvm_exit *ret_exit);

/* For a crash report; any of it may fail. */
int kvm_vcpu_get_state(struct kvm_vcpu *vcpu, struct x86_state *ret_state, uint64_t *ret_cr2,
	uint64_t r8_15[8], struct err *e) MUST_CHECK;
/* A guest virtual address through the vCPU's page tables; -EFAULT where it is not mapped. */
int kvm_vcpu_translate(struct kvm_vcpu *vcpu, uint64_t gva, struct gpa *ret_addr) MUST_CHECK;

#endif
