/* SPDX-License-Identifier: MIT */
/*
 * The checked configuration of one VM: plain typed values, const once config_finish() has returned.
 * Filled through the one key table of keys.c; every key is in nestor.toml(5). Strings are owned by
 * the config; NULL means "not given" where a key has no default. Paths are absolute.
 */
#ifndef NESTOR_CONFIG_VM_CONFIG_H
#define NESTOR_CONFIG_VM_CONFIG_H

#include "base/types.h"

#define CONFIG_MAX_VCPUS 255
#define CONFIG_MAX_SERIALS 4
#define CONFIG_MAX_MODULES 16
#define CONFIG_MAX_FEATURES 1024
#define CONFIG_MAX_CLUSTER 4096 /* files of migration_cluster */
#define CONFIG_MAX_LEAVES 128
#define CONFIG_MAX_MSR_RULES 128
#define CONFIG_MAX_MSR_BITS 64
#define CONFIG_MAX_OEM_STRINGS 64
#define CONFIG_MAX_OEM_STRINGS_BYTES (16 * KIB) /* all of them */

enum config_hugepages { HUGEPAGES_OFF, HUGEPAGES_2M, HUGEPAGES_1G };
enum config_decompress { DECOMPRESS_AUTO, DECOMPRESS_HOST, DECOMPRESS_GUEST };
enum config_kaslr { KASLR_OFF, KASLR_AUTO, KASLR_ON };
enum config_protocol {
	PROTOCOL_AUTO,
	PROTOCOL_LINUX64,
	PROTOCOL_LINUX32,
	PROTOCOL_PVH,
	PROTOCOL_MULTIBOOT,
};
enum config_irqchip { IRQCHIP_KERNEL, IRQCHIP_SPLIT };
enum config_serial_mode { SERIAL_STDIO, SERIAL_FILE, SERIAL_NULL };
enum config_on_reboot { ON_REBOOT_RESTART, ON_REBOOT_EXIT };
enum config_pause_clock { PAUSE_CLOCK_STOP, PAUSE_CLOCK_RUN };
enum config_hypervisor { HYPERVISOR_KVM, HYPERVISOR_HYPERV, HYPERVISOR_NONE };
enum config_on_missing { ON_MISSING_ERROR, ON_MISSING_WARN, ON_MISSING_DROP };
enum config_cache { CACHE_HOST, CACHE_EMULATE, CACHE_NONE };
enum config_migration_mode { MIGRATION_MINIMUM_FEATURE_SET, MIGRATION_COMMON_CLUSTER_FEATURE_SET };
enum config_extensions { EXTENSIONS_AUTO, EXTENSIONS_SVM, EXTENSIONS_VMX };
/* The profiles of [nesting] and their names; what is in them is nesting/profile.h's. */
#define CONFIG_NESTING_PROFILES(X)                                                                 \
	X(FULL, "full")                                                                            \
	X(KVM, "kvm")                                                                              \
	X(XEN, "xen")                                                                              \
	X(HYPERV, "hyperv")                                                                        \
	X(VMWARE, "vmware")                                                                        \
	X(MINIMAL, "minimal")
#define CONFIG_PROFILE_ENUM(id, name) CONFIG_PROFILE_##id,
enum config_nesting_profile { CONFIG_NESTING_PROFILES(CONFIG_PROFILE_ENUM) };
const char *config_nesting_profile_name(enum config_nesting_profile profile);
enum config_register { REGISTER_EAX, REGISTER_EBX, REGISTER_ECX, REGISTER_EDX };
enum config_msr_default { MSR_DEFAULT_KVM, MSR_DEFAULT_DENY };
enum config_msr_action {
	MSR_ACTION_ALLOW,
	MSR_ACTION_DENY,
	MSR_ACTION_READ_AS,
	MSR_ACTION_IGNORE_WRITE,
	MSR_ACTION_LOG, /* allow, and log */
};

struct config_module {
	char *path;
	char *cmdline; /* may be NULL */
};

struct config_serial {
	enum config_serial_mode mode;
	char *path;  /* for SERIAL_FILE */
	bool append; /* keep what the file has */
};

/* An element of an array of strings, which may span lines: each has a place of its own. */
struct config_text {
	char *text;
	char *origin; /* FILE:LINE:COLUMN, or the flag */
};

struct config_texts {
	struct config_text *items;
	size_t n;
};

/* Bits that become 1 and bits that become 0; no bit is in both. */
struct config_mask {
	uint64_t set, clear;
};

struct config_leaf {
	uint64_t leaf;    /* 32 bits */
	uint64_t subleaf; /* 32 bits; where any_subleaf is false */
	enum config_register reg;
	struct config_mask mask; /* of 32 bits */
	bool any_subleaf;        /* subleaf is not given: all that the leaf has */
};

struct config_msr_rule {
	uint64_t index, first, last; /* as given, 32 bits; read from and to instead */
	enum config_msr_action action;
	uint64_t value; /* for MSR_ACTION_READ_AS */
	bool log;
	uint32_t from, to; /* what the rule is for, both included: index, or first and last */
};

