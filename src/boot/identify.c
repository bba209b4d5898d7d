/* SPDX-License-Identifier: MIT */
#include "boot/identify.h"

#include "boot/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum advice { NONE, INITRD, UNPACK, EFI, DISK, FOREIGN };

static const char *const advices[] = {
	[NONE] = "",
	[INITRD] = "an initial RAM disk is boot.initrd (--initrd)",
	[UNPACK] = "unpack it first, and give the kernel that is in it, such as boot/vmlinuz-*",
	[EFI] = "nestor starts kernels itself, without firmware: give it the kernel, such as "
		"vmlinuz",
	[DISK] = "nestor starts kernels itself, without a disk: copy the kernel and its initrd out "
		 "of "
		 "it",
	[FOREIGN] = "give a kernel for x86",
};

enum role { OTHER, KERNEL, RAMDISK };

/*
 * Magic numbers, the more telling ones first: an ISO image may begin with a boot sector, a kernel
 * for another processor with what makes it an EFI program. Sources: file(1)'s magic, and the
 * specifications of each.
 */
static const struct {
	uint32_t offset;
	uint8_t size;
	uint8_t role, advice;
	char magic[17];
	char name[56];
} signatures[] = {
	{ 0x38, 4, KERNEL, FOREIGN, "ARM\x64", "a Linux Image for ARM64" },
	{ 0x38, 4, KERNEL, FOREIGN, "RSC\x05", "a Linux Image for RISC-V" },
	{ 0x30, 5, KERNEL, FOREIGN, "RISCV", "a Linux Image for RISC-V" },
	{ 0x24, 4, KERNEL, FOREIGN, "\x18\x28\x6f\x01", "a Linux zImage for 32-bit ARM" },
	{ 0, 4, KERNEL, FOREIGN, "\x27\x05\x19\x56", "a U-Boot image (uImage)" },
	{ 0, 4, KERNEL, FOREIGN, "\xd0\x0d\xfe\xed", "a device tree or U-Boot image (FIT)" },
	{ 0, 8, KERNEL, FOREIGN, "ANDROID!", "an Android boot image" },
	{ 0, 4, KERNEL, FOREIGN, "\xcf\xfa\xed\xfe", "a Mach-O program" },
	{ 0, 6, RAMDISK, INITRD, "070701", "a cpio archive, as initial RAM disks are" },
	{ 0, 6, RAMDISK, INITRD, "070702", "a cpio archive, as initial RAM disks are" },
	{ 0, 6, OTHER, INITRD, "070707", "a cpio archive of the old, portable form" },
	{ 0, 2, OTHER, INITRD, "\xc7\x71", "a cpio archive of the old, binary form" },
	{ 0x8001, 5, OTHER, DISK, "CD001", "a CD image (ISO 9660)" },
	{ 0x8001, 5, OTHER, DISK, "BEA01", "a DVD image (UDF)" },
	{ 0, 4, OTHER, DISK, "QFI\xfb", "a qcow2 disk image" },
	{ 0, 4, OTHER, DISK, "QED", "a QED disk image" }, /* with its NUL */
	{ 0, 4, OTHER, DISK, "KDMV", "a VMDK disk image" },
	{ 0, 4, OTHER, DISK, "COWD", "a VMDK disk image" },
	{ 0, 16, OTHER, DISK, "# Disk Descripto", "the description of a VMDK disk image" },
	{ 0, 8, OTHER, DISK, "vhdxfile", "a VHDX disk image" },
	{ 0, 8, OTHER, DISK, "conectix", "a VHD disk image" },
	{ 0x40, 4, OTHER, DISK, "\x7f\x10\xda\xbe", "a VDI disk image" },
	{ 0, 6, OTHER, DISK, "LUKS\xba\xbe", "an encrypted disk (LUKS)" },
	{ 0x200, 8, OTHER, DISK, "EFI PART", "a disk image with a GUID partition table" },
	{ 0x36, 4, OTHER, DISK, "FAT1", "a FAT file system" },
	{ 0x52, 5, OTHER, DISK, "FAT32", "a FAT file system" },
	{ 3, 5, OTHER, DISK, "NTFS ", "an NTFS file system" },
	{ 0x10040, 8, RAMDISK, DISK, "_BHRfS_M", "a btrfs file system" },
	{ 0, 4, RAMDISK, DISK, "XFSB", "an XFS file system" },
	{ 0, 4, RAMDISK, DISK, "hsqs", "a squashfs file system" },
	{ 0x400, 4, RAMDISK, DISK, "\xe2\xe1\xf5\xe0", "an EROFS file system" },
	{ 0, 4, RAMDISK, DISK, "\x45\x3d\xcd\x28", "a cramfs file system" },
	{ 0, 8, RAMDISK, DISK, "-rom1fs-", "a romfs file system" },
	{ 0, 16, OTHER, UNPACK, "!<arch>\ndebian-b", "a Debian package" },
	{ 0, 8, OTHER, UNPACK, "!<arch>\n", "an ar archive" },
	{ 0, 4, OTHER, UNPACK, "\xed\xab\xee\xdb", "an RPM package" },
	{ 257, 5, OTHER, UNPACK, "ustar", "a tar archive" },
	{ 0, 4, OTHER, UNPACK, "PK\x03\x04", "a zip archive" },
	{ 0, 6, OTHER, UNPACK, "7z\xbc\xaf\x27\x1c", "a 7z archive" },
	{ 0, 5, OTHER, DISK, "MSWIM", "a Windows image (WIM)" },
	{ 0, 8, OTHER, NONE, "KDUMP   ", "a dump of a kernel's memory" },
	{ 0, 12, OTHER, NONE, "makedumpfile", "a dump of a kernel's memory" },
	{ 0, 5, OTHER, NONE, "%PDF-", "a PDF document" },
	{ 0, 2, OTHER, NONE, "#!", "a script" },
};

