/* SPDX-License-Identifier: MIT */
/*
 * Building a machine, in numbered steps, and taking it down in reverse. What KVM is asked for in
 * which order is setup/'s; a step that fails leaves a half-built machine, which machine_destroy
 * takes down as well. Steps 1 to 3 need no plan: they can be done while KVM still says what it has.
 * Steps 4 and 5 are KVM's alone, and 6 and 7 ask nothing of it: so a worker can do the former and
 * the caller the latter at the same time. The worker has vcpus and what machine_settle says
 * (vm/internal.h) to itself until machine_settled.
 */
#include "vm/internal.h"

#include "base/fd.h"
#include "host/guest_clock.h"
#include "plan/plan.h"
#include "setup/setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

/* The files before KVM is asked for anything: one that is no kernel costs no VM. */
static int step_1_files(struct machine *m, struct err *e)
{
	return machine_begin_reading(m, e);
}

static int step_2_guest_ram(struct machine *m, struct err *e)
{
	return machine_create_ram(m, e);
}

/* The VM, its memory and its irqchip, as far as the config tells what the plan will say. */
static int step_3_vm(struct machine *m, struct err *e)
{
	const struct vm_config *config = m->options.config;
	bool foreseen = false;
	int rc = plan_foresee_filter(config, &m->foreseen_filter, &foreseen, e);
	if (rc)
		return rc;
	const struct setup_options options = {
		.kvm = m->options.kvm,
		.ram = ram_guest_memory(m->ram),
		.split_irqchip = config->machine.irqchip == IRQCHIP_SPLIT,
		.reporter = m->options.reporter,
		.filter = foreseen ? &m->foreseen_filter : NULL,
		.short_ids = plan_foresee_short_ids(config),
	};
	rc = setup_create(&m->setup, &options, e);
	if (rc == 0)
		m->kvm_vm = setup_vm(m->setup);
	return rc;
}

/* What the plan has for the VM as a whole. */
static int step_4_vm_settings(struct machine *m, const struct machine_plan *plan, struct err *e)
{
	return setup_complete(m->setup, plan, e);
}

static int step_5_vcpus(struct machine *m, const struct machine_plan *plan,
	const struct cpu_policy *policy, struct err *e)
{
	unsigned n = plan->nr_vcpus;
	struct setup_processor *processor = malloc(sizeof(*processor));
	m->vcpus = calloc(n, sizeof(*m->vcpus));
	int rc = m->vcpus && processor ? 0 : err_set(e, -ENOMEM, "out of memory");
	for (unsigned i = 0; rc == 0 && i < n; i++) {
		struct vcpu *vcpu = &m->vcpus[i];
		*vcpu = (struct vcpu){ .machine = m, .index = i };
		rc = setup_vcpu(m->setup, plan, i, processor, e);
		vcpu->kvm = setup_kvm_vcpu(m->setup, i);
		/* Not every KVM keeps what it takes. */
		if (rc == 0)
			rc = vcpu_check_kept(vcpu, plan, policy, &processor->settled.kept, e);
	}
	free(processor);
	return rc;
}

static int step_6_load_guest(struct machine *m, struct err *e)
{
	return machine_load_guest(m, &m->boot_state, e);
}

static int step_7_devices(struct machine *m, struct err *e)
{
	return machine_add_devices(m, e);
}

/* The 8254, unless it was made while the worker was at steps 4 and 5. */
static int step_8_pit(struct machine *m, struct err *e)
{
	if (setup_has_pit(m->setup))
		return 0;
	int rc = machine_settled(m, e); /* which made the irqchip */
	return rc ? rc : setup_pit(m->setup, e);
}

static int settle(struct machine *m, const struct machine_plan *plan,
	const struct cpu_policy *policy, struct err *e)
{
	int rc = step_4_vm_settings(m, plan, e);
	return rc ? rc : step_5_vcpus(m, plan, policy, e);
}

static void settle_on_worker(void *ctx)
{
	struct machine *m = ctx;
	if (*m->settle_plan)
		m->settle_rc = settle(m, *m->settle_plan, *m->settle_policy, &m->settle_error);
}

