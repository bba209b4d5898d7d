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

struct tsc_reading {
	uint64_t ticks;
	int rc;
	struct err error;
};

static void read_tsc(struct vcpu *vcpu, void *ctx)
{
	struct tsc_reading *r = ctx;
	r->rc = kvm_vcpu_get_tsc(vcpu->kvm, &r->ticks, &r->error);
}

/* Of the boot vCPU, on its own thread. */
static int get_tsc(struct machine *m, uint64_t *ret_ticks, struct err *e)
{
	struct tsc_reading r = { .error = ERR_INIT };
	int rc = vcpu_run_task(m, 0, read_tsc, &r, e);
	if (rc == 0 && r.rc) {
		rc = r.rc;
		*e = r.error;
	}
	*ret_ticks = r.ticks;
	return rc;
}

static bool has_pit(const struct machine *m)
{
	return !m->options.plan->split_irqchip;
}

int machine_stop_clocks(struct machine *m, struct err *e)
{
	struct machine_clocks *t = &m->clocks;
	struct machine_clocks stopped = { .stopped = true };
	int rc = get_tsc(m, &stopped.tsc_ticks, e);
	stopped.has_tsc = rc == 0;
	if (rc == -ENOTSUP) {
		machine_tsc_goes_on(m, e);
		rc = 0;
	}
	if (rc == 0 && has_pit(m))
		rc = kvm_vm_get_pit(m->kvm_vm, &stopped.pit, e);
	if (rc == 0)
		rc = kvm_vm_get_clock(m->kvm_vm, &stopped.kvmclock_ns, e);
	if (rc)
		return rc;
	guest_clock_stop(m->clock);
	*t = stopped;
	return 0;
}

int machine_start_clocks(struct machine *m, uint64_t *ret_tsc_ticks, struct err *e)
{
	struct machine_clocks *t = &m->clocks;
	uint64_t now = t->tsc_ticks;
	*ret_tsc_ticks = 0;
	if (!t->stopped)
		return 0;
	t->stopped = false;
	int rc = t->has_tsc ? get_tsc(m, &now, e) : 0;
	if (rc == 0)
		*ret_tsc_ticks = now - t->tsc_ticks;
	/* All of it, whatever fails: the guest goes on, and its clocks should agree. */
	int other = has_pit(m) ? kvm_vm_set_pit(m->kvm_vm, &t->pit, rc ? NULL : e) : 0;
	rc = rc ? rc : other;
	other = kvm_vm_set_clock(m->kvm_vm, t->kvmclock_ns, rc ? NULL : e);
	guest_clock_start(m->clock);
	return rc ? rc : other;
}
