/* SPDX-License-Identifier: MIT */
/* Counters that run at a fixed frequency, derived from a clock in nanoseconds. */
#ifndef NESTOR_DEVICES_TICKS_H
#define NESTOR_DEVICES_TICKS_H

#include <stdint.h>

#define NS_PER_SECOND UINT64_C(1000000000)

/* Whole ticks in ns nanoseconds; cannot overflow for hz below 2^29. */
static inline uint64_t ticks_from_ns(uint64_t ns, uint32_t hz)
{
	return ns / NS_PER_SECOND * hz + ns % NS_PER_SECOND * hz / NS_PER_SECOND;
}

/* The first nanosecond at which ticks_from_ns() gives at least `ticks`. */
static inline uint64_t ticks_to_ns(uint64_t ticks, uint32_t hz)
{
	return ticks / hz * NS_PER_SECOND + (ticks % hz * NS_PER_SECOND + hz - 1) / hz;
}

#endif
