/* SPDX-License-Identifier: MIT */
#include "devices/i8042.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { REGION_DATA, REGION_COMMAND, REGION_FAST_A20 };

#define STATUS_OUTPUT_FULL 0x01u
#define STATUS_SYSTEM 0x04u  /* follows bit 2 of the configuration byte */
#define STATUS_COMMAND 0x08u /* the last write went to the command port */
#define STATUS_UNLOCKED 0x10u
#define STATUS_TIMEOUT 0x40u

#define CONFIG_SYSTEM 0x04u
#define CONFIG_KEYBOARD_OFF 0x10u
#define CONFIG_AUX_OFF 0x20u
#define CONFIG_TRANSLATE 0x40u
#define CONFIG_POWER_ON (CONFIG_SYSTEM | CONFIG_AUX_OFF | CONFIG_TRANSLATE)

#define OUTPUT_NOT_RESET 0x01u
#define OUTPUT_A20 0x02u
#define OUTPUT_BUFFER_FULL 0x10u

#define FAST_RESET 0x01u
#define FAST_A20 0x02u

#define RAM_BYTES 32u
#define REPLY_NO_DEVICE 0xfeu

enum {
	CMD_READ_RAM = 0x20,  /* to 0x3f */
	CMD_WRITE_RAM = 0x60, /* to 0x7f; data byte follows */
	CMD_PASSWORD_TEST = 0xa4,
	CMD_AUX_DISABLE = 0xa7,
	CMD_AUX_ENABLE = 0xa8,
	CMD_AUX_TEST = 0xa9,
	CMD_SELF_TEST = 0xaa,
	CMD_KEYBOARD_TEST = 0xab,
	CMD_KEYBOARD_DISABLE = 0xad,
	CMD_KEYBOARD_ENABLE = 0xae,
	CMD_READ_INPUT_PORT = 0xc0,
	CMD_READ_OUTPUT_PORT = 0xd0,
	CMD_WRITE_OUTPUT_PORT = 0xd1,     /* data byte follows */
	CMD_WRITE_KEYBOARD_BUFFER = 0xd2, /* data byte follows */
	CMD_WRITE_AUX_BUFFER = 0xd3,      /* data byte follows */
	CMD_WRITE_AUX = 0xd4,             /* data byte follows */
	CMD_READ_TEST_INPUTS = 0xe0,
	CMD_PULSE_OUTPUT = 0xf0, /* to 0xff: bits 3:0 that are 0 are pulsed low */
};

/* What a guest can notice, and what is saved. */
struct i8042_state {
	uint8_t ram[RAM_BYTES]; /* byte 0 is the configuration byte; CONFIG_AUX_OFF always set */
	uint8_t status;         /* of the above, OUTPUT_FULL, COMMAND and TIMEOUT */
	uint8_t output_byte;
	uint8_t command; /* that waits for its data byte; 0: none */
	bool a20;
	uint8_t fast; /* port 0x92 as written, without A20 */
};

struct i8042 {
	struct device dev; /* first */
	struct i8042_config cfg;

	pthread_mutex_t lock; /* guards all below */
	struct i8042_state state;
};

static struct i8042 *from_device(struct device *dev)
{
	return (struct i8042 *)dev;
}

static void request_reset(struct i8042 *s)
{
	s->cfg.machine.request(s->cfg.machine.ctx, MACHINE_RESET, 0);
}

static void reply(struct i8042 *s, unsigned byte)
{
	s->state.output_byte = (uint8_t)byte;
	s->state.status = (uint8_t)((s->state.status & ~STATUS_TIMEOUT) | STATUS_OUTPUT_FULL);
}

static void reply_no_device(struct i8042 *s)
{
	reply(s, REPLY_NO_DEVICE);
	s->state.status |= STATUS_TIMEOUT;
}

static uint8_t read_data(struct i8042 *s)
{
	s->state.status = (uint8_t)(s->state.status & ~(STATUS_OUTPUT_FULL | STATUS_TIMEOUT));
	return s->state.output_byte;
}

static uint8_t read_status(const struct i8042 *s)
{
	unsigned system = s->state.ram[0] & CONFIG_SYSTEM ? STATUS_SYSTEM : 0;

	return (uint8_t)(s->state.status | STATUS_UNLOCKED | system);
}

static uint8_t output_port(const struct i8042 *s)
{
	unsigned full = s->state.status & STATUS_OUTPUT_FULL ? OUTPUT_BUFFER_FULL : 0;

	return (uint8_t)(OUTPUT_NOT_RESET | (s->state.a20 ? OUTPUT_A20 : 0) | full);
}

