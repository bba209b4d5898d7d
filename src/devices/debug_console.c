/* SPDX-License-Identifier: MIT */
#include "devices/debug_console.h"

#include "base/analyzer.h"

#include <errno.h>
#include <stdlib.h>

#define DEBUG_CONSOLE_PRESENT 0xe9

/* Has no state of its own, and so no lock. */
struct debug_console {
	struct device dev; /* first */
	struct byte_sink output;
};

static uint64_t debug_console_read(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes)
{
	(void)dev;
	(void)region;
	(void)offset;
	(void)size_bytes;
	return DEBUG_CONSOLE_PRESENT;
}

static void debug_console_write(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct debug_console *s = (struct debug_console *)dev;
	uint8_t byte = (uint8_t)value;

	(void)region;
	(void)offset;
	(void)size_bytes;
	s->output.write(s->output.ctx, &byte, 1);
}

static void debug_console_destroy(struct device *dev)
{
	free(dev);
}

static const struct device_ops debug_console_ops = {
	.name = "debug console",
	.read = debug_console_read,
	.write = debug_console_write,
	.reset = device_nothing,
	.quiesce = device_nothing,
	.resume = device_nothing,
	.state_version = 1,
	.save = device_save_nothing,
	.load = device_load_nothing,
	.destroy = debug_console_destroy,
};

ANALYZER_MISTAKEN("-Wanalyzer-malloc-leak"); /* dev, the first member, stands for it */
int debug_console_create(
	struct device **ret_dev, const struct debug_console_config *cfg, struct err *e)
{
	struct debug_console *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, -ENOMEM, "debug console: no memory");
	s->dev.ops = &debug_console_ops;
	s->dev.regions[0] = (struct device_region){
		.space = BUS_PIO,
		.range = { cfg->port, 1 },
		.max_access_bytes = 1,
	};
	s->dev.nr_regions = 1;
	s->output = cfg->output;
	*ret_dev = &s->dev;
	return 0;
}
ANALYZER_END;
