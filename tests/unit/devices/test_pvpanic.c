/* SPDX-License-Identifier: MIT */
#include "fake_services.h"

#include "devices/pvpanic.h"

#define PORT 0x505

struct fixture {
	struct fake_services f;
	struct reporter reporter;
	struct device *dev;
};

static void claim(struct fixture *x)
{
	struct pvpanic_config cfg;

	*x = (struct fixture){ 0 };
	x->reporter = fake_reporter(&x->f, REPORT_INFO);
	cfg = (struct pvpanic_config){
		.port = PORT,
		.machine = fake_machine(&x->f),
		.reporter = &x->reporter,
	};
	assert_int_equal(pvpanic_create(&x->dev, &cfg, NULL), 0);
	fake_claim(&x->f, x->dev);
}

static void pvpanic__read__supported_events(void **state)
{
	struct fixture x;

	(void)state;
	claim(&x);
	assert_int_equal(fake_inb(&x.f, PORT), 0x03);
	fake_destroy(&x.f, x.dev);
}

static void pvpanic__panicked_written__machine_panics(void **state)
{
	struct fixture x;

	(void)state;
	claim(&x);
	fake_outb(&x.f, PORT, 0xf1);
	assert_int_equal(x.f.requests, 1);
	assert_int_equal(x.f.last_request, MACHINE_PANIC);
	assert_int_equal(x.f.last_value, 0x01);
	fake_destroy(&x.f, x.dev);
}

static void pvpanic__crash_loaded_written__reported_once_and_guest_goes_on(void **state)
{
	struct fixture x;

	(void)state;
	claim(&x);
	fake_outb(&x.f, PORT, 0x02);
	fake_outb(&x.f, PORT, 0x02);
	assert_int_equal(x.f.requests, 0);
	assert_int_equal(x.f.reports, 1);
	x.dev->ops->reset(x.dev);
	fake_outb(&x.f, PORT, 0x02);
	assert_int_equal(x.f.reports, 2);
	fake_destroy(&x.f, x.dev);
}

static void pvpanic__unknown_events_written__ignored(void **state)
{
	struct fixture x;

	(void)state;
	claim(&x);
	fake_outb(&x.f, PORT, 0xfc);
	fake_outb(&x.f, PORT, 0x00);
	assert_int_equal(x.f.requests, 0);
	assert_int_equal(x.f.reports, 0);
	fake_destroy(&x.f, x.dev);
}

static void pvpanic_fuzz__random_accesses__only_panics(void **state)
{
	struct fixture x;
	struct fake_random r = { 0x707670616e696300ULL };

	(void)state;
	claim(&x);
	for (unsigned i = 0; i < FAKE_FUZZ_STEPS; i++) {
		fake_random_access(&x.f, &r, BUS_PIO, PORT, 1);
		assert_int_equal(fake_inb(&x.f, PORT), 0x03);
		assert_true(x.f.requests == 0 || x.f.last_request == MACHINE_PANIC);
		assert_true(x.f.requests == 0 || (x.f.last_value & ~2u) == 1);
	}
	assert_in_range(x.f.reports, 0, 1);
	fake_destroy(&x.f, x.dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pvpanic__read__supported_events),
		cmocka_unit_test(pvpanic__panicked_written__machine_panics),
		cmocka_unit_test(pvpanic__crash_loaded_written__reported_once_and_guest_goes_on),
		cmocka_unit_test(pvpanic__unknown_events_written__ignored),
		cmocka_unit_test(pvpanic_fuzz__random_accesses__only_panics),
	};

	return cmocka_run_group_tests_name("pvpanic", tests, NULL, NULL);
}
