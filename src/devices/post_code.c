/* SPDX-License-Identifier: MIT */
#include "devices/post_code.h"

#include "base/analyzer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

struct post_code {
	struct device dev; /* first */
	/* Atomic instead of locked: kernels use the port for delays, on all vCPUs at once. */
	_Atomic uint8_t last;
};

static uint64_t post_code_read(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes)
{
	struct post_code *s = (struct post_code *)dev;

	(void)region;
	(void)offset;
	(void)size_bytes;
	return atomic_load_explicit(&s->last, memory_order_relaxed);
}

static void post_code_write(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct post_code *s = (struct post_code *)dev;

	(void)region;
	(void)offset;
	(void)size_bytes;
	atomic_store_explicit(&s->last, (uint8_t)value, memory_order_relaxed);
}

static void post_code_reset(struct device *dev)
{
	struct post_code *s = (struct post_code *)dev;

	atomic_store_explicit(&s->last, 0, memory_order_relaxed);
}

static void post_code_save(struct device *dev, struct state_writer *w)
{
	struct post_code *s = (struct post_code *)dev;

	state_put_number(w, "last", atomic_load_explicit(&s->last, memory_order_relaxed));
}

static int post_code_load(struct device *dev, struct state_reader *r, struct err *e)
{
	struct post_code *s = (struct post_code *)dev;
	uint8_t last = (uint8_t)state_get_number(r, "last", 0, 0xff);
	int rc = state_read(r, e);

	if (rc == 0)
		atomic_store_explicit(&s->last, last, memory_order_relaxed);
	return rc;
}

static void post_code_destroy(struct device *dev)
{
	free(dev);
}

static const struct device_ops post_code_ops = {
	.name = "POST code",
	.read = post_code_read,
	.write = post_code_write,
	.reset = post_code_reset,
	.quiesce = device_nothing,
	.resume = device_nothing,
	.state_version = 1,
	.save = post_code_save,
	.load = post_code_load,
	.destroy = post_code_destroy,
};

ANALYZER_MISTAKEN("-Wanalyzer-malloc-leak"); /* dev, the first member, stands for it */
int post_code_create(struct device **ret_dev, uint16_t port, struct err *e)
{
	struct post_code *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, -ENOMEM, "POST code: no memory");
	s->dev.ops = &post_code_ops;
	s->dev.regions[0] = (struct device_region){
		.space = BUS_PIO,
		.range = { port, 1 },
		.max_access_bytes = 1,
	};
	s->dev.nr_regions = 1;
	*ret_dev = &s->dev;
	return 0;
}
ANALYZER_END;
