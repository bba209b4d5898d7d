/* SPDX-License-Identifier: MIT */
/*
 * The order of KVM's calls, over what changes it: irqchip, vendor of the host and of the guest,
 * system management mode, extensions, number of vCPUs. Held for whoever makes a VM: the rules, and
 * that a machine and verify's VM differ in nothing but what is said here.
 */
#include "unit/vm/fixture.h"

#include "verify/internal.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_CALLS 4096
#define NO_VCPU UINT32_MAX

/* A call as KVM sees it, without descriptors. */
struct call {
	const char *name;
	uint64_t arg;
	uint32_t vcpu; /* its APIC ID, or NO_VCPU */
};

struct calls {
	struct call list[MAX_CALLS];
	unsigned nr;
};

/* A way to make a VM, with f's plan and options; for as long as the calls are looked at. */
struct maker {
	const char *name;
	void (*make)(struct fixture *f);
	void (*unmake)(struct fixture *f);
	bool has_pit, sets_registers;
};

static void make_machine(struct fixture *f)
{
	assert_int_equal(machine_create(&f->machine, &f->options, &f->e), 0);
}

static void unmake_machine(struct fixture *f)
{
	machine_destroy(f->machine);
	f->machine = NULL;
}

static struct verify_vm *verify_vm;

static void make_verify_vm(struct fixture *f)
{
	assert_int_equal(verify_vm_create(&verify_vm, f->kvm, &f->plan, &f->reporter, &f->e), 0);
}

static void unmake_verify_vm(struct fixture *f)
{
	(void)f;
	verify_vm_destroy(verify_vm);
	verify_vm = NULL;
}

static const struct maker machine = { "vm", make_machine, unmake_machine, true, false };
static const struct maker verify = { "verify", make_verify_vm, unmake_verify_vm, false, true };

static uint32_t vcpu_of(const struct fixture *f, int fd)
{
	for (unsigned i = 0; i < f->fake->nr_vcpus; i++) {
		if (f->fake->vcpus[i]->fd == fd)
			return f->fake->vcpus[i]->id;
	}
	return NO_VCPU;
}

static bool is(const struct call *c, const char *name)
{
	return strcmp(c->name, name) == 0;
}

/* From KVM_CREATE_VM on. */
static void record(struct fixture *f, const struct maker *by, struct calls *ret)
{
	f->fake->nr_calls = f->fake->nr_caps = f->fake->nr_slots = 0;
	f->fake->ioapic.id = 0xff;
	by->make(f);
	ret->nr = 0;
	assert_in_range(f->fake->nr_calls, 1, FAKE_MAX_LOG);
	int from = fake_kvm_find(f->fake, "KVM_CREATE_VM", 0);
	assert_true(from >= 0);
	for (unsigned i = (unsigned)from; i < f->fake->nr_calls; i++) {
		const struct fake_call *c = &f->fake->log[i];
		assert_true(ret->nr < MAX_CALLS);
		ret->list[ret->nr++] = (struct call){ c->name, c->arg, vcpu_of(f, c->fd) };
	}
}

static unsigned count(const struct calls *calls, const char *name)
{
	unsigned n = 0;
	for (unsigned i = 0; i < calls->nr; i++)
		n += is(&calls->list[i], name);
	return n;
}

static unsigned count_cap(const struct calls *calls, uint64_t cap)
{
	unsigned n = 0;
	for (unsigned i = 0; i < calls->nr; i++)
		n += is(&calls->list[i], "KVM_ENABLE_CAP") && calls->list[i].arg == cap;
	return n;
}

/* What a rule speaks of; arg counts for KVM_ENABLE_CAP alone. */
static bool matches(const struct call *c, const struct call *of)
{
	return is(c, of->name) && (!is(c, "KVM_ENABLE_CAP") || c->arg == of->arg);
}

/* No call of one kind comes after a call of the other. */
static void assert_all_before(
	const struct calls *calls, const struct call *first, const struct call *then)
{
	bool seen = false;
	for (unsigned i = 0; i < calls->nr; i++) {
		const struct call *c = &calls->list[i];
		seen = seen || matches(c, then);
		if (seen && matches(c, first))
			fail_msg("%s comes after %s", first->name, then->name);
	}
}

#define CALL(n)                                                                                    \
	{                                                                                          \
		.name = (n)                                                                        \
	}
