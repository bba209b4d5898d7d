/* SPDX-License-Identifier: MIT */
#include "boot/load.h"

#include "boot/bytes.h"
#include "boot/entry.h"
#include "boot/fail.h"
#include "boot/layout.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

void load_init(struct load *l, const struct boot_request *req, const struct guest_memory *mem,
	const char *cmdline)
{
	l->req = req;
	l->mem = mem;
	l->cmdline = cmdline;
	l->strings_used = 0;
	space_init(&l->space, req->plan, mem);
}

static int find_table(
	const struct space *s, uint64_t size, uint64_t align, uint64_t liked, uint64_t *ret_base)
{
	/* What was displaced displaces nothing else, as long as there is room. */
	const struct range rest = { LAYOUT_END, PLAN_EBDA_BASE - LAYOUT_END };
	const struct range conventional = { LAYOUT_BASE, PLAN_EBDA_BASE - LAYOUT_BASE };
	const struct range above = { LAYOUT_HIGH, PLAN_HIGH_RAM_BASE - LAYOUT_HIGH };
	*ret_base = liked;
	if (space_is_free(s, (struct range){ liked, size }))
		return 0;
	if (space_find_low(s, size, align, rest, ret_base) == 0 ||
		space_find_low(s, size, align, conventional, ret_base) == 0)
		return 0;
	return space_find_high(s, size, align, above, ret_base);
}

int load_table(struct load *l, const char *what, uint64_t size, uint64_t align, uint64_t liked,
	uint64_t *ret_gpa, struct err *e)
{
	uint64_t base;
	if (find_table(&l->space, size, align, liked, &base) < 0)
		return boot_fail(e, -ENOSPC, l->req->kernel.path,
			"the kernel and what is loaded with it leave no room below 4 GiB for the "
			"%s, which has %" PRIu64 " bytes",
			what, size);
	int rc = space_claim(&l->space, (struct range){ base, size }, what, -1, e);
	if (rc < 0)
		return err_wrap(e, rc, "%s", l->req->kernel.path);
	*ret_gpa = base;
	return 0;
}

/* What firmware would have left below: without it Xen puts its real-mode code over itself. */
int load_bios_data(struct load *l, struct err *e)
{
	const struct machine_plan *plan = l->req->plan;
	const struct range area = { LAYOUT_BDA, LAYOUT_BDA_BYTES };
	uint8_t ports[2 * PLAN_MAX_SERIALS] = { 0 };
	uint8_t ebda[2], memory[2];
	const uint8_t ebda_kib = 1;
	for (unsigned i = 0; i < plan->nr_serials && i < PLAN_MAX_SERIALS; i++)
		put_u16(ports + 2 * i, plan->serials[i].port);
	put_u16(ebda, (uint16_t)(PLAN_EBDA_BASE >> 4));
	put_u16(memory, (uint16_t)(PLAN_EBDA_BASE / KIB));
	int rc = guest_memory_write(l->mem, gpa(PLAN_EBDA_BASE), &ebda_kib, sizeof(ebda_kib), e);
	/* A kernel that is loaded over the data area has a use of its own for it. */
	if (rc == 0 && space_is_free(&l->space, area)) {
		rc = space_claim(&l->space, area, "the BIOS data area", -1, e);
		if (rc == 0)
			rc = guest_memory_write(
				l->mem, gpa(LAYOUT_BDA_COM_PORTS), ports, sizeof(ports), e);
		if (rc == 0)
			rc = guest_memory_write(
				l->mem, gpa(LAYOUT_BDA_EBDA_SEGMENT), ebda, sizeof(ebda), e);
		if (rc == 0)
			rc = guest_memory_write(
				l->mem, gpa(LAYOUT_BDA_MEMORY_KIB), memory, sizeof(memory), e);
	}
	if (rc < 0)
		return err_wrap(e, rc, "%s", l->req->kernel.path);
	return 0;
}

static int place_gdt(struct load *l, uint64_t *ret_gpa, struct err *e)
{
	return load_table(l, "GDT", X86_FLAT_GDT_BYTES, 8, LAYOUT_GDT, ret_gpa, e);
}

