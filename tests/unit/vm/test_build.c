/* SPDX-License-Identifier: MIT */
#include "unit/vm/fixture.h"

#include "nesting/nesting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int find(struct fixture *f, const char *name)
{
	return fake_kvm_find(f->fake, name, 0);
}

/* Each of names was called, the first of each after the first of the one before. */
static void assert_order(struct fixture *f, const char *const *names, size_t n, unsigned from)
{
	int last = (int)from - 1;
	for (size_t i = 0; i < n; i++) {
		int at = fake_kvm_find(f->fake, names[i], from);
		if (at <= last)
			fail_msg("%s is number %d, after %s at %d", names[i], at,
				i ? names[i - 1] : "", last);
		last = at;
	}
}

static void machine_create__intel__vm_settings_then_memory_then_irqchip_then_vcpu(void **state)
{
	static const char *const order[] = { "KVM_CREATE_VM", "KVM_SET_IDENTITY_MAP_ADDR",
		"KVM_SET_TSS_ADDR", "KVM_X86_SET_MSR_FILTER", "KVM_SET_USER_MEMORY_REGION",
		"KVM_CREATE_IRQCHIP", "KVM_CREATE_VCPU", "map" };
	struct fixture *f = *state;
	assert_int_equal(fixture_create(f), 0);
	assert_order(f, order, ARRAY_SIZE(order), 0);
	assert_true(find(f, "KVM_CREATE_PIT2") > find(f, "KVM_CREATE_IRQCHIP"));
	assert_int_equal(find(f, "KVM_ENABLE_CAP"), -1);
	assert_int_equal(find(f, "KVM_RUN"), -1);
}

/* The slot of system management mode, or NULL. */
static const struct kvm_userspace_memory_region *smm_slot(const struct fixture *f)
{
	const struct kvm_userspace_memory_region *found = NULL;
	for (unsigned i = 0; i < f->fake->nr_slots; i++) {
		if (f->fake->slots[i].slot < 1 << 16)
			continue;
		assert_null(found);
		found = &f->fake->slots[i];
	}
	return found;
}

static void machine_create__kvm_has_smm__each_vcpu_has_a_way_back_from_it(void **state)
{
	static const uint8_t rsm[] = { 0x0f, 0xaa };
	struct fixture *f = *state;
	f->config.cpu.vcpus = 255;
	f->fake->smm = true;
	assert_int_equal(fixture_create(f), 0);
	const struct kvm_userspace_memory_region *slot = smm_slot(f);
	assert_non_null(slot);
	const uint8_t *ram = (const uint8_t *)(uintptr_t)slot->userspace_addr;
	uint64_t base = slot->guest_phys_addr, end = base + slot->memory_size;
	for (unsigned i = 0; i < 255; i++) {
		uint64_t smbase = 0x30000; /* after reset */
		for (unsigned j = 0; j < f->fake->vcpus[i]->nr_msrs; j++) {
			if (f->fake->vcpus[i]->msrs[j].index == 0x9e)
				smbase = f->fake->vcpus[i]->msrs[j].data;
		}
		assert_in_range(smbase + 0x8000, base, end - 2);
		assert_in_range(smbase + 0xfe00, base, end - 0x200);
		assert_memory_equal(ram + (smbase + 0x8000 - base), rsm, sizeof(rsm));
		/* What it saves lies over no other's, nor over code: */
		memset((uint8_t *)(uintptr_t)slot->userspace_addr + (smbase + 0xfe00 - base),
			(int)(i | 1), 0x200);
	}
	for (unsigned i = 0; i < 255; i++) {
		uint64_t smbase = i == 0 ? 0x30000 : 0;
		for (unsigned j = 0; j < f->fake->vcpus[i]->nr_msrs; j++) {
			if (f->fake->vcpus[i]->msrs[j].index == 0x9e)
				smbase = f->fake->vcpus[i]->msrs[j].data;
		}
		assert_memory_equal(ram + (smbase + 0x8000 - base), rsm, sizeof(rsm));
		for (unsigned at = 0; at < 0x200; at++)
			assert_int_equal(ram[smbase + 0xfe00 - base + at], i | 1);
	}
	/* … nor over the guest's RAM. */
	const struct kvm_userspace_memory_region *guest = &f->fake->slots[0];
	assert_true(slot->userspace_addr >= guest->userspace_addr + guest->memory_size ||
		    slot->userspace_addr + slot->memory_size <= guest->userspace_addr);
}

static void machine_create__kvm_has_no_smm__no_slot_and_no_msr_of_it(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 2;
	assert_int_equal(fixture_create(f), 0);
	assert_null(smm_slot(f));
	for (unsigned j = 0; j < f->fake->vcpus[1]->nr_msrs; j++)
		assert_int_not_equal(f->fake->vcpus[1]->msrs[j].index, 0x9e);
}

/* Firmware's entry in real mode: MOV AL, FEh; OUT 64h, AL. */
static void machine_create__real_mode_reset__is_code_that_resets(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(fixture_create(f), 0);
	const uint8_t *ram = (const uint8_t *)(uintptr_t)f->fake->slots[0].userspace_addr;
	assert_memory_equal(ram + 0xffff0, "\xb0\xfe\xe6\x64", 4);
}

