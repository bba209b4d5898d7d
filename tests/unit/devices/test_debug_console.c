/* SPDX-License-Identifier: MIT */
#include "fake_services.h"

#include "devices/debug_console.h"

#define PORT 0xe9

static struct device *claim(struct fake_services *f)
{
	struct debug_console_config cfg = { .port = PORT, .output = fake_sink(f) };
	struct device *dev = NULL;
	assert_int_equal(debug_console_create(&dev, &cfg, NULL), 0);

	fake_claim(f, dev);
	return dev;
}

static void debug_console__bytes_written__go_to_sink(void **state)
{
	struct fake_services f = { 0 };
	struct device *dev = claim(&f);

	(void)state;
	fake_outb(&f, PORT, 'h');
	fake_outb(&f, PORT, 'i');
	assert_int_equal(f.nr_sink, 2);
	assert_memory_equal(f.sink, "hi", 2);
	fake_destroy(&f, dev);
}

static void debug_console__wider_write__one_byte(void **state)
{
	struct fake_services f = { 0 };
	struct device *dev = claim(&f);

	(void)state;
	bus_write(&f.bus, BUS_PIO, PORT, 4, 0x64636261);
	assert_int_equal(f.nr_sink, 1);
	assert_int_equal(f.sink[0], 'a');
	fake_destroy(&f, dev);
}

static void debug_console__read__e9(void **state)
{
	struct fake_services f = { 0 };
	struct device *dev = claim(&f);

	(void)state;
	assert_int_equal(fake_inb(&f, PORT), 0xe9);
	dev->ops->reset(dev);
	assert_int_equal(f.nr_sink, 0);
	fake_destroy(&f, dev);
}

static void debug_console_fuzz__random_accesses__reads_e9(void **state)
{
	struct fake_services f = { 0 };
	struct fake_random r = { 0x646562756763000aULL };
	struct device *dev = claim(&f);

	(void)state;
	for (unsigned i = 0; i < FAKE_FUZZ_STEPS; i++) {
		fake_random_access(&f, &r, BUS_PIO, PORT, 1);
		assert_int_equal(fake_inb(&f, PORT), 0xe9);
	}
	fake_destroy(&f, dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(debug_console__bytes_written__go_to_sink),
		cmocka_unit_test(debug_console__wider_write__one_byte),
		cmocka_unit_test(debug_console__read__e9),
		cmocka_unit_test(debug_console_fuzz__random_accesses__reads_e9),
	};

	return cmocka_run_group_tests_name("debug_console", tests, NULL, NULL);
}