int machine_settle(struct machine *m, struct machine_plan *const *plan,
	const struct cpu_policy *const *policy, struct err *e)
{
	const bool pit_can_be = setup_has_irqchip(m->setup);
	m->settle_plan = plan;
	m->settle_policy = policy;
	m->settling = (struct work){ .run = settle_on_worker, .ctx = m };
	m->settling_given = true;
	worker_give(m->options.worker, &m->settling);
	return pit_can_be ? setup_pit(m->setup, e) : 0;
}

int machine_settled(struct machine *m, struct err *e)
{
	if (!m->settling_given)
		return 0;
	worker_await(m->options.worker, &m->settling);
	if (m->settle_rc && e)
		*e = m->settle_error;
	return m->settle_rc;
}

static int build_early(struct machine *m, struct err *e)
{
	int rc = step_1_files(m, e);
	if (rc == 0)
		rc = step_2_guest_ram(m, e);
	return rc ? rc : step_3_vm(m, e);
}

/* The devices are there already where the machine is reset. */
static int build_late(struct machine *m, struct err *e)
{
	const struct machine_options *options = &m->options;
	int rc = m->settling_given ? 0 : settle(m, options->plan, options->policy, e);
	if (rc == 0)
		rc = step_6_load_guest(m, e);
	if (rc == 0 && !m->clock)
		rc = step_7_devices(m, e);
	return rc ? rc : step_8_pit(m, e);
}

/* What the two make, but for the devices. */
static void unbuild(struct machine *m)
{
	free(m->vcpus);
	m->vcpus = NULL;
	setup_destroy(m->setup);
	m->setup = NULL;
	m->kvm_vm = NULL;
	ram_destroy(m->ram);
	m->ram = NULL;
	machine_done_reading(m);
	msr_filter_done(&m->foreseen_filter);
	m->foreseen_filter = (struct msr_filter){ 0 };
	m->settling_given = false;
	m->settle_rc = 0;
}

int machine_begin(
	struct machine **ret_machine, const struct machine_options *options, struct err *e)
{
	struct machine *m = calloc(1, sizeof(*m));
	if (!m)
		return err_set(e, -ENOMEM, "out of memory");
	m->options = *options;
	bus_init(&m->bus, /* reporter */ NULL);
	int rc = machine_pause_init(m, e);
	m->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (rc == 0 && m->stop_fd < 0)
		rc = err_set_errno(e, -errno, "eventfd for stopping vCPUs");
	if (rc == 0)
		rc = build_early(m, e);
	if (rc) {
		machine_destroy(m);
		return rc;
	}
	*ret_machine = m;
	return 0;
}

/* All but what a worker may be looking at, and which is the same. */
static void take_options(struct machine *m, const struct machine_options *options)
{
	m->options.plan = options->plan;
	m->options.policy = options->policy;
	m->options.io = options->io;
	m->options.loop = options->loop;
	m->options.kernel_cache = options->kernel_cache;
	memcpy(m->options.serial_input, options->serial_input, sizeof(options->serial_input));
	m->bus.reporter = options->reporter;
}

int machine_complete(struct machine *m, const struct machine_options *options, struct err *e)
{
	take_options(m, options);
	int rc = build_late(m, e);
	if (rc == 0)
		machine_report_unlogged(m);
	return rc;
}

int machine_create(
	struct machine **ret_machine, const struct machine_options *options, struct err *e)
{
	struct machine *m = NULL;
	int rc = machine_begin(&m, options, e);
	if (rc == 0)
		rc = machine_complete(m, options, e);
	if (rc) {
		machine_destroy(m);
		return rc;
	}
	*ret_machine = m;
	return 0;
}

int machine_reset(struct machine *m, struct err *e)
{
	/* While the VM is there whose lines they lower. */
	device_list_reset(&m->devices);
	unbuild(m);
	machine_begin_again(m);
	int rc = build_early(m, e);
	return rc ? rc : build_late(m, e);
}

/* In reverse: devices before the outputs that they write to, RAM once no VM has it. */
void machine_destroy(struct machine *m)
{
	if (!m)
		return;
	machine_join_vcpus(m);
	bus_done(&m->bus);
	device_list_destroy(&m->devices);
	guest_clock_destroy(m->clock);
	for (unsigned i = 0; i < CONFIG_MAX_SERIALS; i++)
		host_output_destroy(m->serial_output[i]);
	host_output_destroy(m->debug_output);
	unbuild(m);
	(void)fd_close(m->stop_fd);
	machine_pause_done(m);
	free(m);
}
