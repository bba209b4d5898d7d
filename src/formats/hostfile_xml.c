/* SPDX-License-Identifier: MIT */
/*
 * libvirt's XML of CPUID data: <cpudata arch='x86'> with <cpuid eax_in= ecx_in= eax= ebx= ecx=
 * edx=> and <msr index= eax= edx=>, as `virsh cpu-…` tools and libvirt's own collections have it.
 */
#include "formats/hostfile_internal.h"
#include "formats/input.h"
#include "formats/xml_place.h"

#include <errno.h>
#include <string.h>

#define MAX_DEPTH 16

struct reader {
	XML_Parser parser;
	struct hostfile_reader *r;
	struct hostfile_processors processors;
	unsigned depth;
	bool is_cpudata, has_entries;
	int rc; /* of the first failure */
};

static void fail(struct reader *x, const char *what)
{
	if (x->rc)
		return;
	x->rc = input_fail(x->r->e, "%s:%lu:%lu: %s", x->r->name, xml_line(x->parser),
		xml_column(x->parser), what);
	(void)XML_StopParser(x->parser, XML_FALSE);
}

/* The attributes named: 32-bit numbers, all of which have to be there. */
static bool read_numbers(struct reader *x, const char **attributes, const char *const *names,
	uint32_t *values, size_t n)
{
	char what[96];
	for (size_t i = 0; i < n; i++) {
		const char **a = attributes;
		uint64_t value = 0;
		while (*a && strcmp(*a, names[i]) != 0)
			a += 2;
		if (!*a || input_number(a[1], strlen(a[1]), UINT32_MAX, &value)) {
			(void)snprintf(what, sizeof(what),
				"expected the attribute %s with a 32-bit number", names[i]);
			fail(x, what);
			return false;
		}
		values[i] = (uint32_t)value;
	}
	return true;
}

static void read_entry(struct reader *x, const char **attributes)
{
	static const char *const names[] = { "eax_in", "ecx_in", "eax", "ebx", "ecx", "edx" };
	uint32_t v[ARRAY_SIZE(names)];
	if (!read_numbers(x, attributes, names, v, ARRAY_SIZE(names)))
		return;
	struct cpuid_entry entry = {
		.leaf = v[0], .subleaf = v[1], .reg = { v[2], v[3], v[4], v[5] }
	};
	x->has_entries = true;
	switch (hostfile_processor_add(&x->processors, &entry)) {
	case -EEXIST:
		fail(x, "this leaf and subleaf were given before");
		break;
	case -E2BIG:
		fail(x, "more than 256 elements <cpuid>");
		break;
	default:
		break;
	}
}

static void read_msr(struct reader *x, const char **attributes)
{
	static const char *const names[] = { "index", "eax", "edx" };
	uint32_t v[ARRAY_SIZE(names)];
	if (!read_numbers(x, attributes, names, v, ARRAY_SIZE(names)))
		return;
	switch (hostfile_add_msr(x->r, v[0], (uint64_t)v[2] << 32 | v[1])) {
	case -EEXIST:
		fail(x, "this MSR was given before");
		break;
	case -E2BIG:
		fail(x, "more than 64 elements <msr>");
		break;
	default:
		break;
	}
}

static void on_start(void *data, const char *name, const char **attributes)
{
	struct reader *x = data;
	if (++x->depth > MAX_DEPTH)
		fail(x, "nested too deeply");
	else if (x->depth == 1 && strcmp(name, "cpudata") != 0)
		fail(x, "expected <cpudata>: libvirt's CPUID data; a <cpu> or <domain> names "
			"features, not CPUID values (nestor cpuid convert reads it)");
	else if (x->depth == 2 && strcmp(name, "cpuid") == 0)
		read_entry(x, attributes);
	else if (x->depth == 2 && strcmp(name, "msr") == 0)
		read_msr(x, attributes);
}

static void on_end(void *data, const char *name)
{
	struct reader *x = data;
	(void)name;
	x->depth--;
}

/* Entities could make much of little; CPUID data has no use for them. */
static void on_doctype(
	void *data, const char *name, const char *sysid, const char *pubid, int subset)
{
	(void)name;
	(void)sysid;
	(void)pubid;
	(void)subset;
	fail(data, "a document type declaration: not read");
}

int hostfile_parse_xml(struct hostfile_reader *r, const char *text, size_t n)
{
	struct reader x = { .r = r, .processors = { .r = r } };
	x.parser = XML_ParserCreate(NULL);
	if (!x.parser)
		return err_set(r->e, -ENOMEM, "no memory for expat");
	XML_SetUserData(x.parser, &x);
	XML_SetElementHandler(x.parser, on_start, on_end);
	XML_SetStartDoctypeDeclHandler(x.parser, on_doctype);
	if (XML_Parse(x.parser, text, (int)n, XML_TRUE) != XML_STATUS_OK && x.rc == 0) {
		char what[128];
		(void)snprintf(
			what, sizeof(what), "%s", XML_ErrorString(XML_GetErrorCode(x.parser)));
		fail(&x, what);
	}
	if (x.rc == 0 && !x.has_entries)
		x.rc = input_fail(r->e, "%s: no element <cpuid>", r->name);
	if (x.rc == 0)
		hostfile_processors_end(&x.processors);
	XML_ParserFree(x.parser);
	return x.rc;
}
