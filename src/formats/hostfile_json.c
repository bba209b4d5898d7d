/* SPDX-License-Identifier: MIT */
/* nestor's own JSON host file: read member by member; what is not known is refused by name. */
#include "formats/hostfile_internal.h"
#include "formats/input.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#define BRAND_WORDS 12
#define BRAND_BYTES (4 * BRAND_WORDS)

/* The member at fault: "cpuid[3].eax". */
struct place {
	const char *array; /* NULL: a member of the whole */
	size_t index;
	const char *member; /* NULL: the element itself */
};

static int fail(struct hostfile_reader *r, const struct place *at, const char *what)
{
	char index[32] = "";
	if (at->array)
		(void)snprintf(index, sizeof(index), "[%zu]", at->index);
	return input_fail(r->e, "%s: %s%s%s%s: %s", r->name, at->array ? at->array : "", index,
		at->array && at->member ? "." : "", at->member ? at->member : "", what);
}

static int read_hex(struct hostfile_reader *r, const struct place *at, const json_t *v,
	uint64_t max, uint64_t *ret_value)
{
	const char *text = json_string_value(v);
	if (!text || strncmp(text, "0x", 2) != 0)
		return fail(r, at, "expected a string such as \"0x1f\"");
	switch (input_number(text, json_string_length(v), max, ret_value)) {
	case 0:
		return 0;
	case -ERANGE:
		return fail(r, at, max > UINT32_MAX ? "more than 64 bits" : "more than 32 bits");
	default:
		return fail(r, at, "expected a string such as \"0x1f\"");
	}
}

static int read_count(
	struct hostfile_reader *r, const struct place *at, const json_t *v, unsigned *ret_value)
{
	if (!json_is_integer(v))
		return fail(r, at, "expected a whole number");
	json_int_t value = json_integer_value(v);
	if (value < 0 || value > (json_int_t)UINT32_MAX)
		return fail(r, at, "expected a number from 0 to 4294967295");
	*ret_value = (unsigned)value;
	return 0;
}

static int read_flag(
	struct hostfile_reader *r, const struct place *at, const json_t *v, bool *ret_value)
{
	if (!json_is_boolean(v))
		return fail(r, at, "expected true or false");
	*ret_value = json_is_true(v);
	return 0;
}

static int missing(struct hostfile_reader *r, const struct place *at, const char *member)
{
	char what[64];
	(void)snprintf(what, sizeof(what), "lacks the member \"%s\"", member);
	return fail(r, at, what);
}

static int read_entry(struct hostfile_reader *r, const struct place *element, json_t *v,
	struct cpuid_entry *ret_entry)
{
	static const char *const names[] = { "eax", "ebx", "ecx", "edx", "leaf", "subleaf" };
	enum { LEAF = 4, SUBLEAF = 5 };
	uint64_t values[ARRAY_SIZE(names)] = { 0 };
	unsigned seen = 0;
	const char *key;
	json_t *member;
	if (!json_is_object(v))
		return fail(r, element, "expected an object with leaf, eax, ebx, ecx and edx");
	json_object_foreach(v, key, member)
	{
		size_t i = 0;
		struct place at = *element;
		at.member = key;
		while (i < ARRAY_SIZE(names) && strcmp(names[i], key) != 0)
			i++;
		if (i == ARRAY_SIZE(names))
			return fail(r, &at, "unknown member");
		int rc = read_hex(r, &at, member, UINT32_MAX, &values[i]);
		if (rc)
			return rc;
		seen |= 1u << i;
	}
	for (size_t i = 0; i < SUBLEAF; i++) {
		if (!(seen >> i & 1))
			return missing(r, element, names[i]);
	}
	*ret_entry = (struct cpuid_entry){
		.leaf = (uint32_t)values[LEAF],
		.subleaf = (uint32_t)values[SUBLEAF],
		.subleaf_matters = seen >> SUBLEAF & 1,
		.reg = { (uint32_t)values[0], (uint32_t)values[1], (uint32_t)values[2],
			(uint32_t)values[3] },
	};
	return 0;
}

