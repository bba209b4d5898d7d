/* SPDX-License-Identifier: MIT */
/* By which door a bzImage is entered, and that none is run whose header leaves no door. */
#include "boot_test.h"

#include <elf.h>

static struct image bzimage_with(struct bzimage_options o, const struct image *plain)
{
	struct image payload = image_payload(BOOT_COMPRESSION_ZSTD, plain);
	o.payload = &payload;
	struct image image = image_bzimage(&o);
	image_free(&payload);
	return image;
}

/* A 32-bit kernel as it was before notes of owner "Linux" (4.19). */
static struct image vmlinux_32(bool note)
{
	struct elf_options o = elf_options();
	o.is_64_bit = false;
	o.machine = EM_386;
	o.linux_note = note;
	o.entry = 16 * MIB + 0x40;
	o.segments[0] = (struct test_segment){ 16 * MIB, 0xc1000000, 8192, 16384 };
	return image_elf(&o);
}

static struct image vmlinux_64(void)
{
	struct elf_options o = elf_options_linux();
	return image_elf(&o);
}

static struct boot_request unpacking(const struct machine *m, const struct image *k)
{
	struct boot_request req = request(m, k);
	req.decompress_on_host = true;
	return req;
}

static void refuses(const struct image *k, int code, const char *text)
{
	struct machine m;
	machine_init(&m, 32 * MIB);
	struct boot_request req = unpacking(&m, k);
	must_refuse(&req, &m, code, text);
	req.protocol_forced = true;
	req.protocol = BOOT_LINUX64;
	must_refuse(&req, &m, code, text);
	machine_done(&m);
}

static void header__64_bit_entry_behind_the_kernel__refused(void **state)
{
	struct bzimage_options o = bzimage_options();
	(void)state;
	o.code_size = 0x200;
	struct image k = image_bzimage(&o);
	refuses(&k, -EINVAL,
		"xloadflags has XLF_KERNEL_64 (bit 0), whose entry is at 0x200 of the kernel; "
		"syssize says that the kernel has only 512 bytes");
	image_free(&k);
	o.code_size = 0x210;
	k = image_bzimage(&o);
	struct machine m;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	assert_int_equal(must_load(&req, &m).state.rip, 16 * MIB + 0x200);
	machine_done(&m);
	image_free(&k);
}

static void header__alignment_beyond_4_gib__refused(void **state)
{
	struct bzimage_options o = bzimage_options();
	(void)state;
	o.alignment = 0x80000000;
	o.pref_address = 0x80000001;
	struct image k = image_bzimage(&o);
	refuses(&k, -EINVAL,
		"kernel_alignment is 0x80000000, which puts pref_address at 4 GiB or above");
	image_free(&k);
}

