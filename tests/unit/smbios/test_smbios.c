/* SPDX-License-Identifier: MIT */
/*
 * Finds and reads the tables as a kernel does, by the offsets of DSP0134: from each of the entry
 * points, on borders of 16 bytes of the BIOS's last 64 KiB, structure by structure.
 */
#include "smbios/smbios.h"

#include "unit/acpi/plans.h"

#include "fake/cmocka.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_STRUCTURES 300
#define FIRST_BIOS_ADDRESS 0xf0000

struct structure {
	const uint8_t *p;
	size_t bytes; /* strings and all */
	unsigned nr_strings;
};

struct fixture {
	struct machine_plan plan;
	uint8_t *buf;
	size_t used;
	struct err err;
	struct structure structures[MAX_STRUCTURES];
	unsigned nr;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	f->buf = malloc(PLAN_SMBIOS_SIZE);
	assert_non_null(f->buf);
	(void)memset(f->buf, 0xa5, PLAN_SMBIOS_SIZE);
	plan_fill(&f->plan, 1, 0, 1);
	f->plan.nr_ram = 1;
	f->plan.ram[0] = (struct plan_ram){ gpa(0), 256 * MIB, 0 };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	free(f->buf);
	free(f);
	return 0;
}

static uint64_t get(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;
	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static unsigned sum(const uint8_t *p, size_t n)
{
	unsigned s = 0;
	for (size_t i = 0; i < n; i++)
		s += p[i];
	return s & 0xff;
}

static const uint8_t *find(const struct fixture *f, const char *anchor)
{
	for (size_t at = 0; at + 32 <= f->used; at += 16)
		if (memcmp(f->buf + at, anchor, strlen(anchor)) == 0)
			return f->buf + at;
	fail_msg("no %s", anchor);
	return NULL;
}

/* All structures of n bytes at a guest address. */
static void read_structures(struct fixture *f, uint64_t address, size_t n)
{
	assert_true(address >= PLAN_SMBIOS_BASE);
	size_t at = (size_t)(address - PLAN_SMBIOS_BASE), end = at + n;
	assert_int_equal(end, f->used);
	f->nr = 0;
	while (at < end) {
		struct structure *s = &f->structures[f->nr];
		assert_true(f->nr++ < MAX_STRUCTURES && at + 4 <= end);
		*s = (struct structure){ .p = f->buf + at };
		const char *string = (const char *)s->p + s->p[1];
		/* Two NULs where there is no string; else a NUL behind the last one's. */
		if (*string == '\0')
			string++;
		while (*string != '\0') {
			s->nr_strings++;
			string += strlen(string) + 1;
		}
		s->bytes = (size_t)(string + 1 - (const char *)s->p);
		at += s->bytes;
		assert_true(at <= end);
	}
	assert_int_equal(at, end);
	assert_int_equal(f->structures[f->nr - 1].p[0], 127);
}

static void read_back(struct fixture *f)
{
	const uint8_t *p = find(f, "_SM3_");
	assert_int_equal(p[6], 24);
	assert_int_equal(sum(p, p[6]), 0);
	assert_int_equal(p[7], 3);
	assert_int_equal(p[8], 0);
	read_structures(f, get(p + 0x10, 8), (size_t)get(p + 0xc, 4));
	size_t largest = 0;
	for (unsigned i = 0; i < f->nr; i++)
		largest = f->structures[i].bytes > largest ? f->structures[i].bytes : largest;

	const uint8_t *q = find(f, "_SM_");
	assert_int_equal(q[5], 31);
	assert_int_equal(sum(q, q[5]), 0);
	assert_memory_equal(q + 0x10, "_DMI_", 5);
	assert_int_equal(sum(q + 0x10, 15), 0);
	assert_int_equal(q[6], 3);
	assert_int_equal(get(q + 0x18, 4), get(p + 0x10, 8));
	assert_int_equal(get(q + 0x16, 2), get(p + 0xc, 4));
	assert_int_equal(get(q + 0x1c, 2), f->nr);
	assert_int_equal(get(q + 8, 2), largest);
	assert_int_equal(q[0x1e], 0x30);
}

static void build(struct fixture *f)
{
	if (smbios_build(&f->plan, f->buf, &f->used, &f->err))
		fail_msg("%s", f->err.msg);
	read_back(f);
}

/* Structure number i of a type; NULL: none. */
static const struct structure *nth(const struct fixture *f, unsigned type, unsigned i)
{
	for (unsigned k = 0; k < f->nr; k++)
		if (f->structures[k].p[0] == type && i-- == 0)
			return &f->structures[k];
	return NULL;
}

/* The text that a byte of the formatted part stands for; "" for none. */
static const char *text(const struct structure *s, unsigned offset)
{
	assert_non_null(s);
	assert_true(offset < s->p[1]);
	unsigned number = s->p[offset];
	assert_true(number <= s->nr_strings);
	if (number == 0)
		return "";
	const char *string = (const char *)s->p + s->p[1];
	while (--number > 0)
		string += strlen(string) + 1;
	return string;
}

static void place__a_kernel_looks_there__and_no_other_table_is(void **state)
{
	(void)state;
	struct range own = { PLAN_SMBIOS_BASE, PLAN_SMBIOS_SIZE };
	struct range bios = { FIRST_BIOS_ADDRESS, MIB - FIRST_BIOS_ADDRESS };
	struct range reserved = { PLAN_FIRMWARE_BASE, PLAN_FIRMWARE_SIZE };
	struct range acpi = { PLAN_ACPI_BASE, PLAN_ACPI_SIZE };
	struct range mptable = { PLAN_MPTABLE_BASE, PLAN_MPTABLE_SIZE };
	assert_true(range_contains(bios, own));
	assert_true(range_contains(reserved, own));
	assert_false(range_overlaps(acpi, own));
	assert_false(range_overlaps(mptable, own));
	assert_int_equal(PLAN_SMBIOS_BASE % 16, 0);
}

static void structures__plain_plan__those_that_the_standard_requires(void **state)
{
	struct fixture *f = *state;
	static const unsigned types[] = { 0, 1, 3, 4, 16, 17, 19, 32, 127 };
	build(f);
	assert_int_equal(f->nr, ARRAY_SIZE(types));
	for (unsigned i = 0; i < f->nr; i++) {
		assert_int_equal(f->structures[i].p[0], types[i]);
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(
				get(f->structures[i].p + 2, 2), get(f->structures[k].p + 2, 2));
	}
}

static void system__nothing_given__no_strings_and_no_uuid(void **state)
{
	struct fixture *f = *state;
	f->plan.smbios.manufacturer = "";
	build(f);
	const struct structure *s = nth(f, 1, 0);
	assert_int_equal(s->p[1], 0x1b);
	assert_int_equal(s->nr_strings, 0);
	assert_int_equal(get(s->p + 8, 8) | get(s->p + 16, 8), 0);
	assert_int_equal(nth(f, 3, 0)->nr_strings, 0);
	assert_null(nth(f, 11, 0));
	assert_null(nth(f, 2, 0));
}

static void system__all_given__each_in_its_field(void **state)
{
	struct fixture *f = *state;
	f->plan.smbios = (struct plan_smbios){
		.manufacturer = "maker",
		.product = "product",
		.version = "version",
		.serial = "serial",
		.sku = "sku",
		.family = "family",
		.asset = "asset",
		.has_uuid = true,
		.uuid = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb,
			0xcc, 0xdd, 0xee, 0xff },
		.oem_strings = { "one", "two", "three" },
		.nr_oem_strings = 3,
	};
	build(f);
	const struct structure *s = nth(f, 1, 0);
	assert_string_equal(text(s, 4), "maker");
	assert_string_equal(text(s, 5), "product");
	assert_string_equal(text(s, 6), "version");
	assert_string_equal(text(s, 7), "serial");
	assert_string_equal(text(s, 0x19), "sku");
	assert_string_equal(text(s, 0x1a), "family");
	/* The first three fields of the UUID are little-endian. */
	static const uint8_t uuid[] = { 0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99,
		0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
	assert_memory_equal(s->p + 8, uuid, sizeof(uuid));
	s = nth(f, 3, 0);
	assert_string_equal(text(s, 4), "maker");
	assert_string_equal(text(s, 8), "asset");
	s = nth(f, 11, 0);
	assert_int_equal(s->p[4], 3);
	assert_int_equal(s->nr_strings, 3);
	assert_string_equal((const char *)s->p + 5, "one");
	assert_string_equal((const char *)s->p + 9, "two");
	assert_string_equal((const char *)s->p + 13, "three");
}

static void bios__hypervisor_hidden__no_virtual_machine(void **state)
{
	struct fixture *f = *state;
	build(f);
	assert_int_equal(nth(f, 0, 0)->p[0x13], 0);
	cpuid_put(&f->plan.cpu.table, 1, 0, false)->reg[CPUID_ECX] = UINT32_C(1) << 31;
	build(f);
	assert_int_equal(nth(f, 0, 0)->p[0x13], 1 << 4);
	/* Linux takes a machine of before 2010 for one that cannot do much. */
	assert_true(strcmp(text(nth(f, 0, 0), 8) + 6, "2020") > 0);
}

static void set_regs(
	struct fixture *f, uint32_t leaf, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	struct cpuid_entry *e = cpuid_put(&f->plan.cpu.table, leaf, 0, false);
	const uint32_t regs[] = { a, b, c, d };
	(void)memcpy(e->reg, regs, sizeof(regs));
}

static void processors__two_sockets__as_the_plan_and_cpuid_have_them(void **state)
{
	struct fixture *f = *state;
	f->plan.nr_vcpus = 12;
	for (unsigned i = 0; i < 12; i++)
		f->plan.vcpus[i] = (struct plan_vcpu){
			.apic_id = i, .socket = i / 6, .core = i / 2 % 3, .thread = i % 2
		};
	set_regs(f, 0, 0xd, 0x68747541, 0x444d4163, 0x69746e65);
	set_regs(f, 1, 0x00a20f12, 0, 0, 0x178bfbff);
	set_regs(f, 0x80000001, 0, 0, 0, UINT32_C(1) << 29);
	/* "  A\x01B", blanks, NULs. */
	set_regs(f, 0x80000002, 0x01412020, 0x20202042, 0x20202020, 0);
	build(f);
	for (unsigned i = 0; i < 2; i++) {
		char name[16];
		const struct structure *s = nth(f, 4, i);
		(void)snprintf(name, sizeof(name), "CPU %u", i);
		assert_string_equal(text(s, 4), name);
		assert_string_equal(text(s, 7), "AuthenticAMD");
		assert_string_equal(text(s, 0x10), "AB");
		assert_int_equal(get(s->p + 8, 4), 0x00a20f12);
		assert_int_equal(get(s->p + 12, 4), 0x178bfbff);
		assert_int_equal(s->p[0x23], 3);
		assert_int_equal(s->p[0x24], 3);
		assert_int_equal(s->p[0x25], 6);
		assert_int_equal(get(s->p + 0x2a, 2), 3);
		assert_int_equal(get(s->p + 0x2e, 2), 6);
		assert_int_equal(get(s->p + 0x26, 2), 1 << 2 | 1 << 3 | 1 << 4);
	}
	assert_null(nth(f, 4, 2));
}

static void processors__255_in_one_socket__the_byte_says_look_further(void **state)
{
	struct fixture *f = *state;
	f->plan.nr_vcpus = 255;
	for (unsigned i = 0; i < 255; i++)
		f->plan.vcpus[i] = (struct plan_vcpu){ .apic_id = i, .core = i };
	build(f);
	const struct structure *s = nth(f, 4, 0);
	assert_int_equal(s->p[0x23], 0xff);
	assert_int_equal(get(s->p + 0x2a, 2), 255);
	assert_int_equal(get(s->p + 0x2e, 2), 255);
	assert_int_equal(get(s->p + 0x26, 2), 1 << 3);
}

static void memory__any_size__as_the_plan_has_it(void **state)
{
	struct fixture *f = *state;
	static const uint64_t sizes[] = { 16 * MIB, 256 * MIB, 3 * GIB, 3 * GIB + MIB, 31 * GIB,
		32 * GIB - MIB, 32 * GIB, 1024 * GIB };
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t low = sizes[i] < PLAN_PCI_HOLE_BASE ? sizes[i] : PLAN_PCI_HOLE_BASE;
		f->plan.nr_ram = sizes[i] > low ? 2 : 1;
		f->plan.ram[0] = (struct plan_ram){ gpa(0), low, 0 };
		f->plan.ram[1] = (struct plan_ram){ gpa(PLAN_HIGH_RAM_BASE), sizes[i] - low, low };
		build(f);
		const struct structure *array = nth(f, 16, 0), *device = nth(f, 17, 0);
		uint64_t kib = get(array->p + 7, 4);
		assert_int_equal(kib == 0x80000000 ? get(array->p + 0xf, 8) : kib * KIB, sizes[i]);
		assert_int_equal(get(array->p + 0xd, 2), 1);
		uint64_t mib = get(device->p + 0xc, 2);
		assert_int_equal(
			mib == 0x7fff ? get(device->p + 0x1c, 4) * MIB : mib * MIB, sizes[i]);
		assert_int_equal(get(device->p + 4, 2), get(array->p + 2, 2));
		for (unsigned k = 0; k < f->plan.nr_ram; k++) {
			const struct structure *map = nth(f, 19, k);
			bool large = get(map->p + 4, 4) == UINT32_MAX;
			uint64_t first = large ? get(map->p + 0xf, 8) : get(map->p + 4, 4) * KIB;
			uint64_t end =
				large ? get(map->p + 0x17, 8) + 1 : (get(map->p + 8, 4) + 1) * KIB;
			assert_int_equal(first, f->plan.ram[k].base.v);
			assert_int_equal(end - first, f->plan.ram[k].size_bytes);
			assert_int_equal(get(map->p + 0xc, 2), get(array->p + 2, 2));
		}
		assert_null(nth(f, 19, f->plan.nr_ram));
	}
}

