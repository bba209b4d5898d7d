/* SPDX-License-Identifier: MIT */
/* The engine's side, and the comparison of one model. */
#include "compare.h"

#include "fake/hosts_everything.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool compare_is_vmx(feature_id id)
{
	const struct feature_word *w = feature_word(id / 32u);
	return w->kind == FEATURE_WORD_MSR && w->msr >= MSR_IA32_VMX_BASIC &&
	       w->msr <= MSR_IA32_VMX_EXIT_CTLS2;
}

struct workspace {
	struct host_facts host;
	struct cpu_result result;
	struct cpuid_table vcpu;
};

static bool compute(struct workspace *w, const struct cpu_model *m, bool vmx)
{
	const struct policy_feature more[] = { { .name = "vmx", .on = true } };
	const struct cpu_policy policy = {
		.model = { .text = m->name },
		.features = more,
		.nr_features = vmx ? 1 : 0,
		.on_missing_given = true,
		.on_missing = CPU_MISSING_ERROR,
		.topology = { 1, 1, 1, 1 },
	};
	struct err e = { 0 };
	int rc = cpu_compute(&policy, &w->host, NULL, &w->result, &e);
	/* What a vendor's host lacks shows as differences. */
	if (rc == 0 || (rc == -ENOTSUP && w->result.nr_missing > 0))
		rc = cpu_result_vcpu(&w->result, 0, NULL, &w->vcpu, &e);
	if (rc)
		(void)fprintf(stderr, "compare: %s: the engine refuses: %s\n", m->name, e.msg);
	return rc == 0;
}

static void visible(const struct workspace *w, struct feature_set *ret)
{
	cpu_features_of(&w->vcpu, w->result.msrs.set, w->result.msrs.nr_set, ret);
}

static void describe(const struct workspace *w, struct our_model *ret)
{
	const struct cpuid_table *t = &w->vcpu;
	const uint32_t words[3] = { cpuid_value(t, 0, 0, CPUID_EBX),
		cpuid_value(t, 0, 0, CPUID_EDX), cpuid_value(t, 0, 0, CPUID_ECX) };
	*ret = (struct our_model){ .vendor = "" };
	memcpy(ret->vendor, words, sizeof(words));
	visible(w, &ret->has);
	cpu_signature_unpack(
		cpuid_value(t, 1, 0, CPUID_EAX), &ret->family, &ret->model, &ret->stepping);
	uint32_t host = cpuid_value(&w->host.supported, 1, 0, CPUID_EAX);
	ret->signature_of_host = cpuid_value(t, 1, 0, CPUID_EAX) == host;
	ret->level = cpuid_value(t, 0, 0, CPUID_EAX);
	ret->xlevel = cpuid_value(t, 0x80000000, 0, CPUID_EAX);
	if (ret->xlevel == 0x80000000)
		ret->xlevel = 0;
	ret->avx10 = cpuid_value(t, 0x24, 0, CPUID_EBX) & 0xff;
}

/* VMX controls have no place in a guest without vmx, which no model has by itself. */
static bool add_vmx(struct workspace *w, const struct cpu_model *m, struct our_model *ours)
{
	struct feature_set with;
	if (!compute(w, m, true))
		return false;
	visible(w, &with);
	for (feature_id id = 0; id < FEATURE_NR_WORDS * 32; id++) {
		bool had = feature_set_has(&ours->has, id), has = feature_set_has(&with, id);
		if (had == has || id == FEATURE_ID_vmx)
			continue;
		if (!compare_is_vmx(id)) {
			char label[FEATURE_PLACE_BYTES];
			(void)fprintf(stderr, "compare: %s: +vmx changes %s too\n", m->name,
				feature_label(label, id));
			return false;
		}
		feature_set_add(&ours->has, id);
	}
	return true;
}

bool compare_ours(const struct cpu_model *m, enum cpuid_vendor host, struct our_model *ret)
{
	struct workspace *w = calloc(1, sizeof(*w));
	if (!w)
		return false;
	host_everything(host, &w->host);
	bool ok = compute(w, m, false);
	if (ok)
		describe(w, ret);
	/* A model of no vendor may have them, but not on AMD's hosts. */
	ret->without_vmx = host == CPUID_VENDOR_AMD && m->vendor_id[0] == '\0';
	if (ok && host != CPUID_VENDOR_AMD)
		ok = add_vmx(w, m, ret);
	free(w);
	return ok;
}

