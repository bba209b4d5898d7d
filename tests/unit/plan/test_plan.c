/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"
#include "fake/hosts.h"
#include "fake/msr_filter.h"

#include "acpi/acpi.h"
#include "nesting/nesting.h"
#include "plan/plan.h"

#include <errno.h>
#include <stdlib.h>

struct fixture {
	struct vm_config config;
	struct host_facts host;
	struct machine_plan plan;
	struct err e;
};

/* What config_finish makes of an empty file. */
static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	f->config.memory.size_bytes = 256 * MIB;
	f->config.cpu.vcpus = 1;
	f->config.nr_serials = 1;
	f->config.debug_exit.enabled = true;
	f->config.debug_exit.port = 0xf4;
	f->config.debug_console.enabled = true;
	f->config.debug_console.port = 0xe9;
	host_intel(&f->host, true);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	machine_plan_done(&f->plan);
	free(f);
	return 0;
}

static int plan(struct fixture *f)
{
	machine_plan_done(&f->plan);
	f->e = (struct err)ERR_INIT;
	return plan_machine(
		&f->config, /* policy */ NULL, &f->host, /* trace */ NULL, &f->plan, &f->e);
}

/* Sorted, not overlapping, RAM entries within the planned RAM and out of what is never RAM. */
static void check_e820(const struct machine_plan *p)
{
	static const struct range never_ram[] = {
		{ PLAN_EBDA_BASE, MIB - PLAN_EBDA_BASE },
		{ PLAN_PCI_HOLE_BASE, PLAN_HIGH_RAM_BASE - PLAN_PCI_HOLE_BASE },
	};
	uint64_t end = 0;
	for (unsigned i = 0; i < p->e820.nr_entries; i++) {
		const struct e820_entry *entry = &p->e820.entries[i];
		struct range r = { entry->base, entry->size_bytes };
		assert_true(entry->size_bytes > 0 && entry->base >= end && range_valid(r));
		end = entry->base + entry->size_bytes;
		if (entry->type != E820_RAM)
			continue;
		bool in_ram = false;
		for (unsigned j = 0; j < p->nr_ram; j++) {
			struct range ram = { p->ram[j].base.v, p->ram[j].size_bytes };
			in_ram = in_ram || range_contains(ram, r);
		}
		assert_true(in_ram);
		for (size_t j = 0; j < ARRAY_SIZE(never_ram); j++)
			assert_false(range_overlaps(never_ram[j], r));
	}
}

static uint64_t e820_ram_end(const struct machine_plan *p)
{
	uint64_t end = 0;
	for (unsigned i = 0; i < p->e820.nr_entries; i++) {
		if (p->e820.entries[i].type == E820_RAM)
			end = p->e820.entries[i].base + p->e820.entries[i].size_bytes;
	}
	return end;
}

static void check_ram(struct fixture *f, uint64_t size, uint64_t low, uint64_t high)
{
	f->config.memory.size_bytes = size;
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.nr_ram, high ? 2 : 1);
	assert_int_equal(f->plan.ram[0].base.v, 0);
	assert_int_equal(f->plan.ram[0].size_bytes, low);
	assert_int_equal(f->plan.ram[0].file_offset, 0);
	check_e820(&f->plan);
	assert_int_equal(e820_ram_end(&f->plan), high ? 4 * GIB + high : low);
	if (!high)
		return;
	assert_int_equal(f->plan.ram[1].base.v, 4 * GIB);
	assert_int_equal(f->plan.ram[1].size_bytes, high);
	assert_int_equal(f->plan.ram[1].file_offset, low);
}

static void plan_machine__ram_up_to_3_gib__is_one_bank(void **state)
{
	check_ram(*state, 16 * MIB, 16 * MIB, 0);
	check_ram(*state, GIB, GIB, 0);
	check_ram(*state, 3 * GIB, 3 * GIB, 0);
}

static void plan_machine__ram_above_3_gib__goes_on_at_4_gib(void **state)
{
	check_ram(*state, 3 * GIB + 4096, 3 * GIB, 4096);
	check_ram(*state, 6 * GIB, 3 * GIB, 3 * GIB);
	check_ram(*state, 1024 * GIB, 3 * GIB, 1021 * GIB);
}

static void set_phys_bits(struct fixture *f, uint32_t bits)
{
	cpuid_find(&f->host.supported, 0x80000008, 0)->reg[CPUID_EAX] = 0x3000 | bits;
}

