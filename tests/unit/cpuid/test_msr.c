/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"
#include "fake/hosts.h"
#include "fake/msr_filter.h"

#include "cpuid/msr.h"

#include <errno.h>
#include <stdlib.h>

struct fixture {
	struct msr_policy p;
	struct msr_filter f;
	struct err e;
};

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;
	msr_filter_done(&x->f);
	free(x);
	return 0;
}

static int add_rule(struct fixture *x, struct msr_rule rule)
{
	x->e = (struct err)ERR_INIT;
	return msr_policy_add(&x->p, &rule, &x->e);
}

static void add(struct fixture *x, uint32_t first, uint32_t last, enum msr_action read,
	enum msr_action write)
{
	assert_int_equal(add_rule(x, (struct msr_rule){ .first = first,
					     .last = last,
					     .read = read,
					     .write = write,
					     .value = read == MSR_VALUE ? 0x1234 : 0 }),
		0);
}

static void add_log(struct fixture *x, uint32_t first, uint32_t last)
{
	assert_int_equal(add_rule(x, (struct msr_rule){ .first = first,
					     .last = last,
					     .read = MSR_KVM,
					     .write = MSR_KVM,
					     .log = true }),
		0);
}

static int compile(struct fixture *x)
{
	msr_filter_done(&x->f);
	x->e = (struct err)ERR_INIT;
	return msr_filter_compile(&x->p, true, &x->f, &x->e);
}

static void msr_policy_add__empty_range__refused(void **state)
{
	struct fixture *x = *state;
	assert_int_equal(msr_policy_deny(&x->p, 0x10, 0xf, "T", &x->e), -EINVAL);
	assert_contains(x->e.msg, "0x10 to 0xf");
	assert_int_equal(x->e.kind, ERR_CONFIG);
	assert_int_equal(x->p.nr_rules, 0);
}

static void msr_policy_add__touches_x2apic__refused_with_why(void **state)
{
	struct fixture *x = *state;
	static const uint32_t ranges[][2] = { { 0x800, 0x800 }, { 0x8ff, 0x8ff }, { 0x7ff, 0x800 },
		{ 0x8ff, 0x900 }, { 0, UINT32_MAX } };
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		assert_int_equal(
			msr_policy_deny(&x->p, ranges[i][0], ranges[i][1], "T", &x->e), -EINVAL);
		assert_contains(x->e.msg, "x2APIC");
	}
	assert_int_equal(msr_policy_deny(&x->p, 0x7ff, 0x7ff, "T", &x->e), 0);
	assert_int_equal(msr_policy_deny(&x->p, 0x900, 0x900, "T", &x->e), 0);
}

