/* SPDX-License-Identifier: MIT */
/* What people give as a kernel by mistake is called what it is. */
#include "boot_test.h"

#include "boot/identify.h"

#include <elf.h>
#include <stdio.h>

#define FILE_BYTES (80 * KIB)

enum role { OTHER, KERNEL, RAMDISK };

static void expect_identity(
	const uint8_t *data, size_t size, const char *name, enum role role, const char *hint)
{
	struct identity id;
	if (!identify(data, size, &id))
		fail_msg("expected %s, found nothing", name);
	assert_string_equal(id.name, name);
	assert_int_equal(id.is_kernel, role == KERNEL);
	assert_int_equal(id.is_initrd, role == RAMDISK);
	assert_contains(id.hint, hint);
	if (!*hint)
		assert_string_equal(id.hint, "");
}

/* No magic number anywhere, and no text. */
static struct image image_of(size_t size)
{
	struct image image = { malloc(size ? size : 1), size };
	assert_non_null(image.data);
	image_fill(image.data, size, 0x81);
	return image;
}

static void identify__magic_number__name_and_advice(void **state)
{
	static const struct {
		size_t offset;
		const char *magic;
		size_t size;
		const char *name;
		enum role role;
		const char *hint;
	} rows[] = {
		{ 0x38, "ARM\x64", 4, "a Linux Image for ARM64", KERNEL, "for x86" },
		{ 0x38, "RSC\x05", 4, "a Linux Image for RISC-V", KERNEL, "for x86" },
		{ 0x30, "RISCV\0\0\0", 8, "a Linux Image for RISC-V", KERNEL, "for x86" },
		{ 0x24, "\x18\x28\x6f\x01", 4, "a Linux zImage for 32-bit ARM", KERNEL, "for x86" },
		{ 0, "\x27\x05\x19\x56", 4, "a U-Boot image (uImage)", KERNEL, "for x86" },
		{ 0, "\xd0\x0d\xfe\xed", 4, "a device tree or U-Boot image (FIT)", KERNEL,
			"for x86" },
		{ 0, "ANDROID!", 8, "an Android boot image", KERNEL, "for x86" },
		{ 0, "070701", 6, "a cpio archive, as initial RAM disks are", RAMDISK, "--initrd" },
		{ 0, "070702", 6, "a cpio archive, as initial RAM disks are", RAMDISK, "--initrd" },
		{ 0, "070707", 6, "a cpio archive of the old, portable form", OTHER, "--initrd" },
		{ 0x8001, "CD001", 5, "a CD image (ISO 9660)", OTHER, "without a disk" },
		{ 0, "QFI\xfb", 4, "a qcow2 disk image", OTHER, "without a disk" },
		{ 0, "QED\0", 4, "a QED disk image", OTHER, "without a disk" },
		{ 0, "KDMV", 4, "a VMDK disk image", OTHER, "without a disk" },
		{ 0, "vhdxfile", 8, "a VHDX disk image", OTHER, "without a disk" },
		{ 0, "conectix", 8, "a VHD disk image", OTHER, "without a disk" },
		{ 0x40, "\x7f\x10\xda\xbe", 4, "a VDI disk image", OTHER, "without a disk" },
		{ 0, "LUKS\xba\xbe", 6, "an encrypted disk (LUKS)", OTHER, "without a disk" },
		{ 0x200, "EFI PART", 8, "a disk image with a GUID partition table", OTHER, "disk" },
		{ 0x36, "FAT16   ", 8, "a FAT file system", OTHER, "without a disk" },
		{ 0x52, "FAT32   ", 8, "a FAT file system", OTHER, "without a disk" },
		{ 0x438, "\x53\xef", 2, "an ext2, ext3 or ext4 file system", RAMDISK, "disk" },
		{ 0x10040, "_BHRfS_M", 8, "a btrfs file system", RAMDISK, "without a disk" },
		{ 0, "hsqs", 4, "a squashfs file system", RAMDISK, "without a disk" },
		{ 0, "!<arch>\ndebian-binary", 21, "a Debian package", OTHER, "unpack it first" },
		{ 0, "!<arch>\nobject.o", 16, "an ar archive", OTHER, "unpack it first" },
		{ 0, "\xed\xab\xee\xdb", 4, "an RPM package", OTHER, "unpack it first" },
		{ 257, "ustar", 5, "a tar archive", OTHER, "unpack it first" },
		{ 0, "PK\3\4", 4, "a zip archive", OTHER, "unpack it first" },
		{ 0, "#!/bin/sh\n", 10, "a script", OTHER, "" },
		{ 0, "MZ", 2, "a DOS program", OTHER, "" },
		{ 0x1fe, "\x55\xaa", 2,
			"a boot sector with what follows it, for a PC's BIOS to start", OTHER, "" },
		{ 0x1000, "\xd6\x50\x52\xe8\0\0\0\0\x10\0\0\0\x1a\xaf\xad\x17", 16,
			"a kernel for Multiboot2, which nestor does not know", KERNEL, "" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct image k = image_of(FILE_BYTES);
		(void)memcpy(k.data + rows[i].offset, rows[i].magic, rows[i].size);
		expect_identity(k.data, k.size, rows[i].name, rows[i].role, rows[i].hint);
		/* With a byte less than the magic number it is something else, and nothing behind
		 * the file is read. */
		struct image shorter = image_copy(k.data, rows[i].offset + rows[i].size - 1);
		struct identity id;
		bool known = identify(shorter.data, shorter.size, &id);
		assert_false(known && rows[i].size > 2 && strcmp(id.name, rows[i].name) == 0 &&
			     rows[i].magic[0] != '!' && rows[i].magic[0] != '#' &&
			     rows[i].magic[0] != 'F' && rows[i].magic[0] != 'R');
		image_free(&shorter);
		image_free(&k);
	}
}

/* Two in one: an image of a CD that also boots from a stick has a partition table in front. */
static void identify__two_magic_numbers__the_more_telling(void **state)
{
	struct image k = image_of(FILE_BYTES);
	(void)state;
	(void)memset(k.data + 0x1be, 0, 64);
	k.data[0x1be] = 0x80;
	k.data[0x1be + 4] = 0x17;
	put_u32(k.data + 0x1be + 12, 1000);
	put_u16(k.data + 0x1fe, 0xaa55);
	expect_identity(k.data, k.size, "a disk image with a partition table (MBR)", OTHER,
		"without a disk");
	(void)memcpy(k.data + 0x8001, "CD001", 5);
	expect_identity(k.data, k.size, "a CD image (ISO 9660)", OTHER, "without a disk");
	image_free(&k);
	/* An Image for ARM64 is an EFI program, too. */
	k = image_of(FILE_BYTES);
	(void)memcpy(k.data, "MZ", 2);
	(void)memcpy(k.data + 0x38, "ARM\x64", 4);
	expect_identity(k.data, k.size, "a Linux Image for ARM64", KERNEL, "for x86");
	image_free(&k);
}

static void identify__plain_content__named(void **state)
{
	static const char toml[] = "[boot]\nkernel = \"vmlinuz\" # \xc3\xa4\n";
	uint8_t zeros[4096] = { 0 };
	struct identity id;
	struct image k = image_of(FILE_BYTES);
	(void)state;
	expect_identity((const uint8_t *)toml, sizeof(toml) - 1, "text", OTHER, "");
	expect_identity(zeros, sizeof(zeros), "a file that begins with zeros", OTHER, "");
	assert_false(identify(k.data, k.size, &id));
	assert_string_equal(id.name, "");
	assert_false(identify(k.data, 0, &id));
	image_free(&k);
}

/* A portable executable: DOS header, PE header at 0x80, PE32+ header, sections. */
static struct image portable_executable(
	unsigned machine, unsigned subsystem, const char *const *sections, unsigned nr)
{
	struct image k = image_of(4096);
	uint8_t *coff = k.data + 0x80;
	(void)memset(k.data, 0, 0x400);
	(void)memcpy(k.data, "MZ", 2);
	put_u32(k.data + 0x3c, 0x80);
	(void)memcpy(coff, "PE\0\0", 4);
	put_u16(coff + 4, (uint16_t)machine);
	put_u16(coff + 6, (uint16_t)nr);
	put_u16(coff + 20, 0xf0);
	put_u16(coff + 24, 0x20b);
	put_u16(coff + 24 + 68, (uint16_t)subsystem);
	for (unsigned i = 0; i < nr; i++) {
		uint8_t *section = coff + 24 + 0xf0 + (size_t)i * 40;
		(void)memcpy(section, sections[i], strlen(sections[i]));
		put_u32(section + 8, 1000 + i);
		put_u32(section + 20, 0x400 * (i + 1));
	}
	return k;
}

static void identify__portable_executable__by_subsystem_and_machine(void **state)
{
	static const struct {
		unsigned machine, subsystem;
		const char *name, *hint;
	} rows[] = {
		{ 0x8664, 10, "an EFI program, which only firmware can start, for x86-64",
			"without firmware" },
		{ 0x14c, 10, "an EFI program, which only firmware can start, for i386",
			"firmware" },
		{ 0xaa64, 11, "an EFI program, which only firmware can start, for ARM64",
			"firmware" },
		{ 0x5064, 12, "an EFI program, which only firmware can start, for RISC-V",
			"firmware" },
		{ 0x1234, 13, "an EFI program, which only firmware can start, for another machine",
			"firmware" },
		{ 0x8664, 3, "a Windows program for x86-64", "" },
		{ 0x14c, 2, "a Windows program for i386", "" },
	};
	static const char *const sections[] = { ".text", ".data" };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct image k =
			portable_executable(rows[i].machine, rows[i].subsystem, sections, 2);
		expect_identity(k.data, k.size, rows[i].name, KERNEL, rows[i].hint);
		image_free(&k);
	}
}

