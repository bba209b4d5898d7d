/* SPDX-License-Identifier: MIT */
/* Reads the tree back through libfdt's read side, property by property. */
#include "fdt/fdt.h"
#include "unit/acpi/plans.h"

#include <errno.h>
#include <libfdt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* needs the above */
#include <cmocka.h>

struct fixture {
	struct machine_plan plan;
	struct fdt_info info;
	uint8_t *blob;
	size_t size;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	plan_fill(&f->plan, 2, 0, 1);
	plan_fill_memory(&f->plan);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	fdt_free(f->blob);
	free(f);
	return 0;
}

static void build(struct fixture *f)
{
	fdt_free(f->blob);
	f->blob = NULL;
	assert_int_equal(fdt_build(&f->plan, &f->info, &f->blob, &f->size, &f->err), 0);
	assert_int_equal(fdt_check_full(f->blob, f->size), 0);
}

static int find(const struct fixture *f, const char *path)
{
	int node = fdt_path_offset(f->blob, path);
	if (node < 0)
		fail_msg("no node %s", path);
	return node;
}

static bool exists(const struct fixture *f, const char *path)
{
	return fdt_path_offset(f->blob, path) >= 0;
}

static const void *property(const struct fixture *f, const char *path, const char *name, int size)
{
	int n = 0;
	const void *p = fdt_getprop(f->blob, find(f, path), name, &n);
	if (!p || n != size)
		fail_msg("%s:%s has %d bytes, not %d", path, name, n, size);
	return p;
}

static void assert_text(
	const struct fixture *f, const char *path, const char *name, const char *want)
{
	assert_string_equal(property(f, path, name, (int)strlen(want) + 1), want);
}

static void assert_cells(
	const struct fixture *f, const char *path, const char *name, const uint32_t *want, int nr)
{
	const uint8_t *p = property(f, path, name, 4 * nr);
	for (int i = 0; i < nr; i++)
		assert_int_equal(fdt32_ld((const fdt32_t *)(const void *)(p + 4 * i)), want[i]);
}

#define assert_prop(f, path, name, ...)                                                            \
	do {                                                                                       \
		const uint32_t want_[] = { __VA_ARGS__ };                                          \
		assert_cells(f, path, name, want_, (int)(sizeof(want_) / sizeof(want_[0])));       \
	} while (0)

static unsigned count_children(const struct fixture *f, const char *path)
{
	unsigned nr = 0;
	int node;
	fdt_for_each_subnode(node, f->blob, find(f, path)) nr++;
	return nr;
}

static void fdt_build__root__model_and_cells(void **state)
{
	struct fixture *f = *state;
	build(f);
	assert_text(f, "/", "model", "nestor");
	assert_text(f, "/", "compatible", "nestor,pc");
	assert_prop(f, "/", "#address-cells", 2);
	assert_prop(f, "/", "#size-cells", 2);
}

static void fdt_build__size__is_the_blobs(void **state)
{
	struct fixture *f = *state;
	build(f);
	assert_int_equal(f->size, fdt_totalsize(f->blob));
}

static void cpus__ids_with_gaps__in_reg_and_name(void **state)
{
	struct fixture *f = *state;
	plan_fill(&f->plan, 3, 0, 0x11);
	build(f);
	assert_prop(f, "/cpus", "#address-cells", 1);
	assert_prop(f, "/cpus", "#size-cells", 0);
	assert_int_equal(count_children(f, "/cpus"), 3);
	assert_text(f, "/cpus/cpu@22", "device_type", "cpu");
	assert_text(f, "/cpus/cpu@22", "compatible", "cpu");
	assert_prop(f, "/cpus/cpu@22", "reg", 0x22);
	assert_null(fdt_getprop(f->blob, find(f, "/cpus/cpu@22"), "enable-method", NULL));
}

