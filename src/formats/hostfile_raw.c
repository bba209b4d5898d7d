/* SPDX-License-Identifier: MIT */
/* The lines that cpuid(1) prints with -r, and "msr" lines after the same fashion. */
#include "formats/hostfile_internal.h"
#include "formats/input.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

struct scan {
	struct hostfile_reader *r;
	const char *line; /* where it starts */
	const char *p, *end;
	unsigned number;
	struct hostfile_processors processors;
	bool has_entries;
	/* Older cpuid(1) prints no subleaves: lines of one leaf are numbered as they come. */
	uint32_t bare_leaf, bare_subleaf;
};

static int fail(const struct scan *s, const char *what)
{
	return input_fail(s->r->e, "%s:%u:%zu: %s", s->r->name, s->number,
		(size_t)(s->p - s->line) + 1, what);
}

static void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
}

/* Takes word where the line goes on with it, in small letters or capitals. */
static bool take(struct scan *s, const char *word)
{
	size_t n = strlen(word);
	if ((size_t)(s->end - s->p) < n || strncasecmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	return true;
}

/* A number up to the next blank or ':'. */
static int take_number(struct scan *s, uint64_t max, uint64_t *ret_value)
{
	size_t n = 0;
	while (s->p + n < s->end && !strchr(" \t:", s->p[n]))
		n++;
	if (n < 3 || strncasecmp(s->p, "0x", 2) != 0)
		return fail(s, "expected a number such as 0x1f");
	switch (input_number(s->p, n, max, ret_value)) {
	case 0:
		s->p += n;
		return 0;
	case -ERANGE:
		return fail(s, max > UINT32_MAX ? "more than 64 bits" : "more than 32 bits");
	default:
		return fail(s, "expected a number such as 0x1f");
	}
}

static int take_colon(struct scan *s)
{
	if (!take(s, ":"))
		return fail(s, "expected \":\"");
	skip_space(s);
	return 0;
}

static int at_end(struct scan *s)
{
	skip_space(s);
	return s->p == s->end ? 0 : fail(s, "expected the end of the line");
}

static int read_msr(struct scan *s)
{
	uint64_t index = 0, value = 0;
	skip_space(s);
	const char *start = s->p;
	int rc = take_number(s, UINT32_MAX, &index);
	if (rc == 0)
		rc = take_colon(s);
	if (rc == 0)
		rc = take_number(s, UINT64_MAX, &value);
	if (rc == 0)
		rc = at_end(s);
	if (rc)
		return rc;
	s->p = start;
	switch (hostfile_add_msr(s->r, (uint32_t)index, value)) {
	case -EEXIST:
		return fail(s, "this MSR was given before");
	case -E2BIG:
		return fail(s, "more than 64 MSRs");
	default:
		return 0;
	}
}

static int add_entry(struct scan *s, struct cpuid_entry *entry)
{
	s->has_entries = true;
	switch (hostfile_processor_add(&s->processors, entry)) {
	case -EEXIST:
		return fail(s, "this leaf and subleaf were given before");
	case -E2BIG:
		return fail(s, "more than 256 lines for one processor");
	default:
		return 0;
	}
}

/* The subleaf, or none before the colon. */
static int take_subleaf(struct scan *s, uint32_t leaf, uint64_t *ret_subleaf)
{
	skip_space(s);
	if (s->p == s->end || *s->p != ':')
		return take_number(s, UINT32_MAX, ret_subleaf);
	s->bare_subleaf = s->bare_leaf == leaf && s->has_entries ? s->bare_subleaf + 1 : 0;
	s->bare_leaf = leaf;
	*ret_subleaf = s->bare_subleaf;
	return 0;
}

static int read_entry(struct scan *s)
{
	static const char *const names[] = { "eax=", "ebx=", "ecx=", "edx=" };
	const char *start = s->p;
	uint64_t leaf = 0, subleaf = 0;
	struct cpuid_entry entry = { 0 };
	int rc = take_number(s, UINT32_MAX, &leaf);
	if (rc == 0)
		rc = take_subleaf(s, (uint32_t)leaf, &subleaf);
	if (rc == 0)
		rc = take_colon(s);
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(names); i++) {
		uint64_t value = 0;
		skip_space(s);
		if (!take(s, names[i])) {
			char what[32];
			(void)snprintf(what, sizeof(what), "expected \"%s\"", names[i]);
			return fail(s, what);
		}
		rc = take_number(s, UINT32_MAX, &value);
		entry.reg[i] = (uint32_t)value;
	}
	if (rc == 0)
		rc = at_end(s);
	if (rc)
		return rc;
	entry.leaf = (uint32_t)leaf;
	entry.subleaf = (uint32_t)subleaf;
	s->p = start;
	return add_entry(s, &entry);
}

static int read_header(struct scan *s)
{
	skip_space(s);
	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	int rc = take_colon(s);
	if (rc == 0)
		rc = at_end(s);
	hostfile_processor_begin(&s->processors);
	s->bare_leaf = s->bare_subleaf = 0;
	return rc;
}

static int read_line(struct scan *s)
{
	skip_space(s);
	if (s->p == s->end || *s->p == '#')
		return 0;
	if (take(s, "CPU"))
		return read_header(s);
	if (take(s, "msr ") || take(s, "msr\t"))
		return read_msr(s);
	if (*s->p == '0')
		return read_entry(s);
	return fail(s, "expected a line of `cpuid -r`, \"msr 0x...: 0x...\" or \"#\"");
}

int hostfile_parse_raw(struct hostfile_reader *r, const char *text, size_t n)
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
		return input_fail(
			r->e, "%s: no line of CPUID values, such as `cpuid -r` prints", r->name);
	hostfile_processors_end(&s.processors);
	return 0;
}
