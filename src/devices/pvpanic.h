/* SPDX-License-Identifier: MIT */
/*
 * pvpanic: the guest's kernel tells that it has panicked. Source: QEMU, "pvpanic device", ISA
 * interface. Bit 0 (panicked) stops the machine; bit 1 (a crash kernel takes over) is reported, the
 * first time since reset, and the guest goes on. Reads give the bits that are understood.
 */
#ifndef NESTOR_DEVICES_PVPANIC_H
#define NESTOR_DEVICES_PVPANIC_H

#include "base/err.h"
#include "base/report.h"
#include "devices/device.h"
#include "devices/services.h"

#define PVPANIC_PANICKED 0x01u
#define PVPANIC_CRASH_LOADED 0x02u

struct pvpanic_config {
	uint16_t port;
	struct machine_control machine;  /* MACHINE_PANIC with the bits above */
	const struct reporter *reporter; /* borrowed; may be NULL */
};

/* Copies cfg. -ENOMEM where memory is out. Destroy with device_destroy. */
int pvpanic_create(
	struct device **ret_dev, const struct pvpanic_config *cfg, struct err *e) MUST_CHECK;

#endif