int load_entry32(struct load *l, uint64_t rip, struct x86_state *ret, struct err *e)
{
	uint64_t gdt;
	int rc = place_gdt(l, &gdt, e);
	if (rc < 0)
		return rc;
	rc = entry_protected32(l->mem, gdt, rip, ret, e);
	return rc < 0 ? err_wrap(e, rc, "%s", l->req->kernel.path) : 0;
}

int load_entry64(
	struct load *l, uint64_t rip, struct range kernel, struct x86_state *ret, struct err *e)
{
	struct entry_places places = { 0 };
	int rc = place_gdt(l, &places.gdt, e);
	if (rc == 0)
		rc = load_table(l, "page tables", ENTRY_PAGE_TABLES_BYTES, LAYOUT_PAGE,
			LAYOUT_PAGE_TABLES, &places.page_tables, e);
	if (rc == 0 && entry_is_high(kernel))
		rc = load_table(l, "page tables of the kernel above 4 GiB",
			ENTRY_HIGH_PAGE_TABLES_BYTES, LAYOUT_PAGE, LAYOUT_HIGH_PAGE_TABLES,
			&places.high_page_tables, e);
	if (rc < 0)
		return rc;
	rc = entry_long64(l->mem, &places, rip, kernel, ret, e);
	return rc < 0 ? err_wrap(e, rc, "%s", l->req->kernel.path) : 0;
}

/* Room for size bytes of strings, one behind the other where layout.h draws them. */
static int take_strings(struct load *l, const char *whose, uint64_t size, uint64_t *ret_gpa,
	char **ret_at, struct err *e)
{
	uint64_t room = LAYOUT_STRINGS_BYTES - l->strings_used;
	if (size > room)
		return boot_fail(e, -E2BIG, whose,
			"the command line has %" PRIu64 " bytes; %" PRIu64 " of the %" PRIu64
			" for all command lines are left",
			size - 1, room ? room - 1 : 0, LAYOUT_STRINGS_BYTES);
	int rc = load_table(
		l, "command line", size, 1, LAYOUT_STRINGS + l->strings_used, ret_gpa, e);
	if (rc < 0)
		return rc;
	*ret_at = guest_memory_borrow(l->mem, gpa(*ret_gpa), size);
	if (!*ret_at)
		return boot_fail(
			e, -EFAULT, whose, "no RAM for command lines at %#" PRIx64, *ret_gpa);
	l->strings_used += size;
	return 0;
}

int load_string(
	struct load *l, const char *whose, const char *text, uint64_t *ret_gpa, struct err *e)
{
	size_t size = strlen(text) + 1;
	char *at = NULL;
	int rc = take_strings(l, whose, size, ret_gpa, &at, e);
	if (rc == 0)
		(void)memcpy(at, text, size);
	return rc;
}

int load_named_string(
	struct load *l, const char *path, const char *text, uint64_t *ret_gpa, struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t name_size = strlen(name);
	size_t text_size = strlen(text);
	size_t blank = text_size ? 1 : 0;
	char *at = NULL;
	int rc = take_strings(l, path, name_size + blank + text_size + 1, ret_gpa, &at, e);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < name_size; i++)
		at[i] = name[i] == ' ' ? '_' : name[i];
	if (blank)
		at[name_size] = ' ';
	(void)memcpy(at + name_size + blank, text, text_size + 1);
	return 0;
}

static int no_room(const struct load *l, const char *path, const char *what, uint64_t size,
	struct range within, struct err *e)
{
	uint64_t limit = within.base + within.size;
	uint64_t from = space_used_end(&l->space);
	uint64_t have = l->space.ram_bytes / MIB;
	/* Room behind what is taken already; where that is not below the hole, behind the hole. */
	uint64_t low_end = limit < PLAN_PCI_HOLE_BASE ? limit : PLAN_PCI_HOLE_BASE;
	uint64_t need = 0;
	uint64_t padded = size + 2 * LAYOUT_PAGE;
	if (from < low_end && padded <= low_end - from)
		need = from + padded;
	else if (limit > PLAN_HIGH_RAM_BASE && padded <= limit - PLAN_HIGH_RAM_BASE)
		need = PLAN_PCI_HOLE_BASE + padded;
	if (need == 0 || need / MIB < have)
		return boot_fail(e, -ENOSPC, path,
			"%s: no room for its %" PRIu64 " bytes in [%#" PRIx64 ", %#" PRIx64
			"], whatever the memory; the guest has %" PRIu64 " MiB",
			what, size, within.base, limit - 1, have);
	(void)boot_fail(e, -ENOSPC, path,
		"%s: no room for its %" PRIu64 " bytes: with all else it needs at "
		"least %" PRIu64 " MiB of memory; the guest has %" PRIu64 " MiB",
		what, size, need / MIB + 1, have);
	return err_hint(
		e, -ENOSPC, "give it memory.size = \"%" PRIu64 "M\" or more", need / MIB + 1);
}

