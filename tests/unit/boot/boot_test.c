/* SPDX-License-Identifier: MIT */
#include "boot_test.h"

#include <lz4.h>
#include <lz4frame.h>
#include <lz4hc.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <elf.h>
#include <stdio.h>
#include <sys/mman.h>

#define GUARD_BYTES (64 * KIB)

static void add_e820(struct machine_plan *plan, uint64_t base, uint64_t size, enum e820_type type)
{
	plan->e820.entries[plan->e820.nr_entries++] = (struct e820_entry){ base, size, type };
}

static void add_ram(struct machine *m, uint64_t base, uint64_t size, uint64_t offset)
{
	m->plan.ram[m->plan.nr_ram++] = (struct plan_ram){ gpa(base), size, offset };
	m->mem.regions[m->mem.nr_regions++] =
		(struct guest_region){ gpa(base), size, m->ram + offset, true };
}

void machine_init(struct machine *m, uint64_t ram_bytes)
{
	uint64_t low = ram_bytes < PLAN_PCI_HOLE_BASE ? ram_bytes : PLAN_PCI_HOLE_BASE;
	*m = (struct machine){ .bytes = ram_bytes };
	uint8_t *p = mmap(NULL, ram_bytes + 2 * GUARD_BYTES, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED || mprotect(p + GUARD_BYTES, ram_bytes, PROT_READ | PROT_WRITE) < 0) {
		perror("memory for a test machine");
		abort();
	}
	m->ram = p + GUARD_BYTES;
	add_ram(m, 0, low, 0);
	add_e820(&m->plan, 0, PLAN_EBDA_BASE, E820_RAM);
	add_e820(&m->plan, PLAN_EBDA_BASE, MIB - PLAN_EBDA_BASE, E820_RESERVED);
	add_e820(&m->plan, MIB, low - MIB, E820_RAM);
	if (ram_bytes > low) {
		add_ram(m, PLAN_HIGH_RAM_BASE, ram_bytes - low, low);
		add_e820(&m->plan, PLAN_HIGH_RAM_BASE, ram_bytes - low, E820_RAM);
	}
}

void machine_done(struct machine *m)
{
	(void)munmap(m->ram - GUARD_BYTES, m->bytes + 2 * GUARD_BYTES);
}

uint8_t *machine_at(const struct machine *m, uint64_t addr, uint64_t size)
{
	uint8_t *p = guest_memory_borrow(&m->mem, gpa(addr), size);
	assert_non_null(p);
	return p;
}

uint32_t machine_u32(const struct machine *m, uint64_t addr)
{
	return get_u32(machine_at(m, addr, 4));
}

uint64_t machine_u64(const struct machine *m, uint64_t addr)
{
	return get_u64(machine_at(m, addr, 8));
}

const char *machine_string(const struct machine *m, uint64_t addr)
{
	const char *text = (const char *)machine_at(m, addr, 1);
	assert_true(addr != 0 && addr < MIB);
	return text;
}

static struct image image_alloc(size_t size)
{
	struct image image = { calloc(1, size ? size : 1), size };
	if (!image.data)
		abort();
	return image;
}

void image_free(struct image *image)
{
	free(image->data);
	*image = (struct image){ 0 };
}

struct image image_copy(const void *data, size_t size)
{
	/* malloc of just size bytes, not calloc's rounding up for 0. */
	struct image image = { malloc(size ? size : 1), size };
	if (!image.data)
		abort();
	(void)memcpy(image.data, data, size);
	return image;
}

struct boot_file image_file(const struct image *image, const char *path)
{
	return (struct boot_file){ path, image->data, image->size };
}

void image_fill(uint8_t *p, size_t size, unsigned seed)
{
	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)(seed + i * 7 + (i >> 8));
}

struct bzimage_options bzimage_options(void)
{
	return (struct bzimage_options){ .version = 0x20f,
		.xloadflags = 0x3,
		.alignment = 0x200000,
		.relocatable = 1,
		.cmdline_size = 255,
		.initrd_addr_max = 0x7fffffff,
		.init_size = 4 * MIB,
		.pref_address = 16 * MIB,
		.code_size = 8192 };
}

