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

#define X86_CR0_PE (UINT64_C(1) << 0)
#define X86_CR0_MP (UINT64_C(1) << 1)
#define X86_CR0_ET (UINT64_C(1) << 4)
#define X86_CR0_NE (UINT64_C(1) << 5)
#define X86_CR0_WP (UINT64_C(1) << 16)
#define X86_CR0_AM (UINT64_C(1) << 18)
#define X86_CR0_PG (UINT64_C(1) << 31)
#define X86_CR4_PAE (UINT64_C(1) << 5)
#define X86_EFER_LME (UINT64_C(1) << 8)
#define X86_EFER_LMA (UINT64_C(1) << 10)

#endif
