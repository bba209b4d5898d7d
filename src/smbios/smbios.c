/* SPDX-License-Identifier: MIT */
#include "smbios/smbios.h"

#include "base/byte_area.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define VERSION_MAJOR 3
#define VERSION_MINOR 0

/* Entry points (sections 5.2.1 and 5.2.2), each on a border of 16 bytes. */
#define ENTRY64_BYTES 24
#define ENTRY32_BYTES 31
#define ENTRY32_AT 32
#define ENTRY32_INTERMEDIATE 16 /* "_DMI_" and what follows has a checksum of its own */
#define STRUCTURES_AT 64

/* Section 7, by structure: its type and the bytes of its formatted part in version 3.0. */
enum { BIOS = 0, BIOS_BYTES = 0x18 };
enum { SYSTEM = 1, SYSTEM_BYTES = 0x1b };
enum { CHASSIS = 3, CHASSIS_BYTES = 0x16 };
enum { PROCESSOR = 4, PROCESSOR_BYTES = 0x30 };
enum { OEM_STRINGS = 11, OEM_STRINGS_BYTES = 0x05 };
enum { MEMORY_ARRAY = 16, MEMORY_ARRAY_BYTES = 0x17 };
enum { MEMORY_DEVICE = 17, MEMORY_DEVICE_BYTES = 0x28 };
enum { MAPPED_ADDRESS = 19, MAPPED_ADDRESS_BYTES = 0x1f };
enum { BOOT_STATUS = 32, BOOT_STATUS_BYTES = 0x0b };
enum { END_OF_TABLE = 127, END_OF_TABLE_BYTES = 0x04 };

#define NO_HANDLE 0xffffu
#define NOT_PROVIDED 0xfffeu
#define UNKNOWN_WIDTH 0xffffu

struct table {
	struct byte_area area;
	size_t begin; /* of the structure that is open */
	uint8_t nr_strings;
	unsigned nr_structures;
	size_t largest;
};

/* A handle is any number of the structure's own. */
static uint16_t handle_of(uint8_t type, unsigned i)
{
	return (uint16_t)(((unsigned)type << 9) + i);
}

/* The formatted part of a structure, all zero but for its header; NULL where it does not fit. */
static uint8_t *open_structure(struct table *t, uint8_t type, uint8_t n, unsigned i)
{
	t->begin = t->area.used;
	t->nr_strings = 0;
	t->nr_structures++;
	uint8_t *p = byte_area_append(&t->area, n);
	if (!p)
		return NULL;
	p[0] = type;
	p[1] = n;
	bytes_put(p + 2, handle_of(type, i), 2);
	return p;
}

/* The number that stands for a text in the formatted part: 0 for none. */
static uint8_t add_string(struct table *t, const char *text)
{
	if (!text || text[0] == '\0')
		return 0;
	size_t n = strlen(text) + 1;
	uint8_t *p = byte_area_take(&t->area, n);
	if (p)
		(void)memcpy(p, text, n);
	return ++t->nr_strings;
}

/* The set of strings ends with an empty one, and has two NULs where it is empty. */
static void close_structure(struct table *t)
{
	(void)byte_area_append(&t->area, t->nr_strings ? 1 : 2);
	if (t->area.used - t->begin > t->largest)
		t->largest = t->area.used - t->begin;
}

static bool shows_hypervisor(const struct machine_plan *plan)
{
	return cpuid_value(&plan->cpu.table, 1, 0, CPUID_ECX) >> 31;
}

/* There is none; but kernels take the date for the machine's, and an old one for an old machine. */
static void add_bios(struct table *t, const struct machine_plan *plan)
{
	uint8_t *p = open_structure(t, BIOS, BIOS_BYTES, 0);
	if (!p)
		return;
	p[0x04] = add_string(t, "nestor");
	bytes_put(p + 0x06, PLAN_FIRMWARE_BASE >> 4, 2); /* segment */
	p[0x08] = add_string(t, "01/01/2026");
	bytes_put(p + 0x0a, 1u << 3, 8); /* no list of characteristics */
	p[0x12] = 1u << 0;               /* ACPI */
	if (shows_hypervisor(plan))
		p[0x13] = 1u << 4;       /* the tables describe a virtual machine */
	(void)memset(p + 0x14, 0xff, 4); /* no releases of BIOS and embedded controller */
	close_structure(t);
}