static void header__not_relocatable_at_an_impossible_place__refused(void **state)
{
	static const struct {
		uint64_t pref_address;
		unsigned init_size;
		int code;
		const char *text;
	} rows[] = {
		{ 0x1000, 0, -EINVAL, "pref_address is 0x1000, expected 1 MiB to 4 GiB" },
		{ 5 * GIB, 0, -EINVAL, "pref_address is 0x140000000, expected" },
		{ 3 * GIB, 0, -ENOSPC, "lies in the hole for devices" },
		{ 0xfee00000, 0, -ENOSPC, "lies in the hole for devices" },
		{ 64 * MIB, 0, -ENOSPC, "needs 65 MiB of memory; the guest has 32 MiB" },
		{ 16 * MIB, 0xffffffff, -ENOSPC, "lies in the hole for devices" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bzimage_options o = bzimage_options();
		o.relocatable = 0;
		o.pref_address = rows[i].pref_address;
		o.init_size = rows[i].init_size;
		struct image k = image_bzimage(&o);
		refuses(&k, rows[i].code, rows[i].text);
		image_free(&k);
	}
}

static void header__too_old_or_a_zimage__refused(void **state)
{
	struct bzimage_options o = bzimage_options();
	(void)state;
	for (unsigned version = 0x100; version < 0x206; version++) {
		o.version = version;
		struct image k = image_bzimage(&o);
		refuses(&k, -ENOTSUP, "setup header: boot protocol version is ");
		image_free(&k);
	}
	o = bzimage_options();
	struct image k = image_bzimage(&o);
	k.data[0x211] = 0;
	refuses(&k, -ENOTSUP, "without LOADED_HIGH (bit 0): a zImage");
	image_free(&k);
}

/* Entered at 0x200 a 32-bit kernel would run into what is there. */
static void header__promises_64_bits_of_a_32_bit_kernel__refused(void **state)
{
	struct image elf = vmlinux_32(true);
	struct image k = bzimage_with(bzimage_options(), &elf);
	(void)state;
	refuses(&k, -EINVAL, "XLF_KERNEL_64 (bit 0), but the payload is a kernel of 32 bits");
	image_free(&k);
	image_free(&elf);
}

/* As before Linux 3.8: the header knows no 64-bit entry, but the kernel has one. */
static void no_xloadflags__64_bit_payload__its_own_entry(void **state)
{
	struct image elf = vmlinux_64();
	struct bzimage_options o = bzimage_options();
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct machine m;
		o.version = i ? 0x20b : 0x20f;
		o.xloadflags = i ? 1 : 0;
		struct image k = bzimage_with(o, &elf);
		machine_init(&m, 32 * MIB);
		struct boot_request req = unpacking(&m, &k);
		struct boot_result r = must_load(&req, &m);
		assert_int_equal(r.protocol, BOOT_LINUX64);
		assert_true(r.decompressed);
		assert_int_equal(r.state.rip, 16 * MIB + 0x40);
		assert_true(r.state.cs.long_mode);
		assert_string_equal(r.note, "");
		/* As the user says. */
		req.protocol_forced = true;
		req.protocol = BOOT_LINUX32;
		r = must_load(&req, &m);
		assert_int_equal(r.protocol, BOOT_LINUX32);
		assert_false(r.decompressed);
		assert_int_equal(r.state.rip, 16 * MIB);
		assert_string_equal(r.note, "");
		/* Left to the guest, it is the door that there is. */
		req = request(&m, &k);
		r = must_load(&req, &m);
		assert_int_equal(r.protocol, BOOT_LINUX32);
		assert_int_equal(r.state.rip, 16 * MIB);
		machine_done(&m);
		image_free(&k);
	}
	image_free(&elf);
}

static void payload_of_32_bits__with_or_without_note__unpacked_and_no_warning(void **state)
{
	(void)state;
	for (int note = 0; note < 2; note++) {
		struct machine m;
		struct image elf = vmlinux_32(note);
		struct bzimage_options o = bzimage_options();
		o.xloadflags = 0;
		struct image k = bzimage_with(o, &elf);
		struct boot_file file = image_file(&k, "k");
		struct boot_info info;
		assert_int_equal(boot_inspect(&file, &info, NULL), 0);
		assert_true(info.payload_is_kernel);
		assert_string_equal(info.payload_note, "");
		machine_init(&m, 32 * MIB);
		struct boot_request req = unpacking(&m, &k);
		struct boot_result r = must_load(&req, &m);
		assert_int_equal(r.protocol, BOOT_LINUX32);
		assert_true(r.decompressed);
		assert_int_equal(r.state.rip, 16 * MIB + 0x40);
		assert_string_equal(r.note, "");
		machine_done(&m);
		image_free(&k);
		/* By itself, without a note, nothing says that it is Linux. */
		machine_init(&m, 32 * MIB);
		req = request(&m, &elf);
		if (note)
			assert_int_equal(must_load(&req, &m).protocol, BOOT_LINUX32);
		else
			must_refuse(&req, &m, -ENOTSUP, "offers no boot protocol");
		machine_done(&m);
		image_free(&elf);
	}
}

