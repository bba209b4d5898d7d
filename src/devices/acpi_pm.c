/* SPDX-License-Identifier: MIT */
#include "devices/acpi_pm.h"

#include "devices/ticks.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum { REGION_EVENT, REGION_CONTROL, REGION_TIMER, REGION_RESET };

/* PM1 status and enable bits (ACPI 6.5, tables 4.13 and 4.14). */
#define PM1_TMR 0x0001u
#define PM1_GBL 0x0020u
#define PM1_PWRBTN 0x0100u
#define PM1_SLPBTN 0x0200u
#define PM1_RTC 0x0400u
#define PM1_WAK 0x8000u /* status only */
/* All fixed events can be enabled, though only the timer and the power button ever happen. */
#define PM1_ENABLE_ALL (PM1_TMR | PM1_GBL | PM1_PWRBTN | PM1_SLPBTN | PM1_RTC)

/* PM1 control bits (ACPI 6.5, table 4.15). */
#define PM1_SCI_EN 0x0001u
#define PM1_BM_RLD 0x0002u
#define PM1_SLP_TYP 0x1c00u
#define PM1_SLP_TYP_SHIFT 10
#define PM1_SLP_EN 0x2000u

#define PM_TIMER_HZ 3579545u

/* 146 years: with them, no sum of times wraps. */
#define MAX_ELAPSED_NS (UINT64_C(1) << 62)

/* Reset control register, as PC chipsets have it. */
#define RESET_CPU 0x04u
#define RESET_KEPT 0x0eu

/* What a guest can notice, and what is saved. */
struct acpi_pm_state {
	uint16_t status, enable, control;
	uint8_t reset_control;
	uint64_t seen_toggles; /* of the timer's top bit; status is up to date to here */
	bool no_sleep_said;
};

struct acpi_pm {
	struct device dev; /* first */
	struct acpi_pm_config cfg;
	unsigned timer_bits; /* 24 or 32 */
	struct timer *timer; /* owned; calls timer_expired */

	pthread_mutex_t lock; /* guards all below */
	struct acpi_pm_state state;
	uint64_t zero_ns;     /* when the timer was 0, which may lie before the clock's own 0 */
	uint64_t deadline_ns; /* as armed; 0: not */
	bool sci_level;       /* as the state has it, but for a button pressed while quiesced */
	bool quiesced;
};

static struct acpi_pm *from_device(struct device *dev)
{
	return (struct acpi_pm *)dev;
}

/* For how long the timer has run. */
static uint64_t elapsed_ns(const struct acpi_pm *s)
{
	return s->cfg.clock.monotonic_ns(s->cfg.clock.ctx) - s->zero_ns;
}

static uint64_t timer_ticks(const struct acpi_pm *s)
{
	return ticks_from_ns(elapsed_ns(s), PM_TIMER_HZ);
}

/* TMR_STS is set whenever the timer's top bit changes (ACPI 6.5, 4.8.3.1.1). */
static void advance(struct acpi_pm *s)
{
	uint64_t toggles = timer_ticks(s) >> (s->timer_bits - 1);

	if (toggles != s->state.seen_toggles)
		s->state.status |= PM1_TMR;
	s->state.seen_toggles = toggles;
}

static bool wanted_level(const struct acpi_pm *s)
{
	return (s->state.status & s->state.enable) != 0;
}

/* Drives the SCI, and arms the timer where its interrupt is enabled and not raised yet. */
static void update(struct acpi_pm *s)
{
	bool level = wanted_level(s);
	uint64_t deadline = 0;

	if (level != s->sci_level) {
		s->sci_level = level;
		irq_line_set(&s->cfg.sci, level);
	}
	if (!s->quiesced && (s->state.enable & PM1_TMR) && !(s->state.status & PM1_TMR))
		deadline =
			s->zero_ns + ticks_to_ns((s->state.seen_toggles + 1) << (s->timer_bits - 1),
					     PM_TIMER_HZ);
	if (deadline != s->deadline_ns) {
		s->deadline_ns = deadline;
		s->cfg.timers.arm(s->timer, deadline);
	}
}

/* The bytes of a register block that an access covers, of its whole value. */
static uint64_t part_of(uint64_t whole, uint64_t offset, unsigned size_bytes)
{
	return whole >> (offset * 8) & bit_mask(size_bytes * 8);
}

static uint64_t acpi_pm_read(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes)
{
	struct acpi_pm *s = from_device(dev);
	uint64_t value = 0;

	pthread_mutex_lock(&s->lock);
	switch (region) {
	case REGION_EVENT:
		advance(s);
		update(s);
		value = part_of(
			(uint64_t)s->state.enable << 16 | s->state.status, offset, size_bytes);
		break;
	case REGION_CONTROL:
		value = part_of(s->state.control | PM1_SCI_EN, offset, size_bytes);
		break;
	case REGION_TIMER:
		value = timer_ticks(s) & bit_mask(s->timer_bits);
		value = part_of(value, offset, size_bytes);
		break;
	default:
		value = bit_mask(size_bytes * 8);
		if (size_bytes == 1 && offset == (s->cfg.reset_port & 3))
			value = s->state.reset_control;
		break;
	}
	pthread_mutex_unlock(&s->lock);
	return value;
}

