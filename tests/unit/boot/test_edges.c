/* SPDX-License-Identifier: MIT */
/*
 * Edges of kernel files and of guest memory: notes that end with their segment, headers in the last
 * bytes that are searched, compressed data cut at every byte, and RAM above 4 GiB.
 */
#include "boot_test.h"

#include "boot/decompress.h"
#include "boot/elf.h"
#include "boot/layout.h"
#include "boot/multiboot.h"
#include "boot/space.h"
#include "fake/allocation.h"

#include <elf.h>
#include <stdio.h>

#define XEN_PHYS32_ENTRY 18

/* Notes as they are built, in a buffer. */
struct notes {
	uint8_t data[256];
	size_t size;
	uint64_t align;
};

static void add_note(struct notes *notes, const char *owner, uint32_t type, size_t desc_size)
{
	size_t at = notes->size, owner_size = strlen(owner) + 1;
	put_u32(notes->data + at, (uint32_t)owner_size);
	put_u32(notes->data + at + 4, (uint32_t)desc_size);
	put_u32(notes->data + at + 8, type);
	(void)memcpy(notes->data + at + 12, owner, owner_size);
	at = (size_t)align_up(at + 12 + owner_size, notes->align);
	put_u32(notes->data + at, MIB + 0x40); /* what a PVH entry is: within the kernel */
	notes->size = (size_t)align_up(at + desc_size, notes->align);
}

/* A kernel whose last bytes are the first file_size of the notes; a segment of size bytes there,
 * with this alignment. */
static struct elf_image parse_notes(
	const struct notes *notes, size_t size, size_t file_size, uint64_t p_align)
{
	struct elf_options o = elf_options();
	struct image kernel = image_elf(&o);
	struct image longer = { malloc(kernel.size + file_size), kernel.size + file_size };
	struct elf_image elf = { 0 };
	struct err e = ERR_INIT;
	Elf64_Phdr p;
	uint8_t *phdr;
	assert_non_null(longer.data);
	(void)memcpy(longer.data, kernel.data, kernel.size);
	(void)memcpy(longer.data + kernel.size, notes->data, file_size);
	phdr = longer.data + sizeof(Elf64_Ehdr) + sizeof(p);
	(void)memcpy(&p, phdr, sizeof(p));
	assert_int_equal(p.p_type, PT_NOTE);
	p.p_offset = kernel.size;
	p.p_filesz = p.p_memsz = size;
	p.p_align = p_align;
	(void)memcpy(phdr, &p, sizeof(p));
	struct boot_file file = image_file(&longer, "k");
	if (elf_parse(&file, &elf, &e) < 0)
		fail_msg("%s", e.msg);
	image_free(&longer);
	image_free(&kernel);
	return elf;
}

/* The same, where the file ends with the segment: sanitizers see each read behind it. */
static struct elf_image parse_with_notes(const struct notes *notes, size_t size, uint64_t p_align)
{
	return parse_notes(notes, size, size, p_align);
}

static void elf_note__padding_of_the_last_is_cut__what_follows_is_no_note(void **state)
{
	struct notes notes = { .align = 4 };
	(void)state;
	add_note(&notes, "GNU", 3, 5);
	size_t end = notes.size - 3; /* of the content */
	add_note(&notes, "Xen", XEN_PHYS32_ENTRY, 4);
	assert_true(parse_notes(&notes, notes.size, notes.size, 4).has_pvh);
	assert_false(parse_notes(&notes, end, notes.size, 4).has_pvh);
	assert_false(parse_notes(&notes, end, end, 4).has_pvh);
}

/* nr program headers, of which the last nr_load load a page each, in the last bytes of the file but
 * for `short_by`. */
static int parse_headers(unsigned nr, unsigned nr_load, size_t short_by)
{
	size_t table = nr * sizeof(Elf64_Phdr), size = 4096 + table;
	struct image k = { calloc(1, size), size - short_by };
	Elf64_Ehdr h = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				 EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_phoff = 4096,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (uint16_t)nr };
	struct elf_image elf;
	assert_non_null(k.data);
	(void)memcpy(k.data, &h, sizeof(h));
	for (unsigned i = nr - nr_load; i < nr; i++) {
		Elf64_Phdr p = { .p_type = PT_LOAD, .p_paddr = MIB + i * 4096, .p_memsz = 4096 };
		(void)memcpy(k.data + 4096 + i * sizeof(p), &p, sizeof(p));
	}
	struct image exact = image_copy(k.data, k.size);
	struct boot_file file = image_file(&exact, "k");
	int rc = elf_parse(&file, &elf, NULL);
	if (rc == 0)
		assert_int_equal(elf.nr_load, nr_load);
	image_free(&exact);
	image_free(&k);
	return rc;
}

