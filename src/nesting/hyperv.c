/* SPDX-License-Identifier: MIT */
#include "nesting/hyperv.h"

#include "base/nearest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAF_BASE UINT32_C(0x40000000)
#define LEAF_INTERFACE (LEAF_BASE + 1)
#define LEAF_VERSION (LEAF_BASE + 2)
#define LEAF_PRIVILEGES (LEAF_BASE + 3)
#define LEAF_RECOMMENDATIONS (LEAF_BASE + 4)
#define LEAF_LIMITS (LEAF_BASE + 5)
#define LEAF_NESTED (LEAF_BASE + 0xa)

#define FEATURES "hyperv.features" /* keys of the config */
#define RETRIES "hyperv.spinlock_retries"
#define VENDOR_ID "hyperv.vendor_id"

#define INTERFACE UINT32_C(0x31237648) /* "Hv#1" */
#define VENDOR "Microsoft Hv"
#define VENDOR_CHARACTERS 12
#define BUILD 14393u /* Windows Server 2016 … */
#define MAJOR 10u    /* … is 10.0 */
#define ACCESS_HYPERCALL_MSRS (UINT32_C(1) << 5)
#define APIC_MSRS_RECOMMENDED (UINT32_C(1) << 3)
#define USUAL_PROCESSORS 64u
#define EVMCS_VERSION 1u

enum { /* positions in features[] */
#include "nesting/hyperv_ids.inc"
	NR_FEATURES,
};

static const struct hyperv_feature features[] = {
#include "nesting/hyperv_features.inc"
};

static const struct cpu_rule rules[] = {
#include "nesting/hyperv_rules.inc"
};

/* An enlightenment on its way from policy to guest. */
struct wish {
	const struct policy_feature *asked; /* what the policy says; NULL: nothing */
	bool on;                            /* the guest gets it */
	bool strong;                        /* … because the policy asks for it by name */
	const char *rule, *origin;          /* who decided */
};

struct work {
	const struct cpu_policy *policy;
	const struct host_facts *host;
	const struct host_facts *cluster; /* NULL, or what else the guest may run on */
	enum cpuid_vendor vendor;         /* of the host's processor */
	enum cpu_hypervisor hypervisor;
	bool expose;
	uint32_t retries;
	struct wish wishes[NR_FEATURES];
	struct hyperv_leaves *out;
	struct err *e;
};

const struct hyperv_feature *hyperv_features(size_t *ret_count)
{
	_Static_assert(ARRAY_SIZE(features) == NR_FEATURES, "made from the same rows");
	*ret_count = ARRAY_SIZE(features);
	return features;
}

const struct cpu_rule *hyperv_rules(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(rules);
	return rules;
}

/* The first n characters of b are name, "_" and "-" taken alike. */
static bool same_name(const char *name, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((name[i] == '_' ? '-' : name[i]) != b[i])
			return false;
	}
	return name[n] == '\0';
}

static bool is_alias(const struct hyperv_feature *f, const char *name)
{
	for (const char *at = f->aliases; *at != '\0';) {
		size_t n = strcspn(at, ",");
		if (same_name(name, at, n))
			return true;
		at += n + (at[n] == ',');
	}
	return false;
}

const struct hyperv_feature *hyperv_feature_find(const char *name)
{
	for (size_t i = 0; i < NR_FEATURES; i++) {
		const struct hyperv_feature *f = &features[i];
		if (same_name(name, f->name, strlen(f->name)) || is_alias(f, name))
			return f;
	}
	return NULL;
}

const char *hyperv_feature_nearest(const char *name)
{
	char full[NEAREST_TEXT_BYTES];
	struct nearest n;
	bool whole = strncmp(name, "hv-", 3) == 0 || strncmp(name, "hv_", 3) == 0 ||
		     strncmp(name, "x-", 2) == 0;
	int bytes = snprintf(full, sizeof(full), "%s%s", whole ? "" : "hv-", name);
	if (bytes < 0 || (size_t)bytes >= sizeof(full))
		return NULL;
	const struct hyperv_feature *f = hyperv_feature_find(full);
	if (f)
		return f->name;
	nearest_start(&n, full);
	for (size_t i = 0; i < NR_FEATURES; i++)
		nearest_consider(&n, features[i].name);
	return nearest_result(&n);
}

