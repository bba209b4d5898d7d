/* SPDX-License-Identifier: MIT */
/*
 * One load under way: what is asked for, where things may lie, and the pieces that all protocols
 * place alike: tables, strings, initrd, modules. Owned by boot_load, for its duration. A protocol
 * claims its kernel first: where that lies is given, and everything else makes way for it.
 */
#ifndef NESTOR_BOOT_LOAD_H
#define NESTOR_BOOT_LOAD_H

#include "base/err.h"
#include "boot/boot.h"
#include "boot/space.h"

struct load {
	const struct boot_request *req;
	const struct guest_memory *mem;
	const char *cmdline; /* never NULL */
	struct space space;
	uint64_t strings_used; /* bytes of at most LAYOUT_STRINGS_BYTES */
};

/* A file placed in guest RAM. cmdline is the gpa of a string, 0: none. */
struct load_module {
	uint64_t base, size, cmdline;
};

/* Nothing is taken yet. req and mem are borrowed for as long as l is used. */
void load_init(struct load *l, const struct boot_request *req, const struct guest_memory *mem,
	const char *cmdline);

/*
 * Claims size bytes (> 0) of RAM below 4 GiB for a table: at liked, its place in layout.h, where
 * that is free; else in what is left of conventional memory, else above the first MiB. Messages
 * begin with the kernel's path and name the table by what (static text).
 */
int load_table(struct load *l, const char *what, uint64_t size, uint64_t align, uint64_t liked,
	uint64_t *ret_gpa, struct err *e) MUST_CHECK;

/* Writes what firmware leaves below for kernels, the BIOS data area only where no kernel lies. */
int load_bios_data(struct load *l, struct err *e) MUST_CHECK;

/* Places and writes the tables of entry.h: 32-bit protected mode at rip, or 64-bit mode. */
int load_entry32(struct load *l, uint64_t rip, struct x86_state *ret, struct err *e) MUST_CHECK;
int load_entry64(struct load *l, uint64_t rip, struct range kernel, struct x86_state *ret,
	struct err *e) MUST_CHECK;

/* Puts text and its NUL somewhere. -E2BIG where that and all before are more than
 * LAYOUT_STRINGS_BYTES; whose names it in messages. */
int load_string(struct load *l, const char *whose, const char *text, uint64_t *ret_gpa,
	struct err *e) MUST_CHECK;

/*
 * As load_string, of path's last component (blanks in it become underscores), and, where text is
 * not empty, a blank and text.
 */
int load_named_string(struct load *l, const char *path, const char *text, uint64_t *ret_gpa,
	struct err *e) MUST_CHECK;

/*
 * Claims size bytes (> 0) of page-aligned RAM in `within`, top down or bottom up. -ENOSPC with how
 * much memory would do; messages begin with path and name the thing by what.
 */
int load_place(struct load *l, const char *path, const char *what, uint64_t size,
	struct range within, bool high, uint64_t *ret_base, struct err *e) MUST_CHECK;

/* Copies a file of the request (an initrd or a module) to claimed RAM. */
int load_file(struct load *l, const struct boot_file *file, const char *what, uint64_t base,
	struct err *e) MUST_CHECK;

enum load_style {
	/* From the top of RAM down; command lines as given (PVH). */
	LOAD_HIGH_BARE,
	/* From the kernel's end up; command lines begin with the file's name (Multiboot). */
	LOAD_LOW_NAMED,
};

/*
 * Places and copies the initrd, then the modules, page-aligned, above 1 MiB and below 4 GiB; at
 * most BOOT_MAX_MODULES. ret_modules has room for as many.
 */
int load_modules(struct load *l, enum load_style style, struct load_module *ret_modules,
	unsigned *ret_nr, struct err *e) MUST_CHECK;

#endif