/* What the boot vCPU had when it began to run. */
struct beginning {
	struct fixture *f;
	uint64_t rip;
	unsigned nr_sregs;
};

static void look(void *ctx)
{
	struct beginning *b = ctx;
	b->rip = b->f->fake->vcpus[0]->regs.rip;
	b->nr_sregs = fake_kvm_count(b->f->fake, "KVM_SET_SREGS");
}

static void machine_create__each_vcpu__cpuid_before_msrs_before_registers(void **state)
{
	static const char *const order[] = { "KVM_CREATE_VCPU", "KVM_SET_CPUID2", "KVM_GET_CPUID2",
		"KVM_SET_MSRS", "KVM_GET_MSRS" };
	struct fixture *f = *state;
	struct beginning beginning = { .f = f };
	const struct fake_step script[] = {
		{ .kind = FAKE_CALL, .fn = look, .fn_ctx = &beginning },
		{ .kind = FAKE_OUT, .addr = 0xf4, .size = 1, .count = 1, .data = "\0" },
		{ .kind = FAKE_END },
	};
	f->config.cpu.vcpus = 3;
	f->fake->scripts[0] = script;
	assert_int_equal(fixture_create(f), 0);
	unsigned at = 0;
	for (unsigned i = 0; i < 3; i++) {
		at = (unsigned)fake_kvm_find(f->fake, "KVM_CREATE_VCPU", at);
		assert_int_equal(f->fake->log[at].arg, f->plan.vcpus[i].apic_id);
		assert_order(f, order, ARRAY_SIZE(order), at);
		at++;
	}
	assert_int_equal(find(f, "KVM_SET_SREGS"), -1);
	assert_int_equal(machine_run(f->machine, &f->result, &f->e), 0);
	assert_int_equal(beginning.rip, FIXTURE_ENTRY);
	assert_int_equal(beginning.nr_sregs, 1);
	/* Only the boot vCPU gets registers. */
	assert_int_equal(fake_kvm_count(f->fake, "KVM_SET_SREGS"), 1);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_SET_LAPIC"), 1);
}

static void machine_create__vcpus__have_their_own_cpuid(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 6;
	f->config.cpu.sockets = 2;
	f->config.cpu.cores = 3;
	assert_int_equal(fixture_create(f), 0);
	for (unsigned i = 0; i < 6; i++) {
		const struct fake_vcpu *vcpu = f->fake->vcpus[i];
		assert_int_equal(cpuid_value(&vcpu->cpuid, 0xb, 0, CPUID_EDX), vcpu->id);
		assert_int_equal(cpuid_value(&vcpu->cpuid, 1, 0, CPUID_EBX) >> 24, vcpu->id);
		assert_false(cpuid_has_vmx(&vcpu->cpuid));
	}
	assert_int_equal(f->fake->vcpus[5]->id, 6); /* 3 cores take 2 bits */
}

/* They need no plan, and so nobody knows the vendor yet; KVM on AMD takes them and does nothing. */
static void machine_create__amd__intel_pages_before_irqchip_too(void **state)
{
	static const char *const order[] = { "KVM_CREATE_VM", "KVM_SET_IDENTITY_MAP_ADDR",
		"KVM_SET_TSS_ADDR", "KVM_X86_SET_MSR_FILTER", "KVM_SET_USER_MEMORY_REGION",
		"KVM_CREATE_IRQCHIP", "KVM_CREATE_VCPU" };
	struct fixture *f = *state;
	host_amd(&f->facts, true);
	assert_int_equal(fixture_create(f), 0);
	assert_order(f, order, ARRAY_SIZE(order), 0);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_X86_SET_MSR_FILTER"), 1);
}

static void machine_create__knob_off__filter_denies_by_the_nesting_rules(void **state)
{
	struct fixture *f = *state;
	size_t n;
	unsigned nr_msrs = 0;
	const struct nesting_rule *rules = nesting_rules(&n);
	assert_int_equal(fixture_create(f), 0);
	assert_int_equal(f->fake->filter.flags, KVM_MSR_FILTER_DEFAULT_ALLOW);
	for (size_t i = 0; i < n; i++) {
		if (rules[i].kind != NESTING_RULE_MSR)
			continue;
		for (uint32_t msr = rules[i].first; msr <= rules[i].last; msr++, nr_msrs++) {
			assert_false(fake_kvm_filter_passes(f->fake, msr, false));
			assert_false(fake_kvm_filter_passes(f->fake, msr, true));
		}
		assert_true(fake_kvm_filter_passes(f->fake, rules[i].last + 1, false));
	}
	assert_true(nr_msrs > 20);
	/* Plain denials need no exits. */
	assert_int_equal(f->fake->nr_caps, 0);
}

static const struct kvm_msr_entry *find_msr(const struct fake_vcpu *vcpu, uint32_t index)
{
	for (unsigned i = 0; i < vcpu->nr_msrs; i++) {
		if (vcpu->msrs[i].index == index)
			return &vcpu->msrs[i];
	}
	return NULL;
}

