#include "boot/entry.h"

#include "boot/bytes.h"
#include "boot/layout.h"

#include <errno.h>

#define SELECTOR_CODE 0x10
#define SELECTOR_DATA 0x18
#define SELECTOR_TSS 0x20
#define GDT_BYTES 0x30 /* the TSS descriptor takes two slots in 64-bit mode */

/* Segment types (SDM vol. 3, Segment Descriptors). */
#define TYPE_CODE 0xb /* execute, read, accessed */
#define TYPE_DATA 0x3 /* read, write, accessed */
#define TYPE_TSS_BUSY 0xb
#define TYPE_LDT 0x2
#define TSS_LIMIT 0x67

#define PTE_PRESENT UINT64_C(0x1)
#define PTE_WRITE UINT64_C(0x2)
#define PTE_LARGE UINT64_C(0x80)
#define NR_DIRECTORIES 4 /* 1 GiB each */

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

/* State common to both entries; cs is flat for 32-bit code. */
static void base_state(uint64_t rip, struct x86_state *ret)
{
	struct x86_segment data = flat_segment(SELECTOR_DATA, TYPE_DATA);
	*ret = (struct x86_state){
		.rip = rip,
		.rflags = 0x2, /* bit 1 is always set; interrupts off */
		.cr0 = X86_CR0_PE | X86_CR0_ET,
		.cs = flat_segment(SELECTOR_CODE, TYPE_CODE),
		.ds = data,
		.es = data,
		.fs = data,
		.gs = data,
		.ss = data,
		.tr = { .limit = TSS_LIMIT,
			.selector = SELECTOR_TSS,
			.type = TYPE_TSS_BUSY,
			.present = true },
		.ldt = { .limit = 0xffff, .type = TYPE_LDT, .present = true },
		.gdt = { LAYOUT_GDT, GDT_BYTES - 1 },
		.idt = { 0, 0 }, /* no handler: an early fault shuts down instead of running wild */
	};
}

static int write_gdt(const struct guest_memory *mem, const struct x86_state *state, struct err *e)
{
	uint8_t gdt[GDT_BYTES] = { 0 };
	put_u64(gdt + SELECTOR_CODE, descriptor(&state->cs));
	put_u64(gdt + SELECTOR_DATA, descriptor(&state->ds));
	put_u64(gdt + SELECTOR_TSS, descriptor(&state->tr));
	return guest_memory_write(mem, gpa(LAYOUT_GDT), gdt, sizeof(gdt), e);
}

/* PML4, PDPT and page directories in consecutive pages: [0, 4 GiB) by 2 MiB pages. */
static int write_identity_map(const struct guest_memory *mem, struct err *e)
{
	uint64_t bytes = (2 + NR_DIRECTORIES) * LAYOUT_PAGE;
	uint8_t *tables = guest_memory_borrow(mem, gpa(LAYOUT_PAGE_TABLES), bytes);
	if (!tables)
		return err_set(e, -EFAULT, "no RAM for page tables at %#llx",
			(unsigned long long)LAYOUT_PAGE_TABLES);
	uint64_t pdpt = LAYOUT_PAGE_TABLES + LAYOUT_PAGE;
	uint64_t directories = pdpt + LAYOUT_PAGE;
	(void)memset(tables, 0, 2 * LAYOUT_PAGE);
	put_u64(tables, pdpt | PTE_PRESENT | PTE_WRITE);
	for (uint64_t i = 0; i < NR_DIRECTORIES; i++)
		put_u64(tables + LAYOUT_PAGE + i * 8,
			(directories + i * LAYOUT_PAGE) | PTE_PRESENT | PTE_WRITE);
	for (uint64_t i = 0; i < NR_DIRECTORIES * 512; i++)
		put_u64(tables + 2 * LAYOUT_PAGE + i * 8,
			i * 2 * MIB | PTE_PRESENT | PTE_WRITE | PTE_LARGE);
	return 0;
}

int entry_protected32(
	const struct guest_memory *mem, uint64_t rip, struct x86_state *ret, struct err *e)
{
	base_state(rip, ret);
	return write_gdt(mem, ret, e);
}

int entry_long64(const struct guest_memory *mem, uint64_t rip, struct x86_state *ret, struct err *e)
{
	base_state(rip, ret);
	ret->cs.long_mode = true;
	ret->cs.db = false;
	ret->cr0 |= X86_CR0_PG;
	ret->cr3 = LAYOUT_PAGE_TABLES;
	ret->cr4 = X86_CR4_PAE;
	ret->efer = X86_EFER_LME | X86_EFER_LMA;
	int rc = write_gdt(mem, ret, e);
	if (rc == 0)
		rc = write_identity_map(mem, e);
	return rc;
}
