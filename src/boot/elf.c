/* SPDX-License-Identifier: MIT */
#include "boot/elf.h"

#include "boot/bytes.h"
#include "boot/decompress.h"
#include "boot/fail.h"
#include "boot/layout.h"
#include "memory/anonymous.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>

/* Kernels have a handful of program headers; this many bounds the work on hostile files. */
#define MAX_PROGRAM_HEADERS 256
#define MAX_NOTES 1024
#define NOTE_XEN_PHYS32_ENTRY 18 /* XEN_ELFNOTE_PHYS32_ENTRY, Xen public elfnote.h */

#define E_MACHINE_OFFSET offsetof(Elf64_Ehdr, e_machine) /* of both classes */

static unsigned get_u16_be(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* Of either class, widened. */
struct program_header {
	uint32_t type;
	uint64_t offset, filesz, vaddr, paddr, memsz, align;
};

struct table {
	uint64_t offset;
	unsigned count, entry_size;
};

bool elf_is_elf(const uint8_t *data, size_t size)
{
	return size >= SELFMAG && memcmp(data, ELFMAG, SELFMAG) == 0;
}

static bool in_file(const struct boot_file *file, uint64_t offset, uint64_t size)
{
	return offset <= file->size && size <= file->size - offset;
}

static const char *machine_name(unsigned machine)
{
	switch (machine) {
	case EM_AARCH64:
		return "ARM64";
	case EM_ARM:
		return "ARM";
	case EM_RISCV:
		return "RISC-V";
	case EM_PPC:
	case EM_PPC64:
		return "POWER";
	case EM_S390:
		return "S/390";
	case EM_MIPS:
		return "MIPS";
	case EM_SPARC:
	case EM_SPARCV9:
		return "SPARC";
	case EM_IA_64:
		return "Itanium";
	case 258: /* EM_LOONGARCH, which older headers lack */
		return "LoongArch";
	case EM_BPF:
		return "eBPF";
	default:
		return "another machine";
	}
}

static int check_kind(const struct boot_file *file, const struct elf_image *elf, unsigned type,
	unsigned machine, struct err *e)
{
	if (machine != EM_X86_64 && machine != EM_386)
		return boot_fail(e, -ENOTSUP, file->path,
			"is ELF for %s (e_machine is %u), expected x86-64 (%d) or i386 (%d)",
			machine_name(machine), machine, EM_X86_64, EM_386);
	if (machine == EM_X86_64 && !elf->is_64_bit)
		return boot_fail(e, -ENOTSUP, file->path,
			"ELF e_machine is x86-64 in a 32-bit file (x32), which no kernel is");
	if (type != ET_EXEC && type != ET_DYN)
		return boot_fail(e, -ENOTSUP, file->path,
			"is %s (ELF e_type is %u), expected an executable (%d, or %d): not a "
			"linked kernel",
			type == ET_REL    ? "an object file, such as a kernel's module"
			: type == ET_CORE ? "a core dump"
					  : "of an unknown kind",
			type, ET_EXEC, ET_DYN);
	return 0;
}

static void find_section_headers_end(
	const struct boot_file *file, struct elf_image *elf, const struct table *sections)
{
	uint64_t size = (uint64_t)sections->count * sections->entry_size;
	if (sections->offset && size && in_file(file, sections->offset, size))
		elf->section_headers_end = sections->offset + size;
}

static int read_header(
	const struct boot_file *file, struct elf_image *elf, struct table *ret_table, struct err *e)
{
	Elf64_Ehdr h64;
	Elf32_Ehdr h32;
	size_t header_size = sizeof(h32);
	if (file->size > EI_DATA)
		header_size = file->data[EI_CLASS] == ELFCLASS64 ? sizeof(h64) : sizeof(h32);
	if (file->size < header_size)
		return boot_fail(e, -EINVAL, file->path,
			"%zu bytes are too few for an ELF header, which has %zu", file->size,
			header_size);
	if (file->data[EI_CLASS] != ELFCLASS64 && file->data[EI_CLASS] != ELFCLASS32)
		return boot_fail(e, -EINVAL, file->path,
			"ELF class is %u, expected 1 (32-bit) or 2 (64-bit)", file->data[EI_CLASS]);
	if (file->data[EI_DATA] == ELFDATA2MSB)
		return boot_fail(e, -ENOTSUP, file->path,
			"is big-endian ELF for %s (e_machine is %u), expected x86-64 (%d) or i386 "
			"(%d)",
			machine_name(get_u16_be(file->data + E_MACHINE_OFFSET)),
			get_u16_be(file->data + E_MACHINE_OFFSET), EM_X86_64, EM_386);
	if (file->data[EI_DATA] != ELFDATA2LSB)
		return boot_fail(e, -ENOTSUP, file->path,
			"ELF data encoding is %u, expected 1 (little-endian)", file->data[EI_DATA]);
	elf->is_64_bit = file->data[EI_CLASS] == ELFCLASS64;
	unsigned type, machine;
	struct table sections;
	if (elf->is_64_bit) {
		(void)memcpy(&h64, file->data, sizeof(h64));
		type = h64.e_type;
		machine = h64.e_machine;
		elf->entry = h64.e_entry;
		*ret_table = (struct table){ h64.e_phoff, h64.e_phnum, h64.e_phentsize };
		sections = (struct table){ h64.e_shoff, h64.e_shnum, h64.e_shentsize };
	} else {
		(void)memcpy(&h32, file->data, sizeof(h32));
		type = h32.e_type;
		machine = h32.e_machine;
		elf->entry = h32.e_entry;
		*ret_table = (struct table){ h32.e_phoff, h32.e_phnum, h32.e_phentsize };
		sections = (struct table){ h32.e_shoff, h32.e_shnum, h32.e_shentsize };
	}
	find_section_headers_end(file, elf, &sections);
	elf->is_x86_64 = machine == EM_X86_64;
	return check_kind(file, elf, type, machine, e);
}

static int check_table(const struct boot_file *file, const struct elf_image *elf,
	const struct table *t, struct err *e)
{
	size_t entry_size = elf->is_64_bit ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	if (t->count == 0)
		return boot_fail(e, -EINVAL, file->path, "ELF e_phnum is 0: nothing to load");
	if (t->count > MAX_PROGRAM_HEADERS)
		return boot_fail(e, -EINVAL, file->path,
			"ELF e_phnum is %u, more than the %d that are allowed", t->count,
			MAX_PROGRAM_HEADERS);
	if (t->entry_size != entry_size)
		return boot_fail(e, -EINVAL, file->path, "ELF e_phentsize is %u, expected %zu",
			t->entry_size, entry_size);
	if (!in_file(file, t->offset, (uint64_t)t->count * entry_size))
		return boot_fail(e, -EINVAL, file->path,
			"ELF e_phoff is %#" PRIx64
			": %u program headers there end behind the file's "
			"%zu bytes",
			t->offset, t->count, file->size);
	return 0;
}

static struct program_header program_header_of(const struct boot_file *file,
	const struct elf_image *elf, const struct table *t, unsigned i)
{
	const uint8_t *at = file->data + t->offset + (uint64_t)i * t->entry_size;
	if (elf->is_64_bit) {
		Elf64_Phdr p;
		(void)memcpy(&p, at, sizeof(p));
		return (struct program_header){ p.p_type, p.p_offset, p.p_filesz, p.p_vaddr,
			p.p_paddr, p.p_memsz, p.p_align };
	}
	Elf32_Phdr p;
	(void)memcpy(&p, at, sizeof(p));
	return (struct program_header){ p.p_type, p.p_offset, p.p_filesz, p.p_vaddr, p.p_paddr,
		p.p_memsz, p.p_align };
}

static int add_load(const struct boot_file *file, struct elf_image *elf,
	const struct program_header *p, unsigned i, struct err *e)
{
	if (p->filesz > p->memsz)
		return boot_fail(e, -EINVAL, file->path,
			"ELF segment %u: p_filesz is %#" PRIx64
			", more than its p_memsz of %#" PRIx64,
			i, p->filesz, p->memsz);
	if (p->memsz == 0)
		return 0;
	if (elf->nr_load == ELF_MAX_LOAD)
		return boot_fail(e, -EINVAL, file->path, "ELF has more than %d segments to load",
			ELF_MAX_LOAD);
	if (!range_valid((struct range){ p->paddr, p->memsz }))
		return boot_fail(e, -EINVAL, file->path,
			"ELF segment %u: p_paddr %#" PRIx64 " + p_memsz %#" PRIx64 " wraps around",
			i, p->paddr, p->memsz);
	elf->load[elf->nr_load++] =
		(struct elf_segment){ p->offset, p->filesz, p->vaddr, p->paddr, p->memsz, i };
	return 0;
}

static int take_note(const struct boot_file *file, struct elf_image *elf, const char *owner,
	size_t owner_size, uint32_t type, const uint8_t *desc, size_t desc_size, struct err *e)
{
	if (owner_size == sizeof("Linux") && memcmp(owner, "Linux", sizeof("Linux")) == 0)
		elf->has_linux_note = true;
	if (owner_size != sizeof("Xen") || memcmp(owner, "Xen", sizeof("Xen")) != 0 ||
		type != NOTE_XEN_PHYS32_ENTRY)
		return 0;
	uint64_t entry;
	if (desc_size == 8)
		entry = get_u64(desc);
	else if (desc_size == 4)
		entry = get_u32(desc);
	else
		return boot_fail(e, -EINVAL, file->path,
			"ELF note PHYS32_ENTRY (PVH) has %zu bytes, expected 4 or 8", desc_size);
	if (entry > UINT32_MAX)
		return boot_fail(e, -EINVAL, file->path,
			"ELF note PHYS32_ENTRY (PVH) is %#" PRIx64
			", expected an address below 4 GiB",
			entry);
	elf->has_pvh = true;
	elf->pvh_entry = (uint32_t)entry;
	return 0;
}

/* Notes that run over their segment's end are left: they are no part of what must be right. */
static int read_notes(const struct boot_file *file, struct elf_image *elf,
	const struct program_header *p, struct err *e)
{
	if (p->filesz == 0)
		return 0;
	const uint8_t *data = file->data + p->offset;
	/* Owner and content are each padded to the segment's alignment; 4, except for GNU
	 * properties. */
	uint64_t align = p->align == 8 ? 8 : 4;
	uint64_t at = 0;
	for (unsigned n = 0; n < MAX_NOTES; n++) {
		if (p->filesz - at < sizeof(Elf64_Nhdr))
			return 0;
		uint64_t owner_size = get_u32(data + at);
		uint64_t desc_size = get_u32(data + at + 4);
		uint32_t type = get_u32(data + at + 8);
		uint64_t owner_at = at + sizeof(Elf64_Nhdr);
		uint64_t desc_at = align_up(owner_at + owner_size, align);
		if (desc_at > p->filesz || desc_size > p->filesz - desc_at)
			return 0;
		int rc = take_note(file, elf, (const char *)data + owner_at, (size_t)owner_size,
			type, data + desc_at, (size_t)desc_size, e);
		if (rc < 0)
			return rc;
		at = align_up(desc_at + desc_size, align);
		if (at > p->filesz)
			return 0;
	}
	return 0;
}

int elf_parse(const struct boot_file *file, struct elf_image *ret, struct err *e)
{
	struct elf_image elf = { .what = "ELF segment" };
	struct table table = { 0 };
	int rc = read_header(file, &elf, &table, e);
	if (rc == 0)
		rc = check_table(file, &elf, &table, e);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < table.count; i++) {
		struct program_header p = program_header_of(file, &elf, &table, i);
		elf.has_interpreter |= p.type == PT_INTERP;
		elf.is_dynamic |= p.type == PT_DYNAMIC;
		if (p.type != PT_LOAD && p.type != PT_NOTE)
			continue;
		if (!in_file(file, p.offset, p.filesz))
			return boot_fail(e, -EINVAL, file->path,
				"ELF segment %u: p_offset %#" PRIx64 " + p_filesz %#" PRIx64
				" ends behind the file's %zu bytes (truncated?)",
				i, p.offset, p.filesz, file->size);
		rc = p.type == PT_LOAD ? add_load(file, &elf, &p, i, e)
				       : read_notes(file, &elf, &p, e);
		if (rc < 0)
			return rc;
	}
	if (elf.nr_load == 0)
		return boot_fail(e, -EINVAL, file->path, "ELF has no segment to load");
	*ret = elf;
	return 0;
}