struct image image_bzimage(const struct bzimage_options *o)
{
	size_t code_size = o->code_size;
	if (o->payload)
		code_size = (size_t)align_up(BZIMAGE_TEST_PAYLOAD_OFFSET + o->payload->size, 16);
	struct image image = image_alloc(BZIMAGE_TEST_CODE + code_size);
	uint8_t *d = image.data;
	image_fill(d + BZIMAGE_TEST_CODE, code_size, 3);
	d[0x1f1] = BZIMAGE_TEST_SETUP_SECTS;
	put_u32(d + 0x1f4, (uint32_t)(align_up(code_size, 16) / 16));
	put_u16(d + 0x1fe, 0xaa55);
	d[0x200] = 0xeb;
	d[0x201] = 0x6a; /* to 0x26c, as in 2.15 */
	(void)memcpy(d + 0x202, "HdrS", 4);
	put_u16(d + 0x206, (uint16_t)o->version);
	put_u16(d + 0x20e, 0x100); /* version string at 0x300 */
	(void)memcpy(d + 0x300, "6.1.0-test (someone)", 21);
	d[0x211] = 0x01;
	put_u32(d + 0x214, 0x100000);
	put_u32(d + 0x22c, o->initrd_addr_max);
	put_u32(d + 0x230, o->alignment);
	d[0x234] = (uint8_t)o->relocatable;
	put_u16(d + 0x236, (uint16_t)o->xloadflags);
	put_u32(d + 0x238, o->cmdline_size);
	put_u64(d + 0x250, 0xdeadbeef); /* setup_data: not the file's to say */
	put_u64(d + 0x258, o->pref_address);
	put_u32(d + 0x260, o->init_size);
	put_u32(d + 0x268, 0x12345678); /* kernel_info_offset: the last field */
	put_u32(d + 0x26c, 0xbadbad);   /* behind the header: not to be copied */
	if (o->payload) {
		put_u32(d + 0x248, BZIMAGE_TEST_PAYLOAD_OFFSET);
		put_u32(d + 0x24c, (uint32_t)o->payload->size);
		(void)memcpy(d + BZIMAGE_TEST_CODE + BZIMAGE_TEST_PAYLOAD_OFFSET, o->payload->data,
			o->payload->size);
	}
	return image;
}

struct elf_options elf_options(void)
{
	return (struct elf_options){ .is_64_bit = true,
		.machine = EM_X86_64,
		.type = ET_EXEC,
		.entry = MIB,
		.segments = { { MIB, MIB, 8192, 16384 } },
		.nr_segments = 1 };
}

struct elf_options elf_options_linux(void)
{
	struct elf_options o = elf_options();
	o.entry = 16 * MIB + 0x40;
	o.segments[0] =
		(struct test_segment){ 16 * MIB, UINT64_C(0xffffffff81000000), 8192, 16384 };
	return o;
}

static void put_note(
	uint8_t *p, size_t *at, const char *owner, uint32_t type, const void *desc, size_t n)
{
	size_t owner_size = strlen(owner) + 1;
	put_u32(p + *at, (uint32_t)owner_size);
	put_u32(p + *at + 4, (uint32_t)n);
	put_u32(p + *at + 8, type);
	(void)memcpy(p + *at + 12, owner, owner_size);
	*at += 12 + (size_t)align_up(owner_size, 4);
	(void)memcpy(p + *at, desc, n);
	*at += (size_t)align_up(n, 4);
}

static size_t put_notes(uint8_t *p, const struct elf_options *o)
{
	size_t at = 0;
	uint8_t entry[16] = { 0 };
	put_u64(entry, o->pvh_entry);
	put_note(p, &at, "GNU", 3, "01234567890123456789", 20);
	if (o->linux_note)
		put_note(p, &at, "Linux", 0x100, "salt", 4);
	if (o->pvh_note_size)
		put_note(p, &at, "Xen", 18, entry, o->pvh_note_size);
	return at;
}

static void put_phdr(uint8_t *table, unsigned i, bool is_64_bit, uint32_t type, uint64_t offset,
	const struct test_segment *s)
{
	if (is_64_bit) {
		Elf64_Phdr p = { .p_type = type,
			.p_flags = PF_R | PF_X,
			.p_offset = offset,
			.p_vaddr = s->vaddr,
			.p_paddr = s->paddr,
			.p_filesz = s->filesz,
			.p_memsz = s->memsz,
			.p_align = 4 };
		(void)memcpy(table + i * sizeof(p), &p, sizeof(p));
	} else {
		Elf32_Phdr p = { .p_type = type,
			.p_flags = PF_R | PF_X,
			.p_offset = (uint32_t)offset,
			.p_vaddr = (uint32_t)s->vaddr,
			.p_paddr = (uint32_t)s->paddr,
			.p_filesz = (uint32_t)s->filesz,
			.p_memsz = (uint32_t)s->memsz,
			.p_align = 4 };
		(void)memcpy(table + i * sizeof(p), &p, sizeof(p));
	}
}

