/* SPDX-License-Identifier: MIT */
/* What each exit of the scripted KVM does, on a machine with one vCPU. */
#include "unit/vm/fixture.h"
#include "unit/vm/steps.h"

#include <errno.h>

#define IN(port, bytes)                                                                            \
	{                                                                                          \
		.kind = FAKE_IN, .addr = (port), .size = (bytes)                                   \
	}
#define RDMSR(msr)                                                                                 \
	{                                                                                          \
		.kind = FAKE_RDMSR, .addr = (msr)                                                  \
	}
#define WRMSR(msr, v)                                                                              \
	{                                                                                          \
		.kind = FAKE_WRMSR, .addr = (msr), .value = (v)                                    \
	}
#define EXIT_42 OUT8(0xf4, "\x2a")

static uint64_t answer(const struct fixture *f, unsigned i)
{
	assert_true(i < f->fake->vcpus[0]->nr_reads);
	return f->fake->vcpus[0]->reads[i];
}

static void assert_end(
	struct fixture *f, const struct fake_step *script, enum machine_end end, uint32_t status)
{
	assert_int_equal(fixture_run(f, script), 0);
	assert_int_equal(f->result.end, end);
	assert_int_equal(f->result.status, status);
}

static void io_write__serial_port__bytes_arrive_before_the_debug_exit(void **state)
{
	struct fixture *f = *state;
	char buf[64];
	const struct fake_step script[] = {
		OUT8(0x3f8, "h"),
		OUT8(0x3f8, "i"),
		{ .kind = FAKE_OUT, .addr = 0x3f8, .size = 1, .count = 5, .data = " all\n" },
		OUT8(0xe9, "!"),
		EXIT_42,
		{ 0 },
	};
	assert_end(f, script, MACHINE_END_DEBUG_EXIT, 42);
	assert_string_equal(fixture_console(f, buf, sizeof(buf)), "hi all\n!");
}

static void io_write__s5__powers_off(void **state)
{
	const struct fake_step script[] = {
		{ .kind = FAKE_OUT, .addr = 0x604, .size = 2, .data = "\x00\x34" }, { 0 }
	};
	assert_end(*state, script, MACHINE_END_POWER_OFF, 0);
}

static void io_write__reset_register__reboots(void **state)
{
	const struct fake_step script[] = { OUT8(0xcf9, "\x06"), { 0 } };
	assert_end(*state, script, MACHINE_END_REBOOT, 0);
}

static void io_write__keyboard_controller_pulse__reboots(void **state)
{
	const struct fake_step script[] = { OUT8(0x64, "\xfe"), { 0 } };
	assert_end(*state, script, MACHINE_END_REBOOT, 0);
}

static void io_write__reset_then_triple_fault__is_only_a_reboot(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { OUT8(0xcf9, "\x06"),
		{ .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN }, { 0 } };
	assert_end(f, script, MACHINE_END_REBOOT, 0);
	assert_string_equal(f->reports, "");
	assert_int_equal(f->fake->vcpus[0]->runs, 1);
}

static void io_write__pvpanic__is_a_panic(void **state)
{
	const struct fake_step script[] = { OUT8(0x505, "\x01"), { 0 } };
	assert_end(*state, script, MACHINE_END_PANIC, 1);
}

static void io_read__unclaimed_port__reads_ones_of_each_size(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { IN(0x1000, 1), IN(0x1000, 2), IN(0x1000, 4),
		{ .kind = FAKE_IN, .addr = 0x1000, .size = 2, .count = 3 }, EXIT_42, { 0 } };
	assert_end(f, script, MACHINE_END_DEBUG_EXIT, 42);
	assert_int_equal(answer(f, 0), 0xff);
	assert_int_equal(answer(f, 1), 0xffff);
	assert_int_equal(answer(f, 2), 0xffffffff);
	for (unsigned i = 3; i < 6; i++)
		assert_int_equal(answer(f, i), 0xffff);
}

static void mmio_read__unclaimed__reads_ones_of_any_length(void **state)
{
	struct fixture *f = *state;
	struct fake_step script[10] = { 0 };
	for (uint32_t size = 1; size <= 8; size++)
		script[size - 1] = (struct fake_step){
			.kind = FAKE_MMIO_READ, .addr = 0xd0000000, .size = size
		};
	script[8] = (struct fake_step)EXIT_42;
	assert_end(f, script, MACHINE_END_DEBUG_EXIT, 42);
	for (uint32_t size = 1; size <= 8; size++)
		assert_int_equal(answer(f, size - 1), bit_mask(size * 8));
}

static void mmio_write__unclaimed__goes_nowhere(void **state)
{
	const struct fake_step script[] = {
		{ .kind = FAKE_MMIO_WRITE, .addr = 0xd0000000, .size = 7, .value = 1 },
		{ .kind = FAKE_MMIO_WRITE, .addr = UINT64_MAX - 7, .size = 8, .value = 1 }, EXIT_42,
		{ 0 }
	};
	assert_end(*state, script, MACHINE_END_DEBUG_EXIT, 42);
}

