/* SPDX-License-Identifier: MIT */
#include "plan/plan.h"

#include "base/uuid.h"

#include "nesting/nesting.h"
#include "plan/cpu.h"
#include "plan/devices.h"
#include "plan/interrupts.h"
#include "plan/shape.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What plan_shape() found, as vCPUs with their APIC IDs. */
static int plan_vcpus(const struct vm_config *config, const struct host_facts *host,
	struct machine_plan *plan, struct err *e)
{
	struct policy_topology shape;
	int rc = plan_shape(config, host, &shape, e);
	if (rc)
		return rc;
	unsigned vcpus = shape.sockets * shape.dies * shape.cores * shape.threads;
	if (vcpus > host->max_vcpus)
		return err_set(e, -E2BIG, "cpu.vcpus = %u, but this host's KVM allows %u in a VM",
			vcpus, host->max_vcpus);
	struct cpu_topology t =
		cpu_topology_make(shape.sockets, shape.dies, shape.cores, shape.threads);
	plan->nr_vcpus = vcpus;
	for (unsigned i = 0; i < vcpus; i++) {
		struct cpu_place place = cpu_topology_place(&t, i);
		if (place.apic_id >= host->max_vcpu_id)
			return err_set(e, -E2BIG,
				"cpu: this topology gives vCPU %u the APIC ID %u, but this host's "
				"KVM allows IDs "
				"below %u",
				i, place.apic_id, host->max_vcpu_id);
		plan->vcpus[i] = (struct plan_vcpu){
			.apic_id = place.apic_id,
			.socket = place.socket,
			.die = place.die,
			.core = place.core,
			.thread = place.thread,
			.host_cpu = config->cpu.nr_pinning ? (int)config->cpu.pinning[i] : -1,
		};
	}
	return 0;
}

unsigned plan_ram_layout(const struct vm_config *config, struct plan_ram *ret_ram)
{
	uint64_t size = config->memory.size_bytes;
	uint64_t low = size < PLAN_PCI_HOLE_BASE ? size : PLAN_PCI_HOLE_BASE;
	ret_ram[0] = (struct plan_ram){ .base = gpa(0), .size_bytes = low };
	if (low == size)
		return 1;
	ret_ram[1] = (struct plan_ram){
		.base = gpa(PLAN_HIGH_RAM_BASE), .size_bytes = size - low, .file_offset = low
	};
	return 2;
}

static int plan_ram(const struct vm_config *config, struct machine_plan *plan, struct err *e)
{
	plan->nr_ram = plan_ram_layout(config, plan->ram);
	const struct plan_ram *last = &plan->ram[plan->nr_ram - 1];
	uint64_t end = last->base.v + last->size_bytes;
	if (plan->phys_bits < 64 && end > UINT64_C(1) << plan->phys_bits)
		return err_set(e, -E2BIG,
			"memory.size: RAM would end at %#" PRIx64
			", past the guest's %u physical address bits",
			end, plan->phys_bits);
	return 0;
}

static void add_e820(struct e820_map *map, uint64_t base, uint64_t end, enum e820_type type)
{
	map->entries[map->nr_entries++] = (struct e820_entry){ base, end - base, type };
}

static void plan_e820(struct machine_plan *plan)
{
	struct e820_map *map = &plan->e820;
	add_e820(map, 0, PLAN_EBDA_BASE, E820_RAM);
	add_e820(map, PLAN_EBDA_BASE, 0xa0000, E820_RESERVED);
	/* Reserved, not "ACPI reclaimable": the FACS is here, which is never given back
	 * (ACPI 5.2.10). */
	add_e820(map, PLAN_FIRMWARE_BASE, PLAN_FIRMWARE_BASE + PLAN_FIRMWARE_SIZE, E820_RESERVED);
	add_e820(map, MIB, plan->ram[0].size_bytes, E820_RAM);
	/* The APICs, and KVM's own pages below 4 GiB. */
	add_e820(map, PLAN_TSS_BASE & ~UINT64_C(0xffff), PLAN_HIGH_RAM_BASE, E820_RESERVED);
	if (plan->nr_ram > 1)
		add_e820(map, PLAN_HIGH_RAM_BASE, PLAN_HIGH_RAM_BASE + plan->ram[1].size_bytes,
			E820_RAM);
}

static void fill_devices(const struct vm_config *config, struct machine_plan *plan)
{
	plan->nr_devices = plan_devices(config, plan->devices);
	plan->nr_serials = 0;
	for (unsigned i = 0; i < plan->nr_devices && plan->nr_serials < PLAN_MAX_SERIALS; i++) {
		const struct plan_device *d = &plan->devices[i];
		if (d->kind == PLAN_SERIAL)
			plan->serials[plan->nr_serials++] = (struct plan_serial){
				.port = (uint16_t)d->regions[0].range.base,
				.gsi = (unsigned)d->gsi,
			};
	}
	plan->split_irqchip = config->machine.irqchip == IRQCHIP_SPLIT;
	plan->legacy_pic_pit = !plan->split_irqchip;
}