static void add_system(struct table *t, const struct plan_smbios *s)
{
	uint8_t *p = open_structure(t, SYSTEM, SYSTEM_BYTES, 0);
	if (!p)
		return;
	p[0x04] = add_string(t, s->manufacturer);
	p[0x05] = add_string(t, s->product);
	p[0x06] = add_string(t, s->version);
	p[0x07] = add_string(t, s->serial);
	if (s->has_uuid) {
		/* Its first three fields are little-endian (section 7.2.1). */
		static const uint8_t from[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14,
			15 };
		for (size_t i = 0; i < sizeof(from); i++)
			p[0x08 + i] = s->uuid[from[i]];
	}
	p[0x18] = 0x06; /* woken by the power switch */
	p[0x19] = add_string(t, s->sku);
	p[0x1a] = add_string(t, s->family);
	close_structure(t);
}

static void add_chassis(struct table *t, const struct plan_smbios *s)
{
	uint8_t *p = open_structure(t, CHASSIS, CHASSIS_BYTES, 0);
	if (!p)
		return;
	p[0x04] = add_string(t, s->manufacturer);
	p[0x05] = 0x01; /* other */
	p[0x08] = add_string(t, s->asset);
	p[0x09] = p[0x0a] = p[0x0b] = 0x03; /* boot, power, heat: safe */
	p[0x0c] = 0x02;                     /* security: unknown */
	close_structure(t);
}

/* What CPUID has of the brand, without blanks around it and without what is not printable. */
static void brand_of(const struct cpuid_table *table, char text[49])
{
	size_t used = 0;
	for (unsigned i = 0; i < 12; i++) {
		uint32_t word = cpuid_value(
			table, 0x80000002 + i / 4, 0, (enum cpuid_reg)(CPUID_EAX + i % 4));
		for (unsigned k = 0; k < 4; k++) {
			char c = (char)(word >> (8 * k) & 0xff);
			if (c >= 0x20 && c <= 0x7e && (c != ' ' || used > 0))
				text[used++] = c;
		}
	}
	while (used > 0 && text[used - 1] == ' ')
		used--;
	text[used] = '\0';
}

static void vendor_of(const struct cpuid_table *table, char text[13])
{
	static const enum cpuid_reg order[] = { CPUID_EBX, CPUID_EDX, CPUID_ECX };
	for (unsigned i = 0; i < 12; i++) {
		uint32_t c = cpuid_value(table, 0, 0, order[i / 4]) >> (8 * (i % 4)) & 0xff;
		text[i] = (char)(c >= 0x20 && c <= 0x7e ? c : 0);
	}
	text[12] = '\0';
}

/* How many of anything a byte holds; 0xff says that the longer field holds it. */
static uint8_t byte_of(unsigned n)
{
	return n < 0xff ? (uint8_t)n : 0xff;
}

struct shape {
	unsigned sockets, cores, threads; /* cores and threads of a socket */
};

static struct shape shape_of(const struct machine_plan *plan)
{
	unsigned sockets = 1, threads = 1;
	for (unsigned i = 0; i < plan->nr_vcpus; i++) {
		const struct plan_vcpu *v = &plan->vcpus[i];
		sockets = v->socket >= sockets ? v->socket + 1 : sockets;
		threads = v->thread >= threads ? v->thread + 1 : threads;
	}
	unsigned of_socket = plan->nr_vcpus / sockets;
	return (struct shape){ sockets, of_socket / threads, of_socket };
}

static void add_processor(struct table *t, const struct machine_plan *plan,
	const struct shape *shape, unsigned socket)
{
	char designation[16], vendor[13], brand[49];
	const struct cpuid_table *table = &plan->cpu.table;
	uint8_t *p = open_structure(t, PROCESSOR, PROCESSOR_BYTES, socket);
	if (!p)
		return;
	(void)snprintf(designation, sizeof(designation), "CPU %u", socket);
	vendor_of(table, vendor);
	brand_of(table, brand);
	p[0x04] = add_string(t, designation);
	p[0x05] = 0x03; /* central processor */
	p[0x06] = 0x02; /* family: unknown */
	p[0x07] = add_string(t, vendor);
	bytes_put(p + 0x08, cpuid_value(table, 1, 0, CPUID_EAX), 4);
	bytes_put(p + 0x0c, cpuid_value(table, 1, 0, CPUID_EDX), 4);
	p[0x10] = add_string(t, brand);
	p[0x18] = 0x41; /* socket populated, processor enabled */
	p[0x19] = 0x01; /* upgrade: other */
	for (unsigned level = 0; level < 3; level++)
		bytes_put(p + 0x1a + (size_t)level * 2, NO_HANDLE, 2); /* caches: as CPUID says */
	p[0x23] = p[0x24] = byte_of(shape->cores);
	p[0x25] = byte_of(shape->threads);
	bool wide = cpuid_value(table, 0x80000001, 0, CPUID_EDX) >> 29 & 1;
	bytes_put(p + 0x26,
		(wide ? 1u << 2 : 0) | (shape->cores > 1 ? 1u << 3 : 0) |
			(shape->threads > shape->cores ? 1u << 4 : 0),
		2);
	bytes_put(p + 0x28, 0x02, 2);
	bytes_put(p + 0x2a, shape->cores, 2);
	bytes_put(p + 0x2c, shape->cores, 2);
	bytes_put(p + 0x2e, shape->threads, 2);
	close_structure(t);
}

