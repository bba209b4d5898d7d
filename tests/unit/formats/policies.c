/* SPDX-License-Identifier: MIT */
#include "policies.h"

#include "cpuid/fields.h"

#include <inttypes.h>
#include <stdlib.h>

/* xorshift32 */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static bool one_in(uint32_t *state, uint32_t n)
{
	return next_random(state) % n == 0;
}

static struct policy_number number(uint64_t value)
{
	return (struct policy_number){ true, value, "test" };
}

static void random_model(struct cpu_policy *p, uint32_t *s)
{
	size_t nr = 0;
	while (cpu_model_at(nr))
		nr++;
	uint32_t choice = next_random(s) % 6;
	if (choice == 0)
		p->model.text = "host";
	else if (choice == 1)
		p->model.text = "max";
	else if (choice > 2)
		p->model.text = cpu_model_at(next_random(s) % nr)->name;
}

static void random_features(struct policy_doc *doc, uint32_t *s)
{
	struct feature_set named = { { 0 } };
	for (uint32_t i = next_random(s) % 12; i > 0; i--) {
		const struct feature *f = feature_at(next_random(s) % FEATURE_COUNT);
		const struct policy_feature asked = { f->name, one_in(s, 2), "test" };
		if (feature_set_has(&named, f->id) || feature_extensions(f->id) ||
			f->id == FEATURE_ID_hypervisor)
			continue;
		feature_set_add(&named, f->id);
		assert_int_equal(policy_doc_add_feature(doc, &asked), 0);
	}
}

/* The virtualization extensions, and parts of them where they are exposed. */
static void random_nesting(struct policy_doc *doc, uint32_t *s)
{
	static const char *const extensions[] = { NULL, "vmx", "svm" };
	struct feature_set named = { { 0 } };
	struct cpu_policy *p = policy_doc_edit(doc);
	if (one_in(s, 2))
		return;
	p->nesting.knob = one_in(s, 3) ? POLICY_KNOB_HIDDEN : POLICY_KNOB_EXPOSED;
	p->knob_origin = "test";
	if (p->nesting.knob == POLICY_KNOB_HIDDEN)
		return;
	p->nesting.extensions = extensions[next_random(s) % ARRAY_SIZE(extensions)];
	for (uint32_t i = next_random(s) % 60; i > 0; i--) {
		const struct feature *f = feature_at(next_random(s) % FEATURE_COUNT);
		const char *its = feature_extensions(f->id);
		const struct policy_feature asked = { f->name, one_in(s, 2), "test" };
		if (!its || feature_set_has(&named, f->id) || f->id == FEATURE_ID_vmx ||
			f->id == FEATURE_ID_svm ||
			(p->nesting.extensions && strcmp(its, p->nesting.extensions) != 0))
			continue;
		feature_set_add(&named, f->id);
		assert_int_equal(policy_doc_add_nesting_feature(doc, &asked), 0);
	}
	if (one_in(s, 4))
		p->max_depth = number(1 + next_random(s) % 3);
}

static void random_hyperv(struct policy_doc *doc, uint32_t *s)
{
	static const char *const names[] = { "hv-relaxed", "hv-vapic", "hv-time", "hv-vpindex",
		"hv-frequencies", "hv-crash", "hv_ipi", "hv-tlbflush" };
	struct cpu_policy *p = policy_doc_edit(doc);
	if (!one_in(s, 4))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct policy_feature asked = { names[i], !one_in(s, 4), "test" };
		if (one_in(s, 2))
			assert_int_equal(policy_doc_add_hyperv_feature(doc, &asked), 0);
	}
	if (one_in(s, 3))
		p->hyperv_spinlock_retries = number(0xfff + next_random(s) % 0x10000);
	if (one_in(s, 3))
		p->hyperv_vendor_id.text = "a <vendor>";
}