static void elf_parse__limits__taken_and_one_more_refused(void **state)
{
	(void)state;
	assert_int_equal(parse_headers(256, 1, 0), 0);
	assert_int_equal(parse_headers(257, 1, 0), -EINVAL);
	assert_int_equal(parse_headers(ELF_MAX_LOAD, ELF_MAX_LOAD, 0), 0);
	assert_int_equal(parse_headers(ELF_MAX_LOAD + 1, ELF_MAX_LOAD + 1, 0), -EINVAL);
	assert_int_equal(parse_headers(2, 1, 1), -EINVAL); /* the table's last byte is missing */
}

static int multiboot_by_addresses(struct addresses_options o)
{
	struct image k = image_addresses(&o);
	struct boot_file file = image_file(&k, "k");
	struct multiboot_header header;
	struct elf_image image;
	assert_true(multiboot_find(k.data, k.size, &header));
	int rc = multiboot_image(&file, &header, NULL, &image, NULL);
	image_free(&k);
	return rc;
}

static void multiboot_image__ends_of_data_and_bss__to_the_byte(void **state)
{
	struct addresses_options o = addresses_options();
	(void)state;
	o.bss_end_addr = 0;
	o.load_end_addr = (uint32_t)(o.load_addr + o.size);
	assert_int_equal(multiboot_by_addresses(o), 0);
	o.load_end_addr++;
	assert_int_equal(multiboot_by_addresses(o), -EINVAL);
	o.load_end_addr = 0;
	o.bss_end_addr = (uint32_t)(o.load_addr + o.size);
	assert_int_equal(multiboot_by_addresses(o), 0);
	o.bss_end_addr--;
	assert_int_equal(multiboot_by_addresses(o), -EINVAL);
}

static void elf_note__content_ends_with_its_segment__is_taken(void **state)
{
	struct notes notes = { .align = 4 };
	(void)state;
	add_note(&notes, "Xen", XEN_PHYS32_ENTRY, 4);
	struct elf_image elf = parse_with_notes(&notes, notes.size, 4);
	assert_true(elf.has_pvh);
	assert_int_equal(elf.pvh_entry, MIB + 0x40);
}

static void elf_note__cut_anywhere__is_left_and_nothing_behind_it_read(void **state)
{
	struct notes notes = { .align = 4 };
	(void)state;
	add_note(&notes, "Linux", 0x100, 4);
	size_t first = notes.size;
	add_note(&notes, "Xen", XEN_PHYS32_ENTRY, 8);
	for (size_t size = 1; size < notes.size; size++) {
		struct elf_image elf = parse_with_notes(&notes, size, 4);
		assert_false(elf.has_pvh);
		assert_int_equal(elf.has_linux_note, size >= first);
	}
}

static void elf_note__sizes_beyond_the_segment__is_left(void **state)
{
	static const uint32_t sizes[] = { 5, 0x100, 0x7fffffff, UINT32_MAX - 3, UINT32_MAX };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct notes notes = { .align = 4 };
		add_note(&notes, "Xen", XEN_PHYS32_ENTRY, 4);
		put_u32(notes.data + 4, sizes[i]);
		assert_false(parse_with_notes(&notes, notes.size, 4).has_pvh);
		put_u32(notes.data + 4, 4);
		put_u32(notes.data, sizes[i] + 4);
		assert_false(parse_with_notes(&notes, notes.size, 4).has_pvh);
	}
}

static void elf_note__segment_aligned_to_8__owner_and_content_are_padded_to_it(void **state)
{
	struct notes notes = { .align = 8 };
	(void)state;
	add_note(&notes, "Linux", 0x100, 4); /* its content at 24, not 20; it ends at 28 */
	add_note(&notes, "GNU", 5, 12);
	add_note(&notes, "Xen", XEN_PHYS32_ENTRY, 4);
	struct elf_image elf = parse_with_notes(&notes, notes.size, 8);
	assert_true(elf.has_linux_note);
	assert_true(elf.has_pvh);
	assert_int_equal(elf.pvh_entry, MIB + 0x40);
	assert_false(parse_with_notes(&notes, notes.size, 4).has_pvh);
}

