/* SPDX-License-Identifier: MIT */
#include "fake_uart.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define PORT 0x3f8
#define GSI 4

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR, THR = RBR, FCR = IIR };

#define OUT2 0x08u
#define LOOP 0x10u
#define NO_INTERRUPT 0x01u

struct fixture {
	struct fake_services f;
	struct ns16550 *uart;
};

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	struct ns16550_config cfg;

	assert_non_null(x);
	cfg = (struct ns16550_config){
		.port = PORT,
		.irq = fake_irq(&x->f, GSI),
		.output = fake_sink(&x->f),
		.input = fake_source(&x->f),
	};
	assert_int_equal(ns16550_create(&x->uart, &cfg, NULL), 0);
	fake_claim(&x->f, ns16550_device(x->uart));
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	fake_destroy(&x->f, ns16550_device(x->uart));
	free(x);
	return 0;
}

static uint8_t rd(struct fixture *x, unsigned reg)
{
	return fake_inb(&x->f, PORT + reg);
}

static void wr(struct fixture *x, unsigned reg, unsigned value)
{
	fake_outb(&x->f, PORT + reg, value);
}

static size_t feed(struct fixture *x, const char *text)
{
	return fake_input(&x->f, x->uart, text, strlen(text));
}

static void ns16550_device__null__null(void **state)
{
	(void)state;
	device_destroy(ns16550_device(NULL));
	assert_null(ns16550_device(NULL));
}

static void ns16550__power_on__registers_as_data_sheet(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(rd(x, IER), 0);
	assert_int_equal(rd(x, IIR), NO_INTERRUPT);
	assert_int_equal(rd(x, LCR), 0);
	assert_int_equal(rd(x, MCR), 0);
	assert_int_equal(rd(x, LSR), 0x60);
	assert_int_equal(rd(x, MSR), 0xb0);
}

static void ns16550__thr_written__byte_goes_to_sink(void **state)
{
	struct fixture *x = *state;

	wr(x, THR, 'o');
	wr(x, THR, 'k');
	assert_int_equal(x->f.nr_sink, 2);
	assert_memory_equal(x->f.sink, "ok", 2);
	assert_int_equal(rd(x, LSR), 0x60);
}

static void ns16550__dlab_set__divisor_instead_of_data(void **state)
{
	struct fixture *x = *state;

	wr(x, IER, 0x05);
	wr(x, LCR, 0x83);
	wr(x, 0, 0x34);
	wr(x, 1, 0x12);
	assert_int_equal(rd(x, 0), 0x34);
	assert_int_equal(rd(x, 1), 0x12);
	wr(x, LCR, 0x03);
	assert_int_equal(rd(x, IER), 0x05);
	assert_int_equal(x->f.nr_sink, 0);
}

static void ns16550__scratch_written__reads_back(void **state)
{
	struct fixture *x = *state;

	wr(x, SCR, 0xa5);
	assert_int_equal(rd(x, SCR), 0xa5);
}

static void ns16550__ier_and_mcr_all_ones__reserved_bits_stay_zero(void **state)
{
	struct fixture *x = *state;

	wr(x, IER, 0xff);
	wr(x, MCR, 0xff);
	assert_int_equal(rd(x, IER), 0x0f);
	assert_int_equal(rd(x, MCR), 0x1f);
}

static void ns16550__lsr_and_msr_written__unchanged(void **state)
{
	struct fixture *x = *state;

	wr(x, LSR, 0xff);
	wr(x, MSR, 0xff);
	assert_int_equal(rd(x, LSR), 0x60);
	assert_int_equal(rd(x, MSR), 0xb0);
}

static void ns16550__thri_enabled_with_empty_thr__raises_irq_once(void **state)
{
	struct fixture *x = *state;

	wr(x, MCR, OUT2);
	wr(x, IER, 0x02);
	assert_true(x->f.irq_level[GSI]);
	assert_int_equal(rd(x, IIR), 0x02);
	assert_false(x->f.irq_level[GSI]);
	assert_int_equal(rd(x, IIR), NO_INTERRUPT);
	wr(x, IER, 0x02); /* not a change: nothing */
	assert_int_equal(rd(x, IIR), NO_INTERRUPT);
	assert_int_equal(x->f.irq_rises[GSI], 1);
}