static void machine_create__knob_on__vmx_shown_locked_and_only_svm_filtered(void **state)
{
	struct fixture *f = *state;
	f->config.nesting.expose_virtualization_extensions = true;
	assert_int_equal(fixture_create(f), 0);
	assert_int_equal(f->fake->filter.flags, KVM_MSR_FILTER_DEFAULT_ALLOW);
	for (uint32_t msr = 0x480; msr <= 0x493; msr++)
		assert_true(fake_kvm_filter_passes(f->fake, msr, false));
	assert_true(fake_kvm_filter_passes(f->fake, 0x3a, false));
	/* KVM has VM_HSAVE_PA on Intel's processors too. */
	assert_false(fake_kvm_filter_passes(f->fake, 0xc0010117, false));
	assert_false(fake_kvm_filter_passes(f->fake, 0xc0010117, true));
	const struct fake_vcpu *vcpu = f->fake->vcpus[0];
	assert_true(cpuid_has_vmx(&vcpu->cpuid));
	const struct kvm_msr_entry *feature_control = find_msr(vcpu, 0x3a);
	assert_non_null(feature_control);
	assert_int_equal(feature_control->data, 5);
}

static const struct msr_rule one_rule = {
	.first = 0x10, .last = 0x10, .read = MSR_VALUE, .value = 7, .id = "MSR-RULE"
};

/* A policy that denies all but what the rule says. */
static void give_msr_rule(struct fixture *f)
{
	f->policy.msr_rules = &one_rule;
	f->policy.nr_msr_rules = 1;
	f->policy.msr_default_deny = true;
	f->policy.topology = (struct policy_topology){ 1, 1, 1, 1 };
	f->given_policy = &f->policy;
}

static void assert_denies_all_with_exits(struct fixture *f)
{
	assert_int_equal(f->fake->nr_caps, 1);
	assert_int_equal(f->fake->caps[0].cap, KVM_CAP_X86_USER_SPACE_MSR);
	assert_false(fake_kvm_filter_passes(f->fake, 0x10, false));
	assert_false(fake_kvm_filter_passes(f->fake, 0x12345, false));
}

static void machine_create__config_has_msr_rules__filter_and_exits_before_the_irqchip(void **state)
{
	static const char *const order[] = { "KVM_SET_USER_MEMORY_REGION", "KVM_ENABLE_CAP",
		"KVM_X86_SET_MSR_FILTER", "KVM_CREATE_IRQCHIP", "KVM_CREATE_VCPU" };
	struct fixture *f = *state;
	give_msr_rule(f);
	f->config.msr.fallback = MSR_DEFAULT_DENY;
	assert_int_equal(fixture_create(f), 0);
	assert_denies_all_with_exits(f);
	assert_order(f, order, ARRAY_SIZE(order), 0);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_X86_SET_MSR_FILTER"), 1);
}

/* As from a model file. */
static void machine_create__only_policy_has_msr_rules__they_replace_the_filter(void **state)
{
	static const char *const order[] = { "KVM_ENABLE_CAP", "KVM_X86_SET_MSR_FILTER",
		"KVM_SET_CPUID2" };
	struct fixture *f = *state;
	give_msr_rule(f);
	assert_int_equal(fixture_create(f), 0);
	assert_denies_all_with_exits(f);
	assert_order(f, order, ARRAY_SIZE(order), (unsigned)find(f, "KVM_ENABLE_CAP"));
	assert_int_equal(fake_kvm_count(f->fake, "KVM_X86_SET_MSR_FILTER"), 2);
}

static void machine_create__tsc_frequency__is_set_before_cpuid_and_msrs(void **state)
{
	static const char *const order[] = { "KVM_CREATE_VCPU", "KVM_SET_TSC_KHZ",
		"KVM_GET_TSC_KHZ", "KVM_SET_CPUID2", "KVM_SET_MSRS" };
	struct fixture *f = *state;
	assert_int_equal(fixture_create(f), 0);
	assert_int_equal(find(f, "KVM_SET_TSC_KHZ"), -1);
	machine_destroy(f->machine);
	f->machine = NULL;
	f->plan.tsc_khz = 1234567;
	unsigned from = f->fake->nr_calls;
	assert_int_equal(machine_create(&f->machine, &f->options, &f->e), 0);
	assert_order(f, order, ARRAY_SIZE(order), from);
	assert_int_equal(f->fake->vcpus[0]->tsc_khz, 1234567);
}

static void machine_create__kvm_keeps_another_cpuid__refused_with_leaf_and_values(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 2;
	fixture_ask_for_host(f, CPU_MISSING_ERROR);
	f->fake->lossy_leaf = 0x80000008;
	assert_int_equal(fixture_create(f), -EPROTO);
	assert_contains(f->e.msg, "vCPU 0: CPUID leaf 0x80000008, subleaf 0, EAX was set to 0x");
	assert_contains(f->e.msg, "but this host's KVM keeps 0x");
	assert_contains(f->e.msg, "1 registers differ");
	assert_contains(f->e.msg, "\nvm.toml:2:9: cpu.model: CPUID 0x80000008.0 EAX: 0x");
	assert_contains(f->e.hint, "cpu.on_missing");
	assert_null(f->machine);
	f->fake->forgets_leaf = true;
	assert_int_equal(fixture_create(f), -EPROTO);
	assert_contains(f->e.msg, "KVM keeps 0 (");
}

