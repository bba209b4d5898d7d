/* SPDX-License-Identifier: MIT */
#include "plans.h"

#include "plan/devices.h"

void plan_fill(struct machine_plan *plan, unsigned nr_vcpus, uint32_t first, uint32_t step)
{
	*plan = (struct machine_plan){
		.nr_vcpus = nr_vcpus,
		.serials = { { 0x3f8, 4 }, { 0x2f8, 3 } },
		.nr_serials = 2,
		.legacy_pic_pit = true,
	};
	const struct vm_config config = {
		.nr_serials = 2,
		.debug_exit = { .enabled = true, .port = 0xf4 },
		.debug_console = { .enabled = true, .port = 0xe9 },
	};
	plan->nr_devices = plan_devices(&config, plan->devices);
	for (unsigned i = 0; i < nr_vcpus; i++)
		plan->vcpus[i].apic_id = first + i * step;
}

void plan_fill_memory(struct machine_plan *plan)
{
	plan->nr_ram = 2;
	plan->ram[0] = (struct plan_ram){ gpa(0), PLAN_PCI_HOLE_BASE, 0 };
	plan->ram[1] = (struct plan_ram){ gpa(PLAN_HIGH_RAM_BASE), GIB, PLAN_PCI_HOLE_BASE };
	plan->e820 = (struct e820_map){
		.entries = {
			{ 0, PLAN_EBDA_BASE, E820_RAM },
			{ PLAN_EBDA_BASE, 0x400, E820_RESERVED },
			{ PLAN_ACPI_BASE, PLAN_ACPI_SIZE, E820_ACPI },
			{ MIB, PLAN_PCI_HOLE_BASE - MIB, E820_RAM },
			{ PLAN_IDENTITY_MAP_BASE, 0x4000, E820_RESERVED },
			{ PLAN_HIGH_RAM_BASE, GIB, E820_RAM },
		},
		.nr_entries = 6,
	};
}
