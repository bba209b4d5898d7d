/* SPDX-License-Identifier: MIT */
#include "base/byte_area.h"

#include <string.h>

uint8_t *byte_area_take(struct byte_area *area, size_t n)
{
	if (area->full || n > area->size - area->used) {
		area->full = true;
		return NULL;
	}
	uint8_t *p = area->bytes + area->used;
	area->used += n;
	return p;
}

uint8_t *byte_area_append(struct byte_area *area, size_t n)
{
	uint8_t *p = byte_area_take(area, n);
	if (p)
		(void)memset(p, 0, n);
	return p;
}

void byte_area_align(struct byte_area *area, size_t align)
{
	(void)byte_area_append(area, (size_t)align_up(area->used, align) - area->used);
}

void bytes_checksum(uint8_t *p, size_t n, size_t at)
{
	unsigned sum = 0;
	p[at] = 0;
	for (size_t i = 0; i < n; i++)
		sum += p[i];
	p[at] = (uint8_t)(0u - sum);
}
