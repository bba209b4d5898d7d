/* SPDX-License-Identifier: MIT */
#include "formats/hostfile.h"

#include "base/input_file.h"
#include "formats/hostfile_internal.h"
#include "formats/input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* See hostfile.h: what a file does not say is taken to be as large hosts have it. */
static void set_defaults(struct hostfile *f)
{
	*f = (struct hostfile){
		.kind = HOSTFILE_PROCESSOR,
		.facts = {
			.max_vcpus = 1024,
			.max_vcpu_id = 4096,
			.nr_memslots = 32764,
			.tsc_scaling = true,
			.tsc_deadline_timer = true,
			.split_irqchip = true,
			.nested_state = true,
			.user_space_msr = true,
		},
	};
}

/* SDM vol. 2, CPUID, "Brand String": leaves 0x80000002 to 0x80000004. */
static void brand_from_leaves(struct host_facts *f)
{
	for (uint32_t i = 0; i < 3; i++) {
		const struct cpuid_entry *entry = cpuid_get(&f->supported, 0x80000002 + i, 0);
		if (entry)
			(void)memcpy(f->brand + 4 * (size_t)i, entry->reg, sizeof(entry->reg));
	}
}

static unsigned line_of(const char *text, size_t at)
{
	unsigned line = 1;
	for (size_t i = 0; i < at; i++)
		line += text[i] == '\n';
	return line;
}

/* Texts about processors that have no CPUID values, or in a form that is not read, and what to do.
 */
static int check_form(struct hostfile_reader *r, const char *text, size_t n)
{
	static const struct {
		const char *first, *second, *what;
	} forms[] = {
		{ "basic_cpuid[0]=", NULL,
			"a raw dump of libcpuid; expected a form that nestor-cpuid(1) names, such "
			"as "
			"`cpuid -r`" },
		{ "processor\t:", "vendor_id\t:",
			"/proc/cpuinfo, which has no CPUID values; run `nestor cpuid dump --json` "
			"or "
			"`cpuid -r` on that host" },
		{ "Architecture:", "Vendor ID:",
			"the output of lscpu, which has no CPUID values; run `nestor cpuid dump "
			"--json` or `cpuid -r` on that host" },
		{ "vendor_id = \"", NULL,
			"what cpuid(1) prints without -r; run `cpuid -r` on that host" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (hostfile_has_line(text, n, forms[i].first) &&
			(!forms[i].second || hostfile_has_line(text, n, forms[i].second)))
			return input_fail(r->e, "%s: this is %s", r->name, forms[i].what);
	}
	return 0;
}

/* Text without its byte order mark. */
static int parse_text(struct hostfile_reader *r, const char *text, size_t n)
{
	size_t start = 0;
	while (start < n && strchr(" \t\r\n", text[start]) && text[start] != '\0')
		start++;
	if (start == n)
		return input_fail(r->e, "%s: the file is empty", r->name);
	const char *nul = memchr(text, '\0', n);
	if (nul)
		return input_fail(r->e, "%s:%u: a NUL byte: this is no host file", r->name,
			line_of(text, (size_t)(nul - text)));
	if (text[start] == '{')
		return hostfile_parse_json(r, text, n);
	if (text[start] == '<')
		return hostfile_parse_xml(r, text + start, n - start);
	if (hostfile_has_line(text, n, "CPUID 00000000:"))
		return hostfile_parse_aida(r, text, n);
	int rc = check_form(r, text, n);
	return rc ? rc : hostfile_parse_raw(r, text, n);
}

/*
 * Early processors of VIA's (Cyrix III) leave EBX and ECX as they were where they have nothing to
 * say, so that a dump has whatever was in them: the same in leaf 1 as in 0x80000000, where others
 * have the vendor or 0. Taken for features, that would be nonsense.
 */
static void drop_unwritten(struct hostfile *file)
{
	struct cpuid_table *t = &file->facts.supported;
	const struct cpuid_entry *vendor = cpuid_find(t, 0, 0), *first = cpuid_find(t, 1, 0),
				 *extended = cpuid_find(t, 0x80000000, 0);
	if (!vendor || !first || !extended)
		return;
	const uint32_t ebx = extended->reg[CPUID_EBX], ecx = extended->reg[CPUID_ECX];
	if (ecx == 0 || first->reg[CPUID_EBX] != ebx || first->reg[CPUID_ECX] != ecx ||
		vendor->reg[CPUID_EBX] == ebx)
		return;
	for (unsigned i = 0; i < t->nr_entries; i++) {
		struct cpuid_entry *e = &t->entries[i];
		if (e->reg[CPUID_EBX] == ebx && e->reg[CPUID_ECX] == ecx)
			e->reg[CPUID_EBX] = e->reg[CPUID_ECX] = 0;
	}
	if (file->note[0] == '\0')
		(void)snprintf(file->note, sizeof(file->note),
			"this processor leaves EBX and ECX of leaf 1 as they were; what the file "
			"has for them is taken as 0");
}

int hostfile_parse(
	const char *text, size_t n, const char *name, struct hostfile *ret_file, struct err *e)
{
	struct hostfile_reader r = { .name = name, .file = ret_file, .e = e };
	set_defaults(ret_file);
	if (n > HOSTFILE_MAX_BYTES)
		return input_fail(
			e, "%s: longer than 16 MiB, the most that a host file may have", name);
	if (n >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
		return input_fail(e, "%s: this is text in UTF-16; save it as UTF-8", name);
	if (n == 0)
		return input_fail(e, "%s: the file is empty", name);
	size_t mark = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	int rc = parse_text(&r, text + mark, n - mark);
	if (rc == 0)
		drop_unwritten(ret_file);
	if (rc == 0 && !r.brand_given)
		brand_from_leaves(&ret_file->facts);
	return rc;
}

int hostfile_read(const char *path, struct hostfile *ret_file, struct err *e)
{
	struct input_file file;
	int rc = input_file_read(&file, path, HOSTFILE_MAX_BYTES, e);
	if (rc)
		return rc;
	rc = hostfile_parse((const char *)file.data, file.size, path, ret_file, e);
	input_file_close(&file);
	return rc;
}
