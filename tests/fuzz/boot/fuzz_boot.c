/* SPDX-License-Identifier: MIT */
/*
 * Hostile kernel files through boot_load, boot_inspect and boot_extract: truncated at each length,
 * single bits flipped, fields set to extremes, random bytes under each format's magic number. The
 * same bytes each run, unless a seed is given: fuzz_boot [SEED [MILLISECONDS]].
 *
 * Each call must return 0, or an error with a message that names the file; guest RAM lies between
 * pages that fault, and files in buffers of just their size, so that no access beside either passes
 * unseen.
 */
#include "boot_test.h"

#include <elf.h>
#include <stdio.h>
#include <time.h>

#define PATH "the-kernel"
#define RAM_BYTES (20 * MIB)
#define HEAD_BYTES 4096 /* headers end before; damage is done up to here */

struct fuzz {
	struct machine machine;
	uint64_t random;
	uint64_t nr_calls, nr_loaded;
	const char *stage;
};

/* xorshift64*: enough, and the same everywhere. */
static uint64_t next_random(struct fuzz *f)
{
	f->random ^= f->random >> 12;
	f->random ^= f->random << 25;
	f->random ^= f->random >> 27;
	return f->random * UINT64_C(0x2545f4914f6cdd1d);
}

static void check(struct fuzz *f, const char *call, int rc, const struct err *e)
{
	f->nr_calls++;
	if (rc == 0) {
		f->nr_loaded++;
		return;
	}
	if (rc > 0 || !strstr(e->msg, PATH)) {
		(void)fprintf(stderr, "fuzz_boot: %s: %s returned %d with message \"%s\"\n",
			f->stage, call, rc, e->msg);
		abort();
	}
}

/* Loads data as bits of choice say; the caller's buffer is of just this size. */
static void try_load(struct fuzz *f, const uint8_t *data, size_t size, unsigned choice)
{
	static const uint8_t tree[100] = { 0xd0, 0x0d, 0xfe, 0xed };
	struct boot_module module = { { PATH "-module", tree, sizeof(tree) }, "arguments" };
	struct boot_request req = { .kernel = { PATH, data, size },
		.plan = &f->machine.plan,
		.rsdp = gpa(PLAN_ACPI_BASE),
		.ram_is_zero = true };
	struct boot_result result;
	struct err e = ERR_INIT;
	req.decompress_on_host = choice & 1;
	req.decompress_required = choice & 2;
	req.protocol_forced = choice & 4;
	req.protocol = (enum boot_protocol)(choice >> 3 & 3);
	if (choice & 32)
		req.initrd = (struct boot_file){ PATH "-initrd", tree, sizeof(tree) };
	if (choice & 64) {
		req.modules = &module;
		req.nr_modules = 1;
	}
	if (choice & 128) {
		req.device_tree = tree;
		req.device_tree_size = sizeof(tree);
	}
	/* Zeroing all .bss that a hostile header claims is slow; sometimes will do. */
	req.ram_is_zero = choice >> 8 & 15;
	req.kaslr = (enum boot_kaslr)((choice >> 12 & 15) % 3);
	req.random[0] = next_random(f);
	req.random[1] = next_random(f);
	check(f, "boot_load", boot_load(&req, &f->machine.mem, &result, &e), &e);
}

static void try_all(struct fuzz *f, const uint8_t *data, size_t size)
{
	struct boot_file file = { PATH, data, size };
	struct boot_info info;
	struct err e = ERR_INIT;
	uint8_t *out = NULL;
	size_t out_size = 0;
	uint64_t r = next_random(f), loaded = f->nr_loaded;
	try_load(f, data, size, 0x1f01); /* as it comes, at a random place */
	bool loads = f->nr_loaded > loaded;
	int refused = boot_check_head(&file, &e);
	check(f, "boot_check_head", refused, &e);
	if (loads && refused) {
		(void)fprintf(
			stderr, "fuzz_boot: %s: it loads, but not its head: %s\n", f->stage, e.msg);
		abort();
	}
	try_load(f, data, size, 0xf00);
	try_load(f, data, size, (unsigned)r);
	if (r >> 40 & 7)
		return;
	check(f, "boot_inspect", boot_inspect(&file, &info, &e), &e);
	int rc = boot_extract(&file, &out, &out_size, &e);
	check(f, "boot_extract", rc, &e);
	if (rc == 0)
		boot_extract_free(out, out_size);
}

static void truncate_everywhere(struct fuzz *f, const struct image *seed)
{
	f->stage = "truncation";
	for (size_t size = 0; size < seed->size; size += size < 1400 ? 1 : 37) {
		struct image cut = image_copy(seed->data, size);
		try_all(f, cut.data, cut.size);
		image_free(&cut);
	}
}

