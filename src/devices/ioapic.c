/* SPDX-License-Identifier: MIT */
#include "devices/ioapic.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* MMIO offsets. */
#define MMIO_INDEX 0x00
#define MMIO_DATA 0x10
#define MMIO_EOI 0x40

/* Registers behind the index. */
#define REG_ID 0x00
#define REG_VERSION 0x01
#define REG_ARBITRATION 0x02
#define REG_ENTRIES 0x10

#define VERSION_WITH_EOI 0x20u
#define ID_SHIFT 24
#define ID_MASK 0x0fu

#define ENTRY_VECTOR UINT64_C(0xff)
#define ENTRY_DELIVERY_MODE UINT64_C(0x700)
#define ENTRY_LOGICAL (UINT64_C(1) << 11)
#define ENTRY_POLARITY (UINT64_C(1) << 13)
#define ENTRY_EXTENDED_SHIFT 49 /* destination bits 14:8, 7 bits */
#define ENTRY_DESTINATION_SHIFT 56
/* What a guest can write; delivery status always reads as idle, remote IRR is the chip's own. */
#define ENTRY_WRITABLE                                                                             \
	(ENTRY_VECTOR | ENTRY_DELIVERY_MODE | ENTRY_LOGICAL | ENTRY_POLARITY |                     \
		IOAPIC_ENTRY_LEVEL | IOAPIC_ENTRY_MASKED | UINT64_C(0xfffe) << 48)

#define DELIVERY_FIXED (UINT64_C(0) << 8)
#define DELIVERY_LOWEST_PRIORITY (UINT64_C(1) << 8)

#define MSI_ADDRESS_BASE UINT64_C(0xfee00000)
#define MSI_DATA_ASSERT (UINT32_C(1) << 14)
#define MSI_DATA_LEVEL (UINT32_C(1) << 15)

/* What a guest can notice, and what is saved. */
struct ioapic_state {
	uint8_t index, id;
	uint64_t entries[IOAPIC_NR_PINS];
	uint32_t asserted; /* pins, by bit */
};

struct ioapic {
	struct device dev; /* first */
	struct ioapic_config cfg;

	pthread_mutex_t lock; /* guards all below */
	struct ioapic_state state;
	uint32_t edges; /* pins with an edge still to be sent; only while there is a hold */
	/* Calls of routes_changed under way for a pin; it sends nothing meanwhile. */
	unsigned holds[IOAPIC_NR_PINS];
};

static struct ioapic *from_device(struct device *dev)
{
	return (struct ioapic *)dev;
}

/* NMI, SMI, INIT and ExtINT are edges whatever the trigger mode says (data sheet, DELMOD). */
static bool is_level(uint64_t entry)
{
	uint64_t mode = entry & ENTRY_DELIVERY_MODE;

	return (entry & IOAPIC_ENTRY_LEVEL) &&
	       (mode == DELIVERY_FIXED || mode == DELIVERY_LOWEST_PRIORITY);
}

struct ioapic_message ioapic_entry_message(uint64_t entry)
{
	uint64_t destination = entry >> ENTRY_DESTINATION_SHIFT;
	uint64_t extended = entry >> ENTRY_EXTENDED_SHIFT & 0x7f;
	uint64_t logical = entry & ENTRY_LOGICAL ? 1 : 0;
	uint32_t data = (uint32_t)(entry & (ENTRY_DELIVERY_MODE | ENTRY_VECTOR));

	if (is_level(entry))
		data |= MSI_DATA_LEVEL | MSI_DATA_ASSERT;
	return (struct ioapic_message){
		.address = MSI_ADDRESS_BASE | destination << 12 | extended << 5 | logical << 2,
		.data = data,
	};
}

/* Sends what the pin has to send, where it may. */
static void service_pin(struct ioapic *s, unsigned pin)
{
	uint32_t bit = UINT32_C(1) << pin;
	uint64_t entry = s->state.entries[pin];
	struct ioapic_message message;

	if (s->holds[pin])
		return;
	if (entry & IOAPIC_ENTRY_MASKED) {
		s->edges &= ~bit;
		return;
	}
	if (is_level(entry)) {
		s->edges &= ~bit;
		if (!(s->state.asserted & bit) || (entry & IOAPIC_ENTRY_REMOTE_IRR))
			return;
		s->state.entries[pin] |= IOAPIC_ENTRY_REMOTE_IRR;
	} else {
		if (!(s->edges & bit))
			return;
		s->edges &= ~bit;
	}
	message = ioapic_entry_message(entry);
	s->cfg.msi.send(s->cfg.msi.ctx, message.address, message.data);
}

