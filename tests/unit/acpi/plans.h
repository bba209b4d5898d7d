/* SPDX-License-Identifier: MIT */
/* Machine plans for tests of the tables that are built from them. */
#ifndef NESTOR_TESTS_UNIT_ACPI_PLANS_H
#define NESTOR_TESTS_UNIT_ACPI_PLANS_H

#include "plan/machine_plan.h"

/* nr_vcpus with APIC IDs first, first + step …, COM1 and COM2, both debug ports, PIC and PIT. */
void plan_fill(struct machine_plan *plan, unsigned nr_vcpus, uint32_t first, uint32_t step);

/* Adds 3 GiB of RAM below and 1 GiB above 4 GiB, and the e820 map of it. */
void plan_fill_memory(struct machine_plan *plan);

#endif