static void identify__unified_kernel_image__says_where_the_kernel_is(void **state)
{
	static const char *const sections[] = { ".text", ".osrel", ".cmdline", ".linux",
		".initrd" };
	struct image k = portable_executable(0x8664, 10, sections, 5);
	(void)state;
	expect_identity(k.data, k.size,
		"a unified kernel image, an EFI program, whose section .linux has the kernel: 1003 "
		"bytes at offset 0x1000",
		KERNEL, "objcopy -O binary --only-section=.linux FILE vmlinuz");
	image_free(&k);
}

static void identify__zboot__called_one(void **state)
{
	struct image k = image_of(4096);
	(void)state;
	(void)memcpy(k.data, "MZ\0\0zimg", 8);
	expect_identity(k.data, k.size, "a compressed EFI program with Linux in it (EFI zboot)",
		KERNEL, "without firmware");
	image_free(&k);
}

/* Hostile: every length, and offsets that lead anywhere; the sanitizers watch. */
static void identify__cut_or_damaged_anywhere__nothing_outside_is_read(void **state)
{
	static const char *const sections[] = { ".text", ".linux" };
	struct image k = portable_executable(0x8664, 10, sections, 2);
	struct identity id;
	(void)state;
	for (size_t n = 0; n < 0x300; n++) {
		struct image shorter = image_copy(k.data, n);
		(void)identify(shorter.data, shorter.size, &id);
		image_free(&shorter);
	}
	static const uint32_t offsets[] = { 0, 1, 0x40, 4000, 4095, 4096, 0x7fffffff, 0xfffffff0,
		0xffffffff };
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		put_u32(k.data + 0x3c, offsets[i]);
		(void)identify(k.data, k.size, &id);
	}
	put_u32(k.data + 0x3c, 0x80);
	put_u16(k.data + 0x80 + 6, 0xffff);
	put_u16(k.data + 0x80 + 20, 0xffff);
	assert_true(identify(k.data, k.size, &id));
	image_free(&k);
}