static void machine_create__kvm_keeps_another_cpuid_and_may__runs_and_says_so_if_asked(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 2;
	f->fake->lossy_leaf = 0x80000008;
	assert_int_equal(fixture_create(f), 0); /* nothing is asked of the CPU */
	assert_string_equal(f->reports, "");
	machine_destroy(f->machine);
	f->machine = NULL;
	fixture_ask_for_host(f, CPU_MISSING_DROP);
	assert_int_equal(fixture_create(f), 0);
	assert_string_equal(f->reports, "");
	machine_destroy(f->machine);
	f->machine = NULL;
	fixture_ask_for_host(f, CPU_MISSING_WARN);
	assert_int_equal(fixture_create(f), 0);
	assert_contains(f->reports, "vCPU 0: CPUID leaf 0x80000008, subleaf 0, EAX was set to");
	assert_null(strstr(f->reports, "vCPU 1"));
}

static void machine_create__kvm_shows_hidden_extensions__refused_whatever_is_asked(void **state)
{
	struct fixture *f = *state;
	fixture_ask_for_host(f, CPU_MISSING_DROP);
	f->fake->shows_vmx = true;
	assert_int_equal(fixture_create(f), -EPROTO);
	assert_contains(f->e.msg, "vCPU 0: CPUID leaf 0x1, subleaf 0, ECX was set to");
	f->config.nesting.expose_virtualization_extensions = true;
	assert_int_equal(fixture_create(f), 0);
}

/* This KVM offers arch-capabilities, drops it, and then takes only 0 for the MSR behind it. */
static void drop_arch_capabilities(struct fixture *f)
{
	struct cpuid_entry *e = cpuid_find(&f->facts.supported, 7, 0);
	assert_non_null(e);
	e->reg[CPUID_EDX] |= 1u << 29;
	f->facts.feature_msrs[f->facts.nr_feature_msrs++] = (struct msr_value){ 0x10a, 0x6b };
	f->fake->rewrites[0] = (struct fake_rewrite){ 7, 0, CPUID_EDX, 1u << 29, 0 };
	f->fake->zero_msr = 0x10a;
}

static void machine_create__kvm_drops_a_bit_and_its_msr_and_nothing_is_asked__runs(void **state)
{
	struct fixture *f = *state;
	drop_arch_capabilities(f);
	f->config.cpu.vcpus = 2;
	assert_int_equal(fixture_create(f), 0);
	assert_string_equal(f->reports, "");
	for (unsigned i = 0; i < 2; i++) {
		assert_null(find_msr(f->fake->vcpus[i], 0x10a));
		assert_non_null(find_msr(f->fake->vcpus[i], 0x2ff));
	}
}

static void machine_create__kvm_drops_a_bit_that_is_asked_for__by_on_missing(void **state)
{
	struct policy_feature asked = { "arch-capabilities", true, "vm.toml:7:13" };
	struct fixture *f = *state;
	drop_arch_capabilities(f);
	f->policy.features = &asked;
	f->policy.nr_features = 1;
	f->given_policy = &f->policy;
	assert_int_equal(fixture_create(f), -EPROTO);
	assert_contains(f->e.msg, "vCPU 0: CPUID leaf 0x7, subleaf 0, EDX was set to 0x");
	assert_contains(f->e.msg,
		"\nvm.toml:7:13: cpu.features: arch-capabilities (CPUID 0x7.0 EDX bit 29): not "
		"kept");
	assert_contains(f->e.hint, "cpu.features = [\"-arch-capabilities\"]");
	assert_contains(f->e.hint, "cpu.on_missing");
	assert_null(f->machine);
	f->policy.on_missing_given = true;
	f->policy.on_missing = CPU_MISSING_WARN;
	f->config.cpu.vcpus = 2;
	assert_int_equal(fixture_create(f), 0);
	assert_contains(f->reports, "vm.toml:7:13: cpu.features: arch-capabilities");
	assert_null(strstr(f->reports, "vCPU 1"));
	machine_destroy(f->machine);
	f->machine = NULL;
	f->reports[0] = '\0';
	f->policy.on_missing = CPU_MISSING_DROP;
	assert_int_equal(fixture_create(f), 0);
	assert_string_equal(f->reports, "");
}

static void machine_create__kvm_drops_a_bit_that_the_model_has__refused_with_its_line(void **state)
{
	struct fixture *f = *state;
	drop_arch_capabilities(f);
	fixture_ask_for_host(f, CPU_MISSING_ERROR);
	assert_int_equal(fixture_create(f), -EPROTO);
	assert_contains(f->e.msg, "\nvm.toml:2:9: cpu.model: arch-capabilities");
	assert_contains(f->e.msg, "\nvm.toml:2:9: cpu.model: MSR 0x10a (IA32_ARCH_CAPABILITIES)");
}

