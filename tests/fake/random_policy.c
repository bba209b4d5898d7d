/* SPDX-License-Identifier: MIT */
#include "fake/random_policy.h"

#include "cpuid/fields.h"
#include "cpuid/models.h"
#include "fake/hosts.h"

#include <inttypes.h>
#include <string.h>

#define NR_PARTS (2 * RANDOM_POLICY_MAX_FEATURES + 32)

static uint32_t below(uint32_t *state, uint32_t n)
{
	return (host_random_next(state) >> 8) % n;
}

static bool one_in(uint32_t *state, uint32_t n)
{
	return below(state, n) == 0;
}

/* Of that vendor or of none, but for one in twenty. */
static const char *any_model(uint32_t *state, enum cpuid_vendor vendor)
{
	size_t n = 0;
	if (one_in(state, 5))
		return one_in(state, 4) ? "max" : "host";
	while (cpu_model_at(n))
		n++;
	for (;;) {
		const struct cpu_model *m = cpu_model_at(below(state, (uint32_t)n));
		if (m->vendor_id[0] == '\0' || m->vendor == vendor || one_in(state, 20))
			return m->name;
	}
}

static size_t any_features(uint32_t *state, struct policy_feature *features)
{
	uint32_t limit = one_in(state, 4) ? RANDOM_POLICY_MAX_FEATURES : 5;
	uint32_t n = below(state, limit);
	bool all_off = one_in(state, 2);
	for (uint32_t i = 0; i < n; i++) {
		const struct feature *f = feature_at(below(state, FEATURE_COUNT));
		features[i] =
			(struct policy_feature){ f->name, !all_off && one_in(state, 2), NULL };
	}
	return n;
}

/* A leaf that a table may have, or one that it may not. */
static void any_leaf(uint32_t *state, struct policy_leaf *rule)
{
	size_t n = 0;
	const struct cpuid_field *fields = cpuid_fields(&n);
	const struct cpuid_field *field = &fields[below(state, (uint32_t)n)];
	const struct feature_word *word = feature_word(below(state, FEATURE_NR_WORDS));
	bool named = word->kind == FEATURE_WORD_CPUID && one_in(state, 2);
	uint32_t bits = UINT32_C(1) << below(state, 32);
	*rule = (struct policy_leaf){
		.leaf = named ? word->leaf : field->leaf,
		.subleaf = named                ? word->subleaf
			   : field->subleaf < 0 ? 0
						: (uint32_t)field->subleaf,
		.reg = (enum cpuid_reg)below(state, 4),
		.any_subleaf = one_in(state, 3),
	};
	if (one_in(state, 6))
		rule->leaf = host_random_next(state);
	if (one_in(state, 4))
		bits = host_random_next(state);
	rule->set = one_in(state, 2) ? bits : 0;
	rule->clear = rule->set ? ~bits & host_random_next(state) & host_random_next(state) : bits;
}

static uint32_t any_msr(uint32_t *state)
{
	static const uint32_t msrs[] = { MSR_IA32_FEATURE_CONTROL, MSR_IA32_UCODE_REV,
		MSR_IA32_CORE_CAPABILITIES, MSR_IA32_ARCH_CAPABILITIES, MSR_IA32_PERF_CAPABILITIES,
		MSR_IA32_VMX_BASIC, 0x48b, 0x48e, 0x10, 0x1b, 0x1d9, 0xc0000080, 0xc0010114 };
	return one_in(state, 4) ? host_random_next(state) : msrs[below(state, ARRAY_SIZE(msrs))];
}

