/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "verify/internal.h"

#include <errno.h>

struct fixture {
	uint64_t ram[GUEST_RAM_BYTES / sizeof(uint64_t)];
	struct guest_memory mem;
	struct x86_state state;
	struct err e;
};

static struct fixture *load(struct fixture *f)
{
	f->mem = (struct guest_memory){
		.regions = { { gpa(0), GUEST_RAM_BYTES, (uint8_t *)f->ram, false } },
		.nr_regions = 1
	};
	assert_int_equal(guest_load(&f->mem, &f->state, &f->e), 0);
	return f;
}

static uint64_t word_at(const struct fixture *f, uint64_t addr)
{
	return f->ram[addr / sizeof(uint64_t)];
}

static uint64_t gate_target(const struct fixture *f, unsigned vector)
{
	uint64_t gate = word_at(f, GUEST_IDT + 8 * vector);
	return (gate & 0xffff) | (gate >> 48) << 16;
}

static void guest_load__every_exception__goes_to_code_and_gp_to_its_own(void **state)
{
	(void)state;
	struct fixture fixture = { 0 };
	const struct fixture *f = load(&fixture);
	assert_int_equal(f->state.idt.base, GUEST_IDT);
	assert_int_equal(f->state.idt.limit, 32 * 8 - 1);
	for (unsigned i = 0; i < 32; i++) {
		uint64_t gate = word_at(f, GUEST_IDT + 8 * i);
		assert_int_equal(gate >> 16 & 0xffff, f->state.cs.selector);
		assert_int_equal(gate >> 32 & 0xffff, 0x8e00); /* present, ring 0, 32 bits */
		assert_in_range(gate_target(f, i), GUEST_CODE + 1, GUEST_CODE + 0x200);
		assert_int_equal(gate_target(f, i) == gate_target(f, 13), i == 13);
	}
}

static void guest_load__descriptors__say_what_the_segments_say(void **state)
{
	(void)state;
	struct fixture fixture = { 0 };
	const struct fixture *f = load(&fixture);
	assert_int_equal(f->state.gdt.base, GUEST_GDT);
	assert_int_equal(f->state.gdt.limit, X86_FLAT_GDT_BYTES - 1);
	assert_int_equal(word_at(f, GUEST_GDT), 0);
	assert_true(word_at(f, GUEST_GDT + f->state.cs.selector) == 0x00cf9b000000ffff);
	assert_true(word_at(f, GUEST_GDT + f->state.ss.selector) == 0x00cf93000000ffff);
	assert_true(word_at(f, GUEST_GDT + f->state.tr.selector) == 0x00008b0000000067);
	assert_int_equal(f->state.cs.limit, UINT32_MAX);
	assert_int_equal(f->state.cs.type, 0xb);
	assert_int_equal(f->state.ss.type, 0x3);
	assert_int_equal(f->state.rip, GUEST_CODE);
	assert_int_equal(f->state.rbp, GUEST_LIST);
	assert_int_equal(f->state.rsp, GUEST_LIST);
}

static void guest_load__code__is_there_and_nothing_beyond(void **state)
{
	(void)state;
	struct fixture fixture = { 0 };
	const struct fixture *f = load(&fixture);
	const uint8_t *code = (const uint8_t *)f->ram + GUEST_CODE;
	const uint8_t port[] = { 0xe6, GUEST_PORT }; /* OUT imm8, AL */
	const uint8_t cpuid[] = { 0x0f, 0xa2 }, rdmsr[] = { 0x0f, 0x32 }, wrmsr[] = { 0x0f, 0x30 };
	assert_non_null(memmem(code, 0x200, port, sizeof(port)));
	assert_non_null(memmem(code, 0x200, cpuid, sizeof(cpuid)));
	assert_non_null(memmem(code, 0x200, rdmsr, sizeof(rdmsr)));
	assert_non_null(memmem(code, 0x200, wrmsr, sizeof(wrmsr)));
	for (uint64_t at = GUEST_CODE + 0x200; at < GUEST_RAM_BYTES; at += 8)
		assert_int_equal(word_at(f, at), 0);
}

static void guest_load__too_little_ram__is_an_error(void **state)
{
	(void)state;
	struct fixture fixture = { 0 };
	struct fixture *f = load(&fixture);
	static const uint64_t sizes[] = { GUEST_IDT, GUEST_GDT, GUEST_CODE + 1 };
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		f->mem.regions[0].size_bytes = sizes[i];
		assert_int_equal(guest_load(&f->mem, &f->state, &f->e), -EFAULT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guest_load__every_exception__goes_to_code_and_gp_to_its_own),
		cmocka_unit_test(guest_load__descriptors__say_what_the_segments_say),
		cmocka_unit_test(guest_load__code__is_there_and_nothing_beyond),
		cmocka_unit_test(guest_load__too_little_ram__is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
