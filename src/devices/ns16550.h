/* SPDX-License-Identifier: MIT */
/*
 * 16550A UART: the PC's serial port. Source: National Semiconductor PC16550D data sheet; names of
 * registers and bits are those of its register summary.
 *
 * The line is infinitely fast: a byte written to THR has left before the write returns, so the
 * transmitter is always empty, and input that stays below the receive trigger level has always been
 * silent for four character times, so the timeout indication comes at once. Input never overruns:
 * the event loop is told how much fits (back-pressure); only loopback can overrun the receiver.
 *
 * Owner: the machine's device list. ns16550_input_ready is called by the event loop thread.
 */
#ifndef NESTOR_DEVICES_NS16550_H
#define NESTOR_DEVICES_NS16550_H

#include "base/err.h"
#include "devices/device.h"
#include "devices/services.h"

#include <stddef.h>

#define NS16550_NR_PORTS 8

struct ns16550_config {
	uint16_t port; /* first of 8 */
	struct irq_line irq;
	struct byte_sink output; /* called without the device's lock: it may wait */
	struct byte_source input;
};

struct ns16550;

/* Copies cfg. -ENOMEM where memory is out. Destroy with device_destroy. */
int ns16550_create(
	struct ns16550 **ret_uart, const struct ns16550_config *cfg, struct err *e) MUST_CHECK;

/* The device to claim on the bus; borrowed. NULL for NULL. */
struct device *ns16550_device(struct ns16550 *uart);

/*
 * The input has bytes: receives those that there is room for. False where there is none; then
 * input's wanted is called once the guest has drained the receiver.
 */
bool ns16550_input_ready(struct ns16550 *uart);

#endif
