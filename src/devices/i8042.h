/* SPDX-License-Identifier: MIT */
/*
 * 8042 keyboard controller with nothing plugged in, and the PC's port 0x92 (fast A20 and reset).
 * Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device
 * Controller" and "System Control Port A".
 *
 * It answers commands at once and has no interrupt line. What is sent to the keyboard is answered
 * as by a controller whose keyboard stays silent: FEh with the time-out bit. There is no second
 * (auxiliary) port. A20 is a bit to be read back only: guest memory never wraps at 1 MiB.
 */
#ifndef NESTOR_DEVICES_I8042_H
#define NESTOR_DEVICES_I8042_H

#include "base/err.h"
#include "devices/device.h"
#include "devices/services.h"

#define I8042_PORT_FAST_A20 0x92

struct i8042_config {
	uint16_t data_port, command_port, fast_a20_port;
	struct machine_control machine; /* asked for MACHINE_RESET */
};

/* Copies cfg. -ENOMEM where memory is out. Destroy with device_destroy. */
int i8042_create(struct device **ret_dev, const struct i8042_config *cfg, struct err *e) MUST_CHECK;

#endif