static void machine_create__kvm_takes_only_0_for_a_feature_msr__by_on_missing(void **state)
{
	const struct policy_msr_bits bits = { .index = 0x10a, .set = 1, .origin = "vm.toml:9:1" };
	struct fixture *f = *state;
	drop_arch_capabilities(f);
	f->fake->rewrites[0].drop = 0; /* the bit is kept, the value is not */
	for (unsigned fails = 0; fails < 2; fails++) {
		f->fake->zero_msr_fails = fails;
		f->given_policy = NULL;
		assert_int_equal(fixture_create(f), 0);
		assert_string_equal(f->reports, "");
		assert_non_null(find_msr(f->fake->vcpus[0], 0x2ff)); /* those behind it are set */
		machine_destroy(f->machine);
		f->machine = NULL;
		f->policy.msr_bits = &bits;
		f->policy.nr_msr_bits = 1;
		f->given_policy = &f->policy;
		assert_int_equal(fixture_create(f), -EPROTO);
		assert_contains(f->e.msg, "vm.toml:9:1: msr.bits: KVM does not take MSR 0x10a "
					  "(IA32_ARCH_CAPABILITIES) with value 0x6b");
	}
}

static void machine_create__kvm_does_not_take_a_firmware_msr__warned_and_runs(void **state)
{
	struct fixture *f = *state;
	f->fake->refuse_msr = 0x2ff;
	assert_int_equal(fixture_create(f), 0);
	assert_contains(f->reports,
		"vCPU 0: KVM does not take MSR 0x2ff (IA32_MTRR_DEF_TYPE) with value 0x806");
}

static void machine_create__kvm_keeps_another_msr_value__warned_or_refused_as_asked(void **state)
{
	struct fixture *f = *state;
	drop_arch_capabilities(f);
	f->fake->rewrites[0].drop = 0;
	f->fake->zero_msr = 0;
	f->fake->lossy_msr = 0x10a;
	assert_int_equal(fixture_create(f), 0);
	assert_string_equal(f->reports, "");
	machine_destroy(f->machine);
	f->machine = NULL;
	fixture_ask_for_host(f, CPU_MISSING_ERROR);
	assert_int_equal(fixture_create(f), -EPROTO);
	assert_contains(f->e.msg,
		"vm.toml:2:9: cpu.model: MSR 0x10a (IA32_ARCH_CAPABILITIES) was set to 0x6b, but "
		"reads 0");
}

static void machine_create__kvm_drops_the_extensions_that_are_exposed__by_on_missing(void **state)
{
	struct fixture *f = *state;
	f->config.nesting.expose_virtualization_extensions = true;
	f->policy.knob_origin = "vm.toml:4:1";
	f->given_policy = &f->policy;
	f->fake->rewrites[0] = (struct fake_rewrite){ 1, 0, CPUID_ECX, 1u << 5, 0 };
	assert_int_equal(fixture_create(f), -EPROTO);
	assert_contains(f->e.msg,
		"vm.toml:4:1: nesting.expose_virtualization_extensions: vmx (CPUID 0x1 ECX bit 5): "
		"not kept");
	f->policy.on_missing_given = true;
	f->policy.on_missing = CPU_MISSING_WARN;
	assert_int_equal(fixture_create(f), 0);
	assert_contains(f->reports, "vmx (CPUID 0x1 ECX bit 5): not kept");
	assert_null(find_msr(f->fake->vcpus[0], 0x48d));
	assert_null(find_msr(f->fake->vcpus[0], 0x3a));
}

static void machine_create__kvm_shows_run_time_bits__accepted(void **state)
{
	struct fixture *f = *state;
	f->fake->run_time_bits = true;
	assert_int_equal(fixture_create(f), 0);
}

static void machine_create__split_irqchip__local_apics_only(void **state)
{
	struct fixture *f = *state;
	f->config.machine.irqchip = IRQCHIP_SPLIT;
	assert_int_equal(fixture_create(f), 0);
	assert_int_equal(find(f, "KVM_CREATE_IRQCHIP"), -1);
	assert_int_equal(find(f, "KVM_CREATE_PIT2"), -1);
	assert_int_equal(f->fake->nr_caps, 1);
	assert_int_equal(f->fake->caps[0].cap, KVM_CAP_SPLIT_IRQCHIP);
	assert_int_equal(f->fake->caps[0].args[0], PLAN_NR_GSIS);
	assert_true(find(f, "KVM_ENABLE_CAP") < find(f, "KVM_CREATE_VCPU"));
}

/* What a guest finds without being told: first bytes of each table, where the plan has it. */
static void machine_create__tables__in_guest_memory_and_the_ioapic_has_their_id(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 3;
	assert_int_equal(fixture_create(f), 0);
	const uint8_t *ram = (const uint8_t *)(uintptr_t)f->fake->slots[0].userspace_addr;
	assert_memory_equal(ram + PLAN_ACPI_BASE, "RSD PTR ", 8);
	assert_memory_equal(ram + PLAN_MPTABLE_BASE, "_MP_", 4);
	assert_memory_equal(ram + PLAN_SMBIOS_BASE, "_SM3_", 5);
	assert_int_equal(f->fake->ioapic.id, 3);
}

static void machine_create__apic_ids_up_to_254__no_x2apic_capability(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 255;
	f->config.cpu.sockets = 255;
	assert_int_equal(fixture_create(f), 0);
	assert_int_equal(f->fake->vcpus[254]->id, 254);
	assert_int_equal(f->fake->nr_caps, 0);
}

