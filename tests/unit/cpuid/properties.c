/* SPDX-License-Identifier: MIT */
#include "properties.h"

#include "cpuid/fields.h"

#include <stdlib.h>

#define ROUNDS 4 /* of making a case smaller */

bool property_fails(struct property_case *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(c->why, sizeof(c->why), fmt, ap);
	va_end(ap);
	return false;
}

int property_compute_on(const struct cpu_policy *policy, bool expose, const struct host_facts *host,
	struct cpu_trace *trace, struct cpu_result *ret_result, struct err *e)
{
	*e = (struct err)ERR_INIT;
	int rc = cpu_compute(policy, host, trace, ret_result, e);
	if (rc)
		return rc;
	struct cpu_edit edit = { .table = &ret_result->table, .trace = trace };
	rc = nesting_apply_cpuid(expose, &edit, e);
	return rc ? rc : nesting_apply_msrs(expose, &ret_result->table, &ret_result->msrs, e);
}

void property_compute(struct property_case *c)
{
	cpu_trace_done(&c->trace);
	c->rc = property_compute_on(
		&c->policy.policy, c->policy.expose, &c->host, &c->trace, &c->result, &c->e);
}

/* What KVM emulates, and this processor may lack. */
static void emulate_some(struct host_facts *host, uint32_t *state)
{
	static const feature_id emulated[] = { FEATURE_ID_movbe, FEATURE_ID_rdpid };
	for (size_t i = 0; i < ARRAY_SIZE(emulated); i++) {
		const struct feature_word *w = feature_word(emulated[i] / 32u);
		struct cpuid_entry *e =
			cpuid_put(&host->emulated, w->leaf, w->subleaf, w->subleaf_matters);
		e->reg[w->reg] |= UINT32_C(1) << emulated[i] % 32;
		e = cpuid_find(&host->supported, w->leaf, w->subleaf);
		if (e && host_random_next(state) >> 16 & 1)
			e->reg[w->reg] &= ~(UINT32_C(1) << emulated[i] % 32);
	}
}

void property_host(struct property_case *c, uint32_t seed)
{
	static const enum cpuid_vendor vendors[] = { CPUID_VENDOR_INTEL, CPUID_VENDOR_INTEL,
		CPUID_VENDOR_INTEL, CPUID_VENDOR_AMD, CPUID_VENDOR_AMD, CPUID_VENDOR_OTHER };
	uint32_t state = seed * UINT32_C(3266489917) + 3;
	size_t n = 0;
	state = state ? state : 1;
	(void)host_random_next(&state);
	while (cpu_model_at(n))
		n++;
	if (host_random_next(&state) >> 8 & 1) {
		c->vendor = vendors[(host_random_next(&state) >> 8) % ARRAY_SIZE(vendors)];
		c->origin = "everything";
		host_everything(c->vendor, &c->base);
	} else {
		const struct cpu_model *m = cpu_model_at((host_random_next(&state) >> 8) % n);
		c->origin = m->name;
		host_of_model(m, &c->base);
		c->vendor = cpuid_vendor(&c->base.supported);
	}
	if ((host_random_next(&state) >> 8) % 8 == 0)
		c->host = c->base;
	else
		host_random_subset(&c->base, seed, &c->host);
	if ((host_random_next(&state) >> 8) % 4 == 0)
		emulate_some(&c->host, &state);
}

static bool still_fails(struct property_case *c, bool (*holds)(struct property_case *c))
{
	char why[PROPERTY_WHY_BYTES];
	memcpy(why, c->why, sizeof(why));
	if (!holds(c))
		return true;
	memcpy(c->why, why, sizeof(why));
	return false;
}

static void shrink_policy(struct property_case *c, bool (*holds)(struct property_case *c))
{
	struct random_policy kept;
	for (unsigned i = 0;; i++) {
		random_policy_copy(&kept, &c->policy);
		if (!random_policy_reduce(&c->policy, i))
			break;
		if (!still_fails(c, holds))
			random_policy_copy(&c->policy, &kept);
	}
	random_policy_copy(&c->policy, &kept);
}

/* The base with those features, but for what host_with_features does not decide. */
static void host_of(struct property_case *c, const struct feature_set *set)
{
	struct host_facts was = c->host;
	host_with_features(&c->base, set, &c->host);
	c->host.emulated = was.emulated;
	struct cpuid_entry *to = cpuid_find(&c->host.supported, 0x80000008, 0);
	if (to)
		to->reg[CPUID_EAX] = cpuid_value(&was.supported, 0x80000008, 0, CPUID_EAX);
	c->host.tsc_scaling = was.tsc_scaling;
	c->host.threads_per_core = was.threads_per_core;
}

/* Gives the host back what it lacks, as long as the case fails. */
static void shrink_host(struct property_case *c, bool (*holds)(struct property_case *c))
{
	struct feature_set lacks, has;
	host_features(&c->base, &lacks);
	host_features(&c->host, &has);
	feature_set_subtract(&lacks, &has);
	for (feature_id id = feature_set_next(&lacks, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&lacks, (feature_id)(id + 1))) {
		struct host_facts kept = c->host;
		host_features(&c->host, &has);
		feature_set_add(&has, id);
		host_of(c, &has);
		if (!still_fails(c, holds))
			c->host = kept;
	}
}