static void memory__beyond_4_tib__addresses_in_bytes(void **state)
{
	struct fixture *f = *state;
	f->plan.ram[0] = (struct plan_ram){ gpa(PLAN_HIGH_RAM_BASE), 4096 * GIB, 0 };
	build(f);
	const struct structure *map = nth(f, 19, 0);
	assert_int_equal(get(map->p + 4, 4), UINT32_MAX);
	assert_int_equal(get(map->p + 8, 4), UINT32_MAX);
	assert_int_equal(get(map->p + 0xf, 8), PLAN_HIGH_RAM_BASE);
	assert_int_equal(get(map->p + 0x17, 8), PLAN_HIGH_RAM_BASE + 4096 * GIB - 1);
}

/* The most that config and plan allow fits, and nothing is written behind it. */
static void area__most_of_all__fits(void **state)
{
	struct fixture *f = *state;
	static char oem[PLAN_MAX_OEM_STRINGS][256], plain[256];
	(void)memset(plain, 'p', 255);
	f->plan.smbios = (struct plan_smbios){ plain, plain, plain, plain, plain, plain, plain,
		.nr_oem_strings = PLAN_MAX_OEM_STRINGS };
	for (unsigned i = 0; i < PLAN_MAX_OEM_STRINGS; i++) {
		(void)memset(oem[i], 'o', 255);
		f->plan.smbios.oem_strings[i] = oem[i];
	}
	f->plan.nr_vcpus = PLAN_MAX_VCPUS;
	for (unsigned i = 0; i < PLAN_MAX_VCPUS; i++)
		f->plan.vcpus[i] = (struct plan_vcpu){ .apic_id = i, .socket = i };
	for (uint32_t leaf = 0x80000002; leaf <= 0x80000004; leaf++)
		set_regs(f, leaf, 0x42424242, 0x42424242, 0x42424242, 0x42424242);
	set_regs(f, 0, 0xd, 0x68747541, 0x444d4163, 0x69746e65);
	build(f);
	assert_non_null(nth(f, 4, 254));
	assert_int_equal(strlen(text(nth(f, 4, 254), 0x10)), 48);
	assert_int_equal(nth(f, 11, 0)->nr_strings, PLAN_MAX_OEM_STRINGS);
	for (size_t i = f->used; i < PLAN_SMBIOS_SIZE; i++)
		assert_int_equal(f->buf[i], 0xa5);
}