static void random_leaves(struct policy_doc *doc, uint32_t *s)
{
	static const uint32_t leaves[] = { 1, 2, 6, 7, 0xd, 0x14, 0x80000001, 0x80000021,
		0x12345678 };
	for (uint32_t i = next_random(s) % 4; i > 0; i--) {
		struct policy_leaf l = {
			.leaf = leaves[next_random(s) % ARRAY_SIZE(leaves)],
			.reg = (enum cpuid_reg)(next_random(s) % 4),
			.subleaf = next_random(s) % 3,
			.set = next_random(s) & next_random(s),
			.clear = next_random(s),
			.origin = "test",
		};
		l.any_subleaf = !cpuid_leaf_has_subleaves(l.leaf);
		if (l.any_subleaf)
			l.subleaf = 0;
		int word = feature_word_of_cpuid(l.leaf, l.subleaf, l.reg);
		uint32_t named = word < 0 ? 0 : feature_word((unsigned)word)->named;
		if (l.leaf == 1 && l.reg == CPUID_EAX)
			named = UINT32_MAX; /* has words of its own */
		l.set &= ~named;
		l.clear &= ~named & ~l.set;
		if (l.set | l.clear)
			assert_int_equal(policy_doc_add_leaf(doc, &l), 0);
	}
}

static uint64_t named_msr_bits(uint32_t index)
{
	uint64_t named = 0;
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *w = feature_word(i);
		if (w->kind == FEATURE_WORD_MSR && w->msr == index)
			named |= (uint64_t)w->named << w->shift;
	}
	return named;
}

static void random_msr_bits(struct policy_doc *doc, uint32_t *s)
{
	static const uint32_t indices[] = { 0x10a, 0x345, 0x48b, 0x3a, 0xc0010015 };
	for (uint32_t i = next_random(s) % 3; i > 0; i--) {
		struct policy_msr_bits b = {
			.index = indices[next_random(s) % ARRAY_SIZE(indices)],
			.set = (uint64_t)next_random(s) << 32 | next_random(s),
			.clear = (uint64_t)next_random(s) << 32 | next_random(s),
			.origin = "test",
		};
		b.set &= ~named_msr_bits(b.index);
		b.clear &= ~named_msr_bits(b.index) & ~b.set;
		if (b.set | b.clear)
			assert_int_equal(policy_doc_add_msr_bits(doc, &b), 0);
	}
}

static void random_msr_rules(struct policy_doc *doc, uint32_t *s)
{
	static const enum msr_action reads[] = { MSR_KVM, MSR_DENY, MSR_VALUE, MSR_UNRULED };
	static const enum msr_action writes[] = { MSR_KVM, MSR_DENY, MSR_UNRULED, MSR_IGNORE };
	for (uint32_t i = next_random(s) % 4; i > 0; i--) {
		uint32_t which = next_random(s) % 4;
		struct msr_rule r = {
			.first = 0x100 + next_random(s) % 16,
			.read = reads[which],
			.write = writes[which],
			.value = which == 2 ? (uint64_t)next_random(s) << 32 | next_random(s) : 0,
			.log = one_in(s, 2),
			.id = "MSR-RULE",
		};
		r.last = r.first + next_random(s) % 3;
		assert_int_equal(policy_doc_add_msr_rule(doc, &r), 0);
	}
}

static void random_identity(struct cpu_policy *p, uint32_t *s)
{
	static const char *const vendors[] = { "GenuineIntel", "AuthenticAMD", "intel", "hygon",
		"<&'>\"Vendor;" };
	if (one_in(s, 4))
		p->vendor.text = vendors[next_random(s) % ARRAY_SIZE(vendors)];
	if (one_in(s, 4))
		p->host_vendor.text = vendors[next_random(s) % 4];
	if (one_in(s, 2)) {
		bool old = one_in(s, 2);
		p->family = number(old ? 6 : 15 + next_random(s) % 12);
		p->model_number = number(next_random(s) % 256);
		p->stepping = number(next_random(s) % 16);
	}
	if (one_in(s, 3))
		p->brand.text = "A \"brand\" = <new> \\ 'CPU' @ 2.40GHz";
	if (one_in(s, 3))
		p->phys_bits = number(32 + next_random(s) % 21);
	if (one_in(s, 3))
		p->tsc_khz = number(100 + next_random(s) % 5000000);
}