static void put_ehdr(uint8_t *d, const struct elf_options *o, unsigned nr_phdrs)
{
	unsigned char ident[EI_NIDENT] = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
		o->is_64_bit ? ELFCLASS64 : ELFCLASS32, ELFDATA2LSB, EV_CURRENT };
	if (o->is_64_bit) {
		Elf64_Ehdr h = { .e_type = (uint16_t)o->type,
			.e_machine = (uint16_t)o->machine,
			.e_version = 1,
			.e_entry = o->entry,
			.e_phoff = sizeof(h),
			.e_ehsize = sizeof(h),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = (uint16_t)nr_phdrs };
		(void)memcpy(h.e_ident, ident, sizeof(ident));
		(void)memcpy(d, &h, sizeof(h));
	} else {
		Elf32_Ehdr h = { .e_type = (uint16_t)o->type,
			.e_machine = (uint16_t)o->machine,
			.e_version = 1,
			.e_entry = (uint32_t)o->entry,
			.e_phoff = sizeof(h),
			.e_ehsize = sizeof(h),
			.e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = (uint16_t)nr_phdrs };
		(void)memcpy(h.e_ident, ident, sizeof(ident));
		(void)memcpy(d, &h, sizeof(h));
	}
}

struct image image_elf(const struct elf_options *o)
{
	size_t size = ELF_TEST_DATA;
	for (unsigned i = 0; i < o->nr_segments; i++)
		size += (size_t)o->segments[i].filesz;
	struct image image = image_alloc(size);
	uint8_t *d = image.data;
	put_ehdr(d, o, o->nr_segments + 1);
	uint8_t *table = d + (o->is_64_bit ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr));
	uint64_t at = ELF_TEST_DATA;
	for (unsigned i = 0; i < o->nr_segments; i++) {
		put_phdr(table, i, o->is_64_bit, PT_LOAD, at, &o->segments[i]);
		image_fill(d + at, (size_t)o->segments[i].filesz, i + 1);
		at += o->segments[i].filesz;
	}
	uint64_t notes = put_notes(d + 0x400, o);
	put_phdr(table, o->nr_segments, o->is_64_bit, PT_NOTE, 0x400,
		&(struct test_segment){ 0, 0, notes, notes });
	if (o->multiboot) {
		put_u32(d + 0x800, 0x1badb002);
		put_u32(d + 0x804, o->multiboot_flags);
		put_u32(d + 0x808, 0 - UINT32_C(0x1badb002) - o->multiboot_flags);
	}
	return image;
}

struct image image_with_words(const struct image *elf, const uint32_t *words, size_t nr)
{
	bool is_64_bit = elf->data[EI_CLASS] == ELFCLASS64;
	size_t section = is_64_bit ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	struct image image = image_alloc(elf->size + section + nr * 4);
	(void)memcpy(image.data, elf->data, elf->size);
	if (is_64_bit) {
		put_u64(image.data + offsetof(Elf64_Ehdr, e_shoff), elf->size);
		put_u16(image.data + offsetof(Elf64_Ehdr, e_shentsize), (uint16_t)section);
		put_u16(image.data + offsetof(Elf64_Ehdr, e_shnum), 1);
	} else {
		put_u32(image.data + offsetof(Elf32_Ehdr, e_shoff), (uint32_t)elf->size);
		put_u16(image.data + offsetof(Elf32_Ehdr, e_shentsize), (uint16_t)section);
		put_u16(image.data + offsetof(Elf32_Ehdr, e_shnum), 1);
	}
	for (size_t i = 0; i < nr; i++)
		put_u32(image.data + elf->size + section + i * 4, words[i]);
	return image;
}

