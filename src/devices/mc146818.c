/* SPDX-License-Identifier: MIT */
#include "devices/mc146818.h"

#include "devices/calendar.h"
#include "devices/ticks.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	REG_SECONDS = 0x00,
	REG_SECONDS_ALARM = 0x01,
	REG_MINUTES = 0x02,
	REG_MINUTES_ALARM = 0x03,
	REG_HOURS = 0x04,
	REG_HOURS_ALARM = 0x05,
	REG_WEEKDAY = 0x06,
	REG_DAY = 0x07,
	REG_MONTH = 0x08,
	REG_YEAR = 0x09,
	REG_A = 0x0a,
	REG_B = 0x0b,
	REG_C = 0x0c,
	REG_D = 0x0d,
	REG_CENTURY = MC146818_CENTURY,
};

#define A_RATE 0x0fu
#define A_DIVIDER 0x70u
#define A_DIVIDER_LAST_RUNNING 0x20u /* the three time bases; above are reset and test modes */
#define A_UIP 0x80u
#define A_POWER_ON 0x26u /* 32.768 kHz, 1024 Hz: as a PC's firmware leaves it */

#define B_24H 0x02u
#define B_BINARY 0x04u
#define B_SQWE 0x08u
#define B_UIE 0x10u
#define B_AIE 0x20u
#define B_PIE 0x40u
#define B_SET 0x80u
#define B_CLEARED_BY_RESET (B_PIE | B_AIE | B_UIE | B_SQWE)

/* Flags of C; their enable bits in B lie at the same places. */
#define C_UF 0x10u
#define C_AF 0x20u
#define C_PF 0x40u
#define C_FLAGS (C_UF | C_AF | C_PF)
#define C_IRQF 0x80u

#define D_VRT 0x80u /* the battery is good */

/* Why the processor was reset, for firmware, which clears it (PC/AT: "shutdown status byte"). */
#define CMOS_SHUTDOWN 0x0fu

#define HOUR_PM 0x80u
#define ALARM_ANY 0xc0u /* alarm bytes from here up match anything */
#define DIVIDER_HZ 32768u
/* UIP rises 244 us before the update, which takes 1984 us (data sheet, Update Cycle). */
#define UIP_NS UINT64_C(2228000)
/* After a divider reset the first update comes half a second later (data sheet, Divider Bits). */
#define RESET_PHASE_NS (NS_PER_SECOND / 2)
/* With them, no sum of times wraps: 146 years of running, and the years -207 to 71655, which is
 * more than the time bytes can say. */
#define MAX_ELAPSED_NS (UINT64_C(1) << 62)
#define MIN_GUEST_S (-(INT64_C(1) << 36))
#define MAX_GUEST_S (INT64_C(1) << 41)
#define MINUTES_PER_DAY (24 * 60)
/* A far alarm is looked at again this often, as the wall clock may be set meanwhile. */
#define ALARM_RECHECK_S 60

/* Guest time: seconds since 1970 as the guest set it (may be negative), and nanoseconds. */
struct rtc_time {
	int64_t s;
	uint64_t ns;
};

/* What a guest can notice, and what is saved. */
struct mc146818_state {
	uint8_t index;
	/* The time bytes are meaningful only while the clock is halted: they are what it stands at.
	 */
	uint8_t cmos[128];
	struct rtc_time offset; /* added to the wall clock */
	int64_t seen_s;         /* update and alarm flags are up to date to here … */
	uint64_t seen_period;   /* … and the periodic flag to here */
};

struct mc146818 {
	struct device dev; /* first */
	struct mc146818_config cfg;
	struct timer *timer; /* owned; calls timer_expired */

	pthread_mutex_t lock; /* guards all below */
	struct mc146818_state state;
	uint64_t zero_ns;     /* since when periods count; may lie before the clock's own 0 */
	uint64_t deadline_ns; /* as armed; 0: not */
	bool line_level;      /* as the state has it */
	bool quiesced;
};

static struct mc146818 *from_device(struct device *dev)
{
	return (struct mc146818 *)dev;
}

static uint64_t monotonic_ns(const struct mc146818 *s)
{
	return s->cfg.clock.monotonic_ns(s->cfg.clock.ctx);
}