static void random_switches(struct cpu_policy *p, uint32_t *s)
{
	p->on_missing_given = one_in(s, 2);
	if (p->on_missing_given)
		p->on_missing = (enum cpu_on_missing)(next_random(s) % 3);
	p->cache_given = one_in(s, 2);
	if (p->cache_given)
		p->cache = (enum cpu_cache)(next_random(s) % 3);
	p->hypervisor_given = one_in(s, 2);
	if (p->hypervisor_given)
		p->hypervisor = one_in(s, 4)   ? CPU_HYPERVISOR_HYPERV
				: one_in(s, 2) ? CPU_HYPERVISOR_NONE
					       : CPU_HYPERVISOR_KVM;
}

struct policy_doc *policy_random(uint32_t seed)
{
	uint32_t s = seed * 2654435761u + 1;
	struct policy_doc *doc = policy_doc_create();
	assert_non_null(doc);
	struct cpu_policy *p = policy_doc_edit(doc);
	for (unsigned i = 0; i < 8; i++)
		(void)next_random(&s);
	random_model(p, &s);
	random_features(doc, &s);
	random_nesting(doc, &s);
	random_hyperv(doc, &s);
	random_identity(p, &s);
	random_switches(p, &s);
	if (one_in(&s, 2))
		p->topology = (struct policy_topology){ 1 + next_random(&s) % 2,
			1 + next_random(&s) % 2, 1 + next_random(&s) % 4, 1 + next_random(&s) % 2 };
	p->migration = one_in(&s, 3) ? CPU_MIGRATION_MINIMUM : CPU_MIGRATION_OFF;
	p->older_os = one_in(&s, 4);
	p->msr_default_deny = one_in(&s, 3);
	random_leaves(doc, &s);
	random_msr_bits(doc, &s);
	random_msr_rules(doc, &s);
	if (one_in(&s, 3)) {
		uint64_t revision = (uint64_t)next_random(&s) << 32;
		const struct policy_msr_bits b = { MSR_IA32_UCODE_REV, revision, ~revision,
			"test" };
		assert_int_equal(policy_doc_add_msr_bits(doc, &b), 0);
	}
	return doc;
}

static void print_number(FILE *out, const char *name, const struct policy_number *n)
{
	if (n->given)
		(void)fprintf(out, "%s %" PRIu64 "\n", name, n->value);
}

static void print_features(FILE *out, const struct cpu_policy *p)
{
	struct feature_set on = { { 0 } }, off = { { 0 } };
	/* In a VM's policy those of [nesting] are the last. */
	for (size_t i = 0; i < p->nr_features - p->nr_nesting_features; i++) {
		const struct feature *f = feature_find(p->features[i].name);
		assert_non_null(f);
		assert_string_equal(f->name, p->features[i].name);
		feature_set_add(p->features[i].on ? &on : &off, f->id);
	}
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at(i);
		if (feature_set_has(&on, f->id) || feature_set_has(&off, f->id))
			(void)fprintf(
				out, "%c%s\n", feature_set_has(&on, f->id) ? '+' : '-', f->name);
	}
}

static bool same_leaf(const struct policy_leaf *a, const struct policy_leaf *b)
{
	return a->leaf == b->leaf && a->reg == b->reg && a->any_subleaf == b->any_subleaf &&
	       (a->any_subleaf || a->subleaf == b->subleaf);
}

static int compare_leaves(const void *a, const void *b)
{
	const struct policy_leaf *x = a, *y = b;
	uint64_t kx = (uint64_t)x->leaf << 32 | x->subleaf << 2 | x->reg;
	uint64_t ky = (uint64_t)y->leaf << 32 | y->subleaf << 2 | y->reg;
	return kx < ky ? -1 : kx > ky;
}

