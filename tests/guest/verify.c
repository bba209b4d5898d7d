/* SPDX-License-Identifier: MIT */
/*
 * verify_run on this machine's own KVM: for one policy after another, what the guest sees is what
 * the engine promised; and where the promise is broken on purpose, that is found. Where there is no
 * KVM to use, every test fails: run-guest-test asks beforehand.
 *
 * Some KVMs without hardware virtualization rewrite leaves of the table that they are given, and
 * say so in KVM_GET_CPUID2. There, verify_run must find exactly those differences; on a KVM that
 * keeps what it is given, none.
 */
#include "fake/cmocka.h"

#include "config/config.h"
#include "cpuid/fields.h"
#include "plan/plan.h"
#include "plan/policy.h"
#include "verify/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>

struct tamper;

struct fixture {
	struct host_facts facts;
	struct kvm *kvm;
	struct config *config;
	struct vm_policy *policy;
	struct machine_plan plan;
	struct verify_result result;
	struct kvm_calls calls;   /* the real ones, with an ioctl that tampers and looks */
	struct cpuid_table *kept; /* of each vCPU, what KVM says that it keeps; nr_kept */
	unsigned nr_kept;
	/* What the test does to KVM's calls; at most one. */
	struct {
		uint32_t leaf; /* of every vCPU: this register of it gets other bits */
		enum cpuid_reg reg;
		uint32_t flip;
		bool no_filter; /* KVM_X86_SET_MSR_FILTER is not made */
		uint32_t msr;   /* this one gets another value */
		bool runs_away; /* the guest is made to loop for ever */
		uint8_t *ram;
	} tamper;
	struct err e;
};

static void tamper_with_cpuid(const struct fixture *f, struct kvm_cpuid2 *c)
{
	for (uint32_t i = 0; i < c->nent; i++) {
		uint32_t *regs[] = { &c->entries[i].eax, &c->entries[i].ebx, &c->entries[i].ecx,
			&c->entries[i].edx };
		if (c->entries[i].function == f->tamper.leaf && c->entries[i].index == 0)
			*regs[f->tamper.reg] ^= f->tamper.flip;
	}
}

static void keep_cpuid(struct fixture *f, int fd)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + CPUID_MAX_ENTRIES * sizeof(c->entries[0]));
	assert_non_null(c);
	assert_true(f->nr_kept < PLAN_MAX_VCPUS);
	struct cpuid_table *kept = &f->kept[f->nr_kept++];
	c->nent = CPUID_MAX_ENTRIES;
	assert_int_equal(kvm_calls_real.ioctl(NULL, fd, KVM_GET_CPUID2, "KVM_GET_CPUID2", c), 0);
	*kept = (struct cpuid_table){ .nr_entries = c->nent };
	for (uint32_t i = 0; i < c->nent; i++) {
		const struct kvm_cpuid_entry2 *from = &c->entries[i];
		kept->entries[i] = (struct cpuid_entry){ .leaf = from->function,
			.subleaf = from->index,
			.subleaf_matters = from->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
			.reg = { from->eax, from->ebx, from->ecx, from->edx } };
	}
	free(c);
}