struct config_msr_bits {
	uint64_t index;          /* 32 bits */
	struct config_mask mask; /* of 64 bits */
};

/* Where 0 is a value of a key without a default, config_given() tells it from "not given". */
struct vm_config {
	char *name; /* default "vm" */
	struct {
		uint64_t size_bytes; /* a multiple of 4 KiB; 16 MiB to 1 TiB; default 256 MiB */
		enum config_hugepages hugepages;
		bool prealloc;
		bool shared;
	} memory;
	struct {
		/*
		 * 1 to 255; default 1, or the product of the four below. These are per VM, socket,
		 * die and core; all are 0 where none is given.
		 */
		uint64_t vcpus;
		uint64_t sockets, dies, cores, threads;
		/*
		 * hw_thread_count_per_core is 0: a core has as many threads as one of the host's,
		 * which the plan finds out. Until then threads is 0, and so are cores and vcpus
		 * where they are not given: cores is then 1, or what is left of vcpus; vcpus is the
		 * product. sockets and dies are at least 1. What is given goes with some number of
		 * threads, but whether with the host's, and whether pinning has vcpus entries where
		 * vcpus is 0, is the plan's to check.
		 */
		bool threads_of_host;
		uint64_t hw_thread_count_per_core;  /* as given; is in threads already */
		uint64_t pinning[CONFIG_MAX_VCPUS]; /* host CPU of vCPU i */
		size_t nr_pinning;                  /* 0 (no pinning) or vcpus */
		char *model; /* a name, or (it contains "/") a model file's path; NULL: not given */
		struct config_texts features; /* "+NAME" or "-NAME" */
		char *vendor;                 /* 1 to 12 characters; NULL: not given */
		char *host_vendor;            /* the same, of the host's processor */
		uint64_t family, model_number, stepping;
		char *brand; /* at most 47 characters; NULL: not given */
		enum config_hypervisor hypervisor;
		uint64_t phys_bits; /* 32 to 52; 0: not given */
		enum config_on_missing on_missing;
		enum config_cache cache;
		uint64_t tsc_khz; /* 100 kHz to 100 GHz; 0: not given */
		bool compatibility_for_migration_enabled;
		enum config_migration_mode compatibility_for_migration_mode;
		struct config_texts migration_cluster; /* host files; for and only for that mode */
		bool compatibility_for_older_operating_systems;
		struct config_leaf *leaves;
		size_t nr_leaves;
	} cpu;
	struct {
		enum config_msr_default fallback; /* msr.default */
		struct config_msr_rule *rules;
		size_t nr_rules;
		struct config_msr_bits *bits;
		size_t nr_bits;
	} msr;
	struct {
		char *kernel;
		char *initrd;
		char *cmdline;
		enum config_protocol protocol;
		enum config_decompress decompress;
		enum config_kaslr kaslr;
		bool cache; /* default true */
		bool device_tree;
		struct config_module modules[CONFIG_MAX_MODULES];
		size_t nr_modules;
	} boot;
	struct {
		enum config_irqchip irqchip;
	} machine;
	struct {
		/* Printable ASCII; "" or NULL: none. */
		char *manufacturer; /* default "nestor" */
		char *product;      /* default "PC" */
		char *version, *serial;
		char *uuid; /* as uuid_parse takes it; NULL: none */
		char *sku, *family, *asset;
		struct config_texts oem_strings; /* none empty */
	} smbios;
	struct config_serial serials[CONFIG_MAX_SERIALS]; /* COM1 … COM4; default COM1 stdio */
	size_t nr_serials;
	struct {
		bool enabled;  /* default true */
		uint64_t port; /* default 0xf4 */
	} debug_exit;
	struct {
		bool enabled;  /* default true */
		uint64_t port; /* default 0xe9 */
		char *path;    /* NULL: stderr */
		bool append;   /* keep what the file has */
	} debug_console;
	struct {
		enum config_on_reboot on_reboot;     /* default restart */
		uint64_t stop_timeout_ms;            /* default 30 s */
		enum config_pause_clock pause_clock; /* default stop */
	} lifecycle;
	struct {
		bool expose_virtualization_extensions; /* default false */
		enum config_extensions extensions;     /* default auto */
		enum config_nesting_profile profile;   /* default full: which guest hypervisor */
		struct config_texts features;          /* "+NAME" or "-NAME", as cpu.features */
		uint64_t max_depth; /* 0 to 8, where config_given(); else there is no limit */
		bool require;       /* default false */
	} nesting;
	struct {
		struct config_texts features; /* "+NAME" or "-NAME"; names are not resolved yet */
		uint64_t spinlock_retries;    /* 32 bits; default UINT32_MAX: never notify */
		char *vendor_id;              /* 1 to 12 characters; NULL: not given */
	} hyperv;
};

#endif