int load_place(struct load *l, const char *path, const char *what, uint64_t size,
	struct range within, bool high, uint64_t *ret_base, struct err *e)
{
	uint64_t base;
	int rc = high ? space_find_high(&l->space, size, LAYOUT_PAGE, within, &base)
		      : space_find_low(&l->space, size, LAYOUT_PAGE, within, &base);
	if (rc < 0)
		return no_room(l, path, what, size, within, e);
	rc = space_claim(&l->space, (struct range){ base, size }, what, -1, e);
	if (rc < 0)
		return err_wrap(e, rc, "%s", path);
	*ret_base = base;
	return 0;
}

int load_file(struct load *l, const struct boot_file *file, const char *what, uint64_t base,
	struct err *e)
{
	const struct boot_copier *copier = l->req->copier;
	uint8_t *dst = guest_memory_borrow(l->mem, gpa(base), file->size);
	if (!dst)
		return boot_fail(e, -EFAULT, file->path, "%s: no RAM at %#" PRIx64, what, base);
	if (copier) {
		int rc = copier->copy(copier->ctx, file, dst, e);
		return rc < 0 ? err_wrap(e, rc, "%s", what) : 0;
	}
	(void)memcpy(dst, file->data, file->size);
	return 0;
}

static int place_module(struct load *l, const struct boot_file *file, const char *what,
	enum load_style style, uint64_t *ret_base, struct err *e)
{
	struct range within = { LAYOUT_HIGH, PLAN_HIGH_RAM_BASE - LAYOUT_HIGH };
	uint64_t base;
	if (style == LOAD_LOW_NAMED) {
		uint64_t from = space_used_end(&l->space);
		struct range above = { from, PLAN_HIGH_RAM_BASE - from };
		if (space_find_low(&l->space, file->size, LAYOUT_PAGE, above, &base) == 0)
			within = above;
	}
	return load_place(
		l, file->path, what, file->size, within, style == LOAD_HIGH_BARE, ret_base, e);
}

static int load_module(struct load *l, const struct boot_file *file, const char *what,
	const char *cmdline, enum load_style style, struct load_module *ret, struct err *e)
{
	*ret = (struct load_module){ .size = file->size };
	if (file->size == 0)
		return boot_fail(e, -EINVAL, file->path, "%s: the file is empty", what);
	int rc = place_module(l, file, what, style, &ret->base, e);
	if (rc < 0)
		return rc;
	rc = load_file(l, file, what, ret->base, e);
	if (rc < 0)
		return rc;
	if (style == LOAD_LOW_NAMED)
		return load_named_string(l, file->path, cmdline ? cmdline : "", &ret->cmdline, e);
	if (cmdline)
		return load_string(l, file->path, cmdline, &ret->cmdline, e);
	return 0;
}

int load_modules(struct load *l, enum load_style style, struct load_module *ret_modules,
	unsigned *ret_nr, struct err *e)
{
	const struct boot_request *req = l->req;
	unsigned has_initrd = req->initrd.size ? 1 : 0;
	if (req->nr_modules > BOOT_MAX_MODULES - has_initrd)
		return boot_fail(e, -E2BIG, req->kernel.path,
			"%u modules%s; at most %d are supported", req->nr_modules,
			has_initrd ? " and an initrd" : "", BOOT_MAX_MODULES);
	unsigned nr = 0;
	if (has_initrd) {
		int rc = load_module(l, &req->initrd, "initrd", NULL, style, &ret_modules[nr++], e);
		if (rc < 0)
			return rc;
	}
	for (unsigned i = 0; i < req->nr_modules; i++) {
		const struct boot_module *m = &req->modules[i];
		int rc = load_module(
			l, &m->file, "module", m->cmdline, style, &ret_modules[nr++], e);
		if (rc < 0)
			return rc;
	}
	*ret_nr = nr;
	return 0;
}
