/* SPDX-License-Identifier: MIT */
/* What chips that act of their own accord do, and do not, between quiesce and resume. */
#include "fake_uart.h"

#include "devices/acpi_pm.h"
#include "devices/mc146818.h"

#include <errno.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define PM_TOGGLE_NS (UINT64_C(8388608) * SECOND / 3579545 + 1)

static void quiesce(struct device *dev)
{
	dev->ops->quiesce(dev);
}

static void resume(struct device *dev)
{
	dev->ops->resume(dev);
}

static struct ns16550 *new_uart(struct fake_services *f)
{
	const struct ns16550_config cfg = { .port = 0x3f8,
		.irq = fake_irq(f, 4),
		.output = fake_sink(f),
		.input = fake_source(f) };
	struct ns16550 *uart = NULL;
	assert_int_equal(ns16550_create(&uart, &cfg, NULL), 0);
	fake_claim(f, ns16550_device(uart));
	return uart;
}

static void ns16550__input_while_quiesced__refused_and_wanted_after(void **state)
{
	struct fake_services f = { 0 };
	struct ns16550 *uart = new_uart(&f);
	struct device *dev = ns16550_device(uart);
	const uint8_t byte = 'x';
	(void)state;
	quiesce(dev);
	assert_int_equal(fake_input_space(&f, uart), 0);
	assert_int_equal(fake_input(&f, uart, &byte, 1), 0);
	assert_int_equal(f.input_wanted, 0);
	resume(dev);
	assert_int_equal(f.input_wanted, 1);
	assert_int_equal(fake_input(&f, uart, &byte, 1), 1);
	assert_int_equal(fake_inb(&f, 0x3f8), 'x');
	/* Nobody was refused: nobody is asked. */
	quiesce(dev);
	resume(dev);
	assert_int_equal(f.input_wanted, 1);
	fake_destroy(&f, dev);
}

/* The receiver is still full when the machine goes on: room comes when the guest reads. */
static void ns16550__full_when_quiesced__wanted_once_read(void **state)
{
	struct fake_services f = { 0 };
	struct ns16550 *uart = new_uart(&f);
	struct device *dev = ns16550_device(uart);
	const uint8_t byte = 'x';
	(void)state;
	assert_int_equal(fake_input(&f, uart, &byte, 1), 1);
	quiesce(dev);
	assert_int_equal(fake_input_space(&f, uart), 0);
	resume(dev);
	assert_int_equal(f.input_wanted, 0);
	assert_int_equal(fake_inb(&f, 0x3f8), 'x');
	assert_int_equal(f.input_wanted, 1);
	fake_destroy(&f, dev);
}

/* Who was refused on the other side is not known here: the source is asked in any case. */
static void ns16550__loaded__input_wanted_on_resume(void **state)
{
	struct fake_services f = { 0 };
	struct device *dev = ns16550_device(new_uart(&f));
	struct state_writer w = { 0 };
	struct err e = ERR_INIT;
	(void)state;
	quiesce(dev);
	state_begin(&w, "serial0", "16550A", 1);
	dev->ops->save(dev, &w);
	state_end(&w);
	struct state_reader r = state_reader(w.bytes, w.used);
	assert_int_equal(state_next(&r, &e), 1);
	assert_int_equal(dev->ops->load(dev, &r, &e), 0);
	assert_int_equal(f.input_wanted, 0);
	resume(dev);
	assert_int_equal(f.input_wanted, 1);
	state_writer_done(&w);
	fake_destroy(&f, dev);
}

static struct acpi_pm *new_pm(struct fake_services *f)
{
	const struct acpi_pm_config cfg = { .event_port = 0x600,
		.control_port = 0x604,
		.timer_port = 0x608,
		.reset_port = 0xcf9,
		.s5_slp_typ = 5,
		.sci = fake_irq(f, 9),
		.clock = fake_clock(f),
		.timers = fake_timers(f),
		.machine = fake_machine(f) };
	struct acpi_pm *pm = NULL;
	assert_int_equal(acpi_pm_create(&pm, &cfg, NULL), 0);
	fake_claim(f, acpi_pm_device(pm));
	return pm;
}

static void acpi_pm__timer_while_quiesced__interrupt_on_resume(void **state)
{
	struct fake_services f = { 0 };
	struct device *dev = acpi_pm_device(new_pm(&f));
	(void)state;
	bus_write(&f.bus, BUS_PIO, 0x602, 2, 1);
	assert_int_equal(f.deadline_ns, PM_TOGGLE_NS);
	quiesce(dev);
	assert_int_equal(f.deadline_ns, 0);
	fake_advance(&f, PM_TOGGLE_NS);
	f.timer_fn(f.timer_ctx); /* it was on its way */
	assert_false(f.irq_level[9]);
	assert_int_equal(f.deadline_ns, 0);
	resume(dev);
	assert_true(f.irq_level[9]);
	fake_destroy(&f, dev);
}

static void acpi_pm__quiesced_with_time_standing_still__armed_as_before(void **state)
{
	struct fake_services f = { 0 };
	struct device *dev = acpi_pm_device(new_pm(&f));
	(void)state;
	bus_write(&f.bus, BUS_PIO, 0x602, 2, 1);
	quiesce(dev);
	resume(dev);
	assert_int_equal(f.deadline_ns, PM_TOGGLE_NS);
	assert_false(f.irq_level[9]);
	fake_destroy(&f, dev);
}