static void refuses(const struct image *k, int code, const char *text, const char *hint)
{
	struct machine m;
	struct err e = ERR_INIT;
	struct boot_result r;
	machine_init(&m, 16 * MIB);
	struct boot_request req = request(&m, k);
	assert_int_equal(boot_load(&req, &m.mem, &r, &e), code);
	assert_memory_equal(e.msg, "dir/test-kernel: ", 17);
	assert_contains(e.msg, text);
	assert_contains(e.hint, hint);
	assert_int_equal(e.kind, ERR_CONFIG);
	/* The same words whichever protocol is asked for. */
	req.protocol_forced = true;
	for (unsigned p = 0; p < BOOT_NR_PROTOCOLS; p++) {
		req.protocol = (enum boot_protocol)p;
		must_refuse(&req, &m, code, text);
	}
	machine_done(&m);
}

static void boot_load__no_kernel__says_what_it_is(void **state)
{
	static const char *const none[] = { ".text" };
	struct image k = portable_executable(0x8664, 10, none, 1);
	(void)state;
	refuses(&k, -ENOTSUP,
		"is an EFI program, which only firmware can start, for x86-64, not a kernel that",
		"without firmware");
	image_free(&k);
	k = image_copy("QFI\xfb\0\0\0\3", 8);
	refuses(&k, -ENOTSUP, "is a qcow2 disk image, not a kernel that", "without a disk");
	image_free(&k);
	k = image_copy("#!/bin/sh\n", 10);
	refuses(&k, -ENOTSUP, "is a script, not a kernel that", "");
	image_free(&k);
}

