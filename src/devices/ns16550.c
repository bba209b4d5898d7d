/* SPDX-License-Identifier: MIT */
#include "devices/ns16550.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* Register offsets; 0 and 1 are the divisor latch while LCR.DLAB is set. */
enum {
	REG_RBR_THR = 0,
	REG_IER = 1,
	REG_IIR_FCR = 2,
	REG_LCR = 3,
	REG_MCR = 4,
	REG_LSR = 5,
	REG_MSR = 6,
	REG_SCR = 7,
};

#define IER_RDI 0x01u  /* received data, and its timeout */
#define IER_THRI 0x02u /* transmitter holding register empty */
#define IER_RLSI 0x04u /* receiver line status */
#define IER_MSI 0x08u  /* modem status */
#define IER_ALL 0x0fu

#define IIR_NONE 0x01u
#define IIR_MSI 0x00u
#define IIR_THRI 0x02u
#define IIR_RDI 0x04u
#define IIR_RLSI 0x06u
#define IIR_TIMEOUT 0x0cu
#define IIR_FIFO_ENABLED 0xc0u

#define FCR_ENABLE 0x01u
#define FCR_CLEAR_RX 0x02u

#define LCR_DLAB 0x80u

#define MCR_DTR 0x01u
#define MCR_RTS 0x02u
#define MCR_OUT1 0x04u
#define MCR_OUT2 0x08u
#define MCR_LOOP 0x10u
#define MCR_ALL 0x1fu

#define LSR_DR 0x01u
#define LSR_OE 0x02u
#define LSR_THRE 0x20u
#define LSR_TEMT 0x40u

#define MSR_DELTAS 0x0fu
#define MSR_DCTS 0x01u
#define MSR_DDSR 0x02u
#define MSR_TERI 0x04u
#define MSR_DDCD 0x08u
#define MSR_CTS 0x10u
#define MSR_DSR 0x20u
#define MSR_RI 0x40u
#define MSR_DCD 0x80u

#define FIFO_BYTES 16u
#define DIVISOR_9600 12u /* not 0: early consoles divide by what they find */

struct ns16550 {
	struct device dev; /* first */
	struct ns16550_config cfg;

	pthread_mutex_t lock; /* guards all below */
	uint8_t ier, lcr, mcr, msr, scr;
	uint8_t divisor_low, divisor_high;
	bool fifo_enabled;
	unsigned trigger_bytes;
	uint8_t rx[FIFO_BYTES]; /* ring */
	unsigned rx_head, rx_count;
	bool overrun;
	bool thr_empty_pending; /* THR became empty and no IIR read has told so yet */
	bool input_refused;     /* input_wanted is owed a notification */
	bool line_level;
	bool quiesced;
};

static struct ns16550 *from_device(struct device *dev)
{
	return (struct ns16550 *)dev;
}

static unsigned rx_capacity(const struct ns16550 *u)
{
	return u->fifo_enabled ? FIFO_BYTES : 1;
}

/* The interrupt of highest priority, as IIR bits 3:0 name it (data sheet, Interrupt Control). */
static uint8_t pending_interrupt(const struct ns16550 *u)
{
	if ((u->ier & IER_RLSI) && u->overrun)
		return IIR_RLSI;
	if ((u->ier & IER_RDI) && u->rx_count != 0)
		return !u->fifo_enabled || u->rx_count >= u->trigger_bytes ? IIR_RDI : IIR_TIMEOUT;
	if ((u->ier & IER_THRI) && u->thr_empty_pending)
		return IIR_THRI;
	if ((u->ier & IER_MSI) && (u->msr & MSR_DELTAS))
		return IIR_MSI;
	return IIR_NONE;
}

/*
 * A PC gates the chip's INTR output with its OUT2 pin, and loopback forces that pin inactive
 * whatever MCR says.
 */