static void run__interrupted__goes_on(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { { .kind = FAKE_ERRNO, .value = EINTR },
		{ .kind = FAKE_ERRNO, .value = EAGAIN },
		{ .kind = FAKE_EXIT, .value = KVM_EXIT_INTR },
		{ .kind = FAKE_EXIT, .value = KVM_EXIT_IRQ_WINDOW_OPEN },
		{ .kind = FAKE_EOI, .value = 0x31 }, EXIT_42, { 0 } };
	assert_end(f, script, MACHINE_END_DEBUG_EXIT, 42);
	assert_int_equal(f->fake->vcpus[0]->runs, 6);
}

static void run__fails__is_the_machines_error_with_registers(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { { .kind = FAKE_ERRNO, .value = EFAULT }, { 0 } };
	assert_int_equal(fixture_run(f, script), -EIO);
	assert_int_equal(f->e.kind, ERR_HOST);
	assert_contains(f->e.msg, "KVM_RUN on vCPU 0");
	assert_contains(f->e.hint, "memory");
	assert_contains(f->reports, "rip 0000000000100030");
}

static void assert_crash(struct fixture *f, struct fake_step step, const char *why)
{
	const struct fake_step script[] = { step, { 0 } };
	assert_end(f, script, MACHINE_END_CRASH, 0);
	assert_contains(f->reports, "guest crashed on vCPU 0: ");
	assert_contains(f->reports, why);
	assert_contains(f->reports, "\nrip 0000000000100030");
}

static void exit_shutdown__triple_fault__crash_with_registers_and_code(void **state)
{
	struct fixture *f = *state;
	assert_crash(f, (struct fake_step){ .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN },
		"triple fault (KVM_EXIT_SHUTDOWN)");
	assert_contains(f->reports, "\ncr0 0000000000000011");
	assert_contains(f->reports, "\ncs  sel ");
	assert_contains(f->reports, "\ncode at rip: fa f4 eb fd 00");
}

static void exit_hlt__local_apics_in_kvm__crash(void **state)
{
	assert_crash(*state, (struct fake_step){ .kind = FAKE_EXIT, .value = KVM_EXIT_HLT },
		"KVM_EXIT_HLT");
}

static void exit_fail_entry__reason__crash_with_it(void **state)
{
	assert_crash(*state, (struct fake_step){ .kind = FAKE_FAIL_ENTRY, .value = 0x80000021 },
		"KVM_EXIT_FAIL_ENTRY, reason 0x80000021");
}

static void exit_internal_error__known_suberror__crash_with_name_and_data(void **state)
{
	assert_crash(*state, (struct fake_step){ .kind = FAKE_INTERNAL, .value = 1 },
		"instruction emulation failed (KVM_EXIT_INTERNAL_ERROR, suberror 1) 0xabc 0xdef");
}

static void exit_internal_error__unknown_suberror__crash_with_its_number(void **state)
{
	assert_crash(*state, (struct fake_step){ .kind = FAKE_INTERNAL, .value = 77 },
		"unknown suberror (KVM_EXIT_INTERNAL_ERROR, suberror 77)");
}

static void exit_other__not_asked_for__crash_with_its_number(void **state)
{
	assert_crash(*state, (struct fake_step){ .kind = FAKE_EXIT, .value = KVM_EXIT_DEBUG },
		"exit reason 4");
}

static void exit_system_event__unknown_type__crash(void **state)
{
	assert_crash(*state, (struct fake_step){ .kind = FAKE_SYSTEM_EVENT, .value = 99 },
		"KVM_EXIT_SYSTEM_EVENT, type 99");
}

static void exit_system_event__shutdown__powers_off(void **state)
{
	const struct fake_step script[] = {
		{ .kind = FAKE_SYSTEM_EVENT, .value = KVM_SYSTEM_EVENT_SHUTDOWN }, { 0 }
	};
	assert_end(*state, script, MACHINE_END_POWER_OFF, 0);
}

static void exit_system_event__reset__reboots(void **state)
{
	const struct fake_step script[] = {
		{ .kind = FAKE_SYSTEM_EVENT, .value = KVM_SYSTEM_EVENT_RESET }, { 0 }
	};
	assert_end(*state, script, MACHINE_END_REBOOT, 0);
}

/* Registers as another KVM leaves them. */
static void jump_to_reset_vector(void *ctx)
{
	struct fake_vcpu *vcpu = ((struct fixture *)ctx)->fake->vcpus[0];
	vcpu->sregs.cs = (struct kvm_segment){ .base = 0xffff0000,
		.limit = 0xffff,
		.selector = 0xf000,
		.type = 0xb,
		.present = 1,
		.s = 1 };
	vcpu->regs.rip = 0xfff0;
}

static void jump_flat_to_reset_vector(void *ctx)
{
	((struct fixture *)ctx)->fake->vcpus[0]->regs.rip = 0xfffffff0;
}

static void jump_flat_beside_reset_vector(void *ctx)
{
	((struct fixture *)ctx)->fake->vcpus[0]->regs.rip = 0xffffffef;
}