static void refused(struct fixture *f, const char *part)
{
	assert_int_equal(smbios_build(&f->plan, f->buf, &f->used, &f->err), -EINVAL);
	assert_int_equal(f->err.kind, ERR_BUG);
	assert_contains(f->err.msg, part);
	assert_int_equal(f->buf[0], 0xa5);
}

static void build__impossible_plan__a_bug(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = { "a\nb", "\x1b[31m", "\x7f", "caf\xc3\xa9" };
	f->plan.nr_vcpus = 0;
	refused(f, "0 vCPUs");
	f->plan.nr_vcpus = 1;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		f->plan.smbios = (struct plan_smbios){ .asset = bad[i] };
		refused(f, "printable");
		f->plan.smbios =
			(struct plan_smbios){ .oem_strings = { "a", bad[i] }, .nr_oem_strings = 2 };
		refused(f, "printable");
	}
	f->plan.smbios = (struct plan_smbios){ .oem_strings = { "" }, .nr_oem_strings = 1 };
	refused(f, "empty");
	f->plan.smbios.nr_oem_strings = PLAN_MAX_OEM_STRINGS + 1;
	refused(f, "past its arrays");
}

static void build__strings_too_long_for_the_area__says_how_large_it_is(void **state)
{
	struct fixture *f = *state;
	char *huge = malloc(PLAN_SMBIOS_SIZE);
	assert_non_null(huge);
	(void)memset(huge, 'h', PLAN_SMBIOS_SIZE - 1);
	huge[PLAN_SMBIOS_SIZE - 1] = '\0';
	f->plan.smbios.serial = huge;
	assert_int_equal(smbios_build(&f->plan, f->buf, &f->used, &f->err), -ENOSPC);
	assert_contains(f->err.msg, "0xd000 bytes");
	assert_int_equal(f->err.kind, ERR_BUG);
	free(huge);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(place__a_kernel_looks_there__and_no_other_table_is),
		T(structures__plain_plan__those_that_the_standard_requires),
		T(system__nothing_given__no_strings_and_no_uuid),
		T(system__all_given__each_in_its_field),
		T(bios__hypervisor_hidden__no_virtual_machine),
		T(processors__two_sockets__as_the_plan_and_cpuid_have_them),
		T(processors__255_in_one_socket__the_byte_says_look_further),
		T(memory__any_size__as_the_plan_has_it),
		T(memory__beyond_4_tib__addresses_in_bytes),
		T(area__most_of_all__fits),
		T(build__impossible_plan__a_bug),
		T(build__strings_too_long_for_the_area__says_how_large_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
