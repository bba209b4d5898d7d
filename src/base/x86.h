/* SPDX-License-Identifier: MIT */
/* x86 register values that rooms hand to one another without knowing KVM. */
#ifndef NESTOR_BASE_X86_H
#define NESTOR_BASE_X86_H

#include <stdbool.h>
#include <stdint.h>

/* A segment register with its hidden part (SDM vol. 3, Segment Descriptors). */
struct x86_segment {
	uint64_t base;
	uint32_t limit; /* in bytes, after the granularity bit was applied */
	uint16_t selector;
	uint8_t type; /* 4 bits */
	bool present, code_or_data, db, long_mode, granularity;
	uint8_t dpl;
};

struct x86_table {
	uint64_t base;
	uint16_t limit;
};

/* What a boot protocol prescribes for the boot vCPU; everything not named is as after reset. */
struct x86_state {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, rip, rflags;
	uint64_t cr0, cr3, cr4, efer;
	struct x86_segment cs, ds, es, fs, gs, ss, tr, ldt;
	struct x86_table gdt, idt;
};

/* Selectors of the GDT that x86_flat32() names. The TSS takes two slots in 64-bit mode. */
#define X86_FLAT_CODE 0x10
#define X86_FLAT_DATA 0x18
#define X86_FLAT_TSS 0x20
#define X86_FLAT_GDT_BYTES 0x30

/*
 * Protected mode without paging, interrupts off, flat segments, at rip: what boot protocols enter
 * with. The GDT is at gdt_base (x86_flat_gdt writes it); there is no IDT, so that an early fault
 * shuts down instead of running wild.
 */
void x86_flat32(uint64_t rip, uint64_t gdt_base, struct x86_state *ret_state);

/* The GDT of a state: null, null, code, data, and the TSS of two slots. */
void x86_flat_gdt(const struct x86_state *state, uint8_t ret_gdt[X86_FLAT_GDT_BYTES]);

#define X86_CR0_PE (UINT64_C(1) << 0)
#define X86_CR0_MP (UINT64_C(1) << 1)
#define X86_CR0_ET (UINT64_C(1) << 4)
#define X86_CR0_NE (UINT64_C(1) << 5)
#define X86_CR0_WP (UINT64_C(1) << 16)
#define X86_CR0_AM (UINT64_C(1) << 18)
#define X86_CR0_NW (UINT64_C(1) << 29)
#define X86_CR0_CD (UINT64_C(1) << 30)
#define X86_CR0_PG (UINT64_C(1) << 31)
#define X86_CR4_PAE (UINT64_C(1) << 5)
#define X86_EFER_LME (UINT64_C(1) << 8)
#define X86_EFER_LMA (UINT64_C(1) << 10)

#endif