static void flip_bits(struct fuzz *f, struct image *seed)
{
	f->stage = "bit flip";
	size_t head = seed->size < HEAD_BYTES ? seed->size : HEAD_BYTES;
	for (size_t i = 0; i < head; i++) {
		unsigned bit = (unsigned)(next_random(f) & 7);
		seed->data[i] ^= (uint8_t)(1u << bit);
		try_all(f, seed->data, seed->size);
		seed->data[i] ^= (uint8_t)(1u << bit);
	}
}

/* Each aligned field of 2, 4 and 8 bytes becomes what arithmetic goes wrong with. */
static void set_extremes(struct fuzz *f, struct image *seed)
{
	static const uint64_t extremes[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0,
		UINT64_MAX, UINT64_C(0x8000000000000000), 0xc0000000, 0x100000000, 0x9fc00,
		0x13fffff };
	f->stage = "extreme field";
	size_t head = seed->size < HEAD_BYTES ? seed->size : HEAD_BYTES;
	for (size_t at = 0; at + 8 <= head; at += 2) {
		size_t width = (size_t)2 << (next_random(f) % 3);
		uint64_t value = extremes[next_random(f) % ARRAY_SIZE(extremes)];
		uint8_t saved[8];
		(void)memcpy(saved, seed->data + at, 8);
		(void)memcpy(seed->data + at, &value, width);
		try_all(f, seed->data, seed->size);
		(void)memcpy(seed->data + at, saved, 8);
	}
}

/* The table of relocations at the file's end: each word becomes each of these, or is cut off. */
static void damage_tail(struct fuzz *f, struct image *seed)
{
	static const uint32_t words[] = { 0, 1, 0x7fffffff, 0x80000000, 0x803fffff, 0x80400fff,
		0x81003ffd, 0x81004000, 0xffffffff };
	f->stage = "damaged tail";
	for (size_t at = seed->size - 40; at + 4 <= seed->size; at += 2) {
		uint8_t saved[4];
		(void)memcpy(saved, seed->data + at, 4);
		for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
			put_u32(seed->data + at, words[i]);
			try_all(f, seed->data, seed->size);
		}
		(void)memcpy(seed->data + at, saved, 4);
	}
	for (size_t cut = 1; cut < 40; cut++) {
		struct image copy = image_copy(seed->data, seed->size - cut);
		try_all(f, copy.data, copy.size);
		image_free(&copy);
	}
}

/* Several faults at once, anywhere. */
static void scramble(struct fuzz *f, const struct image *seed, unsigned rounds)
{
	f->stage = "scramble";
	for (unsigned i = 0; i < rounds; i++) {
		struct image copy =
			image_copy(seed->data, seed->size - next_random(f) % (seed->size / 4 + 1));
		for (uint64_t n = next_random(f) % 16; n-- > 0;) {
			size_t range = next_random(f) & 1 ? 1024 : copy.size;
			size_t at =
				(size_t)(next_random(f) % (range < copy.size ? range : copy.size));
			copy.data[at] = (uint8_t)next_random(f);
		}
		try_all(f, copy.data, copy.size);
		image_free(&copy);
	}
}

static void random_under_magic(struct fuzz *f, const struct image *seed, unsigned rounds)
{
	f->stage = "random bytes";
	for (unsigned i = 0; i < rounds; i++) {
		size_t size = (size_t)(next_random(f) % 3000);
		size_t keep = (size_t)(next_random(f) % 64);
		uint8_t bytes[3000];
		for (size_t at = 0; at < size; at++)
			bytes[at] = (uint8_t)next_random(f);
		(void)memcpy(bytes, seed->data, keep < size ? keep : size);
		if (size > 0x210 && (i & 1)) {
			put_u16(bytes + 0x1fe, 0xaa55);
			(void)memcpy(bytes + 0x202, "HdrS", 4);
		}
		struct image copy = image_copy(bytes, size);
		try_all(f, copy.data, copy.size);
		image_free(&copy);
	}
}

