/* SPDX-License-Identifier: MIT */
/*
 * Value types that must not be mixed up: addresses of different spaces are one-field structs, so
 * that passing one for the other fails to compile. Knows no VM.
 */
#ifndef NESTOR_BASE_TYPES_H
#define NESTOR_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* The stack of any thread but the first: each does little, and 255 vCPUs should cost little. One
 * size for all, as the C library hands the stack of one that has ended to the next. */
#define THREAD_STACK_BYTES (128 * KIB)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* A guest physical address. */
struct gpa {
	uint64_t v;
};

static inline struct gpa gpa(uint64_t v)
{
	return (struct gpa){ v };
}

/* A half-open range of numbers, base + size; never wraps (see range_valid). */
struct range {
	uint64_t base;
	uint64_t size;
};

/* True where [base, base + size) does not wrap past 2^64. An empty range is valid. */
static inline bool range_valid(struct range r)
{
	return r.size == 0 || r.base <= UINT64_MAX - (r.size - 1);
}

/* True where all of inner lies in outer. Both must be valid; an empty inner lies in nothing. */
static inline bool range_contains(struct range outer, struct range inner)
{
	return inner.size != 0 && inner.base >= outer.base && inner.size <= outer.size &&
	       inner.base - outer.base <= outer.size - inner.size;
}

/* True where the two share at least one number. Both must be valid. */
static inline bool range_overlaps(struct range a, struct range b)
{
	return a.size != 0 && b.size != 0 &&
	       (a.base < b.base ? b.base - a.base < a.size : a.base - b.base < b.size);
}

/* v rounded up to a multiple of align, a power of two; the caller knows that it does not wrap. */
static inline uint64_t align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

/* The lowest n bits set; n from 0 to 64. */
static inline uint64_t bit_mask(unsigned n)
{
	return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

#endif
