/* SPDX-License-Identifier: MIT */
/*
 * The machine plan: what plan_machine() decided from config and host facts, const from then on.
 * Guest ABI (addresses, ports, GSIs) is decided here and nowhere else, so that it never depends on
 * the order in which code runs.
 */
#ifndef NESTOR_PLAN_MACHINE_PLAN_H
#define NESTOR_PLAN_MACHINE_PLAN_H

#include "base/types.h"
#include "cpuid/cpuid.h"
#include "cpuid/engine.h"
#include "nesting/depth.h"

#define PLAN_MAX_VCPUS 255
#define PLAN_BOOT_APIC_ID 0 /* of vCPU 0, in any plan */
#define PLAN_MAX_RAM 2
#define PLAN_MAX_E820 16
#define PLAN_MAX_SERIALS 4
#define PLAN_MAX_OEM_STRINGS 64

/* Fixed places of the machine (a PC: what Linux, Xen and memtest86+ look for without being told).
 */
#define PLAN_PCI_HOLE_BASE UINT64_C(0xc0000000) /* RAM below ends here at the latest … */
#define PLAN_HIGH_RAM_BASE (4 * GIB)            /* … and goes on here */
#define PLAN_IOAPIC_BASE UINT64_C(0xfec00000)
#define PLAN_LAPIC_BASE UINT64_C(0xfee00000)
#define PLAN_TSS_BASE UINT64_C(0xfffbd000)          /* 3 pages, Intel without unrestricted guest */
#define PLAN_IDENTITY_MAP_BASE UINT64_C(0xfffbc000) /* 1 page, likewise */
#define PLAN_EBDA_BASE UINT64_C(0x9fc00)            /* conventional memory ends */
#define PLAN_FIRMWARE_BASE UINT64_C(0xe0000)        /* where a PC's BIOS is: the tables … */
#define PLAN_FIRMWARE_SIZE UINT64_C(0x20000)        /* … below, up to 1 MiB */
#define PLAN_ACPI_BASE UINT64_C(0xe0000)            /* RSDP first, tables behind it */
#define PLAN_ACPI_SIZE UINT64_C(0x10000)
#define PLAN_MPTABLE_BASE UINT64_C(0xf0000) /* floating pointer first */
#define PLAN_MPTABLE_SIZE UINT64_C(0x2000)
#define PLAN_SMBIOS_BASE UINT64_C(0xf2000) /* entry points first */
#define PLAN_SMBIOS_SIZE UINT64_C(0xd000)
/* Where real-mode code jumps for a reset, F000:FFF0 or FFFF:0000; there, too, is RAM. */
#define PLAN_REAL_MODE_RESET UINT64_C(0xffff0)
#define PLAN_REAL_MODE_RESET_SIZE 16
/* Where a processor starts after RESET or INIT (SDM vol. 3, First Instruction Executed). */
#define PLAN_RESET_VECTOR UINT64_C(0xfffffff0)

/*
 * System management mode sees none of the above, only its own RAM. vCPU i enters at its SMBASE +
 * 0x8000 and saves its state in the 512 bytes below SMBASE + 0x10000 (SDM vol. 3, SMRAM): by this
 * stride each has both to itself, and vCPU 0 its SMBASE as after reset.
 */
#define PLAN_SMBASE(i) (UINT64_C(0x30000) + (i)*UINT64_C(0x400))
#define PLAN_SMM_ENTRY(i) (PLAN_SMBASE(i) + 0x8000)
#define PLAN_SMRAM_BASE PLAN_SMM_ENTRY(0)
#define PLAN_SMRAM_SIZE UINT64_C(0x48000) /* for PLAN_MAX_VCPUS */

#define PLAN_NR_GSIS 24 /* pins of the one I/O APIC */
#define PLAN_GSI_RTC 8
#define PLAN_GSI_SCI 9

#define PLAN_PORT_PM1A_EVENT 0x600   /* 4 bytes: status, enable (ACPI 4.8.3.1) */
#define PLAN_PORT_PM1A_CONTROL 0x604 /* 2 bytes */
#define PLAN_PORT_PM_TIMER 0x608     /* 4 bytes */
#define PLAN_PORT_RESET 0xcf9
#define PLAN_RESET_VALUE 0x06
#define PLAN_PORT_RTC 0x70 /* 2 bytes */
#define PLAN_PORT_I8042_DATA 0x60
#define PLAN_PORT_I8042_COMMAND 0x64
#define PLAN_PORT_FAST_A20 0x92
#define PLAN_PORT_POST_CODE 0x80
#define PLAN_PORT_PVPANIC 0x505
#define PLAN_SLP_TYP_S5 5 /* SLP_TYPx of \_S5 */