static void add_oem_strings(struct table *t, const struct plan_smbios *s)
{
	uint8_t *p =
		s->nr_oem_strings ? open_structure(t, OEM_STRINGS, OEM_STRINGS_BYTES, 0) : NULL;
	if (!p)
		return;
	p[0x04] = (uint8_t)s->nr_oem_strings;
	for (unsigned i = 0; i < s->nr_oem_strings; i++)
		(void)add_string(t, s->oem_strings[i]);
	close_structure(t);
}

/* One array, and in it one device, of whatever size. */
static void add_memory(struct table *t, uint64_t bytes)
{
	uint8_t *p = open_structure(t, MEMORY_ARRAY, MEMORY_ARRAY_BYTES, 0);
	if (!p)
		return;
	p[0x04] = 0x03; /* on the system board */
	p[0x05] = 0x03; /* system memory */
	p[0x06] = 0x03; /* no error correction */
	uint64_t kib = bytes / KIB;
	bool large = kib >= 0x80000000;
	bytes_put(p + 0x07, large ? 0x80000000 : kib, 4);
	bytes_put(p + 0x0b, NOT_PROVIDED, 2); /* errors */
	bytes_put(p + 0x0d, 1, 2);            /* devices */
	bytes_put(p + 0x0f, large ? bytes : 0, 8);
	close_structure(t);

	p = open_structure(t, MEMORY_DEVICE, MEMORY_DEVICE_BYTES, 0);
	if (!p)
		return;
	uint64_t mib = bytes / MIB;
	large = mib >= 0x7fff;
	bytes_put(p + 0x04, handle_of(MEMORY_ARRAY, 0), 2);
	bytes_put(p + 0x06, NOT_PROVIDED, 2);
	bytes_put(p + 0x08, UNKNOWN_WIDTH, 2);
	bytes_put(p + 0x0a, UNKNOWN_WIDTH, 2);
	bytes_put(p + 0x0c, large ? 0x7fff : mib, 2);
	p[0x0e] = 0x09; /* DIMM */
	p[0x10] = add_string(t, "DIMM 0");
	p[0x12] = 0x07;                  /* RAM */
	bytes_put(p + 0x13, 1u << 1, 2); /* other */
	bytes_put(p + 0x1c, large ? mib : 0, 4);
	close_structure(t);
}

static void add_mapped_address(struct table *t, const struct plan_ram *ram, unsigned i)
{
	uint8_t *p = open_structure(t, MAPPED_ADDRESS, MAPPED_ADDRESS_BYTES, i);
	if (!p)
		return;
	uint64_t first = ram->base.v, last = ram->base.v + ram->size_bytes - 1;
	/* In KiB; where one of them does not fit, both are in the fields of bytes. */
	bool large = last / KIB >= UINT32_MAX;
	bytes_put(p + 0x04, large ? UINT32_MAX : first / KIB, 4);
	bytes_put(p + 0x08, large ? UINT32_MAX : last / KIB, 4);
	bytes_put(p + 0x0c, handle_of(MEMORY_ARRAY, 0), 2);
	p[0x0e] = 1; /* device of the array */
	bytes_put(p + 0x0f, large ? first : 0, 8);
	bytes_put(p + 0x17, large ? last : 0, 8);
	close_structure(t);
}

