/* SPDX-License-Identifier: MIT */
/* Hyper-V enlightenments: names, requirements, hosts, and the leaves that they make. */
#include "fake/cmocka.h"
#include "fake/hosts.h"

#include "cpuid/baseline.h"
#include "nesting/hyperv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_ASKED 40

struct fixture {
	struct host_facts host;
	struct cpu_policy policy;
	struct policy_feature asked[MAX_ASKED];
	char origins[MAX_ASKED][16];
	bool expose;
	struct hyperv_leaves *leaves;
	struct err e;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	host_intel(&f->host, true);
	host_give_hyperv(&f->host, true);
	f->expose = true;
	f->policy.topology = (struct policy_topology){ 1, 1, 1, 1 };
	f->policy.hyperv_features = f->asked;
	f->policy.knob_origin = "vm.toml:1:1";
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	free(f->leaves);
	free(f);
	return 0;
}

/* "+hv-synic", which then stands in a line of its own: 10 for the first. */
static void ask(struct fixture *f, const char *text)
{
	size_t i = f->policy.nr_hyperv_features++;
	(void)snprintf(f->origins[i], sizeof(f->origins[i]), "vm.toml:%zu:1", 10 + i);
	f->asked[i] = (struct policy_feature){ text + 1, text[0] == '+', f->origins[i] };
}

static int make(struct fixture *f)
{
	free(f->leaves);
	f->e = (struct err)ERR_INIT;
	return hyperv_leaves_create(&f->leaves, &f->policy, &f->host, f->expose, &f->e);
}

static void must_make(struct fixture *f)
{
	if (make(f))
		fail_msg("%s", f->e.msg);
	assert_non_null(f->leaves);
}

/* A register of the leaves: later bits win. */
static uint32_t value(const struct fixture *f, uint32_t leaf, enum cpuid_reg reg)
{
	uint32_t v = 0;
	for (unsigned i = 0; i < f->leaves->nr_bits; i++) {
		const struct hyperv_bits *b = &f->leaves->bits[i];
		if (b->leaf == leaf && b->reg == reg)
			v = (v & ~b->mask) | (b->value & b->mask);
	}
	return v;
}

/* Who decided a bit last. */
static const struct hyperv_bits *decided(
	const struct fixture *f, uint32_t leaf, enum cpuid_reg reg, unsigned bit)
{
	const struct hyperv_bits *last = NULL;
	for (unsigned i = 0; i < f->leaves->nr_bits; i++) {
		const struct hyperv_bits *b = &f->leaves->bits[i];
		if (b->leaf == leaf && b->reg == reg && b->mask >> bit & 1)
			last = b;
	}
	return last;
}

static uint32_t max_leaf(const struct fixture *f)
{
	return value(f, 0x40000000, CPUID_EAX);
}

