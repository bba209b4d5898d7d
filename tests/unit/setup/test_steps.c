/* SPDX-License-Identifier: MIT */
/* A setup by itself: with a plan at once and with a plan that comes later, and each step failing.
 */
#include "unit/vm/fixture.h"

#include "fake/allocation.h"
#include "setup/setup.h"

#include <errno.h>
#include <stdlib.h>

#define RAM_BYTES ((size_t)(64 * KIB))

/* How a setup comes by its plan. */
enum way { AT_ONCE, LATER, FORESEEN, FORESEEN_WRONGLY, WAYS };

static uint8_t ram_bytes[RAM_BYTES];
static const struct guest_memory ram = {
	.regions = { { .base = { 0 }, .size_bytes = RAM_BYTES, .hva = ram_bytes } },
	.nr_regions = 1,
};
static uint8_t no_msrs[8];
static const struct msr_filter other_filter = {
	.ranges = { { .base = 0x10000, .count = 64, .read = true, .bitmap = no_msrs } },
	.nr_ranges = 1,
};

static void give_plan(struct fixture *f)
{
	machine_plan_done(&f->plan);
	assert_int_equal(plan_machine(&f->config, f->given_policy, &f->facts, /* trace */ NULL,
				 &f->plan, &f->e),
		0);
}

static struct setup_options options_of(struct fixture *f, enum way way)
{
	return (struct setup_options){
		.kvm = f->kvm,
		.ram = &ram,
		.split_irqchip = f->plan.split_irqchip,
		.reporter = &f->reporter,
		.plan = way == AT_ONCE ? &f->plan : NULL,
		.filter = way == FORESEEN           ? &f->plan.filter
			  : way == FORESEEN_WRONGLY ? &other_filter
						    : NULL,
		.short_ids = way >= FORESEEN,
	};
}

/* All steps; *ret_setup is the caller's also where one fails. */
static int make(struct fixture *f, enum way way, struct setup **ret_setup, struct err *e)
{
	const struct setup_options options = options_of(f, way);
	struct setup_processor *processor = malloc(sizeof(*processor));
	*ret_setup = NULL;
	int rc = processor ? setup_create(ret_setup, &options, e) : err_set(e, -ENOMEM, "memory");
	if (rc == 0)
		rc = setup_complete(*ret_setup, &f->plan, e);
	for (unsigned i = 0; rc == 0 && i < f->plan.nr_vcpus; i++)
		rc = setup_vcpu(*ret_setup, &f->plan, i, processor, e);
	if (rc == 0)
		rc = setup_pit(*ret_setup, e);
	free(processor);
	return rc;
}

static void setup_create__without_a_plan__does_what_need_not_wait(void **state)
{
	static const struct {
		enum way way;
		bool irqchip, boot_vcpu;
	} cases[] = { { AT_ONCE, true, true }, { LATER, false, false }, { FORESEEN, true, true } };
	struct fixture *f = *state;
	give_plan(f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct setup_options options = options_of(f, cases[i].way);
		struct setup *s = NULL;
		f->fake->nr_calls = 0;
		assert_int_equal(setup_create(&s, &options, &f->e), 0);
		assert_non_null(setup_vm(s));
		assert_int_equal(setup_has_irqchip(s), cases[i].irqchip);
		assert_int_equal(setup_kvm_vcpu(s, 0) != NULL, cases[i].boot_vcpu);
		assert_int_equal(fake_kvm_count(f->fake, "KVM_SET_USER_MEMORY_REGION"), 1);
		assert_false(setup_has_pit(s));
		setup_destroy(s);
		assert_int_equal(f->fake->nr_maps, 0);
	}
}

/* Filter known, IDs not: the irqchip comes, the vCPU does not. */
static void setup_create__ids_not_foreseen__the_boot_vcpu_waits(void **state)
{
	struct fixture *f = *state;
	struct setup *s = NULL;
	give_plan(f);
	struct setup_options options = options_of(f, FORESEEN);
	options.short_ids = false;
	assert_int_equal(setup_create(&s, &options, &f->e), 0);
	assert_true(setup_has_irqchip(s));
	assert_null(setup_kvm_vcpu(s, 0));
	assert_int_equal(setup_complete(s, &f->plan, &f->e), 0);
	assert_non_null(setup_kvm_vcpu(s, 0));
	assert_null(setup_kvm_vcpu(s, 1));
	setup_destroy(s);
}

static void setup_complete__plan_known_from_the_beginning__asks_nothing(void **state)
{
	struct fixture *f = *state;
	struct setup *s = NULL;
	give_plan(f);
	const struct setup_options options = options_of(f, AT_ONCE);
	assert_int_equal(setup_create(&s, &options, &f->e), 0);
	unsigned n = f->fake->nr_calls;
	assert_int_equal(setup_complete(s, &f->plan, &f->e), 0);
	assert_int_equal(f->fake->nr_calls, n);
	setup_destroy(s);
}

static void setup_complete__filter_foreseen__is_set_again_only_if_it_is_another(void **state)
{
	struct fixture *f = *state;
	give_plan(f);
	for (enum way way = FORESEEN; way <= FORESEEN_WRONGLY; way++) {
		struct setup *s = NULL;
		f->fake->nr_calls = 0;
		assert_int_equal(make(f, way, &s, &f->e), 0);
		assert_int_equal(
			fake_kvm_count(f->fake, "KVM_X86_SET_MSR_FILTER"), way == FORESEEN ? 1 : 2);
		assert_false(fake_kvm_filter_passes(f->fake, 0x480, false));
		assert_true(fake_kvm_filter_passes(f->fake, 0x10000, false));
		setup_destroy(s);
	}
}

