/* SPDX-License-Identifier: MIT */
/* Sizes, durations and frequencies as text: a decimal number and a unit, always exact; only of a
 * frequency the number may have a fraction. */
#ifndef NESTOR_CONFIG_UNITS_H
#define NESTOR_CONFIG_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define UNITS_TEXT_BYTES 32 /* enough for every formatted value */

/*
 * "512M", "1 GiB", "1000MB", "4096": K M G T and KiB MiB GiB TiB are powers of 1024, kB MB GB TB
 * powers of 1000; no unit means bytes. One space may stand before the unit.
 * Returns 0, -EINVAL (not a size) or -ERANGE (does not fit 64 bits).
 */
int units_parse_size(const char *s, uint64_t *ret_bytes);

/* "500ms", "30s", "2 m", "1h", "30": no unit means seconds. Returns as units_parse_size. */
int units_parse_duration(const char *s, uint64_t *ret_ms);

/*
 * "2.5GHz", "2494 MHz", "100000": Hz, kHz, MHz or GHz, and Hz where there is none; decimals after a
 * "." are allowed. Returns 0, -EINVAL (not a frequency, or not a whole number of kHz) or -ERANGE.
 */
int units_parse_frequency(const char *s, uint64_t *ret_khz);

/* The shortest exact text that the parser above reads back: "256M", "4095"; "30s", "1500ms". */
void units_format_size(char text[UNITS_TEXT_BYTES], uint64_t bytes);
void units_format_duration(char text[UNITS_TEXT_BYTES], uint64_t ms);

/* Exact likewise: "2.5GHz", "2494.141MHz", "100kHz". */
void units_format_frequency(char text[UNITS_TEXT_BYTES], uint64_t khz);

#endif