/* A feature and all that it needs, by the data. */
static void ask_with_needs(struct fixture *f, size_t feature)
{
	size_t n;
	bool need[64] = { 0 };
	const struct hyperv_feature *all = hyperv_features(&n);
	need[feature] = true;
	for (size_t round = 0; round < n; round++) {
		for (size_t i = 0; i < n; i++) {
			for (unsigned k = 0; need[i] && k < all[i].nr_requires; k++)
				need[all[i].requires[k].feature] = true;
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (!need[i])
			continue;
		ask(f, "+");
		struct policy_feature *asked = &f->asked[f->policy.nr_hyperv_features - 1];
		asked->name = all[i].name;
		asked->on = true;
		if (all[i].kind == HYPERV_NUMBER)
			f->policy.hyperv_spinlock_retries =
				(struct policy_number){ true, 0x1fff, NULL };
	}
}

static void hyperv_features__every_one__sets_its_bits_and_those_of_its_needs_alone(void **state)
{
	struct fixture *f = *state;
	size_t n;
	const struct hyperv_feature *all = hyperv_features(&n);
	assert_true(n >= 23);
	for (size_t i = 0; i < n && all[i].kind != HYPERV_REFUSED; i++) {
		f->policy.nr_hyperv_features = 0;
		f->policy.hyperv_spinlock_retries = (struct policy_number){ 0 };
		ask_with_needs(f, i);
		must_make(f);
		assert_int_equal(f->leaves->nr_notes, 0);
		uint32_t expected[11][4] = { { 0 } };
		expected[3][CPUID_EAX] = 1u << 5;
		expected[4][CPUID_EBX] = UINT32_MAX;
		for (size_t k = 0; k < f->policy.nr_hyperv_features; k++) {
			const struct hyperv_feature *has = hyperv_feature_find(f->asked[k].name);
			for (unsigned p = 0; p < has->nr_places; p++) {
				const struct hyperv_place *at = &has->places[p];
				uint32_t *reg = &expected[at->leaf - 0x40000000][at->reg];
				*reg = has->kind == HYPERV_NUMBER ? 0x1fff : *reg | at->value;
			}
		}
		static const uint32_t told[] = { 3, 4, 10 };
		for (size_t k = 0; k < ARRAY_SIZE(told); k++) {
			for (unsigned r = 0; r < 4; r++)
				assert_int_equal(value(f, 0x40000000 + told[k], (enum cpuid_reg)r),
					expected[told[k]][r]);
		}
		bool nested = expected[10][CPUID_EAX] != 0;
		assert_int_equal(max_leaf(f), nested ? 0x4000000a : 0x40000005);
	}
}

/* The bits of the TLFS, not taken from the data. */
static void hyperv_features__bits__are_those_of_the_specification(void **state)
{
	static const struct {
		const char *name;
		uint32_t leaf;
		enum cpuid_reg reg;
		uint32_t mask;
	} rows[] = {
		{ "hv-runtime", 3, CPUID_EAX, 1u << 0 },
		{ "hv-time", 3, CPUID_EAX, 1u << 1 | 1u << 9 },
		{ "hv-synic", 3, CPUID_EAX, 1u << 2 },
		{ "hv-synic", 3, CPUID_EBX, 1u << 4 | 1u << 5 },
		{ "hv-stimer", 3, CPUID_EAX, 1u << 3 },
		{ "hv-vapic", 3, CPUID_EAX, 1u << 4 },
		{ "hv-vpindex", 3, CPUID_EAX, 1u << 6 },
		{ "hv-reset", 3, CPUID_EAX, 1u << 7 },
		{ "hv-frequencies", 3, CPUID_EAX, 1u << 11 },
		{ "hv-frequencies", 3, CPUID_EDX, 1u << 8 },
		{ "hv-reenlightenment", 3, CPUID_EAX, 1u << 13 },
		{ "hv-xmm-input", 3, CPUID_EDX, 1u << 4 },
		{ "hv-crash", 3, CPUID_EDX, 1u << 10 },
		{ "hv-tlbflush-ext", 3, CPUID_EDX, 1u << 14 },
		{ "hv-stimer-direct", 3, CPUID_EDX, 1u << 19 },
		{ "hv-tlbflush", 4, CPUID_EAX, 1u << 2 | 1u << 11 },
		{ "hv-vapic", 4, CPUID_EAX, 1u << 3 },
		{ "hv-relaxed", 4, CPUID_EAX, 1u << 5 },
		{ "hv-avic", 4, CPUID_EAX, 1u << 9 },
		{ "hv-ipi", 4, CPUID_EAX, 1u << 10 | 1u << 11 },
		{ "hv-evmcs", 4, CPUID_EAX, 1u << 14 },
		{ "hv-no-nonarch-coresharing", 4, CPUID_EAX, 1u << 18 },
		{ "hv-spinlocks", 4, CPUID_EBX, UINT32_MAX },
		{ "hv-evmcs", 10, CPUID_EAX, 0xffff },
		{ "hv-tlbflush-direct", 10, CPUID_EAX, 1u << 17 },
		{ "hv-emsr-bitmap", 10, CPUID_EAX, 1u << 19 },
	};
	(void)state;
	size_t n, places = 0;
	const struct hyperv_feature *all = hyperv_features(&n);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct hyperv_feature *f = hyperv_feature_find(rows[i].name);
		assert_non_null(f);
		bool found = false;
		for (unsigned k = 0; k < f->nr_places; k++)
			found |= f->places[k].leaf == 0x40000000 + rows[i].leaf &&
				 f->places[k].reg == rows[i].reg &&
				 f->places[k].mask == rows[i].mask;
		if (!found)
			fail_msg("%s: leaf %u has other bits", rows[i].name, rows[i].leaf);
	}
	for (size_t i = 0; i < n; i++)
		places += all[i].nr_places;
	assert_int_equal(places, ARRAY_SIZE(rows));
}

static void hyperv_features__all_that_are_offered__are_in_the_manual(void **state)
{
	(void)state;
	size_t n, size = 0;
	unsigned missing = 0;
	const struct hyperv_feature *all = hyperv_features(&n);
	bool found[64] = { 0 };
	char *line = NULL;
	FILE *f = fopen(NESTOR_SOURCE_DIR "/man/nestor.toml.5", "re");
	assert_non_null(f);
	while (getline(&line, &size, f) > 0) {
		for (size_t i = 0; i < n; i++) {
			size_t bytes = strlen(all[i].name);
			found[i] |= strncmp(line, ".It ", 4) == 0 &&
				    strncmp(line + 4, all[i].name, bytes) == 0 &&
				    line[4 + bytes] == ' ';
		}
	}
	free(line);
	assert_int_equal(fclose(f), 0);
	for (size_t i = 0; i < n; i++) {
		if (!found[i] && all[i].kind != HYPERV_REFUSED) {
			print_error("%s\n", all[i].name);
			missing++;
		}
	}
	assert_int_equal(missing, 0);
}