static bool is_on(enum hyperv_processors on, enum cpuid_vendor vendor)
{
	return on == HYPERV_ON_ANY || (on == HYPERV_ON_INTEL && vendor == CPUID_VENDOR_INTEL) ||
	       (on == HYPERV_ON_AMD && vendor == CPUID_VENDOR_AMD);
}

enum cpu_hypervisor hyperv_shown_hypervisor(const struct cpu_policy *policy)
{
	unsigned depth = 0;
	for (const struct cpu_policy *p = policy; p && depth < CPU_MAX_LAYERS;
		p = p->base, depth++) {
		if (p->hypervisor_given)
			return p->hypervisor;
	}
	return CPU_HYPERVISOR_KVM;
}

/* Where something stands, for an error. */
static const char *at(const char *origin)
{
	return origin ? origin : "the policy";
}

static int refuse_name(struct work *w, const struct policy_feature *asked)
{
	const struct hyperv_feature *f = hyperv_feature_find(asked->name);
	const char *near = hyperv_feature_nearest(asked->name);
	if (f)
		return err_fault(w->e, -EINVAL,
			&(struct fault){ "not-offered", FEATURES, at(asked->origin), NULL },
			"%s is not offered: %s", asked->name, f->note);
	return err_fault(w->e, -EINVAL,
		&(struct fault){ "unknown-enlightenment", FEATURES, at(asked->origin), NULL },
		"unknown enlightenment %s%s%s%s", asked->name, near ? ", did you mean " : "",
		near ? near : "", near ? "?" : "");
}

static int read_features(struct work *w)
{
	int rc = 0;
	for (size_t i = 0; i < w->policy->nr_hyperv_features; i++) {
		const struct policy_feature *asked = &w->policy->hyperv_features[i];
		const struct hyperv_feature *f = hyperv_feature_find(asked->name);
		/* To leave out what is never offered asks for nothing. */
		if (!f || (f->kind == HYPERV_REFUSED && asked->on)) {
			rc = refuse_name(w, asked);
			continue;
		}
		if (f->kind == HYPERV_REFUSED)
			continue;
		struct wish *wish = &w->wishes[f - features];
		if (wish->asked && wish->asked->on != asked->on)
			rc = err_fault(w->e, -EINVAL,
				&(struct fault){
					"contradiction", FEATURES, at(asked->origin), NULL },
				"%c%s contradicts %c%s at %s", asked->on ? '+' : '-', asked->name,
				wish->asked->on ? '+' : '-', wish->asked->name,
				at(wish->asked->origin));
		*wish = (struct wish){ asked, asked->on, asked->on, "HV-06", asked->origin };
	}
	return rc;
}

/* The number is the enlightenment, as QEMU's hv-spinlocks=NUMBER is. */
static int read_retries(struct work *w)
{
	const struct policy_number *n = &w->policy->hyperv_spinlock_retries;
	struct wish *wish = &w->wishes[ID_HV_SPINLOCKS];
	w->retries = HYPERV_NEVER_NOTIFY;
	if (!n->given && wish->on)
		return err_fault(w->e, -EINVAL,
			&(struct fault){ "unmet", FEATURES, at(wish->origin), NULL },
			"+hv-spinlocks needs hyperv.spinlock_retries (0xfff where the host's "
			"processors are shared)");
	if (!n->given)
		return 0;
	if (n->value < HYPERV_MIN_RETRIES || n->value > UINT32_MAX)
		return err_fault(w->e, -EINVAL,
			&(struct fault){ "value", RETRIES, at(n->origin), NULL },
			"expected a number from 0xfff to 0xffffffff");
	w->retries = (uint32_t)n->value;
	if (wish->asked || w->retries == HYPERV_NEVER_NOTIFY) {
		if (wish->asked && !wish->on && w->retries != HYPERV_NEVER_NOTIFY)
			return err_fault(w->e, -EINVAL,
				&(struct fault){ "contradiction", RETRIES, at(n->origin), NULL },
				RETRIES " contradicts -hv-spinlocks at %s", at(wish->origin));
		return 0;
	}
	*wish = (struct wish){ NULL, true, true, "HV-11", n->origin };
	return 0;
}

