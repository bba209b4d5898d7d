/* SPDX-License-Identifier: MIT */
/*
 * The form in which state is saved: sections, one a part of a machine (a device, say), each of
 * named, typed fields. It says what each byte is, so that a state can be shown and compared without
 * the program that wrote it, and an error names the part and the field.
 *
 * All numbers are little-endian; names are 1 to 31 of a-z, 0-9, '-', '.', '_' (of a kind, any
 * printable ASCII), with their length, a byte, before them. There is no padding and one way only to
 * write a state, so that equal states are equal bytes.
 *
 *	section:  magic u32 (STATE_MAGIC), name id, name kind, version u16 (not 0),
 *	          size u32: bytes of the fields that follow, at most STATE_MAX_SECTION_BYTES
 *	field:    name, type u8, then by type:
 *	            1 number:   u64, also for flags, which are 0 or 1
 *	            2 signed:   u64 in two's complement
 *	            3 bytes:    count u32, so many bytes
 *	            4 numbers:  count u32, so many u64
 *
 * The id says which part of the machine (serial0), the kind which sort of part (16550A), the
 * version which fields a section has, in which order: a change of those is a new version, and a
 * reader that still takes the old one asks for its fields by state_reader.version. Wholeness,
 * origin and what belongs together are the business of whoever stores the sections.
 *
 * What is read is hostile. Writer and reader keep their first fault, after which puts do nothing
 * and gets give the least value in range, so that code that saves or loads looks once, at the end.
 */
#ifndef NESTOR_BASE_STATE_H
#define NESTOR_BASE_STATE_H

#include "base/err.h"
#include "base/types.h"

#define STATE_MAGIC UINT32_C(0x4345534e) /* "NSEC" */
#define STATE_NAME_BYTES 32              /* with a final NUL */
#define STATE_MAX_SECTION_BYTES (UINT32_C(1) << 20)

enum state_type {
	STATE_NUMBER = 1,
	STATE_SIGNED = 2,
	STATE_BYTES = 3,
	STATE_NUMBERS = 4,
};

/* All zero: nothing written. */
struct state_writer {
	uint8_t *bytes; /* owned */
	size_t used, room;
	size_t fields; /* where the open section's fields begin; 0: none is open */
	int rc;        /* of the first fault */
	struct err err;
};

/* Frees what was written. */
void state_writer_done(struct state_writer *w);

/* Sections do not nest. */
void state_begin(struct state_writer *w, const char *id, const char *kind, unsigned version);
void state_end(struct state_writer *w);

void state_put_number(struct state_writer *w, const char *name, uint64_t value);
void state_put_signed(struct state_writer *w, const char *name, int64_t value);
void state_put_bytes(struct state_writer *w, const char *name, const void *bytes, size_t n);
void state_put_numbers(struct state_writer *w, const char *name, const uint64_t *values, size_t n);

/* Returns 0 where all was written, into w->bytes, w->used of them; else the first fault: memory, a
 * section that is too large, a name or an order that is a bug. */
int state_written(const struct state_writer *w, struct err *e) MUST_CHECK;

struct state_reader {
	const uint8_t *bytes; /* borrowed */
	size_t size, at;
	size_t end; /* of the open section; 0: none is open */
	/* Of the open section. */
	char id[STATE_NAME_BYTES], kind[STATE_NAME_BYTES];
	unsigned version;
	int rc; /* of the first fault */
	struct err err;
};

/* A reader of size bytes, which must outlive it. */
struct state_reader state_reader(const void *bytes, size_t size);

/*
 * Opens the next section, whatever is left of the one before: 1; 0 where there is none left; a
 * negative errno, with e set, where what is there is no section.
 */
int state_next(struct state_reader *r, struct err *e) MUST_CHECK;

/*
 * The next field of the open section, which must have this name and type, and a value in range:
 * else that is the reader's fault, and the least value is given.
 */
uint64_t state_get_number(struct state_reader *r, const char *name, uint64_t least, uint64_t most);
int64_t state_get_signed(struct state_reader *r, const char *name, int64_t least, int64_t most);
bool state_get_flag(struct state_reader *r, const char *name);
/* From least to most bytes into ret_bytes, which has room for most; how many. The rest is zeroed.
 */
size_t state_get_bytes(
	struct state_reader *r, const char *name, void *ret_bytes, size_t least, size_t most);
/* Exactly n of them. */
void state_get_numbers(struct state_reader *r, const char *name, uint64_t *ret_values, size_t n);

/* The reader's fault, where there is none yet: what is wrong with this field's value, which fits
 * its range, but not the other fields. */
void state_refuse(struct state_reader *r, const char *name, const char *what);

/* Returns 0 where the open section was good and had no more fields; else the first fault. */
int state_read(struct state_reader *r, struct err *e) MUST_CHECK;

#endif
