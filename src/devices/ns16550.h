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
 * Owner: the machine's device list. ns16550_input* are called by the event loop thread.
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
	struct byte_sink output;          /* called without the device's lock: it may wait */
	struct input_wanted input_wanted; /* notify may be NULL: nobody feeds input */
};

struct ns16550;

/* Copies cfg. -ENOMEM where memory is out. Destroy with device_destroy. */
int ns16550_create(
	struct ns16550 **ret_uart, const struct ns16550_config *cfg, struct err *e) MUST_CHECK;

/* The device to claim on the bus; borrowed. NULL for NULL. */
struct device *ns16550_device(struct ns16550 *uart);

/*
 * How many bytes ns16550_input would take now. Where that is 0, input_wanted is notified once the
 * guest has drained the receiver.
 */
size_t ns16550_input_space(struct ns16550 *uart);

/*
 * Receives up to n bytes from the line, in order; returns how many were taken, the rest is still
 * the caller's. Where that is fewer than n, input_wanted is notified as above.
 */
size_t ns16550_input(struct ns16550 *uart, const uint8_t *bytes, size_t n) MUST_CHECK;

#endif
