/* SPDX-License-Identifier: MIT */
/*
 * Debug exit: a guest (a test, usually) writes a byte to one port and the machine stops with that
 * value. Reads give ones. Of a wider write the low byte counts.
 */
#ifndef NESTOR_DEVICES_DEBUG_EXIT_H
#define NESTOR_DEVICES_DEBUG_EXIT_H

#include "base/err.h"
#include "devices/device.h"
#include "devices/services.h"

struct debug_exit_config {
	uint16_t port;
	struct machine_control machine; /* MACHINE_DEBUG_EXIT */
};

/* Copies cfg. -ENOMEM where memory is out. Destroy with device_destroy. */
int debug_exit_create(
	struct device **ret_dev, const struct debug_exit_config *cfg, struct err *e) MUST_CHECK;

#endif
