/* SPDX-License-Identifier: MIT */
/*
 * Boot loaders: put a kernel, its command line, initrd or modules, and the tables that its boot
 * protocol wants into guest memory, and say how the boot vCPU enters. Pure but for guest memory:
 * no KVM, no files (they come in memory, or by a boot_copier), no clock. Files are hostile: every
 * field is checked. Faults are ERR_CONFIG and name the file, the field, what was found and what was
 * expected.
 */
#ifndef NESTOR_BOOT_BOOT_H
#define NESTOR_BOOT_BOOT_H

#include "base/err.h"
#include "base/types.h"
#include "base/x86.h"
#include "memory/guest.h"
#include "plan/machine_plan.h"

enum boot_protocol { BOOT_LINUX64, BOOT_LINUX32, BOOT_PVH, BOOT_MULTIBOOT };

/* A random place for Linux (KASLR): never; where it can be, said where not; or refused where not.
 */
enum boot_kaslr { BOOT_KASLR_OFF, BOOT_KASLR_AUTO, BOOT_KASLR_ON };

#define BOOT_NR_PROTOCOLS 4
#define BOOT_MAX_MODULES 64 /* the initrd included, where it is passed as a module */

/* No kernel unpacks to more than this, nor to more than the guest's RAM. */
#define BOOT_MAX_UNPACKED_BYTES (512 * MIB)
/* Nor is the file of one larger than this, with all that debuggers want of it. */
#define BOOT_MAX_FILE_BYTES (2 * GIB)

struct boot_file {
	const char *path; /* for messages */
	const uint8_t *data;
	size_t size;
};

/*
 * How the bytes of initrd and modules get into guest RAM where they are not in memory yet: puts all
 * size bytes of file (one of the request's) to dst. Messages name the file.
 */
struct boot_copier {
	int (*copy)(void *ctx, const struct boot_file *file, uint8_t *dst, struct err *e);
	void *ctx;
};

struct boot_module {
	struct boot_file file;
	const char *cmdline; /* may be NULL */
};

/*
 * Where unpacked kernels are kept from one load to the next: the caller's, as boot/ knows no files.
 * packed is what is compressed, without what its container adds.
 */
struct boot_cache {
	/* Puts what packed unpacks to into dst[0, dst_bytes), fresh memory (all zero). True with
	 * *ret_bytes (> 0), or false: not there, and dst may be written to all the same. */
	bool (*get)(void *ctx, const uint8_t *packed, size_t packed_bytes, uint8_t *dst,
		size_t dst_bytes, size_t *ret_bytes);
	/* get had it not: here it is. */
	void (*put)(void *ctx, const uint8_t *packed, size_t packed_bytes, const uint8_t *unpacked,
		size_t unpacked_bytes);
	void *ctx;
};

/* What to boot; everything is borrowed for the call. */
struct boot_request {
	struct boot_file kernel;
	struct boot_file initrd; /* size 0: none; Multiboot takes it as the first module */
	const char *cmdline;     /* NULL: the protocol's default (see boot_default_cmdline) */
	const struct boot_module *modules; /* Multiboot; for PVH they follow the initrd */
	unsigned nr_modules;
	const struct boot_copier *copier; /* NULL: the data of initrd and modules are all of them */
	bool protocol_forced; /* use `protocol`, or fail where the file does not offer it */
	enum boot_protocol protocol;
	bool decompress_on_host;  /* of a bzImage's payload; a wholly compressed file always is */
	bool decompress_required; /* with it: fail, not leave it to the guest, where nestor cannot
				   */
	enum boot_kaslr kaslr;    /* of kernels that nestor unpacks; nokaslr on cmdline is obeyed */
	uint64_t random[2]; /* unpredictable: they choose its physical and its virtual place */
	bool ram_is_zero;   /* guest RAM is fresh, all zero: what is zero need not be written */
	const struct boot_cache *cache;  /* of unpacked kernels, or NULL */
	const struct machine_plan *plan; /* RAM and e820 map; NULL for boot_check */
	struct gpa rsdp;                 /* ACPI RSDP; 0: none */
	const uint8_t *device_tree;      /* flattened, or NULL; passed as SETUP_DTB (Linux only) */
	size_t device_tree_size;
};

/* How the boot vCPU starts, and what was done, for --verbose and tests. */
struct boot_result {
	enum boot_protocol protocol;
	struct x86_state state;
	bool decompressed; /* nestor unpacked the kernel: the whole file or a bzImage's payload */
	char note[256];    /* why a payload was left to the guest although asked for; or empty */
	struct gpa kernel, initrd; /* where they lie; initrd 0: none */
	bool randomized;           /* nestor chose a random place for the kernel … */
	uint64_t virtual_delta;    /* … this far from where it was linked, in virtual addresses */
	char kaslr_note[256];  /* why it did not although BOOT_KASLR_AUTO asks for it; or empty */
	char initrd_note[256]; /* what the initrd is, if it is nothing that Linux takes; or empty */
};

