/* SPDX-License-Identifier: MIT */
/*
 * ACPI fixed hardware: PM1a event and control blocks, power-management timer, reset register.
 * Source: ACPI 6.5, 4.8.3 (PM1 registers, PM timer) and 4.8.3.6 (reset register).
 *
 * There is no SMI command port and so no legacy mode: SCI_EN always reads as set. Of the sleep
 * states only S5 exists, as the tables say; with any other SLP_TYP the guest is awake again at once
 * (WAK_STS). The SCI is level-triggered: high while
 * any status bit is set whose enable bit is set.
 *
 * Owner: the machine's device list. The button is pressed by the event loop.
 */
#ifndef NESTOR_DEVICES_ACPI_PM_H
#define NESTOR_DEVICES_ACPI_PM_H

#include "base/err.h"
#include "base/report.h"
#include "devices/device.h"
#include "devices/services.h"

struct acpi_pm_config {
	uint16_t event_port;   /* 4 bytes: status, enable */
	uint16_t control_port; /* 2 bytes */
	uint16_t timer_port;   /* 4 bytes */
	uint16_t reset_port;   /* 1 byte; its whole aligned dword is claimed, see acpi_pm.c */
	uint8_t s5_slp_typ;    /* SLP_TYPx of \_S5, 0 to 7 */
	bool timer_32bit;      /* as the FADT's TMR_VAL_EXT says; else 24 bits */
	struct irq_line sci;
	struct clock_source clock;
	struct timer_service timers;     /* one is created */
	struct machine_control machine;  /* MACHINE_POWER_OFF, MACHINE_RESET */
	const struct reporter *reporter; /* borrowed; may be NULL */
};

struct acpi_pm;

/* Copies cfg. Fails where memory or a timer is out. Destroy with device_destroy. */
int acpi_pm_create(
	struct acpi_pm **ret_pm, const struct acpi_pm_config *cfg, struct err *e) MUST_CHECK;

/* The device to claim on the bus; borrowed. NULL for NULL. */
struct device *acpi_pm_device(struct acpi_pm *pm);

/* The power button was pressed and let go: sets PWRBTN_STS, for the guest to shut down. */
void acpi_pm_press_power_button(struct acpi_pm *pm);

#endif