static void msr_policy_add__action_of_the_other_direction_or_none__refused(void **state)
{
	struct fixture *x = *state;
	const struct msr_rule wrong[] = {
		{ .first = 1, .last = 1, .read = MSR_IGNORE },
		{ .first = 1, .last = 1, .write = MSR_VALUE },
		{ .first = 1, .last = 1 },
		{ .first = 1, .last = 1, .log = true },
		{ .first = 1, .last = 1, .read = (enum msr_action)77 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(add_rule(x, wrong[i]), -EINVAL);
	assert_int_equal(x->p.nr_rules, 0);
}

static void msr_policy_add__log_of_writes_alone_that_cannot_be__refused_by_name(void **state)
{
	struct fixture *x = *state;
	struct msr_rule rule = {
		.first = 0xc0000080, .last = 0xc0000080, .write = MSR_KVM, .log = true
	};
	assert_int_equal(add_rule(x, rule), -EINVAL);
	assert_contains(x->e.msg, "0xc0000080 (IA32_EFER)");
	assert_contains(x->e.msg, "paging mode");
	rule.first = rule.last = 0x123456;
	assert_int_equal(add_rule(x, rule), -EINVAL);
	assert_contains(x->e.msg, "0x123456 cannot be logged");
	rule.write = MSR_DENY;
	assert_int_equal(add_rule(x, rule), 0);
	rule.write = MSR_KVM;
	rule.read = MSR_KVM;
	assert_int_equal(add_rule(x, rule), 0);
	rule.first = rule.last = 0xc0000082;
	rule.read = MSR_UNRULED;
	assert_int_equal(add_rule(x, rule), 0);
}

static void msr_policy_add__full__refused(void **state)
{
	struct fixture *x = *state;
	for (uint32_t i = 0; i < MSR_POLICY_MAX_RULES; i++)
		assert_int_equal(msr_policy_deny(&x->p, i, i, "T", &x->e), 0);
	assert_int_equal(msr_policy_deny(&x->p, 1, 1, "T", &x->e), -E2BIG);
	assert_contains(x->e.msg, "256");
	assert_int_equal(x->p.nr_rules, MSR_POLICY_MAX_RULES);
}

static void msr_policy_access__no_rule__the_default(void **state)
{
	struct fixture *x = *state;
	struct msr_outcome o = msr_policy_access(&x->p, 0x10, false);
	assert_int_equal(o.action, MSR_KVM);
	assert_null(o.rule);
	x->p.default_deny = true;
	assert_int_equal(msr_policy_access(&x->p, 0x10, true).action, MSR_DENY);
	assert_int_equal(msr_policy_access(&x->p, 0x800, true).action, MSR_KVM);
	assert_int_equal(msr_policy_access(&x->p, 0x8ff, false).action, MSR_KVM);
	assert_int_equal(msr_policy_access(&x->p, 0x900, false).action, MSR_DENY);
}

static void msr_policy_access__later_rule__wins_in_the_directions_that_it_rules(void **state)
{
	struct fixture *x = *state;
	add(x, 0x100, 0x1ff, MSR_DENY, MSR_DENY);
	add(x, 0x110, 0x110, MSR_VALUE, MSR_UNRULED);
	add(x, 0x110, 0x111, MSR_UNRULED, MSR_IGNORE);
	struct msr_outcome o = msr_policy_access(&x->p, 0x110, false);
	assert_int_equal(o.action, MSR_VALUE);
	assert_int_equal(o.value, 0x1234);
	assert_ptr_equal(o.rule, &x->p.rules[1]);
	assert_int_equal(msr_policy_access(&x->p, 0x110, true).action, MSR_IGNORE);
	assert_int_equal(msr_policy_access(&x->p, 0x111, false).action, MSR_DENY);
	assert_int_equal(msr_policy_access(&x->p, 0x111, true).action, MSR_IGNORE);
	assert_int_equal(msr_policy_access(&x->p, 0x1ff, true).action, MSR_DENY);
	assert_int_equal(msr_policy_access(&x->p, 0x200, true).action, MSR_KVM);
}

static void msr_policy_access__logged_write__by_what_kvm_makes_of_it(void **state)
{
	struct fixture *x = *state;
	static const struct {
		uint32_t index;
		enum msr_action action;
		bool log;
	} cases[] = {
		{ 0xc0000082, MSR_KVM, true },  /* IA32_LSTAR */
		{ 0x10a, MSR_DENY, true },      /* IA32_ARCH_CAPABILITIES */
		{ 0x491, MSR_DENY, true },      /* IA32_VMX_VMFUNC */
		{ 0x8b, MSR_IGNORE, true },     /* IA32_BIOS_SIGN_ID */
		{ 0x10, MSR_KVM, false },       /* IA32_TIME_STAMP_COUNTER */
		{ 0x3a, MSR_KVM, false },       /* IA32_FEATURE_CONTROL */
		{ 0xc0010114, MSR_KVM, false }, /* VM_CR */
		{ 0x7fffffff, MSR_KVM, false }, /* unknown */
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		add_log(x, cases[i].index, cases[i].index);
		struct msr_outcome o = msr_policy_access(&x->p, cases[i].index, true);
		assert_int_equal(o.action, cases[i].action);
		assert_int_equal(o.log, cases[i].log);
		o = msr_policy_access(&x->p, cases[i].index, false);
		assert_int_equal(o.action, MSR_KVM);
		assert_true(o.log);
	}
}

static void msr_rule_unlogged__ranges__names_the_first_unless_a_later_rule_has_it(void **state)
{
	struct fixture *x = *state;
	uint32_t index = 0;
	const char *reason = NULL;
	add_log(x, 0x174, 0x177);
	assert_true(msr_rule_unlogged(&x->p, 0, &index, &reason));
	assert_int_equal(index, 0x177);
	assert_contains(reason, "does not know");
	add(x, 0x177, 0x177, MSR_UNRULED, MSR_DENY);
	assert_false(msr_rule_unlogged(&x->p, 0, &index, &reason));
	assert_false(msr_rule_unlogged(&x->p, 1, &index, &reason));
	add_log(x, 0, 0x7ff);
	add(x, 2, 0x12, MSR_DENY, MSR_DENY);
	assert_true(msr_rule_unlogged(&x->p, 2, &index, &reason));
	assert_int_equal(index, 0x13);
	assert_false(msr_rule_unlogged(&x->p, 0, &index, &reason)); /* all of it is rule 2's */
	add_log(x, 0x900, UINT32_MAX);
	add(x, 0x900, UINT32_MAX, MSR_UNRULED, MSR_IGNORE);
	assert_false(msr_rule_unlogged(&x->p, 4, &index, &reason));
}

static void msr_policy_set__same_msr_again__replaces(void **state)
{
	struct fixture *x = *state;
	uint64_t value = 0;
	assert_int_equal(msr_policy_set(&x->p, 0x10a, 1, &x->e), 0);
	assert_int_equal(msr_policy_set(&x->p, 0x3a, 5, &x->e), 0);
	assert_int_equal(msr_policy_set(&x->p, 0x10a, 2, &x->e), 0);
	assert_int_equal(x->p.nr_set, 2);
	assert_true(msr_policy_get(&x->p, 0x10a, &value));
	assert_int_equal(value, 2);
	assert_false(msr_policy_get(&x->p, 0x10b, &value));
}

static void msr_policy_set__full__refused(void **state)
{
	struct fixture *x = *state;
	for (uint32_t i = 0; i < MSR_POLICY_MAX_SET; i++)
		assert_int_equal(msr_policy_set(&x->p, i, i, &x->e), 0);
	assert_int_equal(msr_policy_set(&x->p, 5, 1, &x->e), 0);
	assert_int_equal(msr_policy_set(&x->p, 9999, 1, &x->e), -E2BIG);
	assert_int_equal(x->p.nr_set, MSR_POLICY_MAX_SET);
	assert_int_equal(msr_policy_firmware(&x->p, &x->e), -E2BIG);
}

static void msr_policy_firmware__fresh__fast_strings_and_write_back_mtrrs(void **state)
{
	struct fixture *x = *state;
	assert_int_equal(msr_policy_firmware(&x->p, &x->e), 0);
	assert_int_equal(x->p.nr_set, 2);
	assert_int_equal(x->p.set[0].index, 0x1a0);
	assert_int_equal(x->p.set[0].value, 1);
	assert_int_equal(x->p.set[1].index, 0x2ff);
	assert_int_equal(x->p.set[1].value, 0x806);
	assert_int_equal(x->p.nr_rules, 0);
}

static void msr_name__known_and_not__name_or_null(void **state)
{
	(void)state;
	char label[MSR_LABEL_BYTES];
	assert_string_equal(msr_name(0x10a), "IA32_ARCH_CAPABILITIES");
	assert_string_equal(msr_name(0), "IA32_P5_MC_ADDR");
	assert_string_equal(msr_name(0x201), "IA32_MTRR_PHYSMASK0");
	assert_string_equal(msr_name(0x47f), "IA32_MC31_MISC");
	assert_string_equal(msr_name(0xc0010117), "VM_HSAVE_PA");
	assert_null(msr_name(0x2));
	assert_null(msr_name(UINT32_MAX));
	assert_string_equal(msr_label(label, 0x10a), "0x10a (IA32_ARCH_CAPABILITIES)");
	assert_string_equal(msr_label(label, 0xffffffff), "0xffffffff");
}

static void msr_write_log_next__walk__is_in_order_and_ends(void **state)
{
	(void)state;
	uint32_t index = 0, before = 0;
	unsigned n = 0;
	for (uint64_t from = 0; msr_write_log_next(from, &index); from = index + UINT64_C(1), n++) {
		const char *reason;
		assert_true(n == 0 || index > before);
		assert_int_not_equal(msr_write_log(index, &reason), MSR_WRITE_REFUSE);
		assert_non_null(msr_name(index));
		before = index;
	}
	assert_true(n > 50);
	assert_false(msr_write_log_next(UINT64_C(1) << 32, &index));
}

static void host_feature_msr__listed_or_not__value_or_false(void **state)
{
	(void)state;
	struct host_facts *host = calloc(1, sizeof(*host));
	uint64_t value = 0;
	assert_non_null(host);
	host->feature_msrs[0] = (struct msr_value){ 0x10a, 7 };
	host->feature_msrs[1] = (struct msr_value){ 0x345, 8 };
	host->nr_feature_msrs = 2;
	assert_true(host_feature_msr(host, 0x345, &value));
	assert_int_equal(value, 8);
	assert_false(host_feature_msr(host, 0x480, &value));
	free(host);
}

static void msr_filter_compile__no_rules__no_filter(void **state)
{
	struct fixture *x = *state;
	assert_int_equal(compile(x), 0);
	assert_int_equal(x->f.nr_ranges, 0);
	assert_false(x->f.exits);
	add(x, 0x10, 0x20, MSR_KVM, MSR_KVM); /* says nothing new */
	assert_int_equal(compile(x), 0);
	assert_int_equal(x->f.nr_ranges, 0);
	assert_true(msr_filter_passes(&x->f, 0x10, true));
}

static void msr_filter_compile__denials_close_together__one_range_without_exits(void **state)
{
	struct fixture *x = *state;
	add(x, 0x3a, 0x3a, MSR_DENY, MSR_DENY);
	add(x, 0x480, 0x493, MSR_DENY, MSR_DENY);
	assert_int_equal(compile(x), 0);
	assert_int_equal(x->f.nr_ranges, 1);
	assert_false(x->f.default_deny);
	assert_false(x->f.exits);
	assert_int_equal(x->f.ranges[0].base, 0x3a);
	assert_int_equal(x->f.ranges[0].count, 0x493 - 0x3a + 1);
	assert_true(x->f.ranges[0].read && x->f.ranges[0].write);
	assert_false(msr_filter_passes(&x->f, 0x480, false));
	assert_true(msr_filter_passes(&x->f, 0x3b, false));
	add(x, 0xc0010114, 0xc0010118, MSR_DENY, MSR_DENY);
	assert_int_equal(compile(x), 0);
	assert_int_equal(x->f.nr_ranges, 2);
}

static void msr_filter_same__compiled_twice__only_while_nothing_changes(void **state)
{
	struct fixture *x = *state;
	struct msr_filter before, none = { 0 };
	add(x, 0x480, 0x493, MSR_DENY, MSR_DENY);
	assert_int_equal(msr_filter_compile(&x->p, true, &before, &x->e), 0);
	assert_int_equal(compile(x), 0);
	assert_true(msr_filter_same(&before, &x->f) && msr_filter_same(&none, &none));
	assert_false(msr_filter_same(&before, &none));
	before.ranges[0].bitmap[1] ^= 1;
	assert_false(msr_filter_same(&before, &x->f));
	before.ranges[0].bitmap[1] ^= 1;
	before.exits = true;
	assert_false(msr_filter_same(&before, &x->f));
	before.exits = false;
	before.ranges[0].write = false;
	assert_false(msr_filter_same(&before, &x->f));
	msr_filter_done(&before);
}

static void msr_filter_compile__one_direction__one_range_of_that(void **state)
{
	struct fixture *x = *state;
	add(x, 0x10, 0x10, MSR_UNRULED, MSR_DENY);
	assert_int_equal(compile(x), 0);
	assert_int_equal(x->f.nr_ranges, 1);
	assert_true(x->f.ranges[0].write && !x->f.ranges[0].read);
	assert_true(msr_filter_passes(&x->f, 0x10, false));
	add(x, 0x20, 0x20, MSR_DENY, MSR_UNRULED);
	assert_int_equal(compile(x), 0);
	assert_int_equal(x->f.nr_ranges, 2);
}

static void msr_filter_compile__exit_needed__says_so_or_refused(void **state)
{
	struct fixture *x = *state;
	const struct msr_rule rules[] = {
		{ .first = 0x10, .last = 0x10, .read = MSR_VALUE, .origin = "vm.toml:3:1" },
		{ .first = 0x10, .last = 0x10, .write = MSR_IGNORE, .origin = "vm.toml:3:1" },
		{ .first = 0x10,
			.last = 0x10,
			.read = MSR_DENY,
			.log = true,
			.origin = "vm.toml:3:1" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		x->p.nr_rules = 0;
		add(x, 0, 0x7ff, MSR_DENY, MSR_DENY); /* a plain neighbour hides nothing */
		assert_int_equal(add_rule(x, rules[i]), 0);
		assert_int_equal(compile(x), 0);
		assert_true(x->f.exits);
		msr_filter_done(&x->f);
		assert_int_equal(msr_filter_compile(&x->p, false, &x->f, &x->e), -ENOTSUP);
		assert_int_equal(x->e.kind, ERR_HOST);
		assert_contains(x->e.msg, "vm.toml:3:1: MSR 0x10 (IA32_TIME_STAMP_COUNTER)");
		assert_int_equal(x->f.nr_ranges, 0);
	}
}

static void msr_filter_compile__default_deny_and_nothing_allowed__a_range_that_denies(void **state)
{
	struct fixture *x = *state;
	x->p.default_deny = true;
	assert_int_equal(compile(x), 0);
	assert_int_equal(x->f.nr_ranges, 1);
	assert_true(x->f.default_deny);
	assert_false(msr_filter_passes(&x->f, 0, false));
	assert_false(msr_filter_passes(&x->f, UINT32_MAX, true));
	assert_true(msr_filter_passes(&x->f, 0x830, true));
}

static void msr_filter_compile__everything_denied_by_rules__the_default_takes_it_over(void **state)
{
	struct fixture *x = *state;
	add(x, 0, 0x7ff, MSR_DENY, MSR_DENY);
	add(x, 0x900, UINT32_MAX, MSR_DENY, MSR_DENY);
	add(x, 0x10, 0x10, MSR_KVM, MSR_KVM);
	assert_int_equal(compile(x), 0);
	assert_true(x->f.default_deny);
	assert_int_equal(x->f.nr_ranges, 1);
	assert_true(msr_filter_passes(&x->f, 0x10, true));
	assert_false(msr_filter_passes(&x->f, 0x11, true));
}

static void msr_filter_compile__widest_range__is_split_at_3000h(void **state)
{
	struct fixture *x = *state;
	add(x, 0x10000, 0x12fff, MSR_DENY, MSR_DENY);
	assert_int_equal(compile(x), 0);
	assert_int_equal(x->f.nr_ranges, 1);
	assert_int_equal(x->f.ranges[0].count, 0x3000);
	add(x, 0x13000, 0x13000, MSR_DENY, MSR_DENY);
	assert_int_equal(compile(x), 0);
	assert_int_equal(x->f.nr_ranges, 2);
	assert_int_equal(x->f.ranges[1].base, 0x13000);
}

static void msr_filter_compile__last_msr__does_not_wrap(void **state)
{
	struct fixture *x = *state;
	add(x, 0xfffffff0, UINT32_MAX, MSR_DENY, MSR_DENY);
	assert_int_equal(compile(x), 0);
	assert_int_equal(x->f.nr_ranges, 1);
	assert_int_equal(x->f.ranges[0].count, 16);
	assert_false(msr_filter_passes(&x->f, UINT32_MAX, false));
	assert_true(msr_filter_passes(&x->f, 0, false));
}

static void add_far_apart(struct fixture *x, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		add(x, 0x100000 + i * 0x4000, 0x100000 + i * 0x4000, MSR_DENY, MSR_DENY);
}

static void msr_filter_compile__sixteen_ranges__accepted_and_seventeen_refused(void **state)
{
	struct fixture *x = *state;
	add_far_apart(x, 16);
	assert_int_equal(compile(x), 0);
	assert_int_equal(x->f.nr_ranges, 16);
	add(x, 0x40000000, 0x40000000, MSR_DENY, MSR_DENY);
	assert_int_equal(compile(x), -E2BIG);
	assert_int_equal(x->e.kind, ERR_CONFIG);
	assert_contains(x->e.msg, "need 17 filter ranges of at most 12288 MSRs each");
	assert_contains(x->e.msg, "KVM has 16");
	assert_contains(x->e.msg, "gaps between MSRs that are ruled: 0x13c001 to 0x3fffffff");
	assert_int_equal(x->f.nr_ranges, 0);
	for (unsigned i = 0; i < MSR_FILTER_MAX_RANGES; i++)
		assert_null(x->f.ranges[i].bitmap);
}

static void msr_filter_compile__directions_differ_in_sixteen_places__refused_with_their_number(
	void **state)
{
	struct fixture *x = *state;
	for (uint32_t i = 0; i < 16; i++) {
		add(x, 0x100000 + i * 0x4000, 0x100000 + i * 0x4000, MSR_DENY, MSR_UNRULED);
		add(x, 0x100001 + i * 0x4000, 0x100001 + i * 0x4000, MSR_UNRULED, MSR_DENY);
	}
	assert_int_equal(compile(x), -E2BIG);
	assert_contains(x->e.msg, "need 32 filter ranges");
}

static void msr_filter_compile__half_of_all_msrs_apart__refused_in_time(void **state)
{
	struct fixture *x = *state;
	add(x, 0x900, 0x80000000, MSR_DENY, MSR_DENY);
	assert_int_equal(compile(x), -E2BIG);
	assert_contains(x->e.msg, "KVM has 16");
}

static void msr_filter_compile__log_of_a_wide_range__stops_only_what_can_be_logged(void **state)
{
	struct fixture *x = *state;
	add_log(x, 0, 0x7ff);
	add_log(x, 0xc0000000, 0xc0001fff);
	assert_int_equal(compile(x), 0);
	assert_true(x->f.nr_ranges <= 4);
	assert_true(x->f.exits);
	assert_false(msr_filter_passes(&x->f, 0x10, false));
	assert_true(msr_filter_passes(&x->f, 0x10, true));
	assert_false(msr_filter_passes(&x->f, 0xc0000082, true));
	assert_true(msr_filter_passes(&x->f, 0xc0000085, true));
	assert_false(msr_filter_passes(&x->f, 0xc0000085, false));
}

/* An MSR near others, so that rules meet: one of few neighbourhoods, or any. */
static uint32_t random_msr(uint32_t *random)
{
	static const uint32_t bases[] = { 0, 0x7f0, 0x8f0, 0x2ff0, 0x40000000, 0xc0000000,
		0xc0010000, 0xc0013000, 0xfffff000 };
	uint32_t base = bases[host_random_next(random) % ARRAY_SIZE(bases)];
	uint32_t reach = host_random_next(random) % 8 ? 0x40 : 0x3100;
	uint32_t msr = base + host_random_next(random) % reach;
	return msr < base ? UINT32_MAX : msr; /* past the last one is the last one */
}

static struct msr_rule random_rule(uint32_t *random)
{
	static const enum msr_action reads[] = { MSR_UNRULED, MSR_KVM, MSR_DENY, MSR_VALUE };
	static const enum msr_action writes[] = { MSR_UNRULED, MSR_KVM, MSR_DENY, MSR_IGNORE };
	uint32_t first = random_msr(random), last = first;
	if (host_random_next(random) % 2)
		last = random_msr(random);
	return (struct msr_rule){
		.first = first < last ? first : last,
		.last = first < last ? last : first,
		.read = reads[host_random_next(random) % 4],
		.write = writes[host_random_next(random) % 4],
		.value = host_random_next(random),
		.log = host_random_next(random) % 4 == 0,
	};
}

static bool should_pass(const struct fixture *x, uint32_t index, bool write)
{
	struct msr_outcome o = msr_policy_access(&x->p, index, write);
	return o.action == MSR_KVM && !o.log;
}

static unsigned wrong_near(const struct fixture *x, uint32_t middle, uint32_t around)
{
	unsigned wrong = 0;
	uint32_t first = middle > around ? middle - around : 0;
	uint64_t last = (uint64_t)middle + around;
	for (uint64_t i = first; i <= last && i <= UINT32_MAX; i++) {
		for (int write = 0; write < 2; write++)
			wrong += msr_filter_passes(&x->f, (uint32_t)i, write) !=
				 should_pass(x, (uint32_t)i, write);
	}
	return wrong;
}

/* Compares in and around every rule; all of it where it is not too wide. */
static unsigned wrong_in_all(const struct fixture *x)
{
	unsigned wrong =
		wrong_near(x, 0, 4) + wrong_near(x, 0x880, 0x90) + wrong_near(x, UINT32_MAX, 4);
	for (unsigned i = 0; i < x->p.nr_rules; i++) {
		const struct msr_rule *rule = &x->p.rules[i];
		uint32_t width = rule->last - rule->first;
		wrong += wrong_near(x, rule->first, 3) + wrong_near(x, rule->last, 3);
		if (width <= 0x80)
			wrong += wrong_near(x, rule->first + width / 2, width / 2 + 2);
	}
	for (unsigned i = 0; i < x->f.nr_ranges; i++) {
		const struct msr_filter_range *r = &x->f.ranges[i];
		wrong += wrong_near(x, r->base, 2) + wrong_near(x, r->base + r->count - 1, 2);
	}
	return wrong;
}

static bool ranges_are_valid(const struct msr_filter *f)
{
	bool valid = f->nr_ranges <= MSR_FILTER_MAX_RANGES && (f->nr_ranges || !f->default_deny);
	for (unsigned i = 0; i < f->nr_ranges; i++) {
		const struct msr_filter_range *r = &f->ranges[i];
		valid &= r->count >= 1 && r->count <= MSR_FILTER_RANGE_MAX_MSRS &&
			 (r->read || r->write) && r->base + (r->count - 1) >= r->base;
	}
	return valid;
}

/* One random policy; whether it compiled. Fails where filter and policy disagree. */
static bool check_random_policy(struct fixture *x, uint32_t seed)
{
	uint32_t random = seed * 2654435761u | 1;
	memset(&x->p, 0, sizeof(x->p));
	x->p.default_deny = host_random_next(&random) % 3 == 0;
	uint32_t n = host_random_next(&random) % 12;
	for (uint32_t i = 0; i < n; i++) {
		struct msr_rule rule = random_rule(&random);
		int rc = add_rule(x, rule);
		assert_true(rc == 0 || rc == -EINVAL);
	}
	int rc = compile(x);
	if (rc) {
		assert_int_equal(rc, -E2BIG);
		assert_contains(x->e.msg, "filter ranges");
		return false;
	}
	if (!ranges_are_valid(&x->f) || wrong_in_all(x))
		fail_msg("seed %u: filter and policy disagree", seed);
	return true;
}

static void msr_filter_compile__random_policies__filter_and_policy_agree(void **state)
{
	struct fixture *x = *state;
	unsigned compiled = 0;
	for (uint32_t seed = 1; seed <= 4000; seed++)
		compiled += check_random_policy(x, seed);
	assert_true(compiled > 2000 && compiled < 4000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(msr_policy_add__empty_range__refused),
		TEST(msr_policy_add__touches_x2apic__refused_with_why),
		TEST(msr_policy_add__action_of_the_other_direction_or_none__refused),
		TEST(msr_policy_add__log_of_writes_alone_that_cannot_be__refused_by_name),
		TEST(msr_policy_add__full__refused),
		TEST(msr_policy_access__no_rule__the_default),
		TEST(msr_policy_access__later_rule__wins_in_the_directions_that_it_rules),
		TEST(msr_policy_access__logged_write__by_what_kvm_makes_of_it),
		TEST(msr_rule_unlogged__ranges__names_the_first_unless_a_later_rule_has_it),
		TEST(msr_policy_set__same_msr_again__replaces),
		TEST(msr_policy_set__full__refused),
		TEST(msr_policy_firmware__fresh__fast_strings_and_write_back_mtrrs),
		TEST(msr_name__known_and_not__name_or_null),
		TEST(msr_write_log_next__walk__is_in_order_and_ends),
		TEST(host_feature_msr__listed_or_not__value_or_false),
		TEST(msr_filter_compile__no_rules__no_filter),
		TEST(msr_filter_compile__denials_close_together__one_range_without_exits),
		TEST(msr_filter_same__compiled_twice__only_while_nothing_changes),
		TEST(msr_filter_compile__one_direction__one_range_of_that),
		TEST(msr_filter_compile__exit_needed__says_so_or_refused),
		TEST(msr_filter_compile__default_deny_and_nothing_allowed__a_range_that_denies),
		TEST(msr_filter_compile__everything_denied_by_rules__the_default_takes_it_over),
		TEST(msr_filter_compile__widest_range__is_split_at_3000h),
		TEST(msr_filter_compile__last_msr__does_not_wrap),
		TEST(msr_filter_compile__sixteen_ranges__accepted_and_seventeen_refused),
		TEST(msr_filter_compile__directions_differ_in_sixteen_places__refused_with_their_number),
		TEST(msr_filter_compile__half_of_all_msrs_apart__refused_in_time),
		TEST(msr_filter_compile__log_of_a_wide_range__stops_only_what_can_be_logged),
		TEST(msr_filter_compile__random_policies__filter_and_policy_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