#define EXT_MAGIC_OFFSET 0x438
#define EXT_MAGIC 0xef53
#define BOOT_SECTOR_MAGIC_OFFSET 0x1fe
#define BOOT_SECTOR_MAGIC 0xaa55
#define PARTITIONS_OFFSET 0x1be
#define PARTITION_BYTES 16
#define MULTIBOOT2_MAGIC UINT32_C(0xe85250d6)
#define MULTIBOOT2_SEARCH_BYTES (32 * KIB)
#define TEXT_SEEN_BYTES 1024

static void set(struct identity *ret, const char *name, enum role role, enum advice advice)
{
	(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
	(void)snprintf(ret->hint, sizeof(ret->hint), "%s", advices[advice]);
	ret->is_kernel = role == KERNEL;
	ret->is_initrd = role == RAMDISK;
}

static bool by_signature(const uint8_t *data, size_t size, struct identity *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++) {
		size_t n = signatures[i].size;
		if (size < n || signatures[i].offset > size - n ||
			memcmp(data + signatures[i].offset, signatures[i].magic, n) != 0)
			continue;
		set(ret, signatures[i].name, (enum role)signatures[i].role,
			(enum advice)signatures[i].advice);
		return true;
	}
	return false;
}

/* Portable executables: EFI programs, and those of Windows. Source: Microsoft, PE Format. */
#define PE_OFFSET_AT 0x3c
#define COFF_MACHINE 4
#define COFF_NR_SECTIONS 6
#define COFF_OPTIONAL_BYTES 20
#define PE_HEADER_BYTES 24
#define OPTIONAL_SUBSYSTEM 68
#define SECTION_BYTES 40
#define SECTION_SIZE 8 /* VirtualSize: without padding */
#define SECTION_DATA_AT 20
#define MAX_SECTIONS 96

static const char *pe_machine(unsigned machine)
{
	switch (machine) {
	case 0x8664:
		return "x86-64";
	case 0x14c:
		return "i386";
	case 0xaa64:
		return "ARM64";
	case 0x1c0:
	case 0x1c2:
	case 0x1c4:
		return "ARM";
	case 0x5032:
	case 0x5064:
		return "RISC-V";
	case 0x6232:
	case 0x6264:
		return "LoongArch";
	case 0x200:
		return "Itanium";
	case 0xebc:
		return "EFI byte code";
	default:
		return "another machine";
	}
}

static bool is_efi_subsystem(unsigned subsystem)
{
	return subsystem >= 10 && subsystem <= 13;
}

/* The kernel in a unified kernel image (systemd-stub(7)): its section ".linux". */
static bool find_linux_section(const uint8_t *data, size_t size, size_t coff, struct identity *ret)
{
	size_t at = coff + PE_HEADER_BYTES + get_u16(data + coff + COFF_OPTIONAL_BYTES);
	unsigned nr = get_u16(data + coff + COFF_NR_SECTIONS);
	for (unsigned i = 0; i < nr && i < MAX_SECTIONS; i++, at += SECTION_BYTES) {
		if (at > size || size - at < SECTION_BYTES)
			return false;
		if (memcmp(data + at, ".linux\0", 8) != 0)
			continue;
		(void)snprintf(ret->name, sizeof(ret->name),
			"a unified kernel image, an EFI program, whose section .linux has the "
			"kernel: %" PRIu32 " bytes at offset %#" PRIx32,
			get_u32(data + at + SECTION_SIZE), get_u32(data + at + SECTION_DATA_AT));
		(void)snprintf(ret->hint, sizeof(ret->hint),
			"take out the kernel, and likewise .initrd: objcopy -O binary "
			"--only-section=.linux FILE vmlinuz");
		return true;
	}
	return false;
}

