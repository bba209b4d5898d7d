/* SPDX-License-Identifier: MIT */
/*
 * 82093AA I/O APIC with 24 pins, in userspace: for a machine whose local APICs are KVM's and whose
 * I/O APIC is not (split irqchip). Source: Intel 82093AA data sheet; version 20h adds the EOI
 * register of later chipsets, which guests use when they suppress EOI broadcasts.
 *
 * Pins are asserted or not: polarity is stored, and is the business of whoever drives them. An edge
 * on a masked pin is lost, as the data sheet has it.
 *
 * Order: after a change of an entry the pin sends nothing until routes_changed has returned. KVM
 * reports the EOI of a level interrupt only where its routes know the vector, so the route must be
 * in place before the first such interrupt, or its EOI and with it the pin would be lost. For the
 * same reason a level entry's route must outlive its masking: the interrupt may be in service.
 *
 * Owner: the machine's device list. set_pin and eoi may be called from any thread.
 */
#ifndef NESTOR_DEVICES_IOAPIC_H
#define NESTOR_DEVICES_IOAPIC_H

#include "base/err.h"
#include "devices/device.h"
#include "devices/services.h"

#define IOAPIC_NR_PINS 24
#define IOAPIC_MMIO_SIZE 0x1000

/* Redirection table entry bits that others than the I/O APIC itself look at. */
#define IOAPIC_ENTRY_REMOTE_IRR (UINT64_C(1) << 14)
#define IOAPIC_ENTRY_LEVEL (UINT64_C(1) << 15)
#define IOAPIC_ENTRY_MASKED (UINT64_C(1) << 16)

struct ioapic_config {
	struct gpa base; /* of IOAPIC_MMIO_SIZE bytes */
	uint8_t id;      /* after reset; 0 to 15 */
	struct msi_sink msi;
	/* Told, without the device's lock, after entries changed; reads them by ioapic_entry. */
	void (*routes_changed)(void *ctx);
	void *routes_ctx;
};

/* The message that an entry stands for: SDM vol. 3, "Message Signalled Interrupts". */
struct ioapic_message {
	uint64_t address; /* destination ID bits 14:8, from entry bits 55:49, in bits 11:5 */
	uint32_t data;
};

struct ioapic;

/* Copies cfg. -ENOMEM where memory is out. Destroy with device_destroy. */
int ioapic_create(
	struct ioapic **ret_ioapic, const struct ioapic_config *cfg, struct err *e) MUST_CHECK;

/* The device to claim on the bus; borrowed. NULL for NULL. */
struct device *ioapic_device(struct ioapic *ioapic);

/* Asserts or deasserts a pin; pins that do not exist are ignored. */
void ioapic_set_pin(struct ioapic *ioapic, unsigned pin, bool level);

/* A local APIC ended a level-triggered interrupt: pins still asserted are sent again. */
void ioapic_eoi(struct ioapic *ioapic, uint8_t vector);

/* The redirection table entry of a pin, masked and otherwise 0 for pins that do not exist. */
uint64_t ioapic_entry(struct ioapic *ioapic, unsigned pin);

/* Translates an entry, masked or not. */
struct ioapic_message ioapic_entry_message(uint64_t entry);

#endif
