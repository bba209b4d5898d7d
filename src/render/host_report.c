/* SPDX-License-Identifier: MIT */
#include "render/host_report.h"

#include "policy/cpuid_bits.h"
#include "render/json_out.h"

static const char *vendor_name(const struct host_report *r)
{
	switch (cpuid_vendor(&r->facts.supported)) {
	case CPUID_VENDOR_INTEL:
		return "intel";
	case CPUID_VENDOR_AMD:
		return "amd";
	case CPUID_VENDOR_OTHER:
		break;
	}
	return "other";
}

static json_t *unkept_json(const struct cpu_unkept *u)
{
	const struct bits_place place = { .is_msr = u->kind != CPU_UNKEPT_CPUID,
		.leaf = u->leaf,
		.subleaf = u->subleaf,
		.reg = u->reg };
	char where[BITS_PLACE_BYTES], text[CPU_UNKEPT_BYTES];
	return json_pack("{s:o, s:o, s:o, s:o}", "place", json_text(bits_place_text(where, &place)),
		"offered", json_hex(u->set), "kept", json_hex(u->kept), "text",
		json_text(cpu_unkept_text(text, u)));
}

/* null where it could not be tried. */
static json_t *kept_json(const struct host_report *r)
{
	if (!r->facts.kept_known)
		return json_null();
	json_t *all = json_array();
	for (unsigned i = 0; all && i < r->kept.nr_items; i++)
		(void)json_array_append_new(all, unkept_json(&r->kept.items[i]));
	return all;
}

json_t *host_report_json(const struct host_report *r)
{
	json_t *caps = json_object();
	for (size_t i = 0; caps && i < r->nr_caps; i++)
		(void)json_object_set_new(caps, r->caps[i].name, json_integer(r->cap_values[i]));
	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:{s:b, s:s, s:s, s:s, s:b}, s:{s:i, "
			 "s:i, s:i, s:i}, s:o, s:o}",
		"device", KVM_DEVICE_PATH, "kernel", r->kernel.release, "api_version",
		r->api_version, "vendor", vendor_name(r), "module", r->module, "nested",
		"supported", r->nesting.supported, "extensions", r->nesting.extensions, "reason",
		r->nesting.reason, "module_parameter", r->module_nested, "state",
		r->facts.nested_state, "limits", "max_vcpus", (int)r->facts.max_vcpus,
		"max_vcpu_id", (int)r->facts.max_vcpu_id, "memslots", (int)r->facts.nr_memslots,
		"physical_address_bits", (int)cpuid_phys_bits(&r->facts.supported), "not_kept",
		kept_json(r), "capabilities", caps);
}

/* What KVM offers is not always what it gives. */
static void put_kept(const struct host_report *r, FILE *out)
{
	char text[CPU_UNKEPT_BYTES];
	if (!r->facts.kept_known) {
		(void)fprintf(out, "kept       not known: %s\n", r->kept_error.msg);
		return;
	}
	if (r->kept.nr_items == 0) {
		(void)fprintf(
			out, "kept       all of the CPUID and feature MSRs that KVM offers\n");
		return;
	}
	(void)fprintf(out, "kept       not all of the CPUID and feature MSRs that KVM offers\n");
	for (unsigned i = 0; i < r->kept.nr_items; i++)
		(void)fprintf(out, "  %s\n", cpu_unkept_text(text, &r->kept.items[i]));
}

void host_report_text(const struct host_report *r, FILE *out)
{
	(void)fprintf(out, "KVM        %s, API version %d, %s, kernel %s\n", KVM_DEVICE_PATH,
		r->api_version, r->module, r->kernel.release);
	(void)fprintf(out, "CPU        %s, %u physical address bits\n", vendor_name(r),
		cpuid_phys_bits(&r->facts.supported));
	put_kept(r, out);
	if (r->nesting.supported)
		(void)fprintf(out, "nested     yes, %s; state can%s be saved\n",
			r->nesting.extensions, r->facts.nested_state ? "" : "not");
	else
		(void)fprintf(out, "nested     no: %s%s%s\n", r->nesting.reason,
			r->module_nested[0] ? "; the module's parameter nested is " : "",
			r->module_nested);
	(void)fprintf(out, "limits     %u vCPUs, APIC IDs below %u, %u memory slots\n",
		r->facts.max_vcpus, r->facts.max_vcpu_id, r->facts.nr_memslots);
	(void)fprintf(out, "capabilities\n");
	for (size_t i = 0; i < r->nr_caps; i++)
		(void)fprintf(out, "  %-32s %6d  %s%s\n", r->caps[i].name, r->cap_values[i],
			r->caps[i].purpose, r->caps[i].required ? " (required)" : "");
}
