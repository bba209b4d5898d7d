/* SPDX-License-Identifier: MIT */
/*
 * A small encoder of AML, the byte code of ACPI tables (ACPI 6.5, section 20.2). It writes into
 * the caller's buffer and never past it: the first fault (no room, a malformed name, a close too
 * many) sticks, later calls then write nothing, and aml_finish() reports it. So callers write a
 * whole table without a check per line. It knows no machine: ssdt.c says what to encode.
 */
#ifndef NESTOR_ACPI_AML_H
#define NESTOR_ACPI_AML_H

#include "base/err.h"
#include "base/types.h"

#define AML_MAX_DEPTH 8
#define AML_RESOURCES_BYTES 128

struct aml {
	uint8_t *buf; /* borrowed */
	size_t size_bytes, used;
	size_t opened[AML_MAX_DEPTH]; /* where the content of each open package begins */
	unsigned depth;
	int error;        /* 0, or the first fault as a negative errno … */
	const char *what; /* … and what it was about; a string constant or the caller's string */
};

/* Starts at buf[0]; buf stays the caller's, size_bytes long. */
void aml_init(struct aml *a, uint8_t *buf, size_t size_bytes);

/*
 * The number of bytes written. Errors: -ENOSPC where the buffer was too small; -EINVAL where a
 * name, id or string was malformed, or packages were not opened and closed in pairs. All ERR_BUG.
 */
int aml_finish(const struct aml *a, size_t *ret_used, struct err *e) MUST_CHECK;

/*
 * Scope and Device (20.2.5.1, 20.2.5.2): all that follows up to the matching aml_close() lies in
 * them. A name is an optional \ and segments of 1 to 4 of A-Z, 0-9 and _ (no digit first) between
 * dots, 255 at most; short segments are padded with _ (20.2.2).
 */
void aml_scope_open(struct aml *a, const char *name);
void aml_device_open(struct aml *a, const char *name);
void aml_close(struct aml *a);

/* Name (name, …): the next object written is its value. */
void aml_name(struct aml *a, const char *name);

/* Objects (20.2.3). A string is ASCII; an EISA id is like "PNP0501". */
void aml_integer(struct aml *a, uint64_t value);
void aml_string(struct aml *a, const char *text);
void aml_eisa_id(struct aml *a, const char *id);
void aml_buffer(struct aml *a, const uint8_t *bytes, size_t n);

/* A resource template under construction (ACPI 6.5, section 6.4); all zero is empty. */
struct aml_resources {
	uint8_t bytes[AML_RESOURCES_BYTES];
	size_t used;
	bool failed; /* a descriptor did not fit or was not expressible; aml_resources() reports it
		      */
};

/* Ports base to base + count - 1, all 16 address lines decoded (6.4.2.5). count is not 0. */
void aml_resources_io(struct aml_resources *r, uint16_t base, uint8_t count);

/* ISA interrupt irq, 0 to 15: edge-triggered, active high, not shared (6.4.2.1, no flags byte). */
void aml_resources_irq(struct aml_resources *r, unsigned irq);

/* The template as a Buffer object, with its end tag. */
void aml_resources(struct aml *a, const struct aml_resources *r);

#endif
