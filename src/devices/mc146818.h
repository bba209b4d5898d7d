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
 * A reset clears the interrupt enables, SQWE and the flags (data sheet, RESET), and the chip is
 * then as a PC's firmware leaves it: 24 hours, the clock running, no shutdown code. Time, alarm,
 * RAM and the choice between binary and BCD stay.
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
	struct timer_service timers; /* one is created */
	/* RAM sizes for the CMOS bytes that firmware fills in; all of them saturate. */
	uint64_t ram_below_4g_bytes, ram_above_4g_bytes;
};

struct mc146818;

/* Copies cfg. Fails where memory or a timer is out. Destroy with device_destroy. */
int mc146818_create(
	struct mc146818 **ret_rtc, const struct mc146818_config *cfg, struct err *e) MUST_CHECK;

/* The device to claim on the bus; borrowed. NULL for NULL. */
struct device *mc146818_device(struct mc146818 *rtc);

#endif
