/* SPDX-License-Identifier: MIT */
#include "unit/kvm/fixture.h"

#include "base/x86.h"
#include "cpuid/msr.h"
#include "kvm/settle.h"

static struct fake_vcpu *fake_vcpu(struct fixture *f)
{
	return f->fake->vcpus[0];
}

static void kvm_vcpu_create__each_call_fails__is_named_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	struct kvm_vcpu *vcpu = NULL;
	unsigned fds = f->fake->nr_fds;
	fail_next(f, EEXIST);
	assert_int_equal(kvm_vcpu_create(&vcpu, f->vm, 300, &f->e), -EEXIST);
	assert_contains(f->e.msg, "KVM_CREATE_VCPU, id 300");
	f->fake->fail_at += 2;
	assert_int_equal(kvm_vcpu_create(&vcpu, f->vm, 300, &f->e), -EEXIST);
	assert_contains(f->e.msg, "mapping 12288 bytes of vCPU 300");
	assert_int_equal(f->fake->nr_fds, fds);
	assert_int_equal(f->fake->nr_maps, 1);
	kvm_vcpu_destroy(NULL);
}

static void kvm_vcpu_set_cpuid__table__arrives_whole_and_reads_back(void **state)
{
	struct fixture *f = *state;
	struct cpuid_table back;
	assert_int_equal(kvm_vcpu_set_cpuid(f->vcpu, &f->facts.supported, &f->e), 0);
	assert_int_equal(kvm_vcpu_get_cpuid(f->vcpu, &back, &f->e), 0);
	assert_int_equal(back.nr_entries, f->facts.supported.nr_entries);
	for (unsigned i = 0; i < back.nr_entries; i++) {
		const struct cpuid_entry *a = &back.entries[i];
		const struct cpuid_entry *b = &f->facts.supported.entries[i];
		assert_int_equal(a->leaf, b->leaf);
		assert_int_equal(a->subleaf, b->subleaf);
		assert_int_equal(a->subleaf_matters, b->subleaf_matters);
		assert_memory_equal(a->reg, b->reg, sizeof(a->reg));
	}
}

static void kvm_vcpu_cpuid__fails__names_the_vcpu(void **state)
{
	struct fixture *f = *state;
	struct cpuid_table back;
	fail_next(f, EINVAL);
	assert_int_equal(kvm_vcpu_set_cpuid(f->vcpu, &f->facts.supported, &f->e), -EINVAL);
	assert_contains(f->e.msg, "KVM_SET_CPUID2 on vCPU 7 with");
	fail_next(f, EINVAL);
	assert_int_equal(kvm_vcpu_get_cpuid(f->vcpu, &back, &f->e), -EINVAL);
	assert_contains(f->e.msg, "KVM_GET_CPUID2 on vCPU 7");
}

static const struct msr_policy policy = { .set = { { 0x1a0, 1 }, { 0x2ff, 0x806 } }, .nr_set = 2 };

/* What becomes of a policy's MSRs. */
static int set_msrs(struct fixture *f, const struct msr_policy *p, struct kvm_msr_kept *ret_kept)
{
	return kvm_vcpu_set_msrs(f->vcpu, p->set, p->nr_set, ret_kept, &f->e);
}

static void kvm_vcpu_set_msrs__values__are_set_in_order_and_read_back(void **state)
{
	struct fixture *f = *state;
	struct kvm_msr_kept kept[2];
	unsigned before = f->fake->nr_calls;
	assert_int_equal(set_msrs(f, &policy, kept), 0);
	assert_int_equal(fake_vcpu(f)->nr_msrs, 2);
	assert_int_equal(fake_vcpu(f)->msrs[0].index, 0x1a0);
	assert_int_equal(fake_vcpu(f)->msrs[1].index, 0x2ff);
	assert_int_equal(fake_vcpu(f)->msrs[1].data, 0x806);
	assert_string_equal(f->fake->log[before].name, "KVM_SET_MSRS");
	assert_string_equal(f->fake->log[before + 1].name, "KVM_GET_MSRS");
	assert_int_equal(f->fake->nr_calls, before + 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(kept[i].taken);
		assert_true(kept[i].read);
		assert_int_equal(kept[i].value, policy.set[i].value);
	}
}