static struct rtc_time wall_time(const struct mc146818 *s)
{
	uint64_t ns = s->cfg.clock.wall_ns(s->cfg.clock.ctx);

	return (struct rtc_time){ (int64_t)(ns / NS_PER_SECOND), ns % NS_PER_SECOND };
}

static struct rtc_time guest_time(const struct mc146818 *s)
{
	struct rtc_time t = wall_time(s);

	t.s += s->state.offset.s;
	t.ns += s->state.offset.ns;
	if (t.ns >= NS_PER_SECOND) {
		t.ns -= NS_PER_SECOND;
		t.s++;
	}
	return t;
}

/* Makes the guest time t, from now on. */
static void set_guest_time(struct mc146818 *s, struct rtc_time t)
{
	struct rtc_time wall = wall_time(s);

	s->state.offset.s = t.s - wall.s;
	s->state.offset.ns = t.ns + NS_PER_SECOND - wall.ns;
	if (s->state.offset.ns >= NS_PER_SECOND)
		s->state.offset.ns -= NS_PER_SECOND;
	else
		s->state.offset.s--;
	s->state.seen_s = t.s;
}

static bool divider_runs(unsigned reg_a)
{
	return (reg_a & A_DIVIDER) <= A_DIVIDER_LAST_RUNNING;
}

static bool halted(const struct mc146818 *s)
{
	return (s->state.cmos[REG_B] & B_SET) || !divider_runs(s->state.cmos[REG_A]);
}

static uint8_t encode(const struct mc146818 *s, unsigned v)
{
	return (uint8_t)(s->state.cmos[REG_B] & B_BINARY ? v : v / 10 << 4 | v % 10);
}

/* Any byte gives a number, at most 255. */
static int decode(const struct mc146818 *s, unsigned v)
{
	return (int)(s->state.cmos[REG_B] & B_BINARY ? v : (v >> 4) * 10 + (v & 0xf));
}

static uint8_t encode_hour(const struct mc146818 *s, unsigned hour)
{
	unsigned pm = hour >= 12 ? HOUR_PM : 0;

	if (s->state.cmos[REG_B] & B_24H)
		return encode(s, hour);
	return (uint8_t)(encode(s, hour % 12 == 0 ? 12 : hour % 12) | pm);
}

static int decode_hour(const struct mc146818 *s, unsigned v)
{
	if (s->state.cmos[REG_B] & B_24H)
		return decode(s, v);
	return decode(s, v & ~HOUR_PM) % 12 + (v & HOUR_PM ? 12 : 0);
}

/* Writes time t into the time bytes, in the format that register B asks for. */
static void latch(struct mc146818 *s, int64_t t)
{
	struct calendar_time c = calendar_from_seconds(t);
	/* Month 0 of year 0 is a date before it: keep the number positive. */
	unsigned year = (unsigned)((c.year + 10000) % 10000);

	s->state.cmos[REG_SECONDS] = encode(s, (unsigned)c.second);
	s->state.cmos[REG_MINUTES] = encode(s, (unsigned)c.minute);
	s->state.cmos[REG_HOURS] = encode_hour(s, (unsigned)c.hour);
	s->state.cmos[REG_WEEKDAY] = encode(s, (unsigned)c.weekday + 1);
	s->state.cmos[REG_DAY] = encode(s, (unsigned)c.day);
	s->state.cmos[REG_MONTH] = encode(s, (unsigned)c.month);
	s->state.cmos[REG_YEAR] = encode(s, year % 100);
	s->state.cmos[REG_CENTURY] = encode(s, year / 100);
}

/* The time that the time bytes say; bytes out of range carry over into the next larger unit. */
static int64_t latched_time(const struct mc146818 *s)
{
	struct calendar_time c = {
		.year = decode(s, s->state.cmos[REG_CENTURY]) * 100 +
			decode(s, s->state.cmos[REG_YEAR]),
		.month = decode(s, s->state.cmos[REG_MONTH]),
		.day = decode(s, s->state.cmos[REG_DAY]),
		.hour = decode_hour(s, s->state.cmos[REG_HOURS]),
		.minute = decode(s, s->state.cmos[REG_MINUTES]),
		.second = decode(s, s->state.cmos[REG_SECONDS]),
	};

	return calendar_to_seconds(&c);
}

