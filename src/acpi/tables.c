/* SPDX-License-Identifier: MIT */
#include "acpi/tables.h"

#include <string.h>

#define OFFSET_LENGTH 4
#define OFFSET_CHECKSUM 9

uint8_t *acpi_area_take(struct acpi_area *area, size_t n)
{
	if (area->full || n > area->size - area->used) {
		area->full = true;
		return NULL;
	}
	uint8_t *p = area->bytes + area->used;
	area->used += n;
	return p;
}

uint8_t *acpi_area_append(struct acpi_area *area, size_t n)
{
	uint8_t *p = acpi_area_take(area, n);
	if (p)
		(void)memset(p, 0, n);
	return p;
}

void acpi_area_align(struct acpi_area *area, size_t align)
{
	(void)acpi_area_append(area, (size_t)align_up(area->used, align) - area->used);
}

void acpi_checksum(uint8_t *p, size_t n, size_t at)
{
	unsigned sum = 0;
	p[at] = 0;
	for (size_t i = 0; i < n; i++)
		sum += p[i];
	p[at] = (uint8_t)(0u - sum);
}

size_t acpi_table_open(struct acpi_area *area, const char *signature, uint8_t revision)
{
	acpi_area_align(area, 16);
	size_t offset = area->used;
	uint8_t *p = acpi_area_append(area, ACPI_HEADER_BYTES);
	if (!p)
		return offset;
	(void)memcpy(p, signature, 4);
	p[8] = revision;
	(void)memcpy(p + 10, "NESTOR", 6);   /* OEM ID */
	(void)memcpy(p + 16, "NESTORVM", 8); /* OEM table ID */
	acpi_put(p + 24, 1, 4);              /* OEM revision */
	(void)memcpy(p + 28, "NSTR", 4);     /* creator ID */
	acpi_put(p + 32, 1, 4);              /* creator revision */
	return offset;
}

uint64_t acpi_table_close(struct acpi_area *area, size_t offset)
{
	if (area->full)
		return 0;
	uint8_t *p = area->bytes + offset;
	size_t n = area->used - offset;
	acpi_put(p + OFFSET_LENGTH, n, 4);
	acpi_checksum(p, n, OFFSET_CHECKSUM);
	return area->base + offset;
}
