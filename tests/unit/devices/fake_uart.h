/* SPDX-License-Identifier: MIT */
/* A serial port whose input is the fake source of fake_services.h. */
#ifndef NESTOR_TESTS_UNIT_DEVICES_FAKE_UART_H
#define NESTOR_TESTS_UNIT_DEVICES_FAKE_UART_H

#include "fake_services.h"

#include "devices/ns16550.h"

/* Tells of these bytes as the event loop does, until all are taken or there is no room; how many
 * were. */
static inline size_t fake_input(
	struct fake_services *f, struct ns16550 *uart, const void *bytes, size_t n)
{
	size_t taken;

	f->source = bytes;
	f->nr_source = n;
	while (f->nr_source > 0 && ns16550_input_ready(uart)) {
	}
	taken = n - f->nr_source;
	f->nr_source = 0;
	return taken;
}

/* For how many there is room: it asks for so many, and gets none. */
static inline size_t fake_input_space(struct fake_services *f, struct ns16550 *uart)
{
	bool room;

	f->asked = 0;
	room = ns16550_input_ready(uart);
	assert_int_equal(room, f->asked > 0);
	return f->asked;
}

#endif