static int read_table(
	struct hostfile_reader *r, const char *name, const json_t *v, struct cpuid_table *table)
{
	struct place at = { .member = name };
	if (!json_is_array(v))
		return fail(r, &at, "expected an array of objects");
	if (json_array_size(v) > CPUID_MAX_ENTRIES)
		return fail(r, &at, "more than 256 entries");
	for (size_t i = 0; i < json_array_size(v); i++) {
		at = (struct place){ .array = name, .index = i };
		struct cpuid_entry entry;
		int rc = read_entry(r, &at, json_array_get(v, i), &entry);
		if (rc)
			return rc;
		if (hostfile_clashes(table, &entry)) {
			char what[96];
			(void)snprintf(what, sizeof(what), "leaf %#x, subleaf %#x was given before",
				entry.leaf, entry.subleaf);
			return fail(r, &at, what);
		}
		table->entries[table->nr_entries++] = entry;
	}
	return 0;
}

static int read_cpuid(struct hostfile_reader *r, json_t *v)
{
	return read_table(r, "cpuid", v, &r->file->facts.supported);
}

static int read_emulated(struct hostfile_reader *r, json_t *v)
{
	return read_table(r, "emulated", v, &r->file->facts.emulated);
}

static int read_hyperv(struct hostfile_reader *r, json_t *v)
{
	return read_table(r, "hyperv", v, &r->file->facts.hyperv);
}

static int read_msr(struct hostfile_reader *r, const struct place *element, json_t *v,
	struct msr_value *msrs, unsigned *nr_msrs)
{
	uint64_t index = 0, value = 0;
	bool has_index = false, has_value = false;
	const char *key;
	json_t *member;
	if (!json_is_object(v))
		return fail(r, element, "expected an object with index and value");
	json_object_foreach(v, key, member)
	{
		struct place at = *element;
		int rc;
		at.member = key;
		if (strcmp(key, "index") == 0) {
			rc = read_hex(r, &at, member, UINT32_MAX, &index);
			has_index = true;
		} else if (strcmp(key, "value") == 0) {
			rc = read_hex(r, &at, member, UINT64_MAX, &value);
			has_value = true;
		} else {
			rc = fail(r, &at, "unknown member");
		}
		if (rc)
			return rc;
	}
	if (!has_index || !has_value)
		return missing(r, element, has_index ? "value" : "index");
	for (unsigned i = 0; i < *nr_msrs; i++) {
		if (msrs[i].index == index)
			return fail(r, element, "this MSR was given before");
	}
	msrs[(*nr_msrs)++] = (struct msr_value){ (uint32_t)index, value };
	return 0;
}

static int read_msr_list(struct hostfile_reader *r, const char *name, json_t *v,
	struct msr_value *msrs, unsigned *nr_msrs)
{
	struct place at = { .member = name };
	if (!json_is_array(v))
		return fail(r, &at, "expected an array of objects");
	if (json_array_size(v) > HOST_MAX_FEATURE_MSRS)
		return fail(r, &at, "more than 64 MSRs");
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < json_array_size(v); i++) {
		at = (struct place){ .array = name, .index = i };
		rc = read_msr(r, &at, json_array_get(v, i), msrs, nr_msrs);
	}
	return rc;
}

static int read_msrs(struct hostfile_reader *r, json_t *v)
{
	struct host_facts *f = &r->file->facts;
	return read_msr_list(r, "msrs", v, f->feature_msrs, &f->nr_feature_msrs);
}

static int read_kept(struct hostfile_reader *r, json_t *v)
{
	r->file->facts.kept_known = true;
	return read_table(r, "kept", v, &r->file->facts.unkept);
}

static int read_kept_msrs(struct hostfile_reader *r, json_t *v)
{
	struct host_facts *f = &r->file->facts;
	return read_msr_list(r, "kept_msrs", v, f->unkept_msrs, &f->nr_unkept_msrs);
}

