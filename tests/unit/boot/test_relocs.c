/* SPDX-License-Identifier: MIT */
#include "boot_test.h"

#include "boot/relocs.h"

#include <elf.h>
#include <stdio.h>

#define LINKED UINT64_C(0xffffffff81000000)
#define LINKED_32 UINT32_C(0x81000000)
#define SIZE 256

/* The image's ELF file and its words; *ret_elf_file is the caller's to free. */
static int find(bool is_64_bit, const uint32_t *words, size_t nr, size_t cut, struct relocs *ret,
	struct image *ret_image, struct err *e)
{
	struct elf_options o = elf_options_linux();
	struct elf_image elf;
	o.is_64_bit = is_64_bit;
	o.machine = is_64_bit ? EM_X86_64 : EM_386;
	struct image plain = image_elf(&o);
	struct image whole = image_with_words(&plain, words, nr);
	*ret_image = image_copy(whole.data, whole.size - cut);
	image_free(&whole);
	image_free(&plain);
	struct boot_file file = image_file(ret_image, "k");
	assert_int_equal(elf_parse(&file, &elf, NULL), 0);
	return relocs_find(&file, &elf, ret, e);
}

static void expect_bad(
	bool is_64_bit, const uint32_t *words, size_t nr, size_t cut, const char *text)
{
	struct relocs r;
	struct image image;
	struct err e = ERR_INIT;
	assert_int_equal(find(is_64_bit, words, nr, cut, &r, &image, &e), -EINVAL);
	assert_contains(e.msg, text);
	assert_memory_equal(e.msg, "k: ", 3);
	assert_int_equal(r.nr_lists, 0);
	image_free(&image);
}

/* An image of bytes that differ, whose fields at 0x10, 0x21 and 0x40 hold known numbers. */
static void fill_image(uint8_t *image)
{
	image_fill(image, SIZE, 9);
	put_u64(image + 0x10, UINT64_C(0xffffffff81234567));
	put_u32(image + 0x21, UINT32_C(0x81765432));
	put_u32(image + 0x40, UINT32_C(0x00100000));
}

static void relocs_apply__three_lists__exact_bytes(void **state)
{
	static const uint32_t words[] = { 0, LINKED_32 + 0x10, 0, LINKED_32 + 0x40, 0,
		LINKED_32 + 0x21 };
	struct relocs r;
	struct image image;
	uint8_t got[SIZE], want[SIZE];
	(void)state;
	assert_int_equal(find(true, words, ARRAY_SIZE(words), 0, &r, &image, NULL), 0);
	assert_int_equal(r.nr_lists, 3);
	assert_int_equal(relocs_count(&r), 3);
	fill_image(got);
	fill_image(want);
	put_u64(want + 0x10, UINT64_C(0xffffffff91234567));
	put_u32(want + 0x21, UINT32_C(0x91765432));
	put_u32(want + 0x40, UINT32_C(0xf0100000));
	assert_int_equal(relocs_apply(&r, got, SIZE, LINKED, 0x10000000, NULL), 0);
	assert_memory_equal(got, want, SIZE);
	image_free(&image);
}

static void relocs_apply__two_lists__exact_bytes(void **state)
{
	static const uint32_t words[] = { 0, LINKED_32 + 0x10, 0, LINKED_32 + 0x21,
		LINKED_32 + 0x40 };
	struct relocs r;
	struct image image;
	uint8_t got[SIZE], want[SIZE];
	(void)state;
	assert_int_equal(find(true, words, ARRAY_SIZE(words), 0, &r, &image, NULL), 0);
	assert_int_equal(r.nr_lists, 2);
	assert_int_equal(r.lists[1].kind, RELOCS_32);
	fill_image(got);
	fill_image(want);
	put_u64(want + 0x10, UINT64_C(0xffffffff81434567));
	put_u32(want + 0x21, UINT32_C(0x81965432));
	put_u32(want + 0x40, UINT32_C(0x00300000));
	assert_int_equal(relocs_apply(&r, got, SIZE, LINKED, 2 * MIB, NULL), 0);
	assert_memory_equal(got, want, SIZE);
	image_free(&image);
}

static void relocs_apply__32_bit_kernel__exact_bytes(void **state)
{
	static const uint32_t words[] = { 0, UINT32_C(0xc1000021), UINT32_C(0xc1000040) };
	struct relocs r;
	struct image image;
	uint8_t got[SIZE], want[SIZE];
	(void)state;
	assert_int_equal(find(false, words, ARRAY_SIZE(words), 0, &r, &image, NULL), 0);
	assert_int_equal(r.nr_lists, 1);
	fill_image(got);
	fill_image(want);
	put_u32(want + 0x21, UINT32_C(0x80765432));
	put_u32(want + 0x40, UINT32_C(0xff100000));
	assert_int_equal(relocs_apply(&r, got, SIZE, UINT32_C(0xc1000000), 0 - 16 * MIB, NULL), 0);
	assert_memory_equal(got, want, SIZE);
	image_free(&image);
}