/* memtest86+ is not compressed: nobody asked for what is not there to be unpacked. */
static void no_payload__nothing_to_unpack__no_warning(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	struct image k = image_bzimage(&o);
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = unpacking(&m, &k);
	assert_string_equal(must_load(&req, &m).note, "");
	req.decompress_required = true;
	must_refuse(&req, &m, -ENOTSUP, "has no compressed payload");
	machine_done(&m);
	image_free(&k);
}

/* Whoever prints a note has said whose it is. */
static void note__payload_that_cannot_be_unpacked__without_the_path(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	struct image payload = image_copy("BZh91AY&SY..........", 20);
	(void)state;
	o.payload = &payload;
	struct image k = image_bzimage(&o);
	struct boot_file file = image_file(&k, "some/kernel");
	struct boot_info info;
	assert_int_equal(boot_inspect(&file, &info, NULL), 0);
	assert_string_equal(info.payload_note,
		"the payload is compressed as bzip2, which nestor cannot unpack");
	machine_init(&m, 32 * MIB);
	struct boot_request req = unpacking(&m, &k);
	assert_string_equal(must_load(&req, &m).note, info.payload_note);
	machine_done(&m);
	image_free(&k);
	image_free(&payload);
}

static void elf__program_of_an_operating_system__called_one(void **state)
{
	struct machine m;
	struct elf_options o = elf_options();
	struct image k = image_elf(&o);
	/* The second program header is that of the notes. */
	uint8_t *type = k.data + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
	(void)state;
	machine_init(&m, 16 * MIB);
	struct boot_request req = request(&m, &k);
	put_u32(type, PT_INTERP);
	must_refuse(&req, &m, -ENOTSUP,
		"is a program for an operating system (ELF), not a kernel that nestor can boot");
	put_u32(type, PT_DYNAMIC);
	must_refuse(&req, &m, -ENOTSUP, "is a shared library or program (ELF), not a kernel");
	machine_done(&m);
	image_free(&k);
	/* FreeBSD's kernel names an interpreter, and boots. */
	o.multiboot = true;
	k = image_elf(&o);
	put_u32(k.data + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr), PT_INTERP);
	machine_init(&m, 16 * MIB);
	req = request(&m, &k);
	assert_int_equal(must_load(&req, &m).protocol, BOOT_MULTIBOOT);
	machine_done(&m);
	image_free(&k);
}

static void elf__multiboot2_alone__refused_naming_it(void **state)
{
	struct machine m;
	struct elf_options o = elf_options();
	struct image k = image_elf(&o);
	(void)state;
	put_u32(k.data + 0x800, 0xe85250d6);
	put_u32(k.data + 0x804, 0);
	put_u32(k.data + 0x808, 16);
	put_u32(k.data + 0x80c, 0 - UINT32_C(0xe85250d6) - 16);
	machine_init(&m, 16 * MIB);
	struct boot_request req = request(&m, &k);
	must_refuse(&req, &m, -ENOTSUP,
		"Multiboot: it has a Multiboot2 header, which nestor does not know");
	machine_done(&m);
	image_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header__64_bit_entry_behind_the_kernel__refused),
		cmocka_unit_test(header__alignment_beyond_4_gib__refused),
		cmocka_unit_test(header__not_relocatable_at_an_impossible_place__refused),
		cmocka_unit_test(header__too_old_or_a_zimage__refused),
		cmocka_unit_test(header__promises_64_bits_of_a_32_bit_kernel__refused),
		cmocka_unit_test(no_xloadflags__64_bit_payload__its_own_entry),
		cmocka_unit_test(payload_of_32_bits__with_or_without_note__unpacked_and_no_warning),
		cmocka_unit_test(no_payload__nothing_to_unpack__no_warning),
		cmocka_unit_test(note__payload_that_cannot_be_unpacked__without_the_path),
		cmocka_unit_test(elf__program_of_an_operating_system__called_one),
		cmocka_unit_test(elf__multiboot2_alone__refused_naming_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