static void machine_create__an_apic_id_of_255_or_more__x2apic_capability_before_vcpus(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 195;
	f->config.cpu.sockets = 65;
	f->config.cpu.cores = 3;
	assert_int_equal(fixture_create(f), 0);
	assert_int_equal(f->fake->vcpus[194]->id, 258);
	assert_int_equal(f->fake->nr_caps, 1);
	assert_int_equal(f->fake->caps[0].cap, KVM_CAP_X2APIC_API);
	assert_true(find(f, "KVM_ENABLE_CAP") < find(f, "KVM_CREATE_VCPU"));
}

static void machine_create__ram_above_3_gib__two_slots(void **state)
{
	struct fixture *f = *state;
	f->config.memory.size_bytes = 5 * GIB;
	assert_int_equal(fixture_create(f), 0);
	assert_int_equal(f->fake->nr_slots, 2);
	assert_int_equal(f->fake->slots[0].guest_phys_addr, 0);
	assert_int_equal(f->fake->slots[0].memory_size, 3 * GIB);
	assert_int_equal(f->fake->slots[1].slot, 1);
	assert_int_equal(f->fake->slots[1].guest_phys_addr, 4 * GIB);
	assert_int_equal(f->fake->slots[1].memory_size, 2 * GIB);
}

static void machine_create__kernel_absent__the_users_fault_and_no_vm_made(void **state)
{
	struct fixture *f = *state;
	f->config.boot.kernel = (char[]){ "/nonexistent/kernel" };
	assert_int_equal(fixture_create(f), -ENOENT);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg, "boot.kernel");
	assert_contains(f->e.msg, "/nonexistent/kernel");
	assert_int_equal(find(f, "KVM_CREATE_VM"), -1);
	assert_null(f->machine);
}

static void machine_create__kernel_is_no_kernel__the_users_fault(void **state)
{
	struct fixture *f = *state;
	f->config.boot.kernel = (char[]){ "/proc/self/exe" };
	assert_true(fixture_create(f) < 0);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg, "/proc/self/exe");
}

static void machine_create__device_tree_for_multiboot__the_users_fault(void **state)
{
	struct fixture *f = *state;
	f->config.boot.device_tree = true;
	assert_true(fixture_create(f) < 0);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg, "device tree");
}

static void machine_create__debug_port_is_taken__names_the_key_and_both_devices(void **state)
{
	struct fixture *f = *state;
	f->config.debug_exit.port = 0x3f8;
	assert_int_equal(fixture_create(f), -EBUSY);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg, "debug_exit.port");
	assert_contains(f->e.msg, "16550A");
	assert_null(f->machine);
	f->config.debug_exit.port = 0xe9;
	assert_int_equal(fixture_create(f), -EBUSY);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg, "debug_console.port");
}

/* Creates with call n failing; false once there are fewer calls than that. */
static bool create_failing_at(struct fixture *f, unsigned n, int code)
{
	unsigned fds = fixture_count_fds(), kvm_fds = f->fake->nr_fds;
	f->fake->nr_calls = 0;
	f->fake->fail_at = n;
	f->fake->fail_code = code;
	f->e = (struct err)ERR_INIT;
	int rc = fixture_create(f);
	bool reached = fixture_call_failed(f, n, rc);
	if (reached) {
		assert_int_equal(rc, -code);
		assert_null(f->machine);
		assert_int_equal(f->e.kind, ERR_HOST);
	}
	machine_destroy(f->machine);
	f->machine = NULL;
	assert_int_equal(f->fake->nr_fds, kvm_fds);
	assert_int_equal(f->fake->nr_maps, 0);
	assert_int_equal(f->fake->bad_calls, 0);
	assert_int_equal(fixture_count_fds(), fds);
	assert_true(loop_is_empty(f->loop));
	return reached;
}

static void fail_every_call(struct fixture *f)
{
	unsigned n = 1;
	while (create_failing_at(f, n, n % 2 ? EIO : ENOMEM))
		n++;
	assert_true(n > 15);
}

static void machine_create__call_n_fails__error_names_it_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 2;
	fail_every_call(f);
}

static void machine_create__call_n_fails_split_and_exposed__error_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	f->config.machine.irqchip = IRQCHIP_SPLIT;
	f->config.nesting.expose_virtualization_extensions = true;
	f->config.memory.size_bytes = 4 * GIB;
	f->config.nr_serials = 4;
	fail_every_call(f);
}

static void machine_create__call_n_fails_with_exits_and_tsc__error_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	const struct msr_rule rule = {
		.first = 0x10, .last = 0x10, .read = MSR_VALUE, .value = 7, .id = "MSR-RULE"
	};
	f->policy.msr_rules = &rule;
	f->policy.nr_msr_rules = 1;
	f->policy.tsc_khz = (struct policy_number){ .given = true, .value = 1500000 };
	f->policy.topology = (struct policy_topology){ 1, 1, 1, 1 };
	f->given_policy = &f->policy;
	fail_every_call(f);
	assert_true(find(f, "KVM_GET_TSC_KHZ") >= 0);
	assert_true(find(f, "KVM_ENABLE_CAP") >= 0);
}

static void machine_create__call_n_fails_amd_wide_ids__error_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	host_amd(&f->facts, true);
	f->config.cpu.vcpus = 9;
	f->config.cpu.sockets = 1;
	f->config.cpu.cores = 3;
	f->config.cpu.threads = 3;
	fail_every_call(f);
}

