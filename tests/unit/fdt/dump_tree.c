/* SPDX-License-Identifier: MIT */
/* Writes the device trees of a few machines to DIRECTORY/MACHINE.dtb, for check-dtc. */
#include "fdt/fdt.h"
#include "unit/acpi/plans.h"

#include <stdio.h>

static int dump(const char *directory, const char *machine, const struct machine_plan *plan,
	const struct fdt_info *info)
{
	struct err e = ERR_INIT;
	char path[512];
	uint8_t *blob = NULL;
	size_t size = 0;
	if (fdt_build(plan, info, &blob, &size, &e) < 0) {
		(void)fprintf(stderr, "%s: %s\n", machine, e.msg);
		return 1;
	}
	(void)snprintf(path, sizeof(path), "%s/%s.dtb", directory, machine);
	FILE *f = fopen(path, "wb");
	int bad = !f || fwrite(blob, 1, size, f) != size;
	if (f)
		bad |= fclose(f) != 0;
	fdt_free(blob);
	return bad;
}

int main(int argc, char **argv)
{
	static struct machine_plan plan;
	const struct fdt_info info = { "console=ttyS0 \"a b\"", { 0x8000000, 0x123456 } };
	if (argc != 2) {
		(void)fprintf(stderr, "usage: fdt_dump DIRECTORY\n");
		return 2;
	}
	plan_fill(&plan, 1, 0, 1);
	plan_fill_memory(&plan);
	int bad = dump(argv[1], "one", &plan, &info);
	plan_fill(&plan, PLAN_MAX_VCPUS, 0, 3);
	plan_fill_memory(&plan);
	bad |= dump(argv[1], "many", &plan, &info);
	plan_fill(&plan, 2, 0, 1);
	plan.nr_serials = 0;
	bad |= dump(argv[1], "bare", &plan, NULL);
	return bad;
}