static void leaves__one_enlightenment__the_frame_is_exact(void **state)
{
	struct fixture *f = *state;
	ask(f, "+hv-relaxed");
	must_make(f);
	uint32_t vendor[3] = { value(f, 0x40000000, CPUID_EBX), value(f, 0x40000000, CPUID_ECX),
		value(f, 0x40000000, CPUID_EDX) };
	assert_int_equal(max_leaf(f), 0x40000005);
	assert_memory_equal(vendor, "Microsoft Hv", 12);
	assert_int_equal(value(f, 0x40000001, CPUID_EAX), 0x31237648);
	assert_int_equal(value(f, 0x40000002, CPUID_EAX), 14393);
	assert_int_equal(value(f, 0x40000002, CPUID_EBX), 10 << 16);
	assert_int_equal(value(f, 0x40000003, CPUID_EAX), 1 << 5);
	assert_int_equal(value(f, 0x40000004, CPUID_EAX), 1 << 5);
	assert_int_equal(value(f, 0x40000004, CPUID_EBX), UINT32_MAX);
	assert_int_equal(value(f, 0x40000005, CPUID_EAX), 64);
	assert_int_equal(value(f, 0x40000005, CPUID_EBX), 64);
	assert_string_equal(decided(f, 0x40000004, CPUID_EAX, 5)->rule, "HV-06");
	assert_string_equal(decided(f, 0x40000004, CPUID_EAX, 5)->origin, "vm.toml:10:1");
	assert_string_equal(decided(f, 0x40000004, CPUID_EAX, 5)->detail, "hv-relaxed");
	assert_string_equal(decided(f, 0x40000004, CPUID_EAX, 4)->rule, "HV-01");
	assert_string_equal(decided(f, 0x40000003, CPUID_EAX, 5)->rule, "HV-04");
}

static void leaves__every_register_of_every_leaf__is_decided_by_a_known_rule(void **state)
{
	struct fixture *f = *state;
	size_t n;
	const struct cpu_rule *rules = hyperv_rules(&n);
	f->policy.hyperv_recommended = true;
	must_make(f);
	assert_int_equal(max_leaf(f), 0x4000000a);
	for (uint32_t leaf = 0x40000000; leaf <= 0x4000000a; leaf++) {
		for (unsigned bit = 0; bit < 128; bit++)
			assert_non_null(decided(f, leaf, (enum cpuid_reg)(bit / 32), bit % 32));
	}
	for (unsigned i = 0; i < f->leaves->nr_bits; i++) {
		const struct hyperv_bits *b = &f->leaves->bits[i];
		bool known = false;
		for (size_t k = 0; k < n; k++)
			known |= strcmp(rules[k].id, b->rule) == 0;
		assert_true(known);
		assert_int_equal(b->value & ~b->mask, 0);
		assert_in_range(b->leaf, 0x40000000, 0x4000000a);
	}
}

static void leaves__nothing_asked__none_and_no_error(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(make(f), 0);
	assert_null(f->leaves);
	ask(f, "-hv-relaxed");
	ask(f, "-hv-syndbg");
	assert_int_equal(make(f), 0);
	assert_null(f->leaves);
}

static void leaves__many_vcpus__the_limit_follows(void **state)
{
	struct fixture *f = *state;
	ask(f, "+hv-vpindex");
	f->policy.topology = (struct policy_topology){ 2, 1, 60, 2 };
	must_make(f);
	assert_int_equal(value(f, 0x40000005, CPUID_EAX), 240);
}

static void vendor_id__given__padded_with_zeros(void **state)
{
	struct fixture *f = *state;
	ask(f, "+hv-vpindex");
	f->policy.hyperv_vendor_id = (struct policy_text){ "nestor", "vm.toml:3:1" };
	must_make(f);
	assert_int_equal(value(f, 0x40000000, CPUID_EBX), 0x7473656e);
	assert_int_equal(value(f, 0x40000000, CPUID_ECX), 0x726f);
	assert_int_equal(value(f, 0x40000000, CPUID_EDX), 0);
	assert_string_equal(decided(f, 0x40000000, CPUID_EBX, 0)->rule, "HV-02");
	f->policy.hyperv_vendor_id.text = "thirteen char";
	assert_int_equal(make(f), -EINVAL);
	f->policy.hyperv_vendor_id.text = "";
	assert_int_equal(make(f), -EINVAL);
	assert_contains(f->e.msg, "vm.toml:3:1: hyperv.vendor_id: expected 1 to 12 characters");
}

static void vendor_id__without_leaves__refused(void **state)
{
	struct fixture *f = *state;
	f->policy.hyperv_vendor_id = (struct policy_text){ "nestor", "vm.toml:3:1" };
	assert_int_equal(make(f), -EINVAL);
	assert_contains(f->e.msg, "vm.toml:3:1: hyperv.vendor_id has no effect");
	f->policy.hypervisor_given = true;
	f->policy.hypervisor = CPU_HYPERVISOR_NONE;
	assert_int_equal(make(f), -EINVAL);
	f->policy.hypervisor = CPU_HYPERVISOR_HYPERV;
	must_make(f);
}

/* Every feature without each single requirement: refused, with both names. */
static void requires__each_requirement_left_out__refused_with_both_names(void **state)
{
	struct fixture *f = *state;
	size_t n;
	unsigned checked = 0;
	const struct hyperv_feature *all = hyperv_features(&n);
	for (size_t i = 0; i < n; i++) {
		for (unsigned k = 0; k < all[i].nr_requires; k++) {
			const char *gone = all[all[i].requires[k].feature].name;
			f->policy.nr_hyperv_features = 0;
			ask_with_needs(f, i);
			for (size_t a = 0; a < f->policy.nr_hyperv_features; a++) {
				if (strcmp(f->asked[a].name, gone) == 0)
					f->asked[a] = f->asked[--f->policy.nr_hyperv_features];
			}
			assert_int_equal(make(f), -EINVAL);
			assert_null(f->leaves);
			assert_int_equal(f->e.kind, ERR_CONFIG);
			char text[160];
			(void)snprintf(text, sizeof(text), "+%s needs %s: add \"+%s\"", all[i].name,
				gone, gone);
			assert_contains(f->e.msg, text);
			checked++;
		}
	}
	assert_true(checked >= 15);
}

