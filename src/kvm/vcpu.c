/* SPDX-License-Identifier: MIT */
#include "kvm/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#ifndef KVM_RUN_X86_GUEST_MODE
#define KVM_RUN_X86_GUEST_MODE (1u << 2) /* linux/kvm.h since Linux 6.11 */
#endif

int kvm_vcpu_create(struct kvm_vcpu **ret_vcpu, struct kvm_vm *vm, uint32_t vcpu_id, struct err *e)
{
	struct kvm_vcpu *vcpu = calloc(1, sizeof(*vcpu));
	if (!vcpu)
		return err_set(e, -ENOMEM, "out of memory");
	vcpu->kvm = vm->kvm;
	vcpu->id = vcpu_id;
	int rc;
	vcpu->fd = kvm_do_value(vm->kvm, vm->fd, KVM_CREATE_VCPU, vcpu_id);
	if (vcpu->fd < 0) {
		rc = err_set_errno(e, vcpu->fd, "KVM_CREATE_VCPU, id %u", vcpu_id);
		goto fail;
	}
	vcpu->run = vm->kvm->calls->map(vm->kvm->calls->ctx, vcpu->fd, vm->kvm->run_size, &rc);
	if (!vcpu->run) {
		rc = err_set_errno(
			e, rc, "mapping %zu bytes of vCPU %u", vm->kvm->run_size, vcpu_id);
		goto fail;
	}
	*ret_vcpu = vcpu;
	return 0;
fail:
	kvm_vcpu_destroy(vcpu);
	return rc;
}

void kvm_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	if (!vcpu)
		return;
	const struct kvm_calls *calls = vcpu->kvm->calls;
	if (vcpu->run)
		calls->unmap(calls->ctx, vcpu->run, vcpu->kvm->run_size);
	if (vcpu->fd >= 0)
		calls->close(calls->ctx, vcpu->fd);
	free(vcpu);
}

int kvm_vcpu_set_cpuid(struct kvm_vcpu *vcpu, const struct cpuid_table *table, struct err *e)
{
	union kvm_cpuid_space space;
	struct kvm_cpuid2 *c = &space.head;
	c->nent = table->nr_entries;
	c->padding = 0;
	for (unsigned i = 0; i < table->nr_entries; i++) {
		const struct cpuid_entry *from = &table->entries[i];
		c->entries[i] = (struct kvm_cpuid_entry2){
			.function = from->leaf,
			.index = from->subleaf,
			.flags = from->subleaf_matters ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
			.eax = from->reg[CPUID_EAX],
			.ebx = from->reg[CPUID_EBX],
			.ecx = from->reg[CPUID_ECX],
			.edx = from->reg[CPUID_EDX],
		};
	}
	int rc = kvm_do(vcpu->kvm, vcpu->fd, KVM_SET_CPUID2, c);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_SET_CPUID2 on vCPU %u with %u entries", vcpu->id,
			table->nr_entries);
	return 0;
}

int kvm_vcpu_get_cpuid(struct kvm_vcpu *vcpu, struct cpuid_table *ret_table, struct err *e)
{
	union kvm_cpuid_space space;
	struct kvm_cpuid2 *c = &space.head;
	c->nent = CPUID_MAX_ENTRIES;
	c->padding = 0;
	int rc = kvm_do(vcpu->kvm, vcpu->fd, KVM_GET_CPUID2, c);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_GET_CPUID2 on vCPU %u", vcpu->id);
	kvm_table_from_kvm(c, ret_table);
	return 0;
}

/* The MSRs of a policy, as KVM_GET_MSRS and KVM_SET_MSRS take them. */
union msrs {
	struct kvm_msrs head;
	uint8_t bytes[sizeof(struct kvm_msrs) + MSR_POLICY_MAX_SET * sizeof(struct kvm_msr_entry)];
};

