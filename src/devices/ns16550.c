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
static const uint8_t triggers[4] = { 1, 4, 8, 14 }; /* bytes, by bits 7:6 of FCR */
#define DIVISOR_9600 12u /* not 0: early consoles divide by what they find */

/* What a guest can notice, and what is saved. */
struct ns16550_state {
	uint8_t ier, lcr, mcr, msr, scr;
	uint8_t divisor_low, divisor_high;
	bool fifo_enabled;
	unsigned trigger_bytes;
	uint8_t rx[FIFO_BYTES]; /* ring */
	unsigned rx_head, rx_count;
	bool overrun;
	bool thr_empty_pending; /* THR became empty and no IIR read has told so yet */
};

struct ns16550 {
	struct device dev; /* first */
	struct ns16550_config cfg;

	pthread_mutex_t lock; /* guards all below */
	struct ns16550_state state;
	bool input_refused; /* input is owed a call of wanted */
	bool line_level;    /* as the state has it */
	bool quiesced;
};

static struct ns16550 *from_device(struct device *dev)
{
	return (struct ns16550 *)dev;
}

static unsigned rx_capacity(const struct ns16550_state *state)
{
	return state->fifo_enabled ? FIFO_BYTES : 1;
}

/* The interrupt of highest priority, as IIR bits 3:0 name it (data sheet, Interrupt Control). */
static uint8_t pending_interrupt(const struct ns16550 *u)
{
	if ((u->state.ier & IER_RLSI) && u->state.overrun)
		return IIR_RLSI;
	if ((u->state.ier & IER_RDI) && u->state.rx_count != 0)
		return !u->state.fifo_enabled || u->state.rx_count >= u->state.trigger_bytes
			       ? IIR_RDI
			       : IIR_TIMEOUT;
	if ((u->state.ier & IER_THRI) && u->state.thr_empty_pending)
		return IIR_THRI;
	if ((u->state.ier & IER_MSI) && (u->state.msr & MSR_DELTAS))
		return IIR_MSI;
	return IIR_NONE;
}

/*
 * A PC gates the chip's INTR output with its OUT2 pin, and loopback forces that pin inactive
 * whatever MCR says.
 */
