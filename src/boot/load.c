/* SPDX-License-Identifier: MIT */
#include "boot/load.h"

#include "boot/bytes.h"
#include "boot/fail.h"
#include "boot/layout.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* What firmware would have left below: without it Xen puts its real-mode code over itself. */
static int write_bios_data(
	const struct machine_plan *plan, const struct guest_memory *mem, struct err *e)
{
	uint8_t ports[2 * PLAN_MAX_SERIALS] = { 0 };
	uint8_t ebda[2], memory[2];
	const uint8_t ebda_kib = 1;
	for (unsigned i = 0; i < plan->nr_serials && i < PLAN_MAX_SERIALS; i++)
		put_u16(ports + 2 * i, plan->serials[i].port);
	put_u16(ebda, (uint16_t)(PLAN_EBDA_BASE >> 4));
	put_u16(memory, (uint16_t)(PLAN_EBDA_BASE / KIB));
	int rc = guest_memory_write(mem, gpa(LAYOUT_BDA_COM_PORTS), ports, sizeof(ports), e);
	if (rc == 0)
		rc = guest_memory_write(mem, gpa(LAYOUT_BDA_EBDA_SEGMENT), ebda, sizeof(ebda), e);
	if (rc == 0)
		rc = guest_memory_write(mem, gpa(LAYOUT_BDA_MEMORY_KIB), memory, sizeof(memory), e);
	if (rc == 0)
		rc = guest_memory_write(mem, gpa(PLAN_EBDA_BASE), &ebda_kib, sizeof(ebda_kib), e);
	return rc;
}

int load_init(struct load *l, const struct boot_request *req, const struct guest_memory *mem,
	const char *cmdline, struct err *e)
{
	l->req = req;
	l->mem = mem;
	l->cmdline = cmdline;
	l->strings_used = 0;
	space_init(&l->space, req->plan, mem);
	int rc = space_claim(&l->space, (struct range){ LAYOUT_BASE, LAYOUT_END - LAYOUT_BASE },
		"the boot tables", -1, e);
	if (rc == 0)
		rc = write_bios_data(req->plan, mem, e);
	if (rc < 0)
		return err_wrap(e, rc, "%s", req->kernel.path);
	return 0;
}

/* Room for size bytes of strings, or NULL with the error set. */
static char *take_strings(
	struct load *l, const char *whose, uint64_t size, uint64_t *ret_gpa, struct err *e)
{
	uint64_t room = LAYOUT_STRINGS_BYTES - l->strings_used;
	if (size > room) {
		(void)boot_fail(e, -E2BIG, whose,
			"the command line has %" PRIu64 " bytes; %" PRIu64 " of the %" PRIu64
			" for all command lines are left",
			size - 1, room ? room - 1 : 0, LAYOUT_STRINGS_BYTES);
		return NULL;
	}
	*ret_gpa = LAYOUT_STRINGS + l->strings_used;
	char *at = guest_memory_borrow(l->mem, gpa(*ret_gpa), size);
	if (!at)
		(void)boot_fail(
			e, -EFAULT, whose, "no RAM for command lines at %#" PRIx64, *ret_gpa);
	else
		l->strings_used += size;
	return at;
}

int load_string(
	struct load *l, const char *whose, const char *text, uint64_t *ret_gpa, struct err *e)
{
	size_t size = strlen(text) + 1;
	char *at = take_strings(l, whose, size, ret_gpa, e);
	if (!at)
		return -E2BIG;
	(void)memcpy(at, text, size);
	return 0;
}

int load_named_string(
	struct load *l, const char *path, const char *text, uint64_t *ret_gpa, struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t name_size = strlen(name);
	size_t text_size = strlen(text);
	size_t blank = text_size ? 1 : 0;
	char *at = take_strings(l, path, name_size + blank + text_size + 1, ret_gpa, e);
	if (!at)
		return -E2BIG;
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
	rc = guest_memory_write(l->mem, gpa(ret->base), file->data, file->size, e);
	if (rc < 0)
		return err_wrap(e, rc, "%s: %s", file->path, what);
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