/* All of them in one call; the error names the one that KVM stopped at. */
static int msrs_do(struct kvm_vcpu *vcpu, bool set, struct kvm_msrs *msrs, struct err *e)
{
	char label[MSR_LABEL_BYTES];
	int rc = set ? kvm_do(vcpu->kvm, vcpu->fd, KVM_SET_MSRS, msrs)
		     : kvm_do(vcpu->kvm, vcpu->fd, KVM_GET_MSRS, msrs);
	const char *name = set ? "KVM_SET_MSRS" : "KVM_GET_MSRS";
	if (rc < 0)
		return err_set_errno(e, rc, "%s on vCPU %u, %u MSRs from %s on", name, vcpu->id,
			msrs->nmsrs, msr_label(label, msrs->entries[0].index));
	if ((uint32_t)rc >= msrs->nmsrs)
		return 0;
	const struct kvm_msr_entry *entry = &msrs->entries[rc];
	(void)msr_label(label, entry->index);
	if (set)
		return err_set(e, -EINVAL,
			"KVM_SET_MSRS on vCPU %u: KVM does not take MSR %s with value %#" PRIx64,
			vcpu->id, label, (uint64_t)entry->data);
	return err_set(
		e, -EINVAL, "KVM_GET_MSRS on vCPU %u: KVM does not give MSR %s", vcpu->id, label);
}

/*
 * Like msrs_do, but goes on behind an MSR at which KVM stops: done[i] says which it did. Some KVMs
 * fail the whole call for one of them (-EINVAL): then it is tried alone.
 */
static int msrs_try(struct kvm_vcpu *vcpu, bool set, struct kvm_msr_entry *entries, unsigned n,
	bool *done, struct err *e)
{
	union msrs space = { .bytes = { 0 } };
	struct kvm_msrs *msrs = &space.head;
	bool alone = false;
	for (unsigned at = 0; at < n;) {
		char label[MSR_LABEL_BYTES];
		msrs->nmsrs = alone ? 1 : n - at;
		memcpy(msrs->entries, entries + at, msrs->nmsrs * sizeof(*entries));
		int rc = set ? kvm_do(vcpu->kvm, vcpu->fd, KVM_SET_MSRS, msrs)
			     : kvm_do(vcpu->kvm, vcpu->fd, KVM_GET_MSRS, msrs);
		if (rc == -EINVAL && msrs->nmsrs > 1) {
			alone = true;
			continue;
		}
		if (rc < 0 && rc != -EINVAL)
			return err_set_errno(e, rc, "%s on vCPU %u, %u MSRs from %s on",
				set ? "KVM_SET_MSRS" : "KVM_GET_MSRS", vcpu->id, msrs->nmsrs,
				msr_label(label, msrs->entries[0].index));
		unsigned good = rc < 0 ? 0 : (unsigned)rc;
		good = good < msrs->nmsrs ? good : msrs->nmsrs;
		memcpy(entries + at, msrs->entries, good * sizeof(*entries));
		for (unsigned i = 0; i < good; i++)
			done[at + i] = true;
		at += good < msrs->nmsrs ? good + 1 : good;
	}
	return 0;
}

int kvm_vcpu_set_msrs(struct kvm_vcpu *vcpu, const struct msr_value *msrs, unsigned n,
	struct kvm_msr_kept *ret_kept, struct err *e)
{
	struct kvm_msr_entry entries[MSR_POLICY_MAX_SET];
	bool done[MSR_POLICY_MAX_SET] = { false };
	unsigned at[MSR_POLICY_MAX_SET], nr = 0;
	n = n < MSR_POLICY_MAX_SET ? n : MSR_POLICY_MAX_SET;
	for (unsigned i = 0; i < n; i++) {
		ret_kept[i] = (struct kvm_msr_kept){ .taken = true };
		if (msr_follows_others(msrs[i].index))
			continue;
		at[nr] = i;
		entries[nr++] =
			(struct kvm_msr_entry){ .index = msrs[i].index, .data = msrs[i].value };
	}
	int rc = msrs_try(vcpu, true, entries, nr, done, e);
	if (rc)
		return rc;
	for (unsigned i = 0; i < nr; i++)
		ret_kept[at[i]].taken = done[i];
	for (unsigned i = 0; i < n; i++) {
		entries[i] = (struct kvm_msr_entry){ .index = msrs[i].index };
		done[i] = false;
	}
	rc = msrs_try(vcpu, false, entries, n, done, e);
	for (unsigned i = 0; rc == 0 && i < n; i++) {
		ret_kept[i].read = done[i];
		ret_kept[i].value = entries[i].data;
	}
	return rc;
}