/* Each word that is not wholly inside, in each list; the first and the last that are. */
static void relocs_apply__field_outside__refused_naming_it(void **state)
{
	static const uint32_t outside[] = { LINKED_32 - 1, LINKED_32 + SIZE - 3, LINKED_32 + SIZE,
		1, UINT32_C(0x7fffffff), UINT32_C(0xffffffff) };
	struct relocs r;
	struct image image;
	uint8_t bytes[SIZE] = { 0 };
	(void)state;
	for (size_t i = 0; i < 3 * ARRAY_SIZE(outside); i++) {
		uint32_t words[] = { 0, LINKED_32, 0, LINKED_32, 0, LINKED_32 };
		char number[16];
		struct err e = ERR_INIT;
		uint32_t bad = outside[i / 3];
		words[1 + i % 3 * 2] = bad;
		(void)snprintf(number, sizeof(number), "for %#x,", bad);
		assert_int_equal(find(true, words, ARRAY_SIZE(words), 0, &r, &image, NULL), 0);
		assert_int_equal(relocs_apply(&r, bytes, SIZE, LINKED, 1, &e), -EINVAL);
		assert_contains(e.msg, number);
		assert_contains(e.msg, "outside of the kernel's [0x81000000, 0x810000ff]");
		assert_int_equal(relocs_apply(&r, bytes, 3, LINKED, 1, NULL), -EINVAL);
		image_free(&image);
	}
	uint32_t last[] = { 0, LINKED_32 + SIZE - 8, 0, LINKED_32 + SIZE - 4 };
	assert_int_equal(find(true, last, ARRAY_SIZE(last), 0, &r, &image, NULL), 0);
	assert_int_equal(relocs_apply(&r, bytes, SIZE, LINKED, 1, NULL), 0);
	last[1]++;
	image_free(&image);
	assert_int_equal(find(true, last, ARRAY_SIZE(last), 0, &r, &image, NULL), 0);
	assert_int_equal(relocs_apply(&r, bytes, SIZE, LINKED, 1, NULL), -EINVAL);
	assert_int_equal(relocs_apply(&r, bytes, 2 * GIB, LINKED, 1, NULL), -EINVAL);
	image_free(&image);
}

static void relocs_find__nothing_appended__no_lists(void **state)
{
	struct relocs r;
	struct image image;
	(void)state;
	assert_int_equal(find(true, NULL, 0, 0, &r, &image, NULL), 0);
	assert_int_equal(r.nr_lists, 0);
	image_free(&image);
	/* Section headers that are cut off: nothing can follow them. */
	assert_int_equal(find(true, NULL, 0, 1, &r, &image, NULL), 0);
	assert_int_equal(r.nr_lists, 0);
	image_free(&image);
}

static void relocs_find__empty_lists__counted(void **state)
{
	static const uint32_t zeros[3] = { 0 };
	struct relocs r;
	struct image image;
	(void)state;
	assert_int_equal(find(true, zeros, 3, 0, &r, &image, NULL), 0);
	assert_int_equal(r.nr_lists, 3);
	assert_int_equal(relocs_count(&r), 0);
	image_free(&image);
}

static void relocs_find__no_table__refused(void **state)
{
	static const uint32_t zeros[5] = { 0 };
	static const uint32_t unled[] = { LINKED_32, 0, LINKED_32 };
	static const uint32_t none[] = { 7, 8 };
	(void)state;
	expect_bad(true, zeros, 1, 0,
		"1 lists of relocations follow the ELF section headers, "
		"expected 2 or 3");
	expect_bad(true, zeros, 4, 0, "more than 3 lists");
	expect_bad(true, zeros, 5, 0, "more than 3 lists");
	expect_bad(false, zeros, 2, 0,
		"2 lists of relocations follow the ELF section headers, "
		"expected 1");
	expect_bad(true, unled, 3, 0, "begins with 0x81000000, expected the zero");
	expect_bad(true, none, 2, 0, "begins with 0x7, expected the zero");
	for (size_t cut = 1; cut < 4; cut++)
		expect_bad(true, zeros, 3, cut, "expected relocations: a multiple of 4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relocs_apply__three_lists__exact_bytes),
		cmocka_unit_test(relocs_apply__two_lists__exact_bytes),
		cmocka_unit_test(relocs_apply__32_bit_kernel__exact_bytes),
		cmocka_unit_test(relocs_apply__field_outside__refused_naming_it),
		cmocka_unit_test(relocs_find__nothing_appended__no_lists),
		cmocka_unit_test(relocs_find__empty_lists__counted),
		cmocka_unit_test(relocs_find__no_table__refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