static void machine_create__call_n_fails_with_smm__error_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	f->fake->smm = true;
	f->config.cpu.vcpus = 2;
	fail_every_call(f);
}

static struct machine_options without_plan(struct fixture *f)
{
	return (struct machine_options){
		.kvm = f->kvm, .config = &f->config, .files = &f->files, .reporter = &f->reporter
	};
}

static void machine_begin__no_plan_yet__makes_the_vm_and_the_boot_vcpu(void **state)
{
	struct fixture *f = *state;
	const struct machine_options early = without_plan(f);
	unsigned fds = fixture_count_fds();
	assert_int_equal(machine_begin(&f->machine, &early, &f->e), 0);
	assert_true(find(f, "KVM_CREATE_VCPU") > find(f, "KVM_CREATE_IRQCHIP"));
	assert_true(find(f, "KVM_SET_LAPIC") > find(f, "KVM_CREATE_VCPU"));
	assert_int_equal(find(f, "KVM_SET_CPUID2"), -1);
	machine_destroy(f->machine); /* the plan was refused, say */
	f->machine = NULL;
	assert_int_equal(fixture_count_fds(), fds);
	assert_true(f->fake->nr_maps == 0 && f->fake->bad_calls == 0);
}

static void machine_begin__extensions_exposed__irqchip_waits_for_the_filter(void **state)
{
	struct fixture *f = *state;
	f->config.nesting.expose_virtualization_extensions = true;
	const struct machine_options early = without_plan(f);
	assert_int_equal(machine_begin(&f->machine, &early, &f->e), 0);
	assert_true(find(f, "KVM_SET_USER_MEMORY_REGION") >= 0);
	assert_int_equal(find(f, "KVM_X86_SET_MSR_FILTER"), -1);
	assert_int_equal(find(f, "KVM_CREATE_IRQCHIP"), -1);
	assert_int_equal(find(f, "KVM_CREATE_VCPU"), -1);
}

/* A file with enough in it that not all was read when it was opened. */
static void write_large_file(char *path)
{
	int fd = mkostemp(path, O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)MIB), 0);
	(void)close(fd);
}

/* Files change under a machine that is being built: an error, where a mapping would be SIGBUS. */
static void machine_complete__files_shrink_meanwhile__error_with_the_path(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 3; i++) {
		char path[] = "/tmp/nestor-test-file-XXXXXX";
		write_large_file(path);
		f->config.boot.initrd = i == 0 ? path : NULL;
		f->config.boot.modules[0].path = path;
		f->config.boot.nr_modules = i == 1;
		assert_int_equal(fixture_create(f), 0); /* as it is, all is well */
		machine_destroy(f->machine);
		f->machine = NULL;
		assert_int_equal(machine_begin(&f->machine, &f->options, &f->e), 0);
		assert_int_equal(truncate(path, i == 2 ? 0 : 4096), 0);
		int rc = machine_complete(f->machine, &f->options, &f->e);
		assert_int_equal(rc, i == 2 ? 0 : -EBUSY);
		if (i < 2) {
			assert_contains(f->e.msg, i ? "module: /tmp/" : "initrd: /tmp/");
			assert_contains(f->e.msg, "it had 1048576 bytes, and has 4096 now");
			assert_int_equal(f->e.kind, ERR_HOST);
		}
		machine_destroy(f->machine);
		f->machine = NULL;
		(void)unlink(path);
	}
}

static void machine_complete__kernel_shrinks_meanwhile__it_was_read_already(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(fixture_create(f), 0);
	machine_destroy(f->machine);
	f->machine = NULL;
	assert_int_equal(machine_begin(&f->machine, &f->options, &f->e), 0);
	assert_int_equal(truncate(f->kernel_path, 0), 0);
	assert_int_equal(machine_complete(f->machine, &f->options, &f->e), 0);
}

static void machine_begin__initrd_is_empty__refused(void **state)
{
	struct fixture *f = *state;
	f->config.boot.initrd = "/dev/null";
	assert_int_equal(fixture_create(f), -EINVAL);
	assert_contains(f->e.msg, "boot.initrd: /dev/null is a character device");
	char path[] = "/tmp/nestor-test-file-XXXXXX";
	write_large_file(path);
	assert_int_equal(truncate(path, 0), 0);
	f->config.boot.initrd = path;
	assert_int_equal(fixture_create(f), -EINVAL);
	assert_contains(f->e.msg, "the file is empty");
	assert_int_equal(f->e.kind, ERR_CONFIG);
	(void)unlink(path);
}

static void machine_complete__begun_without_a_plan__runs(void **state)
{
	static const struct fake_step script[] = {
		{ .kind = FAKE_OUT, .addr = 0xf4, .size = 1, .count = 1, .data = "\5" },
		{ .kind = FAKE_END },
	};
	struct fixture *f = *state;
	const struct machine_options early = without_plan(f);
	assert_int_equal(fixture_create(f), 0); /* for its plan and options */
	machine_destroy(f->machine);
	f->machine = NULL;
	assert_int_equal(machine_begin(&f->machine, &early, &f->e), 0);
	assert_int_equal(machine_complete(f->machine, &f->options, &f->e), 0);
	f->fake->vcpus[0]->script = script;
	assert_int_equal(machine_run(f->machine, &f->result, &f->e), 0);
	assert_int_equal(f->result.end, MACHINE_END_DEBUG_EXIT);
	assert_int_equal(f->result.status, 5);
}

