/* SPDX-License-Identifier: MIT */
#include "base/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789-._"

/* A stretch of the state that is being taken apart; a fault empties it. */
struct cut {
	const uint8_t *at, *end;
	bool short_of; /* something did not fit */
};

static const uint8_t *take(struct cut *c, size_t n)
{
	const uint8_t *at = c->at;
	if (c->short_of || n > (size_t)(c->end - c->at)) {
		c->short_of = true;
		return NULL;
	}
	c->at += n;
	return at;
}

static uint64_t take_le(struct cut *c, unsigned nr_bytes)
{
	const uint8_t *at = take(c, nr_bytes);
	uint64_t v = 0;
	for (unsigned i = 0; at && i < nr_bytes; i++)
		v |= (uint64_t)at[i] << (8 * i);
	return v;
}

static bool all_printable(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] < ' ' || p[i] > '~')
			return false;
	}
	return true;
}

/* False where what is there is no name, or (any false) not one of an id or a field. */
static bool take_name(struct cut *c, char ret_name[STATE_NAME_BYTES], bool any)
{
	size_t n = (size_t)take_le(c, 1);
	const uint8_t *at = n > 0 && n < STATE_NAME_BYTES ? take(c, n) : NULL;
	ret_name[0] = '\0';
	if (!at || !all_printable(at, n))
		return false;
	memcpy(ret_name, at, n);
	ret_name[n] = '\0';
	return any || strspn(ret_name, LOWER) == n;
}

struct state_reader state_reader(const void *bytes, size_t size)
{
	return (struct state_reader){ .bytes = bytes, .size = size };
}

int state_next(struct state_reader *r, struct err *e)
{
	if (r->end)
		r->at = r->end;
	r->end = 0;
	r->rc = 0;
	if (r->at == r->size)
		return 0;
	struct cut c = { .at = r->bytes + r->at, .end = r->bytes + r->size };
	bool good = take_le(&c, 4) == STATE_MAGIC && take_name(&c, r->id, false) &&
		    take_name(&c, r->kind, true);
	r->version = (unsigned)take_le(&c, 2);
	size_t size = (size_t)take_le(&c, 4);
	const uint8_t *fields = size <= STATE_MAX_SECTION_BYTES ? take(&c, size) : NULL;
	if (!good || r->version == 0 || !fields)
		return err_set_config(e, -EBADMSG,
			"saved state: what is at byte %zu is no section, or cut short", r->at);
	r->at = (size_t)(fields - r->bytes);
	r->end = r->at + size;
	return 1;
}

static void fail(struct state_reader *r, const char *name, const char *what)
{
	if (r->rc == 0)
		r->rc = err_set_config(&r->err, -EBADMSG, "saved state of %s (%s): field %s: %s",
			r->id, r->kind, name, what);
}

void state_refuse(struct state_reader *r, const char *name, const char *what)
{
	fail(r, name, what);
}

static bool open_cut(const struct state_reader *r, struct cut *ret)
{
	*ret = (struct cut){ .at = r->bytes + r->at, .end = r->bytes + r->end };
	return r->rc == 0 && r->end != 0 && r->at < r->end;
}

/* Over one whole field, whatever it is; its name. False where what is there is no field. */
static bool take_field(struct cut *c, char ret_name[STATE_NAME_BYTES])
{
	if (!take_name(c, ret_name, false))
		return false;
	switch (take_le(c, 1)) {
	case STATE_NUMBER:
	case STATE_SIGNED:
		(void)take(c, 8);
		break;
	case STATE_BYTES:
		(void)take(c, (size_t)take_le(c, 4));
		break;
	case STATE_NUMBERS:
		(void)take(c, (size_t)take_le(c, 4) * 8);
		break;
	default:
		return false;
	}
	return !c->short_of;
}

/* True where the section has this field further on. */
static bool comes_later(struct cut c, const char *name)
{
	char other[STATE_NAME_BYTES];
	while (c.at < c.end && take_field(&c, other)) {
		if (strcmp(other, name) == 0)
			return true;
	}
	return false;
}

