/* SPDX-License-Identifier: MIT */
#include "devices/bus.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

struct bus_claim {
	struct range range;
	struct device *dev; /* borrowed: the machine's device list owns it */
	unsigned region;    /* index in dev->regions */
	uint8_t max_access_bytes;
};

/* Never changed once it is the bus's. */
struct bus_map {
	struct bus_claim *claims[2]; /* by enum bus_space, sorted by base; in all[] */
	size_t nr_claims[2];
	struct bus_claim all[];
};

#define PIO_SPACE_SIZE UINT64_C(0x10000)

static const char *space_name(enum bus_space space)
{
	return space == BUS_PIO ? "port" : "MMIO";
}

/* Number of claims whose base is at or below addr; the last of them may contain it. */
static size_t claims_up_to(const struct bus_map *map, enum bus_space space, uint64_t addr)
{
	size_t low = 0, high = map->nr_claims[space];

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (map->claims[space][mid].range.base <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void bus_init(struct bus *bus, const struct reporter *reporter)
{
	*bus = (struct bus){ .reporter = reporter };
	/* Cannot fail with default attributes. */
	(void)pthread_mutex_init(&bus->lock, /* attr */ NULL);
}

void bus_done(struct bus *bus)
{
	free(atomic_load(&bus->map));
	atomic_store(&bus->map, NULL);
	(void)pthread_mutex_destroy(&bus->lock);
}

/* By the thread: glibc's handles are addresses of its control blocks, some pages apart. */
static struct bus_readers *my_readers(struct bus *bus)
{
	uintptr_t thread = (uintptr_t)pthread_self();

	return &bus->readers[(thread >> 12 ^ thread >> 20) % BUS_NR_READERS];
}

/*
 * The map stays until bus_stop_reading with the same count. Counting comes before looking: whoever
 * takes the map away afterwards sees the count.
 */
static const struct bus_map *bus_start_reading(struct bus *bus, atomic_uint **ret_count)
{
	*ret_count = &my_readers(bus)->count[atomic_load(&bus->phase) % 2];
	(void)atomic_fetch_add(*ret_count, 1);
	return atomic_load(&bus->map);
}

static void bus_stop_reading(atomic_uint *count)
{
	(void)atomic_fetch_sub(count, 1);
}

/*
 * Until all who looked into the map before are done. Nobody calls anything while looking, so this
 * takes no longer than until each such thread had the CPU once more. Both counts have to be seen at
 * zero: who has read the phase but not counted itself yet counts itself where nobody waits.
 */
static void wait_for_readers(struct bus *bus)
{
	for (unsigned turn = 0; turn < 2; turn++) {
		unsigned before = atomic_fetch_add(&bus->phase, 1) % 2;

		for (unsigned i = 0; i < BUS_NR_READERS; i++) {
			while (atomic_load(&bus->readers[i].count[before]) != 0)
				(void)sched_yield();
		}
	}
}

/* An empty map with room for n claims, of which those of one space come first. */
static struct bus_map *map_create(size_t n, size_t of_first_space, struct err *e)
{
	struct bus_map *map = calloc(1, sizeof(*map) + n * sizeof(map->all[0]));

	if (!map) {
		(void)err_set(e, -ENOMEM, "out of memory");
		return NULL;
	}
	map->claims[0] = map->all;
	map->claims[1] = map->all + of_first_space;
	return map;
}

/* A copy of the present map without dev's claims of the regions in the mask, and with room for
 * more[] claims in each space. */
static struct bus_map *map_copy(const struct bus_map *old, const struct device *dev,
	unsigned without_regions, const size_t more[2], struct err *e)
{
	size_t room[2] = { more[0] + (old ? old->nr_claims[0] : 0),
		more[1] + (old ? old->nr_claims[1] : 0) };
	struct bus_map *map = map_create(room[0] + room[1], room[0], e);

	for (unsigned space = 0; map && old && space < 2; space++) {
		for (size_t i = 0; i < old->nr_claims[space]; i++) {
			const struct bus_claim *c = &old->claims[space][i];

			if (c->dev != dev || !(without_regions & 1u << c->region))
				map->claims[space][map->nr_claims[space]++] = *c;
		}
	}
	return map;
}

/* Takes map over. */
static void replace_map(struct bus *bus, struct bus_map *map)
{
	struct bus_map *old = atomic_exchange(&bus->map, map);

	wait_for_readers(bus);
	free(old);
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

/* Against all claims of the map. */
static int check_overlaps(const struct bus_map *map, const struct device *dev,
	const struct device_region *r, struct err *e)
{
	for (size_t i = 0; i < map->nr_claims[r->space]; i++) {
		const struct bus_claim *c = &map->claims[r->space][i];

		if (range_overlaps(c->range, r->range))
			return refuse_overlap(dev, r, c->dev, c->range, e);
	}
	return 0;
}

static int insert_claim(struct bus_map *map, struct device *dev, unsigned region,
	const struct device_region *r, struct err *e)
{
	int rc = check_region(dev, r, e);

	if (rc == 0)
		rc = check_overlaps(map, dev, r, e);
	if (rc)
		return rc;

	struct bus_claim *claims = map->claims[r->space];
	size_t at = claims_up_to(map, r->space, r->range.base);

	(void)memmove(
		&claims[at + 1], &claims[at], (map->nr_claims[r->space] - at) * sizeof(claims[0]));
	claims[at] = (struct bus_claim){
		.range = r->range,
		.dev = dev,
		.region = region,
		.max_access_bytes = r->max_access_bytes,
	};
	map->nr_claims[r->space]++;
	return 0;
}

/* The map becomes the bus's, or is freed. */
static int finish(struct bus *bus, struct bus_map *map, int rc)
{
	if (rc)
		free(map);
	else
		replace_map(bus, map);
	(void)pthread_mutex_unlock(&bus->lock);
	return rc;
}

int bus_claim(struct bus *bus, struct device *dev, struct err *e)
{
	size_t more[2] = { 0, 0 };

	if (dev->nr_regions > DEVICE_MAX_REGIONS)
		return err_set(e, -EINVAL, "%s: %u regions, at most %d", dev->ops->name,
			dev->nr_regions, DEVICE_MAX_REGIONS);
	for (unsigned i = 0; i < dev->nr_regions; i++)
		more[dev->regions[i].space]++;
	(void)pthread_mutex_lock(&bus->lock);

	struct bus_map *map = map_copy(atomic_load(&bus->map), /* dev */ NULL, 0, more, e);
	int rc = map ? 0 : -ENOMEM;

	for (unsigned i = 0; rc == 0 && i < dev->nr_regions; i++)
		rc = insert_claim(map, dev, i, &dev->regions[i], e);
	return finish(bus, map, rc);
}

static bool has_claim(const struct bus_map *map, const struct device *dev, unsigned region)
{
	enum bus_space space = dev->regions[region].space;

	for (size_t i = 0; map && i < map->nr_claims[space]; i++) {
		const struct bus_claim *c = &map->claims[space][i];

		if (c->dev == dev && c->region == region)
			return true;
	}
	return false;
}

int bus_move(struct bus *bus, struct device *dev, unsigned region, uint64_t base, struct err *e)
{
	size_t more[2] = { 0, 0 };

	(void)pthread_mutex_lock(&bus->lock);

	struct device_region moved = dev->regions[region];

	if (!has_claim(atomic_load(&bus->map), dev, region)) {
		(void)pthread_mutex_unlock(&bus->lock);
		return err_set(
			e, -ENOENT, "%s: region %u is not on the bus", dev->ops->name, region);
	}
	moved.range.base = base;
	more[moved.space] = 1;

	struct bus_map *map = map_copy(atomic_load(&bus->map), dev, 1u << region, more, e);
	int rc = map ? insert_claim(map, dev, region, &moved, e) : -ENOMEM;

	if (rc == 0)
		dev->regions[region].range.base = base;
	return finish(bus, map, rc);
}

int bus_release(struct bus *bus, struct device *dev, struct err *e)
{
	static const size_t no_more[2] = { 0, 0 };

	(void)pthread_mutex_lock(&bus->lock);

	struct bus_map *map = map_copy(atomic_load(&bus->map), dev, ~0u, no_more, e);
	int rc = finish(bus, map, map ? 0 : -ENOMEM);

	/* Nobody finds it any more; who had found it has counted itself. */
	while (rc == 0 && atomic_load(&dev->accesses) != 0)
		(void)sched_yield();
	return rc;
}

size_t bus_nr_claims(struct bus *bus, enum bus_space space)
{
	atomic_uint *reading;
	const struct bus_map *map = bus_start_reading(bus, &reading);
	size_t n = map ? map->nr_claims[space] : 0;

	bus_stop_reading(reading);
	return n;
}

/* One piece of an access: what answers at its first byte, where in it, and for how many bytes. */
struct bus_part {
	struct device *dev; /* NULL: nobody. It counts this access until leave() */
	unsigned region;
	uint64_t offset;
	unsigned size_bytes; /* where claimed: 1, 2, 4 or 8 */
};

static unsigned power_of_two_up_to(unsigned n)
{
	unsigned p = 1;

	while (p * 2 <= n)
		p *= 2;
	return p;
}

static struct bus_part look_up(
	const struct bus_map *map, enum bus_space space, uint64_t addr, unsigned want)
{
	const struct bus_claim *claims = map->claims[space];
	size_t after = claims_up_to(map, space, addr);
	uint64_t room = want;

	if (after > 0) {
		const struct bus_claim *c = &claims[after - 1];
		uint64_t offset = addr - c->range.base;

		if (offset < c->range.size) {
			if (room > c->range.size - offset)
				room = c->range.size - offset;
			if (room > c->max_access_bytes)
				room = c->max_access_bytes;
			return (struct bus_part){ c->dev, c->region, offset,
				power_of_two_up_to((unsigned)room) };
		}
	}
	if (after < map->nr_claims[space] && room > claims[after].range.base - addr)
		room = claims[after].range.base - addr;
	return (struct bus_part){ .size_bytes = (unsigned)room };
}

/* The part that starts at addr, with want bytes (1 to 8) left of the access. */
static struct bus_part enter(struct bus *bus, enum bus_space space, uint64_t addr, unsigned want)
{
	struct bus_part part = { .size_bytes = want };
	atomic_uint *reading;
	const struct bus_map *map = bus_start_reading(bus, &reading);

	if (map)
		part = look_up(map, space, addr, want);
	if (part.dev)
		(void)atomic_fetch_add(&part.dev->accesses, 1);
	bus_stop_reading(reading);
	return part;
}

static void leave(const struct bus_part *part)
{
	(void)atomic_fetch_sub(&part->dev->accesses, 1);
}

/* An access never wraps: what lies past the end of the address space is nobody's. */
static unsigned bytes_in_space(enum bus_space space, uint64_t addr, unsigned size_bytes)
{
	uint64_t last = space == BUS_PIO ? PIO_SPACE_SIZE - 1 : UINT64_MAX;

	if (addr > last)
		return 0;
	return last - addr < size_bytes ? (unsigned)(last - addr + 1) : size_bytes;
}

uint64_t bus_read(struct bus *bus, enum bus_space space, uint64_t addr, unsigned size_bytes)
{
	uint64_t value = bit_mask(size_bytes * 8);
	unsigned end = bytes_in_space(space, addr, size_bytes > 8 ? 8 : size_bytes);

	for (unsigned done = 0; done < end;) {
		struct bus_part part = enter(bus, space, addr + done, end - done);
		uint64_t mask = bit_mask(part.size_bytes * 8);

		if (part.dev) {
			uint64_t got = part.dev->ops->read(
				part.dev, part.region, part.offset, part.size_bytes);

			leave(&part);
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

void bus_write(
	struct bus *bus, enum bus_space space, uint64_t addr, unsigned size_bytes, uint64_t value)
{
	unsigned end = bytes_in_space(space, addr, size_bytes > 8 ? 8 : size_bytes);

	for (unsigned done = 0; done < end;) {
		struct bus_part part = enter(bus, space, addr + done, end - done);
		uint64_t bytes = (value >> (done * 8)) & bit_mask(part.size_bytes * 8);

		if (part.dev) {
			part.dev->ops->write(
				part.dev, part.region, part.offset, part.size_bytes, bytes);
			leave(&part);
		} else {
			report(bus->reporter, REPORT_DEBUG,
				"%s %#" PRIx64 ": write of %u bytes, %#" PRIx64
				", that no device claims",
				space_name(space), addr + done, part.size_bytes, bytes);
		}
		done += part.size_bytes;
	}
}