static void cpus__255__one_node_each(void **state)
{
	struct fixture *f = *state;
	plan_fill(&f->plan, 255, 0, 3);
	build(f);
	assert_int_equal(count_children(f, "/cpus"), 255);
	assert_prop(f, "/cpus/cpu@2fa", "reg", 254 * 3);
}

static void memory__below_and_above_4_gib__one_node_each(void **state)
{
	struct fixture *f = *state;
	build(f);
	assert_text(f, "/memory@0", "device_type", "memory");
	assert_prop(f, "/memory@0", "reg", 0, 0, 0, PLAN_PCI_HOLE_BASE);
	assert_prop(f, "/memory@100000000", "reg", 1, 0, 0, 0x40000000);
}

static void reserved_memory__what_e820_withholds_of_ram__no_map(void **state)
{
	struct fixture *f = *state;
	build(f);
	assert_int_equal(count_children(f, "/reserved-memory"), 1);
	assert_prop(f, "/reserved-memory", "#address-cells", 2);
	assert_prop(f, "/reserved-memory", "#size-cells", 2);
	(void)property(f, "/reserved-memory", "ranges", 0);
	assert_prop(f, "/reserved-memory/reserved@9fc00", "reg", 0, PLAN_EBDA_BASE, 0, 0x60400);
	(void)property(f, "/reserved-memory/reserved@9fc00", "no-map", 0);
}

static void reserved_memory__first_and_last_withheld__one_node_each(void **state)
{
	struct fixture *f = *state;
	f->plan.e820 = (struct e820_map){
		.entries = { { 0, 0x1000, E820_RESERVED },
			{ 0x1000, PLAN_PCI_HOLE_BASE - 0x3000, E820_RAM },
			{ PLAN_HIGH_RAM_BASE - 0x1000, 0x5000, E820_RAM } },
		.nr_entries = 3,
	};
	build(f);
	assert_int_equal(count_children(f, "/reserved-memory"), 3);
	assert_prop(f, "/reserved-memory/reserved@0", "reg", 0, 0, 0, 0x1000);
	assert_prop(f, "/reserved-memory/reserved@bfffe000", "reg", 0, 0xbfffe000, 0, 0x2000);
	assert_prop(f, "/reserved-memory/reserved@100004000", "reg", 1, 0x4000, 0, 0x3fffc000);
}

static void fdt_build__ram_wraps__refused(void **state)
{
	struct fixture *f = *state;
	uint64_t *sizes[] = { &f->plan.ram[1].size_bytes, &f->plan.e820.entries[0].size_bytes };
	f->plan.e820.entries[0].base = 1;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t was = *sizes[i];
		*sizes[i] = UINT64_MAX;
		assert_int_equal(fdt_build(&f->plan, NULL, &f->blob, &f->size, &f->err), -EINVAL);
		assert_string_equal(f->err.msg, "device tree: RAM wraps around the address space");
		*sizes[i] = was;
	}
}

static void chosen__command_line_and_initrd__told(void **state)
{
	struct fixture *f = *state;
	f->info = (struct fdt_info){ "console=ttyS0 \"x y\"", { 0x123456000, 0x1001 } };
	build(f);
	assert_text(f, "/chosen", "bootargs", "console=ttyS0 \"x y\"");
	assert_prop(f, "/chosen", "linux,initrd-start", 1, 0x23456000);
	assert_prop(f, "/chosen", "linux,initrd-end", 1, 0x23457001);
}

static void chosen__nothing_to_tell__only_stdout(void **state)
{
	struct fixture *f = *state;
	build(f);
	int chosen = find(f, "/chosen");
	assert_null(fdt_getprop(f->blob, chosen, "bootargs", NULL));
	assert_null(fdt_getprop(f->blob, chosen, "linux,initrd-start", NULL));
	assert_null(fdt_getprop(f->blob, chosen, "linux,initrd-end", NULL));
	assert_text(f, "/chosen", "stdout-path", "serial0:115200n8");
	assert_text(f, "/aliases", "serial0", "/soc/isa@0/serial@3f8");
	assert_text(f, "/aliases", "serial1", "/soc/isa@0/serial@2f8");
}