bool elf_loads(const struct elf_image *elf, uint64_t addr)
{
	for (unsigned i = 0; i < elf->nr_load; i++) {
		const struct elf_segment *s = &elf->load[i];
		if (range_contains((struct range){ s->paddr, s->memsz }, (struct range){ addr, 1 }))
			return true;
	}
	return false;
}

static const struct elf_segment *base_segment(const struct elf_image *elf)
{
	const struct elf_segment *base = &elf->load[0];
	for (unsigned i = 1; i < elf->nr_load; i++) {
		if (elf->load[i].paddr < base->paddr)
			base = &elf->load[i];
	}
	return base;
}

uint64_t elf_base(const struct elf_image *elf)
{
	return base_segment(elf)->paddr;
}

uint64_t elf_base_virtual(const struct elf_image *elf)
{
	return base_segment(elf)->vaddr;
}

uint64_t elf_extent(const struct elf_image *elf)
{
	uint64_t base = elf_base(elf);
	uint64_t extent = 0;
	for (unsigned i = 0; i < elf->nr_load; i++) {
		uint64_t end = elf->load[i].paddr - base + elf->load[i].memsz;
		if (end > extent)
			extent = end;
	}
	return extent;
}

void elf_move(struct elf_image *elf, uint64_t delta)
{
	for (unsigned i = 0; i < elf->nr_load; i++)
		elf->load[i].paddr += delta;
	elf->entry += delta;
}

