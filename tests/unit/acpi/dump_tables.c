/* SPDX-License-Identifier: MIT */
/*
 * Writes the tables of a few machines to files DIRECTORY/MACHINE-SIGNATURE.dat, for check-iasl.
 * Walks from the RSDP as a guest does.
 */
#include "acpi/acpi.h"
#include "plans.h"

#include <stdio.h>
#include <string.h>

static uint64_t get(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;
	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static int dump(const char *directory, const char *machine, const uint8_t *area, uint64_t address)
{
	const uint8_t *table = area + (address - PLAN_ACPI_BASE);
	char path[512];
	(void)snprintf(
		path, sizeof(path), "%s/%s-%.4s.dat", directory, machine, (const char *)table);
	FILE *f = fopen(path, "wb");
	if (!f) {
		perror(path);
		return 1;
	}
	size_t n = (size_t)get(table + 4, 4);
	int bad = fwrite(table, 1, n, f) != n;
	return fclose(f) != 0 || bad;
}

static int dump_machine(const char *directory, const char *machine, const struct machine_plan *plan)
{
	static uint8_t area[PLAN_ACPI_SIZE];
	struct err e = ERR_INIT;
	struct gpa rsdp;
	size_t used;
	if (acpi_build(plan, area, &used, &rsdp, &e) < 0) {
		(void)fprintf(stderr, "%s: %s\n", machine, e.msg);
		return 1;
	}
	const uint8_t *root = area + (rsdp.v - PLAN_ACPI_BASE);
	const uint8_t *xsdt = area + (get(root + 24, 8) - PLAN_ACPI_BASE);
	int bad = dump(directory, machine, area, get(root + 16, 4));
	bad |= dump(directory, machine, area, get(root + 24, 8));
	for (size_t at = 36; at < get(xsdt + 4, 4); at += 8)
		bad |= dump(directory, machine, area, get(xsdt + at, 8));
	const uint8_t *fadt = area + (get(xsdt + 36, 8) - PLAN_ACPI_BASE);
	bad |= dump(directory, machine, area, get(fadt + 132, 8));
	bad |= dump(directory, machine, area, get(fadt + 140, 8));
	return bad;
}

int main(int argc, char **argv)
{
	static struct machine_plan plan;
	if (argc != 2) {
		(void)fprintf(stderr, "usage: acpi_dump DIRECTORY\n");
		return 2;
	}
	plan_fill(&plan, 1, 0, 1);
	int bad = dump_machine(argv[1], "one", &plan);
	plan_fill(&plan, 16, 0, 2);
	plan.nr_serials = 0;
	plan.legacy_pic_pit = false;
	plan.nr_devices = 0;
	bad |= dump_machine(argv[1], "bare", &plan);
	plan_fill(&plan, PLAN_MAX_VCPUS, 0, 3);
	bad |= dump_machine(argv[1], "many", &plan);
	return bad;
}
