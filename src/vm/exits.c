/* SPDX-License-Identifier: MIT */
/* Exits go through one const array, a function each (KVM API, "The kvm_run structure"). */
#include "vm/internal.h"

#include "base/text_buf.h"
#include "kvm/hyperv.h"

#include <inttypes.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>

#define MSR_HYPERV_CRASH_P0 UINT32_C(0x40000100)

static uint64_t load_le(const uint8_t *data, unsigned size_bytes)
{
	uint64_t v = 0;
	memcpy(&v, data, size_bytes);
	return v;
}

/* Where several vCPUs crash at once, as all do when KVM gives the VM up, one of them says so. */
static enum exit_result crash_as(struct vcpu *vcpu, enum crash_kind kind, const char *why)
{
	struct machine *m = vcpu->machine;
	if (atomic_load(&m->ended) || atomic_exchange(&m->crashed, true))
		return EXIT_STOP;
	vcpu_report_crash(vcpu, kind, why);
	machine_end(m, MACHINE_END_CRASH, 0, /* error */ NULL);
	return EXIT_STOP;
}

static enum exit_result crash(struct vcpu *vcpu, const char *why)
{
	return crash_as(vcpu, CRASH_OTHER, why);
}

static enum exit_result on_io(struct vcpu *vcpu, const struct kvm_exit *x)
{
	struct bus *bus = &vcpu->machine->bus;
	uint8_t *data = x->io.data;
	for (uint32_t i = 0; i < x->io.count; i++, data += x->io.size_bytes) {
		if (x->io.out) {
			bus_write(bus, BUS_PIO, x->io.port, x->io.size_bytes,
				load_le(data, x->io.size_bytes));
		} else {
			uint64_t v = bus_read(bus, BUS_PIO, x->io.port, x->io.size_bytes);
			memcpy(data, &v, x->io.size_bytes);
		}
	}
	return EXIT_RESUME;
}

static enum exit_result on_mmio(struct vcpu *vcpu, const struct kvm_exit *x)
{
	struct bus *bus = &vcpu->machine->bus;
	uint32_t size = x->mmio.size_bytes;
	/* KVM's emulator may hand over any length up to 8; the bus takes powers of two. */
	for (uint32_t at = 0; at < size;) {
		uint32_t part = size - at >= 8 ? 8 : size - at >= 4 ? 4 : size - at >= 2 ? 2 : 1;
		uint64_t addr = x->mmio.addr.v + at;
		if (x->mmio.write) {
			bus_write(bus, BUS_MMIO, addr, part, load_le(x->mmio.data + at, part));
		} else {
			uint64_t v = bus_read(bus, BUS_MMIO, addr, part);
			memcpy(x->mmio.data + at, &v, part);
		}
		at += part;
	}
	return EXIT_RESUME;
}

static enum exit_result on_hlt(struct vcpu *vcpu, const struct kvm_exit *x)
{
	(void)x;
	/* With local APICs in KVM, HLT waits there; an exit means that it did not take them. */
	return crash(vcpu, "KVM_EXIT_HLT although the local APICs are in KVM");
}

static enum exit_result on_shutdown(struct vcpu *vcpu, const struct kvm_exit *x)
{
	(void)x;
	return crash_as(vcpu, CRASH_TRIPLE_FAULT, "triple fault (KVM_EXIT_SHUTDOWN)");
}

static enum exit_result on_fail_entry(struct vcpu *vcpu, const struct kvm_exit *x)
{
	char why[128];
	(void)snprintf(why, sizeof(why),
		"the CPU refused to enter the guest (KVM_EXIT_FAIL_ENTRY, reason %#" PRIx64 ")",
		x->fail_entry.reason);
	return crash(vcpu, why);
}

static const char *suberror_name(uint32_t suberror)
{
	switch (suberror) {
	case KVM_INTERNAL_ERROR_EMULATION:
		return "instruction emulation failed";
	case KVM_INTERNAL_ERROR_SIMUL_EX:
		return "simultaneous exceptions";
	case KVM_INTERNAL_ERROR_DELIVERY_EV:
		return "exit during event delivery";
	case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
		return "unexpected exit reason";
	default:
		return "unknown suberror";
	}
}

/*
 * There is no memory at the reset vector, so that a jump there is an instruction that cannot be
 * fetched. On a PC it is firmware that resets the machine: so do we.
 */
static enum exit_result on_reset_vector(struct vcpu *vcpu)
{
	report(vcpu->machine->options.reporter, REPORT_DEBUG,
		"vCPU %u is at the reset vector: a reset", vcpu->index);
	machine_end(vcpu->machine, MACHINE_END_REBOOT, 0, /* error */ NULL);
	return EXIT_STOP;
}

static enum exit_result on_internal_error(struct vcpu *vcpu, const struct kvm_exit *x)
{
	char why[512];
	if (x->internal.emulation && vcpu_is_at(vcpu, gpa(PLAN_RESET_VECTOR)))
		return on_reset_vector(vcpu);
	struct text_buf all = TEXT_BUF(why);
	(void)text_buf_add(&all, "KVM internal error: %s (KVM_EXIT_INTERNAL_ERROR, suberror %u)",
		suberror_name(x->internal.suberror), x->internal.suberror);
	for (uint32_t i = 0; i < x->internal.nr_data && i < 4; i++)
		(void)text_buf_add(&all, " %#" PRIx64, x->internal.data[i]);
	return crash(vcpu, why);
}