static void set_config_bits(struct i8042 *s, unsigned clear, unsigned set)
{
	s->state.ram[0] = (uint8_t)((s->state.ram[0] & ~clear) | set);
}

static void write_command(struct i8042 *s, uint8_t cmd)
{
	s->state.status |= STATUS_COMMAND;
	s->state.command = 0;
	if (cmd >= CMD_PULSE_OUTPUT) {
		if (!(cmd & OUTPUT_NOT_RESET))
			request_reset(s);
		return;
	}
	if (cmd >= CMD_READ_RAM && cmd < CMD_READ_RAM + RAM_BYTES) {
		reply(s, s->state.ram[cmd - CMD_READ_RAM]);
		return;
	}
	if (cmd >= CMD_WRITE_RAM && cmd < CMD_WRITE_RAM + RAM_BYTES) {
		s->state.command = cmd;
		return;
	}
	switch (cmd) {
	case CMD_PASSWORD_TEST:
		reply(s, 0xf1); /* none is set */
		break;
	case CMD_AUX_DISABLE:
	case CMD_AUX_ENABLE:
		break; /* stays disabled, which tells that the port does not exist */
	case CMD_AUX_TEST:
		reply(s, 0x01); /* clock line stuck low */
		break;
	case CMD_SELF_TEST:
		set_config_bits(s, 0, CONFIG_SYSTEM);
		reply(s, 0x55);
		break;
	case CMD_KEYBOARD_TEST:
		reply(s, 0x00); /* the lines are good; nobody is on them */
		break;
	case CMD_KEYBOARD_DISABLE:
		set_config_bits(s, 0, CONFIG_KEYBOARD_OFF);
		break;
	case CMD_KEYBOARD_ENABLE:
		set_config_bits(s, CONFIG_KEYBOARD_OFF, 0);
		break;
	case CMD_READ_INPUT_PORT:
		reply(s, 0x80); /* keyboard not locked */
		break;
	case CMD_READ_OUTPUT_PORT:
		reply(s, output_port(s));
		break;
	case CMD_READ_TEST_INPUTS:
		reply(s, 0x00);
		break;
	case CMD_WRITE_OUTPUT_PORT:
	case CMD_WRITE_KEYBOARD_BUFFER:
	case CMD_WRITE_AUX_BUFFER:
	case CMD_WRITE_AUX:
		s->state.command = cmd;
		break;
	default:
		break;
	}
}

static void write_data(struct i8042 *s, uint8_t value)
{
	uint8_t cmd = s->state.command;

	s->state.status = (uint8_t)(s->state.status & ~STATUS_COMMAND);
	s->state.command = 0;
	if (cmd >= CMD_WRITE_RAM && cmd < CMD_WRITE_RAM + RAM_BYTES) {
		s->state.ram[cmd - CMD_WRITE_RAM] = value;
		set_config_bits(s, 0, CONFIG_AUX_OFF);
		return;
	}
	switch (cmd) {
	case CMD_WRITE_OUTPUT_PORT:
		s->state.a20 = value & OUTPUT_A20;
		if (!(value & OUTPUT_NOT_RESET))
			request_reset(s);
		break;
	case CMD_WRITE_KEYBOARD_BUFFER:
	/* Comes back as the keyboard's: a driver that probes sees at once that there is no aux. */
	case CMD_WRITE_AUX_BUFFER:
		reply(s, value);
		break;
	default: /* to the keyboard, or with CMD_WRITE_AUX to the other port */
		/* Sending to the keyboard enables it. */
		if (cmd == 0)
			set_config_bits(s, CONFIG_KEYBOARD_OFF, 0);
		reply_no_device(s);
		break;
	}
}

static void write_fast_a20(struct i8042 *s, uint8_t value)
{
	bool was_set = s->state.fast & FAST_RESET;

	s->state.a20 = value & FAST_A20;
	s->state.fast = (uint8_t)(value & ~FAST_A20);
	if ((value & FAST_RESET) && !was_set)
		request_reset(s);
}

static uint64_t i8042_read(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes)
{
	struct i8042 *s = from_device(dev);
	uint8_t value;

	(void)offset;
	(void)size_bytes;
	pthread_mutex_lock(&s->lock);
	if (region == REGION_DATA)
		value = read_data(s);
	else if (region == REGION_COMMAND)
		value = read_status(s);
	else
		value = (uint8_t)(s->state.fast | (s->state.a20 ? FAST_A20 : 0));
	pthread_mutex_unlock(&s->lock);
	return value;
}

static void i8042_write(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct i8042 *s = from_device(dev);

	(void)offset;
	(void)size_bytes;
	pthread_mutex_lock(&s->lock);
	if (region == REGION_DATA)
		write_data(s, (uint8_t)value);
	else if (region == REGION_COMMAND)
		write_command(s, (uint8_t)value);
	else
		write_fast_a20(s, (uint8_t)value);
	pthread_mutex_unlock(&s->lock);
}