static void write_event(struct acpi_pm *s, uint64_t mask, uint64_t bits)
{
	uint64_t enable_mask = mask >> 16 & PM1_ENABLE_ALL;

	advance(s);
	s->state.status = (uint16_t)(s->state.status & ~bits); /* one clears */
	s->state.enable = (uint16_t)((s->state.enable & ~enable_mask) | (bits >> 16 & enable_mask));
	update(s);
}

/*
 * A sleep state that no table names: the guest is awake again at once. WAK_STS says so, for which a
 * guest waits after it has set SLP_EN (ACPI 6.5, 4.8.3.1.1), and with nothing to wake it, it would
 * wait for ever.
 */
static void refuse_sleep(struct acpi_pm *s, unsigned slp_typ)
{
	s->state.status |= PM1_WAK;
	if (s->state.no_sleep_said)
		return;
	s->state.no_sleep_said = true;
	report(s->cfg.reporter, REPORT_DEBUG,
		"ACPI PM: the guest set SLP_EN with SLP_TYP %u, a sleep state that its ACPI tables "
		"do not have; it goes on",
		slp_typ);
}

static void write_control(struct acpi_pm *s, uint64_t mask, uint64_t bits)
{
	uint64_t kept = mask & (PM1_SLP_TYP | PM1_BM_RLD);
	unsigned slp_typ;

	s->state.control = (uint16_t)((s->state.control & ~kept) | (bits & kept));
	if (!(bits & PM1_SLP_EN))
		return;
	slp_typ = (s->state.control & PM1_SLP_TYP) >> PM1_SLP_TYP_SHIFT;
	if (slp_typ == s->cfg.s5_slp_typ)
		s->cfg.machine.request(s->cfg.machine.ctx, MACHINE_POWER_OFF, 0);
	else
		refuse_sleep(s, slp_typ);
}

static void acpi_pm_write(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct acpi_pm *s = from_device(dev);
	uint64_t mask = bit_mask(size_bytes * 8) << (offset * 8);
	uint64_t bits = value << (offset * 8) & mask;

	pthread_mutex_lock(&s->lock);
	switch (region) {
	case REGION_EVENT:
		write_event(s, mask, bits);
		break;
	case REGION_CONTROL:
		write_control(s, mask, bits);
		break;
	case REGION_RESET:
		if (size_bytes != 1 || offset != (s->cfg.reset_port & 3))
			break;
		s->state.reset_control = value & RESET_KEPT;
		if (value & RESET_CPU)
			s->cfg.machine.request(s->cfg.machine.ctx, MACHINE_RESET, 0);
		break;
	default: /* the timer is read-only */
		break;
	}
	pthread_mutex_unlock(&s->lock);
}

void acpi_pm_press_power_button(struct acpi_pm *s)
{
	pthread_mutex_lock(&s->lock);
	s->state.status |= PM1_PWRBTN;
	if (!s->quiesced)
		update(s);
	pthread_mutex_unlock(&s->lock);
}

/* For the event loop; harmless at any time. */
static void timer_expired(void *ctx)
{
	struct acpi_pm *s = ctx;

	pthread_mutex_lock(&s->lock);
	if (!s->quiesced) {
		s->deadline_ns = 0;
		advance(s);
		update(s);
	}
	pthread_mutex_unlock(&s->lock);
}

static void power_on(struct acpi_pm *s)
{
	s->state.status = 0;
	s->state.enable = 0;
	s->state.control = 0;
	s->state.reset_control = 0;
	s->state.no_sleep_said = false;
	s->state.seen_toggles = timer_ticks(s) >> (s->timer_bits - 1);
	update(s);
}

static void acpi_pm_reset(struct device *dev)
{
	struct acpi_pm *s = from_device(dev);

	pthread_mutex_lock(&s->lock);
	power_on(s);
	pthread_mutex_unlock(&s->lock);
}

static void set_quiesced(struct device *dev, bool quiesced)
{
	struct acpi_pm *s = from_device(dev);

	pthread_mutex_lock(&s->lock);
	s->quiesced = quiesced;
	advance(s);
	update(s);
	pthread_mutex_unlock(&s->lock);
}

static void acpi_pm_quiesce(struct device *dev)
{
	set_quiesced(dev, true);
}

static void acpi_pm_resume(struct device *dev)
{
	set_quiesced(dev, false);
}

