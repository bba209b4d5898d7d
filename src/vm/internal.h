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
#include <semaphore.h>
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

enum vcpu_state {
	VCPU_STOPPED, /* its thread does not run it, not yet or no more */
	VCPU_RUNNING,
	VCPU_PAUSED,
};

/* For a vCPU's own thread; the giver's, who waits for it. */
struct vcpu_task {
	void (*fn)(struct vcpu *vcpu, void *ctx);
	void *ctx;
	enum { TASK_GIVEN, TASK_BEGUN, TASK_DONE } state; /* under pause.lock */
};

/* What a vCPU has to make up for when it goes on. */
struct vcpu_missed {
	bool paused;
	uint64_t tsc_ticks; /* that the guest's TSC has to go back */
};

/* What runs a vCPU. */
struct vcpu_thread {
	struct machine *machine; /* borrowed */
	unsigned index;
	struct worker *worker, *own_worker; /* the same, or the former borrowed */
	struct work running;
	bool started; /* running was given */

	/* pause.c; written under pause.lock. */
	_Atomic(enum vcpu_state) state;
	struct vcpu_task *task; /* NULL: none; at most one, as only the loop's thread gives any */
	struct vcpu_missed missed;
	sem_t wake; /* posted where a paused one has to look what is asked of it */
};

/* pause.c */
struct machine_pause {
	pthread_mutex_t lock; /* guards the next two, and what is said of vcpu_thread */
	bool asked;           /* vCPUs have to rest */
	unsigned nr_running;
	pthread_cond_t news; /* the loop's thread waits: no vCPU runs; a task is done */
	int fd;              /* eventfd: readable while asked; ends waits in host_output_write */
	bool paused;         /* the loop's thread: machine_pause succeeded */
	atomic_bool complained, tsc_told; /* each is said once */
};

/* What the guest's clocks and the host's say at one time. */
struct clock_reading {
	uint64_t host_ns, wall_ns; /* host_monotonic_ns(), host_wall_ns() */
	uint64_t kvmclock_ns;
	bool has_tsc;
	uint64_t tsc_ticks; /* of the boot vCPU */
};

/* pause_clock.c; the loop's thread. */
struct machine_clocks {
	bool stopped;
	struct clock_reading at;
	struct kvm_pit pit; /* where there is one */
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

	struct machine_pause pause;
	struct machine_clocks clocks; /* that stand still */
	int stop_fd;                  /* eventfd: readable once the vCPUs have to stop */
	atomic_bool stopping;         /* read by vCPU threads between runs */
	atomic_bool crashed;          /* a vCPU reports it, or has */
	atomic_int ended;             /* 0, or 1 + enum machine_end: the first to set it wins */
	uint32_t end_status;          /* written by that one before the loop is told */
	struct err run_error;         /* likewise, for MACHINE_END_ERROR */
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

struct boot_request;
/* load.c: from the config's words to the loader's. */
void load_choose_protocol(const struct vm_config *config, struct boot_request *req);
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
/* Makes the thread leave KVM_RUN, now or when it next comes there. Any thread. */
void vcpu_kick(struct vcpu_thread *t);

/* pause.c: see there, and machine_pause. */
int machine_pause_init(struct machine *m, struct err *e) MUST_CHECK;
void machine_pause_done(struct machine *m);
/* A vCPU's thread: before it is given the vCPU, and when it has left it for good. */
void vcpu_began(struct vcpu_thread *t);
void vcpu_ended(struct vcpu_thread *t);
/* After each KVM_RUN that was interrupted: does what is asked, waits as long as the machine is
 * paused, and makes up for that. */
void vcpu_rest(struct vcpu_thread *t);
/* No guest code may run any more. */
bool vcpu_must_end(const struct machine *m);
/* KVM has no way to turn it back: says so, for people who debug. Any thread. */
void machine_tsc_goes_on(struct machine *m, const struct err *e);
/* Those that rest look again at vcpu_must_end. */
void machine_wake_vcpus(struct machine *m);
/*
 * Runs fn on the thread of a vCPU, between two KVM_RUN, and waits for it: -ESRCH where the vCPU has
 * stopped, -ETIMEDOUT where its thread does not come. On the loop's thread, while the machine runs
 * or is paused, which does not matter.
 */
int vcpu_run_task(struct machine *m, unsigned vcpu, void (*fn)(struct vcpu *vcpu, void *ctx),
	void *ctx, struct err *e) MUST_CHECK;

/* pause_clock.c: on the loop's thread, while all vCPUs are paused. *ret_tsc_ticks is for each vCPU
 * to turn its TSC back by. */
int machine_stop_clocks(struct machine *m, struct err *e) MUST_CHECK;
int machine_start_clocks(struct machine *m, uint64_t *ret_tsc_ticks, struct err *e) MUST_CHECK;

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