/*
 * A kernel may use, and Linux later gives to its allocator, what lies between its segments. Not
 * so between what it has in conventional memory (code for other processors to begin with, often)
 * and above: it cannot think that all of that is its own.
 */
static void avoid_gaps(const struct elf_image *elf, struct space *s)
{
	struct range low = { 0 }, high = { 0 };
	for (unsigned i = 0; i < elf->nr_load; i++) {
		const struct elf_segment *seg = &elf->load[i];
		struct range *r = seg->paddr < LAYOUT_HIGH ? &low : &high;
		uint64_t end = seg->paddr + seg->memsz;
		uint64_t so_far = r->base + r->size;
		if (r->size == 0 || seg->paddr < r->base)
			r->base = seg->paddr;
		r->size = (end > so_far ? end : so_far) - r->base;
	}
	if (low.size)
		space_avoid(s, low, "the kernel");
	if (high.size)
		space_avoid(s, high, "the kernel");
}

int elf_claim(
	const struct boot_file *file, const struct elf_image *elf, struct space *s, struct err *e)
{
	for (unsigned i = 0; i < elf->nr_load; i++) {
		const struct elf_segment *seg = &elf->load[i];
		int rc = space_claim(
			s, (struct range){ seg->paddr, seg->memsz }, elf->what, (int)seg->index, e);
		if (rc < 0)
			return err_wrap(e, rc, "%s", file->path);
	}
	avoid_gaps(elf, s);
	return 0;
}