static void any_msr_rules(struct random_policy *p, uint32_t *state)
{
	uint32_t nr_bits = below(state, RANDOM_POLICY_MAX_BITS + 1);
	uint32_t nr_rules = below(state, RANDOM_POLICY_MAX_RULES + 1);
	p->policy.msr_default_deny = one_in(state, 8);
	for (uint32_t i = 0; i < nr_bits; i++) {
		uint64_t bit = UINT64_C(1) << below(state, 64);
		bool set = one_in(state, 2);
		p->bits[i] = (struct policy_msr_bits){ any_msr(state), set ? bit : 0, set ? 0 : bit,
			NULL };
	}
	for (uint32_t i = 0; i < nr_rules; i++) {
		uint32_t first = any_msr(state), action = below(state, 4);
		uint32_t more = one_in(state, 2) ? 0 : below(state, 40);
		p->rules[i] = (struct msr_rule){
			.first = first,
			.last = first > UINT32_MAX - more ? first : first + more,
			.read = action == 0   ? MSR_KVM
				: action == 1 ? MSR_DENY
					      : MSR_UNRULED,
			.write = action == 0   ? MSR_KVM
				 : action == 1 ? MSR_DENY
					       : MSR_UNRULED,
			.id = "MSR-RULE",
		};
		if (action == 2)
			p->rules[i].read = MSR_VALUE;
		else if (action == 3)
			p->rules[i].write = MSR_IGNORE;
	}
	p->policy.nr_msr_bits = nr_bits;
	p->policy.nr_msr_rules = nr_rules;
}

static void any_identity(struct cpu_policy *p, uint32_t *state)
{
	static const char *const vendors[] = { "intel", "amd", "hygon", "NestorNestor" };
	static const char *const brands[] = { "A", "A processor of nobody's", "" };
	if (one_in(state, 8))
		p->vendor.text = vendors[below(state, ARRAY_SIZE(vendors))];
	if (one_in(state, 4))
		p->brand.text = brands[below(state, ARRAY_SIZE(brands))];
	if (one_in(state, 4))
		p->family = (struct policy_number){ true, below(state, 271), NULL };
	if (one_in(state, 4))
		p->model_number = (struct policy_number){ true, below(state, 256), NULL };
	if (one_in(state, 4))
		p->stepping = (struct policy_number){ true, below(state, 16), NULL };
	if (one_in(state, 3))
		p->phys_bits = (struct policy_number){ true, 32 + below(state, 21), NULL };
	if (one_in(state, 6))
		p->tsc_khz = (struct policy_number){ true, 1000000 + below(state, 2000000), NULL };
}

static void any_shape(struct policy_topology *t, uint32_t *state)
{
	do {
		t->sockets = one_in(state, 2) ? 1 : 1 + below(state, 8);
		t->dies = one_in(state, 2) ? 1 : 1 + below(state, 9);
		t->cores = 1 + below(state, one_in(state, 4) ? 255 : 12);
		t->threads = one_in(state, 3) ? 1 + below(state, 9) : 1 + below(state, 2);
	} while (t->sockets * t->dies * t->cores * t->threads > 255);
}

/* Where the pointers point to. */
static void bind(struct random_policy *p, bool has_base)
{
	p->policy.features = p->features;
	p->policy.leaves = p->leaves;
	p->policy.msr_bits = p->bits;
	p->policy.msr_rules = p->rules;
	p->policy.withdrawals = p->withdrawals;
	p->policy.base = has_base ? &p->base : NULL;
	p->base.features = p->base_features;
}

static void any_modes(struct cpu_policy *p, uint32_t *state)
{
	if (one_in(state, 6))
		p->migration = CPU_MIGRATION_MINIMUM;
	p->older_os = one_in(state, 6);
}