static void print_leaves(FILE *out, const struct cpu_policy *p)
{
	struct policy_leaf merged[64];
	size_t nr = 0;
	for (size_t i = 0; i < p->nr_leaves; i++) {
		const struct policy_leaf *l = &p->leaves[i];
		size_t k = 0;
		while (k < nr && !same_leaf(&merged[k], l))
			k++;
		assert_true(k < ARRAY_SIZE(merged));
		if (k == nr) {
			merged[nr] = *l;
			merged[nr].set = merged[nr].clear = 0;
			merged[nr++].subleaf = l->any_subleaf ? 0 : l->subleaf;
		}
		merged[k].set = (merged[k].set & ~l->clear) | l->set;
		merged[k].clear = (merged[k].clear & ~l->set) | l->clear;
	}
	if (nr > 0)
		qsort(merged, nr, sizeof(merged[0]), compare_leaves);
	for (size_t i = 0; i < nr; i++)
		(void)fprintf(out, "leaf %#x.%#x%s %u set %#x clear %#x\n", merged[i].leaf,
			merged[i].subleaf, merged[i].any_subleaf ? " any" : "", merged[i].reg,
			merged[i].set, merged[i].clear);
}

static void print_msrs(FILE *out, const struct cpu_policy *p)
{
	for (size_t i = 0; i < p->nr_msr_bits; i++) {
		uint64_t set = 0, clear = 0;
		bool first = true;
		for (size_t k = 0; k < p->nr_msr_bits; k++) {
			const struct policy_msr_bits *b = &p->msr_bits[k];
			if (b->index != p->msr_bits[i].index)
				continue;
			first = first && k >= i;
			set = (set & ~b->clear) | b->set;
			clear = (clear & ~b->set) | b->clear;
		}
		if (first)
			(void)fprintf(out, "msr %#x set %#" PRIx64 " clear %#" PRIx64 "\n",
				p->msr_bits[i].index, set, clear);
	}
	for (size_t i = 0; i < p->nr_msr_rules; i++) {
		const struct msr_rule *r = &p->msr_rules[i];
		(void)fprintf(out, "rule %#x-%#x read %d write %d value %#" PRIx64 " log %d\n",
			r->first, r->last, r->read, r->write, r->value, r->log);
	}
}

/* Lines of MSRs in one order. */
static char *sort_lines(char *text)
{
	char *lines[512], *sorted = malloc(strlen(text) + 2);
	size_t nr = 0;
	assert_non_null(sorted);
	sorted[0] = '\0';
	for (char *line = text; *line != '\0'; nr++) {
		assert_true(nr < ARRAY_SIZE(lines));
		lines[nr] = line;
		line += strcspn(line, "\n");
		if (*line == '\n')
			*line++ = '\0';
	}
	for (size_t i = 0; i + 1 < nr; i++) {
		for (size_t k = 0; k + 1 < nr; k++) {
			bool msr = strncmp(lines[k], "msr ", 4) == 0 &&
				   strncmp(lines[k + 1], "msr ", 4) == 0;
			if (msr && strcmp(lines[k], lines[k + 1]) > 0) {
				char *swap = lines[k];
				lines[k] = lines[k + 1];
				lines[k + 1] = swap;
			}
		}
	}
	char *to = sorted;
	for (size_t i = 0; i < nr; i++) {
		size_t n = strlen(lines[i]);
		(void)memcpy(to, lines[i], n);
		to[n] = '\n';
		to += n + 1;
	}
	*to = '\0';
	free(text);
	return sorted;
}

static void print_switches(FILE *out, const struct cpu_policy *p)
{
	const struct policy_nesting *n = &p->nesting;
	(void)fprintf(out, "knob %d %s\n", n->knob == POLICY_KNOB_EXPOSED,
		n->extensions ? n->extensions : "");
	for (size_t i = 0; i < n->nr_features; i++)
		(void)fprintf(
			out, "nesting %c%s\n", n->features[i].on ? '+' : '-', n->features[i].name);
	print_number(out, "max_depth", &p->max_depth);
	if (p->host_vendor.text)
		(void)fprintf(out, "host_vendor %s\n", cpuid_vendor_id(p->host_vendor.text));
	for (size_t i = 0; i < p->nr_hyperv_features; i++)
		(void)fprintf(out, "hyperv %c%s\n", p->hyperv_features[i].on ? '+' : '-',
			p->hyperv_features[i].name);
	print_number(out, "spinlock_retries", &p->hyperv_spinlock_retries);
	if (p->hyperv_vendor_id.text)
		(void)fprintf(out, "vendor_id %s\n", p->hyperv_vendor_id.text);
}

