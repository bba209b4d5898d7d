/* SPDX-License-Identifier: MIT */
/*
 * The guest's clocks, which stand still in a pause, if so asked: that of the devices, kvmclock (and
 * with it Hyper-V's reference time), the TSC where KVM can turn it back, and the 8254, which else
 * would owe the guest each tick of the pause. The RTC is a battery's, and goes on.
 *
 * Where they are to go on, nothing is done: all of them are the host's.
 */
#include "vm/internal.h"

#include "host/guest_clock.h"

#include <errno.h>

/* Readings of which the quickest counts: what a scheduler puts in between would part the clocks. */
#define NR_READINGS 5

struct reading {
	struct clock_reading best;
	int rc;
	struct err error;
};

static int read_once(struct vcpu *vcpu, struct clock_reading *r, struct err *e)
{
	r->host_ns = host_monotonic_ns();
	int rc = r->has_tsc ? kvm_vcpu_get_tsc(vcpu->kvm, &r->tsc_ticks, e) : 0;
	if (rc == 0)
		rc = kvm_vm_get_clock(vcpu->machine->kvm_vm, &r->kvmclock_ns, e);
	r->wall_ns = host_wall_ns();
	return rc;
}

/* On the boot vCPU's thread. */
static void read_clocks(struct vcpu *vcpu, void *ctx)
{
	struct reading *r = ctx;
	uint64_t quickest = UINT64_MAX;
	struct clock_reading one = { .has_tsc = true };
	for (unsigned i = 0; r->rc == 0 && i < NR_READINGS; i++) {
		r->rc = read_once(vcpu, &one, &r->error);
		if (r->rc == -ENOTSUP && one.has_tsc) {
			machine_tsc_goes_on(vcpu->machine, &r->error);
			one.has_tsc = false;
			r->rc = 0;
			continue;
		}
		const uint64_t took = host_monotonic_ns() - one.host_ns;
		if (took < quickest)
			r->best = one;
		quickest = took < quickest ? took : quickest;
	}
}

static int get_clocks(struct machine *m, struct clock_reading *ret, struct err *e)
{
	struct reading r = { .error = ERR_INIT };
	int rc = vcpu_run_task(m, 0, read_clocks, &r, e);
	if (rc == 0 && r.rc) {
		rc = r.rc;
		if (e)
			*e = r.error;
	}
	*ret = r.best;
	return rc;
}

static bool has_pit(const struct machine *m)
{
	return !m->options.plan->split_irqchip;
}

int machine_stop_clocks(struct machine *m, struct err *e)
{
	struct machine_clocks stopped = { .stopped = true };
	int rc = has_pit(m) ? kvm_vm_get_pit(m->kvm_vm, &stopped.pit, e) : 0;
	if (rc == 0)
		rc = get_clocks(m, &stopped.at, e);
	if (rc)
		return rc;
	guest_clock_stop_at(m->clock, stopped.at.host_ns);
	m->clocks = stopped;
	return 0;
}

int machine_start_clocks(struct machine *m, uint64_t *ret_tsc_ticks, struct err *e)
{
	const struct machine_clocks *c = &m->clocks;
	struct clock_reading now;
	*ret_tsc_ticks = 0;
	if (!c->stopped)
		return 0;
	m->clocks.stopped = false;
	/* All of it, whatever fails: the guest goes on. */
	int rc = has_pit(m) ? kvm_vm_set_pit(m->kvm_vm, &c->pit, e) : 0;
	int other = get_clocks(m, &now, rc ? NULL : e);
	rc = rc ? rc : other;
	if (other) {
		guest_clock_start(m->clock);
		return rc;
	}
	/* All of them as of that reading: they lose the same time. */
	other = kvm_vm_set_clock(m->kvm_vm, c->at.kvmclock_ns, now.wall_ns, rc ? NULL : e);
	guest_clock_start_at(m->clock, now.host_ns);
	if (c->at.has_tsc && now.has_tsc)
		*ret_tsc_ticks = now.tsc_ticks - c->at.tsc_ticks;
	return rc ? rc : other;
}