static void setup_pit__split_irqchip__is_done_without_a_call(void **state)
{
	struct fixture *f = *state;
	struct setup *s = NULL;
	f->config.machine.irqchip = IRQCHIP_SPLIT;
	give_plan(f);
	assert_int_equal(make(f, AT_ONCE, &s, &f->e), 0);
	assert_true(setup_has_pit(s));
	assert_int_equal(fake_kvm_count(f->fake, "KVM_CREATE_PIT2"), 0);
	setup_destroy(s);
}

/* What KVM keeps is told, and not judged. */
static void setup_vcpu__kvm_keeps_another_cpuid__both_are_told(void **state)
{
	struct fixture *f = *state;
	struct setup *s = NULL;
	struct setup_processor *p = malloc(sizeof(*p));
	assert_non_null(p);
	f->fake->rewrites[0] = (struct fake_rewrite){ 1, 0, CPUID_EBX, 0, 1u << 31 };
	give_plan(f);
	const struct setup_options options = options_of(f, AT_ONCE);
	assert_int_equal(setup_create(&s, &options, &f->e), 0);
	assert_int_equal(setup_vcpu(s, &f->plan, 0, p, &f->e), 0);
	assert_int_equal(cpuid_value(&p->wanted, 1, 0, CPUID_EBX) ^ (1u << 31),
		cpuid_value(&p->settled.cpuid, 1, 0, CPUID_EBX));
	assert_int_equal(p->settled.kept.nr_items, 1);
	setup_destroy(s);
	free(p);
}

/* Makes with call n failing; false once there are fewer calls than that. */
static bool make_failing_at(struct fixture *f, enum way way, unsigned n)
{
	unsigned fds = fixture_count_fds(), kvm_fds = f->fake->nr_fds;
	struct setup *s = NULL;
	f->fake->nr_calls = 0;
	f->fake->fail_at = n;
	f->fake->fail_code = n % 2 ? EIO : ENOMEM;
	f->e = (struct err)ERR_INIT;
	int rc = make(f, way, &s, &f->e);
	f->fake->fail_at = 0;
	bool reached = f->fake->nr_calls >= n;
	assert_int_equal(rc, reached ? -f->fake->fail_code : 0);
	if (reached) {
		const char *name = f->fake->log[n - 1].name;
		assert_int_equal(f->e.kind, ERR_HOST);
		assert_contains(f->e.msg, strcmp(name, "map") == 0 ? "mapping" : name);
	}
	setup_destroy(s);
	assert_int_equal(f->fake->nr_fds, kvm_fds);
	assert_int_equal(f->fake->nr_maps, 0);
	assert_int_equal(f->fake->bad_calls, 0);
	assert_int_equal(fixture_count_fds(), fds);
	return reached;
}

static void setup__call_n_fails_in_any_way__error_names_it_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 3;
	for (unsigned bits = 0; bits < 8; bits++) {
		f->config.machine.irqchip = bits & 1 ? IRQCHIP_SPLIT : IRQCHIP_KERNEL;
		f->fake->smm = bits & 2;
		f->policy.tsc_khz = (struct policy_number){ .given = bits & 4, .value = 1500000 };
		f->given_policy = &f->policy;
		give_plan(f);
		f->plan.vcpus[2].apic_id = bits & 4 ? 256 : 2;
		for (enum way way = AT_ONCE; way < WAYS; way++) {
			unsigned n = 1;
			while (make_failing_at(f, way, n))
				n++;
			assert_true(n > 20);
		}
	}
}

static void make_and_destroy(void *ctx)
{
	struct fixture *f = ctx;
	struct setup *s = NULL;
	struct err e = ERR_INIT;
	f->fake->nr_calls = f->fake->nr_slots = f->fake->nr_caps = 0;
	int rc = make(f, LATER, &s, &e);
	bool failed = allocation_has_failed();
	setup_destroy(s);
	assert_int_equal(rc != 0, failed);
	assert_int_equal(rc != 0, e.msg[0] != '\0');
	assert_int_equal(f->fake->nr_maps, 0);
	assert_int_equal(f->fake->bad_calls, 0);
}

static void setup__allocation_n_fails__error_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 2;
	f->fake->smm = true;
	give_plan(f);
	assert_true(allocation_fail_each(make_and_destroy, f) > 8);
}

static void setup_destroy__null__does_nothing(void **state)
{
	(void)state;
	setup_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(setup_create__without_a_plan__does_what_need_not_wait),
		FIXTURE_TEST(setup_create__ids_not_foreseen__the_boot_vcpu_waits),
		FIXTURE_TEST(setup_complete__plan_known_from_the_beginning__asks_nothing),
		FIXTURE_TEST(setup_complete__filter_foreseen__is_set_again_only_if_it_is_another),
		FIXTURE_TEST(setup_pit__split_irqchip__is_done_without_a_call),
		FIXTURE_TEST(setup_vcpu__kvm_keeps_another_cpuid__both_are_told),
		FIXTURE_TEST(setup__call_n_fails_in_any_way__error_names_it_and_nothing_leaks),
		FIXTURE_TEST(setup__allocation_n_fails__error_and_nothing_leaks),
		FIXTURE_TEST(setup_destroy__null__does_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
