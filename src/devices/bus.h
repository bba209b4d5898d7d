/* SPDX-License-Identifier: MIT */
/*
 * The bus: sorted, non-overlapping regions of port and MMIO space. Claims come, move and go while
 * vCPUs run: an access looks its region up in an immutable map behind an atomic pointer and takes
 * no lock; a change makes another map, and frees the former once nobody looks into it any more.
 * Unclaimed space answers as real hardware does: reads give all ones, writes go nowhere.
 *
 * bus_read and bus_write: any thread. The others: any thread, one at a time by a lock of the bus's,
 * which is held neither while a device is called nor while a service is: a device may move its own
 * claims from within its own write. bus_release alone waits for accesses under way.
 */
#ifndef NESTOR_DEVICES_BUS_H
#define NESTOR_DEVICES_BUS_H

#include "base/err.h"
#include "base/report.h"
#include "devices/device.h"

#include <pthread.h>
#include <stdatomic.h>

struct bus_map;

/* Who looks into a map counts itself in one of these, by its thread, so that vCPUs do not share a
 * cache line for it. Two counts: while the users of the one are waited for, the other takes those
 * that come. */
#define BUS_NR_READERS 16

struct bus_readers {
	atomic_uint count[2];
	char pad[64 - 2 * sizeof(atomic_uint)];
};

struct bus {
	_Atomic(struct bus_map *) map; /* NULL: no claim yet */
	pthread_mutex_t lock;          /* one change at a time */
	atomic_uint phase;             /* count[phase % 2] is the one that takes those that come */
	struct bus_readers readers[BUS_NR_READERS];
	const struct reporter *reporter; /* told of unclaimed accesses (DEBUG); may be NULL */
};

/* reporter: borrowed, or NULL. bus_done frees the map; no claims are left that anybody uses. */
void bus_init(struct bus *bus, const struct reporter *reporter);
void bus_done(struct bus *bus);

/*
 * Claims all of dev's regions, or none. Refuses (-EBUSY, naming both devices and ranges) an overlap
 * with an earlier claim or among dev's own, and (-EINVAL) an empty or wrapping range, a port range
 * past 0x10000, and a max_access_bytes that is not 1, 2, 4 or 8. -ENOMEM.
 */
int bus_claim(struct bus *bus, struct device *dev, struct err *e) MUST_CHECK;

/*
 * One region of dev's is at another base from now on, with no moment at which it is at neither.
 * Refused as by bus_claim, and where it is not claimed (-ENOENT): a device that is being released
 * does not come back by an access that was under way. Then all stays as it is. An access that has
 * found it at the former base may still arrive.
 */
int bus_move(struct bus *bus, struct device *dev, unsigned region, uint64_t base,
	struct err *e) MUST_CHECK;

/*
 * Takes all of dev's claims away and waits until no access is in dev any more: it may be destroyed
 * then. Not from within an access to dev. -ENOMEM: all is as before.
 */
int bus_release(struct bus *bus, struct device *dev, struct err *e) MUST_CHECK;

/* Number of regions claimed in a space. */
size_t bus_nr_claims(struct bus *bus, enum bus_space space);

/*
 * One access of size_bytes 1, 2, 4 or 8. It is split where it is wider than the region's
 * max_access_bytes or straddles a region's end, in ascending order, as an ISA bridge does; the
 * parts that nobody claims read as ones.
 */
uint64_t bus_read(struct bus *bus, enum bus_space space, uint64_t addr, unsigned size_bytes);
void bus_write(
	struct bus *bus, enum bus_space space, uint64_t addr, unsigned size_bytes, uint64_t value);

#endif
