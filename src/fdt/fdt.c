/* SPDX-License-Identifier: MIT */
#include "fdt/fdt.h"

#include <errno.h>
#include <inttypes.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 8192
#define PHANDLE_IOAPIC 1

#define APIC_BYTES 0x1000 /* the register page of an I/O APIC or a local APIC */
#define UART_CLOCK_HZ 1843200
#define UART_PORTS 8
#define RTC_PORTS 2

/*
 * The sense cell of "interrupts" for a rising edge. The binding's text has 0 for it and calls 3 a
 * falling edge; but every Linux so far programs the pin for 3 as edge, active high (and for 0 as
 * active low), and its own x86 tree uses 3 for the RTC.
 */
#define SENSE_EDGE_HIGH 3

/* The first cell of an ISA address: port space. */
#define ISA_IO 1

/* Writes until the first fault, which sticks; at -FDT_ERR_NOSPACE fdt_build() takes more room. */
struct tree {
	void *blob;
	int error; /* of libfdt: 0 or negative */
};

static void keep(struct tree *t, int error)
{
	if (t->error == 0)
		t->error = error;
}

static void node(struct tree *t, const char *name)
{
	if (t->error == 0)
		keep(t, fdt_begin_node(t->blob, name));
}

/* A node of the form name@address. */
static void node_at(struct tree *t, const char *name, uint64_t address)
{
	char full[64];
	(void)snprintf(full, sizeof(full), "%s@%" PRIx64, name, address);
	node(t, full);
}

static void end(struct tree *t)
{
	if (t->error == 0)
		keep(t, fdt_end_node(t->blob));
}

static void text(struct tree *t, const char *name, const char *value)
{
	if (t->error == 0)
		keep(t, fdt_property(t->blob, name, value, (int)strlen(value) + 1));
}

static void flag(struct tree *t, const char *name)
{
	if (t->error == 0)
		keep(t, fdt_property(t->blob, name, NULL, 0));
}

static void cells(struct tree *t, const char *name, const uint32_t *values, size_t nr)
{
	void *p = NULL;
	if (t->error == 0)
		keep(t, fdt_property_placeholder(t->blob, name, (int)(nr * 4), &p));
	if (t->error != 0)
		return;
	for (size_t i = 0; i < nr; i++)
		fdt32_st((uint8_t *)p + 4 * i, values[i]);
}

static void cell(struct tree *t, const char *name, uint32_t value)
{
	cells(t, name, &value, 1);
}

static void cell64(struct tree *t, const char *name, uint64_t value)
{
	cells(t, name, (const uint32_t[]){ (uint32_t)(value >> 32), (uint32_t)value }, 2);
}

/* Address and size of a child of the root: two cells each. */
static void reg(struct tree *t, uint64_t base, uint64_t size)
{
	const uint32_t values[] = { (uint32_t)(base >> 32), (uint32_t)base, (uint32_t)(size >> 32),
		(uint32_t)size };
	cells(t, "reg", values, ARRAY_SIZE(values));
}

static void put_chosen(struct tree *t, const struct machine_plan *plan, const struct fdt_info *info)
{
	if (plan->nr_serials > 0) {
		node(t, "aliases");
		for (unsigned i = 0; i < plan->nr_serials; i++) {
			char alias[16], path[40];
			(void)snprintf(alias, sizeof(alias), "serial%u", i);
			(void)snprintf(
				path, sizeof(path), "/soc/isa@0/serial@%x", plan->serials[i].port);
			text(t, alias, path);
		}
		end(t);
	}
	node(t, "chosen");
	if (plan->nr_serials > 0)
		text(t, "stdout-path", "serial0:115200n8");
	if (info && info->cmdline)
		text(t, "bootargs", info->cmdline);
	if (info && info->initrd.size > 0) {
		cell64(t, "linux,initrd-start", info->initrd.base);
		cell64(t, "linux,initrd-end", info->initrd.base + info->initrd.size);
	}
	end(t);
}

/* x86 vCPUs start by INIT and SIPI, so they have no enable-method; reg is the APIC ID. */
static void put_cpus(struct tree *t, const struct machine_plan *plan)
{
	node(t, "cpus");
	cell(t, "#address-cells", 1);
	cell(t, "#size-cells", 0);
	for (unsigned i = 0; i < plan->nr_vcpus; i++) {
		node_at(t, "cpu", plan->vcpus[i].apic_id);
		text(t, "device_type", "cpu");
		text(t, "compatible", "cpu");
		cell(t, "reg", plan->vcpus[i].apic_id);
		end(t);
	}
	end(t);
}

