/* SPDX-License-Identifier: MIT */
/*
 * MC146818 real-time clock with 128 bytes of CMOS RAM, at its PC ports. Source: Motorola MC146818A
 * data sheet; the meaning of the CMOS bytes is the PC/AT's.
 *
 * Time is the host's wall clock in UTC plus an offset that the guest sets by writing the time, so
 * the guest follows the host's clock when that is corrected. Nothing ticks: the time and the flags
 * of register C are worked out when the guest looks, and the timer is armed only for an interrupt
 * that is enabled and not raised yet. The day of the week always follows the date.
 *
 * Owner: the machine's device list.
 */
#ifndef NESTOR_DEVICES_MC146818_H
#define NESTOR_DEVICES_MC146818_H

#include "base/err.h"
#include "devices/device.h"
#include "devices/services.h"

#define MC146818_CENTURY 0x32 /* CMOS byte for the FADT's CENTURY field (ACPI 6.5, 5.2.9) */

struct mc146818_config {
	uint16_t port; /* index; data is the next one */
	struct irq_line irq;
	struct clock_source clock;
	struct timer_handle timer; /* must call mc146818_timer_expired */
	/* RAM sizes for the CMOS bytes that firmware fills in; all of them saturate. */
	uint64_t ram_below_4g_bytes, ram_above_4g_bytes;
};

struct mc146818;

/* Copies cfg. NULL, with e set, where memory is out. Destroy with device_destroy. */
struct mc146818 *mc146818_create(const struct mc146818_config *cfg, struct err *e);

/* The device to claim on the bus; borrowed. NULL for NULL. */
struct device *mc146818_device(struct mc146818 *rtc);

/* For the event loop, when the timer's deadline has come; harmless at any other time. */
void mc146818_timer_expired(struct mc146818 *rtc);

#endif