static void boot_load__compressed_and_no_kernel__says_what_is_in_it(void **state)
{
	static const enum boot_compression formats[] = { BOOT_COMPRESSION_GZIP, BOOT_COMPRESSION_XZ,
		BOOT_COMPRESSION_ZSTD, BOOT_COMPRESSION_LZ4, BOOT_COMPRESSION_LZ4_FRAME };
	static const size_t sizes[] = { 4096, 20 * MIB }; /* the guest has 16 MiB */
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			char text[128];
			struct image plain = image_of(sizes[s]);
			(void)memcpy(plain.data, "070701", 6);
			struct image k = image_compress(formats[i], &plain);
			(void)snprintf(text, sizeof(text),
				"is compressed as %s; unpacked, it is a cpio archive, as initial",
				boot_compression_name(formats[i]));
			refuses(&k, -ENOTSUP, text, "boot.initrd");
			image_free(&k);
			image_free(&plain);
		}
	}
}

/* What cannot be told stays what it was: the reason why it does not unpack. */
static void boot_load__compressed_and_too_large_or_damaged__keeps_the_reason(void **state)
{
	struct elf_options o = elf_options();
	struct image plain = image_of(20 * MIB);
	struct image elf = image_elf(&o);
	(void)state;
	struct image k = image_compress(BOOT_COMPRESSION_GZIP, &plain);
	refuses(&k, -EFBIG, "unpacks to more than the 16777216 bytes", "");
	image_free(&k);
	(void)memcpy(plain.data, elf.data, elf.size);
	k = image_compress(BOOT_COMPRESSION_GZIP, &plain);
	refuses(&k, -EFBIG, "unpacks to more than the 16777216 bytes", "");
	image_free(&k);
	k = image_compress(BOOT_COMPRESSION_XZ, &elf);
	k.data[k.size / 2] ^= 0xff;
	refuses(&k, -EINVAL, "the xz data are damaged", "");
	image_free(&k);
	image_free(&elf);
	image_free(&plain);
}

/* The initrd and the kernel exchanged, a disk instead of an initrd: worth a word, no more. */
static void boot_load__initrd_is_no_initrd__noted(void **state)
{
	static const struct {
		const char *data;
		size_t size;
		const char *note;
	} rows[] = {
		{ "070701", 6, "" },
		{ "\x1f\x8b and so on", 12, "" },
		{ "\x01\x02 of no kind", 12, "" },
		{ "hsqs", 4, "" },
		{ "QFI\xfb", 4,
			"is a qcow2 disk image; Linux takes a cpio archive or a file system" },
		{ "#!/bin/sh", 9, "is a script; Linux takes" },
		{ "\177ELF", 4, "is an ELF kernel or program; Linux takes" },
	};
	struct machine m;
	struct bzimage_options bo = bzimage_options();
	struct image k = image_bzimage(&bo);
	struct elf_options eo = elf_options();
	(void)state;
	eo.multiboot = true;
	struct image multiboot = image_elf(&eo);
	machine_init(&m, 32 * MIB);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct boot_request req = request(&m, &k);
		req.initrd = (struct boot_file){ "an/initrd", (const uint8_t *)rows[i].data,
			rows[i].size };
		struct boot_result r = must_load(&req, &m);
		if (rows[i].note[0])
			assert_contains(r.initrd_note, rows[i].note);
		else
			assert_string_equal(r.initrd_note, "");
		req.kernel = image_file(&multiboot, "k");
		assert_string_equal(must_load(&req, &m).initrd_note, "");
	}
	struct boot_request req = request(&m, &k);
	assert_string_equal(must_load(&req, &m).initrd_note, "");
	req.initrd = image_file(&k, "an/initrd");
	assert_contains(must_load(&req, &m).initrd_note, "is a kernel (bzImage)");
	machine_done(&m);
	image_free(&multiboot);
	image_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identify__magic_number__name_and_advice),
		cmocka_unit_test(identify__two_magic_numbers__the_more_telling),
		cmocka_unit_test(identify__plain_content__named),
		cmocka_unit_test(identify__portable_executable__by_subsystem_and_machine),
		cmocka_unit_test(identify__unified_kernel_image__says_where_the_kernel_is),
		cmocka_unit_test(identify__zboot__called_one),
		cmocka_unit_test(identify__cut_or_damaged_anywhere__nothing_outside_is_read),
		cmocka_unit_test(boot_load__no_kernel__says_what_it_is),
		cmocka_unit_test(boot_load__initrd_is_no_initrd__noted),
		cmocka_unit_test(boot_load__compressed_and_no_kernel__says_what_is_in_it),
		cmocka_unit_test(boot_load__compressed_and_too_large_or_damaged__keeps_the_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
