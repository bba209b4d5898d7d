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

/* Bytes from RIP on; through the page tables where paging is on. */
static void add_code(struct text *t, struct vcpu *vcpu, const struct x86_state *s)
{
	const struct guest_memory *mem = ram_guest_memory(vcpu->machine->ram);
	unsigned shown = 0;
	add(t, "\ncode at rip:");
	for (; shown < CODE_BYTES; shown++) {
		struct gpa addr;
		uint8_t byte;
		if (kvm_vcpu_translate(vcpu->kvm, code_address(s, shown), &addr) ||
			guest_memory_read(mem, addr, &byte, 1, NULL))
			break;
		add(t, " %02x", byte);
	}
	if (shown < CODE_BYTES)
		add(t, " (not guest RAM from here on)");
}

void vcpu_report_crash(struct vcpu *vcpu, const char *why)
{
	struct text t = { .used = 0 };
	struct x86_state s;
	struct err e = ERR_INIT;
	uint64_t cr2, r[8];

	add(&t, "guest crashed on vCPU %u: %s", vcpu->index, why);
	if (kvm_vcpu_get_state(vcpu->kvm, &s, &cr2, r, &e)) {
		add(&t, "\nregisters cannot be read: %s", e.msg);
	} else {
		add(&t, "\nrip %016" PRIx64 " rsp %016" PRIx64 " rflags %016" PRIx64, s.rip, s.rsp,
			s.rflags);
		add(&t,
			"\nrax %016" PRIx64 " rbx %016" PRIx64 " rcx %016" PRIx64
			" rdx %016" PRIx64,
			s.rax, s.rbx, s.rcx, s.rdx);
		add(&t,
			"\nrsi %016" PRIx64 " rdi %016" PRIx64 " rbp %016" PRIx64
			" r8  %016" PRIx64,
			s.rsi, s.rdi, s.rbp, r[0]);
		add(&t,
			"\nr9  %016" PRIx64 " r10 %016" PRIx64 " r11 %016" PRIx64
			" r12 %016" PRIx64,
			r[1], r[2], r[3], r[4]);
		add(&t, "\nr13 %016" PRIx64 " r14 %016" PRIx64 " r15 %016" PRIx64, r[5], r[6],
			r[7]);
		add(&t,
			"\ncr0 %016" PRIx64 " cr2 %016" PRIx64 " cr3 %016" PRIx64
			" cr4 %016" PRIx64,
			s.cr0, cr2, s.cr3, s.cr4);
		add(&t, "\nefer %016" PRIx64 " gdt %016" PRIx64 "/%04x idt %016" PRIx64 "/%04x",
			s.efer, s.gdt.base, s.gdt.limit, s.idt.base, s.idt.limit);
		add_segment(&t, "cs", &s.cs);
		add_segment(&t, "ds", &s.ds);
		add_segment(&t, "ss", &s.ss);
		add_segment(&t, "tr", &s.tr);
		add_code(&t, vcpu, &s);
	}
	report(vcpu->machine->options.reporter, REPORT_ERROR, "%s", t.buf);
}
