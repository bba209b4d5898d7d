/* SPDX-License-Identifier: MIT */
#include "maketables/make.h"

#include <stdint.h>
#include <string.h>

#include "tsv/tsv.h"

#define HEADER_BYTES 36 /* ACPI, section 5.2.6, System Description Table Header */
#define BYTES_A_LINE 12

/* What no guest would take for a table: signature, length and checksum. */
static void judge_table(struct make *m, const char *path, const uint8_t *table, size_t bytes)
{
	if (bytes < HEADER_BYTES || memcmp(table, "DSDT", 4) != 0) {
		fault_add(&m->faults, path, 0, 0, "expected a DSDT of at least %d bytes",
			HEADER_BYTES);
		return;
	}
	uint32_t length = table[4] | (uint32_t)table[5] << 8 | (uint32_t)table[6] << 16 |
			  (uint32_t)table[7] << 24;
	if (length != bytes)
		fault_add(&m->faults, path, 0, 0,
			"expected the length that its header has, %u bytes, found %zu", length,
			bytes);
	uint8_t sum = 0;
	for (size_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + table[i]);
	if (sum != 0)
		fault_add(&m->faults, path, 0, 0, "expected bytes whose sum is 0, found %u", sum);
}

void make_acpi(struct make *m, const char *aml_path)
{
	size_t bytes = 0;
	const uint8_t *table = (const uint8_t *)file_read(&m->faults, aml_path, &bytes);
	if (!table)
		return;
	judge_table(m, aml_path, table, bytes);
	FILE *out = make_begin(m, "acpi/dsdt.c", "dsdt.asl");
	(void)fprintf(out, "#include \"acpi/dsdt.h\"\n\nconst uint8_t acpi_dsdt[] = {\n");
	for (size_t i = 0; i < bytes; i++) {
		bool first = i % BYTES_A_LINE == 0;
		bool last = i % BYTES_A_LINE == BYTES_A_LINE - 1 || i + 1 == bytes;
		(void)fprintf(out, "%s0x%02x,%s", first ? "\t" : " ", table[i], last ? "\n" : "");
	}
	(void)fprintf(out, "};\n\nconst size_t acpi_dsdt_bytes = sizeof(acpi_dsdt);\n");
}
