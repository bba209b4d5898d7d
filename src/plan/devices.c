/* SPDX-License-Identifier: MIT */
#include "plan/devices.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define PORT_SPACE ((struct range){ 0, 0x10000 })

#define PORTS(base, n)                                                                             \
	{                                                                                          \
		PLAN_PIO,                                                                          \
		{                                                                                  \
			(base), (n)                                                                \
		}                                                                                  \
	}
#define MMIO(base, n)                                                                              \
	{                                                                                          \
		PLAN_MMIO,                                                                         \
		{                                                                                  \
			(base), (n)                                                                \
		}                                                                                  \
	}

enum presence {
	ALWAYS,
	WITH_KERNEL_IRQCHIP, /* KVM_CREATE_IRQCHIP and KVM_CREATE_PIT2 make it */
	WITH_SPLIT_IRQCHIP,
	PER_SERIAL, /* [[serial]] */
	AT_PORT,    /* where the config says, if it has it */
};

#define AT(field) offsetof(struct vm_config, field)

/*
 * What every machine has, and what may be asked for. KVM's ranges: the Linux kernel's
 * arch/x86/kvm, kvm_pic_init(), kvm_create_pit(), IOAPIC_MEM_LENGTH and LAPIC_MMIO_LENGTH; the
 * speaker's port is KVM's by KVM_PIT_SPEAKER_DUMMY.
 */
static const struct {
	const char *name;
	enum presence presence;
	bool of_kvm, has_gsi;
	int gsi;
	struct plan_region regions[PLAN_DEVICE_REGIONS];
	/* AT_PORT: the key of the port, and where bool and uint64_t are. */
	const char *key;
	size_t enabled, port;
} kinds[] = {
	[PLAN_LAPIC] = {
		.name = "the local APICs",
		.of_kvm = true,
		.regions = { MMIO(PLAN_LAPIC_BASE, 0x1000) },
	},
	[PLAN_KVM_PAGES] = {
		.name = "KVM's pages for real mode",
		.of_kvm = true,
		.regions = { MMIO(PLAN_IDENTITY_MAP_BASE, 0x1000), MMIO(PLAN_TSS_BASE, 0x3000) },
	},
	[PLAN_KVM_IOAPIC] = {
		.name = "the I/O APIC",
		.presence = WITH_KERNEL_IRQCHIP,
		.of_kvm = true,
		.regions = { MMIO(PLAN_IOAPIC_BASE, 0x100) },
	},
	[PLAN_PIC] = {
		.name = "the 8259 pair",
		.presence = WITH_KERNEL_IRQCHIP,
		.of_kvm = true,
		/* The last: edge or level, per input. */
		.regions = { PORTS(0x20, 2), PORTS(0xa0, 2), PORTS(0x4d0, 2) },
	},
	[PLAN_PIT] = {
		.name = "the 8254",
		.presence = WITH_KERNEL_IRQCHIP,
		.of_kvm = true,
		.has_gsi = true,
		.gsi = 0,
		.regions = { PORTS(0x40, 4), PORTS(0x61, 1) },
	},
	[PLAN_IOAPIC] = {
		.name = "the I/O APIC",
		.presence = WITH_SPLIT_IRQCHIP,
		.regions = { MMIO(PLAN_IOAPIC_BASE, 0x1000) },
	},
	[PLAN_SERIAL] = { .name = "COM", .presence = PER_SERIAL },
	[PLAN_RTC] = {
		.name = "the RTC",
		.has_gsi = true,
		.gsi = PLAN_GSI_RTC,
		.regions = { PORTS(PLAN_PORT_RTC, 2) },
	},
	[PLAN_ACPI_PM] = {
		.name = "the ACPI registers",
		.has_gsi = true,
		.gsi = PLAN_GSI_SCI,
		.regions = { PORTS(PLAN_PORT_PM1A_EVENT, 4), PORTS(PLAN_PORT_PM1A_CONTROL, 2),
			PORTS(PLAN_PORT_PM_TIMER, 4), PORTS(PLAN_PORT_RESET & ~3, 4) },
	},
	[PLAN_I8042] = {
		.name = "the i8042",
		.regions = { PORTS(PLAN_PORT_I8042_DATA, 1), PORTS(PLAN_PORT_I8042_COMMAND, 1),
			PORTS(PLAN_PORT_FAST_A20, 1) },
	},
	[PLAN_PVPANIC] = { .name = "pvpanic", .regions = { PORTS(PLAN_PORT_PVPANIC, 1) } },
	[PLAN_POST_CODE] = { .name = "the POST code", .regions = { PORTS(PLAN_PORT_POST_CODE, 1) } },
	[PLAN_DEBUG_EXIT] = {
		.name = "the debug exit",
		.presence = AT_PORT,
		.key = "debug_exit.port",
		.enabled = AT(debug_exit.enabled),
		.port = AT(debug_exit.port),
	},
	[PLAN_DEBUG_CONSOLE] = {
		.name = "the debug console",
		.presence = AT_PORT,
		.key = "debug_console.port",
		.enabled = AT(debug_console.enabled),
		.port = AT(debug_console.port),
	},
};

