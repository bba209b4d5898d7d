/* SPDX-License-Identifier: MIT */
/*
 * Fields in files and guest tables: any alignment, little-endian. nestor runs on x86 only, so a
 * copy is the conversion.
 */
#ifndef NESTOR_BOOT_BYTES_H
#define NESTOR_BOOT_BYTES_H

#include <stdint.h>
#include <string.h>

static inline uint16_t get_u16(const uint8_t *p)
{
	uint16_t v;
	(void)memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;
	(void)memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t get_u64(const uint8_t *p)
{
	uint64_t v;
	(void)memcpy(&v, p, sizeof(v));
	return v;
}

static inline void put_u16(uint8_t *p, uint16_t v)
{
	(void)memcpy(p, &v, sizeof(v));
}

static inline void put_u32(uint8_t *p, uint32_t v)
{
	(void)memcpy(p, &v, sizeof(v));
}

static inline void put_u64(uint8_t *p, uint64_t v)
{
	(void)memcpy(p, &v, sizeof(v));
}

#endif
