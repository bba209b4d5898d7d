/* SPDX-License-Identifier: MIT */
/*
 * The machine under nestor as its kernel describes it in /proc, /sys and /dev: a plain value, read
 * by host/machine_facts.c or made by a test, and judged by nesting/status.c. Texts are as found, of
 * unknown origin, and cut where they do not fit; "" where the machine does not say.
 */
#ifndef NESTOR_BASE_MACHINE_H
#define NESTOR_BASE_MACHINE_H

#include "base/types.h"

#define MACHINE_MAX_MODULES 6
#define MACHINE_MAX_PARAMETERS 64
#define MACHINE_MAX_VULNERABILITIES 40
#define MACHINE_MAX_HUGEPAGES 4

struct machine_parameter {
	char name[40];
	char value[24];
};

/* kvm and every kvm_* that the kernel has; parameters in the order of their names. */
struct machine_module {
	char name[32];
	bool builtin; /* part of the kernel: its parameters can only change on the command line */
	struct machine_parameter parameters[MACHINE_MAX_PARAMETERS];
	unsigned nr_parameters;
};

/* A line of /sys/devices/system/cpu/vulnerabilities. */
struct machine_vulnerability {
	char name[40];
	char value[160];
};

struct machine_hugepages {
	uint64_t size_bytes, total, free; /* the last two in pages */
};

enum machine_tristate { MACHINE_UNKNOWN, MACHINE_NO, MACHINE_YES };

struct machine_facts {
	char kernel_release[96];    /* uname -r */
	char kernel_version[400];   /* /proc/version: compiler, build, the distribution's own number
				     */
	char kernel_signature[120]; /* /proc/version_signature, which Ubuntu has */
	struct machine_module modules[MACHINE_MAX_MODULES];
	unsigned nr_modules;
	int kvm_device_error; /* of opening /dev/kvm for reading and writing: errno, or 0 */
	char lockdown[32];    /* "none", "integrity" or "confidentiality" */
	enum machine_tristate uefi, secure_boot;
	uint64_t memory_bytes, available_bytes;                    /* 0: not known */
	struct machine_hugepages hugepages[MACHINE_MAX_HUGEPAGES]; /* by size */
	unsigned nr_hugepages;
	char system_vendor[64], product[64]; /* DMI */
	char hypervisor[32];                 /* /sys/hypervisor/type: "xen" */
	bool xen_control;                    /* /proc/xen/capabilities has "control_d" */
	bool mshv; /* there is /dev/mshv, by which VMs of Hyper-V are made */
	struct machine_vulnerability vulnerabilities[MACHINE_MAX_VULNERABILITIES]; /* by name */
	unsigned nr_vulnerabilities;
};

#endif