static void requires__left_out_by_name__refused_with_both_lines(void **state)
{
	struct fixture *f = *state;
	ask(f, "+hv-synic");
	ask(f, "-hv_vpindex");
	assert_int_equal(make(f), -EINVAL);
	assert_contains(f->e.msg, "vm.toml:10:1: hyperv.features: +hv-synic needs hv-vpindex, but "
				  "-hv_vpindex at vm.toml:11:1");
}

static void requires__of_the_other_vendor__does_not_apply(void **state)
{
	struct fixture *f = *state;
	host_amd(&f->host, true);
	host_give_hyperv(&f->host, false);
	ask(f, "+hv-emsr-bitmap");
	ask(f, "+hv-vapic");
	ask(f, "+hv-tlbflush-direct");
	must_make(f);
	assert_int_equal(f->leaves->nr_notes, 0);
	assert_int_equal(value(f, 0x4000000a, CPUID_EAX), 1u << 19 | 1u << 17);
	assert_false(f->leaves->caps.evmcs);
}

static void names__unknown__refused_with_the_nearest(void **state)
{
	static const char *const rows[][2] = {
		{ "hv-sinic", "did you mean hv-synic?" },
		{ "relaxed", "did you mean hv-relaxed?" },
		{ "tlbflush_ext", "did you mean hv-tlbflush-ext?" },
		{ "apicv", "did you mean hv-avic?" },
		{ "zzzzzzzzzzzz", "unknown enlightenment zzzzzzzzzzzz" },
	};
	struct fixture *f = *state;
	char text[64];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		f->policy.nr_hyperv_features = 0;
		(void)snprintf(text, sizeof(text), "+%s", rows[i][0]);
		ask(f, text);
		assert_int_equal(make(f), -EINVAL);
		assert_contains(f->e.msg, rows[i][1]);
		assert_contains(f->e.msg, "vm.toml:10:1: hyperv.features: unknown");
	}
	char longest[200];
	(void)memset(longest, 'h', sizeof(longest) - 1);
	longest[0] = '+';
	longest[sizeof(longest) - 1] = '\0';
	f->policy.nr_hyperv_features = 0;
	ask(f, longest);
	assert_int_equal(make(f), -EINVAL);
}

static void names__qemus_that_are_not_offered__refused_with_the_reason(void **state)
{
	struct fixture *f = *state;
	size_t n, refused = 0;
	char text[64];
	const struct hyperv_feature *all = hyperv_features(&n);
	for (size_t i = 0; i < n; i++) {
		if (all[i].kind != HYPERV_REFUSED)
			continue;
		f->policy.nr_hyperv_features = 0;
		(void)snprintf(text, sizeof(text), "+%s", all[i].name);
		ask(f, text);
		assert_int_equal(make(f), -EINVAL);
		assert_contains(f->e.msg, all[i].note);
		refused++;
	}
	assert_true(refused >= 3);
}

static void names__alias_and_underscores__are_the_same_feature(void **state)
{
	(void)state;
	assert_ptr_equal(hyperv_feature_find("hv-apicv"), hyperv_feature_find("hv-avic"));
	assert_ptr_equal(hyperv_feature_find("hv_apicv"), hyperv_feature_find("hv-avic"));
	assert_ptr_equal(
		hyperv_feature_find("hv_tlbflush_ext"), hyperv_feature_find("hv-tlbflush-ext"));
	assert_null(hyperv_feature_find("hv-tlb"));
	assert_null(hyperv_feature_find("hv-tlbflush-ex"));
	assert_null(hyperv_feature_find("hv-apicvv"));
	assert_null(hyperv_feature_find(""));
}

static void features__on_and_off__refused_with_both_lines(void **state)
{
	struct fixture *f = *state;
	ask(f, "+hv-apicv");
	ask(f, "+hv-relaxed");
	ask(f, "-hv-avic");
	assert_int_equal(make(f), -EINVAL);
	assert_contains(f->e.msg,
		"vm.toml:12:1: hyperv.features: -hv-avic contradicts +hv-apicv at "
		"vm.toml:10:1");
	f->policy.nr_hyperv_features = 0;
	ask(f, "+hv-relaxed");
	ask(f, "+hv-relaxed");
	must_make(f);
}

static void features__several_faults__all_are_named(void **state)
{
	struct fixture *f = *state;
	ask(f, "+hv-synik");
	ask(f, "+hv-syndbg");
	ask(f, "+hv-spinlocks");
	f->policy.hyperv_vendor_id = (struct policy_text){ "much too long", "vm.toml:3:1" };
	assert_int_equal(make(f), -EINVAL);
	assert_contains(f->e.msg, "vm.toml:10:1");
	assert_contains(f->e.msg, "vm.toml:11:1");
	assert_contains(f->e.msg, "vm.toml:12:1");
	assert_contains(f->e.msg, "vm.toml:3:1");
}