/* e820 types (ACPI 6.5, table 15.4). */
enum e820_type { E820_RAM = 1, E820_RESERVED = 2, E820_ACPI = 3, E820_NVS = 4 };

struct e820_entry {
	uint64_t base, size_bytes;
	enum e820_type type;
};

/* Sorted by base, not overlapping. */
struct e820_map {
	struct e820_entry entries[PLAN_MAX_E820];
	unsigned nr_entries;
};

/* vCPU i of the plan; apic_id is also KVM's vcpu_id. */
struct plan_vcpu {
	uint32_t apic_id;
	unsigned socket, die, core, thread; /* each within the one before */
	int host_cpu;                       /* pinned to, or -1 */
};

struct plan_serial {
	uint16_t port; /* of 8 */
	unsigned gsi;
};

enum plan_space { PLAN_PIO, PLAN_MMIO };

struct plan_region {
	enum plan_space space;
	struct range range;
};

enum plan_device_kind {
	PLAN_LAPIC,     /* in the order in which they are made */
	PLAN_KVM_PAGES, /* TSS and identity map, for Intel without unrestricted guest */
	PLAN_KVM_IOAPIC,
	PLAN_PIC, /* 8259 pair, with its edge and level control */
	PLAN_PIT, /* 8254, with the speaker's port */
	PLAN_IOAPIC,
	PLAN_SERIAL,
	PLAN_RTC,
	PLAN_ACPI_PM,
	PLAN_I8042,
	PLAN_PVPANIC,
	PLAN_POST_CODE,
	PLAN_DEBUG_EXIT,
	PLAN_DEBUG_CONSOLE,
};

#define PLAN_MAX_DEVICES 20
#define PLAN_DEVICE_REGIONS 4

/* What answers at ports or addresses; see devices.h. */
struct plan_device {
	enum plan_device_kind kind;
	unsigned id;     /* among those of its kind, from 0 */
	const char *key; /* of the config that asked for it; NULL: each such machine has it */
	bool of_kvm;     /* KVM answers, before any device of ours is asked */
	struct plan_region regions[PLAN_DEVICE_REGIONS];
	unsigned nr_regions;
	int gsi; /* -1: none */
};

/* Who the machine says that it is. Strings are the config's, printable ASCII; NULL or "": none. */
struct plan_smbios {
	const char *manufacturer, *product, *version, *serial, *sku, *family, *asset;
	bool has_uuid;
	uint8_t uuid[16]; /* as written, the first digits first */
	const char *oem_strings[PLAN_MAX_OEM_STRINGS];
	unsigned nr_oem_strings;
};

struct plan_ram {
	struct gpa base;
	uint64_t size_bytes;
	uint64_t file_offset; /* in the memfd, where there is one */
};

struct machine_plan {
	unsigned nr_vcpus;
	struct plan_vcpu vcpus[PLAN_MAX_VCPUS];
	struct plan_ram ram[PLAN_MAX_RAM];
	unsigned nr_ram;
	struct e820_map e820;
	/* No two overlap, as plan_devices_check() has the last word on a config that is to run. */
	struct plan_device devices[PLAN_MAX_DEVICES];
	unsigned nr_devices;
	struct plan_serial serials[PLAN_MAX_SERIALS]; /* of devices, for tables and loaders */
	unsigned nr_serials;
	struct plan_smbios smbios;
	bool legacy_pic_pit;        /* 8259 pair and 8254 exist (in-kernel irqchip) */
	unsigned phys_bits;         /* guest physical address width */
	bool expose_extensions;     /* the knob */
	struct nesting_depth depth; /* with the knob: what the guest is told */
	bool split_irqchip;
	unsigned tsc_khz;         /* of the guest's TSC; 0: the host's */
	struct msr_filter filter; /* compiled from cpu.msrs; owned: machine_plan_done */
	/* What all vCPUs share, nesting rules applied; see plan_vcpu_cpuid. Last, for its notes. */
	struct cpu_result cpu;
};

#endif
