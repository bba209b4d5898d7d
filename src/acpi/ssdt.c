/* SPDX-License-Identifier: MIT */
/* The SSDT: the devices that depend on the config (ACPI 6.5, section 5.2.11.2). */
#include "acpi/aml.h"
#include "acpi/tables.h"

#include <stdio.h>

#define SSDT_REVISION 2 /* 64-bit integers */

static void put_resources(struct aml *a, const struct aml_resources *r)
{
	aml_name(a, "_CRS");
	aml_resources(a, r);
}

/* ACPI0007: a processor device; its _UID names the MADT's entry. */
static void put_processor(struct aml *a, unsigned uid)
{
	char name[8];
	(void)snprintf(name, sizeof(name), "C%03X", uid & 0xfff);
	aml_device_open(a, name);
	aml_name(a, "_HID");
	aml_string(a, "ACPI0007");
	aml_name(a, "_UID");
	aml_integer(a, uid);
	aml_close(a);
}

static void put_serial(struct aml *a, unsigned number, const struct plan_serial *serial)
{
	char name[8];
	struct aml_resources r = { .used = 0 };
	(void)snprintf(name, sizeof(name), "COM%u", number % 10);
	aml_device_open(a, name);
	aml_name(a, "_HID");
	aml_eisa_id(a, "PNP0501");
	aml_name(a, "_UID");
	aml_integer(a, number);
	aml_name(a, "_DDN");
	aml_string(a, name);
	aml_resources_io(&r, serial->port, 8);
	aml_resources_irq(&r, serial->gsi);
	put_resources(a, &r);
	aml_close(a);
}

static void put_ports(struct aml_resources *r, const struct plan_region *region)
{
	aml_resources_io(r, (uint16_t)region->range.base, (uint8_t)region->range.size);
}

static void put_pic(struct aml *a, const struct plan_device *pic)
{
	struct aml_resources r = { .used = 0 };
	aml_device_open(a, "PIC");
	aml_name(a, "_HID");
	aml_eisa_id(a, "PNP0000");
	for (unsigned i = 0; i < pic->nr_regions; i++)
		put_ports(&r, &pic->regions[i]);
	aml_resources_irq(&r, 2);
	put_resources(a, &r);
	aml_close(a);
}

static void put_pit(struct aml *a, const struct plan_device *pit)
{
	struct aml_resources r = { .used = 0 };
	aml_device_open(a, "PIT");
	aml_name(a, "_HID");
	aml_eisa_id(a, "PNP0100");
	put_ports(&r, &pit->regions[0]); /* the other is the speaker's */
	aml_resources_irq(&r, (unsigned)pit->gsi);
	put_resources(a, &r);
	aml_close(a);
}

/* Ports that the user has chosen: nobody can look for what is there. */
static bool is_at_chosen_port(const struct plan_device *d)
{
	return d->key && d->kind != PLAN_SERIAL;
}

/* They are motherboard resources: no driver is to take them for free. */
static void put_chosen_ports(struct aml *a, const struct machine_plan *plan)
{
	struct aml_resources r = { .used = 0 };
	for (unsigned i = 0; i < plan->nr_devices; i++) {
		const struct plan_device *d = &plan->devices[i];
		for (unsigned k = 0; is_at_chosen_port(d) && k < d->nr_regions; k++)
			put_ports(&r, &d->regions[k]);
	}
	if (r.used == 0)
		return;
	aml_device_open(a, "DBGP");
	aml_name(a, "_HID");
	aml_eisa_id(a, "PNP0C02");
	aml_name(a, "_UID");
	aml_integer(a, 1); /* 0 is the DSDT's */
	put_resources(a, &r);
	aml_close(a);
}

int acpi_ssdt_build(struct byte_area *area, const struct machine_plan *plan, uint64_t *ret_address,
	struct err *e)
{
	struct aml a;
	size_t offset = acpi_table_open(area, "SSDT", SSDT_REVISION);
	aml_init(&a, area->bytes + area->used, area->size - area->used);
	aml_scope_open(&a, "\\_SB");
	for (unsigned i = 0; i < plan->nr_vcpus; i++)
		put_processor(&a, i);
	for (unsigned i = 0; i < plan->nr_serials; i++)
		put_serial(&a, i + 1, &plan->serials[i]);
	for (unsigned i = 0; i < plan->nr_devices; i++) {
		if (plan->devices[i].kind == PLAN_PIC)
			put_pic(&a, &plan->devices[i]);
		else if (plan->devices[i].kind == PLAN_PIT)
			put_pit(&a, &plan->devices[i]);
	}
	put_chosen_ports(&a, plan);
	aml_close(&a);

	size_t used = 0;
	int r = aml_finish(&a, &used, e);
	if (r < 0)
		return err_wrap(e, r, "SSDT");
	(void)byte_area_take(area, used);
	*ret_address = acpi_table_close(area, offset);
	return 0;
}
