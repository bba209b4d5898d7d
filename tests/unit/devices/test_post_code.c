/* SPDX-License-Identifier: MIT */
#include "fake_services.h"

#include "devices/post_code.h"

static void post_code__written__reads_back_until_reset(void **state)
{
	struct fake_services f = { 0 };
	struct device *dev = NULL;
	assert_int_equal(post_code_create(&dev, POST_CODE_PORT, NULL), 0);

	(void)state;
	fake_claim(&f, dev);
	assert_int_equal(fake_inb(&f, POST_CODE_PORT), 0);
	fake_outb(&f, POST_CODE_PORT, 0x5a);
	assert_int_equal(fake_inb(&f, POST_CODE_PORT), 0x5a);
	dev->ops->reset(dev);
	assert_int_equal(fake_inb(&f, POST_CODE_PORT), 0);
	fake_destroy(&f, dev);
}

static void post_code_fuzz__random_accesses__last_byte_kept(void **state)
{
	struct fake_services f = { 0 };
	struct fake_random r = { 0x706f7374636f6465ULL };
	struct device *dev = NULL;
	assert_int_equal(post_code_create(&dev, POST_CODE_PORT, NULL), 0);

	(void)state;
	fake_claim(&f, dev);
	for (unsigned i = 0; i < FAKE_FUZZ_STEPS; i++) {
		unsigned byte = (unsigned)fake_random_below(&r, 256);

		fake_random_access(&f, &r, BUS_PIO, POST_CODE_PORT, 1);
		fake_outb(&f, POST_CODE_PORT, byte);
		assert_int_equal(fake_inb(&f, POST_CODE_PORT), byte);
	}
	fake_destroy(&f, dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(post_code__written__reads_back_until_reset),
		cmocka_unit_test(post_code_fuzz__random_accesses__last_byte_kept),
	};

	return cmocka_run_group_tests_name("post_code", tests, NULL, NULL);
}