static struct image seed_elf(bool is_64_bit, bool multiboot)
{
	struct elf_options o = is_64_bit ? elf_options_linux() : elf_options();
	o.is_64_bit = is_64_bit;
	o.machine = is_64_bit ? EM_X86_64 : EM_386;
	o.pvh_note_size = is_64_bit ? 8 : 4;
	o.pvh_entry = o.segments[0].paddr;
	o.linux_note = true;
	o.multiboot = multiboot;
	o.segments[1] = (struct test_segment){ 4 * MIB, 4 * MIB, 512, 4096 };
	o.nr_segments = 2;
	if (is_64_bit) /* the lowest segment tells where Linux was linked */
		o.segments[1].vaddr = UINT64_C(0xffffffff80000000) + 4 * MIB;
	struct image plain = image_elf(&o);
	uint32_t first = is_64_bit ? UINT32_C(0x80400000) : (uint32_t)MIB;
	uint32_t words[] = { 0, first, first + 4, 0, first + 16, 0, first + 32, first + 40 };
	struct image image = image_with_words(&plain, words, is_64_bit ? ARRAY_SIZE(words) : 3);
	image_free(&plain);
	return image;
}

/* Over the places of a loader's own tables. */
static struct image seed_low(void)
{
	struct elf_options o = elf_options();
	o.entry = o.pvh_entry = 0x2000;
	o.pvh_note_size = 4;
	o.segments[0] = (struct test_segment){ 0x2000, 0x2000, 512, 0x3000 };
	o.segments[1] = (struct test_segment){ 0x10000, 0x10000, 512, 0x1000 };
	o.nr_segments = 2;
	return image_elf(&o);
}

/* No kernel, but with offsets of its own: an EFI program with a section ".linux". */
static struct image seed_efi(void)
{
	uint8_t bytes[1024] = { 'M', 'Z' };
	put_u32(bytes + 0x3c, 0x80);
	(void)memcpy(bytes + 0x80, "PE\0\0\x64\x86\1", 8);
	put_u16(bytes + 0x94, 0xf0);
	put_u16(bytes + 0x98, 0x20b);
	put_u16(bytes + 0xdc, 10);
	(void)memcpy(bytes + 0x188, ".linux", 6);
	return image_copy(bytes, sizeof(bytes));
}

#define NR_FORMATS 5
#define NR_SEEDS (5 + 2 * NR_FORMATS)

static void make_seeds(struct image seeds[NR_SEEDS])
{
	static const enum boot_compression formats[NR_FORMATS] = { BOOT_COMPRESSION_GZIP,
		BOOT_COMPRESSION_XZ, BOOT_COMPRESSION_ZSTD, BOOT_COMPRESSION_LZ4,
		BOOT_COMPRESSION_LZ4_FRAME };
	struct addresses_options addresses = addresses_options();
	struct bzimage_options plain = bzimage_options();
	unsigned n = 0;
	plain.init_size = 2 * MIB;
	seeds[n++] = seed_elf(true, true);
	seeds[n++] = seed_elf(false, true);
	seeds[n++] = image_addresses(&addresses);
	seeds[n++] = seed_low();
	seeds[n++] = image_bzimage(&plain);
	for (unsigned i = 0; i < NR_FORMATS; i++) {
		struct image payload = image_payload(formats[i], &seeds[0]);
		struct bzimage_options o = plain;
		o.payload = &payload;
		seeds[n++] = image_bzimage(&o);
		seeds[n++] = image_compress(formats[i], &seeds[1]);
		image_free(&payload);
	}
}

static uint64_t now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	uint64_t run_ms = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
	struct fuzz f = { .random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1 };
	struct image seeds[NR_SEEDS];
	uint64_t start = now_ms();
	machine_init(&f.machine, RAM_BYTES);
	make_seeds(seeds);
	do {
		for (unsigned i = 0; i < NR_SEEDS; i++) {
			uint64_t before = f.nr_loaded;
			f.stage = "as it is";
			try_all(&f, seeds[i].data, seeds[i].size);
			if (f.nr_loaded == before) {
				(void)fprintf(stderr,
					"fuzz_boot: seed %u, undamaged, does not load\n", i);
				abort();
			}
			truncate_everywhere(&f, &seeds[i]);
			flip_bits(&f, &seeds[i]);
			set_extremes(&f, &seeds[i]);
			damage_tail(&f, &seeds[i]);
			scramble(&f, &seeds[i], 300);
			random_under_magic(&f, &seeds[i], 100);
		}
		struct image efi = seed_efi();
		truncate_everywhere(&f, &efi);
		flip_bits(&f, &efi);
		set_extremes(&f, &efi);
		scramble(&f, &efi, 300);
		image_free(&efi);
	} while (now_ms() - start < run_ms);
	(void)printf("fuzz_boot: seed %llu: %llu calls, of which %llu succeeded, in %llu ms\n",
		(unsigned long long)seed, (unsigned long long)f.nr_calls,
		(unsigned long long)f.nr_loaded, (unsigned long long)(now_ms() - start));
	for (unsigned i = 0; i < NR_SEEDS; i++)
		image_free(&seeds[i]);
	machine_done(&f.machine);
	return 0;
}
