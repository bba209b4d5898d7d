/* SPDX-License-Identifier: MIT */
#include "base/state.h"

#include "base/byte_area.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void state_writer_done(struct state_writer *w)
{
	free(w->bytes);
	*w = (struct state_writer){ 0 };
}

static void fail(struct state_writer *w, int rc, const char *name, const char *what)
{
	if (w->rc)
		return;
	w->rc = err_set(&w->err, rc, "saving state: %s: %s", name, what);
	if (rc == -EINVAL)
		w->err.kind = ERR_BUG;
}

/* n bytes at the end; NULL where that fails, or something did before. */
static uint8_t *extend(struct state_writer *w, const char *name, size_t n)
{
	if (w->rc)
		return NULL;
	if (n > STATE_MAX_SECTION_BYTES ||
		(w->fields && w->used + n - w->fields > STATE_MAX_SECTION_BYTES)) {
		fail(w, -E2BIG, name, "the section is too large");
		return NULL;
	}
	if (n > w->room - w->used) {
		size_t room = w->room ? w->room : 1024;
		while (n > room - w->used)
			room *= 2;
		uint8_t *more = realloc(w->bytes, room);
		if (!more) {
			fail(w, -ENOMEM, name, "out of memory");
			return NULL;
		}
		w->bytes = more;
		w->room = room;
	}
	uint8_t *at = w->bytes + w->used;
	w->used += n;
	return at;
}

static void put(struct state_writer *w, const char *name, uint64_t value, unsigned nr_bytes)
{
	uint8_t *at = extend(w, name, nr_bytes);
	if (at)
		bytes_put(at, value, nr_bytes);
}

static void put_name(struct state_writer *w, const char *name)
{
	size_t n = strlen(name);
	if (n == 0 || n >= STATE_NAME_BYTES) {
		fail(w, -EINVAL, name, "a name must have 1 to 31 letters");
		return;
	}
	put(w, name, n, 1);
	uint8_t *at = extend(w, name, n);
	if (at)
		memcpy(at, name, n);
}

void state_begin(struct state_writer *w, const char *id, const char *kind, unsigned version)
{
	if (w->fields || version == 0 || version > UINT16_MAX) {
		fail(w, -EINVAL, id, w->fields ? "the last section is open" : "no such version");
		return;
	}
	put(w, id, STATE_MAGIC, 4);
	put_name(w, id);
	put_name(w, kind);
	put(w, id, version, 2);
	put(w, id, 0, 4);
	w->fields = w->used;
}

void state_end(struct state_writer *w)
{
	if (!w->fields)
		fail(w, -EINVAL, "end", "no section is open");
	if (w->rc == 0)
		bytes_put(w->bytes + w->fields - 4, w->used - w->fields, 4);
	w->fields = 0;
}

static void put_head(struct state_writer *w, const char *name, enum state_type type)
{
	if (!w->fields)
		fail(w, -EINVAL, name, "no section is open");
	put_name(w, name);
	put(w, name, type, 1);
}

void state_put_number(struct state_writer *w, const char *name, uint64_t value)
{
	put_head(w, name, STATE_NUMBER);
	put(w, name, value, 8);
}

void state_put_signed(struct state_writer *w, const char *name, int64_t value)
{
	put_head(w, name, STATE_SIGNED);
	put(w, name, (uint64_t)value, 8);
}

void state_put_bytes(struct state_writer *w, const char *name, const void *bytes, size_t n)
{
	put_head(w, name, STATE_BYTES);
	put(w, name, n, 4);
	uint8_t *at = extend(w, name, n);
	if (at && n > 0)
		memcpy(at, bytes, n);
}

void state_put_numbers(struct state_writer *w, const char *name, const uint64_t *values, size_t n)
{
	put_head(w, name, STATE_NUMBERS);
	put(w, name, n, 4);
	for (size_t i = 0; i < n; i++)
		put(w, name, values[i], 8);
}

int state_written(const struct state_writer *w, struct err *e)
{
	if (w->rc == 0 && w->fields) {
		int rc = err_set(e, -EINVAL, "saving state: a section is open");
		if (e)
			e->kind = ERR_BUG;
		return rc;
	}
	if (w->rc && e)
		*e = w->err;
	return w->rc;
}
