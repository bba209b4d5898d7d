/* SPDX-License-Identifier: MIT */
/*
 * An area of guest memory that firmware tables are laid out in. It keeps its first fault and
 * ignores what follows, so that a builder needs no check per line: it looks at full once, at the
 * end. Nothing is ever written past size.
 */
#ifndef NESTOR_BASE_BYTE_AREA_H
#define NESTOR_BASE_BYTE_AREA_H

#include "base/types.h"

struct byte_area {
	uint8_t *bytes; /* borrowed */
	size_t size, used;
	uint64_t base; /* guest address of bytes[0] */
	bool full;     /* something did not fit */
};

/* value as nr_bytes (8 at most) in little-endian order. */
static inline void bytes_put(uint8_t *p, uint64_t value, unsigned nr_bytes)
{
	for (unsigned i = 0; i < nr_bytes; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

/* n bytes at the end, zeroed by append and as they are by take; NULL where they do not fit. */
uint8_t *byte_area_take(struct byte_area *area, size_t n);
uint8_t *byte_area_append(struct byte_area *area, size_t n);

/* Pads the end to a multiple of align (a power of two, at most 64). */
void byte_area_align(struct byte_area *area, size_t align);

/* Makes the bytes of [p, p + n) sum to 0 (mod 256) by the one at p[at]. */
void bytes_checksum(uint8_t *p, size_t n, size_t at);

#endif
