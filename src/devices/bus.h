/* SPDX-License-Identifier: MIT */
/*
 * The bus: sorted, non-overlapping regions of port and MMIO space. Built once, by bus_claim, before
 * any vCPU runs; const from then on, so accesses take no lock. Unclaimed space answers as real
 * hardware does: reads give all ones, writes go nowhere.
 */
#ifndef NESTOR_DEVICES_BUS_H
#define NESTOR_DEVICES_BUS_H

#include "base/err.h"
#include "base/report.h"
#include "devices/device.h"

#define BUS_MAX_CLAIMS 64

struct bus_claim {
	struct range range;
	struct device *dev; /* borrowed: the machine's device list owns it */
	unsigned region;    /* index in dev->regions */
	uint8_t max_access_bytes;
};

struct bus {
	struct bus_claim claims[2][BUS_MAX_CLAIMS]; /* by enum bus_space, sorted by base */
	unsigned nr_claims[2];
	const struct reporter *reporter; /* told of unclaimed accesses (DEBUG); may be NULL */
};

/*
 * Claims all of dev's regions, or none. Refuses (-EBUSY, naming both devices and ranges) an overlap
 * with an earlier claim or among dev's own, and (-EINVAL) an empty or wrapping range, a port range
 * past 0x10000, and a max_access_bytes that is not 1, 2, 4 or 8.
 */
int bus_claim(struct bus *bus, struct device *dev, struct err *e) MUST_CHECK;

/*
 * One access of size_bytes 1, 2, 4 or 8. It is split where it is wider than the region's
 * max_access_bytes or straddles a region's end, in ascending order, as an ISA bridge does; the
 * parts that nobody claims read as ones.
 */
uint64_t bus_read(const struct bus *bus, enum bus_space space, uint64_t addr, unsigned size_bytes);
void bus_write(const struct bus *bus, enum bus_space space, uint64_t addr, unsigned size_bytes,
	uint64_t value);

#endif