/* The parameters that a guest leaves in its crash MSRs (Hyper-V TLFS, "Guest Crash Enlightenment").
 */
static enum exit_result on_hyperv_crash(struct vcpu *vcpu)
{
	uint64_t p[5] = { 0 };
	struct err e = ERR_INIT;
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < ARRAY_SIZE(p); i++)
		rc = kvm_vcpu_get_msr(vcpu->kvm, MSR_HYPERV_CRASH_P0 + i, &p[i], &e);
	if (rc)
		report(vcpu->machine->options.reporter, REPORT_ERROR,
			"the guest reported a crash by Hyper-V's MSRs on vCPU %u: %s", vcpu->index,
			e.msg);
	else
		report(vcpu->machine->options.reporter, REPORT_ERROR,
			"the guest reported a crash by Hyper-V's MSRs on vCPU %u: code %#" PRIx64
			", parameters %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " %#" PRIx64,
			vcpu->index, p[0], p[1], p[2], p[3], p[4]);
	machine_end(vcpu->machine, MACHINE_END_PANIC, 0, /* error */ NULL);
	return EXIT_STOP;
}

static enum exit_result on_system_event(struct vcpu *vcpu, const struct kvm_exit *x)
{
	switch (x->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		machine_end(vcpu->machine, MACHINE_END_POWER_OFF, 0, /* error */ NULL);
		return EXIT_STOP;
	case KVM_SYSTEM_EVENT_RESET:
		machine_end(vcpu->machine, MACHINE_END_REBOOT, 0, /* error */ NULL);
		return EXIT_STOP;
	case KVM_SYSTEM_EVENT_CRASH:
		return on_hyperv_crash(vcpu);
	default: {
		char why[96];
		(void)snprintf(
			why, sizeof(why), "KVM_EXIT_SYSTEM_EVENT, type %u", x->system_event.type);
		return crash(vcpu, why);
	}
	}
}

static enum exit_result on_ioapic_eoi(struct vcpu *vcpu, const struct kvm_exit *x)
{
	if (vcpu->machine->ioapic)
		ioapic_eoi(vcpu->machine->ioapic, x->eoi.vector);
	return EXIT_RESUME;
}

static enum exit_result on_msr(struct vcpu *vcpu, const struct kvm_exit *x)
{
	vcpu_handle_msr(vcpu, x);
	return EXIT_RESUME;
}

static enum exit_result on_hyperv(struct vcpu *vcpu, const struct kvm_exit *x)
{
	char why[96];
	if (kvm_vcpu_answer_hyperv(x))
		return EXIT_RESUME;
	(void)snprintf(why, sizeof(why), "KVM_EXIT_HYPERV, type %u, which nestor never asks for",
		x->hyperv.kvm_type);
	return crash(vcpu, why);
}

static enum exit_result on_dead(struct vcpu *vcpu, const struct kvm_exit *x)
{
	char why[256];
	(void)snprintf(why, sizeof(why),
		"KVM gave the VM up, after an act of the guest's that it cannot carry out "
		"(KVM_RUN: "
		"Input/output error)%s%s",
		x->dead.in_smm ? ", in system management mode" : "",
		x->dead.in_nested_guest ? ", in a guest of the guest's" : "");
	return crash(vcpu, why);
}

static enum exit_result on_intr(struct vcpu *vcpu, const struct kvm_exit *x)
{
	(void)vcpu;
	(void)x;
	return EXIT_RESUME;
}

static enum exit_result on_other(struct vcpu *vcpu, const struct kvm_exit *x)
{
	char why[96];
	(void)snprintf(
		why, sizeof(why), "KVM exit reason %u, which nestor never asks for", x->reason);
	return crash(vcpu, why);
}

static enum exit_result (*const handlers[KVM_EXIT_KIND_COUNT])(
	struct vcpu *, const struct kvm_exit *) = {
	[KVM_EXIT_KIND_IO] = on_io,
	[KVM_EXIT_KIND_MMIO] = on_mmio,
	[KVM_EXIT_KIND_HLT] = on_hlt,
	[KVM_EXIT_KIND_SHUTDOWN] = on_shutdown,
	[KVM_EXIT_KIND_FAIL_ENTRY] = on_fail_entry,
	[KVM_EXIT_KIND_INTERNAL_ERROR] = on_internal_error,
	[KVM_EXIT_KIND_SYSTEM_EVENT] = on_system_event,
	[KVM_EXIT_KIND_IOAPIC_EOI] = on_ioapic_eoi,
	[KVM_EXIT_KIND_MSR] = on_msr,
	[KVM_EXIT_KIND_HYPERV] = on_hyperv,
	[KVM_EXIT_KIND_INTR] = on_intr,
	[KVM_EXIT_KIND_DEAD] = on_dead,
	[KVM_EXIT_KIND_OTHER] = on_other,
};

enum exit_result vcpu_handle_exit(struct vcpu *vcpu, const struct kvm_exit *x)
{
	return handlers[x->kind](vcpu, x);
}
