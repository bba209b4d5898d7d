/* SPDX-License-Identifier: MIT */
/*
 * Firecracker's fingerprint of a host (docs/cpu_templates/cpu-template-helper.md): what a guest
 * with no template saw, as a template in the member "guest_cpu_config", every bit of it given.
 */
#include "formats/hostfile_internal.h"
#include "formats/input.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

static int fail(struct hostfile_reader *r, const char *list, size_t i, const char *what)
{
	return input_fail(r->e, "%s: guest_cpu_config.%s[%zu]: %s", r->name, list, i, what);
}

static bool take_number(const json_t *object, const char *member, uint64_t *ret_value)
{
	const json_t *v = json_object_get(object, member);
	const char *text = json_string_value(v);
	return text && input_number(text, json_string_length(v), UINT32_MAX, ret_value) == 0;
}

static bool take_bits(const json_t *object, unsigned width, uint64_t *ret_value)
{
	uint64_t clear;
	const char *text = json_string_value(json_object_get(object, "bitmap"));
	return text && input_bitmap(text, width, ret_value, &clear) == 0;
}

static bool take_registers(const json_t *list, uint32_t reg[4])
{
	static const char *const names[] = { "eax", "ebx", "ecx", "edx" };
	size_t i;
	json_t *v;
	json_array_foreach(list, i, v)
	{
		uint64_t value = 0;
		const char *name = json_string_value(json_object_get(v, "register"));
		size_t n = 0;
		while (name && n < ARRAY_SIZE(names) && strcmp(names[n], name) != 0)
			n++;
		if (!name || n == ARRAY_SIZE(names) || !take_bits(v, 32, &value))
			return false;
		reg[n] = (uint32_t)value;
	}
	return json_is_array(list);
}

static int read_cpuid(struct hostfile_reader *r, const json_t *list)
{
	struct hostfile_processors one = { .r = r };
	size_t i;
	json_t *v;
	json_array_foreach(list, i, v)
	{
		uint64_t leaf = 0, subleaf = 0;
		struct cpuid_entry entry = { 0 };
		if (!take_number(v, "leaf", &leaf) || !take_number(v, "subleaf", &subleaf) ||
			!take_registers(json_object_get(v, "modifiers"), entry.reg))
			return fail(r, "cpuid_modifiers", i,
				"expected leaf, subleaf and modifiers of registers, with bitmaps");
		entry.leaf = (uint32_t)leaf;
		entry.subleaf = (uint32_t)subleaf;
		int rc = hostfile_processor_add(&one, &entry);
		if (rc)
			return fail(r, "cpuid_modifiers", i,
				rc == -EEXIST ? "this leaf and subleaf were given before"
					      : "more than 256 elements");
	}
	return 0;
}

/* A guest has many more MSRs than tell what it can do: those are taken that fit. */
static int read_msrs(struct hostfile_reader *r, const json_t *list)
{
	size_t i;
	json_t *v;
	json_array_foreach(list, i, v)
	{
		uint64_t index = 0, value = 0;
		if (!take_number(v, "addr", &index) || !take_bits(v, 64, &value))
			return fail(r, "msr_modifiers", i, "expected addr and bitmap");
		if (hostfile_is_feature_msr(index) &&
			hostfile_add_msr(r, (uint32_t)index, value) == -EEXIST)
			return fail(r, "msr_modifiers", i, "this MSR was given before");
	}
	return 0;
}

int hostfile_parse_fingerprint(struct hostfile_reader *r, const json_t *root)
{
	const json_t *config = json_object_get(root, "guest_cpu_config");
	const json_t *cpuid = json_object_get(config, "cpuid_modifiers");
	if (!json_is_array(cpuid) || json_array_size(cpuid) == 0)
		return input_fail(r->e,
			"%s: guest_cpu_config: expected cpuid_modifiers: a fingerprint of another "
			"kind of processor?",
			r->name);
	r->file->kind = HOSTFILE_GUEST;
	int rc = read_cpuid(r, cpuid);
	return rc ? rc : read_msrs(r, json_object_get(config, "msr_modifiers"));
}
