/* SPDX-License-Identifier: MIT */
#include "boot/kaslr.h"

#include <string.h>

/* KERNEL_IMAGE_SIZE of kernels with KASLR; a 32-bit one must lie below it physically too. */
#define IMAGE_SPACE_64 GIB
#define IMAGE_SPACE_32 (512 * MIB)
/* MAXMEM with four levels of page tables. */
#define MEMORY_END_64 (UINT64_C(1) << 46)
#define LOWEST_AT_MOST (512 * MIB)

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/*
 * As Linux's cmdline_find_option_bool: anywhere on the line, without regard to quotes or "--"; a
 * word that ends while it still agrees with the option makes that code skip the next word too.
 */
bool kaslr_is_forbidden(const char *cmdline)
{
	static const char option[] = "nokaslr";
	enum { BETWEEN, COMPARING, SKIPPING } state = BETWEEN;
	size_t at = 0;
	for (const char *p = cmdline;; p++) {
		bool ends = (unsigned char)*p <= ' ';
		if (state == BETWEEN && !ends) {
			state = COMPARING;
			at = 0;
		}
		if (state == COMPARING) {
			if (option[at] == '\0' && ends)
				return true;
			state = *p == option[at] && *p ? COMPARING : SKIPPING;
			at++;
		} else if (state == SKIPPING && ends) {
			state = BETWEEN;
		}
		if (!*p)
			return false;
	}
}

/* One argument of the command line, cut out of a copy. value is NULL where there is no '='. */
struct argument {
	char *name, *value;
};

/* Splits off the next argument as Linux does: blanks within double quotes do not end it. Returns
 * where the rest begins. */
static char *next_argument(char *text, struct argument *ret)
{
	bool begins_quoted = *text == '"';
	bool in_quotes = begins_quoted;
	char *end = begins_quoted ? text + 1 : text;
	*ret = (struct argument){ .name = end };
	for (; *end && (in_quotes || !is_blank(*end)); end++) {
		if (*end == '=' && !ret->value) {
			*end = '\0';
			ret->value = end + 1;
		} else if (*end == '"') {
			in_quotes = !in_quotes;
		}
	}
	char *rest = *end ? end + 1 : end;
	*end = '\0';
	bool value_quoted = ret->value && *ret->value == '"';
	if (value_quoted)
		ret->value++;
	if ((value_quoted || begins_quoted) && end > ret->name && end[-1] == '"')
		end[-1] = '\0';
	while (is_blank(*rest))
		rest++;
	return rest;
}

static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* Octal after 0, hexadecimal after 0x; wraps like Linux's. *ret_end is the first byte left over. */
static uint64_t parse_number(const char *text, const char **ret_end)
{
	unsigned base = 10;
	uint64_t v = 0;
	if (text[0] == '0') {
		bool hex = (text[1] | 0x20) == 'x' && digit_of(text[2]) < 16;
		base = hex ? 16 : 8;
		text += hex ? 2 : 0;
	}
	for (; digit_of(*text) < base; text++)
		v = v * base + digit_of(*text);
	*ret_end = text;
	return v;
}

/* A number and, perhaps, K, M, G, T, P or E (Linux's memparse). */
static uint64_t parse_size(const char *text, const char **ret_end)
{
	static const char units[] = "kmgtpe";
	uint64_t v = parse_number(text, ret_end);
	char c = (char)(**ret_end | 0x20);
	const char *unit = **ret_end ? strchr(units, c) : NULL;
	if (unit) {
		v <<= 10 * (unsigned)(unit - units + 1);
		(*ret_end)++;
	}
	return v;
}

static void limit_memory(struct kaslr_limits *l, uint64_t end)
{
	if (end && end < l->memory_end)
		l->memory_end = end;
}

/* "SIZE@START" is memory to use, the others are memory to leave; "SIZE" is as mem=. False: what
 * follows is not looked at. */
static bool parse_one_memmap(struct kaslr_limits *l, const char *text)
{
	const char *end;
	if (strncmp(text, "exactmap", 8) == 0)
		return false;
	uint64_t size = parse_size(text, &end);
	if (end == text)
		return false;
	uint64_t start = 0;
	if (*end == '#' || *end == '$' || *end == '!')
		start = parse_size(end + 1, &end);
	else if (*end == '@')
		size = 0;
	if (start == 0) {
		limit_memory(l, size);
		return true;
	}
	if (size > UINT64_MAX - start)
		size = UINT64_MAX - start;
	l->avoid[l->nr_avoid++] = (struct range){ start, size };
	return true;
}

static void parse_memmap(struct kaslr_limits *l, char *text)
{
	if (l->nr_avoid >= KASLR_MAX_MEMMAPS)
		return;
	while (text && l->nr_avoid < KASLR_MAX_MEMMAPS) {
		char *comma = strchr(text, ',');
		if (comma)
			*comma = '\0';
		if (!parse_one_memmap(l, text))
			break;
		text = comma ? comma + 1 : NULL;
	}
	if (l->nr_avoid >= KASLR_MAX_MEMMAPS && text)
		l->too_many_memmaps = true;
}