/* KVM makes 0x482 from 0x48e: it is promised and read back, never written. */
static void kvm_vcpu_set_msrs__basic_vmx_controls__are_only_read_back(void **state)
{
	struct fixture *f = *state;
	struct kvm_msr_kept kept[2];
	const struct msr_policy vmx = { .set = { { 0x482, 7 }, { 0x48e, 6 } }, .nr_set = 2 };
	assert_int_equal(set_msrs(f, &vmx, kept), 0);
	assert_int_equal(fake_vcpu(f)->nr_msrs, 1);
	assert_int_equal(fake_vcpu(f)->msrs[0].index, 0x48e);
	assert_true(kept[0].taken);
	assert_true(kept[0].read);
	assert_int_equal(kept[0].value, 6);
}

static void kvm_vcpu_set_msrs__none__makes_no_call(void **state)
{
	struct fixture *f = *state;
	static const struct msr_policy none = { .nr_set = 0 };
	unsigned before = f->fake->nr_calls;
	assert_int_equal(set_msrs(f, &none, NULL), 0);
	assert_int_equal(f->fake->nr_calls, before);
}

static void kvm_vcpu_set_msrs__as_many_as_a_policy_has__all_arrive(void **state)
{
	struct fixture *f = *state;
	struct kvm_msr_kept kept[MSR_POLICY_MAX_SET];
	struct msr_policy *full = calloc(1, sizeof(*full));
	assert_non_null(full);
	for (uint32_t i = 0; i < FAKE_MAX_MSRS; i++)
		assert_int_equal(msr_policy_set(full, 0x600 + i, i, &f->e), 0);
	assert_int_equal(set_msrs(f, full, kept), 0);
	assert_int_equal(fake_vcpu(f)->nr_msrs, FAKE_MAX_MSRS);
	for (uint32_t i = 0; i < FAKE_MAX_MSRS; i++)
		assert_int_equal(kept[i].value, i);
	for (uint32_t i = FAKE_MAX_MSRS; i < MSR_POLICY_MAX_SET; i++)
		assert_int_equal(msr_policy_set(full, 0x600 + i, 0, &f->e), 0);
	assert_int_equal(set_msrs(f, full, kept), 0);
	assert_true(kept[MSR_POLICY_MAX_SET - 1].read);
	free(full);
}

static void kvm_vcpu_set_msrs__kvm_stops_at_one__that_one_is_told_and_the_rest_set(void **state)
{
	static const struct msr_policy three = {
		.set = { { 0x1a0, 1 }, { 0x10a, 5 }, { 0x2ff, 6 } }, .nr_set = 3
	};
	struct fixture *f = *state;
	struct kvm_msr_kept kept[3];
	f->fake->refuse_msr = 0x10a;
	assert_int_equal(set_msrs(f, &three, kept), 0);
	assert_true(kept[0].taken && kept[0].read);
	assert_false(kept[1].taken);
	assert_false(kept[1].read);
	assert_true(kept[2].taken && kept[2].read);
	assert_int_equal(kept[2].value, 6);
	assert_int_equal(fake_vcpu(f)->nr_msrs, 2);
}

static void kvm_vcpu_set_msrs__one_fails_the_whole_call__the_rest_is_set_all_the_same(void **state)
{
	static const struct msr_policy three = {
		.set = { { 0x1a0, 1 }, { 0x10a, 5 }, { 0x2ff, 6 } }, .nr_set = 3
	};
	struct fixture *f = *state;
	struct kvm_msr_kept kept[3];
	f->fake->zero_msr = 0x10a;
	f->fake->zero_msr_fails = true;
	assert_int_equal(set_msrs(f, &three, kept), 0);
	assert_true(kept[0].taken);
	assert_false(kept[1].taken);
	assert_true(kept[1].read);
	assert_int_equal(kept[1].value, 0);
	assert_true(kept[2].taken);
	assert_int_equal(kept[2].value, 6);
}