static int read_vendor_id(struct work *w)
{
	const struct policy_text *id = &w->policy->hyperv_vendor_id;
	size_t n = id->text ? strlen(id->text) : 1;
	if (n >= 1 && n <= VENDOR_CHARACTERS)
		return 0;
	return err_fault(w->e, -EINVAL, &(struct fault){ "value", VENDOR_ID, at(id->origin), NULL },
		"expected 1 to %d characters", VENDOR_CHARACTERS);
}

/* What the policy does not speak of. */
static void add_defaults(struct work *w)
{
	const struct cpu_policy *p = w->policy;
	struct wish *vpindex = &w->wishes[ID_HV_VPINDEX];
	for (size_t i = 0; p->hyperv_recommended && i < NR_FEATURES; i++) {
		struct wish *wish = &w->wishes[i];
		bool fits = is_on(features[i].recommended, w->vendor) &&
			    (features[i].kind != HYPERV_NESTED || w->expose);
		if (fits && !wish->asked && !wish->on)
			*wish = (struct wish){ NULL, true, false, "HV-08",
				p->hyperv_recommended_origin };
	}
	if (w->hypervisor == CPU_HYPERVISOR_HYPERV && !vpindex->asked && !vpindex->on)
		*vpindex = (struct wish){ NULL, true, false, "HV-07", p->hypervisor_origin };
}

/* Of a wish by name: "+hv-synic", or the key. */
static const char *wish_text(const struct wish *wish, char text[64])
{
	if (!wish->asked)
		return RETRIES;
	(void)snprintf(text, 64, "+%s", wish->asked->name);
	return text;
}

static struct fault wish_fault(const struct wish *wish, const char *id)
{
	return (struct fault){ id, wish->asked ? FEATURES : RETRIES, at(wish->origin), NULL };
}

/* Enlightenments where there can be none. */
static int check_mode(struct work *w)
{
	const struct cpu_policy *p = w->policy;
	char text[64];
	int rc = 0;
	for (size_t i = 0; i < NR_FEATURES; i++) {
		const struct wish *wish = &w->wishes[i];
		if (!wish->on || !wish->strong)
			continue;
		const struct fault contradiction = wish_fault(wish, "contradiction");
		if (w->hypervisor == CPU_HYPERVISOR_NONE)
			rc = err_fault(w->e, -EINVAL, &contradiction,
				"%s contradicts cpu.hypervisor = \"none\" at %s",
				wish_text(wish, text), at(p->hypervisor_origin));
		else if (features[i].kind == HYPERV_NESTED && !w->expose)
			rc = err_fault(w->e, -EINVAL, &contradiction,
				"%s is for a guest hypervisor, but "
				"nesting.expose_virtualization_extensions is false%s%s",
				wish_text(wish, text), p->knob_origin ? " at " : "",
				p->knob_origin ? p->knob_origin : "");
	}
	return rc;
}

static bool is_unmet(const struct work *w, const struct hyperv_requirement *r)
{
	return is_on(r->on, w->vendor) && !w->wishes[r->feature].on;
}

/* The first requirement of a feature that is not met, or NULL. */
static const struct hyperv_requirement *find_unmet(const struct work *w, size_t feature)
{
	const struct hyperv_feature *f = &features[feature];
	for (unsigned i = 0; i < f->nr_requires; i++) {
		if (is_unmet(w, &f->requires[i]))
		return &f->requires[i];
	}
	return NULL;
}

static int refuse_unmet(struct work *w, const struct wish *wish, const struct hyperv_requirement *r)
{
	const struct wish *other = &w->wishes[r->feature];
	const struct fault unmet = wish_fault(wish, "unmet");
	char text[64];
	if (other->asked)
		return err_fault(w->e, -EINVAL, &unmet, "%s needs %s, but -%s at %s",
			wish_text(wish, text), features[r->feature].name, other->asked->name,
			at(other->origin));
	return err_fault(w->e, -EINVAL, &unmet, "%s needs %s: add \"+%s\" to hyperv.features",
		wish_text(wish, text), features[r->feature].name, features[r->feature].name);
}