static void exit_internal_error__at_the_reset_vector__is_a_reset(void **state)
{
	struct fixture *f = *state;
	void (*const jumps[])(void *) = { jump_to_reset_vector, jump_flat_to_reset_vector };
	for (unsigned i = 0; i < ARRAY_SIZE(jumps); i++) {
		const struct fake_step script[] = {
			{ .kind = FAKE_CALL, .fn = jumps[i], .fn_ctx = f },
			{ .kind = FAKE_INTERNAL, .value = KVM_INTERNAL_ERROR_EMULATION }, { 0 }
		};
		assert_end(f, script, MACHINE_END_REBOOT, 0);
		assert_string_equal(f->reports, "");
		machine_destroy(f->machine);
		f->machine = NULL;
	}
}

static void exit_internal_error__beside_the_reset_vector_or_of_another_kind__crash(void **state)
{
	struct fixture *f = *state;
	const struct fake_step beside[] = {
		{ .kind = FAKE_CALL, .fn = jump_flat_beside_reset_vector, .fn_ctx = f },
		{ .kind = FAKE_INTERNAL, .value = KVM_INTERNAL_ERROR_EMULATION }, { 0 }
	};
	const struct fake_step other[] = {
		{ .kind = FAKE_CALL, .fn = jump_flat_to_reset_vector, .fn_ctx = f },
		{ .kind = FAKE_INTERNAL, .value = KVM_INTERNAL_ERROR_DELIVERY_EV }, { 0 }
	};
	assert_end(f, beside, MACHINE_END_CRASH, 0);
	assert_contains(f->reports, "(not guest RAM from here on: gpa 0xffffffef)");
	machine_destroy(f->machine);
	f->machine = NULL;
	assert_end(f, other, MACHINE_END_CRASH, 0);
}

static void exit_internal_error__registers_cannot_be_read__crash(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = {
		{ .kind = FAKE_CALL, .fn = jump_flat_to_reset_vector, .fn_ctx = f },
		{ .kind = FAKE_INTERNAL, .value = KVM_INTERNAL_ERROR_EMULATION }, { 0 }
	};
	f->fake->regs_fail = true;
	assert_end(f, script, MACHINE_END_CRASH, 0);
}

static void run__kvm_gave_the_vm_up__a_crash_and_no_error_of_the_host(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { { .kind = FAKE_ERRNO, .value = EIO }, { 0 } };
	f->fake->regs_fail = true;
	assert_end(f, script, MACHINE_END_CRASH, 0);
	assert_contains(f->reports, "guest crashed on vCPU 0: KVM gave the VM up");
	assert_contains(f->reports, "registers cannot be read: KVM_GET_REGS on vCPU 0");
}

static void in_smm(void *ctx)
{
	((struct fixture *)ctx)->fake->vcpus[0]->run->flags = 1 | 4;
}

static void run__kvm_gave_the_vm_up_in_smm_of_a_nested_guest__says_so(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { { .kind = FAKE_CALL, .fn = in_smm, .fn_ctx = f },
		{ .kind = FAKE_ERRNO, .value = EIO }, { 0 } };
	assert_end(f, script, MACHINE_END_CRASH, 0);
	assert_contains(f->reports, ", in system management mode, in a guest of the guest's\n");
}

/* As KVM for AMD does before it tells of a triple fault: INIT. */
static void init_vcpu(void *ctx)
{
	struct fake_vcpu *vcpu = ((struct fixture *)ctx)->fake->vcpus[0];
	vcpu->regs = (struct kvm_regs){ .rip = 0xfff0, .rdx = 0x600, .rflags = 2 };
	vcpu->sregs = (struct kvm_sregs){
		.cr0 = 0x60000010, .gdt = { .limit = 0xffff }, .idt = { .limit = 0xffff }
	};
	vcpu->sregs.cs = (struct kvm_segment){
		.base = 0xffff0000, .limit = 0xffff, .selector = 0xf000, .present = 1
	};
}

/* … and before Linux 5.16. */
static void init_vmcb(void *ctx)
{
	struct fake_vcpu *vcpu = ((struct fixture *)ctx)->fake->vcpus[0];
	struct kvm_regs regs = vcpu->regs;
	init_vcpu(ctx);
	vcpu->regs = regs;
}

static void exit_shutdown__registers_are_those_after_init__says_so(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { { .kind = FAKE_CALL, .fn = init_vcpu, .fn_ctx = f },
		{ .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN }, { 0 } };
	assert_end(f, script, MACHINE_END_CRASH, 0);
	assert_contains(f->reports, "these are the registers after INIT, and what the guest had");
	assert_null(strstr(f->reports, "code at rip"));
}

static void exit_shutdown__segments_are_those_after_init__says_so(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { { .kind = FAKE_CALL, .fn = init_vmcb, .fn_ctx = f },
		{ .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN }, { 0 } };
	assert_end(f, script, MACHINE_END_CRASH, 0);
	assert_contains(
		f->reports, "segments, tables, cr0, cr3, cr4 and efer are those after INIT");
	assert_contains(f->reports, "rip 0000000000100030");
}

