/* SPDX-License-Identifier: MIT */
/*
 * A VM's life in this process: the files that it boots from and those that it writes, open from the
 * beginning to the end, its event loop, and the machine, which is reset when the guest reboots.
 * That opens nothing by a path: see vm/files.h for what it boots.
 */
#ifndef NESTOR_VM_SESSION_H
#define NESTOR_VM_SESSION_H

#include "vm/machine.h"
#include "vm/outputs.h"

struct session;

/* What whoever has a session hears of it, on the loop's thread. Each may be NULL. */
struct session_client {
	/* The first machine stands, and is about to run: who wants to be on the loop goes there
	 * now, and leaves it before session_destroy. An error ends the session. */
	int (*on_up)(void *ctx, struct loop *loop, struct err *e);
	/* A machine runs from now on, or has ended. */
	void (*on_running)(void *ctx, bool running);
	void *ctx;
	struct byte_source input; /* of the serial port on standard input */
};

/* Everything is borrowed and must outlive the session. */
struct session_options {
	struct kvm *kvm;
	struct output_options outputs;     /* with the config */
	struct worker *worker;             /* as machine_options */
	struct kernel_cache *kernel_cache; /* likewise */
	const struct reporter *reporter;
	struct session_client client;
};

/* Opens and makes nothing yet. */
int session_create(struct session **ret_session, const struct session_options *options,
	struct err *e) MUST_CHECK;

/*
 * Opens the files that the guest boots from, and begins the first machine, while the plan is still
 * made: machine_begin and machine_settle. *plan and *policy are borrowed, and there when
 * session_run is called.
 */
int session_begin(struct session *s, struct machine_plan *const *plan,
	const struct cpu_policy *const *policy, struct err *e) MUST_CHECK;

/*
 * Opens what the VM writes, and runs it, again and again while the guest reboots,
 * lifecycle.on_reboot is "restart", and nobody has asked it to stop. *ret_result is of the last
 * machine. Once.
 */
int session_run(struct session *s, struct machine_result *ret_result, struct err *e) MUST_CHECK;

/* NULL-safe. */
void session_destroy(struct session *s);

/* machine_has_new_kernel, of the machine that runs. */
bool session_has_new_kernel(const struct session *s);

/*
 * What a user does to the VM; nothing while no machine runs. On the loop's thread. why is for the
 * message that says so.
 */
void session_press_power_button(struct session *s);
/* Presses the power button, and stops the VM if it has not powered off in lifecycle.stop_timeout;
 * a reboot ends it as well. The first time alone counts. */
void session_ask_to_stop(struct session *s, const char *why);
/* At once. */
void session_stop(struct session *s, const char *why);
/* As lifecycle.pause_clock says; a machine that cannot be paused runs on, with a warning. */
void session_pause(struct session *s);
void session_resume(struct session *s);
/* See machine_serial_ready. */
bool session_serial_ready(struct session *s, unsigned i);

#endif