void ioapic_set_pin(struct ioapic *s, unsigned pin, bool level)
{
	uint32_t bit;

	if (pin >= IOAPIC_NR_PINS)
		return;
	bit = UINT32_C(1) << pin;
	pthread_mutex_lock(&s->lock);
	if (level && !(s->state.asserted & bit) && !(s->state.entries[pin] & IOAPIC_ENTRY_MASKED))
		s->edges |= bit;
	s->state.asserted = level ? s->state.asserted | bit : s->state.asserted & ~bit;
	service_pin(s, pin);
	pthread_mutex_unlock(&s->lock);
}

static void end_of_interrupt(struct ioapic *s, uint8_t vector)
{
	for (unsigned pin = 0; pin < IOAPIC_NR_PINS; pin++) {
		uint64_t entry = s->state.entries[pin];

		if (!(entry & IOAPIC_ENTRY_REMOTE_IRR) || (entry & ENTRY_VECTOR) != vector)
			continue;
		s->state.entries[pin] &= ~IOAPIC_ENTRY_REMOTE_IRR;
		service_pin(s, pin);
	}
}

void ioapic_eoi(struct ioapic *s, uint8_t vector)
{
	pthread_mutex_lock(&s->lock);
	end_of_interrupt(s, vector);
	pthread_mutex_unlock(&s->lock);
}

uint64_t ioapic_entry(struct ioapic *s, unsigned pin)
{
	uint64_t entry = IOAPIC_ENTRY_MASKED;

	if (pin >= IOAPIC_NR_PINS)
		return entry;
	pthread_mutex_lock(&s->lock);
	entry = s->state.entries[pin];
	pthread_mutex_unlock(&s->lock);
	return entry;
}

static uint32_t read_register(const struct ioapic *s, unsigned reg)
{
	unsigned pin = (reg - REG_ENTRIES) / 2;

	switch (reg) {
	case REG_ID:
	case REG_ARBITRATION:
		return (uint32_t)s->state.id << ID_SHIFT;
	case REG_VERSION:
		return VERSION_WITH_EOI | (IOAPIC_NR_PINS - 1) << 16;
	default:
		if (reg < REG_ENTRIES || pin >= IOAPIC_NR_PINS)
			return 0;
		return (uint32_t)(s->state.entries[pin] >> (reg % 2 * 32));
	}
}

/*
 * Writes one half of an entry; with the lock held on entry and return, but not all the while: see
 * "Order" in ioapic.h.
 */
static void write_entry_half(struct ioapic *s, unsigned pin, bool high, uint32_t value)
{
	uint64_t mask = ENTRY_WRITABLE & (bit_mask(32) << (high ? 32 : 0));
	uint64_t old = s->state.entries[pin];
	uint64_t entry = (old & ~mask) | ((uint64_t)value << (high ? 32 : 0) & mask);
	bool changed = ((old ^ entry) & ENTRY_WRITABLE) != 0;

	/* Guests also clear a stuck remote IRR by making the pin edge-triggered for a moment. */
	if (!is_level(entry))
		entry &= ~IOAPIC_ENTRY_REMOTE_IRR;
	s->state.entries[pin] = entry;
	if (changed) {
		s->holds[pin]++;
		pthread_mutex_unlock(&s->lock);
		s->cfg.routes_changed(s->cfg.routes_ctx);
		pthread_mutex_lock(&s->lock);
		s->holds[pin]--;
	}
	service_pin(s, pin);
}

static void write_register(struct ioapic *s, unsigned reg, uint32_t value)
{
	unsigned pin = (reg - REG_ENTRIES) / 2;

	if (reg == REG_ID)
		s->state.id = value >> ID_SHIFT & ID_MASK;
	else if (reg >= REG_ENTRIES && pin < IOAPIC_NR_PINS)
		write_entry_half(s, pin, reg % 2, value);
}

static uint64_t ioapic_read(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes)
{
	struct ioapic *s = from_device(dev);
	uint64_t value = 0;

	(void)region;
	(void)size_bytes; /* the bus takes what it asked for of the dword */
	pthread_mutex_lock(&s->lock);
	if ((offset & ~UINT64_C(3)) == MMIO_INDEX)
		value = s->state.index;
	else if ((offset & ~UINT64_C(3)) == MMIO_DATA)
		value = read_register(s, s->state.index);
	pthread_mutex_unlock(&s->lock);
	return value >> (offset % 4 * 8);
}

