/* SPDX-License-Identifier: MIT */
#include "formats/hostfile.h"

#include "base/fd.h"
#include "formats/hostfile_internal.h"
#include "formats/input.h"

#include <errno.h>
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

bool hostfile_clashes(const struct cpuid_table *table, const struct cpuid_entry *entry)
{
	for (unsigned i = 0; i < table->nr_entries; i++) {
		const struct cpuid_entry *other = &table->entries[i];
		if (other->leaf == entry->leaf &&
			(!other->subleaf_matters || !entry->subleaf_matters ||
				other->subleaf == entry->subleaf))
			return true;
	}
	return false;
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

int hostfile_parse(
	const char *text, size_t n, const char *name, struct hostfile *ret_file, struct err *e)
{
	struct hostfile_reader r = { .name = name, .file = ret_file, .e = e };
	set_defaults(ret_file);
	if (n > HOSTFILE_MAX_BYTES)
		return input_fail(
			e, "%s: longer than 1 MiB, the most that a host file may have", name);
	size_t start = 0;
	while (start < n && strchr(" \t\r\n", text[start]) && text[start] != '\0')
		start++;
	if (start == n)
		return input_fail(e, "%s: the file is empty", name);
	const char *nul = memchr(text, '\0', n);
	if (nul)
		return input_fail(e, "%s:%u: a NUL byte: this is no host file", name,
			line_of(text, (size_t)(nul - text)));
	int rc = text[start] == '{' ? hostfile_parse_json(&r, text, n)
				    : hostfile_parse_raw(&r, text, n);
	if (rc == 0 && !r.brand_given)
		brand_from_leaves(&ret_file->facts);
	return rc;
}

int hostfile_read(const char *path, struct hostfile *ret_file, struct err *e)
{
	struct file_map map = { 0 };
	int rc = file_map_open(&map, path, HOSTFILE_MAX_BYTES, e);
	if (rc)
		return rc;
	rc = hostfile_parse((const char *)map.data, map.size, path, ret_file, e);
	file_map_close(&map);
	return rc;
}