static bool wanted_level(const struct ns16550 *u)
{
	bool gate = (u->state.mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;

	return gate && pending_interrupt(u) != IIR_NONE;
}

static void update_line(struct ns16550 *u)
{
	bool level = wanted_level(u);

	if (level != u->line_level) {
		u->line_level = level;
		irq_line_set(&u->cfg.irq, level);
	}
}

static bool takes_input(const struct ns16550 *u)
{
	return !u->quiesced && !(u->state.mcr & MCR_LOOP);
}

/* Call after whatever may have made room: a drained FIFO, or the end of loopback. */
static void ask_for_input(struct ns16550 *u)
{
	if (!u->input_refused || u->state.rx_count != 0 || !takes_input(u))
		return;
	u->input_refused = false;
	if (u->cfg.input.wanted)
		u->cfg.input.wanted(u->cfg.input.ctx);
}

static void rx_clear(struct ns16550 *u)
{
	u->state.rx_head = 0;
	u->state.rx_count = 0;
}

static void rx_push(struct ns16550 *u, uint8_t byte)
{
	u->state.rx[(u->state.rx_head + u->state.rx_count) % FIFO_BYTES] = byte;
	u->state.rx_count++;
}

static uint8_t rx_pop(struct ns16550 *u)
{
	uint8_t byte;

	if (u->state.rx_count == 0)
		return 0;
	byte = u->state.rx[u->state.rx_head];
	u->state.rx_head = (u->state.rx_head + 1) % FIFO_BYTES;
	u->state.rx_count--;
	return byte;
}

/* A transmitted byte comes back in; a full FIFO keeps what it has, a full RBR is overwritten. */
static void loop_back(struct ns16550 *u, uint8_t byte)
{
	if (u->state.rx_count == rx_capacity(&u->state)) {
		u->state.overrun = true;
		if (u->state.fifo_enabled)
			return;
		rx_clear(u);
	}
	rx_push(u, byte);
}

/* The four modem inputs: a peer that is always there and ready, or MCR's outputs in loopback. */
static uint8_t modem_inputs(uint8_t mcr)
{
	unsigned in = 0;

	if (!(mcr & MCR_LOOP))
		return MSR_DCD | MSR_DSR | MSR_CTS;
	if (mcr & MCR_RTS)
		in |= MSR_CTS;
	if (mcr & MCR_DTR)
		in |= MSR_DSR;
	if (mcr & MCR_OUT1)
		in |= MSR_RI;
	if (mcr & MCR_OUT2)
		in |= MSR_DCD;
	return (uint8_t)in;
}

static void update_modem_status(struct ns16550 *u)
{
	unsigned old = u->state.msr, in = modem_inputs(u->state.mcr), changed = old ^ in;
	unsigned deltas = old & MSR_DELTAS;

	if (changed & MSR_CTS)
		deltas |= MSR_DCTS;
	if (changed & MSR_DSR)
		deltas |= MSR_DDSR;
	if ((changed & MSR_RI) && (old & MSR_RI))
		deltas |= MSR_TERI;
	if (changed & MSR_DCD)
		deltas |= MSR_DDCD;
	u->state.msr = (uint8_t)(in | deltas);
}

static uint8_t read_iir(struct ns16550 *u)
{
	unsigned iir = pending_interrupt(u);

	if (iir == IIR_THRI)
		u->state.thr_empty_pending = false;
	return (uint8_t)(iir | (u->state.fifo_enabled ? IIR_FIFO_ENABLED : 0));
}

static uint8_t read_lsr(struct ns16550 *u)
{
	unsigned lsr = LSR_THRE | LSR_TEMT;

	if (u->state.rx_count != 0)
		lsr |= LSR_DR;
	if (u->state.overrun)
		lsr |= LSR_OE;
	u->state.overrun = false;
	return (uint8_t)lsr;
}

static uint8_t read_msr(struct ns16550 *u)
{
	uint8_t msr = u->state.msr;

	u->state.msr = (uint8_t)(msr & ~MSR_DELTAS);
	return msr;
}

static uint8_t read_register(struct ns16550 *u, unsigned reg)
{
	switch (reg) {
	case REG_RBR_THR:
		return u->state.lcr & LCR_DLAB ? u->state.divisor_low : rx_pop(u);
	case REG_IER:
		return u->state.lcr & LCR_DLAB ? u->state.divisor_high : u->state.ier;
	case REG_IIR_FCR:
		return read_iir(u);
	case REG_LCR:
		return u->state.lcr;
	case REG_MCR:
		return u->state.mcr;
	case REG_LSR:
		return read_lsr(u);
	case REG_MSR:
		return read_msr(u);
	case REG_SCR:
		return u->state.scr;
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
	bool enable = value & FCR_ENABLE;

	/* Switching modes empties the FIFOs; the other bits count only while FIFOs are enabled. */
	if (enable != u->state.fifo_enabled || (enable && (value & FCR_CLEAR_RX)))
		rx_clear(u);
	u->state.fifo_enabled = enable;
	if (enable)
		u->state.trigger_bytes = triggers[value >> 6];
}

static void write_ier(struct ns16550 *u, uint8_t value)
{
	/* The transmitter is always empty: enabling its interrupt raises it, once. */
	if (!(value & IER_THRI))
		u->state.thr_empty_pending = false;
	else if (!(u->state.ier & IER_THRI))
		u->state.thr_empty_pending = true;
	u->state.ier = value & IER_ALL;
}

static void write_register(struct ns16550 *u, unsigned reg, uint8_t value)
{
	switch (reg) {
	case REG_RBR_THR: /* the divisor latch; THR went to transmit() */
		u->state.divisor_low = value;
		break;
	case REG_IER:
		if (u->state.lcr & LCR_DLAB)
			u->state.divisor_high = value;
		else
			write_ier(u, value);
		break;
	case REG_IIR_FCR:
		write_fcr(u, value);
		break;
	case REG_LCR:
		u->state.lcr = value;
		break;
	case REG_MCR:
		u->state.mcr = value & MCR_ALL;
		update_modem_status(u);
		break;
	case REG_SCR:
		u->state.scr = value;
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
	u->state.thr_empty_pending = false;
	update_line(u);
	if (u->state.mcr & MCR_LOOP) {
		loop_back(u, byte);
	} else {
		pthread_mutex_unlock(&u->lock);
		u->cfg.output.write(u->cfg.output.ctx, &byte, 1);
		pthread_mutex_lock(&u->lock);
	}
	u->state.thr_empty_pending = u->state.ier & IER_THRI;
}

static void ns16550_write(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct ns16550 *u = from_device(dev);

	(void)region;
	(void)size_bytes;
	pthread_mutex_lock(&u->lock);
	if (offset == REG_RBR_THR && !(u->state.lcr & LCR_DLAB))
		transmit(u, (uint8_t)value);
	else
		write_register(u, (unsigned)offset, (uint8_t)value);
	update_line(u);
	ask_for_input(u);
	pthread_mutex_unlock(&u->lock);
}

bool ns16550_input_ready(struct ns16550 *u)
{
	const struct byte_source *input = &u->cfg.input;
	uint8_t bytes[FIFO_BYTES];
	size_t space, n;

	pthread_mutex_lock(&u->lock);
	space = takes_input(u) ? rx_capacity(&u->state) - u->state.rx_count : 0;
	if (space == 0)
		u->input_refused = true;
	n = space > 0 && input->read ? input->read(input->ctx, bytes, space) : 0;
	for (size_t i = 0; i < n && i < space; i++)
		rx_push(u, bytes[i]);
	update_line(u);
	pthread_mutex_unlock(&u->lock);
	return space > 0;
}

/* With the lock held. Input that the source still holds may come in again. */
static void power_on(struct ns16550 *u)
{
	u->state.ier = 0;
	u->state.lcr = 0;
	u->state.mcr = 0;
	u->state.scr = 0;
	u->state.msr = modem_inputs(u->state.mcr);
	u->state.divisor_low = DIVISOR_9600;
	u->state.divisor_high = 0;
	u->state.fifo_enabled = false;
	u->state.trigger_bytes = 1;
	rx_clear(u);
	u->state.overrun = false;
	u->state.thr_empty_pending = false;
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

/* The ring as it is read: its oldest byte first. */
static void save_rx(const struct ns16550_state *now, struct state_writer *w)
{
	uint8_t rx[FIFO_BYTES];

	for (unsigned i = 0; i < now->rx_count; i++)
		rx[i] = now->rx[(now->rx_head + i) % FIFO_BYTES];
	state_put_bytes(w, "rx", rx, now->rx_count);
}

static void ns16550_save(struct device *dev, struct state_writer *w)
{
	struct ns16550 *u = from_device(dev);
	const struct ns16550_state *now = &u->state;

	pthread_mutex_lock(&u->lock);
	state_put_number(w, "ier", now->ier);
	state_put_number(w, "lcr", now->lcr);
	state_put_number(w, "mcr", now->mcr);
	state_put_number(w, "msr", now->msr);
	state_put_number(w, "scr", now->scr);
	state_put_number(w, "dll", now->divisor_low);
	state_put_number(w, "dlm", now->divisor_high);
	state_put_number(w, "fifo-enabled", now->fifo_enabled);
	state_put_number(w, "trigger-bytes", now->trigger_bytes);
	save_rx(now, w);
	state_put_number(w, "overrun", now->overrun);
	state_put_number(w, "thr-empty-pending", now->thr_empty_pending);
	pthread_mutex_unlock(&u->lock);
}

static bool trigger_exists(unsigned bytes)
{
	for (unsigned i = 0; i < ARRAY_SIZE(triggers); i++) {
		if (triggers[i] == bytes)
			return true;
	}
	return false;
}

static int ns16550_load(struct device *dev, struct state_reader *r, struct err *e)
{
	struct ns16550 *u = from_device(dev);
	struct ns16550_state loaded;
	int rc;

	loaded.ier = (uint8_t)state_get_number(r, "ier", 0, IER_ALL);
	loaded.lcr = (uint8_t)state_get_number(r, "lcr", 0, 0xff);
	loaded.mcr = (uint8_t)state_get_number(r, "mcr", 0, MCR_ALL);
	loaded.msr = (uint8_t)state_get_number(r, "msr", 0, 0xff);
	loaded.scr = (uint8_t)state_get_number(r, "scr", 0, 0xff);
	loaded.divisor_low = (uint8_t)state_get_number(r, "dll", 0, 0xff);
	loaded.divisor_high = (uint8_t)state_get_number(r, "dlm", 0, 0xff);
	loaded.fifo_enabled = state_get_flag(r, "fifo-enabled");
	loaded.trigger_bytes = (unsigned)state_get_number(r, "trigger-bytes", 0, FIFO_BYTES);
	loaded.rx_head = 0;
	loaded.rx_count = (unsigned)state_get_bytes(r, "rx", loaded.rx, 0, FIFO_BYTES);
	loaded.overrun = state_get_flag(r, "overrun");
	loaded.thr_empty_pending = state_get_flag(r, "thr-empty-pending");
	if ((loaded.msr & ~MSR_DELTAS) != modem_inputs(loaded.mcr))
		state_refuse(r, "msr", "has inputs that are not those of mcr");
	if (!trigger_exists(loaded.trigger_bytes))
		state_refuse(r, "trigger-bytes", "is no trigger level of the chip's");
	if (loaded.rx_count > rx_capacity(&loaded))
		state_refuse(r, "rx", "has more bytes than there is room while FIFOs are off");
	if (loaded.thr_empty_pending && !(loaded.ier & IER_THRI))
		state_refuse(r, "thr-empty-pending", "is set while ier does not enable it");
	rc = state_read(r, e);
	if (rc)
		return rc;
	pthread_mutex_lock(&u->lock);
	u->state = loaded;
	u->line_level = wanted_level(u);
	irq_line_set(&u->cfg.irq, u->line_level);
	/* Whoever was refused is not to be found here: better to ask once too often. */
	u->input_refused = true;
	pthread_mutex_unlock(&u->lock);
	return 0;
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
	.state_version = 1,
	.save = ns16550_save,
	.load = ns16550_load,
	.destroy = ns16550_destroy,
};

int ns16550_create(struct ns16550 **ret_uart, const struct ns16550_config *cfg, struct err *e)
{
	struct ns16550 *u = calloc(1, sizeof(*u));

	if (!u)
		return err_set(e, -ENOMEM, "16550A: no memory");
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
	*ret_uart = u;
	return 0;
}

struct device *ns16550_device(struct ns16550 *u)
{
	return u ? &u->dev : NULL;
}