int kvm_vcpu_get_msr(struct kvm_vcpu *vcpu, uint32_t index, uint64_t *ret_value, struct err *e)
{
	union msrs space = { .bytes = { 0 } };
	space.head.nmsrs = 1;
	space.head.entries[0].index = index;
	int rc = msrs_do(vcpu, false, &space.head, e);
	if (rc == 0)
		*ret_value = space.head.entries[0].data;
	return rc;
}

int kvm_vcpu_set_msr(struct kvm_vcpu *vcpu, uint32_t index, uint64_t value, struct err *e)
{
	union msrs space = { .bytes = { 0 } };
	space.head.nmsrs = 1;
	space.head.entries[0] = (struct kvm_msr_entry){ .index = index, .data = value };
	return msrs_do(vcpu, true, &space.head, e);
}

int kvm_vcpu_get_tsc_khz(struct kvm_vcpu *vcpu, unsigned *ret_khz, struct err *e)
{
	int rc = kvm_do_value(vcpu->kvm, vcpu->fd, KVM_GET_TSC_KHZ, 0);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_GET_TSC_KHZ on vCPU %u", vcpu->id);
	*ret_khz = (unsigned)rc;
	return 0;
}

static int hint_tsc_scaling(int rc, struct err *e)
{
	return err_hint(e, rc,
		"a frequency other than the host's needs TSC scaling (`nestor host`, "
		"KVM_CAP_TSC_CONTROL)");
}

/*
 * Without scaling, KVM refuses a frequency below the host's, but takes one above and pushes the TSC
 * on now and then, while it runs at the host's. What is within 250 parts per million is the host's
 * (KVM API, KVM_SET_TSC_KHZ).
 */
static int check_tsc_khz(struct kvm_vcpu *vcpu, unsigned khz, struct err *e)
{
	unsigned host = 0;
	int rc = kvm_do_value(vcpu->kvm, vcpu->kvm->fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL");
	if (rc > 0)
		return 0;
	rc = kvm_vcpu_get_tsc_khz(vcpu, &host, e);
	if (rc)
		return rc;
	uint64_t off = host > khz ? host - khz : khz - host;
	if (off * 4000 <= host)
		return 0;
	(void)err_set(e, -ENOTSUP,
		"vCPU %u: this host's TSC has %u kHz, and KVM cannot make %u kHz of it", vcpu->id,
		host, khz);
	return hint_tsc_scaling(-ENOTSUP, e);
}

int kvm_vcpu_set_tsc_khz(struct kvm_vcpu *vcpu, unsigned khz, struct err *e)
{
	int rc = check_tsc_khz(vcpu, khz, e);
	if (rc)
		return rc;
	rc = kvm_do_value(vcpu->kvm, vcpu->fd, KVM_SET_TSC_KHZ, khz);
	if (rc < 0) {
		(void)err_set_errno(e, rc, "KVM_SET_TSC_KHZ on vCPU %u, %u kHz", vcpu->id, khz);
		return hint_tsc_scaling(rc, e);
	}
	unsigned got = 0;
	rc = kvm_vcpu_get_tsc_khz(vcpu, &got, e);
	if (rc == 0 && got != khz)
		rc = err_set(e, -EPROTO, "vCPU %u: TSC was set to %u kHz, but has %u kHz", vcpu->id,
			khz, got);
	return rc;
}

int kvm_vcpu_make_runnable(struct kvm_vcpu *vcpu, struct err *e)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };
	int rc = kvm_do(vcpu->kvm, vcpu->fd, KVM_SET_MP_STATE, &state);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_SET_MP_STATE on vCPU %u, runnable", vcpu->id);
	return 0;
}

static struct kvm_segment to_kvm_segment(const struct x86_segment *s)
{
	return (struct kvm_segment){
		.base = s->base,
		.limit = s->limit,
		.selector = s->selector,
		.type = s->type,
		.present = s->present,
		.dpl = s->dpl,
		.db = s->db,
		.s = s->code_or_data,
		.l = s->long_mode,
		.g = s->granularity,
		.unusable = !s->present,
	};
}

static struct x86_segment from_kvm_segment(const struct kvm_segment *s)
{
	return (struct x86_segment){
		.base = s->base,
		.limit = s->limit,
		.selector = s->selector,
		.type = s->type & 0xf,
		.present = s->present && !s->unusable,
		.dpl = s->dpl,
		.db = s->db,
		.code_or_data = s->s,
		.long_mode = s->l,
		.granularity = s->g,
	};
}