#define CAP(c)                                                                                     \
	{                                                                                          \
		.name = "KVM_ENABLE_CAP", .arg = (c)                                               \
	}

/* What is done to the VM, each before the next. */
static void assert_vm_order(const struct calls *calls)
{
	static const struct {
		struct call first, then;
	} rules[] = {
		{ CALL("KVM_SET_IDENTITY_MAP_ADDR"), CALL("KVM_CREATE_VCPU") },
		{ CALL("KVM_SET_IDENTITY_MAP_ADDR"), CALL("KVM_CREATE_IRQCHIP") },
		{ CALL("KVM_SET_TSS_ADDR"), CALL("KVM_CREATE_VCPU") },
		{ CALL("KVM_SET_TSS_ADDR"), CALL("KVM_SET_USER_MEMORY_REGION") },
		{ CALL("KVM_SET_TSS_ADDR"), CALL("KVM_CREATE_IRQCHIP") },
		{ CAP(KVM_CAP_X2APIC_API), CALL("KVM_CREATE_VCPU") },
		{ CAP(KVM_CAP_X2APIC_API), CALL("KVM_SET_LAPIC") },
		{ CAP(KVM_CAP_X86_USER_SPACE_MSR), CALL("KVM_X86_SET_MSR_FILTER") },
		{ CALL("KVM_X86_SET_MSR_FILTER"), CALL("KVM_CREATE_IRQCHIP") },
		{ CALL("KVM_X86_SET_MSR_FILTER"), CAP(KVM_CAP_SPLIT_IRQCHIP) },
		{ CALL("KVM_X86_SET_MSR_FILTER"), CALL("KVM_CREATE_VCPU") },
		{ CALL("KVM_SET_USER_MEMORY_REGION"), CALL("KVM_CREATE_IRQCHIP") },
		{ CALL("KVM_SET_USER_MEMORY_REGION"), CAP(KVM_CAP_SPLIT_IRQCHIP) },
		{ CALL("KVM_CREATE_IRQCHIP"), CALL("KVM_CREATE_VCPU") },
		{ CAP(KVM_CAP_SPLIT_IRQCHIP), CALL("KVM_CREATE_VCPU") },
		{ CALL("KVM_CREATE_IRQCHIP"), CALL("KVM_SET_IRQCHIP") },
		{ CALL("KVM_CREATE_IRQCHIP"), CALL("KVM_CREATE_PIT2") },
	};
	assert_string_equal(calls->list[0].name, "KVM_CREATE_VM");
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		assert_all_before(calls, &rules[i].first, &rules[i].then);
}

/* Of the vCPU with that APIC ID: the first call of each name after the first of the one before. */
static void assert_vcpu_order(const struct calls *calls, uint32_t vcpu, bool is_boot)
{
	static const char *const order[] = { "map", "KVM_SET_LAPIC", "KVM_SET_CPUID2",
		"KVM_GET_CPUID2", "KVM_SET_MSRS", "KVM_GET_MSRS" };
	unsigned at = 0;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		bool pins = strcmp(order[i], "KVM_SET_LAPIC") == 0;
		if (pins && !is_boot)
			continue;
		while (at < calls->nr &&
			!(calls->list[at].vcpu == vcpu && is(&calls->list[at], order[i])))
			at++;
		if (at == calls->nr)
			fail_msg("vCPU %u: no %s after %s", vcpu, order[i], i ? order[i - 1] : "");
		for (unsigned before = 0; before < at; before++)
			if (calls->list[before].vcpu == vcpu && is(&calls->list[before], order[i]))
				fail_msg("vCPU %u: %s too early", vcpu, order[i]);
	}
}

/* Each vCPU has its place in system management mode, set last of all MSRs. */
static void assert_smm(const struct fixture *f)
{
	unsigned nr_smm_slots = 0;
	for (unsigned i = 0; i < f->fake->nr_slots; i++)
		nr_smm_slots += f->fake->slots[i].slot >> 16;
	assert_int_equal(nr_smm_slots, f->fake->smm);
	for (unsigned i = 0; i < f->plan.nr_vcpus; i++) {
		const struct fake_vcpu *vcpu = f->fake->vcpus[i];
		assert_true(vcpu->nr_msrs > 0);
		const struct kvm_msr_entry *last = &vcpu->msrs[vcpu->nr_msrs - 1];
		assert_int_equal(last->index == 0x9e, f->fake->smm && i > 0);
	}
}