static void tamper_with_msr(const struct fixture *f, int fd)
{
	struct {
		_Alignas(8) uint8_t bytes[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} space = { 0 };
	struct kvm_msrs *msrs = (struct kvm_msrs *)(void *)space.bytes;
	msrs->nmsrs = 1;
	msrs->entries[0].index = f->tamper.msr;
	msrs->entries[0].data = UINT64_C(0x7777) << 32;
	assert_int_equal(kvm_calls_real.ioctl(NULL, fd, KVM_SET_MSRS, "KVM_SET_MSRS", msrs), 1);
}

static int tampering_ioctl(void *ctx, int fd, unsigned long request, const char *name, void *arg)
{
	struct fixture *f = ctx;
	const struct kvm_userspace_memory_region *slot = arg;
	if (request == KVM_SET_CPUID2 && f->tamper.flip)
		tamper_with_cpuid(f, arg);
	if (request == KVM_X86_SET_MSR_FILTER && f->tamper.no_filter)
		return 0;
	if (request == KVM_SET_USER_MEMORY_REGION)
		f->tamper.ram = (uint8_t *)(uintptr_t)slot->userspace_addr;
	if (request == KVM_SET_REGS && f->tamper.runs_away)
		memcpy(f->tamper.ram + GUEST_CODE, "\xeb\xfe", 2); /* jmp . */
	if (request == KVM_RUN && f->tamper.msr)
		tamper_with_msr(f, fd);
	int rc = kvm_calls_real.ioctl(NULL, fd, request, name, arg);
	if (request == KVM_SET_CPUID2 && rc == 0)
		keep_cpuid(f, fd);
	return rc;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	*state = f;
	f->kept = calloc(PLAN_MAX_VCPUS, sizeof(*f->kept));
	if (!f->kept)
		return -1;
	f->calls = kvm_calls_real;
	f->calls.ioctl = tampering_ioctl;
	f->calls.ctx = f;
	if (kvm_open(&f->kvm, &f->calls, KVM_DEVICE_PATH, &f->e))
		return -1;
	return kvm_host_facts(f->kvm, &f->facts, &f->e);
}

static void forget_plan(struct fixture *f)
{
	verify_result_done(&f->result);
	machine_plan_done(&f->plan);
	vm_policy_destroy(f->policy);
	config_destroy(f->config);
	f->policy = NULL;
	f->config = NULL;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	forget_plan(f);
	kvm_close(f->kvm);
	free(f->kept);
	free(f);
	return 0;
}

static void require(const struct fixture *f, int rc)
{
	if (rc)
		fail_msg("%d: %s", rc, f->e.msg);
}

static void make_plan(struct fixture *f, const char *toml)
{
	const struct vm_config *vm;
	forget_plan(f);
	f->plan = (struct machine_plan){ 0 };
	f->config = config_create();
	assert_non_null(f->config);
	require(f, config_load_text(f->config, toml, strlen(toml), "test", NULL, &f->e));
	require(f, config_finish_policy(f->config, &vm, &f->e));
	require(f, vm_policy_create(&f->policy, f->config, vm, NULL, NULL, &f->facts, &f->e));
	require(f, plan_machine(vm, vm_policy_get(f->policy), &f->facts, NULL, &f->plan, &f->e));
}

static void print_differences(const struct verify_result *r)
{
	for (size_t i = 0; i < r->nr_differences && i < 64; i++) {
		const struct verify_difference *d = &r->differences[i];
		print_message("vCPU %u: %s %#x.%u %s: promised %#" PRIx64 "%s, seen %#" PRIx64
			      "%s\n",
			d->vcpu, d->is_msr ? d->write ? "WRMSR" : "RDMSR" : "CPUID", d->leaf,
			d->subleaf, d->is_msr ? "" : cpuid_reg_name(d->reg), d->promised,
			d->promised_fault ? " #GP" : "", d->seen, d->seen_fault ? " #GP" : "");
	}
}

/* The differences of vCPU i's CPUID are those that KVM says itself. *at: in the result, moved on.
 */
static void assert_explained(const struct fixture *f, unsigned i, size_t *at)
{
	const struct cpuid_vcpu_state state = { .apic_enabled = true, .xcr0 = 1 };
	const struct verify_result *r = &f->result;
	struct request_list list = { 0 };
	struct cpuid_table table;
	struct err e = ERR_INIT;
	assert_int_equal(plan_vcpu_cpuid(&f->plan, i, &table, &e), 0);
	assert_int_equal(request_list_cpuid(&list, &table, &f->kept[i], &state, &e), 0);
	for (size_t k = 0; k < list.nr; k++) {
		const struct verify_request *want = &list.items[k];
		const uint32_t *kept = want->kept_reg;
		for (unsigned reg = 0; reg < 4; reg++) {
			if (kept[reg] == want->promised_reg[reg])
				continue;
			assert_true(*at < r->nr_differences);
			const struct verify_difference *d = &r->differences[(*at)++];
			assert_int_equal(d->vcpu, i);
			assert_int_equal(d->leaf, want->index);
			assert_int_equal(d->subleaf, want->subleaf);
			assert_int_equal(d->reg, reg);
			assert_int_equal(d->promised, want->promised_reg[reg]);
			assert_int_equal(d->seen, kept[reg]);
			assert_true(d->rewritten_by_kvm);
		}
	}
	request_list_done(&list);
}

/* Runs; the MSRs that differ are left in the result, as are the leaves that KVM rewrote. */
static void run(struct fixture *f)
{
	verify_result_done(&f->result);
	f->nr_kept = 0;
	require(f, verify_run(f->kvm, &f->plan, NULL, &f->result, &f->e));
	assert_int_equal(f->result.nr_vcpus, f->plan.nr_vcpus);
	assert_int_equal(f->nr_kept, f->plan.nr_vcpus);
	assert_true(f->result.nr_leaves >= f->plan.nr_vcpus * f->plan.cpu.table.nr_entries);
}

static unsigned count_msr_differences(const struct fixture *f)
{
	unsigned n = 0;
	for (size_t i = 0; i < f->result.nr_differences; i++)
		n += f->result.differences[i].is_msr;
	return n;
}

/* The guest sees what the policy promises, but for leaves of which KVM says that it rewrote them.
 */
static void assert_only_kvms_own(struct fixture *f, const char *toml)
{
	size_t at = 0;
	if (count_msr_differences(f)) {
		print_differences(&f->result);
		fail_msg("MSRs differ with\n%s", toml);
	}
	for (unsigned i = 0; i < f->plan.nr_vcpus; i++)
		assert_explained(f, i, &at);
	if (at != f->result.nr_differences) {
		print_differences(&f->result);
		fail_msg("%zu differences, of which KVM explains %zu, with\n%s",
			f->result.nr_differences, at, toml);
	}
}

static void assert_kept(struct fixture *f, const char *toml)
{
	make_plan(f, toml);
	run(f);
	print_message("%u vCPUs, %u leaves and %u MSR accesses compared, %u not; "
		      "KVM rewrote %zu registers\n",
		f->result.nr_vcpus, f->result.nr_leaves, f->result.nr_msr_accesses,
		f->result.nr_not_compared, f->result.nr_differences);
	assert_only_kvms_own(f, toml);
}

static void verify__empty_policy__is_kept(void **state)
{
	assert_kept(*state, "");
}

static void verify__host_on_six_vcpus_of_two_sockets__is_kept(void **state)
{
	assert_kept(*state, "[cpu]\nmodel = \"host\"\nsockets = 2\ncores = 3\nthreads = 1\n");
}

static void verify__dies_and_threads__is_kept(void **state)
{
	assert_kept(*state, "[cpu]\nsockets = 1\ndies = 2\ncores = 2\nthreads = 2\n");
}

static void verify__model_max_and_split_irqchip__is_kept(void **state)
{
	assert_kept(*state, "[cpu]\nmodel = \"max\"\n[machine]\nirqchip = \"split\"\n");
}

static void verify__psabi_models__are_kept(void **state)
{
	assert_kept(*state, "[cpu]\nmodel = \"x86-64-v1\"\non_missing = \"drop\"\n");
	assert_kept(*state, "[cpu]\nmodel = \"x86-64-v4\"\non_missing = \"drop\"\n");
}

static void verify__named_model_with_signature_and_brand__is_kept(void **state)
{
	assert_kept(*state, "[cpu]\nmodel = \"Nehalem\"\non_missing = \"drop\"\nstepping = 7\n"
			    "brand = \"a processor of this policy\"\n");
}

static void verify__features_on_and_off__is_kept(void **state)
{
	assert_kept(*state,
		"[cpu]\nmodel = \"host\"\non_missing = \"drop\"\n"
		"features = [\"-sse4.2\", \"-xsave\", \"+monitor\", \"-kvmclock\", \"+invtsc\"]\n");
}

static void verify__other_vendor__is_kept(void **state)
{
	assert_kept(*state, "[cpu]\nmodel = \"host\"\nvendor = \"AuthenticAMD\"\n"
			    "on_missing = \"drop\"\n");
}

static void verify__no_hypervisor__is_kept(void **state)
{
	assert_kept(*state, "[cpu]\nhypervisor = \"none\"\nvcpus = 2\n");
}

static void verify__hyperv_leaves__are_kept(void **state)
{
	/* Where this KVM has none of Hyper-V's interface, no leaf of it is promised. */
	assert_kept(*state, "[cpu]\nhypervisor = \"hyperv\"\non_missing = \"drop\"\n");
}

static void verify__raw_leaf_rules__are_kept(void **state)
{
	assert_kept(*state, "[cpu]\n"
			    "[[cpu.leaves]]\nleaf = 0x80000005\nregister = \"ecx\"\n"
			    "mask = \"10100101xxxxxxxxxxxxxxxx11110000\"\n"
			    "[[cpu.leaves]]\nleaf = 0x14\nsubleaf = 1\nregister = \"eax\"\n"
			    "mask = \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxx101\"\n");
}

static void verify__older_operating_systems_and_small_addresses__is_kept(void **state)
{
	assert_kept(*state, "[cpu]\ncompatibility_for_older_operating_systems = true\n"
			    "phys_bits = 36\ncache = \"none\"\n");
}

static void verify__minimum_feature_set__is_kept(void **state)
{
	assert_kept(*state, "[cpu]\ncompatibility_for_migration_enabled = true\n"
			    "compatibility_for_migration_mode = \"minimum_feature_set\"\n");
}

static void verify__msrs_denied_read_as_and_ignored__is_kept(void **state)
{
	struct fixture *f = *state;
	assert_kept(f, "[cpu]\nvcpus = 2\n[msr]\nrules = [\n"
		       "{ first = 0x200, last = 0x20f, action = \"deny\" },\n"
		       "{ index = 0xce, action = \"read-as\", value = 0x1122334455667788 },\n"
		       "{ index = 0x277, action = \"ignore-write\" },\n"
		       "{ index = 0x12345, action = \"ignore-write\" },\n"
		       "]\n");
	assert_true(f->result.nr_msr_accesses >= 2 * (16 * 2 + 1 + 1 + 1));
}

static void verify__msr_default_is_deny__is_kept(void **state)
{
	struct fixture *f = *state;
	assert_kept(f, "[msr]\ndefault = \"deny\"\nrules = [\n"
		       "{ index = 0x1a0, action = \"allow\" },\n"
		       "{ first = 0x174, last = 0x176, action = \"allow\" },\n"
		       "{ index = 0xce, action = \"read-as\", value = 5 },\n"
		       "]\n");
	assert_true(f->result.nr_msr_accesses > 30);
}

static void verify__logged_msr__is_carried_out_and_kept(void **state)
{
	assert_kept(*state, "[msr]\nrules = [{ index = 0x1a0, action = \"log\" }]\n");
}

static void verify__microcode_revision__is_kept(void **state)
{
	assert_kept(*state,
		"[[msr.bits]]\nindex = 0x8b\n"
		"mask = "
		"\"0000000000000000000000000001001000000000000000000000000000000000\"\n");
}

static void verify__one_cpuid_bit_is_not_as_promised__exactly_that_is_found(void **state)
{
	struct fixture *f = *state;
	unsigned found = 0;
	f->tamper.leaf = 0x80000001;
	f->tamper.reg = CPUID_ECX;
	f->tamper.flip = 1;
	make_plan(f, "[cpu]\nvcpus = 2\n");
	run(f);
	assert_only_kvms_own(f, "one bit flipped on the way to KVM");
	for (size_t i = 0; i < f->result.nr_differences; i++) {
		const struct verify_difference *d = &f->result.differences[i];
		if (d->leaf != 0x80000001)
			continue;
		found |= 1u << d->vcpu;
		assert_int_equal(d->reg, CPUID_ECX);
		assert_int_equal(d->promised ^ d->seen, 1);
	}
	assert_int_equal(found, 3);
}

/* The MSR's only difference in that direction, or NULL. */
static const struct verify_difference *find_msr(const struct fixture *f, uint32_t msr, bool write)
{
	const struct verify_difference *found = NULL;
	for (size_t i = 0; i < f->result.nr_differences; i++) {
		const struct verify_difference *d = &f->result.differences[i];
		if (!d->is_msr || d->leaf != msr || d->write != write)
			continue;
		assert_null(found);
		found = d;
	}
	return found;
}

static void verify__msr_filter_is_not_there__the_denied_msr_is_found(void **state)
{
	struct fixture *f = *state;
	f->tamper.no_filter = true;
	make_plan(f, "[msr]\nrules = [{ index = 0x277, action = \"deny\" }]\n");
	run(f);
	for (unsigned write = 0; write < 2; write++) {
		const struct verify_difference *d = find_msr(f, 0x277, write);
		assert_non_null(d);
		assert_true(d->promised_fault);
		assert_false(d->seen_fault);
	}
	assert_true(find_msr(f, 0x277, false)->seen == UINT64_C(0x0007040600070406)); /* PAT */
}

static void verify__ignored_write_is_not_stopped__is_found(void **state)
{
	struct fixture *f = *state;
	f->tamper.no_filter = true;
	make_plan(f, "[msr]\nrules = [{ index = 0x174, action = \"ignore-write\" }]\n");
	run(f);
	const struct verify_difference *d = find_msr(f, 0x174, true);
	assert_non_null(d);
	assert_int_equal(d->promised, 0);
	assert_int_equal(d->seen, 1);
}

static void verify__set_msr_is_not_as_promised__exactly_that_is_found(void **state)
{
	struct fixture *f = *state;
	f->tamper.msr = 0x8b;
	make_plan(f, "[[msr.bits]]\nindex = 0x8b\nmask = "
		     "\"0000000000000000000000000001001000000000000000000000000000000000\"\n");
	run(f);
	const struct verify_difference *d = find_msr(f, 0x8b, false);
	assert_int_equal(count_msr_differences(f), 1);
	assert_non_null(d);
	assert_true(d->promised == UINT64_C(0x12) << 32);
	assert_true(d->seen == UINT64_C(0x7777) << 32);
}

static void verify__guest_runs_away__is_stopped_in_time(void **state)
{
	struct fixture *f = *state;
	f->tamper.runs_away = true;
	make_plan(f, "");
	int rc = verify_run_bounded(f->kvm, &f->plan, NULL, 200, &f->result, &f->e);
	assert_int_equal(rc, -ETIMEDOUT);
	assert_contains(f->e.msg, "vCPU 0, at CPUID 0.0 (request 1 of ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(verify__empty_policy__is_kept),
		TEST(verify__host_on_six_vcpus_of_two_sockets__is_kept),
		TEST(verify__dies_and_threads__is_kept),
		TEST(verify__model_max_and_split_irqchip__is_kept),
		TEST(verify__psabi_models__are_kept),
		TEST(verify__named_model_with_signature_and_brand__is_kept),
		TEST(verify__features_on_and_off__is_kept),
		TEST(verify__other_vendor__is_kept),
		TEST(verify__no_hypervisor__is_kept),
		TEST(verify__hyperv_leaves__are_kept),
		TEST(verify__raw_leaf_rules__are_kept),
		TEST(verify__older_operating_systems_and_small_addresses__is_kept),
		TEST(verify__minimum_feature_set__is_kept),
		TEST(verify__msrs_denied_read_as_and_ignored__is_kept),
		TEST(verify__msr_default_is_deny__is_kept),
		TEST(verify__logged_msr__is_carried_out_and_kept),
		TEST(verify__microcode_revision__is_kept),
		TEST(verify__one_cpuid_bit_is_not_as_promised__exactly_that_is_found),
		TEST(verify__msr_filter_is_not_there__the_denied_msr_is_found),
		TEST(verify__ignored_write_is_not_stopped__is_found),
		TEST(verify__set_msr_is_not_as_promised__exactly_that_is_found),
		TEST(verify__guest_runs_away__is_stopped_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