_Static_assert(PLAN_MAX_OEM_STRINGS == CONFIG_MAX_OEM_STRINGS, "each has its place");
_Static_assert(PLAN_MAX_SERIALS == CONFIG_MAX_SERIALS, "likewise");
_Static_assert(PLAN_MAX_VCPUS == CONFIG_MAX_VCPUS, "likewise");

static void plan_smbios(const struct vm_config *config, struct machine_plan *plan)
{
	const struct config_texts *strings = &config->smbios.oem_strings;
	struct plan_smbios *s = &plan->smbios;
	*s = (struct plan_smbios){
		.manufacturer = config->smbios.manufacturer,
		.product = config->smbios.product,
		.version = config->smbios.version,
		.serial = config->smbios.serial,
		.sku = config->smbios.sku,
		.family = config->smbios.family,
		.asset = config->smbios.asset,
	};
	s->has_uuid = config->smbios.uuid && uuid_parse(config->smbios.uuid, s->uuid);
	for (size_t i = 0; i < strings->n && i < PLAN_MAX_OEM_STRINGS; i++)
		s->oem_strings[s->nr_oem_strings++] = strings->items[i].text;
}

int plan_machine(const struct vm_config *config, const struct cpu_policy *policy,
	const struct host_facts *host, struct cpu_trace *trace, struct machine_plan *ret_plan,
	struct err *e)
{
	bool expose = config->nesting.expose_virtualization_extensions;
	struct machine_plan *plan = ret_plan;
	struct cpu_policy own = policy ? *policy : (struct cpu_policy){ 0 };
	memset(plan, 0, offsetof(struct machine_plan, cpu.notes));
	plan->expose_extensions = expose;

	int rc = nesting_check(host, expose, e);
	if (rc)
		return err_wrap(e, rc, "nesting.expose_virtualization_extensions = true");
	if (config->machine.irqchip == IRQCHIP_SPLIT && !host->split_irqchip)
		return err_set(e, -ENOTSUP,
			"machine.irqchip = \"split\": this host's KVM has no "
			"KVM_CAP_SPLIT_IRQCHIP");
	rc = plan_shape(config, host, &own.topology, e);
	if (rc == 0)
		rc = plan_vcpus(config, host, plan, e);
	if (rc == 0)
		rc = plan_cpu(config, &own, host, trace, plan, e);
	if (rc)
		return rc;
	plan->phys_bits = plan->cpu.phys_bits;
	plan->tsc_khz = plan->cpu.tsc_khz;
	rc = plan_ram(config, plan, e);
	if (rc)
		return rc;
	plan_e820(plan);
	fill_devices(config, plan);
	plan_smbios(config, plan);
	rc = msr_policy_firmware(&plan->cpu.msrs, e);
	return rc ? rc
		  : msr_filter_compile(&plan->cpu.msrs, host->user_space_msr, &plan->filter, e);
}

int plan_foresee_filter(const struct vm_config *config, struct msr_filter *ret_filter,
	bool *ret_foreseen, struct err *e)
{
	*ret_filter = (struct msr_filter){ 0 };
	*ret_foreseen = false;
	if (config->nesting.expose_virtualization_extensions || config->msr.nr_rules > 0 ||
		config->msr.fallback != MSR_DEFAULT_KVM)
		return 0;
	struct msr_policy *policy = calloc(1, sizeof(*policy));
	if (!policy)
		return err_set(e, -ENOMEM, "out of memory");
	int rc = nesting_apply_msrs(/* expose */ false, /* table */ NULL, policy, e);
	if (rc == 0)
		rc = msr_filter_compile(policy, /* user_space_msr */ false, ret_filter, e);
	free(policy);
	*ret_foreseen = rc == 0;
	return rc;
}

bool plan_foresee_short_ids(const struct vm_config *config)
{
	/* Dies, cores and threads are numbered in whole bits, so each of the three can double the
	 * range at most. With threads as the host has them, the number may not be known yet. */
	const uint64_t vcpus = config->cpu.vcpus;
	return vcpus > 0 && vcpus * 2 * 2 * 2 <= PLAN_LAST_XAPIC_ID;
}

void machine_plan_done(struct machine_plan *plan)
{
	msr_filter_done(&plan->filter);
}

int plan_vcpu_cpuid_traced(const struct machine_plan *plan, unsigned i, struct cpu_trace *trace,
	struct cpuid_table *ret_table, struct err *e)
{
	return cpu_result_vcpu(&plan->cpu, i, trace, ret_table, e);
}

int plan_vcpu_cpuid(
	const struct machine_plan *plan, unsigned i, struct cpuid_table *ret_table, struct err *e)
{
	return plan_vcpu_cpuid_traced(plan, i, /* trace */ NULL, ret_table, e);
}