static void assert_calls(struct fixture *f, const struct maker *by, const struct calls *calls)
{
	const struct machine_plan *plan = &f->plan;
	bool wide = false, split = plan->split_irqchip;
	unsigned n = plan->nr_vcpus;
	for (unsigned i = 0; i < n; i++)
		wide = wide || plan->vcpus[i].apic_id >= 255;
	assert_vm_order(calls);
	/* On any host, and whatever the guest's processor is called. */
	assert_int_equal(count(calls, "KVM_SET_IDENTITY_MAP_ADDR"), 1);
	assert_int_equal(count(calls, "KVM_SET_TSS_ADDR"), 1);
	assert_int_equal(count_cap(calls, KVM_CAP_X2APIC_API), wide);
	assert_in_range(count(calls, "KVM_X86_SET_MSR_FILTER"), 1, 2);
	assert_int_equal(count(calls, "KVM_CREATE_IRQCHIP"), !split);
	assert_int_equal(count_cap(calls, KVM_CAP_SPLIT_IRQCHIP), split);
	assert_int_equal(count(calls, "KVM_SET_IRQCHIP"), !split);
	assert_int_equal(count(calls, "KVM_CREATE_PIT2"), by->has_pit && !split);
	assert_int_equal(count(calls, "KVM_CREATE_VCPU"), n);
	assert_int_equal(count(calls, "KVM_SET_LAPIC"), 1);
	assert_int_equal(count(calls, "KVM_SET_CPUID2"), n);
	assert_int_equal(count(calls, "KVM_SET_MP_STATE"), by->sets_registers ? n : 0);
	assert_int_equal(count(calls, "KVM_SET_SREGS"), by->sets_registers ? n : 0);
	assert_int_equal(count(calls, "KVM_RUN"), 0);
	for (unsigned i = 0; i < n; i++)
		assert_vcpu_order(calls, plan->vcpus[i].apic_id, i == 0);
	assert_smm(f);
	if (!split)
		assert_int_not_equal(f->fake->ioapic.id, 0xff);
}

/* What one of the two does and the other has no use for. */
static bool is_of_one_alone(const struct call *c)
{
	static const char *const names[] = { "KVM_CREATE_PIT2", "KVM_SET_MP_STATE", "KVM_GET_SREGS",
		"KVM_SET_SREGS", "KVM_SET_REGS" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (is(c, names[i]))
			return true;
	}
	return false;
}

static void drop_what_is_of_one_alone(struct calls *calls)
{
	unsigned n = 0;
	for (unsigned i = 0; i < calls->nr; i++) {
		if (!is_of_one_alone(&calls->list[i]))
			calls->list[n++] = calls->list[i];
	}
	calls->nr = n;
}

static int by_name(const void *a, const void *b)
{
	const struct call *x = a, *y = b;
	int rc = strcmp(x->name, y->name);
	if (rc)
		return rc;
	if (x->vcpu != y->vcpu)
		return x->vcpu < y->vcpu ? -1 : 1;
	return x->arg == y->arg ? 0 : x->arg < y->arg ? -1 : 1;
}

/* The same calls; in the same order too, where the machine did not have to wait for its plan. */
static void assert_same(struct calls *a, struct calls *b, bool in_order)
{
	drop_what_is_of_one_alone(a);
	drop_what_is_of_one_alone(b);
	if (!in_order) {
		qsort(a->list, a->nr, sizeof(a->list[0]), by_name);
		qsort(b->list, b->nr, sizeof(b->list[0]), by_name);
	}
	for (unsigned i = 0; i < a->nr && i < b->nr; i++) {
		const struct call *x = &a->list[i], *y = &b->list[i];
		if (by_name(x, y))
			fail_msg("call %u is %s %#llx on vCPU %d, and %s %#llx on vCPU %d", i,
				x->name, (unsigned long long)x->arg, (int)x->vcpu, y->name,
				(unsigned long long)y->arg, (int)y->vcpu);
	}
	assert_int_equal(a->nr, b->nr);
}

/* f->plan, as both make it; foreseen: what the config says is what the plan says. */
static void assert_both(struct fixture *f, bool foreseen)
{
	static struct calls calls[2];
	const struct maker *const makers[] = { &machine, &verify };
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		record(f, makers[i], &calls[i]);
		assert_calls(f, makers[i], &calls[i]);
		makers[i]->unmake(f);
		assert_int_equal(f->fake->nr_maps, 0);
		assert_int_equal(f->fake->bad_calls, 0);
	}
	assert_same(&calls[0], &calls[1], foreseen);
}