static void kvm_vcpu_set_msrs__value_does_not_stick__is_told_as_it_reads(void **state)
{
	struct fixture *f = *state;
	struct kvm_msr_kept kept[2];
	f->fake->lossy_msr = 0x1a0;
	assert_int_equal(set_msrs(f, &policy, kept), 0);
	assert_true(kept[0].taken && kept[0].read);
	assert_int_equal(kept[0].value, 0);
	f->fake->lossy_msr = 0;
	f->fake->sticky_msr = 0x2ff;
	assert_int_equal(set_msrs(f, &policy, kept), 0);
	assert_true(kept[1].value == UINT64_C(0x8000000000000806));
}

static void kvm_vcpu_set_msrs__ioctl_fails__names_the_msr(void **state)
{
	struct fixture *f = *state;
	struct kvm_msr_kept kept[2];
	fail_next(f, EIO);
	assert_int_equal(set_msrs(f, &policy, kept), -EIO);
	assert_contains(
		f->e.msg, "KVM_SET_MSRS on vCPU 7, 2 MSRs from 0x1a0 (IA32_MISC_ENABLE) on");
	f->fake->fail_at = f->fake->nr_calls + 2;
	assert_int_equal(set_msrs(f, &policy, kept), -EIO);
	assert_contains(f->e.msg, "KVM_GET_MSRS on vCPU 7, 2 MSRs from 0x1a0");
}

static void kvm_vcpu_msr__one__is_set_and_read_or_named(void **state)
{
	struct fixture *f = *state;
	uint64_t value = 0;
	assert_int_equal(kvm_vcpu_set_msr(f->vcpu, 0x10a, 0x1122334455667788, &f->e), 0);
	assert_int_equal(kvm_vcpu_get_msr(f->vcpu, 0x10a, &value, &f->e), 0);
	assert_int_equal(value, 0x1122334455667788);
	f->fake->refuse_msr = 0x10a;
	assert_int_equal(kvm_vcpu_set_msr(f->vcpu, 0x10a, 1, &f->e), -EINVAL);
	assert_contains(f->e.msg, "does not take MSR 0x10a (IA32_ARCH_CAPABILITIES)");
	assert_int_equal(kvm_vcpu_get_msr(f->vcpu, 0x10a, &value, &f->e), -EINVAL);
	assert_contains(f->e.msg, "does not give MSR 0x10a (IA32_ARCH_CAPABILITIES)");
	assert_int_equal(kvm_vcpu_get_msr(f->vcpu, 0x10a, &value, NULL), -EINVAL);
}

static void kvm_vcpu_set_tsc_khz__frequency__is_set_and_read_back(void **state)
{
	struct fixture *f = *state;
	unsigned khz = 0;
	assert_int_equal(kvm_vcpu_set_tsc_khz(f->vcpu, 1500000, &f->e), 0);
	assert_int_equal(fake_vcpu(f)->tsc_khz, 1500000);
	assert_int_equal(kvm_vcpu_get_tsc_khz(f->vcpu, &khz, &f->e), 0);
	assert_int_equal(khz, 1500000);
}

static void kvm_vcpu_set_tsc_khz__refused_or_another__is_an_error(void **state)
{
	struct fixture *f = *state;
	fail_next(f, EINVAL);
	assert_int_equal(kvm_vcpu_set_tsc_khz(f->vcpu, 1500000, &f->e), -EINVAL);
	assert_contains(f->e.msg, "KVM_CAP_TSC_CONTROL");
	f->fake->fail_at = f->fake->nr_calls + 2;
	assert_int_equal(kvm_vcpu_set_tsc_khz(f->vcpu, 1500000, &f->e), -EINVAL);
	assert_contains(f->e.msg, "KVM_SET_TSC_KHZ on vCPU 7, 1500000 kHz");
	assert_contains(f->e.hint, "TSC scaling");
	f->fake->fail_at = f->fake->nr_calls + 3;
	assert_int_equal(kvm_vcpu_set_tsc_khz(f->vcpu, 1500000, &f->e), -EINVAL);
	assert_contains(f->e.msg, "KVM_GET_TSC_KHZ on vCPU 7");
	f->fake->lossy_tsc = true;
	assert_int_equal(kvm_vcpu_set_tsc_khz(f->vcpu, 1500000, &f->e), -EPROTO);
	assert_contains(f->e.msg, "set to 1500000 kHz, but has 1499999 kHz");
}