static void hypervisor_none__with_enlightenments__refused_with_both_lines(void **state)
{
	struct fixture *f = *state;
	ask(f, "+hv-relaxed");
	f->policy.hypervisor_given = true;
	f->policy.hypervisor = CPU_HYPERVISOR_NONE;
	f->policy.hypervisor_origin = "vm.toml:5:1";
	assert_int_equal(make(f), -EINVAL);
	assert_contains(f->e.msg, "vm.toml:10:1: hyperv.features: +hv-relaxed contradicts "
				  "cpu.hypervisor = \"none\" at vm.toml:5:1");
	f->policy.nr_hyperv_features = 0;
	f->policy.hyperv_recommended = true;
	assert_int_equal(make(f), 0);
	assert_null(f->leaves);
}

static void hypervisor_of_a_model_file__counts_where_the_vm_is_silent(void **state)
{
	struct fixture *f = *state;
	const struct cpu_policy base = { .hypervisor_given = true,
		.hypervisor = CPU_HYPERVISOR_NONE };
	f->policy.base = &base;
	ask(f, "+hv-relaxed");
	assert_int_equal(make(f), -EINVAL);
	f->policy.hypervisor_given = true;
	f->policy.hypervisor = CPU_HYPERVISOR_KVM;
	must_make(f);
}

static void hypervisor_hyperv__alone__has_vpindex_unless_left_out(void **state)
{
	struct fixture *f = *state;
	f->policy.hypervisor_given = true;
	f->policy.hypervisor = CPU_HYPERVISOR_HYPERV;
	must_make(f);
	assert_int_equal(value(f, 0x40000003, CPUID_EAX), 1 << 5 | 1 << 6);
	assert_string_equal(decided(f, 0x40000003, CPUID_EAX, 6)->rule, "HV-07");
	ask(f, "-hv-vpindex");
	must_make(f);
	assert_int_equal(value(f, 0x40000003, CPUID_EAX), 1 << 5);
	assert_string_equal(decided(f, 0x40000003, CPUID_EAX, 6)->rule, "HV-06");
}

static void nested__knob_off__refused_with_both_lines(void **state)
{
	struct fixture *f = *state;
	f->expose = false;
	ask(f, "+hv-vapic");
	ask(f, "+hv-evmcs");
	assert_int_equal(make(f), -EINVAL);
	assert_contains(f->e.msg, "vm.toml:11:1: hyperv.features: +hv-evmcs is for a guest "
				  "hypervisor");
	assert_contains(f->e.msg, "is false at vm.toml:1:1");
	f->expose = true;
	must_make(f);
	assert_int_equal(value(f, 0x4000000a, CPUID_EAX), 0x101);
	assert_true(f->leaves->caps.evmcs);
}

static void spinlocks__number_and_feature__agree_or_are_refused(void **state)
{
	struct fixture *f = *state;
	ask(f, "+hv-spinlocks");
	assert_int_equal(make(f), -EINVAL);
	assert_contains(f->e.msg, "+hv-spinlocks needs hyperv.spinlock_retries");
	f->policy.hyperv_spinlock_retries = (struct policy_number){ true, 0xffe, "vm.toml:4:1" };
	assert_int_equal(make(f), -EINVAL);
	assert_contains(f->e.msg, "vm.toml:4:1: hyperv.spinlock_retries: expected");
	f->policy.hyperv_spinlock_retries.value = UINT64_C(0x100000000);
	assert_int_equal(make(f), -EINVAL);
	f->policy.hyperv_spinlock_retries.value = 0xfff;
	must_make(f);
	assert_int_equal(value(f, 0x40000004, CPUID_EBX), 0xfff);
	f->policy.nr_hyperv_features = 0; /* the number alone */
	must_make(f);
	assert_int_equal(value(f, 0x40000004, CPUID_EBX), 0xfff);
	assert_string_equal(decided(f, 0x40000004, CPUID_EBX, 0)->rule, "HV-11");
	ask(f, "-hv-spinlocks");
	assert_int_equal(make(f), -EINVAL);
	assert_contains(f->e.msg, "vm.toml:4:1: hyperv.spinlock_retries contradicts -hv-spinlocks "
				  "at vm.toml:10:1");
	f->policy.hyperv_spinlock_retries.value = UINT32_MAX; /* never notify: the same as off */
	assert_int_equal(make(f), 0);
	assert_null(f->leaves);
	f->policy.nr_hyperv_features = 0;
	assert_int_equal(make(f), 0);
	assert_null(f->leaves);
}

static void avic__with_vapic__takes_the_recommendation_back(void **state)
{
	struct fixture *f = *state;
	ask(f, "+hv-vapic");
	ask(f, "+hv-avic");
	must_make(f);
	assert_int_equal(value(f, 0x40000004, CPUID_EAX), 1 << 9);
	assert_int_equal(value(f, 0x40000003, CPUID_EAX) & 1 << 4, 1 << 4);
	assert_string_equal(decided(f, 0x40000004, CPUID_EAX, 3)->rule, "HV-12");
}

static void shared_bit__one_of_two_left_out__stays(void **state)
{
	struct fixture *f = *state;
	ask(f, "+hv-vpindex");
	ask(f, "+hv-ipi");
	ask(f, "-hv-tlbflush");
	must_make(f);
	assert_int_equal(value(f, 0x40000004, CPUID_EAX), 1 << 10 | 1 << 11);
}

static bool has_note(const struct fixture *f, bool missing, const char *text)
{
	for (unsigned i = 0; i < f->leaves->nr_notes; i++) {
		const struct hyperv_note *n = &f->leaves->notes[i];
		if (n->missing == missing && strstr(n->text, text))
			return true;
	}
	return false;
}

