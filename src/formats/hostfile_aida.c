/* SPDX-License-Identifier: MIT */
/*
 * AIDA64's and EVEREST's text, and what is made in its form: lines such as
 *   CPUID 00000007: 00000000-00000281-00000000-00000000 [SL 00]
 *   MSR 0000010A: 0000-0000-0000-0C05
 * among many others, which are passed over. Registers are EAX, EBX, ECX and EDX; "SL" is the
 * subleaf. A header line in brackets that names a logical CPU, or leaf 0 again, begins a processor.
 */
#include "formats/hostfile_internal.h"
#include "formats/input.h"

#include <errno.h>
#include <string.h>

struct scan {
	struct hostfile_reader *r;
	struct hostfile_processors processors;
	const char *line, *p, *end;
	unsigned number;
	bool has_leaf_0; /* of the processor being read */
	bool has_entries;
	bool hex_subleaves; /* a subleaf with a letter was seen */
};

static int fail(const struct scan *s, const char *what)
{
	return input_fail(s->r->e, "%s:%u:%zu: %s", s->r->name, s->number,
		(size_t)(s->p - s->line) + 1, what);
}

static bool take(struct scan *s, const char *word)
{
	size_t n = strlen(word);
	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	return true;
}

/* Just n hexadecimal digits. */
static bool take_hex(struct scan *s, size_t n, uint64_t *ret_value)
{
	uint64_t value = 0;
	if ((size_t)(s->end - s->p) < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int digit = input_digit(s->p[i]);
		if (digit < 0)
			return false;
		value = value << 4 | (uint64_t)digit;
	}
	s->p += n;
	*ret_value = value;
	return true;
}

/* " [SL 0A]" or nothing. Two digits without a letter are decimal until one with a letter came: the
 * subleaves before have only one digit then. */
static uint32_t take_subleaf(struct scan *s)
{
	const char *tag = memmem(s->p, (size_t)(s->end - s->p), "[SL ", 4);
	uint32_t value = 0;
	if (!tag)
		return 0;
	s->p = tag + 4;
	for (const char *c = s->p; c < s->end && input_digit(*c) >= 0; c++)
		s->hex_subleaves |= input_digit(*c) > 9;
	for (; s->p < s->end && input_digit(*s->p) >= 0 && value < 0x1000; s->p++)
		value = value * (s->hex_subleaves ? 16 : 10) + (uint32_t)input_digit(*s->p);
	return value;
}

static int read_entry(struct scan *s)
{
	uint64_t leaf = 0, reg[4] = { 0 };
	if (!take_hex(s, 8, &leaf) || !take(s, ":"))
		return 0; /* "CPUID Manufacturer : …" and the like */
	const char *at = s->p;
	while (s->p < s->end && *s->p == ' ')
		s->p++;
	for (unsigned i = 0; i < 4; i++) {
		if ((i > 0 && !take(s, "-")) || !take_hex(s, 8, &reg[i])) {
			s->p = at;
			return fail(s, "expected four registers such as 000306F2-00100800-…");
		}
	}
	struct cpuid_entry entry = { .leaf = (uint32_t)leaf, .subleaf = take_subleaf(s) };
	for (unsigned i = 0; i < 4; i++)
		entry.reg[i] = (uint32_t)reg[i];
	if (leaf == 0 && s->has_leaf_0) /* a form without headers */
		hostfile_processor_begin(&s->processors);
	s->has_leaf_0 |= leaf == 0;
	s->has_entries = true;
	switch (hostfile_processor_add(&s->processors, &entry)) {
	case -E2BIG:
		return fail(s, "more than 256 lines for one processor");
	default: /* -EEXIST: some dumps say a leaf twice; the first counts */
		return 0;
	}
}

static void read_msr(struct scan *s)
{
	uint64_t index = 0, value = 0;
	if (!take_hex(s, 8, &index) || !take(s, ": ") || !hostfile_is_feature_msr(index))
		return;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t part = 0;
		if ((i > 0 && !take(s, "-")) || !take_hex(s, 4, &part))
			return; /* "< FAILED >" */
		value = value << 16 | part;
	}
	/* One processor's is as good as another's; more than fit there cannot be. */
	if (hostfile_add_msr(s->r, (uint32_t)index, value))
		return;
}

static bool is_processor_header(const struct scan *s)
{
	size_t n = (size_t)(s->end - s->line);
	bool header = n > 8 && memcmp(s->line, "------[ ", 8) == 0;
	if (header)
		return memmem(s->line, n, "Logical CPU #", 13) || memmem(s->line, n, "(CPU #", 6);
	return n > 4 && memcmp(s->line, "CPU#", 4) == 0;
}

static int read_line(struct scan *s)
{
	if (is_processor_header(s)) {
		hostfile_processor_begin(&s->processors);
		s->has_leaf_0 = false;
		return 0;
	}
	if (take(s, "CPUID "))
		return read_entry(s);
	if (take(s, "MSR "))
		read_msr(s);
	return 0;
}

int hostfile_parse_aida(struct hostfile_reader *r, const char *text, size_t n)
{
	struct scan s = { .r = r, .processors = { .r = r } };
	const char *end = text + n;
	while (hostfile_next_line(&text, end, &s.line, &s.end)) {
		s.p = s.line;
		s.number++;
		int rc = read_line(&s);
		if (rc)
			return rc;
	}
	if (!s.has_entries)
		return input_fail(r->e, "%s: no line of CPUID values", r->name);
	hostfile_processors_end(&s.processors);
	return 0;
}