static void add_structures(struct table *t, const struct machine_plan *plan)
{
	struct shape shape = shape_of(plan);
	uint64_t bytes = 0;
	add_bios(t, plan);
	add_system(t, &plan->smbios);
	add_chassis(t, &plan->smbios);
	for (unsigned i = 0; i < shape.sockets; i++)
		add_processor(t, plan, &shape, i);
	add_oem_strings(t, &plan->smbios);
	for (unsigned i = 0; i < plan->nr_ram; i++)
		bytes += plan->ram[i].size_bytes;
	add_memory(t, bytes);
	for (unsigned i = 0; i < plan->nr_ram; i++)
		add_mapped_address(t, &plan->ram[i], i);
	if (open_structure(t, BOOT_STATUS, BOOT_STATUS_BYTES, 0)) /* no errors */
		close_structure(t);
	if (open_structure(t, END_OF_TABLE, END_OF_TABLE_BYTES, 0))
		close_structure(t);
}

static void fill_entry_points(uint8_t *buf, const struct table *t)
{
	uint64_t address = t->area.base + STRUCTURES_AT;
	size_t bytes = t->area.used - STRUCTURES_AT;
	uint8_t *p = buf;
	(void)memcpy(p, "_SM3_", 5);
	p[0x06] = ENTRY64_BYTES;
	p[0x07] = VERSION_MAJOR;
	p[0x08] = VERSION_MINOR;
	p[0x0a] = 1; /* revision of the entry point */
	bytes_put(p + 0x0c, bytes, 4);
	bytes_put(p + 0x10, address, 8);
	bytes_checksum(p, ENTRY64_BYTES, 0x05);

	p = buf + ENTRY32_AT;
	(void)memcpy(p, "_SM_", 4);
	p[0x05] = ENTRY32_BYTES;
	p[0x06] = VERSION_MAJOR;
	p[0x07] = VERSION_MINOR;
	bytes_put(p + 0x08, t->largest, 2);
	(void)memcpy(p + 0x10, "_DMI_", 5);
	bytes_put(p + 0x16, bytes, 2);
	bytes_put(p + 0x18, address, 4);
	bytes_put(p + 0x1c, t->nr_structures, 2);
	p[0x1e] = VERSION_MAJOR << 4 | VERSION_MINOR;
	bytes_checksum(p + ENTRY32_INTERMEDIATE, ENTRY32_BYTES - ENTRY32_INTERMEDIATE, 0x05);
	bytes_checksum(p, ENTRY32_BYTES, 0x04);
}

static bool is_plain(const char *text)
{
	for (; text && *text != '\0'; text++) {
		if (*text < 0x20 || *text > 0x7e)
			return false;
	}
	return true;
}

static int check_plan(const struct machine_plan *plan, struct err *e)
{
	const struct plan_smbios *s = &plan->smbios;
	const char *const texts[] = { s->manufacturer, s->product, s->version, s->serial, s->sku,
		s->family, s->asset };
	if (plan->nr_vcpus < 1 || plan->nr_vcpus > PLAN_MAX_VCPUS)
		return err_set(e, -EINVAL, "SMBIOS tables: the plan has %u vCPUs, not 1 to %d",
			plan->nr_vcpus, PLAN_MAX_VCPUS);
	if (plan->nr_ram > PLAN_MAX_RAM || s->nr_oem_strings > PLAN_MAX_OEM_STRINGS)
		return err_set(e, -EINVAL, "SMBIOS tables: the plan counts past its arrays");
	bool plain = true;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		plain = plain && is_plain(texts[i]);
	/* An empty one would end the set of strings. */
	for (unsigned i = 0; i < s->nr_oem_strings; i++)
		plain = plain && s->oem_strings[i] && s->oem_strings[i][0] != '\0' &&
			is_plain(s->oem_strings[i]);
	return plain ? 0
		     : err_set(e, -EINVAL,
			       "SMBIOS tables: a string of the plan is not printable ASCII, or "
			       "empty");
}

int smbios_build(const struct machine_plan *plan, uint8_t *buf, size_t *ret_used, struct err *e)
{
	struct table t = {
		.area = { .bytes = buf, .size = PLAN_SMBIOS_SIZE, .base = PLAN_SMBIOS_BASE }
	};
	int rc = check_plan(plan, e);
	if (rc == 0) {
		(void)byte_area_append(&t.area, STRUCTURES_AT);
		add_structures(&t, plan);
		if (t.area.full)
			rc = err_set(e, -ENOSPC,
				"the SMBIOS tables do not fit into %#" PRIx64 " bytes",
				PLAN_SMBIOS_SIZE);
	}
	if (rc < 0) {
		if (e)
			e->kind = ERR_BUG;
		return rc;
	}
	fill_entry_points(buf, &t);
	*ret_used = t.area.used;
	return 0;
}