/* By what the policy says alone, all that it asks for must have what it needs. */
static int check_requirements(struct work *w)
{
	int rc = 0;
	for (size_t i = 0; i < NR_FEATURES; i++) {
		const struct wish *wish = &w->wishes[i];
		for (unsigned k = 0; wish->on && wish->strong && k < features[i].nr_requires; k++) {
			if (is_unmet(w, &features[i].requires[k]))
				rc = refuse_unmet(w, wish, &features[i].requires[k]);
		}
	}
	return rc;
}

static void note(struct work *w, bool missing, const char *origin, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
static void note(struct work *w, bool missing, const char *origin, const char *fmt, ...)
{
	struct hyperv_leaves *out = w->out;
	if (out->nr_notes == HYPERV_MAX_NOTES)
		return;
	struct hyperv_note *n = &out->notes[out->nr_notes++];
	*n = (struct hyperv_note){ .missing = missing, .origin = origin };
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(n->text, sizeof(n->text), fmt, ap);
	va_end(ap);
}

static bool has_interface(const struct host_facts *host)
{
	return cpuid_value(&host->hyperv, LEAF_INTERFACE, 0, CPUID_EAX) == INTERFACE;
}

static bool has_place(const struct host_facts *host, const struct hyperv_place *p)
{
	uint32_t has = cpuid_value(&host->hyperv, p->leaf, 0, p->reg) & p->mask;
	if (p->value == p->mask)
		return has == p->mask;
	/* Versions of the enlightened VMCS: lowest in bits 7:0, highest in bits 15:8. */
	return (has & 0xff) <= EVMCS_VERSION && has >> 8 >= EVMCS_VERSION && has & 0xff;
}

static bool host_has(const struct host_facts *host, size_t feature)
{
	const struct hyperv_feature *f = &features[feature];
	bool has = f->kind != HYPERV_CAPABILITY || host->hyperv_enforce_cpuid;
	/* Any retry count will do: the guest makes use of it, not KVM. */
	for (unsigned i = 0; f->kind != HYPERV_NUMBER && i < f->nr_places; i++)
		has &= has_place(host, &f->places[i]);
	return has;
}

static void place_text(char text[64], const struct hyperv_feature *f)
{
	static const char regs[4][4] = { "EAX", "EBX", "ECX", "EDX" };
	const struct hyperv_place *p = &f->places[0];
	if (f->nr_places == 0)
		(void)snprintf(text, 64, "KVM_CAP_HYPERV_ENFORCE_CPUID");
	else
		(void)snprintf(text, 64, "CPUID %#x %s, bits %#x", p->leaf, regs[p->reg], p->mask);
}

static void drop_missing(struct work *w)
{
	for (size_t i = 0; i < NR_FEATURES; i++) {
		struct wish *wish = &w->wishes[i];
		char text[64];
		if (!wish->on || (host_has(w->host, i) && (!w->cluster || host_has(w->cluster, i))))
			continue;
		place_text(text, &features[i]);
		if (wish->strong)
			note(w, true, wish->origin, "%s (%s)", features[i].name, text);
		wish->on = false;
		wish->rule = "HV-09";
	}
}

/* Ends, as each round but the last takes one away. */
static void drop_dependants(struct work *w)
{
	for (bool again = true; again;) {
		again = false;
		for (size_t i = 0; i < NR_FEATURES; i++) {
			struct wish *wish = &w->wishes[i];
			const struct hyperv_requirement *r = wish->on ? find_unmet(w, i) : NULL;
			if (!r)
				continue;
			if (wish->strong)
				note(w, false, wish->origin, "%s: dropped, as it needs %s",
					features[i].name, features[r->feature].name);
			wish->on = false;
			wish->rule = "HV-10";
			again = true;
		}
	}
}

static void put(struct work *w, uint32_t leaf, enum cpuid_reg reg, uint32_t mask, uint32_t value,
	const struct hyperv_bits *who)
{
	struct hyperv_leaves *out = w->out;
	if (out->nr_bits == HYPERV_MAX_BITS)
		return; /* cannot be: four for each leaf, and two for each enlightenment */
	out->bits[out->nr_bits] = *who;
	out->bits[out->nr_bits].leaf = leaf;
	out->bits[out->nr_bits].reg = reg;
	out->bits[out->nr_bits].mask = mask;
	out->bits[out->nr_bits++].value = value;
}

static void put_whole(struct work *w, uint32_t leaf, enum cpuid_reg reg, uint32_t value,
	const char *rule, const char *origin)
{
	const struct hyperv_bits who = { .rule = rule, .origin = origin };
	put(w, leaf, reg, UINT32_MAX, value, &who);
}

/* All leaves as they are without any enlightenment. */
static void put_frame(struct work *w, uint32_t max_leaf)
{
	const struct policy_topology *t = &w->policy->topology;
	const struct policy_text *id = &w->policy->hyperv_vendor_id;
	uint64_t vcpus = (uint64_t)t->sockets * t->dies * t->cores * t->threads;
	uint32_t most = vcpus > USUAL_PROCESSORS && vcpus <= UINT32_MAX ? (uint32_t)vcpus
									: USUAL_PROCESSORS;
	uint32_t name[3] = { 0 };
	const char *vendor = id->text ? id->text : VENDOR;
	(void)memcpy(name, vendor, strnlen(vendor, sizeof(name)));
	for (uint32_t leaf = LEAF_BASE; leaf <= max_leaf; leaf++) {
		for (unsigned reg = 0; reg < 4; reg++)
			put_whole(w, leaf, (enum cpuid_reg)reg, 0, "HV-01", NULL);
	}
	put_whole(w, LEAF_BASE, CPUID_EAX, max_leaf, "HV-01", NULL);
	for (unsigned i = 0; i < 3; i++)
		put_whole(w, LEAF_BASE, (enum cpuid_reg)(CPUID_EBX + i), name[i], "HV-02",
			id->origin);
	put_whole(w, LEAF_INTERFACE, CPUID_EAX, INTERFACE, "HV-01", NULL);
	put_whole(w, LEAF_VERSION, CPUID_EAX, BUILD, "HV-03", NULL);
	put_whole(w, LEAF_VERSION, CPUID_EBX, MAJOR << 16, "HV-03", NULL);
	const struct hyperv_bits hypercalls = { .rule = "HV-04" };
	put(w, LEAF_PRIVILEGES, CPUID_EAX, ACCESS_HYPERCALL_MSRS, ACCESS_HYPERCALL_MSRS,
		&hypercalls);
	put_whole(w, LEAF_RECOMMENDATIONS, CPUID_EBX, HYPERV_NEVER_NOTIFY, "HV-11", NULL);
	put_whole(w, LEAF_LIMITS, CPUID_EAX, most, "HV-05", NULL);
	put_whole(w, LEAF_LIMITS, CPUID_EBX, USUAL_PROCESSORS, "HV-05", NULL);
}

/* What is off first: enlightenments share bits. */
static void put_features(struct work *w, bool on, uint32_t max_leaf)
{
	for (size_t i = 0; i < NR_FEATURES; i++) {
		const struct hyperv_feature *f = &features[i];
		const struct wish *wish = &w->wishes[i];
		const struct hyperv_bits who = {
			.rule = wish->rule, .origin = wish->origin, .detail = f->name
		};
		if (wish->on != on || !wish->rule)
			continue;
		for (unsigned k = 0; k < f->nr_places; k++) {
			const struct hyperv_place *p = &f->places[k];
			uint32_t value = f->kind == HYPERV_NUMBER ? w->retries : p->value;
			uint32_t none = f->kind == HYPERV_NUMBER ? HYPERV_NEVER_NOTIFY : 0;
			if (p->leaf <= max_leaf)
				put(w, p->leaf, p->reg, p->mask, on ? value : none, &who);
		}
	}
}

static void put_all(struct work *w)
{
	const struct wish *avic = &w->wishes[ID_HV_AVIC], *vapic = &w->wishes[ID_HV_VAPIC];
	uint32_t max_leaf = LEAF_LIMITS;
	for (size_t i = 0; i < NR_FEATURES; i++) {
		if (w->wishes[i].on && features[i].kind == HYPERV_NESTED)
			max_leaf = LEAF_NESTED;
	}
	put_frame(w, max_leaf);
	put_features(w, /* on */ false, max_leaf);
	put_features(w, /* on */ true, max_leaf);
	/* The MSRs stay, but the hardware is faster. */
	const struct hyperv_bits who = {
		.rule = "HV-12", .origin = avic->origin, .detail = features[ID_HV_AVIC].name
	};
	if (avic->on && vapic->on)
		put(w, LEAF_RECOMMENDATIONS, CPUID_EAX, APIC_MSRS_RECOMMENDED, 0, &who);
	w->out->caps = (struct hyperv_caps){
		.synic = w->wishes[ID_HV_SYNIC].on,
		.evmcs = w->wishes[ID_HV_EVMCS].on,
		.evmcs_origin = w->wishes[ID_HV_EVMCS].origin,
		.enforce_cpuid = w->wishes[ID_HV_ENFORCE_CPUID].on,
	};
}

/* True where leaves of Hyper-V's are asked for at all. */
static bool is_shown(const struct work *w)
{
	bool any = w->hypervisor == CPU_HYPERVISOR_HYPERV;
	for (size_t i = 0; i < NR_FEATURES; i++)
		any |= w->wishes[i].on;
	return any && w->hypervisor != CPU_HYPERVISOR_NONE;
}

/* All of the policy that is wrong wherever it runs. */
static int check_policy(struct work *w)
{
	int rc = read_features(w), other = read_retries(w);
	rc = other ? other : rc;
	other = read_vendor_id(w);
	rc = other ? other : rc;
	if (rc && !(w->e && w->e->findings))
		return rc; /* that is enough for a message */
	if (w->hypervisor != CPU_HYPERVISOR_NONE)
		add_defaults(w);
	other = check_mode(w);
	rc = other ? other : rc;
	other = check_requirements(w);
	rc = other ? other : rc;
	const struct policy_text *id = &w->policy->hyperv_vendor_id;
	if (rc == 0 && id->text && !is_shown(w))
		rc = err_fault(w->e, -EINVAL,
			&(struct fault){ "no-effect", VENDOR_ID, at(id->origin), NULL },
			VENDOR_ID
			" has no effect: no leaf of Hyper-V's is shown without hyperv.features or "
			"cpu.hypervisor = \"hyperv\"");
	return rc;
}

/* Settles the wishes on this host, and writes them down. */
static void resolve(struct work *w)
{
	const struct cpu_policy *p = w->policy;
	if (!has_interface(w->host) || (w->cluster && !has_interface(w->cluster))) {
		const char *origin =
			w->hypervisor == CPU_HYPERVISOR_HYPERV ? p->hypervisor_origin : NULL;
		bool asked = w->hypervisor == CPU_HYPERVISOR_HYPERV;
		for (size_t i = 0; i < NR_FEATURES; i++) {
			if (!w->wishes[i].on || !w->wishes[i].strong)
				continue;
			asked = true;
			origin = origin ? origin : w->wishes[i].origin;
		}
		if (asked)
			note(w, true, origin, "Hyper-V's interface (KVM_CAP_SYS_HYPERV_CPUID)");
		drop_missing(w);
		return;
	}
	drop_missing(w);
	drop_dependants(w);
	if (is_shown(w))
		put_all(w);
}

int hyperv_leaves_create(struct hyperv_leaves **ret_leaves, const struct cpu_policy *policy,
	const struct host_facts *host, bool expose, struct err *e)
{
	struct work w = {
		.policy = policy,
		.host = host,
		.cluster = policy->migration == CPU_MIGRATION_CLUSTER ? policy->cluster : NULL,
		.vendor = cpuid_vendor(&host->supported),
		.hypervisor = hyperv_shown_hypervisor(policy),
		.expose = expose,
		.e = e,
	};
	*ret_leaves = NULL;
	int rc = check_policy(&w);
	if (rc || !is_shown(&w))
		return rc;
	w.out = calloc(1, sizeof(*w.out));
	if (!w.out)
		return err_set(e, -ENOMEM, "out of memory");
	resolve(&w);
	*ret_leaves = w.out;
	return 0;
}