/* Real mode in the segment of the reset vector is not enough: the guest may be there itself. */
static void exit_shutdown__registers_are_the_guests__no_word_of_init(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = {
		{ .kind = FAKE_CALL, .fn = jump_to_reset_vector, .fn_ctx = f },
		{ .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN }, { 0 }
	};
	const struct fake_step other[] = { { .kind = FAKE_CALL, .fn = init_vcpu, .fn_ctx = f },
		{ .kind = FAKE_EXIT, .value = KVM_EXIT_HLT }, { 0 } };
	assert_end(f, script, MACHINE_END_CRASH, 0);
	assert_null(strstr(f->reports, "INIT"));
	machine_destroy(f->machine);
	f->machine = NULL;
	assert_end(f, other, MACHINE_END_CRASH, 0);
	assert_null(strstr(f->reports, "INIT"));
}

/* The state after INIT, but for one register. */
static unsigned differing;

static void init_all_but_one(void *ctx)
{
	struct fake_vcpu *vcpu = ((struct fixture *)ctx)->fake->vcpus[0];
	struct kvm_sregs *s = &vcpu->sregs;
	init_vcpu(ctx);
	switch (differing) {
	case 0:
		s->cs.selector = 0xf001;
		break;
	case 1:
		s->cs.base = 0xf0000;
		break;
	case 2:
		s->ss.selector = 8;
		break;
	case 3:
		s->ss.base = 16;
		break;
	case 4:
		s->ds.selector = 8;
		break;
	case 5:
		s->ds.base = 16;
		break;
	case 6:
		s->gdt.base = 0x1000;
		break;
	case 7:
		s->gdt.limit = 0x2f;
		break;
	case 8:
		s->idt.base = 0x1000;
		break;
	case 9:
		s->idt.limit = 0;
		break;
	case 10:
		s->cr0 |= 1;
		break;
	case 11:
		s->cr3 = 0x1000;
		break;
	case 12:
		s->cr4 = 0x10;
		break;
	default:
		s->efer = 0x100;
		break;
	}
}

static void exit_shutdown__one_register_is_the_guests__no_word_of_init(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = {
		{ .kind = FAKE_CALL, .fn = init_all_but_one, .fn_ctx = f },
		{ .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN }, { 0 }
	};
	for (differing = 0; differing < 14; differing++) {
		f->reports[0] = '\0';
		assert_end(f, script, MACHINE_END_CRASH, 0);
		assert_null(strstr(f->reports, "INIT"));
		machine_destroy(f->machine);
		f->machine = NULL;
	}
}

/* KVM before Linux 5.16 leaves general registers: one of them tells. */
static void init_all_but_a_general_register(void *ctx)
{
	struct fake_vcpu *vcpu = ((struct fixture *)ctx)->fake->vcpus[0];
	__u64 *const regs[] = { &vcpu->regs.rip, &vcpu->regs.rsp, &vcpu->regs.rax, &vcpu->regs.rbx,
		&vcpu->regs.rcx };
	init_vcpu(ctx);
	*regs[differing] = 0x1234;
}

static void exit_shutdown__a_general_register_is_the_guests__only_a_part_is_reset(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = {
		{ .kind = FAKE_CALL, .fn = init_all_but_a_general_register, .fn_ctx = f },
		{ .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN }, { 0 }
	};
	for (differing = 0; differing < 5; differing++) {
		f->reports[0] = '\0';
		assert_end(f, script, MACHINE_END_CRASH, 0);
		assert_contains(f->reports, "KVM reset a part of this vCPU");
		machine_destroy(f->machine);
		f->machine = NULL;
	}
}

static void fill_registers(void *ctx)
{
	struct fake_vcpu *vcpu = ((struct fixture *)ctx)->fake->vcpus[0];
	vcpu->regs = (struct kvm_regs){ .rax = 0xa1,
		.rbx = 0xa2,
		.rcx = 0xa3,
		.rdx = 0xa4,
		.rsi = 0xa5,
		.rdi = 0xa6,
		.rsp = 0xa7,
		.rbp = 0xa8,
		.r8 = 0xb0,
		.r9 = 0xb1,
		.r10 = 0xb2,
		.r11 = 0xb3,
		.r12 = 0xb4,
		.r13 = 0xb5,
		.r14 = 0xb6,
		.r15 = 0xb7,
		.rip = 0x100030,
		.rflags = 0x46 };
	vcpu->sregs.cr2 = 0xc2;
}

static void crash_report__every_register__is_shown(void **state)
{
	static const char *const shown[] = { "rip 0000000000100030 rsp 00000000000000a7",
		"rflags 0000000000000046", "rax 00000000000000a1 rbx 00000000000000a2",
		"rcx 00000000000000a3 rdx 00000000000000a4",
		"rsi 00000000000000a5 rdi 00000000000000a6",
		"rbp 00000000000000a8 r8  00000000000000b0",
		"r9  00000000000000b1 r10 00000000000000b2",
		"r11 00000000000000b3 r12 00000000000000b4",
		"r13 00000000000000b5 r14 00000000000000b6 r15 00000000000000b7",
		"cr2 00000000000000c2" };
	struct fixture *f = *state;
	const struct fake_step script[] = {
		{ .kind = FAKE_CALL, .fn = fill_registers, .fn_ctx = f },
		{ .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN }, { 0 }
	};
	assert_end(f, script, MACHINE_END_CRASH, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(shown); i++)
		assert_contains(f->reports, shown[i]);
}

