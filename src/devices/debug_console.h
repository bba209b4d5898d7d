/* SPDX-License-Identifier: MIT */
/*
 * Debug console: bytes written to one port go to a sink. Reads give E9h, by which guests recognise
 * that the console is there.
 */
#ifndef NESTOR_DEVICES_DEBUG_CONSOLE_H
#define NESTOR_DEVICES_DEBUG_CONSOLE_H

#include "base/err.h"
#include "devices/device.h"
#include "devices/services.h"

struct debug_console_config {
	uint16_t port;
	struct byte_sink output;
};

/* Copies cfg. -ENOMEM where memory is out. Destroy with device_destroy. */
int debug_console_create(
	struct device **ret_dev, const struct debug_console_config *cfg, struct err *e) MUST_CHECK;

#endif