static void acpi_pm__power_button_while_quiesced__sci_on_resume(void **state)
{
	struct fake_services f = { 0 };
	struct acpi_pm *pm = new_pm(&f);
	struct device *dev = acpi_pm_device(pm);
	(void)state;
	bus_write(&f.bus, BUS_PIO, 0x602, 2, 0x100);
	quiesce(dev);
	acpi_pm_press_power_button(pm);
	assert_false(f.irq_level[9]);
	resume(dev);
	assert_true(f.irq_level[9]);
	assert_int_equal(bus_read(&f.bus, BUS_PIO, 0x600, 2), 0x100);
	fake_destroy(&f, dev);
}

static struct device *new_rtc(struct fake_services *f)
{
	const struct mc146818_config cfg = { .port = 0x70,
		.irq = fake_irq(f, 8),
		.clock = fake_clock(f),
		.timers = fake_timers(f) };
	f->wall_ns = 1000 * SECOND;
	struct mc146818 *rtc = NULL;
	assert_int_equal(mc146818_create(&rtc, &cfg, NULL), 0);
	struct device *dev = mc146818_device(rtc);
	fake_claim(f, dev);
	return dev;
}

static void wr(struct fake_services *f, unsigned reg, unsigned value)
{
	fake_outb(f, 0x70, reg);
	fake_outb(f, 0x71, value);
}

static uint8_t rd(struct fake_services *f, unsigned reg)
{
	fake_outb(f, 0x70, reg);
	return fake_inb(f, 0x71);
}

/* The guest's time stood still, and the wall clock went on: an update is due at once. */
static void mc146818__quiesced_while_the_wall_clock_goes_on__made_up_for(void **state)
{
	struct fake_services f = { 0 };
	struct device *dev = new_rtc(&f);
	(void)state;
	wr(&f, 0x0b, 0x12);
	assert_int_equal(f.deadline_ns, SECOND);
	quiesce(dev);
	assert_int_equal(f.deadline_ns, 0);
	f.wall_ns += 10 * SECOND + SECOND / 4;
	f.timer_fn(f.timer_ctx);
	assert_false(f.irq_level[8]);
	resume(dev);
	assert_true(f.irq_level[8]);
	assert_int_equal(rd(&f, 0x00), 0x50); /* 16 min 40 s, and ten */
	assert_int_equal(rd(&f, 0x0c), 0x90);
	assert_false(f.irq_level[8]);
	assert_int_equal(f.deadline_ns, SECOND * 3 / 4);
	fake_destroy(&f, dev);
}

/* Also where it was reset meanwhile. */
static void chips__reset_while_quiesced__no_timer_armed(void **state)
{
	struct fake_services f = { 0 };
	struct device *dev = new_rtc(&f);
	(void)state;
	quiesce(dev);
	wr(&f, 0x0b, 0x52);
	assert_int_equal(f.deadline_ns, 0);
	dev->ops->reset(dev);
	assert_int_equal(f.deadline_ns, 0);
	resume(dev);
	assert_int_equal(f.deadline_ns, 0);
	wr(&f, 0x0b, 0x52);
	assert_true(f.deadline_ns != 0);
	fake_destroy(&f, dev);
}

static int refuse_timer(
	void *ctx, void (*fn)(void *fn_ctx), void *fn_ctx, struct timer **ret_timer, struct err *e)
{
	(void)ctx;
	(void)fn;
	(void)fn_ctx;
	(void)ret_timer;
	return err_set(e, -ENOSPC, "no timer left");
}

static void chips__no_timer_to_be_had__not_created_and_said(void **state)
{
	struct fake_services f = { 0 };
	struct timer_service none = fake_timers(&f);
	struct acpi_pm *no_pm = NULL;
	struct mc146818 *no_rtc = NULL;
	struct err e = ERR_INIT;
	(void)state;
	none.create = refuse_timer;
	const struct acpi_pm_config pm = { .clock = fake_clock(&f), .timers = none };
	const struct mc146818_config rtc = { .clock = fake_clock(&f), .timers = none };
	assert_int_equal(acpi_pm_create(&no_pm, &pm, &e), -ENOSPC);
	assert_string_equal(e.msg, "no timer left");
	e.msg[0] = '\0';
	assert_int_equal(mc146818_create(&no_rtc, &rtc, &e), -ENOSPC);
	assert_string_equal(e.msg, "no timer left");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ns16550__input_while_quiesced__refused_and_wanted_after),
		cmocka_unit_test(ns16550__full_when_quiesced__wanted_once_read),
		cmocka_unit_test(ns16550__loaded__input_wanted_on_resume),
		cmocka_unit_test(acpi_pm__timer_while_quiesced__interrupt_on_resume),
		cmocka_unit_test(acpi_pm__quiesced_with_time_standing_still__armed_as_before),
		cmocka_unit_test(acpi_pm__power_button_while_quiesced__sci_on_resume),
		cmocka_unit_test(mc146818__quiesced_while_the_wall_clock_goes_on__made_up_for),
		cmocka_unit_test(chips__reset_while_quiesced__no_timer_armed),
		cmocka_unit_test(chips__no_timer_to_be_had__not_created_and_said),
	};
	return cmocka_run_group_tests_name("quiesce", tests, NULL, NULL);
}