char *property_list(char text[PROPERTY_WHY_BYTES], const struct feature_set *set)
{
	size_t used = 0;
	unsigned left = feature_set_count(set);
	text[0] = '\0';
	for (feature_id id = feature_set_next(set, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(set, (feature_id)(id + 1))) {
		char label[FEATURE_PLACE_BYTES];
		if (used > PROPERTY_WHY_BYTES / 2) {
			(void)snprintf(
				text + used, PROPERTY_WHY_BYTES - used, " and %u more", left);
			break;
		}
		used += (size_t)snprintf(text + used, PROPERTY_WHY_BYTES - used, "%s%s",
			used ? ", " : "", feature_label(label, id));
		left--;
	}
	return text;
}

static void print_case(const struct property_case *c)
{
	static const char *const vendors[] = { "other", "intel", "amd" };
	struct feature_set lacks, has;
	char list[PROPERTY_WHY_BYTES], *policy = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&policy, &n);
	if (out) {
		random_policy_print(&c->policy, out);
		(void)fclose(out);
	}
	host_features(&c->base, &lacks);
	host_features(&c->host, &has);
	feature_set_subtract(&lacks, &has);
	print_error("seed %u: %s\n  policy: %s  host: %s (%s) without %s; %u address bits%s\n",
		c->seed, c->why, policy ? policy : "?\n", c->origin, vendors[c->vendor],
		property_list(list, &lacks), cpuid_phys_bits(&c->host.supported),
		c->host.emulated.nr_entries ? ", emulates movbe and rdpid" : "");
	free(policy);
}

unsigned property_cases(unsigned cases, uint32_t *ret_first_seed)
{
	const char *seed = getenv("NESTOR_PROPERTY_SEED");
	const char *times = getenv("NESTOR_PROPERTY_TIMES");
	unsigned long n = times ? strtoul(times, NULL, 10) : 1;
	*ret_first_seed = seed ? (uint32_t)strtoul(seed, NULL, 10) : 0;
	return seed ? 1 : n > 0 && n < 10000 ? cases * (unsigned)n : cases;
}

void property_run(bool (*holds)(struct property_case *c), unsigned parts, unsigned cases)
{
	struct property_case *c = calloc(1, sizeof(*c));
	uint32_t first;
	assert_non_null(c);
	unsigned n = property_cases(cases, &first), results = 0;
	bool held = true;
	for (unsigned i = 0; held && i < n; i++) {
		c->seed = first + i;
		property_host(c, c->seed);
		random_policy_make(&c->policy, c->vendor, parts, c->seed);
		held = holds(c);
		results += c->rc == 0;
	}
	/* Errors alone would prove little. */
	if (held && n > 1)
		assert_true(results > n / 3);
	for (unsigned round = 0; !held && round < ROUNDS; round++) {
		shrink_policy(c, holds);
		shrink_host(c, holds);
	}
	if (!held)
		print_case(c);
	cpu_trace_done(&c->trace);
	free(c);
	assert_true(held);
}

void property_managed(struct feature_set *ret_set)
{
	*ret_set = (struct feature_set){ { 0 } };
	feature_set_add(ret_set, FEATURE_ID_ht);
	feature_set_add(ret_set, FEATURE_ID_cmp_legacy);
	feature_set_add(ret_set, FEATURE_ID_hypervisor);
}

static bool covers(struct property_case *c, const char *what, const struct cpuid_table *a,
	const struct cpuid_table *b)
{
	for (unsigned i = 0; i < a->nr_entries; i++) {
		const struct cpuid_entry *e = &a->entries[i];
		for (unsigned r = 0; r < 4; r++) {
			uint32_t other = cpuid_value(b, e->leaf, e->subleaf, (enum cpuid_reg)r);
			if (e->reg[r] != other)
				return property_fails(c, "%s: CPUID %#x.%u %s: %#x and %#x", what,
					e->leaf, e->subleaf, cpuid_reg_name((enum cpuid_reg)r),
					e->reg[r], other);
		}
	}
	return true;
}

bool property_same_table(struct property_case *c, const char *what, const struct cpuid_table *a,
	const struct cpuid_table *b)
{
	return covers(c, what, a, b) && covers(c, what, b, a);
}

bool property_same_features(struct property_case *c, const char *what, const struct feature_set *a,
	const struct feature_set *b)
{
	struct feature_set one = *a, two = *b;
	char first[PROPERTY_WHY_BYTES], second[PROPERTY_WHY_BYTES];
	feature_set_subtract(&one, b);
	feature_set_subtract(&two, a);
	if (feature_set_is_empty(&one) && feature_set_is_empty(&two))
		return true;
	return property_fails(c, "%s: features differ: [%.200s] and [%.200s]", what,
		property_list(first, &one), property_list(second, &two));
}