static bool by_executable(const uint8_t *data, size_t size, struct identity *ret)
{
	if (size < PE_OFFSET_AT + 4 || memcmp(data, "MZ", 2) != 0)
		return false;
	size_t coff = get_u32(data + PE_OFFSET_AT);
	ret->is_kernel = true;
	ret->is_initrd = false;
	if (memcmp(data + 4, "zimg", 4) == 0) {
		set(ret, "a compressed EFI program with Linux in it (EFI zboot)", KERNEL, EFI);
		return true;
	}
	if (coff > size || size - coff < PE_HEADER_BYTES + OPTIONAL_SUBSYSTEM + 2 ||
		memcmp(data + coff, "PE\0\0", 4) != 0) {
		set(ret, "a DOS program", OTHER, NONE);
		return true;
	}
	if (find_linux_section(data, size, coff, ret))
		return true;
	unsigned subsystem = get_u16(data + coff + PE_HEADER_BYTES + OPTIONAL_SUBSYSTEM);
	bool is_efi = is_efi_subsystem(subsystem);
	(void)snprintf(ret->name, sizeof(ret->name), "%s for %s",
		is_efi ? "an EFI program, which only firmware can start," : "a Windows program",
		pe_machine(get_u16(data + coff + COFF_MACHINE)));
	(void)snprintf(ret->hint, sizeof(ret->hint), "%s", is_efi ? advices[EFI] : "");
	return true;
}

/* Four entries, each marked active or not, one of them in use; and something where code would be.
 */
static bool has_partitions(const uint8_t *sector)
{
	bool any = false;
	for (unsigned i = 0; i < 4; i++) {
		const uint8_t *entry = sector + PARTITIONS_OFFSET + (size_t)i * PARTITION_BYTES;
		if (entry[0] != 0 && entry[0] != 0x80)
			return false;
		any |= entry[4] != 0 && get_u32(entry + 12) != 0;
	}
	return any;
}

static bool by_boot_sector(const uint8_t *data, size_t size, struct identity *ret)
{
	if (size < BOOT_SECTOR_MAGIC_OFFSET + 2 ||
		get_u16(data + BOOT_SECTOR_MAGIC_OFFSET) != BOOT_SECTOR_MAGIC)
		return false;
	if (has_partitions(data))
		set(ret, "a disk image with a partition table (MBR)", OTHER, DISK);
	else
		set(ret, "a boot sector with what follows it, for a PC's BIOS to start", OTHER,
			NONE);
	return true;
}

static bool all_are(const uint8_t *data, size_t size, uint8_t byte)
{
	for (size_t i = 0; i < size; i++)
		if (data[i] != byte)
			return false;
	return size > 0;
}

/* No control characters but those that lay text out; bytes above 0x7f may be any encoding's. */
static bool is_text(const uint8_t *data, size_t size)
{
	size_t n = size < TEXT_SEEN_BYTES ? size : TEXT_SEEN_BYTES;
	size_t plain = 0;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = data[i];
		if ((c < 0x20 && !(c >= '\t' && c <= '\r') && c != 0x1b) || c == 0x7f)
			return false;
		plain += c < 0x80;
	}
	return n > 0 && plain >= n - n / 4;
}

bool identify_multiboot2(const uint8_t *data, size_t size)
{
	size_t end = size < MULTIBOOT2_SEARCH_BYTES ? size : (size_t)MULTIBOOT2_SEARCH_BYTES;
	for (size_t at = 0; at + 16 <= end; at += 8) {
		const uint8_t *p = data + at;
		if (get_u32(p) == MULTIBOOT2_MAGIC &&
			MULTIBOOT2_MAGIC + get_u32(p + 4) + get_u32(p + 8) + get_u32(p + 12) == 0)
			return true;
	}
	return false;
}

bool identify(const uint8_t *data, size_t size, struct identity *ret)
{
	*ret = (struct identity){ 0 };
	if (by_signature(data, size, ret) || by_executable(data, size, ret))
		return true;
	if (size >= EXT_MAGIC_OFFSET + 2 && get_u16(data + EXT_MAGIC_OFFSET) == EXT_MAGIC)
		set(ret, "an ext2, ext3 or ext4 file system", RAMDISK, DISK);
	else if (by_boot_sector(data, size, ret))
		return true;
	else if (identify_multiboot2(data, size))
		set(ret, "a kernel for Multiboot2, which nestor does not know", KERNEL, NONE);
	else if (all_are(data, size < IDENTIFY_BYTES ? size : (size_t)IDENTIFY_BYTES, 0))
		set(ret, "a file that begins with zeros", OTHER, NONE);
	else if (is_text(data, size))
		set(ret, "text", OTHER, NONE);
	return ret->name[0] != '\0';
}
