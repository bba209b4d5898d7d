/* SPDX-License-Identifier: MIT */
#include "boot_test.h"

#include "boot/elf.h"

#include <elf.h>
#include <sys/mman.h>

static struct elf_image parse(const struct image *image)
{
	struct elf_image elf = { 0 };
	struct err e = ERR_INIT;
	struct boot_file file = image_file(image, "k");
	if (elf_parse(&file, &elf, &e) < 0)
		fail_msg("%s", e.msg);
	return elf;
}

static void refuses_image(struct image *image, int code, const char *text)
{
	struct elf_image elf;
	struct err e = ERR_INIT;
	struct boot_file file = image_file(image, "some/kernel");
	int rc = elf_parse(&file, &elf, &e);
	if (rc != code || !strstr(e.msg, text))
		fail_msg("%d \"%s\", expected %d \"%s\"", rc, e.msg, code, text);
	assert_memory_equal(e.msg, "some/kernel: ", 13);
	assert_int_equal(e.kind, ERR_CONFIG);
	image_free(image);
}

static void refuses(size_t offset, unsigned bytes, uint64_t value, int code, const char *text)
{
	struct elf_options o = elf_options();
	struct image image = image_elf(&o);
	(void)memcpy(image.data + offset, &value, bytes);
	refuses_image(&image, code, text);
}

static void elf_parse__64_bit__segments_and_notes(void **state)
{
	struct elf_options o = elf_options_linux();
	(void)state;
	o.linux_note = true;
	o.pvh_note_size = 8;
	o.pvh_entry = 16 * MIB + 8;
	o.segments[1] = (struct test_segment){ 20 * MIB, 0, 0, 4096 };
	o.segments[2] = (struct test_segment){ 0, 0, 0, 0 }; /* nothing to load */
	o.nr_segments = 3;
	struct image image = image_elf(&o);
	struct elf_image elf = parse(&image);
	assert_true(elf.is_64_bit && elf.is_x86_64 && elf.has_linux_note && elf.has_pvh);
	assert_int_equal(elf.pvh_entry, 16 * MIB + 8);
	assert_int_equal(elf.entry, 16 * MIB + 0x40);
	assert_int_equal(elf.nr_load, 2);
	assert_int_equal(elf.load[0].offset, ELF_TEST_DATA);
	assert_int_equal(elf.load[0].memsz, 16384);
	assert_int_equal(elf.load[1].index, 1);
	assert_int_equal(elf_base(&elf), 16 * MIB);
	assert_true(elf_loads(&elf, 16 * MIB + 16383));
	assert_false(elf_loads(&elf, 16 * MIB + 16384));
	image_free(&image);
}

static void elf_parse__32_bit_with_4_byte_pvh_note__read(void **state)
{
	struct elf_options o = elf_options();
	(void)state;
	o.is_64_bit = false;
	o.machine = EM_386;
	o.pvh_note_size = 4;
	o.pvh_entry = MIB + 4;
	struct image image = image_elf(&o);
	struct elf_image elf = parse(&image);
	assert_false(elf.is_64_bit || elf.is_x86_64 || elf.has_linux_note);
	assert_true(elf.has_pvh);
	assert_int_equal(elf.pvh_entry, MIB + 4);
	assert_int_equal(elf.load[0].paddr, MIB);
	image_free(&image);
}

static void elf_parse__wrong_header__refused_naming_field(void **state)
{
	(void)state;
	refuses(offsetof(Elf64_Ehdr, e_ident) + EI_CLASS, 1, 3, -EINVAL, "ELF class is 3");
	refuses(offsetof(Elf64_Ehdr, e_ident) + EI_DATA, 1, 2, -ENOTSUP,
		"big-endian ELF for another machine");
	refuses(offsetof(Elf64_Ehdr, e_ident) + EI_DATA, 1, 3, -ENOTSUP, "data encoding is 3");
	refuses(offsetof(Elf64_Ehdr, e_machine), 2, EM_AARCH64, -ENOTSUP,
		"is ELF for ARM64 (e_machine is 183)");
	refuses(offsetof(Elf64_Ehdr, e_type), 2, ET_REL, -ENOTSUP,
		"is an object file, such as a kernel's module (ELF e_type is 1)");
	refuses(offsetof(Elf64_Ehdr, e_phnum), 2, 0, -EINVAL, "e_phnum is 0");
	refuses(offsetof(Elf64_Ehdr, e_phnum), 2, 0xffff, -EINVAL, "e_phnum is 65535");
	refuses(offsetof(Elf64_Ehdr, e_phentsize), 2, 32, -EINVAL,
		"e_phentsize is 32, expected 56");
	refuses(offsetof(Elf64_Ehdr, e_phoff), 8, UINT64_MAX, -EINVAL,
		"e_phoff is 0xffffffffffffffff");
	refuses(offsetof(Elf64_Ehdr, e_phoff), 8, 0x3000, -EINVAL, "e_phoff is 0x3000");
}

