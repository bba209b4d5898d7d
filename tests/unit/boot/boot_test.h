/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the boot room share: cmocka, a machine of plain memory, and small kernel images
 * of each format, made by code so that each field can be wrong on its own.
 */
#ifndef NESTOR_TESTS_BOOT_TEST_H
#define NESTOR_TESTS_BOOT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot/boot.h"
#include "boot/bytes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A guest with RAM as a plan lays it out, between pages that fault. */
struct machine {
	struct machine_plan plan;
	struct guest_memory mem;
	uint8_t *ram;
	uint64_t bytes;
};

void machine_init(struct machine *m, uint64_t ram_bytes);
void machine_done(struct machine *m);
uint8_t *machine_at(const struct machine *m, uint64_t addr, uint64_t size);
uint32_t machine_u32(const struct machine *m, uint64_t addr);
uint64_t machine_u64(const struct machine *m, uint64_t addr);
const char *machine_string(const struct machine *m, uint64_t addr);

/* Bytes of malloc, of just this size, so that sanitizers see each read behind them. */
struct image {
	uint8_t *data;
	size_t size;
};

void image_free(struct image *image);
struct image image_copy(const void *data, size_t size);
struct boot_file image_file(const struct image *image, const char *path);

/* Filler that differs at each byte, and says where it came from. */
void image_fill(uint8_t *p, size_t size, unsigned seed);

struct bzimage_options {
	unsigned version, xloadflags, alignment, relocatable, cmdline_size, initrd_addr_max,
		init_size;
	uint64_t pref_address;
	size_t code_size;
	const struct image *payload; /* at code offset 0x300; NULL: none */
};

/* 2.15, 64-bit, relocatable, at 16 MiB, init_size 4 MiB, cmdline_size 255, 8 KiB of code. */
struct bzimage_options bzimage_options(void);
struct image image_bzimage(const struct bzimage_options *o);
#define BZIMAGE_TEST_SETUP_SECTS 4
#define BZIMAGE_TEST_CODE ((BZIMAGE_TEST_SETUP_SECTS + 1) * 512)
#define BZIMAGE_TEST_PAYLOAD_OFFSET 0x300

#define TEST_MAX_SEGMENTS 4

struct test_segment {
	uint64_t paddr, vaddr, filesz, memsz;
};

struct elf_options {
	bool is_64_bit;
	unsigned machine, type;
	uint64_t entry;
	struct test_segment segments[TEST_MAX_SEGMENTS];
	unsigned nr_segments;
	unsigned pvh_note_size; /* 4 or 8 bytes (or wrong ones); 0: no note */
	uint64_t pvh_entry;
	bool linux_note;
	bool multiboot;
	uint32_t multiboot_flags;
};

/* x86-64 executable: one segment of 8 KiB and as much .bss at 1 MiB, entered at its start. */
struct elf_options elf_options(void);
/* The same, linked as Linux is, at 16 MiB. */
struct elf_options elf_options_linux(void);
struct image image_elf(const struct elf_options *o);
/* A copy with a section header behind it, and words behind that: what Linux appends. */
struct image image_with_words(const struct image *elf, const uint32_t *words, size_t nr);
#define ELF_TEST_DATA 0x1000 /* file offset of the first segment's data */

struct addresses_options {
	size_t header_offset, size;
	uint32_t flags, header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};

/* No ELF: Multiboot by addresses: 8 KiB at 1 MiB, header at 256, entry behind it. */
struct addresses_options addresses_options(void);
struct image image_addresses(const struct addresses_options *o);

/* Compressed by the real libraries, in what Linux puts into a bzImage or as tools write files. */
struct image image_compress(enum boot_compression c, const struct image *plain);
/* The same as a bzImage's payload: with the size appended, but for gzip. */
struct image image_payload(enum boot_compression c, const struct image *plain);

/* A request for a kernel on a machine; the default command line. */
struct boot_request request(const struct machine *m, const struct image *kernel);

/* boot_load that must succeed (fails the test with the message), or must fail, with code and text.
 */
struct boot_result must_load(const struct boot_request *req, const struct machine *m);
void must_refuse(
	const struct boot_request *req, const struct machine *m, int code, const char *text);

#define assert_contains(text, part) assert_non_null(strstr((text), (part)))

#endif