void kaslr_limits_parse(struct kaslr_limits *ret, const char *cmdline)
{
	char copy[2048]; /* COMMAND_LINE_SIZE: no more is looked at */
	size_t size = strnlen(cmdline, sizeof(copy) - 1);
	(void)memcpy(copy, cmdline, size);
	copy[size] = '\0';
	*ret = (struct kaslr_limits){ .memory_end = UINT64_MAX };
	bool huge_page_is_1g = false;
	char *rest = copy;
	while (is_blank(*rest))
		rest++;
	while (*rest) {
		struct argument arg;
		const char *end;
		rest = next_argument(rest, &arg);
		if (!arg.value && strcmp(arg.name, "--") == 0)
			return;
		if (!arg.value)
			continue;
		if (strcmp(arg.name, "memmap") == 0) {
			parse_memmap(ret, arg.value);
		} else if (strcmp(arg.name, "hugepagesz") == 0) {
			huge_page_is_1g = parse_size(arg.value, &end) == GIB;
		} else if (strcmp(arg.name, "hugepages") == 0 && huge_page_is_1g) {
			ret->huge_pages = parse_number(arg.value, &end);
		} else if (strcmp(arg.name, "mem") == 0 && strcmp(arg.value, "nopentium") != 0) {
			uint64_t memory = parse_size(arg.value, &end);
			if (memory == 0)
				return;
			limit_memory(ret, memory);
		}
	}
}

static void add_area(struct kaslr_slots *s, uint64_t base, uint64_t end, uint64_t size)
{
	if (s->nr_areas == KASLR_MAX_AREAS || end < base || end - base < size)
		return;
	uint64_t nr = (end - base - size) / s->alignment + 1;
	s->areas[s->nr_areas++] = (struct kaslr_area){ base, nr };
	s->nr += nr;
}

/* Leaves as many whole GiB at the start of [base, end) as are still wanted for huge pages. */
static void add_beside_huge_pages(
	struct kaslr_slots *s, uint64_t base, uint64_t end, uint64_t size, uint64_t *huge_pages)
{
	uint64_t first = align_up(base, GIB);
	uint64_t last = first;
	/* As Linux: a region that ends where a huge page would keeps that page. */
	while (*huge_pages && first < end && end - last > GIB) {
		last += GIB;
		(*huge_pages)--;
	}
	if (last == first) {
		add_area(s, base, end, size);
		return;
	}
	add_area(s, base, first, size);
	add_area(s, last, end, size);
}

/* The lowest range that must not be touched in [base, end); size 0: none. */
static struct range lowest_obstacle(
	const struct kaslr_limits *limits, const struct space *space, uint64_t base, uint64_t end)
{
	struct range within = { base, end - base };
	struct range lowest = { UINT64_MAX, 0 };
	for (unsigned i = 0; i < space->nr_used + limits->nr_avoid; i++) {
		struct range r = i < space->nr_used ? space->used[i].range
						    : limits->avoid[i - space->nr_used];
		if (range_overlaps(r, within) && r.base < lowest.base)
			lowest = r;
	}
	return lowest;
}

/* [base, end) of usable RAM, base aligned already. */
static void add_region(struct kaslr_slots *s, const struct kaslr_limits *limits,
	const struct space *space, struct range region, uint64_t size, uint64_t *huge_pages)
{
	uint64_t base = region.base;
	uint64_t end = region.base + region.size;
	while (base <= end && end - base >= size) {
		struct range other = lowest_obstacle(limits, space, base, end);
		add_beside_huge_pages(s, base, other.size ? other.base : end, size, huge_pages);
		if (other.size == 0)
			return;
		uint64_t behind = other.base + other.size;
		if (behind > UINT64_MAX - s->alignment)
			return;
		base = align_up(behind, s->alignment);
	}
}

void kaslr_slots_find(struct kaslr_slots *ret, const struct kaslr_image *image,
	const struct kaslr_limits *limits, const struct space *space)
{
	*ret = (struct kaslr_slots){ .alignment = image->alignment };
	uint64_t memory_end = image->is_64_bit ? MEMORY_END_64 : IMAGE_SPACE_32;
	uint64_t huge_pages = image->is_64_bit ? limits->huge_pages : 0;
	uint64_t lowest = image->linked < LOWEST_AT_MOST ? image->linked : LOWEST_AT_MOST;
	if (limits->memory_end < memory_end)
		memory_end = limits->memory_end;
	if (limits->too_many_memmaps || image->size == 0 || image->alignment > GIB)
		return;
	lowest = align_up(lowest, image->alignment);
	for (unsigned i = 0; i < space->nr_usable; i++) {
		uint64_t base = space->usable[i].base;
		uint64_t end = base + space->usable[i].size;
		if (base < lowest)
			base = lowest;
		if (end > memory_end)
			end = memory_end;
		base = align_up(base, image->alignment);
		if (base < end)
			add_region(ret, limits, space, (struct range){ base, end - base },
				image->size, &huge_pages);
	}
}

uint64_t kaslr_physical(const struct kaslr_slots *slots, uint64_t random)
{
	uint64_t slot = random % slots->nr;
	unsigned i = 0;
	for (; slot >= slots->areas[i].nr; i++)
		slot -= slots->areas[i].nr;
	return slots->areas[i].base + slot * slots->alignment;
}

/* The range's size less what lies below the kernel's lowest place; both aligned. */
static uint64_t virtual_room(const struct kaslr_image *image)
{
	uint64_t space = image->is_64_bit ? IMAGE_SPACE_64 : IMAGE_SPACE_32;
	uint64_t lowest = align_up(image->linked, image->alignment);
	return lowest < space ? space - lowest : 0;
}

bool kaslr_has_virtual(const struct kaslr_image *image)
{
	return image->alignment <= GIB && image->linked <= GIB && image->size <= GIB &&
	       align_up(image->size, image->alignment) <= virtual_room(image);
}

uint64_t kaslr_virtual(const struct kaslr_image *image, uint64_t random)
{
	uint64_t room = virtual_room(image) - align_up(image->size, image->alignment);
	uint64_t slots = room / image->alignment + 1;
	return align_up(image->linked, image->alignment) + random % slots * image->alignment;
}