static int set_sregs(struct kvm_vcpu *vcpu, const struct x86_state *s, struct err *e)
{
	struct kvm_sregs sregs;
	int rc = kvm_do(vcpu->kvm, vcpu->fd, KVM_GET_SREGS, &sregs);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_GET_SREGS on vCPU %u", vcpu->id);
	sregs.cs = to_kvm_segment(&s->cs);
	sregs.ds = to_kvm_segment(&s->ds);
	sregs.es = to_kvm_segment(&s->es);
	sregs.fs = to_kvm_segment(&s->fs);
	sregs.gs = to_kvm_segment(&s->gs);
	sregs.ss = to_kvm_segment(&s->ss);
	sregs.tr = to_kvm_segment(&s->tr);
	sregs.ldt = to_kvm_segment(&s->ldt);
	sregs.gdt = (struct kvm_dtable){ .base = s->gdt.base, .limit = s->gdt.limit };
	sregs.idt = (struct kvm_dtable){ .base = s->idt.base, .limit = s->idt.limit };
	sregs.cr0 = s->cr0;
	sregs.cr2 = 0;
	sregs.cr3 = s->cr3;
	sregs.cr4 = s->cr4;
	sregs.efer = s->efer;
	rc = kvm_do(vcpu->kvm, vcpu->fd, KVM_SET_SREGS, &sregs);
	if (rc < 0)
		return err_set_errno(e, rc,
			"KVM_SET_SREGS on vCPU %u, cr0 %#" PRIx64 ", cr4 %#" PRIx64
			", efer %#" PRIx64,
			vcpu->id, s->cr0, s->cr4, s->efer);
	return 0;
}

int kvm_vcpu_set_state(struct kvm_vcpu *vcpu, const struct x86_state *s, struct err *e)
{
	int rc = set_sregs(vcpu, s, e);
	if (rc)
		return rc;
	struct kvm_regs regs = {
		.rax = s->rax,
		.rbx = s->rbx,
		.rcx = s->rcx,
		.rdx = s->rdx,
		.rsi = s->rsi,
		.rdi = s->rdi,
		.rsp = s->rsp,
		.rbp = s->rbp,
		.rip = s->rip,
		.rflags = s->rflags | 2, /* bit 1 is always set */
	};
	rc = kvm_do(vcpu->kvm, vcpu->fd, KVM_SET_REGS, &regs);
	if (rc < 0)
		return err_set_errno(
			e, rc, "KVM_SET_REGS on vCPU %u, rip %#" PRIx64, vcpu->id, s->rip);
	return 0;
}

/* Local vector table entries in the APIC page (SDM vol. 3, Local APIC Register Address Map). */
#define APIC_LVT_LINT0 0x350
#define APIC_LVT_LINT1 0x360
#define APIC_MODE_NMI (UINT32_C(4) << 8)
#define APIC_MODE_EXTINT (UINT32_C(7) << 8)

int kvm_vcpu_set_lint(struct kvm_vcpu *vcpu, struct err *e)
{
	struct kvm_lapic_state lapic;
	int rc = kvm_do(vcpu->kvm, vcpu->fd, KVM_GET_LAPIC, &lapic);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_GET_LAPIC on vCPU %u", vcpu->id);
	const uint32_t lint0 = APIC_MODE_EXTINT, lint1 = APIC_MODE_NMI;
	memcpy(lapic.regs + APIC_LVT_LINT0, &lint0, sizeof(lint0));
	memcpy(lapic.regs + APIC_LVT_LINT1, &lint1, sizeof(lint1));
	rc = kvm_do(vcpu->kvm, vcpu->fd, KVM_SET_LAPIC, &lapic);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_SET_LAPIC on vCPU %u", vcpu->id);
	return 0;
}

#define MSR_SMBASE 0x9e /* SDM vol. 4, IA32_SMBASE; on AMD KVM has it here, too */

int kvm_vcpu_set_smbase(struct kvm_vcpu *vcpu, uint32_t smbase, struct err *e)
{
	return kvm_vcpu_set_msr(vcpu, MSR_SMBASE, smbase, e);
}

