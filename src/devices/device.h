/* SPDX-License-Identifier: MIT */
/*
 * What a device is and what it may use.
 *
 * A device is an instance (its own struct, `struct device` first) of a const, complete table of
 * ops. It claims regions of port or MMIO space; the bus (bus.h) finds it by address and hands it
 * an offset inside the region, so no device checks bounds again. It acts on the world only through
 * the service handles of services.h that it was given at creation: never the VM, KVM or the config.
 *
 * Threads: ops->read and ops->write run on any vCPU thread, at the same time; the event loop calls
 * input and timer functions on its own thread. Each device guards its state by its own mutex, and
 * calls services with that mutex held only where services.h allows it.
 */
#ifndef NESTOR_DEVICES_DEVICE_H
#define NESTOR_DEVICES_DEVICE_H

#include "base/types.h"

enum bus_space { BUS_PIO, BUS_MMIO };

#define DEVICE_MAX_REGIONS 4

/* One claimed range. Accesses wider than max_access_bytes (1, 2, 4 or 8) are split by the bus. */
struct device_region {
	enum bus_space space;
	struct range range;
	uint8_t max_access_bytes;
};

struct device;

struct device_ops {
	const char *name; /* the part's name, such as "16550A" */
	/* Reads size_bytes (1, 2, 4, 8) at offset in region index; the value in the low bytes. */
	uint64_t (*read)(struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes);
	void (*write)(struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes,
		uint64_t value);
	/* Back to the state after power-on; vCPUs do not run meanwhile. */
	void (*reset)(struct device *dev);
	/* Frees the instance; nothing else holds it any more. */
	void (*destroy)(struct device *dev);
};

struct device {
	const struct device_ops *ops;
	struct device_region regions[DEVICE_MAX_REGIONS];
	unsigned nr_regions;
};

static inline void device_destroy(struct device *dev)
{
	if (dev)
		dev->ops->destroy(dev);
}

#endif