static void update_line(struct ns16550 *u)
{
	bool gate = (u->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
	bool level = gate && pending_interrupt(u) != IIR_NONE;

	if (level != u->line_level) {
		u->line_level = level;
		irq_line_set(&u->cfg.irq, level);
	}
}

static bool takes_input(const struct ns16550 *u)
{
	return !u->quiesced && !(u->mcr & MCR_LOOP);
}

/* Call after whatever may have made room: a drained FIFO, or the end of loopback. */
static void ask_for_input(struct ns16550 *u)
{
	if (!u->input_refused || u->rx_count != 0 || !takes_input(u))
		return;
	u->input_refused = false;
	if (u->cfg.input_wanted.notify)
		u->cfg.input_wanted.notify(u->cfg.input_wanted.ctx);
}

static void rx_clear(struct ns16550 *u)
{
	u->rx_head = 0;
	u->rx_count = 0;
}

static void rx_push(struct ns16550 *u, uint8_t byte)
{
	u->rx[(u->rx_head + u->rx_count) % FIFO_BYTES] = byte;
	u->rx_count++;
}

static uint8_t rx_pop(struct ns16550 *u)
{
	uint8_t byte;

	if (u->rx_count == 0)
		return 0;
	byte = u->rx[u->rx_head];
	u->rx_head = (u->rx_head + 1) % FIFO_BYTES;
	u->rx_count--;
	return byte;
}

/* A transmitted byte comes back in; a full FIFO keeps what it has, a full RBR is overwritten. */
static void loop_back(struct ns16550 *u, uint8_t byte)
{
	if (u->rx_count == rx_capacity(u)) {
		u->overrun = true;
		if (u->fifo_enabled)
			return;
		rx_clear(u);
	}
	rx_push(u, byte);
}

/* The four modem inputs: a peer that is always there and ready, or MCR's outputs in loopback. */
static uint8_t modem_inputs(const struct ns16550 *u)
{
	unsigned in = 0;

	if (!(u->mcr & MCR_LOOP))
		return MSR_DCD | MSR_DSR | MSR_CTS;
	if (u->mcr & MCR_RTS)
		in |= MSR_CTS;
	if (u->mcr & MCR_DTR)
		in |= MSR_DSR;
	if (u->mcr & MCR_OUT1)
		in |= MSR_RI;
	if (u->mcr & MCR_OUT2)
		in |= MSR_DCD;
	return (uint8_t)in;
}

static void update_modem_status(struct ns16550 *u)
{
	unsigned old = u->msr, in = modem_inputs(u), changed = old ^ in;
	unsigned deltas = old & MSR_DELTAS;

	if (changed & MSR_CTS)
		deltas |= MSR_DCTS;
	if (changed & MSR_DSR)
		deltas |= MSR_DDSR;
	if ((changed & MSR_RI) && (old & MSR_RI))
		deltas |= MSR_TERI;
	if (changed & MSR_DCD)
		deltas |= MSR_DDCD;
	u->msr = (uint8_t)(in | deltas);
}

static uint8_t read_iir(struct ns16550 *u)
{
	unsigned iir = pending_interrupt(u);

	if (iir == IIR_THRI)
		u->thr_empty_pending = false;
	return (uint8_t)(iir | (u->fifo_enabled ? IIR_FIFO_ENABLED : 0));
}

static uint8_t read_lsr(struct ns16550 *u)
{
	unsigned lsr = LSR_THRE | LSR_TEMT;

	if (u->rx_count != 0)
		lsr |= LSR_DR;
	if (u->overrun)
		lsr |= LSR_OE;
	u->overrun = false;
	return (uint8_t)lsr;
}

static uint8_t read_msr(struct ns16550 *u)
{
	uint8_t msr = u->msr;

	u->msr = (uint8_t)(msr & ~MSR_DELTAS);
	return msr;
}

static uint8_t read_register(struct ns16550 *u, unsigned reg)
{
	switch (reg) {
	case REG_RBR_THR:
		return u->lcr & LCR_DLAB ? u->divisor_low : rx_pop(u);
	case REG_IER:
		return u->lcr & LCR_DLAB ? u->divisor_high : u->ier;
	case REG_IIR_FCR:
		return read_iir(u);
	case REG_LCR:
		return u->lcr;
	case REG_MCR:
		return u->mcr;
	case REG_LSR:
		return read_lsr(u);
	case REG_MSR:
		return read_msr(u);
	case REG_SCR:
		return u->scr;
	default:
		return 0xff;
	}
}

static uint64_t ns16550_read(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes)
{
	struct ns16550 *u = from_device(dev);
	uint8_t value;

	(void)region;
	(void)size_bytes;
	pthread_mutex_lock(&u->lock);
	value = read_register(u, (unsigned)offset);
	update_line(u);
	ask_for_input(u);
	pthread_mutex_unlock(&u->lock);
	return value;
}

static void write_fcr(struct ns16550 *u, uint8_t value)
{
	static const uint8_t triggers[4] = { 1, 4, 8, 14 };
	bool enable = value & FCR_ENABLE;

	/* Switching modes empties the FIFOs; the other bits count only while FIFOs are enabled. */
	if (enable != u->fifo_enabled || (enable && (value & FCR_CLEAR_RX)))
		rx_clear(u);
	u->fifo_enabled = enable;
	if (enable)
		u->trigger_bytes = triggers[value >> 6];
}

static void write_ier(struct ns16550 *u, uint8_t value)
{
	/* The transmitter is always empty: enabling its interrupt raises it, once. */
	if (!(value & IER_THRI))
		u->thr_empty_pending = false;
	else if (!(u->ier & IER_THRI))
		u->thr_empty_pending = true;
	u->ier = value & IER_ALL;
}

static void write_register(struct ns16550 *u, unsigned reg, uint8_t value)
{
	switch (reg) {
	case REG_RBR_THR: /* the divisor latch; THR went to transmit() */
		u->divisor_low = value;
		break;
	case REG_IER:
		if (u->lcr & LCR_DLAB)
			u->divisor_high = value;
		else
			write_ier(u, value);
		break;
	case REG_IIR_FCR:
		write_fcr(u, value);
		break;
	case REG_LCR:
		u->lcr = value;
		break;
	case REG_MCR:
		u->mcr = value & MCR_ALL;
		update_modem_status(u);
		break;
	case REG_SCR:
		u->scr = value;
		break;
	default: /* LSR and MSR are read-only */
		break;
	}
}

/*
 * Called and returns with the lock held, but lets go of it for the sink, which may wait for a slow
 * reader while the event loop must still get in. THR counts as full meanwhile, so the interrupt
 * that invites the next byte comes only after this one is out.
 */
static void transmit(struct ns16550 *u, uint8_t byte)
{
	u->thr_empty_pending = false;
	update_line(u);
	if (u->mcr & MCR_LOOP) {
		loop_back(u, byte);
	} else {
		pthread_mutex_unlock(&u->lock);
		u->cfg.output.write(u->cfg.output.ctx, &byte, 1);
		pthread_mutex_lock(&u->lock);
	}
	u->thr_empty_pending = u->ier & IER_THRI;
}

static void ns16550_write(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct ns16550 *u = from_device(dev);

	(void)region;
	(void)size_bytes;
	pthread_mutex_lock(&u->lock);
	if (offset == REG_RBR_THR && !(u->lcr & LCR_DLAB))
		transmit(u, (uint8_t)value);
	else
		write_register(u, (unsigned)offset, (uint8_t)value);
	update_line(u);
	ask_for_input(u);
	pthread_mutex_unlock(&u->lock);
}

size_t ns16550_input_space(struct ns16550 *u)
{
	size_t space;

	pthread_mutex_lock(&u->lock);
	space = takes_input(u) ? rx_capacity(u) - u->rx_count : 0;
	if (space == 0)
		u->input_refused = true;
	pthread_mutex_unlock(&u->lock);
	return space;
}

size_t ns16550_input(struct ns16550 *u, const uint8_t *bytes, size_t n)
{
	size_t taken = 0;

	pthread_mutex_lock(&u->lock);
	while (taken < n && takes_input(u) && u->rx_count < rx_capacity(u))
		rx_push(u, bytes[taken++]);
	if (taken < n)
		u->input_refused = true;
	update_line(u);
	pthread_mutex_unlock(&u->lock);
	return taken;
}

/* With the lock held. Input that the source still holds may come in again. */
static void power_on(struct ns16550 *u)
{
	u->ier = 0;
	u->lcr = 0;
	u->mcr = 0;
	u->scr = 0;
	u->msr = modem_inputs(u);
	u->divisor_low = DIVISOR_9600;
	u->divisor_high = 0;
	u->fifo_enabled = false;
	u->trigger_bytes = 1;
	rx_clear(u);
	u->overrun = false;
	u->thr_empty_pending = false;
	update_line(u);
	ask_for_input(u);
}

static void ns16550_reset(struct device *dev)
{
	struct ns16550 *u = from_device(dev);

	pthread_mutex_lock(&u->lock);
	power_on(u);
	pthread_mutex_unlock(&u->lock);
}

static void ns16550_quiesce(struct device *dev)
{
	struct ns16550 *u = from_device(dev);

	pthread_mutex_lock(&u->lock);
	u->quiesced = true;
	pthread_mutex_unlock(&u->lock);
}

static void ns16550_resume(struct device *dev)
{
	struct ns16550 *u = from_device(dev);

	pthread_mutex_lock(&u->lock);
	u->quiesced = false;
	ask_for_input(u);
	pthread_mutex_unlock(&u->lock);
}

static void ns16550_destroy(struct device *dev)
{
	struct ns16550 *u = from_device(dev);

	pthread_mutex_destroy(&u->lock);
	free(u);
}

static const struct device_ops ns16550_ops = {
	.name = "16550A",
	.read = ns16550_read,
	.write = ns16550_write,
	.reset = ns16550_reset,
	.quiesce = ns16550_quiesce,
	.resume = ns16550_resume,
	.destroy = ns16550_destroy,
};

struct ns16550 *ns16550_create(const struct ns16550_config *cfg, struct err *e)
{
	struct ns16550 *u = calloc(1, sizeof(*u));

	if (!u) {
		(void)err_set(e, -ENOMEM, "16550A: no memory");
		return NULL;
	}
	u->dev.ops = &ns16550_ops;
	u->dev.regions[0] = (struct device_region){
		.space = BUS_PIO,
		.range = { cfg->port, NS16550_NR_PORTS },
		.max_access_bytes = 1,
	};
	u->dev.nr_regions = 1;
	u->cfg = *cfg;
	pthread_mutex_init(&u->lock, NULL);
	power_on(u);
	return u;
}

struct device *ns16550_device(struct ns16550 *u)
{
	return u ? &u->dev : NULL;
}
