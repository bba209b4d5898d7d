/* SPDX-License-Identifier: MIT */
#include "devices/bus.h"

#include <errno.h>
#include <inttypes.h>

#define PIO_SPACE_SIZE UINT64_C(0x10000)

static const char *space_name(enum bus_space space)
{
	return space == BUS_PIO ? "port" : "MMIO";
}

/* Number of claims whose base is at or below addr; the last of them may contain it. */
static unsigned claims_up_to(const struct bus *bus, enum bus_space space, uint64_t addr)
{
	unsigned low = 0, high = bus->nr_claims[space];

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (bus->claims[space][mid].range.base <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int check_region(const struct device *dev, const struct device_region *r, struct err *e)
{
	const char *space = space_name(r->space);

	if (r->range.size == 0 || !range_valid(r->range))
		return err_set(e, -EINVAL,
			"%s: %s range base %#" PRIx64 " size %#" PRIx64 " is empty or wraps",
			dev->ops->name, space, r->range.base, r->range.size);
	if (r->space == BUS_PIO && !range_contains((struct range){ 0, PIO_SPACE_SIZE }, r->range))
		return err_set(e, -EINVAL,
			"%s: port range base %#" PRIx64 " size %#" PRIx64 " ends past port 0xffff",
			dev->ops->name, r->range.base, r->range.size);
	switch (r->max_access_bytes) {
	case 1:
	case 2:
	case 4:
	case 8:
		return 0;
	default:
		return err_set(e, -EINVAL, "%s: %s range at %#" PRIx64 ": access of %u bytes",
			dev->ops->name, space, r->range.base, r->max_access_bytes);
	}
}

static int refuse_overlap(const struct device *dev, const struct device_region *r,
	const struct device *other, struct range taken, struct err *e)
{
	return err_set(e, -EBUSY,
		"%s: %s range %#" PRIx64 "-%#" PRIx64 " overlaps %s at %#" PRIx64 "-%#" PRIx64,
		dev->ops->name, space_name(r->space), r->range.base,
		r->range.base + (r->range.size - 1), other->ops->name, taken.base,
		taken.base + (taken.size - 1));
}

/* Region number `region` of dev against all earlier claims and dev's own regions before it. */
static int check_overlaps(
	const struct bus *bus, const struct device *dev, unsigned region, struct err *e)
{
	const struct device_region *r = &dev->regions[region];

	for (unsigned i = 0; i < bus->nr_claims[r->space]; i++) {
		const struct bus_claim *c = &bus->claims[r->space][i];

		if (range_overlaps(c->range, r->range))
			return refuse_overlap(dev, r, c->dev, c->range, e);
	}
	for (unsigned i = 0; i < region; i++) {
		const struct device_region *own = &dev->regions[i];

		if (own->space == r->space && range_overlaps(own->range, r->range))
			return refuse_overlap(dev, r, dev, own->range, e);
	}
	return 0;
}

static void insert_claim(struct bus *bus, struct device *dev, unsigned region)
{
	const struct device_region *r = &dev->regions[region];
	struct bus_claim *claims = bus->claims[r->space];
	unsigned at = claims_up_to(bus, r->space, r->range.base);

	for (unsigned i = bus->nr_claims[r->space]; i > at; i--)
		claims[i] = claims[i - 1];
	claims[at] = (struct bus_claim){
		.range = r->range,
		.dev = dev,
		.region = region,
		.max_access_bytes = r->max_access_bytes,
	};
	bus->nr_claims[r->space]++;
}

int bus_claim(struct bus *bus, struct device *dev, struct err *e)
{
	unsigned nr_new[2] = { 0, 0 };

	if (dev->nr_regions > DEVICE_MAX_REGIONS)
		return err_set(e, -EINVAL, "%s: %u regions, at most %d", dev->ops->name,
			dev->nr_regions, DEVICE_MAX_REGIONS);

	/* All checks come before the first insertion, so that a refusal leaves the bus as it was.
	 */
	for (unsigned i = 0; i < dev->nr_regions; i++) {
		const struct device_region *r = &dev->regions[i];
		int ret = check_region(dev, r, e);

		if (ret == 0)
			ret = check_overlaps(bus, dev, i, e);
		if (ret != 0)
			return ret;
		if (bus->nr_claims[r->space] + ++nr_new[r->space] > BUS_MAX_CLAIMS)
			return err_set(e, -ENOSPC, "%s: more than %d %s ranges", dev->ops->name,
				BUS_MAX_CLAIMS, space_name(r->space));
	}
	for (unsigned i = 0; i < dev->nr_regions; i++)
		insert_claim(bus, dev, i);
	return 0;
}

/* One piece of an access: what answers at its first byte, and for how many bytes. */
struct bus_part {
	const struct bus_claim *claim; /* NULL: nobody */
	unsigned size_bytes;           /* where claimed: 1, 2, 4 or 8 */
};

static unsigned power_of_two_up_to(unsigned n)
{
	unsigned p = 1;

	while (p * 2 <= n)
		p *= 2;
	return p;
}

/* The part that starts at addr, with want bytes (1 to 8) left of the access. */
static struct bus_part part_at(
	const struct bus *bus, enum bus_space space, uint64_t addr, unsigned want)
{
	const struct bus_claim *claims = bus->claims[space];
	unsigned after = claims_up_to(bus, space, addr);
	uint64_t room = want;

	if (after > 0) {
		const struct bus_claim *c = &claims[after - 1];
		uint64_t offset = addr - c->range.base;

		if (offset < c->range.size) {
			if (room > c->range.size - offset)
				room = c->range.size - offset;
			if (room > c->max_access_bytes)
				room = c->max_access_bytes;
			return (struct bus_part){ c, power_of_two_up_to((unsigned)room) };
		}
	}
	if (after < bus->nr_claims[space] && room > claims[after].range.base - addr)
		room = claims[after].range.base - addr;
	return (struct bus_part){ NULL, (unsigned)room };
}

/* An access never wraps: what lies past the end of the address space is nobody's. */
static unsigned bytes_in_space(enum bus_space space, uint64_t addr, unsigned size_bytes)
{
	uint64_t last = space == BUS_PIO ? PIO_SPACE_SIZE - 1 : UINT64_MAX;

	if (addr > last)
		return 0;
	return last - addr < size_bytes ? (unsigned)(last - addr + 1) : size_bytes;
}

uint64_t bus_read(const struct bus *bus, enum bus_space space, uint64_t addr, unsigned size_bytes)
{
	uint64_t value = bit_mask(size_bytes * 8);
	unsigned end = bytes_in_space(space, addr, size_bytes > 8 ? 8 : size_bytes);

	for (unsigned done = 0; done < end;) {
		struct bus_part part = part_at(bus, space, addr + done, end - done);
		uint64_t mask = bit_mask(part.size_bytes * 8);

		if (part.claim) {
			struct device *dev = part.claim->dev;
			uint64_t got = dev->ops->read(dev, part.claim->region,
				addr + done - part.claim->range.base, part.size_bytes);

			value &= ~(mask << (done * 8));
			value |= (got & mask) << (done * 8);
		} else {
			report(bus->reporter, REPORT_DEBUG,
				"%s %#" PRIx64 ": read of %u bytes that no device claims",
				space_name(space), addr + done, part.size_bytes);
		}
		done += part.size_bytes;
	}
	return value;
}

void bus_write(const struct bus *bus, enum bus_space space, uint64_t addr, unsigned size_bytes,
	uint64_t value)
{
	unsigned end = bytes_in_space(space, addr, size_bytes > 8 ? 8 : size_bytes);

	for (unsigned done = 0; done < end;) {
		struct bus_part part = part_at(bus, space, addr + done, end - done);
		uint64_t bytes = (value >> (done * 8)) & bit_mask(part.size_bytes * 8);

		if (part.claim) {
			struct device *dev = part.claim->dev;

			dev->ops->write(dev, part.claim->region,
				addr + done - part.claim->range.base, part.size_bytes, bytes);
		} else {
			report(bus->reporter, REPORT_DEBUG,
				"%s %#" PRIx64 ": write of %u bytes, %#" PRIx64
				", that no device claims",
				space_name(space), addr + done, part.size_bytes, bytes);
		}
		done += part.size_bytes;
	}
}