static void elf_note__segment_of_any_other_alignment__padded_to_4(void **state)
{
	static const uint64_t aligns[] = { 0, 1, 4, 16, 4096 };
	struct notes notes = { .align = 4 };
	(void)state;
	add_note(&notes, "Linux", 0x100, 4);
	add_note(&notes, "Xen", XEN_PHYS32_ENTRY, 4);
	for (size_t i = 0; i < ARRAY_SIZE(aligns); i++)
		assert_true(parse_with_notes(&notes, notes.size, aligns[i]).has_pvh);
	assert_false(parse_with_notes(&notes, notes.size, 8).has_pvh);
}

/* A file of size bytes with a header at `at`; whether it is found, and there. */
static bool finds_header(size_t size, size_t at, uint32_t flags)
{
	struct image image = { calloc(1, size), size };
	uint8_t header[32];
	struct multiboot_header found = { 0 };
	assert_non_null(image.data);
	for (size_t i = 0; i < sizeof(header); i += 4)
		put_u32(header + i, 0x00100000);
	put_u32(header, 0x1badb002);
	put_u32(header + 4, flags);
	put_u32(header + 8, 0 - UINT32_C(0x1badb002) - flags);
	(void)memcpy(image.data + at, header, size - at < sizeof(header) ? size - at : 32);
	bool is_found = multiboot_find(image.data, image.size, &found);
	if (is_found)
		assert_int_equal(found.offset, at);
	image_free(&image);
	return is_found;
}

static void multiboot_find__header_in_the_last_bytes_searched__found(void **state)
{
	(void)state;
	assert_true(finds_header(8192, 8192 - 12, 3));
	assert_true(finds_header(20000, 8192 - 12, 3));
	assert_true(finds_header(20000, 8192 - 32, 0x10003));
	assert_true(finds_header(12, 0, 3));
	assert_true(finds_header(32, 0, 0x10003));
	assert_true(finds_header(1000, 1000 - 12, 3));
}

static void multiboot_find__header_not_wholly_in_the_bytes_searched__not_found(void **state)
{
	(void)state;
	assert_false(finds_header(20000, 8192 - 8, 3));
	assert_false(finds_header(20000, 8192, 3));
	assert_false(finds_header(20000, 8192 - 28, 0x10003));
	assert_false(finds_header(11, 0, 3));
	assert_false(finds_header(31, 0, 0x10003));
	assert_false(finds_header(1000, 998, 3));
	assert_false(finds_header(1000, 102, 3)); /* on no 32-bit boundary */
}

static const enum boot_compression formats[] = { BOOT_COMPRESSION_GZIP, BOOT_COMPRESSION_XZ,
	BOOT_COMPRESSION_ZSTD, BOOT_COMPRESSION_LZ4, BOOT_COMPRESSION_LZ4_FRAME };

/* What is to be refused. */
struct packed {
	enum boot_compression compression;
	const struct image *image;
	size_t limit;
};

static void refuse_packed(void *ctx)
{
	const struct packed *p = ctx;
	struct unpacked out = { 0 };
	struct err e = ERR_INIT;
	if (decompress(p->compression, p->image->data, p->image->size, p->limit, &out, &e) >= 0)
		fail_msg("%s: %zu bytes were taken", boot_compression_name(p->compression),
			p->image->size);
	assert_null(out.data);
}

static void refused_without_leak(enum boot_compression c, const struct image *image, size_t limit)
{
	struct packed p = { c, image, limit };
	if (allocation_leaks(refuse_packed, &p))
		fail_msg("%s, cut to %zu bytes: memory is lost", boot_compression_name(c),
			image->size);
}

static void decompress__cut_at_every_length__refused_and_nothing_leaks(void **state)
{
	uint8_t data[600];
	(void)state;
	image_fill(data, sizeof(data), 1);
	struct image plain = image_copy(data, sizeof(data));
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct image packed = image_compress(formats[i], &plain);
		for (size_t size = 1; size < packed.size; size++) {
			struct image shorter = image_copy(packed.data, size);
			refused_without_leak(formats[i], &shorter, plain.size);
			image_free(&shorter);
		}
		image_free(&packed);
	}
	image_free(&plain);
}

static void decompress__too_large_or_damaged__refused_and_nothing_leaks(void **state)
{
	uint8_t data[5000];
	(void)state;
	image_fill(data, sizeof(data), 1);
	struct image plain = image_copy(data, sizeof(data));
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct image packed = image_compress(formats[i], &plain);
		refused_without_leak(formats[i], &packed, plain.size - 1);
		(void)memset(packed.data + 4, 0xff, packed.size - 4);
		refused_without_leak(formats[i], &packed, plain.size);
		image_free(&packed);
	}
	image_free(&plain);
}

