/* SPDX-License-Identifier: MIT */
#include "fake_services.h"

#include "devices/acpi_pm.h"

#include <stdlib.h>

#define EVENT 0x600
#define STATUS EVENT
#define ENABLE (EVENT + 2)
#define CONTROL 0x604
#define TIMER 0x608
#define RESET 0xcf9
#define GSI 9
#define S5 5
#define SECOND UINT64_C(1000000000)

#define TMR 0x0001
#define PWRBTN 0x0100
#define WAK 0x8000
#define SCI_EN 0x0001
#define SLP_EN 0x2000

struct fixture {
	struct fake_services f;
	struct reporter reporter;
	struct acpi_pm *pm;
};

static struct fixture *new_fixture(bool timer_32bit)
{
	struct fixture *x = calloc(1, sizeof(*x));
	struct acpi_pm_config cfg;

	assert_non_null(x);
	x->f.monotonic_ns = SECOND / 10;
	x->reporter = fake_reporter(&x->f, REPORT_DEBUG);
	cfg = (struct acpi_pm_config){
		.event_port = EVENT,
		.control_port = CONTROL,
		.timer_port = TIMER,
		.reset_port = RESET,
		.s5_slp_typ = S5,
		.timer_32bit = timer_32bit,
		.sci = fake_irq(&x->f, GSI),
		.clock = fake_clock(&x->f),
		.timers = fake_timers(&x->f),
		.machine = fake_machine(&x->f),
		.reporter = &x->reporter,
	};
	assert_int_equal(acpi_pm_create(&x->pm, &cfg, NULL), 0);
	fake_claim(&x->f, acpi_pm_device(x->pm));
	return x;
}

static int setup(void **state)
{
	*state = new_fixture(false);
	return 0;
}

static int setup_32bit(void **state)
{
	*state = new_fixture(true);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	fake_destroy(&x->f, acpi_pm_device(x->pm));
	free(x);
	return 0;
}

static unsigned rd(struct fixture *x, unsigned port, unsigned size)
{
	return (unsigned)bus_read(&x->f.bus, BUS_PIO, port, size);
}

static void wr(struct fixture *x, unsigned port, unsigned size, unsigned value)
{
	bus_write(&x->f.bus, BUS_PIO, port, size, value);
}

static void acpi_pm__power_on__quiet_and_in_acpi_mode(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(rd(x, STATUS, 2), 0);
	assert_int_equal(rd(x, ENABLE, 2), 0);
	assert_int_equal(rd(x, CONTROL, 2), SCI_EN);
	assert_int_equal(rd(x, RESET, 1), 0);
	assert_int_equal(x->f.deadline_ns, 0);
}

static void acpi_pm__button_pressed_and_enabled__sci_until_cleared(void **state)
{
	struct fixture *x = *state;

	wr(x, ENABLE, 2, PWRBTN);
	acpi_pm_press_power_button(x->pm);
	assert_true(x->f.irq_level[GSI]);
	assert_int_equal(rd(x, STATUS, 2), PWRBTN);
	wr(x, STATUS, 2, TMR); /* clears another bit */
	assert_true(x->f.irq_level[GSI]);
	wr(x, STATUS, 2, PWRBTN);
	assert_false(x->f.irq_level[GSI]);
	assert_int_equal(rd(x, STATUS, 2), 0);
	assert_int_equal(rd(x, ENABLE, 2), PWRBTN);
}

static void acpi_pm__button_pressed_before_enabling__sci_on_enabling(void **state)
{
	struct fixture *x = *state;

	acpi_pm_press_power_button(x->pm);
	assert_false(x->f.irq_level[GSI]);
	wr(x, ENABLE, 2, PWRBTN);
	assert_true(x->f.irq_level[GSI]);
	wr(x, ENABLE, 2, 0);
	assert_false(x->f.irq_level[GSI]);
}

static void acpi_pm__event_block_byte_and_dword_access__same_registers(void **state)
{
	struct fixture *x = *state;

	wr(x, ENABLE + 1, 1, PWRBTN >> 8);
	assert_int_equal(rd(x, EVENT, 4), (unsigned)PWRBTN << 16);
	acpi_pm_press_power_button(x->pm);
	assert_int_equal(rd(x, EVENT + 1, 2), 0x0001);
	wr(x, EVENT + 1, 1, 0x01);
	assert_int_equal(rd(x, EVENT, 4), (unsigned)PWRBTN << 16);
	wr(x, EVENT, 4, 0);
	assert_int_equal(rd(x, EVENT, 4), 0);
}

