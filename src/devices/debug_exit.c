/* SPDX-License-Identifier: MIT */
#include "devices/debug_exit.h"

#include "base/analyzer.h"

#include <errno.h>
#include <stdlib.h>

/* Has no state of its own, and so no lock. */
struct debug_exit {
	struct device dev; /* first */
	struct machine_control machine;
};

static uint64_t debug_exit_read(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes)
{
	(void)dev;
	(void)region;
	(void)offset;
	return bit_mask(size_bytes * 8);
}

static void debug_exit_write(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct debug_exit *s = (struct debug_exit *)dev;

	(void)region;
	(void)offset;
	(void)size_bytes;
	s->machine.request(s->machine.ctx, MACHINE_DEBUG_EXIT, (uint32_t)(value & 0xff));
}

static void debug_exit_destroy(struct device *dev)
{
	free(dev);
}

static const struct device_ops debug_exit_ops = {
	.name = "debug exit",
	.read = debug_exit_read,
	.write = debug_exit_write,
	.reset = device_nothing,
	.quiesce = device_nothing,
	.resume = device_nothing,
	.state_version = 1,
	.save = device_save_nothing,
	.load = device_load_nothing,
	.destroy = debug_exit_destroy,
};

ANALYZER_MISTAKEN("-Wanalyzer-malloc-leak"); /* dev, the first member, stands for it */
int debug_exit_create(struct device **ret_dev, const struct debug_exit_config *cfg, struct err *e)
{
	struct debug_exit *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, -ENOMEM, "debug exit: no memory");
	s->dev.ops = &debug_exit_ops;
	s->dev.regions[0] = (struct device_region){
		.space = BUS_PIO,
		.range = { cfg->port, 1 },
		.max_access_bytes = 1,
	};
	s->dev.nr_regions = 1;
	s->machine = cfg->machine;
	*ret_dev = &s->dev;
	return 0;
}
ANALYZER_END;