struct shape {
	unsigned vcpus, sockets, cores;
	bool ids_foreseen;
};

static const struct shape shapes[] = { { 1, 1, 1, true }, { 5, 1, 5, true }, { 255, 255, 1, false },
	{ 195, 65, 3, false } };

/* Bits of a case. */
enum { SPLIT = 1, AMD_HOST = 2, OTHER_GUEST = 4, SMM = 8, EXPOSED = 16, CASES = 32 };

static void arrange(struct fixture *f, unsigned bits, const struct shape *shape)
{
	bool amd = bits & AMD_HOST;
	(amd ? host_amd : host_intel)(&f->facts, true);
	f->config.cpu.vcpus = shape->vcpus;
	f->config.cpu.sockets = shape->sockets;
	f->config.cpu.cores = shape->cores;
	f->config.cpu.dies = f->config.cpu.threads = 1;
	f->config.machine.irqchip = bits & SPLIT ? IRQCHIP_SPLIT : IRQCHIP_KERNEL;
	f->config.nesting.expose_virtualization_extensions = bits & EXPOSED;
	f->fake->smm = bits & SMM;
	f->policy.vendor = (struct policy_text){ amd ? "intel" : "amd", "vm.toml:1:1" };
	f->given_policy = bits & OTHER_GUEST ? &f->policy : NULL;
}

static void both__every_case__same_calls_in_the_order_of_the_rules(void **state)
{
	struct fixture *f = *state;
	unsigned nr_cases = 0;
	for (unsigned bits = 0; bits < CASES; bits++) {
		/* Another vendor's extensions there are none of. */
		if ((bits & OTHER_GUEST) && (bits & EXPOSED))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
			arrange(f, bits, &shapes[i]);
			if (fixture_create(f))
				fail_msg("case %#x, %u vCPUs: %s", bits, shapes[i].vcpus, f->e.msg);
			unmake_machine(f);
			assert_both(f, !(bits & EXPOSED) && shapes[i].ids_foreseen);
			nr_cases++;
		}
	}
	assert_int_equal(nr_cases, 24 * ARRAY_SIZE(shapes));
}

/* An APIC ID that needs 32 bits is looked for in all vCPUs, not at the end. */
static void both__wide_id_in_the_middle__is_enabled(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 33; /* more than the config alone can foresee */
	assert_int_equal(fixture_create(f), 0);
	unmake_machine(f);
	f->plan.vcpus[16].apic_id = 255;
	assert_true(f->plan.vcpus[32].apic_id < 255);
	assert_both(f, false);
}

static void both__rules_that_exit__the_capability_before_the_filter(void **state)
{
	const struct msr_rule rule = {
		.first = 0x10, .last = 0x10, .read = MSR_VALUE, .value = 7, .id = "MSR-RULE"
	};
	struct fixture *f = *state;
	f->policy.msr_rules = &rule;
	f->policy.nr_msr_rules = 1;
	f->policy.topology = (struct policy_topology){ 1, 1, 1, 1 };
	f->given_policy = &f->policy;
	f->config.msr.fallback = MSR_DEFAULT_DENY; /* so that nothing is foreseen */
	f->policy.msr_default_deny = true;
	assert_int_equal(fixture_create(f), 0);
	unmake_machine(f);
	assert_true(f->plan.filter.exits);
	assert_both(f, false);
}

static void both__ram_in_two_parts__a_slot_each(void **state)
{
	struct fixture *f = *state;
	static struct calls calls;
	f->config.memory.size_bytes = 4 * GIB;
	f->fake->smm = true;
	assert_int_equal(fixture_create(f), 0);
	unmake_machine(f);
	record(f, &machine, &calls);
	assert_calls(f, &machine, &calls);
	assert_int_equal(count(&calls, "KVM_SET_USER_MEMORY_REGION"), 3);
	unmake_machine(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(both__every_case__same_calls_in_the_order_of_the_rules),
		FIXTURE_TEST(both__wide_id_in_the_middle__is_enabled),
		FIXTURE_TEST(both__rules_that_exit__the_capability_before_the_filter),
		FIXTURE_TEST(both__ram_in_two_parts__a_slot_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