static void crash_report__code_not_mapped__says_so(void **state)
{
	struct fixture *f = *state;
	f->fake->translate_fails = true;
	assert_crash(f, (struct fake_step){ .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN },
		"code at rip: (not mapped from here on)");
}

static void jump_past_ram(void *ctx)
{
	struct fixture *f = ctx;
	f->fake->vcpus[0]->regs.rip = 16 * MIB - 3;
}

static void crash_report__code_runs_out_of_ram__shows_what_is_there(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { { .kind = FAKE_CALL, .fn = jump_past_ram, .fn_ctx = f },
		{ .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN }, { 0 } };
	assert_end(f, script, MACHINE_END_CRASH, 0);
	assert_contains(
		f->reports, "code at rip: 00 00 00 (not guest RAM from here on: gpa 0x1000000)");
}

static void crash_report__registers_cannot_be_read__says_so(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { { .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN },
		{ 0 } };
	f->fake->regs_fail = true;
	assert_end(f, script, MACHINE_END_CRASH, 0);
	assert_contains(f->reports, "registers cannot be read: KVM_GET_REGS on vCPU 0");
}

/* COM1: IER on, then MCR with OUT2, so that the empty transmitter interrupts. */
#define SERIAL_INTERRUPT OUT8(0x3f9, "\x02"), OUT8(0x3fc, "\x08")

static void serial_interrupt__in_kernel_irqchip__drives_gsi_4(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { SERIAL_INTERRUPT, IN(0x3fa, 1), EXIT_42, { 0 } };
	assert_end(f, script, MACHINE_END_DEBUG_EXIT, 42);
	assert_int_equal(answer(f, 0) & 0xf, 2); /* THR empty; reading it takes the line down */
	assert_true(f->fake->nr_irqs >= 2);
	const struct fake_irq *last = &f->fake->irqs[f->fake->nr_irqs - 1];
	assert_int_equal(last[-1].gsi, 4);
	assert_true(last[-1].level);
	assert_int_equal(last->gsi, 4);
	assert_false(last->level);
}

#define IOAPIC_SELECT(reg)                                                                         \
	{                                                                                          \
		.kind = FAKE_MMIO_WRITE, .addr = 0xfec00000, .size = 4, .value = (reg)             \
	}
#define IOAPIC_WRITE(v)                                                                            \
	{                                                                                          \
		.kind = FAKE_MMIO_WRITE, .addr = 0xfec00010, .size = 4, .value = (v)               \
	}

static void serial_interrupt__split_irqchip__route_first_then_an_edge_message(void **state)
{
	struct fixture *f = *state;
	/* Pin 4: vector 0x31, edge, physical destination 0, not masked. */
	const struct fake_step script[] = { IOAPIC_SELECT(0x18), IOAPIC_WRITE(0x31),
		SERIAL_INTERRUPT, EXIT_42, { 0 } };
	f->config.machine.irqchip = IRQCHIP_SPLIT;
	assert_end(f, script, MACHINE_END_DEBUG_EXIT, 42);
	assert_int_equal(f->fake->nr_routes, 1);
	assert_int_equal(f->fake->routes[0].gsi, 4);
	assert_int_equal(f->fake->routes[0].u.msi.data & 0xff, 0x31);
	assert_int_equal(f->fake->nr_msis, 1);
	assert_int_equal(f->fake->msis[0].address_lo, 0xfee00000);
	assert_int_equal(f->fake->msis[0].data & 0xff, 0x31);
	assert_int_equal(f->fake->nr_irqs, 0);
	assert_true(fake_kvm_find(f->fake, "KVM_SET_GSI_ROUTING", 0) <
		    fake_kvm_find(f->fake, "KVM_SIGNAL_MSI", 0));
}

/* PM1 enable: the power button; presses it. The SCI is pin 9: vector 0x32, level. */
static void press_button(void *ctx)
{
	struct fixture *f = ctx;
	machine_press_power_button(f->machine);
}

static void sci__split_irqchip_level__is_sent_again_after_eoi_until_cleared(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { IOAPIC_SELECT(0x22), IOAPIC_WRITE(0x8032),
		{ .kind = FAKE_OUT, .addr = 0x602, .size = 2, .data = "\x00\x01" },
		{ .kind = FAKE_CALL, .fn = press_button, .fn_ctx = f }, IN(0x600, 2),
		{ .kind = FAKE_EOI, .value = 0x32 }, /* still asserted: again */
		{ .kind = FAKE_OUT, .addr = 0x600, .size = 2, .data = "\x00\x01" },
		{ .kind = FAKE_EOI, .value = 0x32 }, /* cleared: not again */
		EXIT_42, { 0 } };
	f->config.machine.irqchip = IRQCHIP_SPLIT;
	assert_end(f, script, MACHINE_END_DEBUG_EXIT, 42);
	assert_int_equal(answer(f, 0) & 0x100, 0x100);
	assert_int_equal(f->fake->nr_msis, 2);
	assert_int_equal(f->fake->msis[1].data, f->fake->msis[0].data);
}