static void ns16550__thri_disabled_and_enabled__raises_irq_again(void **state)
{
	struct fixture *x = *state;

	wr(x, MCR, OUT2);
	wr(x, IER, 0x02);
	(void)rd(x, IIR);
	wr(x, IER, 0x00);
	wr(x, IER, 0x02);
	assert_int_equal(rd(x, IIR), 0x02);
	assert_int_equal(x->f.irq_rises[GSI], 2);
}

static void ns16550__thr_written_with_thri__new_edge_per_byte(void **state)
{
	struct fixture *x = *state;

	wr(x, MCR, OUT2);
	wr(x, IER, 0x02);
	wr(x, THR, 'a'); /* the line is still high: must fall and rise */
	assert_int_equal(x->f.irq_rises[GSI], 2);
	assert_int_equal(rd(x, IIR), 0x02);
	wr(x, THR, 'b');
	assert_int_equal(x->f.irq_rises[GSI], 3);
}

static void ns16550__out2_clear__line_stays_low(void **state)
{
	struct fixture *x = *state;

	wr(x, IER, 0x02);
	assert_false(x->f.irq_level[GSI]);
	assert_int_equal(rd(x, IIR), 0x02); /* polling still sees it */
}

static void ns16550__out2_set_while_pending__line_rises(void **state)
{
	struct fixture *x = *state;

	wr(x, IER, 0x02);
	wr(x, MCR, OUT2);
	assert_true(x->f.irq_level[GSI]);
	wr(x, MCR, OUT2 | LOOP); /* loopback forces the OUT2 pin inactive */
	assert_false(x->f.irq_level[GSI]);
}

static void ns16550__input_without_fifo__one_byte_at_a_time(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(fake_input_space(&x->f, x->uart), 1);
	assert_int_equal(feed(x, "ab"), 1);
	assert_int_equal(fake_input_space(&x->f, x->uart), 0);
	assert_int_equal(rd(x, LSR), 0x61);
	assert_int_equal(x->f.input_wanted, 0);
	assert_int_equal(rd(x, RBR), 'a');
	assert_int_equal(x->f.input_wanted, 1);
	assert_int_equal(rd(x, LSR), 0x60);
	assert_int_equal(feed(x, "b"), 1);
	assert_int_equal(rd(x, RBR), 'b');
	assert_int_equal(x->f.input_wanted, 1); /* nothing was refused since */
}

static void ns16550__input_with_fifo__sixteen_bytes_in_order(void **state)
{
	struct fixture *x = *state;
	const char *text = "0123456789abcdefXYZ";

	wr(x, FCR, 0x01);
	assert_int_equal(feed(x, text), 16);
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(x->f.input_wanted, 0);
		assert_int_equal(rd(x, RBR), text[i]);
	}
	assert_int_equal(x->f.input_wanted, 1);
	assert_int_equal(rd(x, LSR), 0x60); /* no overrun: the rest was not taken */
	assert_int_equal(feed(x, text + 16), 3);
	assert_int_equal(rd(x, RBR), 'X');
}

static void ns16550__space_asked_when_full__notified_when_drained(void **state)
{
	struct fixture *x = *state;

	wr(x, FCR, 0x01);
	assert_int_equal(feed(x, "0123456789abcdef"), 16);
	assert_int_equal(fake_input_space(&x->f, x->uart), 0);
	wr(x, FCR, 0x03); /* clearing drains too */
	assert_int_equal(x->f.input_wanted, 1);
	assert_int_equal(fake_input_space(&x->f, x->uart), 16);
}

static void ns16550__rbr_read_when_empty__zero(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(rd(x, RBR), 0);
	assert_int_equal(rd(x, LSR), 0x60);
}

static void ns16550__below_trigger__character_timeout(void **state)
{
	struct fixture *x = *state;

	wr(x, FCR, 0x81); /* trigger at 8 */
	wr(x, MCR, OUT2);
	wr(x, IER, 0x01);
	assert_int_equal(feed(x, "abc"), 3);
	assert_int_equal(rd(x, IIR), 0xcc);
	assert_true(x->f.irq_level[GSI]);
	assert_int_equal(feed(x, "defgh"), 5);
	assert_int_equal(rd(x, IIR), 0xc4);
	(void)rd(x, RBR);
	assert_int_equal(rd(x, IIR), 0xcc);
	for (unsigned i = 0; i < 7; i++)
		(void)rd(x, RBR);
	assert_int_equal(rd(x, IIR), 0xc1);
	assert_false(x->f.irq_level[GSI]);
}

