/* SPDX-License-Identifier: MIT */
#include "acpi/tables.h"

#include <string.h>

#define OFFSET_LENGTH 4
#define OFFSET_CHECKSUM 9

size_t acpi_table_open(struct byte_area *area, const char *signature, uint8_t revision)
{
	byte_area_align(area, 16);
	size_t offset = area->used;
	uint8_t *p = byte_area_append(area, ACPI_HEADER_BYTES);
	if (!p)
		return offset;
	(void)memcpy(p, signature, 4);
	p[8] = revision;
	(void)memcpy(p + 10, "NESTOR", 6);   /* OEM ID */
	(void)memcpy(p + 16, "NESTORVM", 8); /* OEM table ID */
	bytes_put(p + 24, 1, 4);             /* OEM revision */
	(void)memcpy(p + 28, "NSTR", 4);     /* creator ID */
	bytes_put(p + 32, 1, 4);             /* creator revision */
	return offset;
}

uint64_t acpi_table_close(struct byte_area *area, size_t offset)
{
	if (area->full)
		return 0;
	uint8_t *p = area->bytes + offset;
	size_t n = area->used - offset;
	bytes_put(p + OFFSET_LENGTH, n, 4);
	bytes_checksum(p, n, OFFSET_CHECKSUM);
	return area->base + offset;
}