static void chosen__no_info__as_empty_info(void **state)
{
	struct fixture *f = *state;
	uint8_t *blob = NULL;
	size_t size = 0;
	build(f);
	assert_int_equal(fdt_build(&f->plan, NULL, &blob, &size, &f->err), 0);
	assert_int_equal(size, f->size);
	assert_memory_equal(blob, f->blob, size);
	fdt_free(blob);
}

static void chosen__no_serials__no_stdout(void **state)
{
	struct fixture *f = *state;
	f->plan.nr_serials = 0;
	build(f);
	assert_false(exists(f, "/aliases"));
	assert_null(fdt_getprop(f->blob, find(f, "/chosen"), "stdout-path", NULL));
	assert_int_equal(count_children(f, "/soc/isa@0"), 1);
}

static void ioapic__binding__properties(void **state)
{
	struct fixture *f = *state;
	const char *path = "/interrupt-controller@fec00000";
	build(f);
	assert_text(f, path, "compatible", "intel,ce4100-ioapic");
	assert_prop(f, path, "reg", 0, PLAN_IOAPIC_BASE, 0, 0x1000);
	assert_prop(f, path, "#interrupt-cells", 2);
	(void)property(f, path, "interrupt-controller", 0);
	assert_int_equal(fdt_get_phandle(f->blob, find(f, path)), 1);
}

static void lapic__binding__properties(void **state)
{
	struct fixture *f = *state;
	const char *path = "/interrupt-controller@fee00000";
	build(f);
	assert_text(f, path, "compatible", "intel,ce4100-lapic");
	assert_prop(f, path, "reg", 0, PLAN_LAPIC_BASE, 0, 0x1000);
	assert_prop(f, path, "#interrupt-cells", 2);
	(void)property(f, path, "interrupt-controller", 0);
	(void)property(f, path, "intel,virtual-wire-mode", 0);
}

static void isa__bus__ports_map_to_themselves(void **state)
{
	struct fixture *f = *state;
	build(f);
	assert_text(f, "/soc/isa@0", "compatible", "isa");
	assert_text(f, "/soc/isa@0", "device_type", "isa");
	assert_prop(f, "/soc/isa@0", "#address-cells", 2);
	assert_prop(f, "/soc/isa@0", "#size-cells", 1);
	assert_prop(f, "/soc/isa@0", "ranges", 1, 0, 0, 0, 0x10000);
	assert_prop(f, "/soc/isa@0", "interrupt-parent", 1);
}

static void isa__serial__port_interrupt_clock(void **state)
{
	struct fixture *f = *state;
	build(f);
	assert_text(f, "/soc/isa@0/serial@2f8", "compatible", "ns16550a");
	assert_prop(f, "/soc/isa@0/serial@2f8", "reg", 1, 0x2f8, 8);
	assert_prop(f, "/soc/isa@0/serial@2f8", "interrupts", 3, 3);
	assert_prop(f, "/soc/isa@0/serial@2f8", "clock-frequency", 1843200);
	assert_prop(f, "/soc/isa@0/serial@2f8", "current-speed", 115200);
	assert_prop(f, "/soc/isa@0/serial@3f8", "interrupts", 4, 3);
}

static void isa__rtc__port_and_interrupt(void **state)
{
	struct fixture *f = *state;
	build(f);
	assert_text(f, "/soc/isa@0/rtc@70", "compatible", "motorola,mc146818");
	assert_prop(f, "/soc/isa@0/rtc@70", "reg", 1, PLAN_PORT_RTC, 2);
	assert_prop(f, "/soc/isa@0/rtc@70", "interrupts", PLAN_GSI_RTC, 3);
}