/* Lets the clock go on from what the time bytes say; the divider kept the fraction of a second. */
static void commit(struct mc146818 *s)
{
	set_guest_time(s, (struct rtc_time){ latched_time(s), guest_time(s).ns });
}

/* The periodic interrupt's period in ticks of the divider; 0: none (data sheet, table 5). */
static uint64_t period_ticks(unsigned reg_a)
{
	unsigned rate = reg_a & A_RATE;

	if (rate == 0 || !divider_runs(reg_a))
		return 0;
	if (rate <= 2)
		rate += 7;
	return UINT64_C(1) << (rate - 1);
}

static uint64_t elapsed_ns(const struct mc146818 *s)
{
	return monotonic_ns(s) - s->zero_ns;
}

/* How many periods of register A there are in so long a time. */
static uint64_t periods_in(uint64_t elapsed, unsigned reg_a)
{
	uint64_t ticks = period_ticks(reg_a);

	return ticks ? ticks_from_ns(elapsed, DIVIDER_HZ) / ticks : 0;
}

/* How many have passed in all. */
static uint64_t periods(const struct mc146818 *s)
{
	return periods_in(elapsed_ns(s), s->state.cmos[REG_A]);
}

static bool alarm_matches(uint8_t alarm, uint8_t now)
{
	return alarm >= ALARM_ANY || alarm == now;
}

/*
 * Seconds from guest time `from` (that second included) to the first that matches the alarm bytes;
 * -1 where none ever does.
 */
static int64_t alarm_distance(const struct mc146818 *s, int64_t from)
{
	unsigned of_day = (unsigned)((from % 86400 + 86400) % 86400);
	unsigned second = of_day % 60, minute_of_day = of_day / 60;
	uint8_t alarm_second = s->state.cmos[REG_SECONDS_ALARM];

	for (unsigned i = 0; i <= MINUTES_PER_DAY; i++) {
		unsigned m = (minute_of_day + i) % MINUTES_PER_DAY;
		unsigned first = i == 0 ? second : 0;

		if (!alarm_matches(s->state.cmos[REG_MINUTES_ALARM], encode(s, m % 60)) ||
			!alarm_matches(s->state.cmos[REG_HOURS_ALARM], encode_hour(s, m / 60)))
			continue;
		for (unsigned target = first; target < 60; target++) {
			if (alarm_matches(alarm_second, encode(s, target)))
				return (int64_t)i * 60 + target - second;
		}
		/* Not even a whole minute has such a second. */
		if (first == 0)
			return -1;
	}
	return -1;
}

static void update_line(struct mc146818 *s)
{
	unsigned c = s->state.cmos[REG_C] & C_FLAGS;
	bool level = (c & s->state.cmos[REG_B]) != 0;

	s->state.cmos[REG_C] = (uint8_t)(c | (level ? C_IRQF : 0));
	if (level != s->line_level) {
		s->line_level = level;
		irq_line_set(&s->cfg.irq, level);
	}
}

/* Sets the flags of all that has happened since the last call. */
static void advance(struct mc146818 *s)
{
	uint64_t period = periods(s);
	unsigned c = s->state.cmos[REG_C];

	if (period != s->state.seen_period)
		c |= C_PF;
	s->state.seen_period = period;
	if (!halted(s)) {
		int64_t now = guest_time(s).s;

		if (now > s->state.seen_s) {
			int64_t distance = alarm_distance(s, s->state.seen_s + 1);

			c |= C_UF;
			if (distance >= 0 && distance <= now - (s->state.seen_s + 1))
				c |= C_AF;
		}
		s->state.seen_s = now; /* the wall clock may also have been set back */
	}
	s->state.cmos[REG_C] = (uint8_t)c;
	update_line(s);
}

/* Nanoseconds until the update or alarm that will next raise the interrupt; 0: none. */
static uint64_t ns_to_update(const struct mc146818 *s, unsigned wanted)
{
	struct rtc_time now;
	int64_t seconds;

	if (halted(s) || !(wanted & (C_UF | C_AF)))
		return 0;
	now = guest_time(s);
	seconds = 0;
	if (!(wanted & C_UF)) {
		seconds = alarm_distance(s, now.s + 1);
		if (seconds < 0)
			return 0;
		if (seconds > ALARM_RECHECK_S)
			seconds = ALARM_RECHECK_S;
	}
	return (uint64_t)(seconds + 1) * NS_PER_SECOND - now.ns;
}