static void plan_machine__ram_just_within_phys_bits__accepted(void **state)
{
	struct fixture *f = *state;
	set_phys_bits(f, 36);
	check_ram(f, 63 * GIB, 3 * GIB, 60 * GIB);
	assert_int_equal(f->plan.phys_bits, 36);
}

static void plan_machine__ram_past_phys_bits__refused(void **state)
{
	struct fixture *f = *state;
	set_phys_bits(f, 36);
	f->config.memory.size_bytes = 63 * GIB + 4096;
	assert_int_equal(plan(f), -E2BIG);
	assert_int_equal(f->e.kind, ERR_HOST);
	assert_contains(f->e.msg, "memory.size");
	assert_contains(f->e.msg, "36 physical address bits");
}

static void plan_machine__only_a_count__makes_cores_of_one_socket(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 6;
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.nr_vcpus, 6);
	assert_int_equal(f->plan.cpu.topology.cores, 6);
	assert_int_equal(f->plan.vcpus[5].core, 5);
	assert_int_equal(f->plan.vcpus[5].host_cpu, -1);
}

static void plan_machine__pinning__follows_the_config(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 2;
	f->config.cpu.nr_pinning = 2;
	f->config.cpu.pinning[0] = 7;
	f->config.cpu.pinning[1] = 3;
	assert_int_equal(plan(f), 0);
	assert_int_equal(f->plan.vcpus[0].host_cpu, 7);
	assert_int_equal(f->plan.vcpus[1].host_cpu, 3);
}

static void plan_machine__topology_that_is_not_the_count__refused(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 8;
	f->config.cpu.sockets = 3;
	assert_int_equal(plan(f), -EINVAL);
	assert_contains(f->e.msg, "8 vCPUs");
	f->config.cpu.sockets = 0;
	f->config.cpu.vcpus = 256;
	assert_int_equal(plan(f), -EINVAL);
	f->config.cpu.vcpus = 0;
	assert_int_equal(plan(f), -EINVAL);
	f->config.cpu.vcpus = 1;
	f->config.cpu.threads = 2; /* no whole core */
	assert_int_equal(plan(f), -EINVAL);
}

static void plan_machine__more_vcpus_than_kvm_allows__refused(void **state)
{
	struct fixture *f = *state;
	f->host.max_vcpus = 4;
	f->config.cpu.vcpus = 5;
	assert_int_equal(plan(f), -E2BIG);
	assert_int_equal(f->e.kind, ERR_HOST);
	assert_contains(f->e.msg, "cpu.vcpus = 5");
	assert_contains(f->e.msg, "allows 4");
	f->config.cpu.vcpus = 4;
	assert_int_equal(plan(f), 0);
}

static void plan_machine__apic_id_past_the_limit__refused(void **state)
{
	struct fixture *f = *state;
	f->host.max_vcpu_id = 12;
	f->config.cpu.vcpus = 9;
	f->config.cpu.sockets = 3; /* 3 cores take 2 bits: the last vCPU has ID 10 */
	assert_int_equal(plan(f), 0);
	f->host.max_vcpu_id = 10;
	assert_int_equal(plan(f), -E2BIG);
	assert_contains(f->e.msg, "vCPU 8 the APIC ID 10");
	assert_contains(f->e.msg, "below 10");
}

static void plan_machine__knob_on_a_host_without__refused(void **state)
{
	struct fixture *f = *state;
	host_intel(&f->host, false);
	f->config.nesting.expose_virtualization_extensions = true;
	assert_int_equal(plan(f), -ENOTSUP);
	assert_int_equal(f->e.kind, ERR_HOST);
	assert_contains(f->e.msg, "nesting.expose_virtualization_extensions = true");
	assert_true(f->e.hint[0] != '\0');
}

static void plan_machine__knob_on__vmx_is_shown_and_only_msrs_of_svm_denied(void **state)
{
	struct fixture *f = *state;
	f->config.nesting.expose_virtualization_extensions = true;
	assert_int_equal(plan(f), 0);
	assert_true(f->plan.expose_extensions);
	assert_true(cpuid_has_vmx(&f->plan.cpu.table));
	uint64_t control = 0;
	assert_int_equal(f->plan.cpu.msrs.nr_rules, 1);
	assert_int_equal(f->plan.cpu.msrs.rules[0].first, 0xc0010114);
	assert_int_equal(f->plan.cpu.msrs.rules[0].last, 0xc0010118);
	assert_true(msr_policy_get(&f->plan.cpu.msrs, MSR_IA32_FEATURE_CONTROL, &control));
	assert_int_equal(control, 5);
}