static void put_reserved(struct tree *t, uint64_t base, uint64_t end_address)
{
	node_at(t, "reserved", base);
	reg(t, base, end_address - base);
	flag(t, "no-map");
	end(t);
}

/* Those parts of one piece of RAM that the e820 map (sorted) does not call RAM. */
static void put_withheld(struct tree *t, const struct e820_map *map, const struct plan_ram *ram)
{
	uint64_t at = ram->base.v;
	uint64_t stop = at + ram->size_bytes;
	for (unsigned i = 0; i < map->nr_entries; i++) {
		const struct e820_entry *entry = &map->entries[i];
		struct range given = { entry->base, entry->size_bytes };
		if (entry->type != E820_RAM ||
			!range_overlaps((struct range){ at, stop - at }, given))
			continue;
		if (given.base > at)
			put_reserved(t, at, given.base);
		at = given.size < stop - given.base ? given.base + given.size : stop;
	}
	if (at < stop)
		put_reserved(t, at, stop);
}

/* All RAM, and what of it is not the kernel's: firmware tables and data, the old video hole. */
static void put_memory(struct tree *t, const struct machine_plan *plan)
{
	for (unsigned i = 0; i < plan->nr_ram; i++) {
		node_at(t, "memory", plan->ram[i].base.v);
		text(t, "device_type", "memory");
		reg(t, plan->ram[i].base.v, plan->ram[i].size_bytes);
		end(t);
	}
	node(t, "reserved-memory");
	cell(t, "#address-cells", 2);
	cell(t, "#size-cells", 2);
	flag(t, "ranges");
	for (unsigned i = 0; i < plan->nr_ram; i++)
		put_withheld(t, &plan->e820, &plan->ram[i]);
	end(t);
}

static void put_interrupt_controllers(struct tree *t)
{
	node_at(t, "interrupt-controller", PLAN_IOAPIC_BASE);
	text(t, "compatible", "intel,ce4100-ioapic");
	reg(t, PLAN_IOAPIC_BASE, APIC_BYTES);
	flag(t, "interrupt-controller");
	cell(t, "#address-cells", 0); /* nothing is mapped through it */
	cell(t, "#interrupt-cells", 2);
	cell(t, "phandle", PHANDLE_IOAPIC);
	end(t);

	node_at(t, "interrupt-controller", PLAN_LAPIC_BASE);
	text(t, "compatible", "intel,ce4100-lapic");
	reg(t, PLAN_LAPIC_BASE, APIC_BYTES);
	flag(t, "interrupt-controller");
	cell(t, "#address-cells", 0); /* nothing is mapped through it */
	cell(t, "#interrupt-cells", 2);
	flag(t, "intel,virtual-wire-mode"); /* there is no IMCR that would switch PIC mode off */
	end(t);
}

static void put_isa_device(struct tree *t, uint16_t port, uint8_t nr_ports, unsigned gsi)
{
	cells(t, "reg", (const uint32_t[]){ ISA_IO, port, nr_ports }, 3);
	cells(t, "interrupts", (const uint32_t[]){ gsi, SENSE_EDGE_HIGH }, 2);
}

static void put_isa(struct tree *t, const struct machine_plan *plan)
{
	/* A bus of its own, as port 0 and RAM both begin at 0. Linux on x86 looks for devices below
	 * nodes of this compatible (its CE4100 binding). */
	node(t, "soc");
	static const char compatible[] = "intel,ce4100-cp\0simple-bus";
	if (t->error == 0)
		keep(t, fdt_property(t->blob, "compatible", compatible, sizeof(compatible)));
	cell(t, "#address-cells", 2);
	cell(t, "#size-cells", 2);
	flag(t, "ranges");
	node_at(t, "isa", 0);
	text(t, "compatible", "isa");
	text(t, "device_type", "isa");
	cell(t, "#address-cells", 2);
	cell(t, "#size-cells", 1);
	/* Port p is number p of the parent too: Linux on x86 takes the result for a port again. */
	cells(t, "ranges", (const uint32_t[]){ ISA_IO, 0, 0, 0, 0x10000 }, 5);
	cell(t, "interrupt-parent", PHANDLE_IOAPIC);
	for (unsigned i = 0; i < plan->nr_serials; i++) {
		node_at(t, "serial", plan->serials[i].port);
		text(t, "compatible", "ns16550a");
		put_isa_device(t, plan->serials[i].port, UART_PORTS, plan->serials[i].gsi);
		cell(t, "clock-frequency", UART_CLOCK_HZ);
		cell(t, "current-speed", 115200);
		end(t);
	}
	node_at(t, "rtc", PLAN_PORT_RTC);
	text(t, "compatible", "motorola,mc146818");
	put_isa_device(t, PLAN_PORT_RTC, RTC_PORTS, PLAN_GSI_RTC);
	end(t);
	end(t);
	end(t);
}