static void compare_features(const char *subject, const struct our_model *ours,
	const struct their_model *theirs, const struct feature_set *known, struct differences *ret)
{
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at(i);
		if (ours->without_vmx && compare_is_vmx(f->id))
			continue;
		bool a = feature_set_has(&ours->has, f->id);
		bool b = feature_set_has(&theirs->has, f->id);
		const char *they = b                                          ? "yes"
				   : feature_set_has(&theirs->removed, f->id) ? "removed"
				   : feature_set_has(known, f->id)            ? "no"
									      : "unknown";
		if (a != b || (!a && feature_set_has(&theirs->removed, f->id)))
			differences_add(ret, subject, f->name, a ? "yes" : "no", they);
	}
}

static void compare_number(
	const char *subject, const char *what, long ours, long theirs, struct differences *ret)
{
	char a[24], b[24];
	if (theirs == COMPARE_UNSAID || ours == theirs)
		return;
	(void)snprintf(a, sizeof(a), "%#lx", ours);
	(void)snprintf(b, sizeof(b), "%#lx", theirs);
	differences_add(ret, subject, what, a, b);
}

/* "6/61/0-15,…": family, model, steppings; all of theirs where ours is none of them. "host": ours
 * is the host's. */
static void compare_signature(const char *subject, const struct our_model *ours,
	const struct their_model *theirs, struct differences *ret)
{
	char a[24], b[40] = "";
	size_t used = 0;
	if (theirs->nr_signatures == 0)
		return;
	for (unsigned i = 0; i < theirs->nr_signatures; i++) {
		const struct compare_signature *s = &theirs->signatures[i];
		if (s->family == ours->family && s->model == ours->model &&
			s->stepping_low <= ours->stepping && ours->stepping <= s->stepping_high)
			return;
		int n = snprintf(b + used, sizeof(b) - used,
			s->stepping_low == s->stepping_high ? "%s%u/%u/%u" : "%s%u/%u/%u-%u",
			i ? "," : "", s->family, s->model, s->stepping_low, s->stepping_high);
		used = n < 0 || (size_t)n >= sizeof(b) - used ? sizeof(b) - 1 : used + (size_t)n;
	}
	(void)snprintf(a, sizeof(a), "%u/%u/%u", ours->family, ours->model, ours->stepping);
	if (ours->signature_of_host)
		(void)snprintf(a, sizeof(a), "host");
	differences_add(ret, subject, "signature", a, b);
}

static bool compare_one(const struct cpu_model *m, enum cpuid_vendor host, const char *subject,
	const struct their_data *data, struct differences *ret)
{
	const struct their_model *theirs = their_model_find(data, m->name);
	struct our_model ours;
	if (!compare_ours(m, host, &ours))
		return false;
	if (!theirs)
		return true;
	compare_features(subject, &ours, theirs, &data->known, ret);
	if (theirs->vendor[0] && strcmp(theirs->vendor, ours.vendor) != 0)
		differences_add(ret, subject, "vendor", ours.vendor, theirs->vendor);
	compare_signature(subject, &ours, theirs, ret);
	compare_number(subject, "level", ours.level, theirs->level, ret);
	compare_number(subject, "xlevel", ours.xlevel, theirs->xlevel, ret);
	compare_number(subject, "avx10-version", ours.avx10, theirs->avx10, ret);
	return true;
}

bool compare_all(const struct their_data *data, struct differences *ret)
{
	bool ok = true;
	char subject[COMPARE_NAME_BYTES];
	for (size_t i = 0; cpu_model_at(i); i++) {
		const struct cpu_model *m = cpu_model_at(i);
		if (!their_model_find(data, m->name))
			differences_add(ret, m->name, "model", "yes", "no");
		if (m->vendor_id[0]) {
			ok &= compare_one(m, m->vendor, m->name, data, ret);
			continue;
		}
		(void)snprintf(subject, sizeof(subject), "%s@intel", m->name);
		ok &= compare_one(m, CPUID_VENDOR_INTEL, subject, data, ret);
		(void)snprintf(subject, sizeof(subject), "%s@amd", m->name);
		ok &= compare_one(m, CPUID_VENDOR_AMD, subject, data, ret);
	}
	for (size_t i = 0; i < data->nr_models; i++) {
		if (!cpu_model_find(data->models[i].name))
			differences_add(ret, data->models[i].name, "model", "no", "yes");
	}
	for (size_t i = 0; i < data->names.n; i++) {
		const struct difference *d = &data->names.items[i];
		differences_add(ret, d->subject, d->what, d->ours, d->theirs);
	}
	return ok;
}
