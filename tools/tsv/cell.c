/* SPDX-License-Identifier: MIT */
#include "tsv/cell.h"

#include <ctype.h>
#include <string.h>

#define NAME_BYTES 47
#define FOUND_BYTES 80 /* of a cell, in a fault */

void cell_fault(const struct cell *c, const char *fmt, ...)
{
	struct faults *f = c->table->faults;
	va_list args;
	va_start(args, fmt);
	const char *text = arena_vprintf(f->arena, fmt, args);
	va_end(args);
	fault_add(f, c->table->path, c->line, c->column, "%s", text);
}

/* What the cell holds, not too much of it. */
static const char *found(const struct cell *c)
{
	size_t length = strlen(c->text);
	if (length == 0) /* a part of a cell */
		return "nothing";
	return length <= FOUND_BYTES
		       ? c->text
		       : arena_printf(c->table->faults->arena, "%.*s...", FOUND_BYTES, c->text);
}

void cell_expected(const struct cell *c, const char *what)
{
	cell_fault(c, "expected %s, found %s", what, found(c));
}

bool cell_none(const struct cell *c)
{
	return strcmp(c->text, "-") == 0;
}

uint32_t cell_hex32(const struct cell *c)
{
	const char *digits = c->text + 2;
	uint32_t value = 0;
	bool good = strncmp(c->text, "0x", 2) == 0 && *digits && strlen(digits) <= 8 &&
		    (digits[0] != '0' || digits[1] == '\0') &&
		    digits[strspn(digits, "0123456789abcdef")] == '\0';
	for (; good && *digits; digits++)
		value = value << 4 |
			(uint32_t)(*digits <= '9' ? *digits - '0' : *digits - 'a' + 10);
	if (!good)
		cell_expected(c, "a number of 32 bits like 0x3a");
	return value;
}

unsigned cell_number(const struct cell *c, unsigned min, unsigned max)
{
	const char *t = c->text;
	unsigned value = 0;
	bool good = *t && strlen(t) <= 9 && (t[0] != '0' || t[1] == '\0') &&
		    t[strspn(t, "0123456789")] == '\0';
	for (; good && *t; t++)
		value = value * 10 + (unsigned)(*t - '0');
	if (good && value >= min && value <= max)
		return value;
	cell_fault(c, "expected a number from %u to %u, found %s", min, max, found(c));
	return min;
}

unsigned cell_choice(const struct cell *c, const char *words)
{
	size_t length = strlen(c->text);
	unsigned nr = 0;
	for (const char *w = words; *w; nr++) {
		size_t bytes = strcspn(w, " ");
		if (bytes == length && memcmp(w, c->text, bytes) == 0)
			return nr;
		w += bytes;
		w += *w == ' ';
	}
	cell_fault(
		c, "expected %s%s, found %s", strchr(words, ' ') ? "one of " : "", words, found(c));
	return 0;
}

const char *cell_text(const struct cell *c, size_t max_bytes)
{
	if (strlen(c->text) > max_bytes)
		cell_fault(c, "expected at most %zu characters, found %zu", max_bytes,
			strlen(c->text));
	return cell_none(c) ? "" : c->text;
}

const char *cell_said(const struct cell *c, size_t max_bytes)
{
	if (cell_none(c))
		cell_expected(c, "a text");
	return cell_text(c, max_bytes);
}

const char *cell_name(const struct cell *c)
{
	size_t length = strlen(c->text);
	bool good = length > 0 && length <= NAME_BYTES && isalnum((unsigned char)c->text[0]);
	for (const char *t = c->text; *t; t++)
		good = good && (isalnum((unsigned char)*t) || strchr("._-", *t));
	if (!good)
		cell_expected(c, "a name of letters, digits, . _ and -");
	return c->text;
}

const char *cell_rule_id(const struct cell *c, const char *prefix)
{
	size_t n = strlen(prefix);
	const char *t = c->text;
	if (strncmp(t, prefix, n) != 0 || strlen(t) != n + 3 || t[n] != '-' ||
		!isdigit((unsigned char)t[n + 1]) || !isdigit((unsigned char)t[n + 2]))
		cell_fault(c, "expected an id like %s-01, found %s", prefix, found(c));
	return t;
}

struct cells cell_split(const struct cell *c, char separator, unsigned max)
{
	struct cells parts = { .cell = NULL, .nr = 0 };
	if (cell_none(c))
		return parts;
	struct arena *arena = c->table->faults->arena;
	size_t room = 0;
	for (const char *t = c->text;;) {
		const char *end = strchr(t, separator);
		size_t bytes = end ? (size_t)(end - t) : strlen(t);
		parts.cell = arena_grow(arena, parts.cell, parts.nr, &room, sizeof(*parts.cell));
		struct cell *part = &parts.cell[parts.nr++];
		*part = *c;
		part->text = arena_copy(arena, t, bytes);
		part->column += (unsigned)(t - c->text);
		if (!end)
			break;
		t = end + 1;
	}
	if (parts.nr > max)
		cell_fault(&parts.cell[max], "expected at most %u parts, found %u", max, parts.nr);
	if (parts.nr > max)
		parts.nr = max;
	return parts;
}

bool cell_bits(const struct cell *c, unsigned *ret_low, unsigned *ret_high)
{
	const struct faults *faults = c->table->faults;
	size_t before = faults->nr;
	struct cells ends = cell_split(c, '-', 2);
	*ret_low = *ret_high = 0;
	if (ends.nr == 0) {
		cell_expected(c, "bits like 3 or 0-7");
		return false;
	}
	*ret_low = cell_number(&ends.cell[0], 0, 31);
	*ret_high = ends.nr == 2 ? cell_number(&ends.cell[1], 0, 31) : *ret_low;
	if (*ret_low > *ret_high && faults->nr == before)
		cell_expected(c, "bits that rise");
	if (faults->nr == before)
		return true;
	*ret_high = *ret_low;
	return false;
}
