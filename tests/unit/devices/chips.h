/* SPDX-License-Identifier: MIT */
/*
 * Every chip, each in a world of its own, with random traffic for it: for tests of what holds of
 * all chips alike. A new chip is a row of chip_kinds.
 */
#ifndef NESTOR_TESTS_UNIT_DEVICES_CHIPS_H
#define NESTOR_TESTS_UNIT_DEVICES_CHIPS_H

#include "fake_services.h"

#include "devices/device_list.h"

struct chip {
	struct fake_services f;
	struct device *dev;
	void *part; /* the chip's own type */
	struct reporter reporter;
	struct device_list list; /* has it alone */
};

struct chip_kind {
	const char *name;
	/* Makes c->dev, in the world c->f. */
	void (*create)(struct chip *c);
	/* Something that is no access of the guest's, or a row of accesses that chance would seldom
	 * make, by a random number; NULL: none. */
	void (*event)(struct chip *c, uint64_t random);
	/* What may come while it is quiesced. NULL: nothing. */
	void (*quiesced_event)(struct chip *c, uint64_t random);
	/* What other devices' own reset would take back; NULL: nothing. */
	void (*quieten)(struct chip *c);
	bool has_battery; /* a reset leaves something of it */
};

extern const struct chip_kind chip_kinds[];
extern const unsigned nr_chip_kinds;

/* A fresh chip, on its bus and in its list, at that time. */
struct chip *chip_new(const struct chip_kind *kind, uint64_t monotonic_ns, uint64_t wall_ns);
void chip_free(struct chip *c);

/*
 * One random act: an access of any width at or near one of the chip's regions, an event, or time
 * that passes (and timers that are due, mostly). The same numbers do the same to like chips. What a
 * read gives, else 0.
 */
uint64_t chip_act(struct chip *c, const struct chip_kind *kind, struct fake_random *r);

/* Forgets what the world saw of the chip, but for levels and deadlines. */
void chip_forget_the_past(struct chip *c);

/* What the world sees of both is alike, with times counted from now. NULL, or what is not. */
const char *chip_difference(const struct chip *a, const struct chip *b);

#endif
