/* SPDX-License-Identifier: MIT */
#include "acpi/acpi.h"

#include "acpi/dsdt.h"
#include "acpi/tables.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define RSDP_BYTES 36
#define RSDP_V1_BYTES 20 /* what the first checksum covers */
#define FACS_BYTES 64

static int bad_plan(struct err *e)
{
	if (e)
		e->kind = ERR_BUG;
	return err_wrap(e, -EINVAL, "ACPI tables");
}

static int check_vcpus(const struct machine_plan *plan, struct err *e)
{
	if (plan->nr_vcpus < 1 || plan->nr_vcpus > PLAN_MAX_VCPUS) {
		(void)err_set(e, -EINVAL, "the plan has %u vCPUs, not 1 to %d", plan->nr_vcpus,
			PLAN_MAX_VCPUS);
		return bad_plan(e);
	}
	for (unsigned i = 0; i < plan->nr_vcpus; i++)
		for (unsigned j = 0; j < i; j++)
			if (plan->vcpus[i].apic_id == plan->vcpus[j].apic_id) {
				(void)err_set(e, -EINVAL,
					"vCPUs %u and %u share the APIC ID %" PRIu32, j, i,
					plan->vcpus[i].apic_id);
				return bad_plan(e);
			}
	return 0;
}

static int check_serials(const struct machine_plan *plan, struct err *e)
{
	if (plan->nr_serials > PLAN_MAX_SERIALS) {
		(void)err_set(e, -EINVAL, "the plan has %u serial ports, not 0 to %d",
			plan->nr_serials, PLAN_MAX_SERIALS);
		return bad_plan(e);
	}
	for (unsigned i = 0; i < plan->nr_serials; i++)
		if (plan->serials[i].gsi > 15) {
			(void)err_set(e, -EINVAL,
				"serial port %u has GSI %u, which is not an ISA interrupt", i,
				plan->serials[i].gsi);
			return bad_plan(e);
		}
	return 0;
}

static int check_area(struct range area, struct err *e)
{
	if (range_contains((struct range){ 0, 4 * GIB }, area) && area.base % 64 == 0)
		return 0;
	(void)err_set(e, -EINVAL,
		"%#" PRIx64 " + %#" PRIx64 " bytes is not a 64-byte aligned place below 4 GiB",
		area.base, area.size);
	return bad_plan(e);
}

/* The FACS (5.2.10): no header, no checksum; the waking vectors stay 0, as there is no sleep. */
static uint64_t build_facs(struct byte_area *area)
{
	byte_area_align(area, 64);
	size_t offset = area->used;
	uint8_t *p = byte_area_append(area, FACS_BYTES);
	if (!p)
		return 0;
	(void)memcpy(p, "FACS", 4);
	bytes_put(p + 4, FACS_BYTES, 4);
	p[32] = 2; /* version */
	return area->base + offset;
}

static uint64_t build_dsdt(struct byte_area *area)
{
	byte_area_align(area, 16);
	size_t offset = area->used;
	uint8_t *p = byte_area_append(area, acpi_dsdt_bytes);
	if (!p)
		return 0;
	(void)memcpy(p, acpi_dsdt, acpi_dsdt_bytes);
	return area->base + offset;
}

/* RSDT with 4-byte and XSDT with 8-byte addresses (5.2.7, 5.2.8). */
static uint64_t build_root(struct byte_area *area, const char *signature, unsigned address_bytes,
	const uint64_t *tables, size_t nr_tables)
{
	size_t offset = acpi_table_open(area, signature, 1);
	for (size_t i = 0; i < nr_tables; i++) {
		uint8_t *p = byte_area_append(area, address_bytes);
		if (p)
			bytes_put(p, tables[i], address_bytes);
	}
	return acpi_table_close(area, offset);
}

/* The RSDP (5.2.5.3), revision 2: it has a checksum over its old part and one over all of it. */
static void fill_rsdp(uint8_t *p, uint64_t rsdt, uint64_t xsdt)
{
	(void)memcpy(p, "RSD PTR ", 8);
	(void)memcpy(p + 9, "NESTOR", 6);
	p[15] = 2;
	bytes_put(p + 16, rsdt, 4);
	bytes_put(p + 20, RSDP_BYTES, 4);
	bytes_put(p + 24, xsdt, 8);
	bytes_checksum(p, RSDP_V1_BYTES, 8);
	bytes_checksum(p, RSDP_BYTES, 32);
}

int acpi_build_at(const struct machine_plan *plan, struct range area, uint8_t *buf,
	size_t *ret_used, struct gpa *ret_rsdp, struct err *e)
{
	int r = check_vcpus(plan, e);
	if (r == 0)
		r = check_serials(plan, e);
	if (r == 0)
		r = check_area(area, e);
	if (r < 0)
		return r;

	struct byte_area out = { .bytes = buf, .size = (size_t)area.size, .base = area.base };
	uint8_t *rsdp = byte_area_append(&out, RSDP_BYTES);
	uint64_t facs = build_facs(&out);
	uint64_t dsdt = build_dsdt(&out);
	uint64_t tables[3] = { 0 };
	tables[0] = acpi_fadt_build(&out, facs, dsdt);
	tables[1] = acpi_madt_build(&out, plan);
	if (!out.full) {
		r = acpi_ssdt_build(&out, plan, &tables[2], e);
		if (r < 0 && r != -ENOSPC)
			return bad_plan(e);
	}
	uint64_t rsdt = build_root(&out, "RSDT", 4, tables, ARRAY_SIZE(tables));
	uint64_t xsdt = build_root(&out, "XSDT", 8, tables, ARRAY_SIZE(tables));
	if (r == -ENOSPC || out.full) {
		r = err_set(e, -ENOSPC, "the ACPI tables do not fit into %#" PRIx64 " bytes",
			area.size);
		if (e)
			e->kind = ERR_BUG;
		return r;
	}
	fill_rsdp(rsdp, rsdt, xsdt);
	*ret_used = out.used;
	*ret_rsdp = gpa(area.base);
	return 0;
}

int acpi_build(const struct machine_plan *plan, uint8_t *buf, size_t *ret_used,
	struct gpa *ret_rsdp, struct err *e)
{
	return acpi_build_at(
		plan, (struct range){ PLAN_ACPI_BASE, PLAN_ACPI_SIZE }, buf, ret_used, ret_rsdp, e);
}
