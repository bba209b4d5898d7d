/* SPDX-License-Identifier: MIT */
#include "fake_services.h"

#include "devices/debug_exit.h"

#define PORT 0xf4

static struct device *claim(struct fake_services *f)
{
	struct debug_exit_config cfg = { .port = PORT, .machine = fake_machine(f) };
	struct device *dev = NULL;
	assert_int_equal(debug_exit_create(&dev, &cfg, NULL), 0);

	fake_claim(f, dev);
	return dev;
}

static void debug_exit__byte_written__machine_exits_with_it(void **state)
{
	struct fake_services f = { 0 };
	struct device *dev = claim(&f);

	(void)state;
	fake_outb(&f, PORT, 0xa3);
	assert_int_equal(f.requests, 1);
	assert_int_equal(f.last_request, MACHINE_DEBUG_EXIT);
	assert_int_equal(f.last_value, 0xa3);
	fake_destroy(&f, dev);
}

static void debug_exit__wider_write__low_byte_counts(void **state)
{
	struct fake_services f = { 0 };
	struct device *dev = claim(&f);

	(void)state;
	bus_write(&f.bus, BUS_PIO, PORT, 4, 0x12345678);
	assert_int_equal(f.requests, 1);
	assert_int_equal(f.last_value, 0x78);
	fake_destroy(&f, dev);
}

static void debug_exit__read__ones(void **state)
{
	struct fake_services f = { 0 };
	struct device *dev = claim(&f);

	(void)state;
	assert_int_equal(fake_inb(&f, PORT), 0xff);
	assert_int_equal(bus_read(&f.bus, BUS_PIO, PORT, 4), 0xffffffff);
	dev->ops->reset(dev);
	assert_int_equal(f.requests, 0);
	fake_destroy(&f, dev);
}

static void debug_exit_fuzz__random_accesses__only_debug_exits(void **state)
{
	struct fake_services f = { 0 };
	struct fake_random r = { 0x6465627567657869ULL };
	struct device *dev = claim(&f);

	(void)state;
	for (unsigned i = 0; i < FAKE_FUZZ_STEPS; i++) {
		fake_random_access(&f, &r, BUS_PIO, PORT, 1);
		assert_true(f.requests == 0 || f.last_request == MACHINE_DEBUG_EXIT);
		assert_in_range(f.last_value, 0, 0xff);
	}
	fake_destroy(&f, dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(debug_exit__byte_written__machine_exits_with_it),
		cmocka_unit_test(debug_exit__wider_write__low_byte_counts),
		cmocka_unit_test(debug_exit__read__ones),
		cmocka_unit_test(debug_exit_fuzz__random_accesses__only_debug_exits),
	};

	return cmocka_run_group_tests_name("debug_exit", tests, NULL, NULL);
}
