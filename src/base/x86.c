/* SPDX-License-Identifier: MIT */
#include "base/x86.h"

#include <string.h>

/* Segment types (SDM vol. 3, Segment Descriptors). */
#define TYPE_CODE 0xb /* execute, read, accessed */
#define TYPE_DATA 0x3 /* read, write, accessed */
#define TYPE_TSS_BUSY 0xb
#define TYPE_LDT 0x2
#define TSS_LIMIT 0x67

static struct x86_segment flat_segment(uint16_t selector, uint8_t type)
{
	return (struct x86_segment){ .base = 0,
		.limit = UINT32_MAX,
		.selector = selector,
		.type = type,
		.present = true,
		.code_or_data = true,
		.db = true,
		.granularity = true };
}

void x86_flat32(uint64_t rip, uint64_t gdt_base, struct x86_state *ret_state)
{
	struct x86_segment data = flat_segment(X86_FLAT_DATA, TYPE_DATA);
	*ret_state = (struct x86_state){
		.rip = rip,
		.rflags = 0x2, /* bit 1 is always set; interrupts off */
		.cr0 = X86_CR0_PE | X86_CR0_ET,
		.cs = flat_segment(X86_FLAT_CODE, TYPE_CODE),
		.ds = data,
		.es = data,
		.fs = data,
		.gs = data,
		.ss = data,
		.tr = { .limit = TSS_LIMIT,
			.selector = X86_FLAT_TSS,
			.type = TYPE_TSS_BUSY,
			.present = true },
		.ldt = { .limit = 0xffff, .type = TYPE_LDT, .present = true },
		.gdt = { gdt_base, X86_FLAT_GDT_BYTES - 1 },
		.idt = { 0, 0 },
	};
}

/* The 8 bytes of a descriptor in the GDT (SDM vol. 3, figure "Segment Descriptor"). */
static uint64_t descriptor(const struct x86_segment *s)
{
	uint64_t limit = s->granularity ? s->limit >> 12 : s->limit;
	uint64_t base = s->base;
	uint64_t d = (limit & 0xffff) | (base & 0xffffff) << 16 | (uint64_t)s->type << 40 |
		     (limit >> 16 & 0xf) << 48 | (base >> 24 & 0xff) << 56;
	d |= (uint64_t)s->code_or_data << 44 | (uint64_t)(s->dpl & 3) << 45 |
	     (uint64_t)s->present << 47;
	d |= (uint64_t)s->long_mode << 53 | (uint64_t)s->db << 54 | (uint64_t)s->granularity << 55;
	return d;
}

void x86_flat_gdt(const struct x86_state *state, uint8_t ret_gdt[X86_FLAT_GDT_BYTES])
{
	const uint64_t slots[X86_FLAT_GDT_BYTES / 8] = {
		[X86_FLAT_CODE / 8] = descriptor(&state->cs),
		[X86_FLAT_DATA / 8] = descriptor(&state->ds),
		[X86_FLAT_TSS / 8] = descriptor(&state->tr),
	};
	(void)memcpy(ret_gdt, slots, sizeof(slots));
}
