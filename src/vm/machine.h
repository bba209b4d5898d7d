/* SPDX-License-Identifier: MIT */
/*
 * The machine: the composition root. Joins a plan, KVM, guest RAM, devices and a boot loader into
 * one VM, runs it, and takes it down again. Several machines can live in one process, one event
 * loop each. See build.c for the numbered steps.
 */
#ifndef NESTOR_VM_MACHINE_H
#define NESTOR_VM_MACHINE_H

#include "base/finding.h"
#include "base/report.h"
#include "base/worker.h"
#include "config/config.h"
#include "devices/services.h"
#include "host/kernel_cache.h"
#include "host/loop.h"
#include "kvm/kvm.h"
#include "plan/machine_plan.h"
#include "vm/files.h"

struct machine;

/* Descriptors that the machine's consoles use; borrowed; -1: none. */
struct machine_io {
	int serial_out[CONFIG_MAX_SERIALS];
	int debug_console_out;
};

/* Everything is borrowed and must outlive the machine. */
struct machine_options {
	struct kvm *kvm;
	const struct vm_config *config;
	const struct machine_plan *plan;
	/* That the plan was made from: who asks for what KVM does not keep. NULL: nobody asks. */
	const struct cpu_policy *policy;
	const struct guest_files *files; /* that config names */
	struct machine_io io;
	struct loop *loop;
	/* Whose thread is the boot vCPU's: NULL: it gets one of its own, like the others. */
	struct worker *worker;
	struct kernel_cache *kernel_cache; /* of unpacked kernels; NULL: none */
	const struct reporter *reporter;
	struct byte_source serial_input[CONFIG_MAX_SERIALS];
};

/* How a run ended. */
enum machine_end {
	MACHINE_END_POWER_OFF,
	MACHINE_END_REBOOT,
	MACHINE_END_DEBUG_EXIT, /* status: the byte that the guest wrote */
	MACHINE_END_CRASH,      /* the report went to the reporter */
	MACHINE_END_PANIC,
	MACHINE_END_STOPPED, /* by machine_stop */
	MACHINE_END_ERROR,   /* a vCPU or the host failed; machine_run returns the error */
};

struct machine_result {
	enum machine_end end;
	uint32_t status;
};

/* Builds all of it, guest loaded, vCPUs not started. */
int machine_create(struct machine **ret_machine, const struct machine_options *options,
	struct err *e) MUST_CHECK;
/*
 * The same in halves. The first does what needs no plan, and so can be done while that is still
 * made: the guest's files, its RAM, a VM that has it, the irqchip; of the options it looks at kvm,
 * config, files, reporter and worker alone. The second does the rest, with all of the options; on
 * failure the machine is still the caller's.
 */
int machine_begin(struct machine **ret_machine, const struct machine_options *options,
	struct err *e) MUST_CHECK;
int machine_complete(
	struct machine *m, const struct machine_options *options, struct err *e) MUST_CHECK;
/*
 * In between, for options with a worker, as an offer: what KVM alone has to do for the plan, the
 * vCPUs most of all, is done by the worker, while the caller does what does not need it, and
 * machine_complete loads the guest. It is done after what the worker was given before, which makes
 * *plan and *policy, or leaves the plan NULL, if it is refused: then nothing is done. On failure
 * the machine is still the caller's; what the worker fails of, machine_complete or machine_run
 * returns.
 */
int machine_settle(struct machine *m, struct machine_plan *const *plan,
	const struct cpu_policy *const *policy, struct err *e) MUST_CHECK;
/*
 * After a run that ended with MACHINE_END_REBOOT: the machine can run once more, its guest loaded
 * again. The devices stay where they are and are reset, so that the RTC goes on, and what is said
 * only once is. KVM has no reset for its own chips and vCPUs: they are made anew, with RAM that has
 * never been used. On failure the machine can only be destroyed.
 */
int machine_reset(struct machine *m, struct err *e) MUST_CHECK;
/* Waits for the worker. NULL-safe. */
void machine_destroy(struct machine *m);

/* Starts the vCPUs and runs the event loop until the machine ends, then joins the vCPUs. Once,
 * and once after each machine_reset. */
int machine_run(struct machine *m, struct machine_result *ret_result, struct err *e) MUST_CHECK;

/* True where the kernel cache was asked for this kernel for the first time: it is worth being
 * stored, by another process; the machine does it itself only where that has not been done by next
 * time. */
bool machine_has_new_kernel(const struct machine *m);

/*
 * Pauses a machine that runs, and returns once no guest code does and the chips rest. What the
 * guest had asked for by its last exits is done by then, but for output that a slow reader does not
 * take, which is kept until it goes on. PAUSE_CLOCK_STOP: the guest's clocks stand still until
 * machine_resume, but for the RTC, which is a battery's, and for the TSC where KVM cannot turn it
 * back (before Linux 5.16). PAUSE_CLOCK_RUN: they go on, and the guest finds itself later; its
 * kvmclock tells its watchdogs that it was paused.
 *
 * All on the loop's thread. Fails with -ECANCELED where the machine has ended, or ends meanwhile,
 * with -ETIMEDOUT where a vCPU does not come; then it runs on. A paused machine can be stopped; its
 * power button, and input, it finds when it goes on. Pausing a paused one, and resuming one that
 * runs, does nothing.
 */
int machine_pause(struct machine *m, enum config_pause_clock clock, struct err *e) MUST_CHECK;
/* What cannot be made up for is reported, once. */
void machine_resume(struct machine *m);

/* On the loop's thread. */
void machine_press_power_button(struct machine *m);
/* Ends the run at once. Any thread. */
void machine_stop(struct machine *m);

/* The input of serial port number i has bytes; see ns16550_input_ready. On the loop's thread. */
bool machine_serial_ready(struct machine *m, unsigned i);

/*
 * check_files.c: adds to found what of the guest's files no machine could load: a kernel that there
 * is no loader for, an initrd or a module that is empty. Files of which found says something are
 * left alone. 0 also where there are faults; -ENOMEM.
 */
int machine_check_files(
	const struct config *config, struct findings *found, struct err *e) MUST_CHECK;

#endif