static void route_update__kvm_refuses__is_reported_and_the_guest_goes_on(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { IOAPIC_SELECT(0x18), IOAPIC_WRITE(0x31), EXIT_42,
		{ 0 } };
	f->config.machine.irqchip = IRQCHIP_SPLIT;
	f->fake->scripts[0] = script;
	assert_int_equal(fixture_create(f), 0);
	/* Registers read and set, KVM_RUN twice, then the routes. */
	f->fake->fail_at = f->fake->nr_calls + 3 + 3;
	assert_int_equal(machine_run(f->machine, &f->result, &f->e), 0);
	assert_int_equal(f->result.status, 42);
	assert_contains(f->reports, "I/O APIC: KVM_SET_GSI_ROUTING");
}

static size_t give_k(void *ctx, uint8_t *bytes, size_t n)
{
	(void)ctx;
	memset(bytes, 'k', n);
	return n;
}

static void serial_input__bytes__are_read_by_the_guest(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { IN(0x3f8, 1), IN(0x3fd, 1), EXIT_42, { 0 } };
	f->fake->scripts[0] = script;
	assert_int_equal(fixture_create(f), 0);
	machine_destroy(f->machine);
	f->machine = NULL;
	f->options.serial_input[0] = (struct byte_source){ .read = give_k };
	assert_int_equal(machine_create(&f->machine, &f->options, &f->e), 0);
	assert_true(machine_serial_ready(f->machine, 0));
	assert_false(machine_serial_ready(f->machine, 1));
	assert_int_equal(machine_run(f->machine, &f->result, &f->e), 0);
	assert_int_equal(answer(f, 0), 'k');
	assert_int_equal(answer(f, 1) & 1, 0);
}

static void give_rules(struct fixture *f, const struct msr_rule *rules, size_t n)
{
	f->policy.msr_rules = rules;
	f->policy.nr_msr_rules = n;
	f->policy.topology = (struct policy_topology){ 1, 1, 1, 1 };
	f->given_policy = &f->policy;
}

static void msr__denied__faults_whether_or_not_others_exit(void **state)
{
	struct fixture *f = *state;
	const struct msr_rule rules[] = {
		{ .first = 0x10, .last = 0x11, .read = MSR_DENY, .write = MSR_DENY, .id = "T" },
		{ .first = 0x11, .last = 0x11, .read = MSR_VALUE, .value = 9, .id = "T" },
	};
	const struct fake_step script[] = { RDMSR(0x10), WRMSR(0x10, 1), RDMSR(0x11),
		WRMSR(0x11, 1), EXIT_42, { 0 } };
	give_rules(f, rules, 1);
	assert_end(f, script, MACHINE_END_DEBUG_EXIT, 42);
	assert_false(f->fake->msr_exits);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(answer(f, i), FAKE_GP);
	machine_destroy(f->machine);
	f->machine = NULL;
	give_rules(f, rules, 2);
	assert_end(f, script, MACHINE_END_DEBUG_EXIT, 42);
	assert_true(f->fake->msr_exits);
	assert_int_equal(answer(f, 0), FAKE_GP);
	assert_int_equal(answer(f, 1), FAKE_GP);
	assert_int_equal(answer(f, 2), 9);
	assert_int_equal(answer(f, 3), FAKE_GP);
	assert_string_equal(f->reports, "");
}

static void msr__default_deny__only_what_rules_allow_passes(void **state)
{
	struct fixture *f = *state;
	const struct msr_rule rules[] = {
		{ .first = 0x174, .last = 0x176, .read = MSR_KVM, .write = MSR_KVM, .id = "T" },
	};
	const struct fake_step script[] = { WRMSR(0x175, 0x77), RDMSR(0x175), RDMSR(0x177),
		WRMSR(0x830, 1), EXIT_42, { 0 } };
	give_rules(f, rules, 1);
	f->policy.msr_default_deny = true;
	assert_end(f, script, MACHINE_END_DEBUG_EXIT, 42);
	assert_int_equal(answer(f, 0), 0);
	assert_int_equal(answer(f, 1), 0x77);
	assert_int_equal(answer(f, 2), FAKE_GP);
	assert_int_equal(answer(f, 3), 0);
}

static void msr__ignored_write__leaves_the_value(void **state)
{
	struct fixture *f = *state;
	const struct msr_rule rules[] = {
		{ .first = 0x175, .last = 0x175, .write = MSR_IGNORE, .id = "T" },
	};
	const struct fake_step script[] = { WRMSR(0x175, 0x77), RDMSR(0x175), EXIT_42, { 0 } };
	give_rules(f, rules, 1);
	assert_end(f, script, MACHINE_END_DEBUG_EXIT, 42);
	assert_int_equal(answer(f, 0), 0);
	assert_int_equal(answer(f, 1), 0);
	assert_string_equal(f->reports, "");
}