/*
 * Copies to RAM that is zero, leaving alone each guest page whose data are zero: linked kernels
 * carry megabytes of .bss in their files, and pages not touched cost the host no memory.
 */
static void copy_sparsely(uint8_t *dst, const uint8_t *src, uint64_t size)
{
	static const uint8_t zeros[4 * KIB];
	while (size > 0) {
		/* Host pages: guest RAM is mapped page by page, so their ends are those of dst. */
		uint64_t chunk = sizeof(zeros) - ((uintptr_t)dst & (sizeof(zeros) - 1));
		if (chunk > size)
			chunk = size;
		if (memcmp(src, zeros, (size_t)chunk) != 0)
			(void)memcpy(dst, src, (size_t)chunk);
		dst += chunk;
		src += chunk;
		size -= chunk;
	}
}

/* True where nothing else that is still wanted lies in the file's pages of s. */
static bool is_read_once(
	const struct boot_file *file, const struct elf_image *elf, const struct elf_segment *s)
{
	struct range mine = { s->offset, s->filesz };
	uint64_t behind = elf->section_headers_end;
	if (behind && range_overlaps(mine, (struct range){ behind, file->size - behind }))
		return false;
	for (unsigned i = 0; i < elf->nr_load; i++) {
		const struct elf_segment *other = &elf->load[i];
		if (other != s &&
			range_overlaps(mine, (struct range){ other->offset, other->filesz }))
			return false;
	}
	return true;
}