/* The fake's own frequency is 2 GHz; it takes any, as KVM takes a higher one. */
static void kvm_vcpu_set_tsc_khz__no_scaling__only_the_hosts_own(void **state)
{
	struct fixture *f = *state;
	f->fake->absent_cap = KVM_CAP_TSC_CONTROL;
	assert_int_equal(kvm_vcpu_set_tsc_khz(f->vcpu, 4000000, &f->e), -ENOTSUP);
	assert_contains(f->e.msg, "TSC has 2000000 kHz, and KVM cannot make 4000000 kHz of it");
	assert_contains(f->e.hint, "TSC scaling");
	assert_int_equal(kvm_vcpu_set_tsc_khz(f->vcpu, 1999499, &f->e), -ENOTSUP);
	assert_int_equal(fake_vcpu(f)->tsc_khz, 2000000);
	assert_int_equal(kvm_vcpu_set_tsc_khz(f->vcpu, 2000500, &f->e), 0);
	assert_int_equal(fake_vcpu(f)->tsc_khz, 2000500);
	fail_next(f, EINVAL);
	f->fake->fail_at++;
	assert_int_equal(kvm_vcpu_set_tsc_khz(f->vcpu, 4000000, &f->e), -EINVAL);
	assert_contains(f->e.msg, "KVM_GET_TSC_KHZ on vCPU 7");
}

static void kvm_vcpu_make_runnable__state__is_runnable(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(kvm_vcpu_make_runnable(f->vcpu, &f->e), 0);
	assert_int_equal(fake_vcpu(f)->mp_state, KVM_MP_STATE_RUNNABLE);
	fail_next(f, EINVAL);
	assert_int_equal(kvm_vcpu_make_runnable(f->vcpu, &f->e), -EINVAL);
	assert_contains(f->e.msg, "KVM_SET_MP_STATE on vCPU 7");
}

static const struct x86_state entry_state = {
	.rax = 1,
	.rbx = 2,
	.rcx = 3,
	.rdx = 4,
	.rsi = 5,
	.rdi = 6,
	.rsp = 7,
	.rbp = 8,
	.rip = 0x100000,
	.cr0 = X86_CR0_PE | X86_CR0_ET,
	.cr3 = 0x5000,
	.cr4 = X86_CR4_PAE,
	.efer = X86_EFER_LME,
	.cs = { .limit = 0xffffffff,
		.selector = 8,
		.type = 0xb,
		.present = true,
		.code_or_data = true,
		.db = true,
		.granularity = true },
	.ds = { .base = 0x10,
		.limit = 0xfffff,
		.selector = 16,
		.type = 3,
		.present = true,
		.code_or_data = true,
		.dpl = 3 },
	.gdt = { 0x500, 31 },
	.idt = { 0x600, 15 },
};

static void kvm_vcpu_set_state__segments_before_registers__as_prescribed(void **state)
{
	struct fixture *f = *state;
	fake_vcpu(f)->sregs.apic_base = 0xfee00900; /* not ours: must stay */
	assert_int_equal(kvm_vcpu_set_state(f->vcpu, &entry_state, &f->e), 0);
	const struct kvm_sregs *s = &fake_vcpu(f)->sregs;
	assert_int_equal(s->apic_base, 0xfee00900);
	assert_int_equal(s->cr0, 0x11);
	assert_int_equal(s->cr3, 0x5000);
	assert_int_equal(s->cr4, 0x20);
	assert_int_equal(s->efer, 0x100);
	assert_int_equal(s->cs.limit, 0xffffffff);
	assert_true(s->cs.db && s->cs.g && s->cs.s && s->cs.present && !s->cs.unusable);
	assert_int_equal(s->ds.dpl, 3);
	assert_true(s->tr.unusable);
	assert_int_equal(s->gdt.limit, 31);
	assert_int_equal(s->idt.base, 0x600);
	assert_int_equal(fake_vcpu(f)->regs.rip, 0x100000);
	assert_int_equal(fake_vcpu(f)->regs.rflags, 2);
	assert_int_equal(fake_vcpu(f)->regs.rbp, 8);
	int sregs = fake_kvm_find(f->fake, "KVM_SET_SREGS", 0);
	assert_true(sregs >= 0 && fake_kvm_find(f->fake, "KVM_SET_REGS", 0) > sregs);
}