/* Arms the timer for the first event whose interrupt is enabled and not raised yet. */
static void rearm(struct mc146818 *s)
{
	unsigned wanted = s->state.cmos[REG_B] & C_FLAGS & ~(unsigned)s->state.cmos[REG_C];
	uint64_t deadline = 0, update = ns_to_update(s, wanted),
		 period = period_ticks(s->state.cmos[REG_A]);

	if (s->quiesced)
		update = period = 0;
	if (update)
		deadline = monotonic_ns(s) + update;
	if ((wanted & C_PF) && period) {
		uint64_t at =
			s->zero_ns + ticks_to_ns((s->state.seen_period + 1) * period, DIVIDER_HZ);

		if (deadline == 0 || at < deadline)
			deadline = at;
	}
	if (deadline != s->deadline_ns) {
		s->deadline_ns = deadline;
		s->cfg.timers.arm(s->timer, deadline);
	}
}

/* Changes register A or B, and with them perhaps whether the clock runs, how fast, or its format.
 */
static void write_mode(struct mc146818 *s, unsigned reg, uint8_t value)
{
	bool was_halted = halted(s), divider_ran = divider_runs(s->state.cmos[REG_A]);

	if (!was_halted)
		latch(s, guest_time(s).s);
	s->state.cmos[reg] = value;
	if (!divider_ran && divider_runs(s->state.cmos[REG_A]))
		set_guest_time(s, (struct rtc_time){ guest_time(s).s, RESET_PHASE_NS });
	if (was_halted && !halted(s))
		commit(s);
	s->state.seen_period = periods(s);
}

static void write_register(struct mc146818 *s, unsigned reg, uint8_t value)
{
	switch (reg) {
	case REG_SECONDS:
	case REG_MINUTES:
	case REG_HOURS:
	case REG_WEEKDAY:
	case REG_DAY:
	case REG_MONTH:
	case REG_YEAR:
	case REG_CENTURY:
		if (halted(s)) {
			s->state.cmos[reg] = value;
		} else {
			latch(s, guest_time(s).s);
			s->state.cmos[reg] = value;
			commit(s);
		}
		break;
	case REG_A:
		write_mode(s, REG_A, (uint8_t)(value & ~A_UIP));
		break;
	case REG_B:
		/* Setting SET clears UIE (data sheet, Register B). */
		if (value & B_SET)
			value = (uint8_t)(value & ~B_UIE);
		write_mode(s, REG_B, value);
		break;
	case REG_C:
	case REG_D:
		break;
	default:
		s->state.cmos[reg] = value;
		break;
	}
}

static uint8_t read_register(struct mc146818 *s, unsigned reg)
{
	struct rtc_time now = guest_time(s);
	uint8_t value;

	switch (reg) {
	case REG_SECONDS:
	case REG_MINUTES:
	case REG_HOURS:
	case REG_WEEKDAY:
	case REG_DAY:
	case REG_MONTH:
	case REG_YEAR:
	case REG_CENTURY:
		if (!halted(s))
			latch(s, now.s);
		return s->state.cmos[reg];
	case REG_A:
		value = s->state.cmos[REG_A];
		if (!halted(s) && now.ns >= NS_PER_SECOND - UIP_NS)
			value |= A_UIP;
		return value;
	case REG_C:
		value = s->state.cmos[REG_C];
		s->state.cmos[REG_C] = 0;
		update_line(s);
		return value;
	case REG_D:
		return D_VRT;
	default:
		return s->state.cmos[reg];
	}
}

static uint64_t mc146818_read(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes)
{
	struct mc146818 *s = from_device(dev);
	uint8_t value = 0xff; /* the index port is write-only */

	(void)region;
	(void)size_bytes;
	if (offset == 0)
		return value;
	pthread_mutex_lock(&s->lock);
	advance(s);
	value = read_register(s, s->state.index);
	rearm(s);
	pthread_mutex_unlock(&s->lock);
	return value;
}