static void elf_parse__wrong_segment__refused_naming_field(void **state)
{
	const size_t at = sizeof(Elf64_Ehdr);
	(void)state;
	refuses(at + offsetof(Elf64_Phdr, p_filesz), 8, 8193, -EINVAL,
		"ends behind the file's 12288 bytes");
	refuses(at + offsetof(Elf64_Phdr, p_filesz), 8, UINT64_MAX, -EINVAL, "ends behind");
	refuses(at + offsetof(Elf64_Phdr, p_offset), 8, UINT64_MAX, -EINVAL,
		"p_offset 0xffffffffffffffff");
	refuses(at + offsetof(Elf64_Phdr, p_memsz), 8, 8191, -EINVAL,
		"p_filesz is 0x2000, more than its p_memsz");
	refuses(at + offsetof(Elf64_Phdr, p_memsz), 8, UINT64_MAX, -EINVAL, "wraps around");
	refuses(at + offsetof(Elf64_Phdr, p_type), 4, PT_NULL, -EINVAL, "no segment to load");
}

static void elf_parse__x32__refused(void **state)
{
	struct elf_options o = elf_options();
	(void)state;
	o.is_64_bit = false;
	struct image image = image_elf(&o);
	refuses_image(&image, -ENOTSUP, "x32");
}

static void elf_parse__bad_pvh_note__refused(void **state)
{
	struct elf_options o = elf_options();
	(void)state;
	o.pvh_note_size = 6;
	struct image image = image_elf(&o);
	refuses_image(&image, -EINVAL, "has 6 bytes, expected 4 or 8");
	o.pvh_note_size = 8;
	o.pvh_entry = 4 * GIB;
	image = image_elf(&o);
	refuses_image(&image, -EINVAL, "expected an address below 4 GiB");
}

static void elf_parse__note_runs_over_its_segment__left(void **state)
{
	struct elf_options o = elf_options();
	(void)state;
	o.pvh_note_size = 8;
	o.pvh_entry = MIB;
	struct image image = image_elf(&o);
	put_u32(image.data + 0x404, 0xfffffff0); /* the first note's content */
	assert_false(parse(&image).has_pvh);
	put_u32(image.data + 0x400, 0xfffffff0); /* and its owner */
	assert_false(parse(&image).has_pvh);
	image_free(&image);
}

static void elf_parse__every_truncation__refused(void **state)
{
	struct elf_options o = elf_options();
	struct image image = image_elf(&o);
	(void)state;
	for (size_t size = 4; size < image.size; size += size < 300 ? 1 : 11) {
		struct image shorter = image_copy(image.data, size);
		refuses_image(&shorter, -EINVAL, "");
	}
	image_free(&image);
}

static void elf_claim__overlapping_segments__refused(void **state)
{
	struct elf_options o = elf_options();
	struct machine m;
	struct space s;
	struct err e = ERR_INIT;
	(void)state;
	o.segments[1] = (struct test_segment){ MIB + 16383, 0, 10, 10 };
	o.nr_segments = 2;
	struct image image = image_elf(&o);
	struct elf_image elf = parse(&image);
	struct boot_file file = image_file(&image, "k");
	machine_init(&m, 16 * MIB);
	space_init(&s, &m.plan, &m.mem);
	assert_int_equal(elf_claim(&file, &elf, &s, &e), -EINVAL);
	assert_contains(e.msg, "k: ELF segment 1, [0x103fff, 0x104008], overlaps ELF segment 0");
	machine_done(&m);
	image_free(&image);
}