static void acpi_pm_save(struct device *dev, struct state_writer *w)
{
	struct acpi_pm *s = from_device(dev);
	const struct acpi_pm_state *now = &s->state;

	pthread_mutex_lock(&s->lock);
	state_put_number(w, "status", now->status);
	state_put_number(w, "enable", now->enable);
	state_put_number(w, "control", now->control);
	state_put_number(w, "reset-control", now->reset_control);
	state_put_number(w, "elapsed-ns", elapsed_ns(s));
	state_put_number(w, "seen-toggles", now->seen_toggles);
	state_put_number(w, "no-sleep-said", now->no_sleep_said);
	pthread_mutex_unlock(&s->lock);
}

static int acpi_pm_load(struct device *dev, struct state_reader *r, struct err *e)
{
	struct acpi_pm *s = from_device(dev);
	struct acpi_pm_state loaded;
	uint64_t elapsed;
	int rc;

	loaded.status = (uint16_t)state_get_number(r, "status", 0, 0xffff);
	loaded.enable = (uint16_t)state_get_number(r, "enable", 0, 0xffff);
	loaded.control = (uint16_t)state_get_number(r, "control", 0, 0xffff);
	loaded.reset_control = (uint8_t)state_get_number(r, "reset-control", 0, 0xff);
	elapsed = state_get_number(r, "elapsed-ns", 0, MAX_ELAPSED_NS);
	loaded.seen_toggles = state_get_number(
		r, "seen-toggles", 0, ticks_from_ns(elapsed, PM_TIMER_HZ) >> (s->timer_bits - 1));
	loaded.no_sleep_said = state_get_flag(r, "no-sleep-said");
	if (loaded.status & ~(PM1_TMR | PM1_PWRBTN | PM1_WAK))
		state_refuse(r, "status", "has events that never happen");
	if (loaded.enable & ~PM1_ENABLE_ALL)
		state_refuse(r, "enable", "has bits that cannot be written");
	if (loaded.control & ~(PM1_SLP_TYP | PM1_BM_RLD))
		state_refuse(r, "control", "has bits that are not kept");
	if (loaded.reset_control & ~RESET_KEPT)
		state_refuse(r, "reset-control", "has bits that are not kept");
	rc = state_read(r, e);
	if (rc)
		return rc;
	pthread_mutex_lock(&s->lock);
	s->state = loaded;
	s->zero_ns += elapsed_ns(s) - elapsed;
	s->sci_level = wanted_level(s);
	irq_line_set(&s->cfg.sci, s->sci_level);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static void acpi_pm_destroy(struct device *dev)
{
	struct acpi_pm *s = from_device(dev);

	s->cfg.timers.destroy(s->timer);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static const struct device_ops acpi_pm_ops = {
	.name = "ACPI PM",
	.read = acpi_pm_read,
	.write = acpi_pm_write,
	.reset = acpi_pm_reset,
	.quiesce = acpi_pm_quiesce,
	.resume = acpi_pm_resume,
	.state_version = 1,
	.save = acpi_pm_save,
	.load = acpi_pm_load,
	.destroy = acpi_pm_destroy,
};

static struct device_region port_region(unsigned port, unsigned size_bytes, uint8_t max_access)
{
	return (struct device_region){
		.space = BUS_PIO,
		.range = { port, size_bytes },
		.max_access_bytes = max_access,
	};
}

int acpi_pm_create(struct acpi_pm **ret_pm, const struct acpi_pm_config *cfg, struct err *e)
{
	struct acpi_pm *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(e, -ENOMEM, "ACPI PM: no memory");
	s->dev.ops = &acpi_pm_ops;
	s->dev.regions[REGION_EVENT] = port_region(cfg->event_port, 4, 4);
	s->dev.regions[REGION_CONTROL] = port_region(cfg->control_port, 2, 2);
	s->dev.regions[REGION_TIMER] = port_region(cfg->timer_port, 4, 4);
	/*
	 * On a PC the reset register lies inside the PCI address register (CF8h), and only byte
	 * accesses reach it; wider ones are PCI's. The whole dword is claimed so that a guest that
	 * probes PCI with wide writes is not reset by the byte in the middle.
	 */
	s->dev.regions[REGION_RESET] = port_region(cfg->reset_port & ~3u, 4, 4);
	s->dev.nr_regions = 4;
	s->cfg = *cfg;
	s->timer_bits = cfg->timer_32bit ? 32 : 24;
	rc = cfg->timers.create(cfg->timers.ctx, timer_expired, s, &s->timer, e);
	if (rc) {
		free(s);
		return rc;
	}
	pthread_mutex_init(&s->lock, NULL);
	power_on(s);
	*ret_pm = s;
	return 0;
}

struct device *acpi_pm_device(struct acpi_pm *s)
{
	return s ? &s->dev : NULL;
}