/* Each feature on a host that lacks just one of its bits. */
static void host__lacks_a_bit__feature_is_missing_and_dependants_go(void **state)
{
	struct fixture *f = *state;
	size_t n;
	const struct hyperv_feature *all = hyperv_features(&n);
	const struct host_facts whole = f->host;
	for (size_t i = 0; i < n; i++) {
		for (unsigned k = 0; all[i].kind != HYPERV_NUMBER && k < all[i].nr_places; k++) {
			const struct hyperv_place *p = &all[i].places[k];
			f->host = whole;
			cpuid_find(&f->host.hyperv, p->leaf, 0)->reg[p->reg] &= ~p->mask;
			f->policy.nr_hyperv_features = 0;
			ask_with_needs(f, i);
			must_make(f);
			assert_true(has_note(f, true, all[i].name));
			for (unsigned m = 0; m < all[i].nr_places && f->leaves->nr_bits; m++) {
				const struct hyperv_place *q = &all[i].places[m];
				if (q->leaf <= max_leaf(f))
					assert_int_not_equal(
						value(f, q->leaf, q->reg) & q->mask, q->mask);
			}
		}
	}
	f->host = whole;
	cpuid_find(&f->host.hyperv, 0x40000003, 0)->reg[CPUID_EAX] &= ~4u; /* no SynIC */
	f->policy.nr_hyperv_features = 0;
	ask_with_needs(f, (size_t)(hyperv_feature_find("hv-stimer-direct") - all));
	must_make(f);
	assert_true(has_note(f, true, "hv-synic (CPUID 0x40000003 EAX, bits 0x4)"));
	assert_true(has_note(f, false, "hv-stimer: dropped, as it needs hv-synic"));
	assert_true(has_note(f, false, "hv-stimer-direct: dropped, as it needs"));
	assert_false(f->leaves->caps.synic);
	assert_int_equal(value(f, 0x40000003, CPUID_EAX), 1 << 5 | 1 << 6 | 1 << 1 | 1 << 9);
	assert_string_equal(decided(f, 0x40000003, CPUID_EAX, 2)->rule, "HV-09");
	assert_string_equal(decided(f, 0x40000003, CPUID_EAX, 3)->rule, "HV-10");
}

static void host__evmcs_of_other_versions__is_missing(void **state)
{
	static const uint32_t versions[] = { 0x202, 0x000, 0x100, 0x001 };
	struct fixture *f = *state;
	ask(f, "+hv-vapic");
	ask(f, "+hv-evmcs");
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		cpuid_find(&f->host.hyperv, 0x4000000a, 0)->reg[CPUID_EAX] = versions[i];
		must_make(f);
		assert_true(has_note(f, true, "hv-evmcs"));
		assert_false(f->leaves->caps.evmcs);
		assert_int_equal(max_leaf(f), 0x40000005);
	}
	cpuid_find(&f->host.hyperv, 0x4000000a, 0)->reg[CPUID_EAX] = 0x301;
	must_make(f);
	assert_int_equal(f->leaves->nr_notes, 0);
	assert_int_equal(value(f, 0x4000000a, CPUID_EAX), 0x101); /* not the host's */
}

static void host__without_the_interface__all_is_missing_and_no_leaf_is_shown(void **state)
{
	struct fixture *f = *state;
	f->host.hyperv.nr_entries = 0;
	ask(f, "+hv-relaxed");
	must_make(f);
	assert_int_equal(f->leaves->nr_bits, 0);
	assert_true(has_note(f, true, "Hyper-V's interface"));
	assert_true(has_note(f, true, "hv-relaxed"));
	f->policy.nr_hyperv_features = 0;
	f->policy.hypervisor_given = true;
	f->policy.hypervisor = CPU_HYPERVISOR_HYPERV;
	f->policy.hypervisor_origin = "vm.toml:5:1";
	must_make(f);
	assert_int_equal(f->leaves->nr_notes, 1);
	assert_string_equal(f->leaves->notes[0].origin, "vm.toml:5:1");
	f->policy.hypervisor = CPU_HYPERVISOR_KVM;
	f->policy.hyperv_recommended = true; /* asks for nothing by name */
	must_make(f);
	assert_int_equal(f->leaves->nr_notes, 0);
	assert_int_equal(f->leaves->nr_bits, 0);
}

static void cluster__what_one_host_lacks__is_missing(void **state)
{
	struct fixture *f = *state;
	struct host_facts cluster = f->host;
	cpuid_find(&cluster.hyperv, 0x40000003, 0)->reg[CPUID_EDX] &= ~(1u << 4);
	f->policy.migration = CPU_MIGRATION_CLUSTER;
	f->policy.cluster = &cluster;
	ask(f, "+hv-xmm-input");
	ask(f, "+hv-relaxed");
	must_make(f);
	assert_true(has_note(f, true, "hv-xmm-input"));
	assert_int_equal(f->leaves->nr_notes, 1);
	f->policy.migration = CPU_MIGRATION_OFF;
	must_make(f);
	assert_int_equal(f->leaves->nr_notes, 0);
}

