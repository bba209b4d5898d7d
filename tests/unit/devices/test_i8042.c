/* SPDX-License-Identifier: MIT */
#include "fake_services.h"

#include "devices/i8042.h"

#include <stdlib.h>

#define DATA 0x60
#define COMMAND 0x64
#define FAST 0x92

#define OUTPUT_FULL 0x01
#define INPUT_FULL 0x02

struct fixture {
	struct fake_services f;
	struct device *dev;
};

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	struct i8042_config cfg;

	assert_non_null(x);
	cfg = (struct i8042_config){
		.data_port = DATA,
		.command_port = COMMAND,
		.fast_a20_port = FAST,
		.machine = fake_machine(&x->f),
	};
	assert_int_equal(i8042_create(&x->dev, &cfg, NULL), 0);
	fake_claim(&x->f, x->dev);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	fake_destroy(&x->f, x->dev);
	free(x);
	return 0;
}

static void command(struct fixture *x, unsigned cmd)
{
	fake_outb(&x->f, COMMAND, cmd);
}

/* The answer, which must be there. */
static uint8_t answer(struct fixture *x)
{
	assert_int_equal(fake_inb(&x->f, COMMAND) & (OUTPUT_FULL | INPUT_FULL), OUTPUT_FULL);
	return fake_inb(&x->f, DATA);
}

static void i8042__power_on__both_buffers_empty(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(fake_inb(&x->f, COMMAND), 0x14);
	(void)fake_inb(&x->f, DATA);
	assert_int_equal(fake_inb(&x->f, COMMAND), 0x14);
}

static void i8042__self_test__55(void **state)
{
	struct fixture *x = *state;

	command(x, 0xaa);
	assert_int_equal(answer(x), 0x55);
	assert_int_equal(fake_inb(&x->f, COMMAND) & OUTPUT_FULL, 0);
}

static void i8042__config_byte_written__reads_back_with_aux_off(void **state)
{
	struct fixture *x = *state;

	command(x, 0x60);
	fake_outb(&x->f, DATA, 0x43);
	command(x, 0x20);
	assert_int_equal(answer(x), 0x63);
	/* The system flag of the status register follows bit 2. */
	assert_int_equal(fake_inb(&x->f, COMMAND) & 0x04, 0);
	command(x, 0x60);
	fake_outb(&x->f, DATA, 0x04);
	assert_int_equal(fake_inb(&x->f, COMMAND) & 0x04, 0x04);
}

static void i8042__ram_byte_written__reads_back(void **state)
{
	struct fixture *x = *state;

	command(x, 0x7f);
	fake_outb(&x->f, DATA, 0x5c);
	command(x, 0x3f);
	assert_int_equal(answer(x), 0x5c);
}

static void i8042__keyboard_disabled_and_enabled__config_bit_4(void **state)
{
	struct fixture *x = *state;

	command(x, 0xad);
	command(x, 0x20);
	assert_int_equal(answer(x) & 0x10, 0x10);
	command(x, 0xae);
	command(x, 0x20);
	assert_int_equal(answer(x) & 0x10, 0);
}

static void i8042__aux_enabled__stays_off_and_test_fails(void **state)
{
	struct fixture *x = *state;

	command(x, 0xa8);
	command(x, 0x20);
	assert_int_equal(answer(x) & 0x20, 0x20);
	command(x, 0xa9);
	assert_int_not_equal(answer(x), 0);
}

static void i8042__aux_loopback__comes_back_without_aux_flag(void **state)
{
	struct fixture *x = *state;

	command(x, 0xd3);
	fake_outb(&x->f, DATA, 0x5a);
	assert_int_equal(fake_inb(&x->f, COMMAND) & 0x21, 0x01);
	assert_int_equal(answer(x), 0x5a);
}

static void i8042__byte_to_keyboard__answered_as_timed_out(void **state)
{
	struct fixture *x = *state;

	fake_outb(&x->f, DATA, 0xf2); /* identify */
	assert_int_equal(fake_inb(&x->f, COMMAND) & 0x41, 0x41);
	assert_int_equal(answer(x), 0xfe);
	assert_int_equal(fake_inb(&x->f, COMMAND) & 0x41, 0);
}

static void i8042__command_abandoned__next_byte_is_not_its_data(void **state)
{
	struct fixture *x = *state;

	command(x, 0xd1);
	command(x, 0xaa);
	assert_int_equal(answer(x), 0x55);
	fake_outb(&x->f, DATA, 0x00); /* would reset as data of D1 */
	assert_int_equal(x->f.requests, 0);
}

