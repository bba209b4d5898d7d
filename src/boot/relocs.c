/* SPDX-License-Identifier: MIT */
#include "boot/relocs.h"

#include "boot/bytes.h"
#include "boot/fail.h"

#include <errno.h>
#include <inttypes.h>

#define WORD_BYTES 4

/* The kinds of a table with as many lists, in the file's order. */
static const enum relocs_kind kinds_of_3[] = { RELOCS_64, RELOCS_32_INVERSE, RELOCS_32 };
static const enum relocs_kind kinds_of_2[] = { RELOCS_64, RELOCS_32 };
static const enum relocs_kind kinds_of_1[] = { RELOCS_32 };

static const char *kind_name(enum relocs_kind kind)
{
	switch (kind) {
	case RELOCS_64:
		return "64-bit";
	case RELOCS_32_INVERSE:
		return "inverse 32-bit";
	case RELOCS_32:
		break;
	}
	return "32-bit";
}

static const enum relocs_kind *kinds_for(const struct elf_image *elf, unsigned nr_lists)
{
	if (!elf->is_x86_64)
		return nr_lists == 1 ? kinds_of_1 : NULL;
	if (nr_lists == 3)
		return kinds_of_3;
	return nr_lists == 2 ? kinds_of_2 : NULL;
}

int relocs_find(const struct boot_file *file, const struct elf_image *elf, struct relocs *ret,
	struct err *e)
{
	*ret = (struct relocs){ 0 };
	uint64_t at = elf->section_headers_end;
	if (at == 0 || at >= file->size)
		return 0;
	size_t size = file->size - (size_t)at;
	const uint8_t *table = file->data + at;
	if (size % WORD_BYTES != 0)
		return boot_fail(e, -EINVAL, file->path,
			"%zu bytes follow the ELF section headers, expected relocations: a "
			"multiple of %d",
			size, WORD_BYTES);
	size_t nr_words = size / WORD_BYTES;
	size_t zeros[RELOCS_MAX_LISTS + 1];
	unsigned nr = 0;
	for (size_t i = 0; i < nr_words && nr <= RELOCS_MAX_LISTS; i++) {
		if (get_u32(table + i * WORD_BYTES) == 0)
			zeros[nr++] = i;
	}
	if (nr == 0 || zeros[0] != 0)
		return boot_fail(e, -EINVAL, file->path,
			"what follows the ELF section headers begins with %#" PRIx32
			", expected the zero that leads a list of relocations",
			get_u32(table));
	const enum relocs_kind *kinds = kinds_for(elf, nr);
	if (!kinds)
		return boot_fail(e, -EINVAL, file->path,
			"%s%u lists of relocations follow the ELF section headers, expected %s",
			nr > RELOCS_MAX_LISTS ? "more than " : "",
			nr > RELOCS_MAX_LISTS ? RELOCS_MAX_LISTS : nr,
			elf->is_x86_64 ? "2 or 3" : "1");
	for (unsigned i = 0; i < nr; i++) {
		size_t end = i + 1 < nr ? zeros[i + 1] : nr_words;
		ret->lists[i] = (struct relocs_list){ kinds[i], table + (zeros[i] + 1) * WORD_BYTES,
			end - zeros[i] - 1 };
	}
	ret->nr_lists = nr;
	return 0;
}

size_t relocs_count(const struct relocs *r)
{
	size_t n = 0;
	for (unsigned i = 0; i < r->nr_lists; i++)
		n += r->lists[i].nr;
	return n;
}

/* The three loops return how many words they obeyed: all, or those before a field outside. A word
 * below `first` becomes an offset beyond any size, so that one comparison finds both. */
static size_t add_32(const struct relocs_list *list, uint8_t *image, uint32_t last, uint32_t first,
	uint32_t delta)
{
	for (size_t i = 0; i < list->nr; i++) {
		uint32_t offset = get_u32(list->words + i * WORD_BYTES) - first;
		if (offset > last)
			return i;
		put_u32(image + offset, get_u32(image + offset) + delta);
	}
	return list->nr;
}

static size_t add_64(const struct relocs_list *list, uint8_t *image, uint32_t last, uint32_t first,
	uint64_t delta)
{
	for (size_t i = 0; i < list->nr; i++) {
		uint32_t offset = get_u32(list->words + i * WORD_BYTES) - first;
		if (offset > last)
			return i;
		put_u64(image + offset, get_u64(image + offset) + delta);
	}
	return list->nr;
}

static size_t apply_list(const struct relocs_list *list, uint8_t *image, uint64_t size,
	uint32_t first, uint64_t delta)
{
	uint32_t width = list->kind == RELOCS_64 ? 8 : 4;
	if (size < width)
		return 0;
	uint32_t last = (uint32_t)size - width;
	if (list->kind == RELOCS_64)
		return add_64(list, image, last, first, delta);
	return add_32(list, image, last, first,
		list->kind == RELOCS_32 ? (uint32_t)delta : 0 - (uint32_t)delta);
}

int relocs_apply(const struct relocs *r, uint8_t *image, uint64_t size, uint64_t linked_at,
	uint64_t delta, struct err *e)
{
	if (size > INT32_MAX)
		return err_set_config(e, -EINVAL,
			"the kernel has %" PRIu64
			" bytes in memory, more than relocations can reach",
			size);
	for (unsigned i = 0; i < r->nr_lists; i++) {
		const struct relocs_list *list = &r->lists[i];
		size_t done = apply_list(list, image, size, (uint32_t)linked_at, delta);
		if (done < list->nr)
			return err_set_config(e, -EINVAL,
				"%s relocation %zu is for %#" PRIx32
				", outside of the kernel's [%#" PRIx32 ", %#" PRIx32 "]",
				kind_name(list->kind), done,
				get_u32(list->words + done * WORD_BYTES), (uint32_t)linked_at,
				(uint32_t)(linked_at + size - 1));
	}
	return 0;
}