static void baseline__two_hosts__what_both_have(void **state)
{
	struct fixture *f = *state;
	struct cpu_baseline *b = calloc(1, sizeof(*b));
	assert_non_null(b);
	assert_int_equal(cpu_baseline_add(b, &f->host, &f->e), 0);
	cpuid_find(&f->host.hyperv, 0x40000003, 0)->reg[CPUID_EAX] &= ~(1u << 9); /* of hv-time */
	cpuid_find(&f->host.hyperv, 0x4000000a, 0)->reg[CPUID_EAX] = 0x202;
	f->host.hyperv_enforce_cpuid = false;
	assert_int_equal(cpu_baseline_add(b, &f->host, &f->e), 0);
	f->host = b->facts;
	free(b);
	ask(f, "+hv-relaxed");
	ask(f, "+hv-time");
	ask(f, "+hv-vapic");
	ask(f, "+hv-evmcs");
	ask(f, "+hv-enforce-cpuid");
	must_make(f);
	assert_int_equal(f->leaves->nr_notes, 3);
	assert_true(has_note(f, true, "hv-time"));
	assert_true(has_note(f, true, "hv-evmcs"));
	assert_true(has_note(f, true, "hv-enforce-cpuid"));
}

static void enforce_cpuid__follows_the_hosts_capability(void **state)
{
	struct fixture *f = *state;
	ask(f, "+hv-enforce-cpuid");
	ask(f, "+hv-vpindex");
	must_make(f);
	assert_true(f->leaves->caps.enforce_cpuid);
	f->host.hyperv_enforce_cpuid = false;
	must_make(f);
	assert_false(f->leaves->caps.enforce_cpuid);
	assert_true(has_note(f, true, "hv-enforce-cpuid (KVM_CAP_HYPERV_ENFORCE_CPUID)"));
}

/* The names that are recommended for Hyper-V as guest hypervisor on a vendor's processors. */
static size_t recommended_names(enum cpuid_vendor vendor, const char **ret)
{
	size_t nr_rows, n = 0;
	const struct hyperv_feature *rows = hyperv_features(&nr_rows);
	for (size_t i = 0; i < nr_rows; i++) {
		enum hyperv_processors on = rows[i].recommended;
		if (on == HYPERV_ON_ANY ||
			(on == HYPERV_ON_INTEL && vendor == CPUID_VENDOR_INTEL) ||
			(on == HYPERV_ON_AMD && vendor == CPUID_VENDOR_AMD))
			ret[n++] = rows[i].name;
	}
	return n;
}

/* The profile's list is closed under requirements, and makes the same leaves as naming it. */
static void profile__recommended__same_as_named_one_by_one(void **state)
{
	struct fixture *f = *state;
	const char *names[64];
	size_t n;
	for (unsigned vendor = 0; vendor < 2; vendor++) {
		if (vendor == 0)
			host_amd(&f->host, true);
		else
			host_intel(&f->host, true);
		host_give_hyperv(&f->host, vendor == 1);
		f->policy.nr_hyperv_features = 0;
		f->policy.hyperv_recommended = true;
		f->policy.hyperv_recommended_origin = "vm.toml:2:1";
		must_make(f);
		struct hyperv_leaves recommended = *f->leaves;
		assert_string_equal(decided(f, 0x40000003, CPUID_EAX, 2)->rule, "HV-08");
		assert_string_equal(decided(f, 0x40000003, CPUID_EAX, 2)->origin, "vm.toml:2:1");
		f->policy.hyperv_recommended = false;
		n = recommended_names(cpuid_vendor(&f->host.supported), names);
		assert_true(n >= 15);
		for (size_t i = 0; i < n; i++) {
			ask(f, "+");
			f->asked[i].name = names[i];
			f->asked[i].on = true;
		}
		must_make(f);
		assert_int_equal(f->leaves->nr_notes, 0);
		struct hyperv_leaves *named = f->leaves;
		for (uint32_t leaf = 0x40000000; leaf <= 0x4000000a; leaf++) {
			for (unsigned r = 0; r < 4; r++) {
				uint32_t a = value(f, leaf, (enum cpuid_reg)r);
				f->leaves = &recommended;
				assert_int_equal(a, value(f, leaf, (enum cpuid_reg)r));
				f->leaves = named;
			}
		}
		assert_int_equal(f->leaves->caps.evmcs, vendor == 1);
		assert_true(f->leaves->caps.synic);
		assert_false(f->leaves->caps.enforce_cpuid);
	}
}

static void profile__user_leaves_one_out__dependants_go_without_a_word(void **state)
{
	struct fixture *f = *state;
	f->policy.hyperv_recommended = true;
	ask(f, "-hv-synic");
	must_make(f);
	assert_int_equal(f->leaves->nr_notes, 0);
	assert_int_equal(value(f, 0x40000003, CPUID_EAX) & 0xc, 0);
	assert_int_equal(value(f, 0x40000003, CPUID_EDX) & 1u << 19, 0);
	assert_int_equal(value(f, 0x40000003, CPUID_EAX) & 1 << 6, 1 << 6);
	assert_string_equal(decided(f, 0x40000003, CPUID_EAX, 3)->rule, "HV-10");
	assert_false(f->leaves->caps.synic);
}