void random_policy_make(
	struct random_policy *p, enum cpuid_vendor vendor, unsigned parts, uint32_t seed)
{
	uint32_t own = seed * UINT32_C(2246822519) + 7, *state = &own;
	own = own ? own : 1;
	*p = (struct random_policy){ .policy = { .topology = { 1, 1, 1, 1 } } };
	bind(p, parts & RANDOM_BASE && one_in(state, 5));
	if (p->policy.base) {
		p->base.model.text = any_model(state, vendor);
		p->base.nr_features = any_features(state, p->base_features);
	}
	if (!p->policy.base || one_in(state, 3))
		p->policy.model.text = any_model(state, vendor);
	p->policy.nr_features = any_features(state, p->features);
	p->policy.hypervisor_given = one_in(state, 2);
	p->policy.hypervisor = (enum cpu_hypervisor)below(state, 3);
	p->policy.cache_given = one_in(state, 2);
	p->policy.cache = (enum cpu_cache)below(state, 3);
	p->policy.on_missing_given = true;
	p->policy.on_missing = CPU_MISSING_DROP;
	if (parts & RANDOM_PRESSURE)
		p->policy.on_missing = (enum cpu_on_missing)below(state, 3);
	for (uint32_t i = parts & RANDOM_LEAVES && one_in(state, 2)
				  ? 1 + below(state, RANDOM_POLICY_MAX_LEAVES)
				  : 0;
		i > 0; i--)
		any_leaf(state, &p->leaves[p->policy.nr_leaves++]);
	if (parts & RANDOM_MSRS && one_in(state, 2))
		any_msr_rules(p, state);
	if (parts & RANDOM_MODES)
		any_modes(&p->policy, state);
	if (parts & RANDOM_IDENTITY)
		any_identity(&p->policy, state);
	if (parts & RANDOM_SHAPE)
		any_shape(&p->policy.topology, state);
	p->expose = parts & RANDOM_KNOB && one_in(state, 2);
	p->policy.nr_withdrawals = nesting_withdrawals(p->expose, NULL, p->withdrawals);
}

void random_policy_copy(struct random_policy *to, const struct random_policy *from)
{
	*to = *from;
	bind(to, from->policy.base != NULL);
}

static void drop_feature(struct policy_feature *features, size_t *n, size_t i)
{
	if (i >= *n)
		return;
	features[i] = features[--*n];
}

static void reduce_rules(struct random_policy *p, unsigned i)
{
	struct cpu_policy *o = &p->policy;
	if (i < 4 && o->nr_leaves > 0 && i < o->nr_leaves)
		p->leaves[i] = p->leaves[--o->nr_leaves];
	else if (i >= 4 && i < 8 && i - 4 < o->nr_msr_bits)
		p->bits[i - 4] = p->bits[--o->nr_msr_bits];
	else if (i >= 8 && i - 8 < o->nr_msr_rules)
		p->rules[i - 8] = p->rules[--o->nr_msr_rules];
}

static void reduce_choice(struct random_policy *p, unsigned i)
{
	struct cpu_policy *o = &p->policy;
	const struct policy_number none = { 0 };
	switch (i) {
	case 0:
		o->base = NULL;
		break;
	case 1:
		o->hypervisor_given = false;
		o->hypervisor = CPU_HYPERVISOR_KVM;
		break;
	case 2:
		o->cache_given = false;
		o->cache = CPU_CACHE_HOST;
		break;
	case 3:
		o->vendor.text = NULL;
		break;
	case 4:
		o->brand.text = NULL;
		break;
	case 5:
		o->family = o->model_number = o->stepping = none;
		break;
	case 6:
		o->phys_bits = none;
		break;
	case 7:
		o->tsc_khz = none;
		break;
	case 8:
		o->migration = CPU_MIGRATION_OFF;
		break;
	case 9:
		o->older_os = false;
		break;
	case 10:
		o->msr_default_deny = false;
		break;
	case 11:
		o->topology = (struct policy_topology){ 1, 1, 1, 1 };
		break;
	default:
		o->model.text = "host";
		break;
	}
}