char *policy_normal(const struct cpu_policy *p)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	assert_non_null(out);
	assert_null(p->base);
	(void)fprintf(out, "model %s\n", p->model.text ? p->model.text : "host");
	print_features(out, p);
	if (p->vendor.text)
		(void)fprintf(out, "vendor %s\n", cpuid_vendor_id(p->vendor.text));
	print_number(out, "family", &p->family);
	print_number(out, "model", &p->model_number);
	print_number(out, "stepping", &p->stepping);
	if (p->brand.text)
		(void)fprintf(out, "brand %s\n", p->brand.text);
	print_number(out, "phys_bits", &p->phys_bits);
	print_number(out, "tsc_khz", &p->tsc_khz);
	(void)fprintf(out, "on_missing %d hypervisor %d cache %d\n",
		p->on_missing_given ? p->on_missing : 0, p->hypervisor_given ? p->hypervisor : 0,
		p->cache_given ? p->cache : 0);
	(void)fprintf(out, "migration %d older %d deny %d\n", p->migration, p->older_os,
		p->msr_default_deny);
	print_switches(out, p);
	(void)fprintf(out, "topology %u %u %u %u\n", p->topology.sockets, p->topology.dies,
		p->topology.cores, p->topology.threads);
	print_leaves(out, p);
	print_msrs(out, p);
	assert_int_equal(fclose(out), 0);
	return sort_lines(text);
}

char *policy_toml(const struct cpu_policy *p)
{
	char *text = NULL;
	size_t n = 0;
	struct err e = ERR_INIT;
	FILE *out = open_memstream(&text, &n);
	assert_non_null(out);
	int rc = toml_cpu_write(p, out, &e);
	assert_int_equal(fclose(out), 0);
	if (rc)
		fail_msg("not written: %s", e.msg);
	return text;
}

struct policy_doc *policy_read(policy_reader *reader, const char *text, struct losses *losses)
{
	struct err e = ERR_INIT;
	struct policy_doc *doc = NULL;
	int rc = reader(text, strlen(text), "test", &doc, losses, &e);
	if (rc)
		fail_msg("not read: %s\n%s", e.msg, text);
	assert_non_null(doc);
	return doc;
}

void assert_refused(policy_reader *reader, const char *text, const char *message)
{
	struct err e = ERR_INIT;
	struct losses losses = { 0 };
	struct policy_doc *doc = NULL;
	assert_int_equal(reader(text, strlen(text), "file", &doc, &losses, &e), -22);
	assert_string_equal(e.msg, message);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_null(doc);
	losses_done(&losses);
}

void assert_loss(const struct losses *l, const char *part)
{
	for (size_t i = 0; i < l->nr_lines; i++) {
		if (strstr(l->lines[i], part))
			return;
	}
	for (size_t i = 0; i < l->nr_lines; i++)
		print_error("loss: %s\n", l->lines[i]);
	fail_msg("no loss contains \"%s\"", part);
}

void assert_open(const struct losses *l, const char *part)
{
	for (size_t i = 0; i < l->nr_open; i++) {
		if (strstr(l->open[i], part))
			return;
	}
	fail_msg("nothing that is open contains \"%s\"", part);
}

void assert_no_losses(const struct losses *l)
{
	assert_int_equal(l->error, 0);
	if (l->nr_lines > 0)
		fail_msg("%zu losses, the first: %s", l->nr_lines, l->lines[0]);
}

const char *policy_features(const struct cpu_policy *p, char text[4096])
{
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < p->nr_features; i++) {
		int n = snprintf(text + used, 4096 - used, "%s%c%s", i ? " " : "",
			p->features[i].on ? '+' : '-', p->features[i].name);
		assert_true(n > 0 && (size_t)n < 4096 - used);
		used += (size_t)n;
	}
	return text;
}
