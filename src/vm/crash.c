/* SPDX-License-Identifier: MIT */
#include "vm/internal.h"

#include <inttypes.h>
#include <stdio.h>

#define CODE_BYTES 16

struct text {
	char buf[3072];
	size_t used;
};

static void PRINTF_LIKE(2, 3) add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(t->buf + t->used, sizeof(t->buf) - t->used, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->used = (size_t)n < sizeof(t->buf) - t->used ? t->used + (size_t)n
							       : sizeof(t->buf) - 1;
}

static void add_segment(struct text *t, const char *name, const struct x86_segment *s)
{
	add(t, "\n%s  sel %04x base %016" PRIx64 " limit %08x type %x dpl %u%s%s%s", name,
		s->selector, s->base, s->limit, s->type, s->dpl, s->present ? "" : " not present",
		s->long_mode ? " 64-bit" : "", s->db ? " 32-bit" : "");
}

/* Where byte `at` from RIP on is: only 64-bit code has no base, and no wrapping at 4 GiB. */
static uint64_t code_address(const struct x86_state *s, unsigned at)
{
	return s->cs.long_mode ? s->rip + at : (uint32_t)(s->cs.base + s->rip + at);
}

bool vcpu_is_at(struct vcpu *vcpu, struct gpa at)
{
	struct x86_state s;
	uint64_t cr2, r[8];
	struct gpa addr;
	return kvm_vcpu_get_state(vcpu->kvm, &s, &cr2, r, NULL) == 0 &&
	       kvm_vcpu_translate(vcpu->kvm, code_address(&s, 0), &addr) == 0 && addr.v == at.v;
}

/* Bytes from RIP on; through the page tables where paging is on. */
static void add_code(struct text *t, struct vcpu *vcpu, const struct x86_state *s)
{
	const struct guest_memory *mem = ram_guest_memory(vcpu->machine->ram);
	add(t, "\ncode at rip:");
	for (unsigned shown = 0; shown < CODE_BYTES; shown++) {
		struct gpa addr;
		uint8_t byte;
		if (kvm_vcpu_translate(vcpu->kvm, code_address(s, shown), &addr)) {
			add(t, " (not mapped from here on)");
			return;
		}
		if (guest_memory_read(mem, addr, &byte, 1, NULL)) {
			add(t, " (not guest RAM from here on: gpa %#" PRIx64 ")", addr.v);
			return;
		}
		add(t, " %02x", byte);
	}
}

/* What INIT makes of segments and control registers (SDM vol. 3, table 10-1): no guest that ran
 * comes to a triple fault with all of them so. */
static bool are_as_after_init(const struct x86_state *s)
{
	const uint64_t kept_by_init = X86_CR0_NW | X86_CR0_CD;
	return s->cs.selector == 0xf000 && s->cs.base == 0xffff0000 && s->ss.selector == 0 &&
	       s->ss.base == 0 && s->ds.selector == 0 && s->ds.base == 0 && s->gdt.base == 0 &&
	       s->gdt.limit == 0xffff && s->idt.base == 0 && s->idt.limit == 0xffff &&
	       (s->cr0 & ~kept_by_init) == X86_CR0_ET && s->cr3 == 0 && s->cr4 == 0 && s->efer == 0;
}

/*
 * A triple fault leaves the state that AMD's processors save undefined (APM vol. 2, 15.14.3), so
 * there KVM makes it anew before it says what happened: all of it by an INIT since Linux 5.16, the
 * segments and control registers alone before. On Intel's all is as the guest left it.
 */
static void add_note_on_init(struct text *t, const struct x86_state *s)
{
	if (s->rip == 0xfff0 && s->rsp == 0 && s->rax == 0 && s->rbx == 0 && s->rcx == 0)
		add(t, "\nKVM reset this vCPU before it told of the triple fault, as it does on "
		       "AMD: "
		       "these are the registers after INIT, and what the guest had in them is "
		       "lost");
	else
		add(t, "\nKVM reset a part of this vCPU before it told of the triple fault, as it "
		       "does on AMD: segments, tables, cr0, cr3, cr4 and efer are those after "
		       "INIT");
}

static void add_registers(
	struct text *t, const struct x86_state *s, uint64_t cr2, const uint64_t r[8])
{
	add(t, "\nrip %016" PRIx64 " rsp %016" PRIx64 " rflags %016" PRIx64, s->rip, s->rsp,
		s->rflags);
	add(t, "\nrax %016" PRIx64 " rbx %016" PRIx64 " rcx %016" PRIx64 " rdx %016" PRIx64, s->rax,
		s->rbx, s->rcx, s->rdx);
	add(t, "\nrsi %016" PRIx64 " rdi %016" PRIx64 " rbp %016" PRIx64 " r8  %016" PRIx64, s->rsi,
		s->rdi, s->rbp, r[0]);
	add(t, "\nr9  %016" PRIx64 " r10 %016" PRIx64 " r11 %016" PRIx64 " r12 %016" PRIx64, r[1],
		r[2], r[3], r[4]);
	add(t, "\nr13 %016" PRIx64 " r14 %016" PRIx64 " r15 %016" PRIx64, r[5], r[6], r[7]);
	add(t, "\ncr0 %016" PRIx64 " cr2 %016" PRIx64 " cr3 %016" PRIx64 " cr4 %016" PRIx64, s->cr0,
		cr2, s->cr3, s->cr4);
	add(t, "\nefer %016" PRIx64 " gdt %016" PRIx64 "/%04x idt %016" PRIx64 "/%04x", s->efer,
		s->gdt.base, s->gdt.limit, s->idt.base, s->idt.limit);
	add_segment(t, "cs", &s->cs);
	add_segment(t, "ds", &s->ds);
	add_segment(t, "ss", &s->ss);
	add_segment(t, "tr", &s->tr);
}

void vcpu_report_crash(struct vcpu *vcpu, enum crash_kind kind, const char *why)
{
	struct text t = { .used = 0 };
	struct x86_state s;
	struct err e = ERR_INIT;
	uint64_t cr2, r[8];
	add(&t, "guest crashed on vCPU %u: %s", vcpu->index, why);
	if (kvm_vcpu_get_state(vcpu->kvm, &s, &cr2, r, &e)) {
		add(&t, "\nregisters cannot be read: %s", e.msg);
	} else if (kind == CRASH_TRIPLE_FAULT && are_as_after_init(&s)) {
		add_note_on_init(&t, &s);
		add_registers(&t, &s, cr2, r);
	} else {
		add_registers(&t, &s, cr2, r);
		add_code(&t, vcpu, &s);
	}
	report(vcpu->machine->options.reporter, REPORT_ERROR, "%s", t.buf);
}