static void acpi_pm__enable_all_ones__only_fixed_events_stick(void **state)
{
	struct fixture *x = *state;

	wr(x, ENABLE, 2, 0xffff);
	assert_int_equal(rd(x, ENABLE, 2), 0x0721);
}

static void acpi_pm__sleep_s5__machine_powers_off(void **state)
{
	struct fixture *x = *state;

	wr(x, CONTROL, 2, S5 << 10);
	assert_int_equal(x->f.requests, 0);
	assert_int_equal(rd(x, CONTROL, 2), S5 << 10 | SCI_EN);
	wr(x, CONTROL, 2, S5 << 10 | SLP_EN);
	assert_int_equal(x->f.requests, 1);
	assert_int_equal(x->f.last_request, MACHINE_POWER_OFF);
	assert_int_equal(rd(x, CONTROL, 2) & SLP_EN, 0);
}

static void acpi_pm__sleep_s5_by_high_byte__machine_powers_off(void **state)
{
	struct fixture *x = *state;

	wr(x, CONTROL + 1, 1, (S5 << 10 | SLP_EN) >> 8);
	assert_int_equal(x->f.requests, 1);
}

/* S1 to S4 by whatever number: none is there, and Linux waits for WAK_STS after SLP_EN. */
static void acpi_pm__other_sleep_type__awake_at_once_and_said_once(void **state)
{
	struct fixture *x = *state;

	wr(x, ENABLE, 2, 0xffff);
	for (unsigned type = 0; type < 8; type++) {
		if (type == S5)
			continue;
		wr(x, CONTROL, 2, type << 10);
		assert_int_equal(rd(x, STATUS, 2) & WAK, 0);
		wr(x, CONTROL, 2, type << 10 | SLP_EN);
		assert_int_equal(rd(x, STATUS, 2) & WAK, WAK);
		wr(x, STATUS, 2, WAK);
		assert_int_equal(rd(x, STATUS, 2) & WAK, 0);
	}
	assert_int_equal(x->f.requests, 0);
	assert_false(x->f.irq_level[GSI]);
	assert_int_equal(x->f.reports, 1);
	assert_non_null(strstr(x->f.last_report, "SLP_TYP 0"));
}

static void acpi_pm__sci_en_cleared__still_set(void **state)
{
	struct fixture *x = *state;

	wr(x, CONTROL, 2, 0);
	assert_int_equal(rd(x, CONTROL, 2), SCI_EN);
}

static void acpi_pm__timer__counts_3579545_hz_in_24_bits(void **state)
{
	struct fixture *x = *state;
	unsigned start = rd(x, TIMER, 4);

	fake_advance(&x->f, SECOND);
	assert_int_equal(rd(x, TIMER, 4) - start, 3579545);
	x->f.monotonic_ns = 1000 * SECOND;
	assert_int_equal(rd(x, TIMER, 4), 3579545000u & 0xffffff);
	wr(x, TIMER, 4, 0);
	assert_int_equal(rd(x, TIMER, 4), 3579545000u & 0xffffff);
	assert_int_equal(rd(x, TIMER + 1, 1), 3579545000u >> 8 & 0xff);
}

static void acpi_pm__timer_32_bits__upper_byte_counts(void **state)
{
	struct fixture *x = *state;

	x->f.monotonic_ns = 1000 * SECOND;
	assert_int_equal(rd(x, TIMER, 4), 3579545000u);
}

static void acpi_pm__timer_after_years__does_not_overflow(void **state)
{
	struct fixture *x = *state;

	x->f.monotonic_ns = UINT64_C(18000000000) * SECOND;
	assert_int_equal(rd(x, TIMER, 4), UINT64_C(18000000000) * 3579545 % (1u << 24));
}

static void acpi_pm__timer_top_bit_toggles__status_set(void **state)
{
	struct fixture *x = *state;

	fake_advance(&x->f, 2 * SECOND);
	assert_int_equal(rd(x, STATUS, 2) & TMR, 0);
	fake_advance(&x->f, SECOND); /* past 2^23 ticks: 2.34 s */
	assert_int_equal(rd(x, STATUS, 2) & TMR, TMR);
	wr(x, STATUS, 2, TMR);
	assert_int_equal(rd(x, STATUS, 2) & TMR, 0);
}

static void acpi_pm__timer_event_enabled__sci_at_the_toggle(void **state)
{
	struct fixture *x = *state;
	uint64_t toggle_ns = (UINT64_C(8388608) * SECOND + 3579544) / 3579545;

	wr(x, ENABLE, 2, TMR);
	assert_int_equal(x->f.deadline_ns, toggle_ns);
	x->f.monotonic_ns = toggle_ns;
	assert_true(fake_run_timer(&x->f));
	assert_true(x->f.irq_level[GSI]);
	assert_int_equal(x->f.deadline_ns, 0); /* not again before it is cleared */
	wr(x, STATUS, 2, TMR);
	assert_false(x->f.irq_level[GSI]);
	assert_in_range(x->f.deadline_ns, 2 * toggle_ns - 2, 2 * toggle_ns);
	wr(x, ENABLE, 2, 0);
	assert_int_equal(x->f.deadline_ns, 0);
}