/* Pages of this process' address space. */
static unsigned long address_space_pages(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu", &pages), 1);
	(void)fclose(f);
	return pages;
}

static void decompress__refused_often__mappings_are_given_back(void **state)
{
	static const uint8_t cut[] = { 0x1f, 0x8b, 8 };
	unsigned long before = address_space_pages();
	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		struct unpacked out = { 0 };
		assert_true(decompress(BOOT_COMPRESSION_GZIP, cut, sizeof(cut), 256 * MIB, &out,
				    NULL) < 0);
	}
	assert_true(address_space_pages() < before + 4 * GIB / 4096);
}

static void decompress__limit__from_one_byte_to_the_most_that_a_kernel_may_have(void **state)
{
	uint8_t data[] = { 'x' };
	struct image plain = image_copy(data, 1);
	struct image packed = image_compress(BOOT_COMPRESSION_GZIP, &plain);
	static const size_t good[] = { 1, BOOT_MAX_UNPACKED_BYTES };
	static const size_t bad[] = { 0, BOOT_MAX_UNPACKED_BYTES + 1 };
	struct unpacked out = { 0 };
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(decompress(BOOT_COMPRESSION_GZIP, packed.data, packed.size,
					 good[i], &out, NULL),
			0);
		unpacked_done(&out);
		assert_int_equal(decompress(BOOT_COMPRESSION_GZIP, packed.data, packed.size, bad[i],
					 &out, NULL),
			-EINVAL);
	}
	image_free(&packed);
	image_free(&plain);
}

/* 3 GiB below the hole, and 1 GiB from 4 GiB on. */
static void space_of_4_gib(struct space *s, struct machine *m)
{
	machine_init(m, 4 * GIB);
	space_init(s, &m->plan, &m->mem);
}

static const struct range everywhere = { 0, UINT64_MAX };

static void claim(struct space *s, uint64_t base, uint64_t size)
{
	struct err e = ERR_INIT;
	if (space_claim(s, (struct range){ base, size }, "it", -1, &e))
		fail_msg("%s", e.msg);
}

static void refuse(struct space *s, uint64_t base, uint64_t size, const char *text)
{
	struct err e = ERR_INIT;
	assert_int_equal(space_claim(s, (struct range){ base, size }, "it", -1, &e), -ENOSPC);
	assert_contains(e.msg, text);
}

static void space_claim__ends_of_ram_on_both_sides_of_the_hole__to_the_byte(void **state)
{
	struct machine m;
	struct space s;
	(void)state;
	space_of_4_gib(&s, &m);
	refuse(&s, 3 * GIB - 1, 2, "hole for devices");
	refuse(&s, 4 * GIB - 1, 1, "hole for devices");
	refuse(&s, 4 * GIB - 1, 2, "hole for devices");
	refuse(&s, 3 * GIB - 4096, GIB + 8192, "hole for devices");
	refuse(&s, 5 * GIB, 1, "needs 4097 MiB of memory; the guest has 4096 MiB");
	refuse(&s, 5 * GIB - 1, 2, "needs 4097 MiB of memory; the guest has 4096 MiB");
	claim(&s, 3 * GIB - 1, 1);
	claim(&s, 4 * GIB, 1);
	claim(&s, 5 * GIB - 1, 1);
	claim(&s, 4 * GIB + 1, GIB - 2);
	assert_int_equal(s.nr_used, 4);
	machine_done(&m);
}

static void space_claim__last_byte_below_the_hole__counts_without_the_hole(void **state)
{
	struct machine m;
	struct space s;
	(void)state;
	machine_init(&m, 16 * MIB);
	space_init(&s, &m.plan, &m.mem);
	refuse(&s, 3 * GIB - 1, 1, "needs 3072 MiB");
	refuse(&s, 4 * GIB, 1, "needs 3073 MiB");
	refuse(&s, 4 * GIB + MIB - 1, 1, "needs 3073 MiB");
	refuse(&s, 4 * GIB + MIB, 1, "needs 3074 MiB");
	machine_done(&m);
}