static char *long_text(size_t n)
{
	char *text = malloc(n + 1);
	assert_non_null(text);
	(void)memset(text, 'a', n);
	text[n] = '\0';
	return text;
}

static void fdt_build__command_line_of_100_kib__whole(void **state)
{
	struct fixture *f = *state;
	char *text = long_text(100 * KIB);
	f->info.cmdline = text;
	build(f);
	assert_text(f, "/chosen", "bootargs", text);
	free(text);
}

static void fdt_build__command_line_past_the_limit__refused(void **state)
{
	struct fixture *f = *state;
	char *text = long_text(FDT_MAX_BYTES);
	f->info.cmdline = text;
	int r = fdt_build(&f->plan, &f->info, &f->blob, &f->size, &f->err);
	free(text);
	assert_int_equal(r, -E2BIG);
	assert_int_equal(f->err.kind, ERR_CONFIG);
	assert_string_equal(
		f->err.msg, "device tree: the kernel command line of 2097152 bytes is too long");
}

static void fdt_build__tree_past_the_limit__refused(void **state)
{
	struct fixture *f = *state;
	char *text = long_text(FDT_MAX_BYTES - 100);
	f->info.cmdline = text;
	int r = fdt_build(&f->plan, &f->info, &f->blob, &f->size, &f->err);
	free(text);
	assert_int_equal(r, -E2BIG);
	assert_int_equal(f->err.kind, ERR_CONFIG);
	assert_string_equal(f->err.msg, "device tree: it would be larger than 2097152 bytes");
	assert_null(f->blob);
}

static void fdt_build__initrd_wraps__refused(void **state)
{
	struct fixture *f = *state;
	f->info.initrd = (struct range){ UINT64_MAX, 2 };
	assert_int_equal(fdt_build(&f->plan, &f->info, &f->blob, &f->size, &f->err), -EINVAL);
	assert_int_equal(f->err.kind, ERR_BUG);
	assert_string_equal(f->err.msg, "device tree: the initrd wraps around the address space");
}

static void fdt_build__counts_past_the_arrays__refused(void **state)
{
	struct fixture *f = *state;
	unsigned *counts[] = { &f->plan.nr_vcpus, &f->plan.nr_ram, &f->plan.nr_serials,
		&f->plan.e820.nr_entries };
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		unsigned was = *counts[i];
		*counts[i] = 1000;
		assert_int_equal(fdt_build(&f->plan, NULL, &f->blob, &f->size, &f->err), -EINVAL);
		assert_int_equal(f->err.kind, ERR_BUG);
		*counts[i] = was;
	}
	assert_string_equal(f->err.msg, "device tree: the plan counts past its arrays");
}

static void fdt_free__null__nothing(void **state)
{
	(void)state;
	fdt_free(NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(fdt_build__root__model_and_cells),
		T(fdt_build__size__is_the_blobs),
		T(cpus__ids_with_gaps__in_reg_and_name),
		T(cpus__255__one_node_each),
		T(memory__below_and_above_4_gib__one_node_each),
		T(reserved_memory__what_e820_withholds_of_ram__no_map),
		T(reserved_memory__first_and_last_withheld__one_node_each),
		T(fdt_build__ram_wraps__refused),
		T(chosen__command_line_and_initrd__told),
		T(chosen__nothing_to_tell__only_stdout),
		T(chosen__no_info__as_empty_info),
		T(chosen__no_serials__no_stdout),
		T(ioapic__binding__properties),
		T(lapic__binding__properties),
		T(isa__bus__ports_map_to_themselves),
		T(isa__serial__port_interrupt_clock),
		T(isa__rtc__port_and_interrupt),
		T(fdt_build__command_line_of_100_kib__whole),
		T(fdt_build__command_line_past_the_limit__refused),
		T(fdt_build__tree_past_the_limit__refused),
		T(fdt_build__initrd_wraps__refused),
		T(fdt_build__counts_past_the_arrays__refused),
		T(fdt_free__null__nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