static void ns16550__each_trigger_level__data_interrupt_from_there(void **state)
{
	struct fixture *x = *state;
	static const unsigned levels[4] = { 1, 4, 8, 14 };

	wr(x, IER, 0x01);
	for (unsigned i = 0; i < 4; i++) {
		wr(x, FCR, 0x03 | i << 6);
		for (unsigned n = 1; n <= 16; n++) {
			assert_int_equal(feed(x, "x"), 1);
			assert_int_equal(rd(x, IIR), n >= levels[i] ? 0xc4 : 0xcc);
		}
	}
}

static void ns16550__fcr_without_enable__trigger_bits_ignored(void **state)
{
	struct fixture *x = *state;

	wr(x, IER, 0x01);
	wr(x, FCR, 0xc0);
	assert_int_equal(feed(x, "x"), 1);
	assert_int_equal(rd(x, IIR), 0x04);
}

static void ns16550__fifo_mode_switched__receiver_emptied(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(feed(x, "x"), 1);
	wr(x, FCR, 0x01);
	assert_int_equal(rd(x, LSR), 0x60);
	assert_int_equal(feed(x, "xyz"), 3);
	wr(x, FCR, 0x00);
	assert_int_equal(rd(x, LSR), 0x60);
	assert_int_equal(rd(x, IIR), NO_INTERRUPT);
}

static void ns16550__all_sources_pending__reported_by_priority(void **state)
{
	struct fixture *x = *state;

	wr(x, MCR, LOOP | 0x01); /* modem deltas */
	wr(x, THR, 'a');
	wr(x, THR, 'b'); /* overrun and data */
	wr(x, IER, 0x0f);
	assert_int_equal(rd(x, IIR), 0x06);
	assert_int_equal(rd(x, LSR), 0x63);
	assert_int_equal(rd(x, IIR), 0x04);
	assert_int_equal(rd(x, RBR), 'b');
	assert_int_equal(rd(x, IIR), 0x02);
	assert_int_equal(rd(x, IIR), 0x00);
	assert_true(rd(x, MSR) & 0x0f);
	assert_int_equal(rd(x, IIR), NO_INTERRUPT);
}

static void ns16550__loopback__byte_comes_back_and_sink_not_called(void **state)
{
	struct fixture *x = *state;

	wr(x, MCR, LOOP);
	wr(x, THR, 0xa7);
	assert_int_equal(x->f.nr_sink, 0);
	assert_int_equal(rd(x, LSR), 0x61);
	assert_int_equal(rd(x, RBR), 0xa7);
}

static void ns16550__loopback_fifo_overrun__first_sixteen_kept(void **state)
{
	struct fixture *x = *state;

	wr(x, FCR, 0x01);
	wr(x, MCR, LOOP);
	for (unsigned i = 0; i < 17; i++)
		wr(x, THR, i);
	assert_int_equal(rd(x, LSR), 0x63);
	assert_int_equal(rd(x, LSR), 0x61); /* reading cleared the overrun */
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(rd(x, RBR), i);
	assert_int_equal(rd(x, LSR), 0x60);
}

/* The probe of PC drivers: RTS and OUT2 looped back as CTS and DCD. */
static void ns16550__loopback__mcr_outputs_appear_in_msr(void **state)
{
	struct fixture *x = *state;

	wr(x, MCR, LOOP | 0x0a);
	assert_int_equal(rd(x, MSR) & 0xf0, 0x90);
	wr(x, MCR, LOOP | 0x05);
	assert_int_equal(rd(x, MSR) & 0xf0, 0x60);
	wr(x, MCR, 0x03);
	assert_int_equal(rd(x, MSR) & 0xf0, 0xb0);
}

static void ns16550__ring_falls_in_loopback__trailing_edge_only(void **state)
{
	struct fixture *x = *state;

	wr(x, MCR, LOOP | 0x0b);
	(void)rd(x, MSR);
	wr(x, MCR, LOOP | 0x0f);
	assert_int_equal(rd(x, MSR), 0xf0); /* RI rose: no delta */
	wr(x, MCR, LOOP | 0x0b);
	assert_int_equal(rd(x, MSR), 0xb4);
	assert_int_equal(rd(x, MSR), 0xb0);
}

static void ns16550__input_in_loopback__held_back_until_it_ends(void **state)
{
	struct fixture *x = *state;

	wr(x, MCR, LOOP);
	assert_int_equal(fake_input_space(&x->f, x->uart), 0);
	assert_int_equal(feed(x, "x"), 0);
	wr(x, THR, 'y');
	(void)rd(x, RBR);
	assert_int_equal(x->f.input_wanted, 0);
	wr(x, MCR, 0);
	assert_int_equal(x->f.input_wanted, 1);
	assert_int_equal(feed(x, "x"), 1);
}