int kvm_vcpu_run(struct kvm_vcpu *vcpu, struct err *e)
{
	int rc = kvm_do_value(vcpu->kvm, vcpu->fd, KVM_RUN, 0);
	/* KVM has no other cause for EIO (Linux, kvm_vm_dead() and kvm_vm_bugged()). */
	vcpu->vm_is_dead = rc == -EIO;
	if (rc >= 0 || vcpu->vm_is_dead)
		return 0;
	/* EAGAIN: an application processor was started by SIPI only just now. */
	if (rc == -EINTR || rc == -EAGAIN)
		return -EINTR;
	(void)err_set_errno(e, rc, "KVM_RUN on vCPU %u", vcpu->id);
	if (rc == -EFAULT)
		return err_hint(e, rc,
			"the host may be out of memory or of huge pages for the guest's RAM");
	return rc;
}

void kvm_vcpu_request_immediate_exit(struct kvm_vcpu *vcpu)
{
	/* Read by the kernel on this vCPU's thread: a store that must not be torn or left out. */
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_RELEASE);
}

void kvm_vcpu_cancel_immediate_exit(struct kvm_vcpu *vcpu)
{
	/* Before what the caller then looks at, to see whether it was asked for once more. */
	__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
}

static enum kvm_exit_kind exit_kind(uint32_t reason)
{
	switch (reason) {
	case KVM_EXIT_IO:
		return KVM_EXIT_KIND_IO;
	case KVM_EXIT_MMIO:
		return KVM_EXIT_KIND_MMIO;
	case KVM_EXIT_HLT:
		return KVM_EXIT_KIND_HLT;
	case KVM_EXIT_SHUTDOWN:
		return KVM_EXIT_KIND_SHUTDOWN;
	case KVM_EXIT_FAIL_ENTRY:
		return KVM_EXIT_KIND_FAIL_ENTRY;
	case KVM_EXIT_INTERNAL_ERROR:
		return KVM_EXIT_KIND_INTERNAL_ERROR;
	case KVM_EXIT_SYSTEM_EVENT:
		return KVM_EXIT_KIND_SYSTEM_EVENT;
	case KVM_EXIT_IOAPIC_EOI:
		return KVM_EXIT_KIND_IOAPIC_EOI;
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		return KVM_EXIT_KIND_MSR;
	case KVM_EXIT_HYPERV:
		return KVM_EXIT_KIND_HYPERV;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		return KVM_EXIT_KIND_INTR;
	default:
		return KVM_EXIT_KIND_OTHER;
	}
}

static void take_hyperv(struct kvm_run *run, struct kvm_exit *x)
{
	struct kvm_hyperv_exit *h = &run->hyperv;
	x->hyperv.kvm_type = h->type;
	x->hyperv.type = KVM_HYPERV_UNKNOWN;
	if (h->type == KVM_EXIT_HYPERV_SYNIC) {
		x->hyperv.type = KVM_HYPERV_SYNIC;
	} else if (h->type == KVM_EXIT_HYPERV_HCALL) {
		x->hyperv.type = KVM_HYPERV_HYPERCALL;
		x->hyperv.input = h->u.hcall.input;
		x->hyperv.result = (uint64_t *)(void *)&h->u.hcall.result;
	} else if (h->type == KVM_EXIT_HYPERV_SYNDBG) {
		x->hyperv.type = KVM_HYPERV_DEBUGGER;
		x->hyperv.result = (uint64_t *)(void *)&h->u.syndbg.status;
	}
}