/* The field's payload, by type, or false and the reader's fault. */
static bool find(struct state_reader *r, const char *name, enum state_type type, struct cut *c)
{
	struct cut at;
	char found[STATE_NAME_BYTES], what[96];
	if (!open_cut(r, c)) {
		fail(r, name, "is missing");
		return false;
	}
	at = *c;
	if (!take_name(c, found, false)) {
		fail(r, name, "what stands in its place is no field");
		return false;
	}
	if (strcmp(found, name) != 0) {
		(void)snprintf(what, sizeof(what),
			"is not of version %u, or not in this place, which is that of %s",
			r->version, name);
		if (comes_later(at, name))
			fail(r, found, what);
		else
			fail(r, name, "is missing");
		return false;
	}
	if (take_le(c, 1) != type || c->short_of) {
		fail(r, name, "is of another type");
		return false;
	}
	return true;
}

/* The field was all right: the next one begins behind it. */
static void taken(struct state_reader *r, const struct cut *c)
{
	r->at = (size_t)(c->at - r->bytes);
}

static bool get_u64(
	struct state_reader *r, const char *name, enum state_type type, uint64_t *ret_value)
{
	struct cut c;
	if (!find(r, name, type, &c))
		return false;
	*ret_value = take_le(&c, 8);
	if (c.short_of) {
		fail(r, name, "is cut short");
		return false;
	}
	taken(r, &c);
	return true;
}

uint64_t state_get_number(struct state_reader *r, const char *name, uint64_t least, uint64_t most)
{
	uint64_t value;
	char what[128];
	if (!get_u64(r, name, STATE_NUMBER, &value))
		return least;
	if (value >= least && value <= most)
		return value;
	(void)snprintf(what, sizeof(what),
		"is %#" PRIx64 ", and must be from %#" PRIx64 " to %#" PRIx64, value, least, most);
	fail(r, name, what);
	return least;
}

int64_t state_get_signed(struct state_reader *r, const char *name, int64_t least, int64_t most)
{
	uint64_t bits;
	int64_t value;
	char what[128];
	if (!get_u64(r, name, STATE_SIGNED, &bits))
		return least;
	memcpy(&value, &bits, sizeof(value));
	if (value >= least && value <= most)
		return value;
	(void)snprintf(what, sizeof(what),
		"is %" PRId64 ", and must be from %" PRId64 " to %" PRId64, value, least, most);
	fail(r, name, what);
	return least;
}

bool state_get_flag(struct state_reader *r, const char *name)
{
	return state_get_number(r, name, 0, 1) != 0;
}

/* The counted payload of nr elements of size bytes, from least to most of them; NULL: a fault. */
static const uint8_t *get_counted(struct state_reader *r, const char *name, enum state_type type,
	size_t size, size_t least, size_t most, size_t *ret_nr)
{
	struct cut c;
	char what[128];
	*ret_nr = 0;
	if (!find(r, name, type, &c))
		return NULL;
	uint64_t nr = take_le(&c, 4);
	if (!c.short_of && (nr < least || nr > most)) {
		(void)snprintf(what, sizeof(what),
			"has %" PRIu64 " elements, and must have from %zu to %zu", nr, least, most);
		fail(r, name, what);
		return NULL;
	}
	const uint8_t *at = take(&c, (size_t)nr * size);
	if (!at) {
		fail(r, name, "is cut short");
		return NULL;
	}
	taken(r, &c);
	*ret_nr = (size_t)nr;
	return at;
}

size_t state_get_bytes(
	struct state_reader *r, const char *name, void *ret_bytes, size_t least, size_t most)
{
	size_t n;
	const uint8_t *at = get_counted(r, name, STATE_BYTES, 1, least, most, &n);
	memset(ret_bytes, 0, most);
	if (at)
		memcpy(ret_bytes, at, n);
	return at ? n : least;
}

void state_get_numbers(struct state_reader *r, const char *name, uint64_t *ret_values, size_t n)
{
	size_t nr;
	const uint8_t *at = get_counted(r, name, STATE_NUMBERS, 8, n, n, &nr);
	struct cut c = { .at = at, .end = at ? at + nr * 8 : NULL };
	for (size_t i = 0; i < n; i++)
		ret_values[i] = at ? take_le(&c, 8) : 0;
}

int state_read(struct state_reader *r, struct err *e)
{
	struct cut c;
	char extra[STATE_NAME_BYTES];
	if (open_cut(r, &c)) {
		if (take_field(&c, extra))
			fail(r, extra, "is not of this version");
		else
			fail(r, "after the last", "there are bytes that are no field");
	}
	if (r->rc && e)
		*e = r->err;
	return r->rc;
}