static void elf_claim__gap_between_segments__kept(void **state)
{
	struct elf_options o = elf_options();
	struct machine m;
	struct space s;
	(void)state;
	o.segments[1] = (struct test_segment){ 15 * MIB, 0, 10, MIB };
	o.nr_segments = 2;
	struct image image = image_elf(&o);
	struct elf_image elf = parse(&image);
	struct boot_file file = image_file(&image, "k");
	machine_init(&m, 16 * MIB);
	space_init(&s, &m.plan, &m.mem);
	assert_int_equal(elf_claim(&file, &elf, &s, NULL), 0);
	assert_false(space_is_free(&s, (struct range){ 8 * MIB, 1 }));
	machine_done(&m);
	image_free(&image);
}

/* Loads into RAM full of ones. */
static void load_dirty(bool ram_is_zero, uint64_t paddr, struct machine *m, struct image *ret_image)
{
	struct elf_options o = elf_options();
	o.segments[0].paddr = paddr;
	*ret_image = image_elf(&o);
	(void)memset(ret_image->data + ELF_TEST_DATA + 100, 0,
		7000); /* a page of zeros, whatever paddr */
	struct elf_image elf = parse(ret_image);
	struct boot_file file = image_file(ret_image, "k");
	machine_init(m, 16 * MIB);
	(void)memset(m->ram + MIB, 0xff, MIB);
	assert_int_equal(elf_load(&file, &elf, &m->mem, ram_is_zero, NULL), 0);
}

static void elf_load__dirty_ram__bss_zeroed_and_nothing_else(void **state)
{
	struct machine m;
	struct image image;
	static const uint8_t zeros[8192];
	(void)state;
	load_dirty(false, MIB + 8, &m, &image);
	assert_int_equal(m.ram[MIB + 7], 0xff);
	assert_memory_equal(m.ram + MIB + 8, image.data + ELF_TEST_DATA, 8192);
	assert_memory_equal(m.ram + MIB + 8 + 8192, zeros, 8192);
	assert_int_equal(m.ram[MIB + 8 + 16384], 0xff);
	machine_done(&m);
	image_free(&image);
}

static void elf_load__zero_ram__zero_pages_and_bss_not_touched(void **state)
{
	struct machine m;
	struct image image;
	(void)state;
	load_dirty(true, MIB + 8, &m, &image);
	assert_memory_equal(m.ram + MIB + 8, image.data + ELF_TEST_DATA, 4088);
	assert_int_equal(m.ram[MIB + 4096], 0); /* 4096 to 8192 hold data again from 7108 on */
	assert_int_equal(m.ram[MIB + 8 + 7100 + 5], image.data[ELF_TEST_DATA + 7105]);
	assert_int_equal(m.ram[MIB + 8 + 8192], 0xff); /* .bss: the caller said that it is zero */
	machine_done(&m);
	image_free(&image);
}

static void elf_load__zero_ram__whole_zero_page_left_alone(void **state)
{
	struct machine m;
	struct elf_options o = elf_options();
	struct image image = image_elf(&o);
	struct boot_file file = image_file(&image, "k");
	(void)state;
	(void)memset(image.data + ELF_TEST_DATA + 4096, 0, 4096);
	struct elf_image elf = parse(&image);
	machine_init(&m, 16 * MIB);
	(void)memset(m.ram + MIB, 0xff, MIB);
	assert_int_equal(elf_load(&file, &elf, &m.mem, true, NULL), 0);
	assert_int_equal(m.ram[MIB], image.data[ELF_TEST_DATA]);
	assert_int_equal(m.ram[MIB + 4096], 0xff);
	machine_done(&m);
	image_free(&image);
}

/* Loads an ELF file of these segments, the second's offset less by `shared`, from a mapping of its
 * own; *ret_data is that, as it is afterwards. */