struct addresses_options addresses_options(void)
{
	return (struct addresses_options){ .header_offset = 256,
		.size = 8192,
		.flags = 0x10003,
		.header_addr = MIB + 256,
		.load_addr = MIB,
		.load_end_addr = 0,
		.bss_end_addr = MIB + 16384,
		.entry_addr = MIB + 512 };
}

struct image image_addresses(const struct addresses_options *o)
{
	struct image image = image_alloc(o->size);
	image_fill(image.data, image.size, 5);
	uint8_t *h = image.data + o->header_offset;
	put_u32(h, 0x1badb002);
	put_u32(h + 4, o->flags);
	put_u32(h + 8, 0 - UINT32_C(0x1badb002) - o->flags);
	put_u32(h + 12, o->header_addr);
	put_u32(h + 16, o->load_addr);
	put_u32(h + 20, o->load_end_addr);
	put_u32(h + 24, o->bss_end_addr);
	put_u32(h + 28, o->entry_addr);
	return image;
}

static size_t gzip(const struct image *plain, uint8_t *out, size_t room)
{
	z_stream z = { .next_in = plain->data,
		.avail_in = (uInt)plain->size,
		.next_out = out,
		.avail_out = (uInt)room };
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	size_t n = z.total_out;
	(void)deflateEnd(&z);
	return n;
}

static size_t lz4_legacy(const struct image *plain, uint8_t *out, size_t room)
{
	size_t at = 4;
	put_u32(out, 0x184c2102);
	for (size_t done = 0; done < plain->size;) {
		size_t block = plain->size - done < 8 * MIB ? plain->size - done : 8 * MIB;
		int n = LZ4_compress_HC((const char *)plain->data + done, (char *)out + at + 4,
			(int)block, (int)(room - at - 4), 1);
		assert_true(n > 0);
		put_u32(out + at, (uint32_t)n);
		at += 4 + (size_t)n;
		done += block;
	}
	return at;
}

struct image image_compress(enum boot_compression c, const struct image *plain)
{
	size_t room = plain->size + plain->size / 8 + 64 * KIB;
	struct image out = image_alloc(room);
	size_t n = 0;
	if (c == BOOT_COMPRESSION_GZIP) {
		n = gzip(plain, out.data, room);
	} else if (c == BOOT_COMPRESSION_XZ) {
		assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, plain->data,
					 plain->size, out.data, &n, room),
			LZMA_OK);
	} else if (c == BOOT_COMPRESSION_ZSTD) {
		n = ZSTD_compress(out.data, room, plain->data, plain->size, 1);
		assert_false(ZSTD_isError(n));
	} else if (c == BOOT_COMPRESSION_LZ4) {
		n = lz4_legacy(plain, out.data, room);
	} else {
		n = LZ4F_compressFrame(out.data, room, plain->data, plain->size, NULL);
		assert_false(LZ4F_isError(n));
	}
	struct image exact = image_copy(out.data, n);
	image_free(&out);
	return exact;
}

struct image image_payload(enum boot_compression c, const struct image *plain)
{
	struct image packed = image_compress(c, plain);
	if (c == BOOT_COMPRESSION_GZIP)
		return packed;
	struct image out = image_alloc(packed.size + 4);
	(void)memcpy(out.data, packed.data, packed.size);
	put_u32(out.data + packed.size, (uint32_t)plain->size);
	image_free(&packed);
	return out;
}

struct boot_request request(const struct machine *m, const struct image *kernel)
{
	return (struct boot_request){ .kernel = image_file(kernel, "dir/test-kernel"),
		.plan = &m->plan,
		.rsdp = gpa(PLAN_ACPI_BASE),
		.ram_is_zero = true };
}

struct boot_result must_load(const struct boot_request *req, const struct machine *m)
{
	struct boot_result result = { 0 };
	struct err e = ERR_INIT;
	if (boot_load(req, &m->mem, &result, &e) < 0)
		fail_msg("boot_load failed: %s", e.msg);
	return result;
}

void must_refuse(
	const struct boot_request *req, const struct machine *m, int code, const char *text)
{
	struct boot_result result = { 0 };
	struct err e = ERR_INIT;
	int rc = boot_load(req, &m->mem, &result, &e);
	if (rc != code || !strstr(e.msg, text))
		fail_msg("boot_load returned %d, expected %d: \"%s\" should contain \"%s\"", rc,
			code, e.msg, text);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_int_equal(boot_load(req, &m->mem, &result, NULL), code);
}