/* What kernels do to find chips that lose the interrupt when it is enabled a second time. */
static void ns16550__thre_test_of_drivers__both_reads_see_it(void **state)
{
	struct fixture *x = *state;
	uint8_t first, second;

	wr(x, IER, 0x02);
	first = rd(x, IIR);
	wr(x, IER, 0x00);
	wr(x, IER, 0x02);
	second = rd(x, IIR);
	wr(x, IER, 0x00);
	assert_int_equal(first, 0x02);
	assert_int_equal(second, 0x02);
	assert_int_equal(rd(x, IIR), NO_INTERRUPT);
}

static void ns16550__reset__line_low_and_receiver_empty(void **state)
{
	struct fixture *x = *state;
	struct device *dev = ns16550_device(x->uart);

	wr(x, FCR, 0x01);
	wr(x, MCR, OUT2);
	wr(x, IER, 0x0f);
	assert_int_equal(feed(x, "0123456789abcdefg"), 16);
	dev->ops->reset(dev);
	assert_false(x->f.irq_level[GSI]);
	assert_int_equal(x->f.input_wanted, 1);
	assert_int_equal(rd(x, IER), 0);
	assert_int_equal(rd(x, LSR), 0x60);
	assert_int_equal(fake_input_space(&x->f, x->uart), 1);
}

static void ns16550__clear_receiver_with_fifos_off__byte_stays(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(feed(x, "x"), 1);
	wr(x, FCR, 0x02);
	assert_int_equal(rd(x, LSR) & 0x01, 0x01);
	assert_int_equal(rd(x, RBR), 'x');
}

static void ns16550__clear_receiver_with_fifos_on__emptied(void **state)
{
	struct fixture *x = *state;

	wr(x, FCR, 0x01);
	assert_int_equal(feed(x, "abc"), 3);
	wr(x, FCR, 0x01); /* no change, nothing cleared */
	assert_int_equal(rd(x, RBR), 'a');
	wr(x, FCR, 0x03);
	assert_int_equal(rd(x, LSR), 0x60);
	wr(x, FCR, 0x05); /* the transmitter's bit is not the receiver's */
	assert_int_equal(feed(x, "d"), 1);
	wr(x, FCR, 0x05);
	assert_int_equal(rd(x, RBR), 'd');
}

static void ns16550__reset__every_register_as_power_on(void **state)
{
	struct fixture *x = *state;
	struct device *dev = ns16550_device(x->uart);

	wr(x, SCR, 0x5a);
	wr(x, MCR, 0x1f);
	wr(x, LCR, 0x80);
	wr(x, 0, 0x55);
	wr(x, 1, 0xaa);
	dev->ops->reset(dev);
	assert_int_equal(rd(x, SCR), 0);
	assert_int_equal(rd(x, MCR), 0);
	assert_int_equal(rd(x, MSR), 0xb0);
	assert_int_equal(rd(x, LCR), 0);
	wr(x, LCR, 0x80);
	assert_int_equal(rd(x, 0), 12);
	assert_int_equal(rd(x, 1), 0);
}

static void ns16550__no_source__takes_none_and_drains_quietly(void **state)
{
	struct fake_services f = { 0 };
	struct ns16550_config cfg = {
		.port = PORT,
		.irq = fake_irq(&f, GSI),
		.output = fake_sink(&f),
	};
	struct ns16550 *uart = NULL;
	assert_int_equal(ns16550_create(&uart, &cfg, NULL), 0);

	(void)state;
	fake_claim(&f, ns16550_device(uart));
	assert_true(ns16550_input_ready(uart));
	assert_int_equal(fake_inb(&f, PORT + MCR), 0);
	fake_outb(&f, PORT + MCR, LOOP);
	assert_false(ns16550_input_ready(uart));
	fake_outb(&f, PORT + MCR, 0);
	fake_destroy(&f, ns16550_device(uart));
}

#define THREAD_BYTES 20000u

static void *event_loop(void *arg)
{
	struct fixture *x = arg;

	for (unsigned i = 0; i < THREAD_BYTES;) {
		uint8_t byte = (uint8_t)i;

		if (fake_input(&x->f, x->uart, &byte, 1) == 1)
			i++;
		else
			(void)sched_yield();
	}
	return NULL;
}