static int read_brand(struct hostfile_reader *r, json_t *v)
{
	uint32_t *brand = r->file->facts.brand;
	struct place at = { .member = "brand" };
	r->brand_given = true;
	if (json_is_string(v)) {
		size_t n = json_string_length(v);
		const char *text = json_string_value(v);
		if (n > BRAND_BYTES)
			return fail(r, &at, "longer than 48 characters");
		for (size_t i = 0; i < n; i++) {
			if (text[i] < 0x20 || text[i] > 0x7e)
				return fail(r, &at, "not printable ASCII: give 12 words instead");
		}
		(void)memcpy(brand, text, n);
		return 0;
	}
	if (!json_is_array(v) || json_array_size(v) != BRAND_WORDS)
		return fail(r, &at, "expected a string, or 12 strings such as \"0x65746e49\"");
	for (size_t i = 0; i < BRAND_WORDS; i++) {
		uint64_t word = 0;
		at = (struct place){ .array = "brand", .index = i };
		int rc = read_hex(r, &at, json_array_get(v, i), UINT32_MAX, &word);
		if (rc)
			return rc;
		brand[i] = (uint32_t)word;
	}
	return 0;
}

static int read_format(struct hostfile_reader *r, json_t *v)
{
	struct place at = { .member = "format" };
	const char *text = json_string_value(v);
	return text && strcmp(text, "nestor-cpuid") == 0
		       ? 0
		       : fail(r, &at, "expected \"nestor-cpuid\": this is no host file");
}

static int read_version(struct hostfile_reader *r, json_t *v)
{
	struct place at = { .member = "version" };
	if (!json_is_integer(v))
		return fail(r, &at, "expected a whole number");
	return json_integer_value(v) == 1
		       ? 0
		       : fail(r, &at, "only version 1 is known; a newer nestor may know this one");
}

static int read_kind(struct hostfile_reader *r, json_t *v)
{
	static const char *const kinds[] = { [HOSTFILE_KVM] = "kvm",
		[HOSTFILE_PROCESSOR] = "processor",
		[HOSTFILE_GUEST] = "guest" };
	struct place at = { .member = "kind" };
	const char *text = json_string_value(v);
	for (size_t i = 0; text && i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(text, kinds[i]) == 0) {
			r->file->kind = (enum hostfile_kind)i;
			return 0;
		}
	}
	return fail(r, &at, "expected \"kvm\", \"processor\" or \"guest\"");
}

static int read_name(struct hostfile_reader *r, json_t *v)
{
	struct place at = { .member = "name" };
	char *name = r->file->name;
	if (!json_is_string(v))
		return fail(r, &at, "expected a string");
	if (json_string_length(v) >= sizeof(r->file->name))
		return fail(r, &at, "longer than 127 bytes");
	(void)memcpy(name, json_string_value(v), json_string_length(v) + 1);
	input_clean(name);
	if (strcmp(name, json_string_value(v)) != 0 || strchr(name, '\n'))
		return fail(r, &at, "has characters that cannot be shown");
	return 0;
}

static int read_limits(struct hostfile_reader *r, json_t *v)
{
	struct host_facts *f = &r->file->facts;
	const struct {
		const char *name;
		unsigned *value;
	} rows[] = {
		{ "max_vcpus", &f->max_vcpus },
		{ "max_vcpu_id", &f->max_vcpu_id },
		{ "memslots", &f->nr_memslots },
		{ "threads_per_core", &f->threads_per_core },
		{ "tsc_khz", &f->tsc_khz },
		{ "nesting_depth", &f->nesting_depth },
	};
	struct place at = { .array = NULL, .member = "limits" };
	const char *key;
	json_t *member;
	if (!json_is_object(v))
		return fail(r, &at, "expected an object");
	json_object_foreach(v, key, member)
	{
		char full[64];
		size_t i = 0;
		(void)snprintf(full, sizeof(full), "limits.%s", key);
		at.member = full;
		while (i < ARRAY_SIZE(rows) && strcmp(rows[i].name, key) != 0)
			i++;
		if (i == ARRAY_SIZE(rows))
			return fail(r, &at, "unknown member");
		int rc = read_count(r, &at, member, rows[i].value);
		if (rc)
			return rc;
		f->nesting_limited |= rows[i].value == &f->nesting_depth;
	}
	return 0;
}