void kvm_vcpu_exit(struct kvm_vcpu *vcpu, struct kvm_exit *ret_exit)
{
	struct kvm_run *run = vcpu->run;
	struct kvm_exit *x = ret_exit;
	*x = (struct kvm_exit){
		.kind = vcpu->vm_is_dead ? KVM_EXIT_KIND_DEAD : exit_kind(run->exit_reason),
		.reason = run->exit_reason,
	};
	switch (x->kind) {
	case KVM_EXIT_KIND_IO:
		x->io.port = run->io.port;
		x->io.out = run->io.direction == KVM_EXIT_IO_OUT;
		x->io.size_bytes = run->io.size;
		x->io.count = run->io.count;
		x->io.data = (uint8_t *)run + run->io.data_offset;
		break;
	case KVM_EXIT_KIND_MMIO:
		x->mmio.addr = gpa(run->mmio.phys_addr);
		x->mmio.write = run->mmio.is_write;
		x->mmio.size_bytes = run->mmio.len;
		x->mmio.data = run->mmio.data;
		break;
	case KVM_EXIT_KIND_FAIL_ENTRY:
		x->fail_entry.reason = run->fail_entry.hardware_entry_failure_reason;
		break;
	case KVM_EXIT_KIND_INTERNAL_ERROR:
		x->internal.suberror = run->internal.suberror;
		x->internal.emulation = run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION;
		x->internal.nr_data = run->internal.ndata;
		for (uint32_t i = 0; i < ARRAY_SIZE(x->internal.data); i++)
			x->internal.data[i] = run->internal.data[i];
		break;
	case KVM_EXIT_KIND_SYSTEM_EVENT:
		x->system_event.type = run->system_event.type;
		break;
	case KVM_EXIT_KIND_IOAPIC_EOI:
		x->eoi.vector = run->eoi.vector;
		break;
	case KVM_EXIT_KIND_MSR:
		x->msr.index = run->msr.index;
		x->msr.write = run->exit_reason == KVM_EXIT_X86_WRMSR;
		x->msr.data = (uint64_t *)(void *)&run->msr.data;
		x->msr.error = &run->msr.error;
		break;
	case KVM_EXIT_KIND_HYPERV:
		take_hyperv(run, x);
		break;
	case KVM_EXIT_KIND_DEAD:
		x->dead.in_smm = run->flags & KVM_RUN_X86_SMM;
		x->dead.in_nested_guest = run->flags & KVM_RUN_X86_GUEST_MODE;
		break;
	case KVM_EXIT_KIND_HLT:
	case KVM_EXIT_KIND_SHUTDOWN:
	case KVM_EXIT_KIND_INTR:
	case KVM_EXIT_KIND_OTHER:
	case KVM_EXIT_KIND_COUNT:
		break;
	}
}

int kvm_vcpu_get_state(struct kvm_vcpu *vcpu, struct x86_state *ret_state, uint64_t *ret_cr2,
	uint64_t r8_15[8], struct err *e)
{
	struct kvm_regs r;
	struct kvm_sregs s;
	int rc = kvm_do(vcpu->kvm, vcpu->fd, KVM_GET_REGS, &r);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_GET_REGS on vCPU %u", vcpu->id);
	rc = kvm_do(vcpu->kvm, vcpu->fd, KVM_GET_SREGS, &s);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_GET_SREGS on vCPU %u", vcpu->id);
	*ret_state = (struct x86_state){
		.rax = r.rax,
		.rbx = r.rbx,
		.rcx = r.rcx,
		.rdx = r.rdx,
		.rsi = r.rsi,
		.rdi = r.rdi,
		.rsp = r.rsp,
		.rbp = r.rbp,
		.rip = r.rip,
		.rflags = r.rflags,
		.cr0 = s.cr0,
		.cr3 = s.cr3,
		.cr4 = s.cr4,
		.efer = s.efer,
		.cs = from_kvm_segment(&s.cs),
		.ds = from_kvm_segment(&s.ds),
		.es = from_kvm_segment(&s.es),
		.fs = from_kvm_segment(&s.fs),
		.gs = from_kvm_segment(&s.gs),
		.ss = from_kvm_segment(&s.ss),
		.tr = from_kvm_segment(&s.tr),
		.ldt = from_kvm_segment(&s.ldt),
		.gdt = { s.gdt.base, s.gdt.limit },
		.idt = { s.idt.base, s.idt.limit },
	};
	*ret_cr2 = s.cr2;
	const uint64_t high[8] = { r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15 };
	memcpy(r8_15, high, sizeof(high));
	return 0;
}

int kvm_vcpu_translate(struct kvm_vcpu *vcpu, uint64_t gva, struct gpa *ret_addr)
{
	struct kvm_translation t = { .linear_address = gva };
	int rc = kvm_do(vcpu->kvm, vcpu->fd, KVM_TRANSLATE, &t);
	if (rc < 0)
		return rc;
	if (!t.valid)
		return -EFAULT;
	*ret_addr = gpa(t.physical_address);
	return 0;
}
