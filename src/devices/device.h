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
 * input and timer functions on its own thread, and so are the other ops called. Each device guards
 * its state by its own mutex; services.h has the order of locks.
 *
 * Life: created, which is a power-on; running; then any number of times quiesced, perhaps saved or
 * loaded, and resumed, or reset; destroyed. A device_list (device_list.h) does these for a whole
 * machine.
 */
#ifndef NESTOR_DEVICES_DEVICE_H
#define NESTOR_DEVICES_DEVICE_H

#include "base/state.h"
#include "base/types.h"

#include <stdatomic.h>

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
	/* Back to the state after power-on; vCPUs do not run meanwhile. device_nothing: the device
	 * has no state. */
	void (*reset)(struct device *dev);
	/*
	 * While no vCPU runs, and perhaps for long: from quiesce to resume the device does nothing
	 * of its own accord, so that its state, its interrupt lines and its outputs stay as they
	 * are. It takes no input, and a timer that expires has no effect; resume makes up for both,
	 * by the clocks as they are then. What comes from outside and cannot be put off (the power
	 * button) is noted, and acted upon by resume. device_nothing: the device never acts of its
	 * own accord. Each is called only in the other's state: running, quiesced.
	 */
	void (*quiesce)(struct device *dev);
	void (*resume)(struct device *dev);
	/* The version of what save writes: 1 and up. */
	unsigned state_version;
	/*
	 * While quiesced: writes as fields of the open section all that a guest can notice, now or
	 * later; times as those that have passed, of the guest's clock, and never a host's.
	 * device_save_nothing: the device has no state.
	 */
	void (*save)(struct device *dev, struct state_writer *w);
	/*
	 * While quiesced: takes all of the open section, which is of this kind and of state_version
	 * or earlier, and sets its interrupt line as that has it, or fails with e set and leaves
	 * the device as it was. Nothing else is sent to the world. device_load_nothing.
	 */
	int (*load)(struct device *dev, struct state_reader *r, struct err *e) MUST_CHECK;
	/* Frees the instance; nothing else holds it any more. */
	void (*destroy)(struct device *dev);
};

/* Room for an instance's id with its final NUL. */
#define DEVICE_ID_BYTES 24

struct device {
	const struct device_ops *ops;
	/*
	 * Which device of the machine this is, such as "serial0": unique in its list, and the same
	 * from run to run, as saved state and control name the device by it. Set by
	 * device_list_add.
	 */
	char id[DEVICE_ID_BYTES];
	atomic_uint accesses; /* the bus's: reads and writes under way */
	struct device_region regions[DEVICE_MAX_REGIONS];
	unsigned nr_regions;
};

/* Named by an op of a device that has nothing to do there. */
static inline void device_nothing(struct device *dev)
{
	(void)dev;
}

static inline void device_save_nothing(struct device *dev, struct state_writer *w)
{
	(void)dev;
	(void)w;
}

static inline int device_load_nothing(struct device *dev, struct state_reader *r, struct err *e)
{
	(void)dev;
	return state_read(r, e);
}

static inline void device_destroy(struct device *dev)
{
	if (dev)
		dev->ops->destroy(dev);
}

#endif
