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

enum config_hugepages { HUGEPAGES_OFF, HUGEPAGES_2M, HUGEPAGES_1G };
enum config_decompress { DECOMPRESS_AUTO, DECOMPRESS_HOST, DECOMPRESS_GUEST };
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

struct config_module {
	char *path;
	char *cmdline; /* may be NULL */
};

struct config_serial {
	enum config_serial_mode mode;
	char *path; /* for SERIAL_FILE */
};

struct vm_config {
	char *name; /* default "vm" */
	struct {
		uint64_t size_bytes; /* a multiple of 4 KiB; 16 MiB to 1 TiB; default 256 MiB */
		enum config_hugepages hugepages;
		bool prealloc;
		bool shared;
	} memory;
	struct {
		uint64_t vcpus; /* 1 to 255; default 1, or the product of the three below */
		uint64_t sockets, cores, threads; /* per VM, per socket, per core; 0: none given */
		uint64_t pinning[CONFIG_MAX_VCPUS]; /* host CPU of vCPU i */
		size_t nr_pinning;                  /* 0 (no pinning) or vcpus */
	} cpu;
	struct {
		char *kernel;
		char *initrd;
		char *cmdline;
		enum config_protocol protocol;
		enum config_decompress decompress;
		bool device_tree;
		struct config_module modules[CONFIG_MAX_MODULES];
		size_t nr_modules;
	} boot;
	struct {
		enum config_irqchip irqchip;
	} machine;
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
	} debug_console;
	struct {
		enum config_on_reboot on_reboot; /* default restart */
		uint64_t stop_timeout_ms;        /* default 30 s */
	} lifecycle;
	struct {
		bool expose_virtualization_extensions; /* default false */
	} nesting;
};

#endif