static int read_capabilities(struct hostfile_reader *r, json_t *v)
{
	struct host_facts *f = &r->file->facts;
	const struct {
		const char *name;
		bool *value;
	} rows[] = {
		{ "tsc_scaling", &f->tsc_scaling },
		{ "tsc_deadline_timer", &f->tsc_deadline_timer },
		{ "split_irqchip", &f->split_irqchip },
		{ "nested_state", &f->nested_state },
		{ "user_space_msr", &f->user_space_msr },
		{ "hyperv_enforce_cpuid", &f->hyperv_enforce_cpuid },
	};
	struct place at = { .array = NULL, .member = "capabilities" };
	const char *key;
	json_t *member;
	if (!json_is_object(v))
		return fail(r, &at, "expected an object");
	json_object_foreach(v, key, member)
	{
		char full[64];
		size_t i = 0;
		(void)snprintf(full, sizeof(full), "capabilities.%s", key);
		at.member = full;
		while (i < ARRAY_SIZE(rows) && strcmp(rows[i].name, key) != 0)
			i++;
		if (i == ARRAY_SIZE(rows))
			return fail(r, &at, "unknown member");
		int rc = read_flag(r, &at, member, rows[i].value);
		if (rc)
			return rc;
	}
	return 0;
}

static const struct {
	const char *name;
	bool required;
	int (*read)(struct hostfile_reader *r, json_t *v);
} members[] = {
	/* The first two first: a file of another kind is told from one with a fault. */
	{ "format", true, read_format },
	{ "version", true, read_version },
	{ "kind", true, read_kind },
	{ "cpuid", true, read_cpuid },
	{ "name", false, read_name },
	{ "emulated", false, read_emulated },
	{ "hyperv", false, read_hyperv },
	{ "msrs", false, read_msrs },
	{ "kept", false, read_kept },
	{ "kept_msrs", false, read_kept_msrs },
	{ "brand", false, read_brand },
	{ "limits", false, read_limits },
	{ "capabilities", false, read_capabilities },
};

static int read_members(struct hostfile_reader *r, json_t *root)
{
	const char *key;
	json_t *v;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		v = json_object_get(root, members[i].name);
		if (!v && members[i].required)
			return input_fail(r->e, "%s: lacks the member \"%s\"%s", r->name,
				members[i].name, i == 0 ? ": this is no host file" : "");
		int rc = v ? members[i].read(r, v) : 0;
		if (rc)
			return rc;
	}
	json_object_foreach(root, key, v)
	{
		struct place at = { .member = key };
		size_t i = 0;
		while (i < ARRAY_SIZE(members) && strcmp(members[i].name, key) != 0)
			i++;
		if (i == ARRAY_SIZE(members))
			return fail(r, &at, "unknown member");
	}
	return 0;
}

int hostfile_parse_json(struct hostfile_reader *r, const char *text, size_t n)
{
	json_error_t error = { .text = "" };
	json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
	if (!root && error.text[0] == '\0') /* as the library leaves it where memory is out */
		return err_set(r->e, -ENOMEM, "out of memory");
	if (!root)
		return input_fail(r->e, "%s:%d:%d: %s", r->name, error.line,
			error.column > 0 ? error.column : 1,
			json_error_code(&error) == json_error_null_character
				? "a NUL character in a string"
				: error.text);
	int rc = json_object_get(root, "guest_cpu_config") ? hostfile_parse_fingerprint(r, root)
							   : read_members(r, root);
	json_decref(root);
	return rc;
}