/* Where a copy stops to give back what it has read: huge pages go whole. */
#define GIVE_BACK_BYTES (2 * MIB)

static void copy_segment(
	uint8_t *dst, const uint8_t *src, uint64_t size, bool ram_is_zero, bool give_back)
{
	while (size > 0) {
		uint64_t chunk = size;
		uint64_t to_end = GIVE_BACK_BYTES - ((uintptr_t)src & (GIVE_BACK_BYTES - 1));
		if (give_back && chunk > to_end)
			chunk = to_end;
		if (ram_is_zero)
			copy_sparsely(dst, src, chunk);
		else
			(void)memcpy(dst, src, (size_t)chunk);
		if (give_back)
			unpacked_give_back(src, (size_t)chunk);
		dst += chunk;
		src += chunk;
		size -= chunk;
	}
}

#define PAGE_BYTES (4 * KIB)
#define WORTH_MOVING_BYTES (64 * KIB)

/*
 * Moves the whole pages of a segment that was unpacked into memory of nestor's own, which become
 * the guest's: neither a copy, nor memory for it. Returns how many bytes of the segment are done,
 * or a negative error.
 */
static int64_t move_pages(const uint8_t *src, const struct elf_segment *s,
	const struct guest_memory *mem, struct err *e)
{
	uint64_t whole = s->filesz & ~(uint64_t)(PAGE_BYTES - 1);
	if ((((uintptr_t)src | s->paddr) & (PAGE_BYTES - 1)) || whole < WORTH_MOVING_BYTES)
		return 0;
	int rc = anonymous_move(mem, gpa(s->paddr), (uint8_t *)(uintptr_t)src, whole, e);
	return rc > 0 ? (int64_t)whole : rc;
}

static int load_segment(const struct boot_file *file, const struct elf_image *elf,
	const struct elf_segment *s, const struct guest_memory *mem, bool ram_is_zero,
	struct err *e)
{
	const uint8_t *src = file->data + s->offset;
	bool is_free = elf->is_scratch && s->filesz && is_read_once(file, elf, s);
	uint8_t *dst = guest_memory_borrow(mem, gpa(s->paddr), s->memsz);
	if (!dst)
		return err_set(e, -EFAULT, "gpa %#" PRIx64 " + %#" PRIx64 " bytes is not guest RAM",
			s->paddr, s->memsz);
	int64_t moved = is_free ? move_pages(src, s, mem, e) : 0;
	if (moved < 0)
		return (int)moved;
	uint64_t done = (uint64_t)moved;
	if (done < s->filesz)
		copy_segment(dst + done, src + done, s->filesz - done, ram_is_zero, is_free);
	if (!ram_is_zero)
		(void)memset(dst + s->filesz, 0, (size_t)(s->memsz - s->filesz));
	return 0;
}

int elf_load(const struct boot_file *file, const struct elf_image *elf,
	const struct guest_memory *mem, bool ram_is_zero, struct err *e)
{
	for (unsigned i = 0; i < elf->nr_load; i++) {
		int rc = load_segment(file, elf, &elf->load[i], mem, ram_is_zero, e);
		if (rc < 0)
			return err_wrap(
				e, rc, "%s: %s %u", file->path, elf->what, elf->load[i].index);
	}
	return 0;
}