static const struct {
	const char *key;
	uint16_t port;
	int gsi; /* none shared, so edges never merge */
} com_ports[PLAN_MAX_SERIALS] = {
	{ "serial[0]", 0x3f8, 4 },
	{ "serial[1]", 0x2f8, 3 },
	{ "serial[2]", 0x3e8, 5 },
	{ "serial[3]", 0x2e8, 7 },
};

struct list {
	struct plan_device *devices;
	unsigned n;
};

static struct plan_device *add(struct list *l, enum plan_device_kind kind, unsigned id)
{
	struct plan_device *d = &l->devices[l->n++];
	*d = (struct plan_device){ .kind = kind,
		.id = id,
		.of_kvm = kinds[kind].of_kvm,
		.gsi = kinds[kind].has_gsi ? kinds[kind].gsi : -1 };
	(void)memcpy(d->regions, kinds[kind].regions, sizeof(d->regions));
	while (d->nr_regions < PLAN_DEVICE_REGIONS && d->regions[d->nr_regions].range.size > 0)
		d->nr_regions++;
	return d;
}

static void add_at_port(struct list *l, const struct vm_config *config, enum plan_device_kind kind)
{
	const char *base = (const char *)config;
	bool enabled;
	uint64_t port;
	(void)memcpy(&enabled, base + kinds[kind].enabled, sizeof(enabled));
	(void)memcpy(&port, base + kinds[kind].port, sizeof(port));
	if (!enabled)
		return;
	struct plan_device *d = add(l, kind, 0);
	d->key = kinds[kind].key;
	d->regions[d->nr_regions++] = (struct plan_region){ PLAN_PIO, { port, 1 } };
}

static void add_serials(struct list *l, const struct vm_config *config)
{
	for (unsigned i = 0; i < config->nr_serials && i < PLAN_MAX_SERIALS; i++) {
		struct plan_device *d = add(l, PLAN_SERIAL, i);
		d->key = com_ports[i].key;
		d->gsi = com_ports[i].gsi;
		d->regions[d->nr_regions++] =
			(struct plan_region){ PLAN_PIO, { com_ports[i].port, 8 } };
	}
}

unsigned plan_devices(const struct vm_config *config, struct plan_device ret[PLAN_MAX_DEVICES])
{
	_Static_assert(
		ARRAY_SIZE(kinds) + PLAN_MAX_SERIALS - 1 <= PLAN_MAX_DEVICES, "room for all");
	struct list l = { .devices = ret };
	bool split = config->machine.irqchip == IRQCHIP_SPLIT;
	for (unsigned kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		enum presence presence = kinds[kind].presence;
		if (presence == PER_SERIAL)
			add_serials(&l, config);
		else if (presence == AT_PORT)
			add_at_port(&l, config, (enum plan_device_kind)kind);
		else if (presence == ALWAYS || (presence == WITH_SPLIT_IRQCHIP) == split)
			(void)add(&l, (enum plan_device_kind)kind, 0);
	}
	return l.n;
}

const struct plan_device *plan_device_find(
	const struct machine_plan *plan, enum plan_device_kind kind, unsigned id)
{
	for (unsigned i = 0; i < plan->nr_devices; i++) {
		if (plan->devices[i].kind == kind && plan->devices[i].id == id)
			return &plan->devices[i];
	}
	return NULL;
}