static void profile__host_lacks_some__no_note(void **state)
{
	struct fixture *f = *state;
	f->policy.hyperv_recommended = true;
	cpuid_find(&f->host.hyperv, 0x40000003, 0)->reg[CPUID_EAX] = 0x60;
	must_make(f);
	assert_int_equal(f->leaves->nr_notes, 0);
	assert_int_equal(value(f, 0x40000003, CPUID_EAX), 0x60);
	/* … but by name it is one. */
	ask(f, "+hv-time");
	must_make(f);
	assert_int_equal(f->leaves->nr_notes, 1);
	assert_true(has_note(f, true, "hv-time"));
}

static void profile__knob_off__nothing_nested(void **state)
{
	struct fixture *f = *state;
	f->expose = false;
	f->policy.hyperv_recommended = true;
	must_make(f);
	assert_int_equal(max_leaf(f), 0x40000005);
	assert_false(f->leaves->caps.evmcs);
}

/* Any subset of names on any subset of a host: an error, or leaves within the host's. */
static void random__any_policy_and_host__errors_or_what_the_host_has(void **state)
{
	struct fixture *f = *state;
	size_t n;
	unsigned made = 0;
	const struct hyperv_feature *all = hyperv_features(&n);
	const struct host_facts whole = f->host;
	uint32_t s = 20240501;
	for (unsigned round = 0; round < 3000; round++) {
		f->host = whole;
		for (unsigned i = 2; i < f->host.hyperv.nr_entries; i++) {
			for (unsigned r = 0; r < 4; r++)
				f->host.hyperv.entries[i].reg[r] &=
					host_random_next(&s) | host_random_next(&s);
		}
		f->policy.nr_hyperv_features = 0;
		unsigned density = host_random_next(&s) % 8;
		for (size_t i = 0; i < n; i++) {
			if (all[i].kind == HYPERV_REFUSED || host_random_next(&s) % 8 < density)
				continue;
			ask(f, host_random_next(&s) % 8 ? "+" : "-");
			f->asked[f->policy.nr_hyperv_features - 1].name = all[i].name;
		}
		f->policy.hyperv_spinlock_retries.given = true;
		f->policy.hyperv_spinlock_retries.value = UINT32_MAX;
		f->policy.hyperv_recommended = host_random_next(&s) & 1;
		f->expose = host_random_next(&s) % 4;
		if (make(f)) {
			assert_int_equal(f->e.kind, ERR_CONFIG);
			assert_null(f->leaves);
			continue;
		}
		if (!f->leaves)
			continue;
		made++;
		for (uint32_t leaf = 3; leaf <= 0xa; leaf++) {
			for (unsigned r = 0; r < 4; r++) {
				if (leaf == 5 || (leaf == 4 && r == CPUID_EBX))
					continue;
				uint32_t hypercalls = leaf == 3 && r == CPUID_EAX ? 1 << 5 : 0;
				assert_int_equal(
					value(f, 0x40000000 + leaf, (enum cpuid_reg)r) &
						~cpuid_value(&f->host.hyperv, 0x40000000 + leaf, 0,
							(enum cpuid_reg)r) &
						~hypercalls,
					0);
			}
		}
	}
	assert_true(made > 300);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hyperv_features__every_one__sets_its_bits_and_those_of_its_needs_alone),
		TEST(hyperv_features__bits__are_those_of_the_specification),
		TEST(hyperv_features__all_that_are_offered__are_in_the_manual),
		TEST(leaves__one_enlightenment__the_frame_is_exact),
		TEST(leaves__every_register_of_every_leaf__is_decided_by_a_known_rule),
		TEST(leaves__nothing_asked__none_and_no_error),
		TEST(leaves__many_vcpus__the_limit_follows),
		TEST(vendor_id__given__padded_with_zeros),
		TEST(vendor_id__without_leaves__refused),
		TEST(requires__each_requirement_left_out__refused_with_both_names),
		TEST(requires__left_out_by_name__refused_with_both_lines),
		TEST(requires__of_the_other_vendor__does_not_apply),
		TEST(names__unknown__refused_with_the_nearest),
		TEST(names__qemus_that_are_not_offered__refused_with_the_reason),
		TEST(names__alias_and_underscores__are_the_same_feature),
		TEST(features__on_and_off__refused_with_both_lines),
		TEST(features__several_faults__all_are_named),
		TEST(hypervisor_none__with_enlightenments__refused_with_both_lines),
		TEST(hypervisor_of_a_model_file__counts_where_the_vm_is_silent),
		TEST(hypervisor_hyperv__alone__has_vpindex_unless_left_out),
		TEST(nested__knob_off__refused_with_both_lines),
		TEST(spinlocks__number_and_feature__agree_or_are_refused),
		TEST(avic__with_vapic__takes_the_recommendation_back),
		TEST(shared_bit__one_of_two_left_out__stays),
		TEST(host__lacks_a_bit__feature_is_missing_and_dependants_go),
		TEST(host__evmcs_of_other_versions__is_missing),
		TEST(host__without_the_interface__all_is_missing_and_no_leaf_is_shown),
		TEST(cluster__what_one_host_lacks__is_missing),
		TEST(baseline__two_hosts__what_both_have),
		TEST(enforce_cpuid__follows_the_hosts_capability),
		TEST(profile__recommended__same_as_named_one_by_one),
		TEST(profile__user_leaves_one_out__dependants_go_without_a_word),
		TEST(profile__host_lacks_some__no_note),
		TEST(profile__knob_off__nothing_nested),
		TEST(random__any_policy_and_host__errors_or_what_the_host_has),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