static void machine_destroy__never_run_or_null__takes_it_down(void **state)
{
	struct fixture *f = *state;
	unsigned fds = fixture_count_fds();
	machine_destroy(NULL);
	assert_int_equal(fixture_create(f), 0);
	machine_destroy(f->machine);
	f->machine = NULL;
	assert_int_equal(fixture_count_fds(), fds);
	assert_true(loop_is_empty(f->loop));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(machine_create__intel__vm_settings_then_memory_then_irqchip_then_vcpu),
		FIXTURE_TEST(machine_create__kvm_has_smm__each_vcpu_has_a_way_back_from_it),
		FIXTURE_TEST(machine_create__kvm_has_no_smm__no_slot_and_no_msr_of_it),
		FIXTURE_TEST(machine_create__real_mode_reset__is_code_that_resets),
		FIXTURE_TEST(machine_create__call_n_fails_with_smm__error_and_nothing_leaks),
		FIXTURE_TEST(machine_create__each_vcpu__cpuid_before_msrs_before_registers),
		FIXTURE_TEST(machine_create__vcpus__have_their_own_cpuid),
		FIXTURE_TEST(machine_create__amd__intel_pages_before_irqchip_too),
		FIXTURE_TEST(machine_create__knob_off__filter_denies_by_the_nesting_rules),
		FIXTURE_TEST(machine_create__knob_on__vmx_shown_locked_and_only_svm_filtered),
		FIXTURE_TEST(
			machine_create__config_has_msr_rules__filter_and_exits_before_the_irqchip),
		FIXTURE_TEST(machine_create__only_policy_has_msr_rules__they_replace_the_filter),
		FIXTURE_TEST(machine_create__tsc_frequency__is_set_before_cpuid_and_msrs),
		FIXTURE_TEST(machine_create__kvm_keeps_another_cpuid__refused_with_leaf_and_values),
		FIXTURE_TEST(
			machine_create__kvm_keeps_another_cpuid_and_may__runs_and_says_so_if_asked),
		FIXTURE_TEST(
			machine_create__kvm_shows_hidden_extensions__refused_whatever_is_asked),
		FIXTURE_TEST(
			machine_create__kvm_drops_a_bit_and_its_msr_and_nothing_is_asked__runs),
		FIXTURE_TEST(machine_create__kvm_drops_a_bit_that_is_asked_for__by_on_missing),
		FIXTURE_TEST(
			machine_create__kvm_drops_a_bit_that_the_model_has__refused_with_its_line),
		FIXTURE_TEST(machine_create__kvm_takes_only_0_for_a_feature_msr__by_on_missing),
		FIXTURE_TEST(machine_create__kvm_does_not_take_a_firmware_msr__warned_and_runs),
		FIXTURE_TEST(
			machine_create__kvm_keeps_another_msr_value__warned_or_refused_as_asked),
		FIXTURE_TEST(
			machine_create__kvm_drops_the_extensions_that_are_exposed__by_on_missing),
		FIXTURE_TEST(machine_create__kvm_shows_run_time_bits__accepted),
		FIXTURE_TEST(
			machine_create__call_n_fails_with_exits_and_tsc__error_and_nothing_leaks),
		FIXTURE_TEST(machine_create__split_irqchip__local_apics_only),
		FIXTURE_TEST(machine_create__tables__in_guest_memory_and_the_ioapic_has_their_id),
		FIXTURE_TEST(machine_create__apic_ids_up_to_254__no_x2apic_capability),
		FIXTURE_TEST(
			machine_create__an_apic_id_of_255_or_more__x2apic_capability_before_vcpus),
		FIXTURE_TEST(machine_create__ram_above_3_gib__two_slots),
		FIXTURE_TEST(machine_create__kernel_absent__the_users_fault_and_no_vm_made),
		FIXTURE_TEST(machine_create__kernel_is_no_kernel__the_users_fault),
		FIXTURE_TEST(machine_create__device_tree_for_multiboot__the_users_fault),
		FIXTURE_TEST(machine_create__debug_port_is_taken__names_the_key_and_both_devices),
		FIXTURE_TEST(machine_create__call_n_fails__error_names_it_and_nothing_leaks),
		FIXTURE_TEST(
			machine_create__call_n_fails_split_and_exposed__error_and_nothing_leaks),
		FIXTURE_TEST(machine_create__call_n_fails_amd_wide_ids__error_and_nothing_leaks),
		FIXTURE_TEST(machine_begin__no_plan_yet__makes_the_vm_and_the_boot_vcpu),
		FIXTURE_TEST(machine_begin__extensions_exposed__irqchip_waits_for_the_filter),
		FIXTURE_TEST(machine_complete__files_shrink_meanwhile__error_with_the_path),
		FIXTURE_TEST(machine_complete__kernel_shrinks_meanwhile__it_was_read_already),
		FIXTURE_TEST(machine_begin__initrd_is_empty__refused),
		FIXTURE_TEST(machine_complete__begun_without_a_plan__runs),
		FIXTURE_TEST(machine_destroy__never_run_or_null__takes_it_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