char *plan_device_name(char text[PLAN_DEVICE_NAME_BYTES], const struct plan_device *device)
{
	const char *name = kinds[device->kind].name;
	if (device->kind == PLAN_SERIAL)
		(void)snprintf(text, PLAN_DEVICE_NAME_BYTES, "%s%u", name, device->id + 1);
	else
		(void)snprintf(text, PLAN_DEVICE_NAME_BYTES, "%s%s", name,
			device->of_kvm ? " (KVM's own)" : "");
	return text;
}

/* "port 0x3f8", "ports 0x3f8 to 0x3ff" */
static char *region_text(char text[80], const struct plan_region *r)
{
	const char *space = r->space == PLAN_PIO ? "port" : "address";
	const char *plural = r->space == PLAN_PIO ? "s" : "es";
	if (r->range.size <= 1)
		(void)snprintf(text, 80, "%s %#" PRIx64, space, r->range.base);
	else
		(void)snprintf(text, 80, "%s%s %#" PRIx64 " to %#" PRIx64, space, plural,
			r->range.base, r->range.base + (r->range.size - 1));
	return text;
}

static struct fault fault_of(
	const struct plan_device *device, const struct config *config, const char *id)
{
	const char *origin = config && device->key ? config_given(config, device->key) : NULL;
	return (struct fault){ id, device->key, origin, NULL };
}

static int refuse_overlap(const struct plan_device *device, const struct plan_region *r,
	const struct plan_device *other, const struct plan_region *taken,
	const struct config *config, struct err *e)
{
	char wanted[80], has[80], name[PLAN_DEVICE_NAME_BYTES], by[400] = "";
	const struct fault what = fault_of(device, config, "overlap");
	const char *origin = fault_of(other, config, "").origin;
	if (other->key)
		(void)snprintf(by, sizeof(by), ", by %s%s%s", other->key, origin ? " at " : "",
			origin ? origin : "");
	return err_fault(e, -EINVAL, &what, "%s is taken: %s has %s%s", region_text(wanted, r),
		plan_device_name(name, other), region_text(has, taken), by);
}

static int check_region(const struct plan_device *device, const struct plan_region *r,
	const struct config *config, struct err *e)
{
	char wanted[80];
	bool fits = r->range.size > 0 && range_valid(r->range) &&
		    (r->space == PLAN_MMIO || range_contains(PORT_SPACE, r->range));
	const struct fault what = fault_of(device, config, "out-of-range");
	return fits ? 0
		    : err_fault(e, -EINVAL, &what, "%s: the last port is 0xffff",
			      region_text(wanted, r));
}

/* The first region of each of two devices that the other overlaps. */
static bool find_overlap(const struct plan_device *a, const struct plan_device *b,
	const struct plan_region **ret_a, const struct plan_region **ret_b)
{
	for (unsigned i = 0; i < a->nr_regions; i++) {
		for (unsigned k = 0; k < b->nr_regions; k++) {
			*ret_a = &a->regions[i];
			*ret_b = &b->regions[k];
			if ((*ret_a)->space == (*ret_b)->space &&
				range_overlaps((*ret_a)->range, (*ret_b)->range))
				return true;
		}
	}
	return false;
}

/* Who is to go elsewhere: who has a key, by preference one that is given, else the later one. */
static bool asks_more(const struct plan_device *later, const struct plan_device *other,
	const struct config *config)
{
	bool later_given = config && later->key && config_given(config, later->key);
	bool other_given = config && other->key && config_given(config, other->key);
	if (later_given != other_given)
		return later_given;
	return later->key || !other->key;
}

int plan_devices_check(
	const struct plan_device *devices, unsigned n, const struct config *config, struct err *e)
{
	const struct plan_region *r = NULL, *taken = NULL;
	int rc = 0;
	for (unsigned i = 0; i < n; i++) {
		const struct plan_device *device = &devices[i];
		for (unsigned k = 0; k < device->nr_regions; k++) {
			int more = check_region(device, &device->regions[k], config, e);
			rc = rc ? rc : more;
		}
		for (unsigned k = 0; k < i; k++) {
			const struct plan_device *other = &devices[k];
			if (!find_overlap(device, other, &r, &taken))
				continue;
			rc = asks_more(device, other, config)
				     ? refuse_overlap(device, r, other, taken, config, e)
				     : refuse_overlap(other, taken, device, r, config, e);
		}
	}
	return rc;
}
