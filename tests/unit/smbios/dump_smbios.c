/* SPDX-License-Identifier: MIT */
/*
 * Writes the tables of a few machines to files DIRECTORY/MACHINE-sm3 and DIRECTORY/MACHINE-sm, in
 * the form that `dmidecode --from-dump` reads: an entry point that leads to offset 32, and there
 * the structures.
 */
#include "smbios/smbios.h"

#include "base/byte_area.h"
#include "unit/acpi/plans.h"

#include <stdio.h>
#include <string.h>

#define TABLE_AT 32

static int write_dump(const char *directory, const char *machine, const char *kind,
	const uint8_t *entry, const uint8_t *table, size_t n)
{
	static uint8_t dump[TABLE_AT + PLAN_SMBIOS_SIZE];
	char path[512];
	(void)memcpy(dump, entry, TABLE_AT);
	(void)memcpy(dump + TABLE_AT, table, n);
	(void)snprintf(path, sizeof(path), "%s/%s-%s", directory, machine, kind);
	FILE *f = fopen(path, "wbe");
	if (!f) {
		perror(path);
		return 1;
	}
	int bad = fwrite(dump, 1, TABLE_AT + n, f) != TABLE_AT + n;
	return fclose(f) != 0 || bad;
}

static int dump_machine(const char *directory, const char *machine, const struct machine_plan *plan)
{
	static uint8_t area[PLAN_SMBIOS_SIZE];
	struct err e = ERR_INIT;
	size_t used = 0;
	if (smbios_build(plan, area, &used, &e) < 0) {
		(void)fprintf(stderr, "%s: %s\n", machine, e.msg);
		return 1;
	}
	/* As a guest would find them; the address is where the dump has the structures. */
	uint8_t *sm3 = memmem(area, used, "_SM3_", 5), *sm = memmem(area, used, "_SM_", 4);
	if (!sm3 || !sm)
		return 1;
	uint64_t address = 0;
	for (unsigned i = 0; i < 8; i++)
		address |= (uint64_t)sm3[0x10 + i] << (8 * i);
	const uint8_t *table = area + (address - PLAN_SMBIOS_BASE);
	size_t n = used - (size_t)(table - area);
	bytes_put(sm3 + 0x10, TABLE_AT, 8);
	bytes_checksum(sm3, sm3[6], 5);
	bytes_put(sm + 0x18, TABLE_AT, 4);
	bytes_checksum(sm + 0x10, 15, 5);
	bytes_checksum(sm, sm[5], 4);
	return write_dump(directory, machine, "sm3", sm3, table, n) |
	       write_dump(directory, machine, "sm", sm, table, n);
}

static void set_regs(struct machine_plan *plan, uint32_t leaf, const char text[17])
{
	struct cpuid_entry *e = cpuid_put(&plan->cpu.table, leaf, 0, false);
	if (e)
		(void)memcpy(e->reg, text, sizeof(e->reg));
}

int main(int argc, char **argv)
{
	static struct machine_plan plan;
	if (argc != 2) {
		(void)fprintf(stderr, "usage: smbios_dump DIRECTORY\n");
		return 2;
	}
	plan_fill(&plan, 1, 0, 1);
	plan.nr_ram = 1;
	plan.ram[0] = (struct plan_ram){ gpa(0), 256 * MIB, 0 };
	plan.smbios = (struct plan_smbios){ .manufacturer = "nestor", .product = "PC" };
	int bad = dump_machine(argv[1], "plain", &plan);

	plan_fill(&plan, 12, 0, 1);
	for (unsigned i = 0; i < 12; i++)
		plan.vcpus[i] = (struct plan_vcpu){
			.apic_id = i, .socket = i / 6, .core = i / 2 % 3, .thread = i % 2
		};
	plan_fill_memory(&plan);
	set_regs(&plan, 0, "\x0d\0\0\0AuthcAMDenti");
	set_regs(&plan, 1, "\x12\x0f\xa2\0\0\0\0\0\0\0\0\x80\0\0\0\0");
	set_regs(&plan, 0x80000002, "A processor of t");
	set_regs(&plan, 0x80000003, "he test\0\0\0\0\0\0\0\0\0");
	plan.smbios = (struct plan_smbios){
		.manufacturer = "A Maker",
		.product = "A Product",
		.version = "Version 2",
		.serial = "0012345",
		.sku = "SKU-1",
		.family = "A Family",
		.asset = "Asset 7",
		.has_uuid = true,
		.uuid = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67,
			0x89, 0xab, 0xcd, 0xef },
		.oem_strings = { "first", "io.systemd.credential:a=b" },
		.nr_oem_strings = 2,
	};
	return bad | dump_machine(argv[1], "full", &plan);
}