static void mc146818_write(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct mc146818 *s = from_device(dev);

	(void)region;
	(void)size_bytes;
	pthread_mutex_lock(&s->lock);
	if (offset == 0) {
		s->state.index = value & 0x7f; /* bit 7 masks NMI, of which this machine has none */
	} else {
		advance(s);
		write_register(s, s->state.index, (uint8_t)value);
		update_line(s);
		rearm(s);
	}
	pthread_mutex_unlock(&s->lock);
}

/* For the event loop; harmless at any time. */
static void timer_expired(void *ctx)
{
	struct mc146818 *s = ctx;

	pthread_mutex_lock(&s->lock);
	if (!s->quiesced) {
		s->deadline_ns = 0;
		advance(s);
		rearm(s);
	}
	pthread_mutex_unlock(&s->lock);
}

static void put_le(uint8_t *bytes, unsigned n, uint64_t value)
{
	uint64_t max = bit_mask(n * 8);

	if (value > max)
		value = max;
	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(value >> (i * 8));
}

/* What a PC's firmware writes of RAM sizes: KiB of base memory, KiB above 1 MiB, 64 KiB above. */
static void put_memory_sizes(struct mc146818 *s)
{
	uint64_t low = s->cfg.ram_below_4g_bytes;
	uint64_t base_kib = low / KIB < 640 ? low / KIB : 640;
	uint64_t extended_kib = low > MIB ? (low - MIB) / KIB : 0;
	uint64_t above_16m = low > 16 * MIB ? (low - 16 * MIB) / (64 * KIB) : 0;

	put_le(&s->state.cmos[0x15], 2, base_kib);
	put_le(&s->state.cmos[0x17], 2, extended_kib);
	put_le(&s->state.cmos[0x30], 2, extended_kib);
	put_le(&s->state.cmos[0x34], 2, above_16m);
	put_le(&s->state.cmos[0x5b], 3, s->cfg.ram_above_4g_bytes / (64 * KIB));
}

/* The RESET pin, and then what firmware does; the battery has kept the rest. */
static void power_on(struct mc146818 *s)
{
	s->state.cmos[REG_B] = (uint8_t)(s->state.cmos[REG_B] & ~B_CLEARED_BY_RESET);
	advance(s);
	write_mode(s, REG_A, A_POWER_ON);
	/* A clock that was being set goes on from there, read in the format that it was set in. */
	write_mode(s, REG_B, (uint8_t)(s->state.cmos[REG_B] & ~B_SET));
	write_mode(s, REG_B, (uint8_t)(B_24H | (s->state.cmos[REG_B] & B_BINARY)));
	s->state.cmos[REG_C] = 0;
	s->state.cmos[CMOS_SHUTDOWN] = 0;
	s->state.index = 0;
	put_memory_sizes(s);
	update_line(s);
	rearm(s);
}

static void mc146818_reset(struct device *dev)
{
	struct mc146818 *s = from_device(dev);

	pthread_mutex_lock(&s->lock);
	power_on(s);
	pthread_mutex_unlock(&s->lock);
}

static void set_quiesced(struct device *dev, bool quiesced)
{
	struct mc146818 *s = from_device(dev);

	pthread_mutex_lock(&s->lock);
	s->quiesced = quiesced;
	advance(s);
	rearm(s);
	pthread_mutex_unlock(&s->lock);
}

static void mc146818_quiesce(struct device *dev)
{
	set_quiesced(dev, true);
}

/* The wall clock went on: the next update or alarm is not where the timer was armed for it. */
static void mc146818_resume(struct device *dev)
{
	set_quiesced(dev, false);
}

static void mc146818_save(struct device *dev, struct state_writer *w)
{
	struct mc146818 *s = from_device(dev);
	const struct mc146818_state *now = &s->state;

	pthread_mutex_lock(&s->lock);
	state_put_number(w, "index", now->index);
	state_put_bytes(w, "cmos", now->cmos, sizeof(now->cmos));
	state_put_signed(w, "offset-s", now->offset.s);
	state_put_number(w, "offset-ns", now->offset.ns);
	state_put_signed(w, "seen-s", now->seen_s);
	state_put_number(w, "elapsed-ns", elapsed_ns(s));
	state_put_number(w, "seen-period", now->seen_period);
	pthread_mutex_unlock(&s->lock);
}