static void plan_machine__knob_off__extensions_are_hidden_and_msrs_denied(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(plan(f), 0);
	assert_false(f->plan.expose_extensions);
	assert_false(cpuid_has_vmx(&f->plan.cpu.table));
	assert_int_equal(f->plan.cpu.msrs.nr_rules, 3);
	assert_int_equal(f->plan.cpu.msrs.nr_set, 2);
	assert_false(msr_filter_passes(&f->plan.filter, MSR_IA32_VMX_BASIC, false));
	assert_true(msr_filter_passes(&f->plan.filter, MSR_IA32_MISC_ENABLE, true));
}

static void plan_machine__split_irqchip__needs_the_capability(void **state)
{
	struct fixture *f = *state;
	f->config.machine.irqchip = IRQCHIP_SPLIT;
	assert_int_equal(plan(f), 0);
	assert_true(f->plan.split_irqchip);
	assert_false(f->plan.legacy_pic_pit);
	f->host.split_irqchip = false;
	assert_int_equal(plan(f), -ENOTSUP);
	assert_contains(f->e.msg, "KVM_CAP_SPLIT_IRQCHIP");
	f->config.machine.irqchip = IRQCHIP_KERNEL;
	assert_int_equal(plan(f), 0);
	assert_true(f->plan.legacy_pic_pit);
}

static void plan_machine__four_serials__have_the_pcs_ports_and_own_gsis(void **state)
{
	struct fixture *f = *state;
	f->config.nr_serials = 4;
	assert_int_equal(plan(f), 0);
	const struct plan_serial expected[] = { { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 5 },
		{ 0x2e8, 7 } };
	assert_int_equal(f->plan.nr_serials, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(f->plan.serials[i].port, expected[i].port);
		assert_int_equal(f->plan.serials[i].gsi, expected[i].gsi);
	}
}

static void plan_machine__same_input__same_plan(void **state)
{
	struct fixture *f = *state;
	struct machine_plan *other = malloc(sizeof(*other));
	assert_non_null(other);
	memset(other, 0xa5, sizeof(*other)); /* what was in *ret_plan does not matter */
	f->config.cpu.vcpus = 3;
	assert_int_equal(plan(f), 0);
	assert_int_equal(plan_machine(&f->config, NULL, &f->host, NULL, other, &f->e), 0);
	assert_int_equal(other->nr_vcpus, 3);
	assert_int_equal(other->nr_ram, f->plan.nr_ram);
	assert_int_equal(other->e820.nr_entries, f->plan.e820.nr_entries);
	assert_memory_equal(other->e820.entries, f->plan.e820.entries,
		other->e820.nr_entries * sizeof(other->e820.entries[0]));
	assert_int_equal(other->cpu.msrs.nr_rules, f->plan.cpu.msrs.nr_rules);
	assert_int_equal(other->cpu.table.nr_entries, f->plan.cpu.table.nr_entries);
	machine_plan_done(other);
	free(other);
}

/* The IDs of the MADT's enabled processors, in order (ACPI 6.5, 5.2.12.2 and 5.2.12.12). */
static unsigned madt_ids(const struct machine_plan *p, uint32_t ids[PLAN_MAX_VCPUS])
{
	uint8_t *area = calloc(1, PLAN_ACPI_SIZE);
	struct err e = ERR_INIT;
	size_t used = 0;
	struct gpa rsdp;
	unsigned n = 0;
	assert_non_null(area);
	assert_int_equal(acpi_build(p, area, &used, &rsdp, &e), 0);
	size_t madt = 0;
	while (madt + 44 < used && memcmp(area + madt, "APIC", 4) != 0)
		madt++;
	uint32_t length;
	memcpy(&length, area + madt + 4, 4);
	for (size_t at = madt + 44; at < madt + length; at += area[at + 1]) {
		assert_true(area[at + 1] >= 2 && n <= PLAN_MAX_VCPUS);
		if (area[at] == 0)
			ids[n++] = area[at + 3];
		else if (area[at] == 9)
			memcpy(&ids[n++], area + at + 4, 4);
	}
	free(area);
	return n;
}

