/* SPDX-License-Identifier: MIT */
/* What the files of vm/ share: the machine's parts, each owned by the machine unless it says so. */
#ifndef NESTOR_VM_INTERNAL_H
#define NESTOR_VM_INTERNAL_H

#include "devices/acpi_pm.h"
#include "devices/bus.h"
#include "devices/device_list.h"
#include "devices/ioapic.h"
#include "devices/mc146818.h"
#include "devices/ns16550.h"
#include "devices/services.h"
#include "host/output.h"
#include "memory/ram.h"
#include "vm/machine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct cpu_kept;
struct guest_clock;
struct guest_inputs;
struct setup;

struct vcpu {
	struct machine *machine; /* borrowed */
	unsigned index;
	struct kvm_vcpu *kvm; /* borrowed from setup */
};

/* What runs a vCPU. */
struct vcpu_thread {
	struct machine *machine; /* borrowed */
	unsigned index;
	struct worker *worker, *own_worker; /* the same, or the former borrowed */
	struct work running;
	bool started; /* running was given */
};

struct machine {
	struct machine_options options;
	struct setup *setup;
	struct kvm_vm *kvm_vm; /* borrowed from setup */
	struct ram *ram;
	struct guest_inputs *inputs; /* until the guest is loaded */
	struct msr_filter foreseen_filter;
	bool has_new_kernel; /* see machine_has_new_kernel */
	struct bus bus;
	struct guest_clock *clock;
	struct device_list devices;
	/* What has been said, also before a reset: a guest that resets again and again gets no
	 * fresh allowance. */
	bool kept_reported;                                  /* a vCPU is not as it was set */
	atomic_uint_fast64_t msr_logs[MSR_POLICY_MAX_RULES]; /* by rule of the plan's: how often */
	struct vcpu *vcpus;
	struct vcpu_thread *threads;
	unsigned nr_threads;
	struct x86_state boot_state;

	/* machine_settle; the worker's until machine_settled. */
	struct work settling;
	bool settling_given;
	struct machine_plan *const *settle_plan;
	const struct cpu_policy *const *settle_policy;
	int settle_rc;
	struct err settle_error;

	/* Borrowed from devices. */
	struct ns16550 *serials[CONFIG_MAX_SERIALS];
	struct acpi_pm *acpi_pm;
	struct ioapic *ioapic; /* split irqchip only */

	struct host_output *serial_output[CONFIG_MAX_SERIALS];
	struct host_output *debug_output;

	int stop_fd;          /* eventfd: readable once the vCPUs have to stop */
	atomic_bool stopping; /* read by vCPU threads between runs */
	atomic_bool crashed;  /* a vCPU reports it, or has */
	atomic_int ended;     /* 0, or 1 + enum machine_end: the first to set it wins */
	uint32_t end_status;  /* written by that one before the loop is told */
	struct err run_error; /* likewise, for MACHINE_END_ERROR */
};

/* end.c: ends the run; only the first call counts. error may be NULL. Any thread. */
void machine_end(struct machine *m, enum machine_end end, uint32_t status, const struct err *error);

/* end.c: as if it had not run; for machine_reset. */
void machine_begin_again(struct machine *m);

/* devices.c: creates and claims every device of the plan. */
int machine_add_devices(struct machine *m, struct err *e) MUST_CHECK;

/* time.c: the clock and the timer service of devices. */
struct clock_source machine_clock(struct machine *m);
struct timer_service machine_timers(struct machine *m);

/* irq.c: the interrupt services of devices, for either irqchip. */
struct irq_line machine_irq_line(struct machine *m, unsigned gsi);
struct msi_sink machine_msi_sink(struct machine *m);
/* The I/O APIC's entries changed: tells KVM the routes (split irqchip). */
void machine_update_routes(void *ctx);

/* memory.c: guest RAM of the config's size and kind. */
int machine_create_ram(struct machine *m, struct err *e) MUST_CHECK;

/* load.c: reads the kernel, and of the guest's other files what comes first: the rest goes straight
 * into RAM, when they are loaded. */
int machine_begin_reading(struct machine *m, struct err *e) MUST_CHECK;
void machine_done_reading(struct machine *m);
/* ACPI tables, device tree, kernel and initrd into RAM; state of the boot vCPU. */
int machine_load_guest(struct machine *m, struct x86_state *ret_state, struct err *e) MUST_CHECK;

/*
 * cpuid_check.c: judges what KVM did not keep of a vCPU's CPUID and MSRs (cpuid/kept.h). -EPROTO
 * where it is refused, with leaf, register and both values, what asks for it and where that stands;
 * else it is reported, for the machine's first such vCPU: as a warning, or as debugging where
 * nothing that is asked for is lost.
 */
int vcpu_check_kept(struct vcpu *vcpu, const struct machine_plan *plan,
	const struct cpu_policy *policy, struct cpu_kept *kept, struct err *e) MUST_CHECK;

/* build.c: waits for what machine_settle has given to the worker, and returns what came of it. */
int machine_settled(struct machine *m, struct err *e) MUST_CHECK;

/* msr_exit.c: an access that the MSR filter stopped, by the plan's policy. */
void vcpu_handle_msr(struct vcpu *vcpu, const struct kvm_exit *x);
/* Reports which writes a rule asks to log and which are not. */
void machine_report_unlogged(const struct machine *m);

/* vcpu.c: threads. */
int machine_start_vcpus(struct machine *m, struct err *e) MUST_CHECK;
void machine_join_vcpus(struct machine *m);

/* exits.c: what to do after one KVM exit. */
enum exit_result { EXIT_RESUME, EXIT_STOP };
enum exit_result vcpu_handle_exit(struct vcpu *vcpu, const struct kvm_exit *x);

/* crash.c: reports why, the registers and the bytes at RIP; on the vCPU's own thread. */
enum crash_kind {
	CRASH_TRIPLE_FAULT, /* some KVMs change the registers first */
	CRASH_OTHER,
};
void vcpu_report_crash(struct vcpu *vcpu, enum crash_kind kind, const char *why);
/* True where RIP is the guest physical address at. */
bool vcpu_is_at(struct vcpu *vcpu, struct gpa at);

#endif