/*
 * Loads what req asks for. Chosen by the file's own header unless protocol_forced: bzImage by its
 * 64-bit entry, else the 32-bit one; ELF by PVH, else as an uncompressed Linux kernel, which comes
 * first where the file carries relocations, else by Multiboot, which comes first where modules are
 * given. PVH may be forced on a bzImage whose
 * payload offers it: nestor then unpacks it. Errors: -EINVAL malformed, -ENOTSUP not offered or not
 * supported, -ENOSPC does not fit into the guest's RAM, -E2BIG command line too long.
 * On failure guest RAM may have been written to, and *ret_result is not set.
 */
int boot_load(const struct boot_request *req, const struct guest_memory *mem,
	struct boot_result *ret_result, struct err *e) MUST_CHECK;

/*
 * Whether there is a loader for what req asks for, whatever the machine: req->plan is NULL, and of
 * the rest kernel, nr_modules, protocol, decompress_required and whether there is a device tree are
 * looked at. Errors as boot_load's.
 */
int boot_check(const struct boot_request *req, struct err *e) MUST_CHECK;

const char *boot_protocol_name(enum boot_protocol p); /* "linux64", "linux32", "pvh", "multiboot" */

/* The command line where none is given: "console=ttyS0" for the Linux protocols, else "". */
const char *boot_default_cmdline(enum boot_protocol p);

enum boot_compression {
	BOOT_COMPRESSION_NONE,
	BOOT_COMPRESSION_GZIP,
	BOOT_COMPRESSION_XZ,
	BOOT_COMPRESSION_ZSTD,
	BOOT_COMPRESSION_LZ4, /* the legacy format, which Linux uses for itself */
	BOOT_COMPRESSION_LZ4_FRAME,
	BOOT_COMPRESSION_BZIP2, /* from here on known by name only: nestor cannot unpack them */
	BOOT_COMPRESSION_LZMA,
	BOOT_COMPRESSION_LZO,
	BOOT_COMPRESSION_UNKNOWN,
};

const char *boot_compression_name(enum boot_compression c);

/* What a kernel file is and offers. Entry points are guest physical. */
struct boot_info {
	enum boot_compression file_compression; /* of the file as a whole */
	size_t file_size, unpacked_file_size;   /* equal where it is not compressed */
	bool offers[BOOT_NR_PROTOCOLS];
	uint64_t
		entry[BOOT_NR_PROTOCOLS]; /* where offered; a bzImage's for its preferred address */
	enum boot_protocol preferred;     /* what boot_load takes when nothing is forced */
	enum boot_protocol preferred_with_modules;
	bool is_bzimage, is_elf, elf_is_64_bit;
	/* bzImage only, as in its setup header; empty or 0 where the protocol version has no such
	 * field */
	char version[160]; /* printable ASCII */
	unsigned protocol_major, protocol_minor;
	bool relocatable, initrd_above_4g;
	uint64_t preferred_address, init_size, initrd_addr_max, cmdline_max;
	bool has_payload;
	enum boot_compression payload_compression;
	size_t payload_offset, payload_size, unpacked_payload_size; /* offset from file start */
	bool payload_is_kernel; /* it unpacked to an ELF kernel of Linux; entries below are its */
	uint64_t payload_entry;
	bool payload_has_pvh;
	uint64_t payload_pvh_entry;
	/* Of an ELF kernel or a bzImage's payload: relocations that let it run elsewhere (KASLR).
	 */
	unsigned nr_relocation_lists; /* 0: none, or not a table that nestor understands */
	size_t nr_relocations;
	char payload_note[256]; /* why the payload could not be examined, or empty */
};

/*
 * Refuses what is recognisably no kernel by head, the first bytes of a file, whatever its size: for
 * callers that need not read the rest then. -ENOTSUP, as boot_load would say it.
 */
int boot_check_head(const struct boot_file *head, struct err *e) MUST_CHECK;

/* Describes a kernel file; unpacks what is packed. Errors as boot_load. */
int boot_inspect(
	const struct boot_file *file, struct boot_info *ret_info, struct err *e) MUST_CHECK;

/*
 * Unpacks a wholly compressed file, and of a bzImage its payload (an ELF vmlinux, for what Linux
 * appended to it: its relocations). The caller owns *ret_data and gives it to boot_extract_free.
 * -ENOTSUP where there is nothing to unpack, or nestor cannot.
 */
int boot_extract(const struct boot_file *file, uint8_t **ret_data, size_t *ret_size,
	struct err *e) MUST_CHECK;
void boot_extract_free(uint8_t *data, size_t size); /* NULL-safe */

/* Gives cache what boot_extract would unpack of file, where it has it not. Errors as that. */
int boot_fill_cache(
	const struct boot_file *file, const struct boot_cache *cache, struct err *e) MUST_CHECK;

#endif