/* With the lock held: as firmware's POST leaves it. */
static void power_on(struct i8042 *s)
{
	memset(s->state.ram, 0, sizeof(s->state.ram));
	s->state.ram[0] = CONFIG_POWER_ON;
	s->state.status = 0;
	s->state.output_byte = 0;
	s->state.command = 0;
	s->state.a20 = true;
	s->state.fast = 0;
}

static void i8042_reset(struct device *dev)
{
	struct i8042 *s = from_device(dev);

	pthread_mutex_lock(&s->lock);
	power_on(s);
	pthread_mutex_unlock(&s->lock);
}

static void i8042_save(struct device *dev, struct state_writer *w)
{
	struct i8042 *s = from_device(dev);
	const struct i8042_state *now = &s->state;

	pthread_mutex_lock(&s->lock);
	state_put_bytes(w, "ram", now->ram, sizeof(now->ram));
	state_put_number(w, "status", now->status);
	state_put_number(w, "output", now->output_byte);
	state_put_number(w, "command", now->command);
	state_put_number(w, "a20", now->a20);
	state_put_number(w, "fast", now->fast);
	pthread_mutex_unlock(&s->lock);
}

static bool waits_for_data(uint8_t command)
{
	return (command >= CMD_WRITE_RAM && command < CMD_WRITE_RAM + RAM_BYTES) ||
	       (command >= CMD_WRITE_OUTPUT_PORT && command <= CMD_WRITE_AUX);
}

static int i8042_load(struct device *dev, struct state_reader *r, struct err *e)
{
	struct i8042 *s = from_device(dev);
	struct i8042_state loaded;
	int rc;

	(void)state_get_bytes(r, "ram", loaded.ram, RAM_BYTES, RAM_BYTES);
	loaded.status = (uint8_t)state_get_number(r, "status", 0, 0xff);
	loaded.output_byte = (uint8_t)state_get_number(r, "output", 0, 0xff);
	loaded.command = (uint8_t)state_get_number(r, "command", 0, 0xff);
	loaded.a20 = state_get_flag(r, "a20");
	loaded.fast = (uint8_t)state_get_number(r, "fast", 0, 0xff);
	if (!(loaded.ram[0] & CONFIG_AUX_OFF))
		state_refuse(r, "ram", "has an auxiliary port enabled, of which there is none");
	if (loaded.status & ~(STATUS_OUTPUT_FULL | STATUS_COMMAND | STATUS_TIMEOUT))
		state_refuse(r, "status", "has bits that are not kept there");
	if ((loaded.status & STATUS_TIMEOUT) && !(loaded.status & STATUS_OUTPUT_FULL))
		state_refuse(r, "status", "has a time-out without the byte that tells of it");
	if (loaded.command &&
		(!waits_for_data(loaded.command) || !(loaded.status & STATUS_COMMAND)))
		state_refuse(r, "command", "is none that waits for data now");
	if (loaded.fast & FAST_A20)
		state_refuse(r, "fast", "has A20, which is a field of its own");
	rc = state_read(r, e);
	if (rc)
		return rc;
	pthread_mutex_lock(&s->lock);
	s->state = loaded;
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static void i8042_destroy(struct device *dev)
{
	struct i8042 *s = from_device(dev);

	pthread_mutex_destroy(&s->lock);
	free(s);
}

static const struct device_ops i8042_ops = {
	.name = "8042",
	.read = i8042_read,
	.write = i8042_write,
	.reset = i8042_reset,
	.quiesce = device_nothing,
	.resume = device_nothing,
	.state_version = 1,
	.save = i8042_save,
	.load = i8042_load,
	.destroy = i8042_destroy,
};

static struct device_region one_port(uint16_t port)
{
	return (struct device_region){
		.space = BUS_PIO,
		.range = { port, 1 },
		.max_access_bytes = 1,
	};
}

int i8042_create(struct device **ret_dev, const struct i8042_config *cfg, struct err *e)
{
	struct i8042 *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, -ENOMEM, "8042: no memory");
	s->dev.ops = &i8042_ops;
	s->dev.regions[REGION_DATA] = one_port(cfg->data_port);
	s->dev.regions[REGION_COMMAND] = one_port(cfg->command_port);
	s->dev.regions[REGION_FAST_A20] = one_port(cfg->fast_a20_port);
	s->dev.nr_regions = 3;
	s->cfg = *cfg;
	pthread_mutex_init(&s->lock, NULL);
	power_on(s);
	*ret_dev = &s->dev;
	return 0;
}