static void kvm_vcpu_set_state__each_ioctl_fails__is_named(void **state)
{
	struct fixture *f = *state;
	const char *const texts[] = { "KVM_GET_SREGS on vCPU 7",
		"KVM_SET_SREGS on vCPU 7, cr0 0x11, cr4 0x20, efer 0x100",
		"KVM_SET_REGS on vCPU 7, rip 0x100000" };
	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
		f->fake->fail_at = f->fake->nr_calls + 1 + i;
		assert_int_equal(kvm_vcpu_set_state(f->vcpu, &entry_state, &f->e), -EIO);
		assert_contains(f->e.msg, texts[i]);
	}
}

static void kvm_vcpu_get_state__after_set__is_the_same(void **state)
{
	struct fixture *f = *state;
	struct x86_state got;
	uint64_t cr2, r8_15[8];
	assert_int_equal(kvm_vcpu_set_state(f->vcpu, &entry_state, &f->e), 0);
	fake_vcpu(f)->sregs.cr2 = 0xdead;
	fake_vcpu(f)->regs.r15 = 15;
	assert_int_equal(kvm_vcpu_get_state(f->vcpu, &got, &cr2, r8_15, &f->e), 0);
	assert_int_equal(got.rip, entry_state.rip);
	assert_int_equal(got.rsi, 5);
	assert_int_equal(got.cs.selector, 8);
	assert_int_equal(got.cs.type, 0xb);
	assert_true(got.cs.present && got.cs.db && !got.cs.long_mode);
	assert_false(got.tr.present);
	assert_int_equal(got.gdt.base, 0x500);
	assert_int_equal(cr2, 0xdead);
	assert_int_equal(r8_15[7], 15);
	fail_next(f, EIO);
	assert_int_equal(kvm_vcpu_get_state(f->vcpu, &got, &cr2, r8_15, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_GET_REGS on vCPU 7");
}

static uint32_t lapic_reg(const struct fixture *f, unsigned offset)
{
	uint32_t value;
	memcpy(&value, f->fake->vcpus[0]->lapic.regs + offset, sizeof(value));
	return value;
}

static void kvm_vcpu_set_lint__boot_vcpu__extint_and_nmi(void **state)
{
	struct fixture *f = *state;
	memset(fake_vcpu(f)->lapic.regs, 0x5a, sizeof(fake_vcpu(f)->lapic.regs));
	assert_int_equal(kvm_vcpu_set_lint(f->vcpu, &f->e), 0);
	assert_int_equal(lapic_reg(f, 0x350), 0x700);
	assert_int_equal(lapic_reg(f, 0x360), 0x400);
	assert_int_equal(lapic_reg(f, 0x370), 0x5a5a5a5a);
	fail_next(f, EIO);
	assert_int_equal(kvm_vcpu_set_lint(f->vcpu, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_GET_LAPIC on vCPU 7");
	f->fake->fail_at = f->fake->nr_calls + 2;
	assert_int_equal(kvm_vcpu_set_lint(f->vcpu, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_SET_LAPIC on vCPU 7");
}

static void kvm_vcpu_run__kicked_or_started_by_sipi__eintr(void **state)
{
	struct fixture *f = *state;
	fail_next(f, EAGAIN);
	assert_int_equal(kvm_vcpu_run(f->vcpu, &f->e), -EINTR);
	kvm_vcpu_request_immediate_exit(f->vcpu);
	assert_int_equal(kvm_vcpu_run(f->vcpu, &f->e), -EINTR);
	assert_int_equal(f->e.msg[0], 0);
}

static void kvm_vcpu_run__fails__names_the_vcpu(void **state)
{
	struct fixture *f = *state;
	fail_next(f, EFAULT);
	assert_int_equal(kvm_vcpu_run(f->vcpu, &f->e), -EFAULT);
	assert_contains(f->e.msg, "KVM_RUN on vCPU 7");
	assert_contains(f->e.hint, "out of memory");
}

static struct kvm_exit run_step(struct fixture *f, const struct fake_step script[2])
{
	struct kvm_exit x;
	fake_vcpu(f)->script = script;
	fake_vcpu(f)->at = 0;
	fake_vcpu(f)->answer_to = NULL;
	assert_int_equal(kvm_vcpu_run(f->vcpu, &f->e), 0);
	kvm_vcpu_exit(f->vcpu, &x);
	return x;
}

static void kvm_vcpu_run__vm_is_dead__an_exit_of_its_own(void **state)
{
	struct fixture *f = *state;
	const struct fake_step dead[] = { { .kind = FAKE_ERRNO, .value = EIO }, { 0 } };
	const struct fake_step next[] = { { .kind = FAKE_EXIT, .value = KVM_EXIT_HLT }, { 0 } };
	/* What the exit before left there is not looked at. */
	fake_vcpu(f)->run->exit_reason = KVM_EXIT_IO;
	struct kvm_exit x = run_step(f, dead);
	assert_int_equal(x.kind, KVM_EXIT_KIND_DEAD);
	assert_false(x.dead.in_smm);
	assert_false(x.dead.in_nested_guest);
	fake_vcpu(f)->run->flags = 1; /* KVM_RUN_X86_SMM */
	x = run_step(f, dead);
	assert_true(x.dead.in_smm);
	assert_false(x.dead.in_nested_guest);
	fake_vcpu(f)->run->flags = 4; /* KVM_RUN_X86_GUEST_MODE */
	x = run_step(f, dead);
	assert_false(x.dead.in_smm);
	assert_true(x.dead.in_nested_guest);
	x = run_step(f, next);
	assert_int_equal(x.kind, KVM_EXIT_KIND_HLT);
}

static void kvm_vcpu_set_smbase__value__is_the_msr(void **state)
{
	struct fixture *f = *state;
	uint64_t value;
	assert_int_equal(kvm_vcpu_set_smbase(f->vcpu, 0x30400, &f->e), 0);
	assert_int_equal(kvm_vcpu_get_msr(f->vcpu, 0x9e, &value, &f->e), 0);
	assert_int_equal(value, 0x30400);
	f->fake->refuse_msr = 0x9e;
	assert_int_equal(kvm_vcpu_set_smbase(f->vcpu, 0x30400, &f->e), -EINVAL);
	assert_contains(f->e.msg, "KVM_SET_MSRS on vCPU 7");
}

static void kvm_vcpu_exit__port_write__port_size_and_data(void **state)
{
	struct fixture *f = *state;
	struct kvm_exit x = run_step(f, (const struct fake_step[]){ { .kind = FAKE_OUT,
									    .addr = 0x3f8,
									    .size = 2,
									    .count = 3,
									    .data = "abcdef" },
						{ 0 } });
	assert_int_equal(x.kind, KVM_EXIT_KIND_IO);
	assert_int_equal(x.io.port, 0x3f8);
	assert_true(x.io.out);
	assert_int_equal(x.io.size_bytes, 2);
	assert_int_equal(x.io.count, 3);
	assert_memory_equal(x.io.data, "abcdef", 6);
}

static void kvm_vcpu_exit__mmio__address_size_and_direction(void **state)
{
	struct fixture *f = *state;
	struct kvm_exit x = run_step(f,
		(const struct fake_step[]){
			{ .kind = FAKE_MMIO_WRITE, .addr = 0xfec00010, .size = 4, .value = 0x1234 },
			{ 0 } });
	assert_int_equal(x.kind, KVM_EXIT_KIND_MMIO);
	assert_int_equal(x.mmio.addr.v, 0xfec00010);
	assert_true(x.mmio.write);
	assert_int_equal(x.mmio.size_bytes, 4);
	assert_int_equal(x.mmio.data[1], 0x12);
}

static void kvm_vcpu_exit__failures__carry_kvms_numbers(void **state)
{
	struct fixture *f = *state;
	struct kvm_exit x =
		run_step(f, (const struct fake_step[]){
				    { .kind = FAKE_FAIL_ENTRY, .value = 0x80000021 }, { 0 } });
	assert_int_equal(x.kind, KVM_EXIT_KIND_FAIL_ENTRY);
	assert_int_equal(x.fail_entry.reason, 0x80000021);
	x = run_step(f, (const struct fake_step[]){ { .kind = FAKE_INTERNAL, .value = 1 }, { 0 } });
	assert_int_equal(x.kind, KVM_EXIT_KIND_INTERNAL_ERROR);
	assert_int_equal(x.internal.suberror, 1);
	assert_true(x.internal.emulation);
	assert_int_equal(x.internal.nr_data, 2);
	assert_int_equal(x.internal.data[1], 0xdef);
	x = run_step(
		f, (const struct fake_step[]){ { .kind = FAKE_SYSTEM_EVENT, .value = 2 }, { 0 } });
	assert_int_equal(x.kind, KVM_EXIT_KIND_SYSTEM_EVENT);
	assert_int_equal(x.system_event.type, 2);
	x = run_step(f, (const struct fake_step[]){ { .kind = FAKE_EOI, .value = 0x31 }, { 0 } });
	assert_int_equal(x.kind, KVM_EXIT_KIND_IOAPIC_EOI);
	assert_int_equal(x.eoi.vector, 0x31);
}

static const struct msr_filter deny_10a = {
	.exits = true,
	.ranges = { { .base = 0x10a,
		.count = 1,
		.read = true,
		.write = true,
		.bitmap = (uint8_t[8]){ 0 } } },
	.nr_ranges = 1,
};

static void kvm_vcpu_exit__stopped_msr_read__takes_the_answer(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { { .kind = FAKE_RDMSR, .addr = 0x10a }, { 0 } };
	assert_int_equal(kvm_vm_set_msr_filter(f->vm, &deny_10a, &f->e), 0);
	struct kvm_exit x = run_step(f, script);
	assert_int_equal(x.kind, KVM_EXIT_KIND_MSR);
	assert_int_equal(x.msr.index, 0x10a);
	assert_false(x.msr.write);
	*x.msr.data = 0xabcdef;
	kvm_vcpu_request_immediate_exit(f->vcpu);
	assert_int_equal(kvm_vcpu_run(f->vcpu, &f->e), -EINTR);
	assert_int_equal(fake_vcpu(f)->reads[0], 0xabcdef);
}

static void kvm_vcpu_exit__stopped_msr_write__has_the_value_and_can_fault(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = {
		{ .kind = FAKE_WRMSR, .addr = 0x10a, .value = 0x1122334455667788 }, { 0 }
	};
	assert_int_equal(kvm_vm_set_msr_filter(f->vm, &deny_10a, &f->e), 0);
	struct kvm_exit x = run_step(f, script);
	assert_int_equal(x.kind, KVM_EXIT_KIND_MSR);
	assert_true(x.msr.write);
	assert_int_equal(*x.msr.data, 0x1122334455667788);
	*x.msr.error = 1;
	kvm_vcpu_request_immediate_exit(f->vcpu);
	assert_int_equal(kvm_vcpu_run(f->vcpu, &f->e), -EINTR);
	assert_int_equal(fake_vcpu(f)->reads[0], FAKE_GP);
}

static enum kvm_exit_kind kind_of(struct fixture *f, uint32_t reason)
{
	const struct fake_step script[] = { { .kind = FAKE_EXIT, .value = reason }, { 0 } };
	struct kvm_exit x = run_step(f, script);
	assert_int_equal(x.reason, reason);
	return x.kind;
}

static void kvm_vcpu_exit__reasons__have_their_kind(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(kind_of(f, KVM_EXIT_HLT), KVM_EXIT_KIND_HLT);
	assert_int_equal(kind_of(f, KVM_EXIT_SHUTDOWN), KVM_EXIT_KIND_SHUTDOWN);
	assert_int_equal(kind_of(f, KVM_EXIT_INTR), KVM_EXIT_KIND_INTR);
	assert_int_equal(kind_of(f, KVM_EXIT_DEBUG), KVM_EXIT_KIND_OTHER);
	assert_int_equal(kind_of(f, 9999), KVM_EXIT_KIND_OTHER);
}

static void kvm_vcpu_translate__mapped_or_not__address_or_efault(void **state)
{
	struct fixture *f = *state;
	struct gpa addr;
	assert_int_equal(kvm_vcpu_translate(f->vcpu, 0x1234, &addr), 0);
	assert_int_equal(addr.v, 0x1234);
	f->fake->translate_fails = true;
	assert_int_equal(kvm_vcpu_translate(f->vcpu, 0x1234, &addr), -EFAULT);
	fail_next(f, EIO);
	assert_int_equal(kvm_vcpu_translate(f->vcpu, 0x1234, &addr), -EIO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_vcpu, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(kvm_vcpu_create__each_call_fails__is_named_and_nothing_leaks),
		TEST(kvm_vcpu_set_cpuid__table__arrives_whole_and_reads_back),
		TEST(kvm_vcpu_cpuid__fails__names_the_vcpu),
		TEST(kvm_vcpu_set_msrs__values__are_set_in_order_and_read_back),
		TEST(kvm_vcpu_set_msrs__basic_vmx_controls__are_only_read_back),
		TEST(kvm_vcpu_set_msrs__none__makes_no_call),
		TEST(kvm_vcpu_set_msrs__as_many_as_a_policy_has__all_arrive),
		TEST(kvm_vcpu_set_msrs__kvm_stops_at_one__that_one_is_told_and_the_rest_set),
		TEST(kvm_vcpu_set_msrs__one_fails_the_whole_call__the_rest_is_set_all_the_same),
		TEST(kvm_vcpu_set_msrs__value_does_not_stick__is_told_as_it_reads),
		TEST(kvm_vcpu_set_msrs__ioctl_fails__names_the_msr),
		TEST(kvm_vcpu_set_state__segments_before_registers__as_prescribed),
		TEST(kvm_vcpu_set_state__each_ioctl_fails__is_named),
		TEST(kvm_vcpu_get_state__after_set__is_the_same),
		TEST(kvm_vcpu_set_lint__boot_vcpu__extint_and_nmi),
		TEST(kvm_vcpu_run__kicked_or_started_by_sipi__eintr),
		TEST(kvm_vcpu_run__fails__names_the_vcpu),
		TEST(kvm_vcpu_run__vm_is_dead__an_exit_of_its_own),
		TEST(kvm_vcpu_set_smbase__value__is_the_msr),
		TEST(kvm_vcpu_exit__port_write__port_size_and_data),
		TEST(kvm_vcpu_exit__mmio__address_size_and_direction),
		TEST(kvm_vcpu_exit__failures__carry_kvms_numbers),
		TEST(kvm_vcpu_exit__reasons__have_their_kind),
		TEST(kvm_vcpu_translate__mapped_or_not__address_or_efault),
		TEST(kvm_vcpu_msr__one__is_set_and_read_or_named),
		TEST(kvm_vcpu_set_tsc_khz__frequency__is_set_and_read_back),
		TEST(kvm_vcpu_set_tsc_khz__refused_or_another__is_an_error),
		TEST(kvm_vcpu_set_tsc_khz__no_scaling__only_the_hosts_own),
		TEST(kvm_vcpu_make_runnable__state__is_runnable),
		TEST(kvm_vcpu_exit__stopped_msr_read__takes_the_answer),
		TEST(kvm_vcpu_exit__stopped_msr_write__has_the_value_and_can_fault),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