static void check_madt_and_cpuid(
	struct fixture *f, unsigned sockets, unsigned cores, unsigned threads)
{
	uint32_t ids[PLAN_MAX_VCPUS + 1];
	struct cpuid_table table;
	f->config.cpu.vcpus = (uint64_t)sockets * cores * threads;
	f->config.cpu.sockets = sockets;
	f->config.cpu.cores = cores;
	f->config.cpu.threads = threads;
	assert_int_equal(plan(f), 0);
	assert_int_equal(madt_ids(&f->plan, ids), f->plan.nr_vcpus);
	for (unsigned i = 0; i < f->plan.nr_vcpus; i++) {
		assert_int_equal(ids[i], f->plan.vcpus[i].apic_id);
		assert_int_equal(plan_vcpu_cpuid(&f->plan, i, &table, &f->e), 0);
		assert_int_equal(cpuid_value(&table, 0xb, 0, CPUID_EDX), ids[i]);
		assert_int_equal(cpuid_value(&table, 0xb, 1, CPUID_EDX), ids[i]);
		assert_int_equal(cpuid_value(&table, 1, 0, CPUID_EBX) >> 24, ids[i] & 0xff);
		assert_false(cpuid_has_vmx(&table) || cpuid_has_svm(&table));
	}
}

static void plan_vcpu_cpuid__topologies__own_id_is_the_madts(void **state)
{
	struct fixture *f = *state;
	for (int amd = 0; amd < 2; amd++) {
		check_madt_and_cpuid(f, 1, 1, 1);
		check_madt_and_cpuid(f, 3, 5, 2);
		check_madt_and_cpuid(f, 1, 127, 2);
		check_madt_and_cpuid(f, 255, 1, 1);
		check_madt_and_cpuid(f, 17, 3, 5); /* the last ID is 522: x2APIC */
		host_amd(&f->host, true);
	}
}