static int put_tree(
	void *blob, size_t size, const struct machine_plan *plan, const struct fdt_info *info)
{
	struct tree t = { .blob = blob };
	keep(&t, fdt_create(blob, (int)size));
	if (t.error == 0)
		keep(&t, fdt_finish_reservemap(blob));
	node(&t, "");
	text(&t, "model", "nestor");
	text(&t, "compatible", "nestor,pc");
	cell(&t, "#address-cells", 2);
	cell(&t, "#size-cells", 2);
	put_chosen(&t, plan, info);
	put_cpus(&t, plan);
	put_memory(&t, plan);
	put_interrupt_controllers(&t);
	put_isa(&t, plan);
	end(&t);
	if (t.error == 0)
		keep(&t, fdt_finish(blob));
	return t.error;
}

/* Neither RAM nor an e820 entry reaches 2^64, so that the ends of all have a number. */
static bool ram_valid(const struct machine_plan *plan)
{
	bool valid = true;
	for (unsigned i = 0; i < plan->nr_ram; i++)
		valid = valid && plan->ram[i].size_bytes <= UINT64_MAX - plan->ram[i].base.v;
	for (unsigned i = 0; i < plan->e820.nr_entries; i++)
		valid = valid &&
			plan->e820.entries[i].size_bytes <= UINT64_MAX - plan->e820.entries[i].base;
	return valid;
}

static int check(const struct machine_plan *plan, const struct fdt_info *info, struct err *e)
{
	int r = 0;
	if (plan->nr_vcpus > PLAN_MAX_VCPUS || plan->nr_ram > PLAN_MAX_RAM ||
		plan->nr_serials > PLAN_MAX_SERIALS || plan->e820.nr_entries > PLAN_MAX_E820)
		r = err_set(e, -EINVAL, "device tree: the plan counts past its arrays");
	else if (!ram_valid(plan))
		r = err_set(e, -EINVAL, "device tree: RAM wraps around the address space");
	else if (info && !range_valid((struct range){ info->initrd.base, info->initrd.size }))
		r = err_set(e, -EINVAL, "device tree: the initrd wraps around the address space");
	if (r < 0 && e)
		e->kind = ERR_BUG;
	return r;
}

int fdt_build(const struct machine_plan *plan, const struct fdt_info *info, uint8_t **ret_blob,
	size_t *ret_size, struct err *e)
{
	int r = check(plan, info, e);
	if (r < 0)
		return r;
	size_t cmdline = info && info->cmdline ? strlen(info->cmdline) : 0;
	if (cmdline >= FDT_MAX_BYTES)
		return err_set_config(e, -E2BIG,
			"device tree: the kernel command line of %zu bytes is too long", cmdline);

	/* libfdt does not say how much room it wants, so a tree that does not fit is built anew. */
	for (size_t size = FIRST_BYTES; size <= FDT_MAX_BYTES; size *= 2) {
		uint8_t *blob = calloc(1, size);
		if (!blob)
			return err_set_errno(e, -ENOMEM, "device tree of %zu bytes", size);
		int error = put_tree(blob, size, plan, info);
		if (error == 0) {
			*ret_size = fdt_totalsize(blob);
			*ret_blob = blob;
			return 0;
		}
		free(blob);
		if (error != -FDT_ERR_NOSPACE) {
			r = err_set(e, -EINVAL, "device tree: libfdt says %s", fdt_strerror(error));
			if (e)
				e->kind = ERR_BUG;
			return r;
		}
	}
	return err_set_config(e, -E2BIG, "device tree: it would be larger than %" PRIu64 " bytes",
		(uint64_t)FDT_MAX_BYTES);
}

void fdt_free(uint8_t *blob)
{
	free(blob);
}