static void ioapic_write(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct ioapic *s = from_device(dev);

	(void)region;
	pthread_mutex_lock(&s->lock);
	if (offset == MMIO_INDEX)
		s->state.index = (uint8_t)value;
	else if (offset == MMIO_DATA && size_bytes == 4) /* must be a dword (data sheet, IOWIN) */
		write_register(s, s->state.index, (uint32_t)value);
	else if (offset == MMIO_EOI)
		end_of_interrupt(s, (uint8_t)value);
	pthread_mutex_unlock(&s->lock);
}

/* The pins keep their levels: they belong to the devices, whose own reset drops them. */
static void power_on(struct ioapic *s)
{
	s->state.index = 0;
	s->state.id = s->cfg.id & ID_MASK;
	s->edges = 0;
	for (unsigned pin = 0; pin < IOAPIC_NR_PINS; pin++)
		s->state.entries[pin] = IOAPIC_ENTRY_MASKED;
}

static void ioapic_reset(struct device *dev)
{
	struct ioapic *s = from_device(dev);

	pthread_mutex_lock(&s->lock);
	power_on(s);
	pthread_mutex_unlock(&s->lock);
	s->cfg.routes_changed(s->cfg.routes_ctx);
}

static void ioapic_save(struct device *dev, struct state_writer *w)
{
	struct ioapic *s = from_device(dev);
	const struct ioapic_state *now = &s->state;

	pthread_mutex_lock(&s->lock);
	state_put_number(w, "index", now->index);
	state_put_number(w, "id", now->id);
	state_put_numbers(w, "entries", now->entries, IOAPIC_NR_PINS);
	state_put_number(w, "asserted", now->asserted);
	pthread_mutex_unlock(&s->lock);
}

static void check_entry(struct state_reader *r, uint64_t entry, bool asserted)
{
	bool in_service = entry & IOAPIC_ENTRY_REMOTE_IRR;

	if (entry & ~(ENTRY_WRITABLE | IOAPIC_ENTRY_REMOTE_IRR))
		state_refuse(r, "entries", "one has bits that cannot be written");
	if (in_service && !is_level(entry))
		state_refuse(r, "entries", "one of an edge has remote IRR");
	if (asserted && is_level(entry) && !(entry & IOAPIC_ENTRY_MASKED) && !in_service)
		state_refuse(r, "entries", "one has an interrupt that should have been sent");
}

/* Of the pins that are asserted, the devices tell as they load, which is later (device_list.h). */
static int ioapic_load(struct device *dev, struct state_reader *r, struct err *e)
{
	struct ioapic *s = from_device(dev);
	struct ioapic_state loaded;
	int rc;

	loaded.index = (uint8_t)state_get_number(r, "index", 0, 0xff);
	loaded.id = (uint8_t)state_get_number(r, "id", 0, ID_MASK);
	state_get_numbers(r, "entries", loaded.entries, IOAPIC_NR_PINS);
	loaded.asserted = (uint32_t)state_get_number(r, "asserted", 0, bit_mask(IOAPIC_NR_PINS));
	for (unsigned pin = 0; pin < IOAPIC_NR_PINS; pin++)
		check_entry(r, loaded.entries[pin], loaded.asserted >> pin & 1);
	rc = state_read(r, e);
	if (rc)
		return rc;
	pthread_mutex_lock(&s->lock);
	s->state = loaded;
	s->edges = 0;
	pthread_mutex_unlock(&s->lock);
	s->cfg.routes_changed(s->cfg.routes_ctx);
	return 0;
}

static void ioapic_destroy(struct device *dev)
{
	struct ioapic *s = from_device(dev);

	pthread_mutex_destroy(&s->lock);
	free(s);
}

static const struct device_ops ioapic_ops = {
	.name = "I/O APIC",
	.read = ioapic_read,
	.write = ioapic_write,
	.reset = ioapic_reset,
	.quiesce = device_nothing,
	.resume = device_nothing,
	.state_version = 1,
	.save = ioapic_save,
	.load = ioapic_load,
	.destroy = ioapic_destroy,
};

int ioapic_create(struct ioapic **ret_ioapic, const struct ioapic_config *cfg, struct err *e)
{
	struct ioapic *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, -ENOMEM, "I/O APIC: no memory");
	s->dev.ops = &ioapic_ops;
	s->dev.regions[0] = (struct device_region){
		.space = BUS_MMIO,
		.range = { cfg->base.v, IOAPIC_MMIO_SIZE },
		.max_access_bytes = 4,
	};
	s->dev.nr_regions = 1;
	s->cfg = *cfg;
	pthread_mutex_init(&s->lock, NULL);
	power_on(s);
	*ret_ioapic = s;
	return 0;
}

struct device *ioapic_device(struct ioapic *s)
{
	return s ? &s->dev : NULL;
}