static void load_scratch(struct machine *m, const struct elf_options *o, uint64_t shared,
	struct image *ret_image, uint8_t **ret_data)
{
	*ret_image = image_elf(o);
	uint8_t *second = ret_image->data + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
	put_u64(second + offsetof(Elf64_Phdr, p_offset),
		ELF_TEST_DATA + o->segments[0].filesz - shared);
	uint8_t *data = mmap(
		NULL, ret_image->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(data, MAP_FAILED);
	(void)memcpy(data, ret_image->data, ret_image->size);
	struct boot_file file = { "k", data, ret_image->size };
	struct elf_image elf;
	assert_int_equal(elf_parse(&file, &elf, NULL), 0);
	elf.is_scratch = true;
	machine_init(m, 32 * MIB);
	assert_int_equal(elf_load(&file, &elf, &m->mem, true, NULL), 0);
	*ret_data = data;
}

static void elf_load__scratch__given_back_but_for_shared_pages(void **state)
{
	struct machine m;
	struct image image;
	uint8_t *data;
	struct elf_options o = elf_options();
	uint64_t first = 5 * MIB + 100;
	(void)state;
	o.segments[0] = (struct test_segment){ MIB, MIB, first, first };
	o.segments[1] = (struct test_segment){ 16 * MIB, 16 * MIB, 3 * MIB, 3 * MIB };
	o.nr_segments = 2;
	load_scratch(&m, &o, 0, &image, &data);
	assert_memory_equal(m.ram + MIB, image.data + ELF_TEST_DATA, first);
	assert_memory_equal(m.ram + 16 * MIB, image.data + ELF_TEST_DATA + first, 3 * MIB);
	for (size_t at = ELF_TEST_DATA; at + 4096 <= image.size; at += 4096) {
		bool shared = at <= ELF_TEST_DATA + first && at + 4096 > ELF_TEST_DATA + first;
		if (shared)
			assert_memory_equal(data + at, image.data + at, 4096);
		else
			assert_true(data[at] == 0 && data[at + 4095] == 0);
	}
	assert_memory_equal(data, image.data, ELF_TEST_DATA);
	(void)munmap(data, image.size);
	machine_done(&m);
	image_free(&image);
}

static void elf_load__scratch_read_twice__kept(void **state)
{
	struct machine m;
	struct image image;
	uint8_t *data;
	struct elf_options o = elf_options();
	(void)state;
	o.segments[0] = (struct test_segment){ MIB, MIB, 3 * MIB, 3 * MIB };
	o.segments[1] = (struct test_segment){ 16 * MIB, 16 * MIB, 3 * MIB, 3 * MIB };
	o.nr_segments = 2;
	load_scratch(&m, &o, 2 * MIB, &image, &data);
	assert_memory_equal(m.ram + MIB, image.data + ELF_TEST_DATA, 3 * MIB);
	assert_memory_equal(m.ram + 16 * MIB, image.data + ELF_TEST_DATA + MIB, 3 * MIB);
	assert_memory_equal(data + ELF_TEST_DATA, image.data + ELF_TEST_DATA, 4 * MIB);
	(void)munmap(data, image.size);
	machine_done(&m);
	image_free(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elf_parse__64_bit__segments_and_notes),
		cmocka_unit_test(elf_parse__32_bit_with_4_byte_pvh_note__read),
		cmocka_unit_test(elf_parse__wrong_header__refused_naming_field),
		cmocka_unit_test(elf_parse__wrong_segment__refused_naming_field),
		cmocka_unit_test(elf_parse__x32__refused),
		cmocka_unit_test(elf_parse__bad_pvh_note__refused),
		cmocka_unit_test(elf_parse__note_runs_over_its_segment__left),
		cmocka_unit_test(elf_parse__every_truncation__refused),
		cmocka_unit_test(elf_claim__overlapping_segments__refused),
		cmocka_unit_test(elf_claim__gap_between_segments__kept),
		cmocka_unit_test(elf_load__dirty_ram__bss_zeroed_and_nothing_else),
		cmocka_unit_test(elf_load__zero_ram__zero_pages_and_bss_not_touched),
		cmocka_unit_test(elf_load__zero_ram__whole_zero_page_left_alone),
		cmocka_unit_test(elf_load__scratch__given_back_but_for_shared_pages),
		cmocka_unit_test(elf_load__scratch_read_twice__kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
