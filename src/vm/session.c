/* SPDX-License-Identifier: MIT */
#include "vm/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct session {
	struct session_options options;
	struct guest_files files;
	struct machine_io io;
	struct loop *loop;
	struct machine *machine;     /* NULL before session_begin and after session_run */
	bool has_files, has_outputs; /* files, and io, are to be closed */
	bool is_running;
	struct machine_plan *const *plan;
	const struct cpu_policy *const *policy;
	struct loop_timer *stop_timer; /* the loop's */
	bool stop_asked;
};

static const struct vm_config *config_of(const struct session *s)
{
	return s->options.outputs.vm;
}

/* What needs no plan. */
static struct machine_options early_options(struct session *s)
{
	struct machine_options options = {
		.kvm = s->options.kvm,
		.config = config_of(s),
		.files = &s->files,
		.io = s->io,
		.loop = s->loop,
		.worker = s->options.worker,
		.kernel_cache = s->options.kernel_cache,
		.reporter = s->options.reporter,
	};
	for (size_t i = 0; i < config_of(s)->nr_serials; i++) {
		if (config_of(s)->serials[i].mode == SERIAL_STDIO)
			options.serial_input[i] = s->options.client.input;
	}
	return options;
}

static struct machine_options options_of(struct session *s)
{
	struct machine_options options = early_options(s);
	options.plan = *s->plan;
	options.policy = *s->policy;
	return options;
}

int session_create(
	struct session **ret_session, const struct session_options *options, struct err *e)
{
	struct session *s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	s->options = *options;
	*ret_session = s;
	return 0;
}

int session_begin(struct session *s, struct machine_plan *const *plan,
	const struct cpu_policy *const *policy, struct err *e)
{
	s->plan = plan;
	s->policy = policy;
	s->has_files = true;
	int rc = guest_files_open(&s->files, config_of(s), e);
	if (rc)
		return rc;
	const struct machine_options options = early_options(s);
	rc = machine_begin(&s->machine, &options, e);
	return rc || !options.worker ? rc : machine_settle(s->machine, plan, policy, e);
}

static void on_stop_timeout(void *ctx)
{
	session_stop(ctx, "the guest did not power off in time");
}

static int open_rest(struct session *s, struct err *e)
{
	s->has_outputs = true;
	int rc = outputs_open(&s->io, &s->options.outputs, e);
	if (rc == 0)
		rc = loop_create(&s->loop, e);
	if (rc == 0)
		rc = loop_add_timer(s->loop, on_stop_timeout, s, &s->stop_timer, e);
	return rc;
}

/* Only once a machine stands: until then, Ctrl-C just ends nestor. */
static int come_up(struct session *s, struct err *e)
{
	const struct session_client *client = &s->options.client;
	return client->on_up ? client->on_up(client->ctx, s->loop, e) : 0;
}

static void set_running(struct session *s, bool running)
{
	const struct session_client *client = &s->options.client;
	s->is_running = running;
	if (client->on_running)
		client->on_running(client->ctx, running);
}

/* The machine for the first boot, or the same for the next. */
static int make_ready(struct session *s, bool first, struct err *e)
{
	if (!first)
		return machine_reset(s->machine, e);
	const struct machine_options options = options_of(s);
	int rc = machine_complete(s->machine, &options, e);
	return rc ? rc : come_up(s, e);
}

static int run_once(struct session *s, struct machine_result *ret_result, struct err *e)
{
	set_running(s, true);
	int rc = machine_run(s->machine, ret_result, e);
	set_running(s, false);
	return rc;
}

int session_run(struct session *s, struct machine_result *ret_result, struct err *e)
{
	struct machine_result result = { .end = MACHINE_END_ERROR };
	int rc = open_rest(s, e);
	bool first = true;
	do {
		if (rc == 0)
			rc = make_ready(s, first, e);
		if (rc == 0)
			rc = run_once(s, &result, e);
		first = false;
	} while (rc == 0 && result.end == MACHINE_END_REBOOT && !s->stop_asked &&
		 config_of(s)->lifecycle.on_reboot == ON_REBOOT_RESTART);
	machine_destroy(s->machine);
	s->machine = NULL;
	*ret_result = result;
	return rc;
}

void session_destroy(struct session *s)
{
	if (!s)
		return;
	machine_destroy(s->machine);
	if (s->stop_timer)
		loop_remove_timer(s->stop_timer);
	loop_destroy(s->loop);
	if (s->has_outputs)
		outputs_close(&s->io, &s->options.outputs);
	if (s->has_files)
		guest_files_close(&s->files);
	free(s);
}

bool session_has_new_kernel(const struct session *s)
{
	return s->is_running && machine_has_new_kernel(s->machine);
}

void session_press_power_button(struct session *s)
{
	if (s->is_running)
		machine_press_power_button(s->machine);
}

void session_ask_to_stop(struct session *s, const char *why)
{
	uint64_t timeout_ms = config_of(s)->lifecycle.stop_timeout_ms;
	if (s->stop_asked || !s->is_running)
		return;
	s->stop_asked = true;
	report(s->options.reporter, REPORT_INFO,
		"%s: asking the guest to power off; stopping it in %" PRIu64 ".%03" PRIu64
		" s if it does not",
		why, timeout_ms / 1000, timeout_ms % 1000);
	machine_press_power_button(s->machine);
	loop_timer_arm(s->stop_timer, host_monotonic_ns() + timeout_ms * 1000000u);
}

void session_stop(struct session *s, const char *why)
{
	if (!s->is_running)
		return;
	report(s->options.reporter, REPORT_INFO, "%s: stopping the VM", why);
	machine_stop(s->machine);
}

void session_pause(struct session *s)
{
	struct err e = ERR_INIT;
	if (!s->is_running)
		return;
	int rc = machine_pause(s->machine, config_of(s)->lifecycle.pause_clock, &e);
	if (rc && rc != -ECANCELED) /* else it ends just now */
		report(s->options.reporter, REPORT_WARN, "the VM is not paused: %s", e.msg);
}

void session_resume(struct session *s)
{
	if (s->is_running)
		machine_resume(s->machine);
}

bool session_serial_ready(struct session *s, unsigned i)
{
	return s->is_running && machine_serial_ready(s->machine, i);
}