static void msr__logged__is_reported_with_what_it_came_to(void **state)
{
	struct fixture *f = *state;
	const struct msr_rule rules[] = {
		{ .first = 0x174,
			.last = 0x176,
			.read = MSR_KVM,
			.write = MSR_KVM,
			.log = true,
			.id = "MSR-RULE",
			.origin = "vm.toml:7:1" },
		{ .first = 0x10a,
			.last = 0x10a,
			.read = MSR_VALUE,
			.value = 0xc0de,
			.write = MSR_DENY,
			.log = true,
			.id = "MSR-RULE",
			.origin = "vm.toml:9:1" },
		{ .first = 0x3b, .last = 0x3b, .write = MSR_IGNORE, .log = true, .id = "MSR-RULE" },
		{ .first = 0x8b,
			.last = 0x8b,
			.read = MSR_KVM,
			.write = MSR_KVM,
			.log = true,
			.id = "MSR-RULE",
			.origin = "vm.toml:9:1" },
	};
	const struct fake_step script[] = { WRMSR(0x175, 0x77), RDMSR(0x175), RDMSR(0x10a),
		WRMSR(0x10a, 5), WRMSR(0x3b, 6), WRMSR(0x8b, 7), EXIT_42, { 0 } };
	give_rules(f, rules, ARRAY_SIZE(rules));
	assert_end(f, script, MACHINE_END_DEBUG_EXIT, 42);
	assert_int_equal(answer(f, 0), 0);
	assert_int_equal(answer(f, 1), 0x77);
	assert_int_equal(answer(f, 2), 0xc0de);
	assert_int_equal(answer(f, 3), FAKE_GP);
	assert_int_equal(answer(f, 4), 0);
	assert_int_equal(answer(f, 5), 0);
	assert_string_equal(f->reports,
		"vCPU 0: WRMSR 0x175 (IA32_SYSENTER_ESP) <- 0x77, rule at vm.toml:7:1\n"
		"vCPU 0: RDMSR 0x175 (IA32_SYSENTER_ESP) -> 0x77, rule at vm.toml:7:1\n"
		"vCPU 0: RDMSR 0x10a (IA32_ARCH_CAPABILITIES) -> 0xc0de, rule at vm.toml:9:1\n"
		"vCPU 0: WRMSR 0x10a (IA32_ARCH_CAPABILITIES) <- 0x5, #GP, rule at vm.toml:9:1\n"
		"vCPU 0: WRMSR 0x3b (IA32_TSC_ADJUST) <- 0x6, ignored, rule at MSR-RULE\n"
		"vCPU 0: WRMSR 0x8b (IA32_BIOS_SIGN_ID) <- 0x7, ignored, rule at vm.toml:9:1\n");
}

static void msr__logged_and_kvm_refuses__faults(void **state)
{
	struct fixture *f = *state;
	const struct msr_rule rules[] = {
		{ .first = 0x176,
			.last = 0x176,
			.read = MSR_KVM,
			.write = MSR_KVM,
			.log = true,
			.id = "MSR-RULE",
			.origin = "vm.toml:7:1" },
	};
	const struct fake_step script[] = { WRMSR(0x176, 0x77), RDMSR(0x176), EXIT_42, { 0 } };
	give_rules(f, rules, 1);
	f->fake->refuse_msr = 0x176;
	assert_end(f, script, MACHINE_END_DEBUG_EXIT, 42);
	assert_int_equal(answer(f, 0), FAKE_GP);
	assert_int_equal(answer(f, 1), FAKE_GP);
	assert_contains(f->reports, "WRMSR 0x176 (IA32_SYSENTER_EIP) <- 0x77, #GP");
	assert_contains(f->reports, "RDMSR 0x176 (IA32_SYSENTER_EIP) -> #GP");
}

static void msr__log_of_writes_that_nestor_cannot_do__is_said_and_kvm_does_them(void **state)
{
	struct fixture *f = *state;
	const struct msr_rule rules[] = {
		{ .first = 0x10,
			.last = 0x10,
			.read = MSR_KVM,
			.write = MSR_KVM,
			.log = true,
			.id = "MSR-RULE",
			.origin = "vm.toml:7:1" },
	};
	const struct fake_step script[] = { WRMSR(0x10, 0x77), RDMSR(0x10), EXIT_42, { 0 } };
	give_rules(f, rules, 1);
	assert_end(f, script, MACHINE_END_DEBUG_EXIT, 42);
	assert_int_equal(answer(f, 1), 0x77);
	assert_string_equal(f->reports,
		"vm.toml:7:1: writes of MSR 0x10 (IA32_TIME_STAMP_COUNTER) go to KVM unlogged: a "
		"host's write synchronises the TSCs of all vCPUs\n"
		"vCPU 0: RDMSR 0x10 (IA32_TIME_STAMP_COUNTER) -> 0x77, rule at vm.toml:7:1\n");
}

static unsigned count_lines(const char *text, const char *part)
{
	unsigned n = 0;
	while ((text = strstr(text, part))) {
		n++;
		text++;
	}
	return n;
}

