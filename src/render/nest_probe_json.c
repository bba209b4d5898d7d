/* SPDX-License-Identifier: MIT */
#include "render/nest_probe.h"

#include "render/json_out.h"

static const char *source_name(enum nesting_probe_source source)
{
	switch (source) {
	case NESTING_PROBE_NONE:
		return "none";
	case NESTING_PROBE_MSRS:
		return "processor";
	case NESTING_PROBE_KVM:
		return "kvm";
	}
	return "none";
}

static json_t *json_known(bool known, uint64_t value)
{
	return known ? json_hex(value) : json_null();
}

static json_t *json_capabilities(const struct nest_probe *r)
{
	bool unknown = r->probe.vmx && r->probe.source == NESTING_PROBE_NONE;
	json_t *object = json_object();
	for (feature_id id = feature_set_next(&r->capabilities, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&r->capabilities, (feature_id)(id + 1))) {
		char label[FEATURE_PLACE_BYTES];
		(void)json_object_set_new(object, feature_label(label, id),
			unknown ? json_null()
				: json_boolean(feature_set_has(&r->probe.features, id)));
	}
	return object;
}

static json_t *json_differences(const struct nest_probe *r)
{
	static const char *const verdicts[] = { "agrees", "lacks", "has", "unknown", "other" };
	json_t *array = json_array();
	for (size_t i = 0; i < r->profile->nr_rows; i++) {
		const struct nesting_profile_row *row = &r->profile->rows[i];
		enum nesting_probe_verdict verdict = nesting_probe_row(&r->probe, row);
		char label[FEATURE_PLACE_BYTES];
		if (verdict == NESTING_PROBE_AGREES || verdict == NESTING_PROBE_OTHER)
			continue;
		(void)json_array_append_new(
			array, json_pack("{s:s, s:s, s:s, s:o}", "feature",
				       feature_label(label, row->feature), "level",
				       nesting_level_name(row->level), "cpu", verdicts[verdict],
				       "reason", json_text(row->reason)));
	}
	return array;
}

static json_t *json_vmx(const struct nest_probe *r)
{
	const struct nesting_probe *q = &r->probe;
	if (!q->vmx || q->source == NESTING_PROBE_NONE)
		return json_null();
	return json_pack("{s:o, s:i, s:i, s:b, s:i, s:i, s:i, s:i}", "vmcs_revision",
		json_hex(q->vmcs_revision), "vmcs_bytes", (int)q->vmcs_bytes, "vmcs_memory_type",
		(int)q->vmcs_memory_type, "addresses_32bit", q->vmx_32bit_addresses, "cr3_targets",
		(int)q->cr3_targets, "msr_list_max", (int)q->msr_list_max, "timer_shift",
		(int)q->timer_shift, "vmcs_field_max", (int)q->vmcs_field_max);
}

static json_t *json_svm(const struct nest_probe *r)
{
	return r->probe.svm ? json_pack("{s:I, s:I}", "revision", (json_int_t)r->probe.svm_revision,
				      "asids", (json_int_t)r->probe.nr_asids)
			    : json_null();
}

json_t *nest_probe_json(const struct nest_probe *r)
{
	const struct nesting_probe *q = &r->probe;
	json_t *msrs = json_pack("{s:o, s:o, s:o}", "feature_control",
		json_known(q->feature_control_known, q->feature_control), "efer",
		json_known(q->efer_known, q->efer), "vm_cr", json_known(q->vm_cr_known, q->vm_cr));
	return json_pack("{s:b, s:s, s:o, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"can_host", r->can_host, "profile", r->profile->name, "reason",
		json_text(r->reason), "extensions",
		q->vmx   ? "vmx"
		: q->svm ? "svm"
			 : "none",
		"source", source_name(q->source), "physical_address_bits", (int)q->phys_bits,
		"depth_below", q->depth_known ? json_integer((json_int_t)q->depth) : json_null(),
		"vmx", json_vmx(r), "svm", json_svm(r), "msrs", msrs, "msr_error",
		json_text(r->facts->nr_msrs ? NULL : r->facts->msr_error.msg), "capabilities",
		json_capabilities(r), "differences", json_differences(r));
}