static void space_find_low__nothing_left_below_the_hole__first_above_4_gib(void **state)
{
	struct machine m;
	struct space s;
	uint64_t base = 0;
	(void)state;
	space_of_4_gib(&s, &m);
	claim(&s, MIB, 3 * GIB - MIB);
	assert_int_equal(space_find_low(&s, 2 * MIB, MIB, everywhere, &base), 0);
	assert_int_equal(base, 4 * GIB);
	claim(&s, 4 * GIB, 1);
	assert_int_equal(space_find_low(&s, 2 * MIB, MIB, everywhere, &base), 0);
	assert_int_equal(base, 4 * GIB + MIB);
	assert_int_equal(
		space_find_low(&s, 2 * MIB, MIB, (struct range){ 0, 4 * GIB }, &base), -ENOSPC);
	machine_done(&m);
}

static void space_find_high__limit_in_the_hole_or_at_4_gib__below_the_hole(void **state)
{
	struct machine m;
	struct space s;
	uint64_t base = 0;
	(void)state;
	space_of_4_gib(&s, &m);
	assert_int_equal(space_find_high(&s, MIB, 4096, (struct range){ 0, 4 * GIB }, &base), 0);
	assert_int_equal(base, 3 * GIB - MIB);
	assert_int_equal(
		space_find_high(&s, MIB, 4096, (struct range){ 0, 4 * GIB + MIB - 1 }, &base), 0);
	assert_int_equal(base, 3 * GIB - MIB);
	assert_int_equal(
		space_find_high(&s, MIB, 4096, (struct range){ 0, 4 * GIB + MIB }, &base), 0);
	assert_int_equal(base, 4 * GIB);
	assert_int_equal(space_find_high(&s, GIB, 4096, everywhere, &base), 0);
	assert_int_equal(base, 4 * GIB);
	assert_int_equal(space_find_high(&s, GIB + 1, 4096, everywhere, &base), 0);
	assert_int_equal(base, 2 * GIB - 4096);
	machine_done(&m);
}

static void space_used_end__things_above_4_gib__do_not_count(void **state)
{
	struct machine m;
	struct space s;
	(void)state;
	space_of_4_gib(&s, &m);
	claim(&s, 4 * GIB, MIB);
	assert_int_equal(space_used_end(&s), LAYOUT_HIGH);
	claim(&s, 2 * MIB, 3 * MIB);
	assert_int_equal(space_used_end(&s), 5 * MIB);
	claim(&s, 3 * GIB - MIB, MIB);
	assert_int_equal(space_used_end(&s), 3 * GIB);
	space_avoid(&s, (struct range){ 4 * GIB - 4096, 4096 }, "the end");
	assert_int_equal(space_used_end(&s), 4 * GIB);
	space_avoid(&s, (struct range){ 4 * GIB - 4096, 4097 }, "past the end");
	assert_int_equal(space_used_end(&s), 4 * GIB);
	machine_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elf_note__padding_of_the_last_is_cut__what_follows_is_no_note),
		cmocka_unit_test(elf_parse__limits__taken_and_one_more_refused),
		cmocka_unit_test(multiboot_image__ends_of_data_and_bss__to_the_byte),
		cmocka_unit_test(decompress__refused_often__mappings_are_given_back),
		cmocka_unit_test(
			decompress__limit__from_one_byte_to_the_most_that_a_kernel_may_have),
		cmocka_unit_test(elf_note__content_ends_with_its_segment__is_taken),
		cmocka_unit_test(elf_note__cut_anywhere__is_left_and_nothing_behind_it_read),
		cmocka_unit_test(elf_note__sizes_beyond_the_segment__is_left),
		cmocka_unit_test(
			elf_note__segment_aligned_to_8__owner_and_content_are_padded_to_it),
		cmocka_unit_test(elf_note__segment_of_any_other_alignment__padded_to_4),
		cmocka_unit_test(multiboot_find__header_in_the_last_bytes_searched__found),
		cmocka_unit_test(
			multiboot_find__header_not_wholly_in_the_bytes_searched__not_found),
		cmocka_unit_test(decompress__cut_at_every_length__refused_and_nothing_leaks),
		cmocka_unit_test(decompress__too_large_or_damaged__refused_and_nothing_leaks),
		cmocka_unit_test(space_claim__ends_of_ram_on_both_sides_of_the_hole__to_the_byte),
		cmocka_unit_test(space_claim__last_byte_below_the_hole__counts_without_the_hole),
		cmocka_unit_test(space_find_low__nothing_left_below_the_hole__first_above_4_gib),
		cmocka_unit_test(space_find_high__limit_in_the_hole_or_at_4_gib__below_the_hole),
		cmocka_unit_test(space_used_end__things_above_4_gib__do_not_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