static void plan_vcpu_cpuid__random_hosts_knob_off__no_rule_bit_is_left(void **state)
{
	struct fixture *f = *state;
	struct cpuid_table table;
	size_t n;
	const struct nesting_rule *rules = nesting_rules(&n);
	for (uint32_t seed = 1; seed <= 200; seed++) {
		host_random(&f->host, seed);
		f->config.memory.size_bytes = 16 * MIB;
		if (plan(f))
			continue; /* few physical address bits */
		assert_int_equal(plan_vcpu_cpuid(&f->plan, 0, &table, &f->e), 0);
		for (size_t i = 0; i < n; i++) {
			if (rules[i].kind == NESTING_RULE_BIT)
				assert_int_equal(
					cpuid_value(&table, rules[i].first, 0, rules[i].reg) >>
							rules[i].bit &
						1,
					0);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void plan_foresee_filter__knob_off__is_what_the_plan_has(void **state)
{
	struct fixture *f = *state;
	struct msr_filter filter;
	bool foreseen = false;
	assert_int_equal(plan(f), 0);
	assert_int_equal(plan_foresee_filter(&f->config, &filter, &foreseen, &f->e), 0);
	assert_true(foreseen && filter.nr_ranges > 0);
	assert_true(msr_filter_same(&filter, &f->plan.filter));
	msr_filter_done(&filter);
	host_amd(&f->host, true);
	assert_int_equal(plan(f), 0);
	assert_int_equal(plan_foresee_filter(&f->config, &filter, &foreseen, &f->e), 0);
	assert_true(msr_filter_same(&filter, &f->plan.filter));
	msr_filter_done(&filter);
}

static void plan_foresee_filter__config_says_more_of_msrs__nothing_is_foreseen(void **state)
{
	struct fixture *f = *state;
	struct msr_filter filter;
	bool foreseen = true;
	f->config.msr.fallback = MSR_DEFAULT_DENY;
	assert_int_equal(plan_foresee_filter(&f->config, &filter, &foreseen, &f->e), 0);
	assert_false(foreseen);
	f->config.msr.fallback = MSR_DEFAULT_KVM;
	f->config.nesting.expose_virtualization_extensions = foreseen = true;
	assert_int_equal(plan_foresee_filter(&f->config, &filter, &foreseen, &f->e), 0);
	assert_false(foreseen);
	assert_int_equal(filter.nr_ranges, 0);
}

static void plan_machine__smbios__is_the_configs(void **state)
{
	struct fixture *f = *state;
	char serial[] = "0012345", uuid[] = "01234567-89ab-CDEF-0123-456789abcdef",
	     oem[] = "an oem";
	struct config_text strings[] = { { .text = oem }, { .text = serial } };
	assert_int_equal(plan(f), 0);
	assert_false(f->plan.smbios.has_uuid);
	assert_null(f->plan.smbios.serial);
	assert_int_equal(f->plan.smbios.nr_oem_strings, 0);
	f->config.smbios.serial = serial;
	f->config.smbios.uuid = uuid;
	f->config.smbios.oem_strings = (struct config_texts){ strings, ARRAY_SIZE(strings) };
	assert_int_equal(plan(f), 0);
	assert_string_equal(f->plan.smbios.serial, serial);
	assert_true(f->plan.smbios.has_uuid);
	assert_int_equal(f->plan.smbios.uuid[0], 0x01);
	assert_int_equal(f->plan.smbios.uuid[15], 0xef);
	assert_int_equal(f->plan.smbios.nr_oem_strings, 2);
	assert_string_equal(f->plan.smbios.oem_strings[0], oem);
}

/* Every topology of up to 255 vCPUs: sockets, dies, cores, threads. */
static void plan_foresee_short_ids__every_topology__no_id_of_255_and_0_for_the_first(void **state)
{
	struct fixture *f = *state;
	unsigned nr_foreseen = 0, nr_long = 0;
	for (unsigned n = 0; n < 16 * 16 * 16 * 16; n++) {
		f->config.cpu.sockets = 1 + (n & 15);
		f->config.cpu.dies = 1 + (n >> 4 & 15);
		f->config.cpu.cores = 1 + (n >> 8 & 15);
		f->config.cpu.threads = 1 + (n >> 12);
		f->config.cpu.vcpus = f->config.cpu.sockets * f->config.cpu.dies *
				      f->config.cpu.cores * f->config.cpu.threads;
		if (f->config.cpu.vcpus > PLAN_MAX_VCPUS)
			continue;
		struct cpu_topology t = cpu_topology_make((unsigned)f->config.cpu.sockets,
			(unsigned)f->config.cpu.dies, (unsigned)f->config.cpu.cores,
			(unsigned)f->config.cpu.threads);
		unsigned last = (unsigned)f->config.cpu.vcpus - 1;
		bool is_long = cpu_topology_place(&t, last).apic_id >= 0xff;
		bool foreseen = plan_foresee_short_ids(&f->config);
		assert_false(foreseen && is_long);
		assert_int_equal(cpu_topology_place(&t, 0).apic_id, PLAN_BOOT_APIC_ID);
		nr_foreseen += foreseen;
		nr_long += is_long;
	}
	assert_true(nr_foreseen > 100 && nr_long > 10);
}

static void plan_foresee_short_ids__host_decides_the_number__not_foreseen(void **state)
{
	struct fixture *f = *state;
	assert_true(plan_foresee_short_ids(&f->config));
	f->config.cpu.vcpus = 0;
	f->config.cpu.threads_of_host = true;
	assert_false(plan_foresee_short_ids(&f->config));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(plan_machine__ram_up_to_3_gib__is_one_bank),
		TEST(plan_machine__ram_above_3_gib__goes_on_at_4_gib),
		TEST(plan_machine__ram_just_within_phys_bits__accepted),
		TEST(plan_machine__ram_past_phys_bits__refused),
		TEST(plan_machine__only_a_count__makes_cores_of_one_socket),
		TEST(plan_machine__pinning__follows_the_config),
		TEST(plan_machine__topology_that_is_not_the_count__refused),
		TEST(plan_machine__more_vcpus_than_kvm_allows__refused),
		TEST(plan_machine__apic_id_past_the_limit__refused),
		TEST(plan_machine__knob_on_a_host_without__refused),
		TEST(plan_machine__knob_on__vmx_is_shown_and_only_msrs_of_svm_denied),
		TEST(plan_machine__knob_off__extensions_are_hidden_and_msrs_denied),
		TEST(plan_machine__split_irqchip__needs_the_capability),
		TEST(plan_machine__four_serials__have_the_pcs_ports_and_own_gsis),
		TEST(plan_machine__smbios__is_the_configs),
		TEST(plan_machine__same_input__same_plan),
		TEST(plan_vcpu_cpuid__topologies__own_id_is_the_madts),
		TEST(plan_vcpu_cpuid__random_hosts_knob_off__no_rule_bit_is_left),
		TEST(plan_foresee_filter__knob_off__is_what_the_plan_has),
		TEST(plan_foresee_filter__config_says_more_of_msrs__nothing_is_foreseen),
		TEST(plan_foresee_short_ids__every_topology__no_id_of_255_and_0_for_the_first),
		TEST(plan_foresee_short_ids__host_decides_the_number__not_foreseen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