bool random_policy_reduce(struct random_policy *p, unsigned i)
{
	if (i < RANDOM_POLICY_MAX_FEATURES)
		drop_feature(p->features, &p->policy.nr_features, i);
	else if (i < 2 * RANDOM_POLICY_MAX_FEATURES)
		drop_feature(
			p->base_features, &p->base.nr_features, i - RANDOM_POLICY_MAX_FEATURES);
	else if (i < 2 * RANDOM_POLICY_MAX_FEATURES + 16)
		reduce_rules(p, i - 2 * RANDOM_POLICY_MAX_FEATURES);
	else
		reduce_choice(p, i - 2 * RANDOM_POLICY_MAX_FEATURES - 16);
	return i < NR_PARTS;
}

static void print_features(const struct cpu_policy *p, FILE *out)
{
	if (p->model.text)
		(void)fprintf(out, "model=%s ", p->model.text);
	for (size_t i = 0; i < p->nr_features; i++)
		(void)fprintf(out, "%c%s ", p->features[i].on ? '+' : '-', p->features[i].name);
}

static void print_number(FILE *out, const char *name, const struct policy_number *n)
{
	if (n->given)
		(void)fprintf(out, "%s=%" PRIu64 " ", name, n->value);
}

static void print_rules(const struct random_policy *p, FILE *out)
{
	const struct cpu_policy *o = &p->policy;
	for (size_t i = 0; i < o->nr_leaves; i++) {
		const struct policy_leaf *l = &p->leaves[i];
		(void)fprintf(out, "leaf(%#x.", l->leaf);
		(void)fprintf(out, l->any_subleaf ? "any" : "%u", l->subleaf);
		(void)fprintf(
			out, " %s set=%#x clear=%#x) ", cpuid_reg_name(l->reg), l->set, l->clear);
	}
	for (size_t i = 0; i < o->nr_msr_bits; i++)
		(void)fprintf(out, "msr-bits(%#x set=%#" PRIx64 " clear=%#" PRIx64 ") ",
			p->bits[i].index, p->bits[i].set, p->bits[i].clear);
	for (size_t i = 0; i < o->nr_msr_rules; i++)
		(void)fprintf(out, "msr(%#x-%#x read=%d write=%d) ", p->rules[i].first,
			p->rules[i].last, p->rules[i].read, p->rules[i].write);
}

void random_policy_print(const struct random_policy *p, FILE *out)
{
	static const char *const hypervisors[] = { "kvm", "hyperv", "none" };
	static const char *const caches[] = { "host", "emulate", "none" };
	static const char *const missing[] = { "error", "warn", "drop" };
	static const char *const migrations[] = { "off", "minimum", "cluster" };
	const struct cpu_policy *o = &p->policy;
	if (o->base) {
		(void)fprintf(out, "base(");
		print_features(o->base, out);
		(void)fprintf(out, ") ");
	}
	print_features(o, out);
	(void)fprintf(out, "on_missing=%s ", missing[o->on_missing]);
	if (o->hypervisor_given)
		(void)fprintf(out, "hypervisor=%s ", hypervisors[o->hypervisor]);
	if (o->cache_given)
		(void)fprintf(out, "cache=%s ", caches[o->cache]);
	if (o->vendor.text)
		(void)fprintf(out, "vendor=\"%s\" ", o->vendor.text);
	if (o->brand.text)
		(void)fprintf(out, "brand=\"%s\" ", o->brand.text);
	print_number(out, "family", &o->family);
	print_number(out, "model_number", &o->model_number);
	print_number(out, "stepping", &o->stepping);
	print_number(out, "phys_bits", &o->phys_bits);
	print_number(out, "tsc_khz", &o->tsc_khz);
	if (o->migration)
		(void)fprintf(out, "migration=%s ", migrations[o->migration]);
	if (o->older_os)
		(void)fprintf(out, "older_os ");
	print_rules(p, out);
	if (o->msr_default_deny)
		(void)fprintf(out, "msr.default=deny ");
	(void)fprintf(out, "shape=%ux%ux%ux%u %s\n", o->topology.sockets, o->topology.dies,
		o->topology.cores, o->topology.threads, p->expose ? "exposed" : "hidden");
}