static void check_registers(struct state_reader *r, const uint8_t *cmos)
{
	unsigned a = cmos[REG_A], b = cmos[REG_B], c = cmos[REG_C];
	bool irq = (b & c & C_FLAGS) != 0;

	if (a & A_UIP)
		state_refuse(r, "cmos", "register A has UIP, which time alone sets");
	if ((b & B_SET) && (b & B_UIE))
		state_refuse(r, "cmos", "register B has UIE, which SET clears");
	if ((c & ~C_FLAGS) != (irq ? C_IRQF : 0))
		state_refuse(r, "cmos", "register C has not the IRQF of its flags");
	if (cmos[REG_D])
		state_refuse(r, "cmos", "register D is not writable");
}

static int mc146818_load(struct device *dev, struct state_reader *r, struct err *e)
{
	struct mc146818 *s = from_device(dev);
	struct mc146818_state loaded;
	uint64_t elapsed;
	int64_t guest_s;
	int rc;

	loaded.index = (uint8_t)state_get_number(r, "index", 0, sizeof(loaded.cmos) - 1);
	(void)state_get_bytes(r, "cmos", loaded.cmos, sizeof(loaded.cmos), sizeof(loaded.cmos));
	loaded.offset.s = state_get_signed(r, "offset-s", -MAX_GUEST_S, MAX_GUEST_S);
	loaded.offset.ns = state_get_number(r, "offset-ns", 0, NS_PER_SECOND - 1);
	loaded.seen_s = state_get_signed(r, "seen-s", MIN_GUEST_S, MAX_GUEST_S);
	elapsed = state_get_number(r, "elapsed-ns", 0, MAX_ELAPSED_NS);
	loaded.seen_period =
		state_get_number(r, "seen-period", 0, periods_in(elapsed, loaded.cmos[REG_A]));
	check_registers(r, loaded.cmos);
	guest_s = wall_time(s).s + loaded.offset.s;
	if (guest_s < MIN_GUEST_S || guest_s > MAX_GUEST_S)
		state_refuse(r, "offset-s", "makes a date that no guest can have set");
	rc = state_read(r, e);
	if (rc)
		return rc;
	pthread_mutex_lock(&s->lock);
	s->state = loaded;
	s->zero_ns += elapsed_ns(s) - elapsed;
	s->line_level = loaded.cmos[REG_C] & C_IRQF;
	irq_line_set(&s->cfg.irq, s->line_level);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static void mc146818_destroy(struct device *dev)
{
	struct mc146818 *s = from_device(dev);

	s->cfg.timers.destroy(s->timer);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static const struct device_ops mc146818_ops = {
	.name = "MC146818",
	.read = mc146818_read,
	.write = mc146818_write,
	.reset = mc146818_reset,
	.quiesce = mc146818_quiesce,
	.resume = mc146818_resume,
	.state_version = 1,
	.save = mc146818_save,
	.load = mc146818_load,
	.destroy = mc146818_destroy,
};

int mc146818_create(struct mc146818 **ret_rtc, const struct mc146818_config *cfg, struct err *e)
{
	struct mc146818 *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(e, -ENOMEM, "MC146818: no memory");
	s->dev.ops = &mc146818_ops;
	s->dev.regions[0] = (struct device_region){
		.space = BUS_PIO,
		.range = { cfg->port, 2 },
		.max_access_bytes = 1,
	};
	s->dev.nr_regions = 1;
	s->cfg = *cfg;
	rc = cfg->timers.create(cfg->timers.ctx, timer_expired, s, &s->timer, e);
	if (rc) {
		free(s);
		return rc;
	}
	pthread_mutex_init(&s->lock, NULL);
	/* A new one, its clock at the host's time. */
	s->state.cmos[REG_A] = A_POWER_ON;
	s->state.cmos[REG_B] = B_24H;
	s->state.seen_s = guest_time(s).s;
	s->state.seen_period = periods(s);
	power_on(s);
	*ret_rtc = s;
	return 0;
}

struct device *mc146818_device(struct mc146818 *s)
{
	return s ? &s->dev : NULL;
}
