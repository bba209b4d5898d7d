/* SPDX-License-Identifier: MIT */
#include "formats/words.h"

#include "base/types.h"

#include <string.h>

static const struct word qemu[] = {
#include "formats/words_qemu.inc"
};

static const struct word libvirt[] = {
#include "formats/words_libvirt.inc"
};

static const struct word firecracker[] = {
#include "formats/words_firecracker.inc"
};

static const struct word toml[] = {
#include "formats/words_toml.inc"
};

static const struct word *table_of(enum word_format format, size_t *ret_count)
{
	switch (format) {
	case WORDS_QEMU:
		*ret_count = ARRAY_SIZE(qemu);
		return qemu;
	case WORDS_LIBVIRT:
		*ret_count = ARRAY_SIZE(libvirt);
		return libvirt;
	case WORDS_FIRECRACKER:
		*ret_count = ARRAY_SIZE(firecracker);
		return firecracker;
	case WORDS_TOML:
		*ret_count = ARRAY_SIZE(toml);
		return toml;
	case WORDS_COUNT:
		break;
	}
	*ret_count = 0;
	return NULL;
}

const struct word *word_at(enum word_format format, size_t i)
{
	size_t n = 0;
	const struct word *table = table_of(format, &n);
	return i < n ? &table[i] : NULL;
}

const struct word *word_find(enum word_format format, const char *name)
{
	size_t n = 0, longest = 0;
	const struct word *table = table_of(format, &n), *found = NULL;
	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(table[i].name);
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
		bool pattern = length > 0 && table[i].name[length - 1] == '*';
		if (pattern && length > longest && strncmp(table[i].name, name, length - 1) == 0) {
			longest = length;
			found = &table[i];
		}
	}
	return found;
}

bool word_is_nothing(const struct word *word, const char *value)
{
	size_t n = strlen(value);
	for (const char *at = word->nothing; *at != '\0';) {
		size_t length = strcspn(at, " ");
		if (length == n && strncmp(at, value, n) == 0)
			return true;
		at += length + (at[length] == ' ');
	}
	return false;
}

const char *word_fate_name(enum word_fate fate)
{
	static const char *const names[] = { [WORD_CARRIED] = "carried",
		[WORD_LOST] = "lost",
		[WORD_SAME] = "same",
		[WORD_REFUSED] = "refused" };
	return names[fate];
}