static void ns16550__vcpu_and_event_loop_at_once__every_byte_arrives_in_order(void **state)
{
	struct fixture *x = *state;
	unsigned wrong = 0;
	pthread_t loop;

	wr(x, FCR, 0x01);
	wr(x, MCR, OUT2);
	wr(x, IER, 0x03);
	assert_int_equal(pthread_create(&loop, NULL, event_loop, x), 0);
	for (unsigned i = 0; i < THREAD_BYTES;) {
		(void)rd(x, IIR);
		if (!(rd(x, LSR) & 0x01)) {
			(void)sched_yield();
			continue;
		}
		wrong += rd(x, RBR) != (uint8_t)i;
		wr(x, THR, i++);
	}
	assert_int_equal(pthread_join(loop, NULL), 0);
	assert_int_equal(wrong, 0);
	assert_int_equal(x->f.nr_sink, THREAD_BYTES);
}

static void ns16550_fuzz__random_accesses_and_input__line_follows_iir(void **state)
{
	struct fixture *x = *state;
	struct fake_random r = { 0x31363535306e7331ULL };
	uint8_t bytes[20] = { 0 };

	for (unsigned i = 0; i < FAKE_FUZZ_STEPS; i++) {
		size_t n = fake_random_below(&r, sizeof(bytes) + 1), space, taken;
		bool gate, level;

		fake_random_access(&x->f, &r, BUS_PIO, PORT, NS16550_NR_PORTS);
		if (i % 5 == 0) {
			space = fake_input_space(&x->f, x->uart);
			taken = fake_input(&x->f, x->uart, bytes, n);
			assert_int_equal(taken, n < space ? n : space);
		}
		gate = (rd(x, MCR) & (OUT2 | LOOP)) == OUT2;
		level = x->f.irq_level[GSI];
		assert_int_equal(level, gate && !(rd(x, IIR) & NO_INTERRUPT));
		assert_int_equal(rd(x, LSR) & 0x60, 0x60);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ns16550_device__null__null),
		T(ns16550__power_on__registers_as_data_sheet),
		T(ns16550__thr_written__byte_goes_to_sink),
		T(ns16550__dlab_set__divisor_instead_of_data),
		T(ns16550__scratch_written__reads_back),
		T(ns16550__ier_and_mcr_all_ones__reserved_bits_stay_zero),
		T(ns16550__lsr_and_msr_written__unchanged),
		T(ns16550__thri_enabled_with_empty_thr__raises_irq_once),
		T(ns16550__thri_disabled_and_enabled__raises_irq_again),
		T(ns16550__thr_written_with_thri__new_edge_per_byte),
		T(ns16550__out2_clear__line_stays_low),
		T(ns16550__out2_set_while_pending__line_rises),
		T(ns16550__input_without_fifo__one_byte_at_a_time),
		T(ns16550__input_with_fifo__sixteen_bytes_in_order),
		T(ns16550__space_asked_when_full__notified_when_drained),
		T(ns16550__rbr_read_when_empty__zero),
		T(ns16550__below_trigger__character_timeout),
		T(ns16550__each_trigger_level__data_interrupt_from_there),
		T(ns16550__fcr_without_enable__trigger_bits_ignored),
		T(ns16550__fifo_mode_switched__receiver_emptied),
		T(ns16550__all_sources_pending__reported_by_priority),
		T(ns16550__loopback__byte_comes_back_and_sink_not_called),
		T(ns16550__loopback_fifo_overrun__first_sixteen_kept),
		T(ns16550__loopback__mcr_outputs_appear_in_msr),
		T(ns16550__ring_falls_in_loopback__trailing_edge_only),
		T(ns16550__input_in_loopback__held_back_until_it_ends),
		T(ns16550__thre_test_of_drivers__both_reads_see_it),
		T(ns16550__reset__line_low_and_receiver_empty),
		cmocka_unit_test(ns16550__no_source__takes_none_and_drains_quietly),
		T(ns16550__vcpu_and_event_loop_at_once__every_byte_arrives_in_order),
		T(ns16550_fuzz__random_accesses_and_input__line_follows_iir),
		T(ns16550__clear_receiver_with_fifos_off__byte_stays),
		T(ns16550__clear_receiver_with_fifos_on__emptied),
		T(ns16550__reset__every_register_as_power_on),
	};

	return cmocka_run_group_tests_name("ns16550", tests, NULL, NULL);
}