static void acpi_pm__reset_value_written__machine_reset(void **state)
{
	struct fixture *x = *state;

	wr(x, RESET, 1, 0x02);
	assert_int_equal(x->f.requests, 0);
	assert_int_equal(rd(x, RESET, 1), 0x02);
	wr(x, RESET, 1, 0x06);
	assert_int_equal(x->f.requests, 1);
	assert_int_equal(x->f.last_request, MACHINE_RESET);
	assert_int_equal(rd(x, RESET, 1), 0x06);
}

/* A probe of PCI configuration mechanism 1 for function 6 has 06h in the middle byte. */
static void acpi_pm__wide_write_over_reset_register__no_reset(void **state)
{
	struct fixture *x = *state;

	wr(x, 0xcf8, 4, 0x80000600);
	wr(x, 0xcf8, 2, 0x0600);
	wr(x, 0xcf9, 2, 0x0606);
	wr(x, 0xcf9, 4, 0x06060606);
	assert_int_equal(x->f.requests, 0);
	assert_int_equal(rd(x, 0xcf8, 4), 0xffffffff);
	assert_int_equal(rd(x, 0xcf8, 1), 0xff);
}

static void acpi_pm__reset__sci_low_and_disarmed(void **state)
{
	struct fixture *x = *state;
	struct device *dev = acpi_pm_device(x->pm);

	wr(x, ENABLE, 2, PWRBTN | TMR);
	acpi_pm_press_power_button(x->pm);
	wr(x, RESET, 1, 0x02);
	dev->ops->reset(dev);
	assert_false(x->f.irq_level[GSI]);
	assert_int_equal(x->f.deadline_ns, 0);
	assert_int_equal(rd(x, EVENT, 4), 0);
	assert_int_equal(rd(x, RESET, 1), 0);
}

static void acpi_pm_fuzz__random_accesses__sci_is_status_and_enable(void **state)
{
	struct fixture *x = *state;
	struct fake_random r = { 0x616370695f706d31ULL };

	for (unsigned i = 0; i < FAKE_FUZZ_STEPS; i++) {
		unsigned event;

		fake_random_access(&x->f, &r, BUS_PIO, i % 4 ? EVENT : RESET, i % 4 ? 12 : 1);
		if (i % 16 == 0)
			acpi_pm_press_power_button(x->pm);
		fake_advance(&x->f, fake_random_below(&r, SECOND));
		(void)fake_run_timer(&x->f);
		event = rd(x, EVENT, 4);
		assert_int_equal(x->f.irq_level[GSI], (event & event >> 16 & 0xffff) != 0);
		assert_int_equal(rd(x, CONTROL, 2) & (SCI_EN | SLP_EN), SCI_EN);
	}
	assert_true(x->f.irq_rises[GSI] > 100);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(acpi_pm__power_on__quiet_and_in_acpi_mode),
		T(acpi_pm__button_pressed_and_enabled__sci_until_cleared),
		T(acpi_pm__button_pressed_before_enabling__sci_on_enabling),
		T(acpi_pm__event_block_byte_and_dword_access__same_registers),
		T(acpi_pm__enable_all_ones__only_fixed_events_stick),
		T(acpi_pm__sleep_s5__machine_powers_off),
		T(acpi_pm__sleep_s5_by_high_byte__machine_powers_off),
		T(acpi_pm__other_sleep_type__awake_at_once_and_said_once),
		T(acpi_pm__sci_en_cleared__still_set),
		T(acpi_pm__timer__counts_3579545_hz_in_24_bits),
		cmocka_unit_test_setup_teardown(
			acpi_pm__timer_32_bits__upper_byte_counts, setup_32bit, teardown),
		T(acpi_pm__timer_after_years__does_not_overflow),
		T(acpi_pm__timer_top_bit_toggles__status_set),
		T(acpi_pm__timer_event_enabled__sci_at_the_toggle),
		T(acpi_pm__reset_value_written__machine_reset),
		T(acpi_pm__wide_write_over_reset_register__no_reset),
		T(acpi_pm__reset__sci_low_and_disarmed),
		T(acpi_pm_fuzz__random_accesses__sci_is_status_and_enable),
	};

	return cmocka_run_group_tests_name("acpi_pm", tests, NULL, NULL);
}