static void msr__logged_very_often__eight_lines_and_one_each_doubling(void **state)
{
	struct fixture *f = *state;
	const struct msr_rule rules[] = {
		{ .first = 0x175, .last = 0x175, .read = MSR_DENY, .log = true, .id = "T" },
		{ .first = 0x176, .last = 0x176, .read = MSR_DENY, .log = true, .id = "T" },
	};
	static struct fake_step script[1003];
	for (unsigned i = 0; i < 1000; i++)
		script[i] = (struct fake_step)RDMSR(0x175);
	script[1000] = (struct fake_step)RDMSR(0x176);
	script[1001] = (struct fake_step)EXIT_42;
	give_rules(f, rules, 2);
	assert_end(f, script, MACHINE_END_DEBUG_EXIT, 42);
	assert_int_equal(count_lines(f->reports, "RDMSR 0x175"), 8 + 6); /* 16 … 512 */
	assert_int_equal(count_lines(f->reports, "RDMSR 0x176"), 1);
	assert_contains(f->reports, "(its access number 8; the next to be shown is 16)");
	assert_contains(f->reports, "(its access number 512; the next to be shown is 1024)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(io_write__serial_port__bytes_arrive_before_the_debug_exit),
		FIXTURE_TEST(io_write__s5__powers_off),
		FIXTURE_TEST(io_write__reset_register__reboots),
		FIXTURE_TEST(io_write__keyboard_controller_pulse__reboots),
		FIXTURE_TEST(io_write__reset_then_triple_fault__is_only_a_reboot),
		FIXTURE_TEST(io_write__pvpanic__is_a_panic),
		FIXTURE_TEST(io_read__unclaimed_port__reads_ones_of_each_size),
		FIXTURE_TEST(mmio_read__unclaimed__reads_ones_of_any_length),
		FIXTURE_TEST(mmio_write__unclaimed__goes_nowhere),
		FIXTURE_TEST(run__interrupted__goes_on),
		FIXTURE_TEST(run__fails__is_the_machines_error_with_registers),
		FIXTURE_TEST(exit_shutdown__triple_fault__crash_with_registers_and_code),
		FIXTURE_TEST(exit_hlt__local_apics_in_kvm__crash),
		FIXTURE_TEST(exit_fail_entry__reason__crash_with_it),
		FIXTURE_TEST(exit_internal_error__known_suberror__crash_with_name_and_data),
		FIXTURE_TEST(exit_internal_error__unknown_suberror__crash_with_its_number),
		FIXTURE_TEST(exit_other__not_asked_for__crash_with_its_number),
		FIXTURE_TEST(exit_system_event__unknown_type__crash),
		FIXTURE_TEST(exit_system_event__shutdown__powers_off),
		FIXTURE_TEST(exit_system_event__reset__reboots),
		FIXTURE_TEST(exit_internal_error__at_the_reset_vector__is_a_reset),
		FIXTURE_TEST(
			exit_internal_error__beside_the_reset_vector_or_of_another_kind__crash),
		FIXTURE_TEST(exit_internal_error__registers_cannot_be_read__crash),
		FIXTURE_TEST(run__kvm_gave_the_vm_up__a_crash_and_no_error_of_the_host),
		FIXTURE_TEST(run__kvm_gave_the_vm_up_in_smm_of_a_nested_guest__says_so),
		FIXTURE_TEST(exit_shutdown__registers_are_those_after_init__says_so),
		FIXTURE_TEST(exit_shutdown__segments_are_those_after_init__says_so),
		FIXTURE_TEST(exit_shutdown__registers_are_the_guests__no_word_of_init),
		FIXTURE_TEST(exit_shutdown__one_register_is_the_guests__no_word_of_init),
		FIXTURE_TEST(exit_shutdown__a_general_register_is_the_guests__only_a_part_is_reset),
		FIXTURE_TEST(crash_report__every_register__is_shown),
		FIXTURE_TEST(crash_report__code_not_mapped__says_so),
		FIXTURE_TEST(crash_report__code_runs_out_of_ram__shows_what_is_there),
		FIXTURE_TEST(crash_report__registers_cannot_be_read__says_so),
		FIXTURE_TEST(serial_interrupt__in_kernel_irqchip__drives_gsi_4),
		FIXTURE_TEST(serial_interrupt__split_irqchip__route_first_then_an_edge_message),
		FIXTURE_TEST(sci__split_irqchip_level__is_sent_again_after_eoi_until_cleared),
		FIXTURE_TEST(route_update__kvm_refuses__is_reported_and_the_guest_goes_on),
		FIXTURE_TEST(serial_input__bytes__are_read_by_the_guest),
		FIXTURE_TEST(msr__denied__faults_whether_or_not_others_exit),
		FIXTURE_TEST(msr__default_deny__only_what_rules_allow_passes),
		FIXTURE_TEST(msr__ignored_write__leaves_the_value),
		FIXTURE_TEST(msr__logged__is_reported_with_what_it_came_to),
		FIXTURE_TEST(msr__logged_and_kvm_refuses__faults),
		FIXTURE_TEST(msr__log_of_writes_that_nestor_cannot_do__is_said_and_kvm_does_them),
		FIXTURE_TEST(msr__logged_very_often__eight_lines_and_one_each_doubling),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
