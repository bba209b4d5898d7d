/* SPDX-License-Identifier: MIT */
#include "devices/pvpanic.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct pvpanic {
	struct device dev; /* first */
	struct pvpanic_config cfg;

	pthread_mutex_t lock;       /* guards all below */
	bool crash_loaded_reported; /* a guest must not be able to flood the log */
};

static uint64_t pvpanic_read(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes)
{
	(void)dev;
	(void)region;
	(void)offset;
	(void)size_bytes;
	return PVPANIC_PANICKED | PVPANIC_CRASH_LOADED;
}

static void pvpanic_write(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct pvpanic *s = (struct pvpanic *)dev;
	uint32_t events = (uint32_t)value & (PVPANIC_PANICKED | PVPANIC_CRASH_LOADED);

	(void)region;
	(void)offset;
	(void)size_bytes;
	pthread_mutex_lock(&s->lock);
	if (events & PVPANIC_PANICKED) {
		s->cfg.machine.request(s->cfg.machine.ctx, MACHINE_PANIC, events);
	} else if (events && !s->crash_loaded_reported) {
		s->crash_loaded_reported = true;
		report(s->cfg.reporter, REPORT_WARN,
			"the guest panicked and starts its crash kernel");
	}
	pthread_mutex_unlock(&s->lock);
}

static void pvpanic_reset(struct device *dev)
{
	struct pvpanic *s = (struct pvpanic *)dev;

	pthread_mutex_lock(&s->lock);
	s->crash_loaded_reported = false;
	pthread_mutex_unlock(&s->lock);
}

static void pvpanic_save(struct device *dev, struct state_writer *w)
{
	struct pvpanic *s = (struct pvpanic *)dev;

	pthread_mutex_lock(&s->lock);
	state_put_number(w, "crash-loaded-reported", s->crash_loaded_reported);
	pthread_mutex_unlock(&s->lock);
}

static int pvpanic_load(struct device *dev, struct state_reader *r, struct err *e)
{
	struct pvpanic *s = (struct pvpanic *)dev;
	bool reported = state_get_flag(r, "crash-loaded-reported");
	int rc = state_read(r, e);

	if (rc)
		return rc;
	pthread_mutex_lock(&s->lock);
	s->crash_loaded_reported = reported;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static void pvpanic_destroy(struct device *dev)
{
	struct pvpanic *s = (struct pvpanic *)dev;

	pthread_mutex_destroy(&s->lock);
	free(s);
}

static const struct device_ops pvpanic_ops = {
	.name = "pvpanic",
	.read = pvpanic_read,
	.write = pvpanic_write,
	.reset = pvpanic_reset,
	.quiesce = device_nothing,
	.resume = device_nothing,
	.state_version = 1,
	.save = pvpanic_save,
	.load = pvpanic_load,
	.destroy = pvpanic_destroy,
};

int pvpanic_create(struct device **ret_dev, const struct pvpanic_config *cfg, struct err *e)
{
	struct pvpanic *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, -ENOMEM, "pvpanic: no memory");
	s->dev.ops = &pvpanic_ops;
	s->dev.regions[0] = (struct device_region){
		.space = BUS_PIO,
		.range = { cfg->port, 1 },
		.max_access_bytes = 1,
	};
	s->dev.nr_regions = 1;
	s->cfg = *cfg;
	pthread_mutex_init(&s->lock, NULL);
	*ret_dev = &s->dev;
	return 0;
}