static void i8042__pulse_reset__machine_reset(void **state)
{
	struct fixture *x = *state;

	command(x, 0xff);
	assert_int_equal(x->f.requests, 0);
	command(x, 0xfe);
	assert_int_equal(x->f.requests, 1);
	assert_int_equal(x->f.last_request, MACHINE_RESET);
}

static void i8042__output_port_reset_bit_low__machine_reset(void **state)
{
	struct fixture *x = *state;

	command(x, 0xd1);
	fake_outb(&x->f, DATA, 0xdf);
	assert_int_equal(x->f.requests, 0);
	command(x, 0xd1);
	fake_outb(&x->f, DATA, 0xde);
	assert_int_equal(x->f.requests, 1);
	assert_int_equal(x->f.last_request, MACHINE_RESET);
}

static void i8042__a20_written__both_ports_agree(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(fake_inb(&x->f, FAST) & 0x02, 0x02);
	command(x, 0xd1);
	fake_outb(&x->f, DATA, 0xdd);
	assert_int_equal(fake_inb(&x->f, FAST) & 0x02, 0);
	fake_outb(&x->f, FAST, 0x02);
	command(x, 0xd0);
	assert_int_equal(answer(x) & 0x03, 0x03);
}

static void i8042__fast_reset_bit_rises__machine_reset_once(void **state)
{
	struct fixture *x = *state;

	fake_outb(&x->f, FAST, 0x02);
	assert_int_equal(x->f.requests, 0);
	fake_outb(&x->f, FAST, 0x03);
	fake_outb(&x->f, FAST, 0x03);
	assert_int_equal(x->f.requests, 1);
	assert_int_equal(x->f.last_request, MACHINE_RESET);
	assert_int_equal(fake_inb(&x->f, FAST), 0x03);
}

static void i8042__unknown_command__no_answer(void **state)
{
	struct fixture *x = *state;

	command(x, 0x00);
	command(x, 0xb7);
	assert_int_equal(fake_inb(&x->f, COMMAND) & OUTPUT_FULL, 0);
	assert_int_equal(x->f.requests, 0);
}

static void i8042__reset__as_power_on(void **state)
{
	struct fixture *x = *state;

	command(x, 0xaa);
	fake_outb(&x->f, FAST, 0x00);
	command(x, 0xd1);
	x->dev->ops->reset(x->dev);
	assert_int_equal(fake_inb(&x->f, COMMAND), 0x14);
	assert_int_equal(fake_inb(&x->f, FAST), 0x02);
	fake_outb(&x->f, DATA, 0x00);
	assert_int_equal(x->f.requests, 0);
}

static void i8042_fuzz__random_accesses__never_busy_and_only_resets(void **state)
{
	struct fixture *x = *state;
	struct fake_random r = { 0x6938303432000001ULL };

	for (unsigned i = 0; i < FAKE_FUZZ_STEPS; i++) {
		uint8_t status;

		fake_random_access(&x->f, &r, BUS_PIO, i % 3 ? DATA : FAST, i % 3 ? 5 : 1);
		status = fake_inb(&x->f, COMMAND);
		assert_int_equal(status & (INPUT_FULL | 0x10), 0x10);
		command(x, 0x20);
		assert_int_equal(answer(x) & 0x20, 0x20);
		assert_true(x->f.requests == 0 || x->f.last_request == MACHINE_RESET);
	}
	assert_true(x->f.requests > 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(i8042__power_on__both_buffers_empty),
		T(i8042__self_test__55),
		T(i8042__config_byte_written__reads_back_with_aux_off),
		T(i8042__ram_byte_written__reads_back),
		T(i8042__keyboard_disabled_and_enabled__config_bit_4),
		T(i8042__aux_enabled__stays_off_and_test_fails),
		T(i8042__aux_loopback__comes_back_without_aux_flag),
		T(i8042__byte_to_keyboard__answered_as_timed_out),
		T(i8042__command_abandoned__next_byte_is_not_its_data),
		T(i8042__pulse_reset__machine_reset),
		T(i8042__output_port_reset_bit_low__machine_reset),
		T(i8042__a20_written__both_ports_agree),
		T(i8042__fast_reset_bit_rises__machine_reset_once),
		T(i8042__unknown_command__no_answer),
		T(i8042__reset__as_power_on),
		T(i8042_fuzz__random_accesses__never_busy_and_only_resets),
	};

	return cmocka_run_group_tests_name("i8042", tests, NULL, NULL);
}
