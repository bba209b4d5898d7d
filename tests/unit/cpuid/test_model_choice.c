/* SPDX-License-Identifier: MIT */
/* Which named model a baseline takes, for hosts made of models and for real processors. */
#include "fake/cmocka.h"

#include "cpuid/baseline.h"
#include "cpuid/stages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct choice {
	struct host_facts host;
	struct cpu_baseline baseline;
	struct policy_feature features[FEATURE_COUNT + 1];
	struct cpu_policy policy;
};

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct choice));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static void set_entry(
	struct cpuid_table *t, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg, uint32_t bits)
{
	struct cpuid_entry *entry = cpuid_find(t, leaf, subleaf);
	if (!entry) {
		entry = &t->entries[t->nr_entries++];
		*entry = (struct cpuid_entry){ .leaf = leaf,
			.subleaf = subleaf,
			.subleaf_matters = cpuid_leaf_has_subleaves(leaf) };
	}
	entry->reg[reg] |= bits;
}

static void set_msr(struct host_facts *host, uint32_t index, uint64_t bits)
{
	for (unsigned i = 0; i < host->nr_feature_msrs; i++) {
		if (host->feature_msrs[i].index == index) {
			host->feature_msrs[i].value |= bits;
			return;
		}
	}
	host->feature_msrs[host->nr_feature_msrs++] = (struct msr_value){ index, bits };
}

/* A host that has just these features, and no VMX MSRs. */
static void make_host(struct host_facts *host, const char vendor_id[13], uint32_t signature,
	const struct feature_set *features)
{
	static const enum cpuid_reg order[] = { CPUID_EBX, CPUID_EDX, CPUID_ECX };
	*host = (struct host_facts){ 0 };
	struct cpuid_table *t = &host->supported;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		uint32_t word;
		(void)memcpy(&word, vendor_id + 4 * i, sizeof(word));
		set_entry(t, 0, 0, order[i], word);
	}
	set_entry(t, 0, 0, CPUID_EAX, 0x20);
	set_entry(t, 1, 0, CPUID_EAX, signature);
	set_entry(t, 0x80000000, 0, CPUID_EAX, 0x80000021);
	set_entry(t, 0x80000008, 0, CPUID_EAX, 0x3028);
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *w = feature_word(i);
		uint32_t bits = features->w[i];
		if (w->kind == FEATURE_WORD_CPUID && bits)
			set_entry(t, w->leaf, w->subleaf, w->reg, bits);
		else if (w->kind == FEATURE_WORD_MSR && bits && w->msr < 0x480)
			set_msr(host, w->msr, (uint64_t)bits << w->shift);
	}
	/* XSAVE components at places of their own, so that none of their features goes. */
	set_entry(t, 0xd, 0, CPUID_EAX, UINT32_C(0x602ff));
	for (uint32_t i = 2; i < 20; i++) {
		set_entry(t, 0xd, i, CPUID_EAX, 64);
		set_entry(t, 0xd, i, CPUID_EBX, 576 + 64 * i);
	}
}

static const char *chosen(struct choice *c, bool virtualization)
{
	struct err e = ERR_INIT;
	if (cpu_baseline_policy(&c->baseline, virtualization, c->features, &c->policy, &e))
		fail_msg("no policy: %s", e.msg);
	return c->policy.model.text;
}

static const char *choose_for(struct choice *c, const char vendor_id[13], uint32_t signature,
	const struct feature_set *features)
{
	struct err e = ERR_INIT;
	make_host(&c->host, vendor_id, signature, features);
	c->baseline = (struct cpu_baseline){ 0 };
	assert_int_equal(cpu_baseline_add(&c->baseline, &c->host, &e), 0);
	return chosen(c, false);
}

static uint32_t signature_of(const struct cpu_model *m)
{
	return cpu_signature_pack(m->family, m->numbers[0], m->stepping_low);
}

static const struct cpu_model *model(const char *name)
{
	const struct cpu_model *m = cpu_model_find(name);
	assert_non_null(m);
	return m;
}

/* Models of the same features and signature (Haswell and Haswell-v1) stand for each other. */
static bool are_the_same(const struct cpu_model *a, const struct cpu_model *b)
{
	struct feature_set controls, one = a->features, other = b->features;
	feature_set_of_attribute(FEATURE_VMX_CONTROL, &controls);
	feature_set_subtract(&one, &controls);
	feature_set_subtract(&other, &controls);
	return memcmp(&one, &other, sizeof(one)) == 0 && signature_of(a) == signature_of(b);
}

static void baseline__host_made_of_a_model__that_model(void **state)
{
	struct choice *c = *state;
	const struct cpu_model *m;
	unsigned nr = 0;
	for (size_t i = 0; (m = cpu_model_at(i)); i++) {
		if (!m->vendor_id[0] || !m->has_signature)
			continue;
		const char *name = choose_for(c, m->vendor_id, signature_of(m), &m->features);
		if (!are_the_same(m, model(name)))
			fail_msg("a host made of %s becomes %s", m->name, name);
		nr++;
	}
	assert_true(nr > 100);
}

/* A newer processor with a few features less looks like an older one, and the other way round. */
static void baseline__features_of_another_generation__the_signature_decides(void **state)
{
	struct choice *c = *state;
	static const struct {
		const char *processor, *features, *expected;
	} rows[] = {
		{ "Haswell", "Broadwell", "Haswell" },
		{ "EPYC-Genoa", "EPYC-Turin", "EPYC-Genoa" },
		{ "Skylake-Server", "Icelake-Server", "Skylake-Server" },
		{ "Cascadelake-Server", "Skylake-Server-IBRS", "Cascadelake-Server" },
		{ "Cooperlake", "Cascadelake-Server", "Cooperlake" },
		{ "SapphireRapids", "GraniteRapids", "SapphireRapids" },
		{ "Opteron_G5", "EPYC", "Opteron_G5" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct cpu_model *m = model(rows[i].processor);
		const char *name = choose_for(
			c, m->vendor_id, signature_of(m), &model(rows[i].features)->features);
		if (strncmp(name, rows[i].expected, strlen(rows[i].expected)) != 0)
			fail_msg("%s with the features of %s becomes %s", rows[i].processor,
				rows[i].features, name);
	}
}

static void baseline__no_model_of_that_signature__no_newer_family(void **state)
{
	struct choice *c = *state;
	/* Zen 4 for desktops: family 25, a model number of no server. */
	const char *name = choose_for(
		c, "AuthenticAMD", cpu_signature_pack(25, 97, 2), &model("EPYC-Turin")->features);
	assert_true(strncmp(name, "EPYC-Turin", 10) != 0);
	assert_int_equal(strncmp(name, "EPYC-Genoa", 10), 0);
}

static void baseline__another_stepping__still_the_model_of_that_number(void **state)
{
	struct choice *c = *state;
	const char *name = choose_for(c, "GenuineIntel", cpu_signature_pack(6, 85, 9),
		&model("Icelake-Server")->features);
	assert_int_equal(model(name)->numbers[0], 85);
}

static void baseline__hygon__its_own_model_not_amds(void **state)
{
	struct choice *c = *state;
	assert_int_equal(strncmp(choose_for(c, "HygonGenuine", cpu_signature_pack(24, 0, 1),
					 &model("EPYC-v3")->features),
				 "Dhyana", 6),
		0);
}

static void baseline__vendor_without_models__one_of_no_vendor(void **state)
{
	struct choice *c = *state;
	const char *name = choose_for(
		c, "GenuineTMx86", cpu_signature_pack(15, 2, 4), &model("pentium3")->features);
	assert_string_equal(model(name)->vendor_id, "");
}

static void baseline__old_processor_of_a_vendor__not_its_first_model_of_today(void **state)
{
	struct choice *c = *state;
	const char *name = choose_for(
		c, "GenuineIntel", cpu_signature_pack(6, 8, 6), &model("pentium3")->features);
	assert_string_equal(name, "pentium3");
}

/* What a processor has, in words; unknown ones are a fault of the test. */
static struct feature_set features_of(const char *words)
{
	struct feature_set set = { 0 };
	char list[256], *save = NULL;
	(void)snprintf(list, sizeof(list), "%s", words);
	for (char *word = strtok_r(list, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		const struct feature *f = feature_find(word);
		assert_non_null(f);
		feature_set_add(&set, f->id);
	}
	return set;
}

/* QEMU gave its own models the signature of some processor: they are none of it. */
static void baseline__signature_that_a_model_of_no_vendor_has__does_not_count(void **state)
{
	struct choice *c = *state;
	static const struct {
		const char *vendor_id, *features, *expected;
		unsigned family, number, stepping;
	} rows[] = {
		/* qemu32's: a Pentium II for mobiles, without a local APIC. */
		{ "GenuineIntel",
			"fpu vme de pse tsc msr pae mce cx8 sep mtrr pge mca cmov pat pse36 mmx "
			"fxsr",
			"pentium2", 6, 6, 10 },
		/* qemu64's: an Athlon 64 X2. */
		{ "AuthenticAMD",
			"fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 "
			"clflush mmx fxsr sse sse2 pni cx16 syscall nx mmxext fxsr_opt rdtscp lm "
			"3dnowext 3dnow lahf_lm extapic cr8legacy 3dnowprefetch",
			"Opteron_G2", 15, 107, 2 },
		/* kvm32's and kvm64's: a Pentium 4 with 64 bits is nearest to it all the same. */
		{ "GenuineIntel",
			"fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 "
			"clflush mmx fxsr sse sse2 pni cx16 syscall nx lm",
			"kvm64", 15, 6, 4 },
		/* One that says nothing of itself is not taken for the model that lacks a name. */
		{ "GenuineIntel", "fpu vme pse", "486", 0, 0, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct feature_set features = features_of(rows[i].features);
		assert_string_equal(choose_for(c, rows[i].vendor_id,
					    cpu_signature_pack(rows[i].family, rows[i].number,
						    rows[i].stepping),
					    &features),
			rows[i].expected);
	}
}

/* A host that says nothing of VMX controls has as many of them as any model: they do not count. */
static void baseline__no_vmx_msrs__the_models_controls_do_not_count(void **state)
{
	struct choice *c = *state;
	struct feature_set features = model("Haswell-noTSX")->features;
	feature_set_add(&features, FEATURE_ID_vmx);
	assert_string_equal(choose_for(c, "GenuineIntel", cpu_signature_pack(6, 63, 2), &features),
		"Haswell-noTSX");
}

static void baseline__two_generations__a_model_of_either_with_fewest_differences(void **state)
{
	struct choice *c = *state;
	struct err e = ERR_INIT;
	static const char *const names[] = { "Skylake-Server", "Haswell-noTSX" };
	for (unsigned first = 0; first < 2; first++) {
		c->baseline = (struct cpu_baseline){ 0 };
		for (unsigned i = 0; i < 2; i++) {
			const struct cpu_model *m = model(names[(first + i) % 2]);
			make_host(&c->host, m->vendor_id, signature_of(m), &m->features);
			assert_int_equal(cpu_baseline_add(&c->baseline, &c->host, &e), 0);
		}
		assert_string_equal(chosen(c, false), "Haswell-noTSX");
	}
}

struct processor { /* a row of tests/hosts/real-processors.tsv */
	char *name, *vendor_id, *expected, *besides, *lacks;
	uint32_t signature;
};

static bool parse_row(char *line, struct processor *ret_row)
{
	char *fields[8], *save = NULL;
	size_t n = 0;
	line[strcspn(line, "\n")] = '\0';
	if (line[0] == '#' || line[0] == '\0')
		return false;
	for (char *f = strtok_r(line, "\t", &save); f; f = strtok_r(NULL, "\t", &save)) {
		assert_true(n < ARRAY_SIZE(fields));
		fields[n++] = f;
	}
	assert_int_equal(n, ARRAY_SIZE(fields));
	*ret_row = (struct processor){ .name = fields[0],
		.vendor_id = fields[1],
		.signature = (uint32_t)strtoul(fields[2], NULL, 16),
		.expected = fields[3],
		.besides = fields[4],
		.lacks = fields[5] };
	return true;
}

static void change_features(struct feature_set *set, char *names, bool on)
{
	char *save = NULL;
	if (strcmp(names, "-") == 0)
		return;
	for (char *n = strtok_r(names, " ", &save); n; n = strtok_r(NULL, " ", &save)) {
		const struct feature *f = feature_find(n);
		if (!f)
			fail_msg("no feature %s", n);
		if (on)
			feature_set_add(set, f->id);
		else
			feature_set_remove(set, f->id);
	}
}

/* What a policy without virtualization speaks of. */
static struct feature_set spoken_of(const struct feature_set *features)
{
	static const feature_id roots[] = { FEATURE_ID_svm, FEATURE_ID_vmx, FEATURE_ID_smx,
		FEATURE_ID_skinit };
	static const feature_id ours[] = { FEATURE_ID_ht, FEATURE_ID_cmp_legacy,
		FEATURE_ID_hypervisor };
	struct feature_set set = *features, skip;
	feature_set_of_attribute(FEATURE_HINT | FEATURE_VMX_CONTROL, &skip);
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		feature_set_add(&skip, roots[i]);
	feature_set_subtract(&set, &skip);
	feature_set_close(&set, NULL, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		feature_set_remove(&set, ours[i]);
	return set;
}

static unsigned nr_differences(const struct cpu_model *m, const struct host_facts *host)
{
	struct feature_set have, lacks, extra;
	cpu_features_of_host(host, false, &have);
	have = lacks = spoken_of(&have);
	extra = spoken_of(&m->features);
	feature_set_subtract(&lacks, &extra);
	feature_set_subtract(&extra, &have);
	return feature_set_count(&lacks) + feature_set_count(&extra);
}

/* 0: a model of that processor; 1: of none newer; 2: of a newer family */
static unsigned strangeness(const struct cpu_model *m, uint32_t signature)
{
	unsigned family, number, stepping;
	cpu_signature_unpack(signature, &family, &number, &stepping);
	if (m->has_signature && m->family > family)
		return 2;
	for (unsigned i = 0; m->has_signature && m->family == family && i < m->nr_numbers; i++) {
		if (m->numbers[i] == number)
			return 0;
	}
	return 1;
}

enum agreement { SAME_MODEL, NO_MORE_DIFFERENCES, OTHER_MODEL };

static enum agreement compare_choice(struct choice *c, struct processor *row)
{
	const struct cpu_model *expected = model(row->expected);
	struct feature_set features = expected->features;
	change_features(&features, row->besides, true);
	change_features(&features, row->lacks, false);
	const struct cpu_model *m = model(choose_for(c, row->vendor_id, row->signature, &features));
	if (m == expected || are_the_same(m, expected))
		return SAME_MODEL;
	unsigned ours = nr_differences(m, &c->host), theirs = nr_differences(expected, &c->host);
	bool right = ours <= theirs &&
		     strangeness(m, row->signature) <= strangeness(expected, row->signature);
	print_message("%s: %s with %u differences, libvirt says %s with %u\n", row->name, m->name,
		ours, expected->name, theirs);
	return right ? NO_MORE_DIFFERENCES : OTHER_MODEL;
}

/* Or one as near by signature that needs no more features named; prints which those are. */
static void baseline__real_processors__libvirts_model_or_a_nearer_one(void **state)
{
	struct choice *c = *state;
	unsigned nr[3] = { 0 };
	char *line = NULL;
	size_t size = 0;
	struct processor row;
	FILE *f = fopen(NESTOR_SOURCE_DIR "/tests/hosts/real-processors.tsv", "re");
	assert_non_null(f);
	while (getline(&line, &size, f) > 0) {
		if (parse_row(line, &row))
			nr[compare_choice(c, &row)]++;
	}
	free(line);
	(void)fclose(f);
	print_message("real processors: %u libvirt's model, %u a nearer one, %u another\n",
		nr[SAME_MODEL], nr[NO_MORE_DIFFERENCES], nr[OTHER_MODEL]);
	assert_int_equal(nr[OTHER_MODEL], 0);
	assert_true(nr[SAME_MODEL] > 50 && nr[SAME_MODEL] + nr[NO_MORE_DIFFERENCES] > 70);
}

/*
 * What model "host" gives on it of another vendor's; returns how much of that its KVM showed. A row
 * says what KVM and QEMU gave a guest on that processor, emulated and renamed bits among it.
 */
static unsigned host_gives_nothing_foreign(struct choice *c, struct processor *row)
{
	struct feature_set features = model(row->expected)->features, foreign;
	const struct cpu_policy policy = {
		.topology = { 1, 1, 1, 1 }, .on_missing_given = true, .on_missing = CPU_MISSING_DROP
	};
	struct err e = ERR_INIT;
	change_features(&features, row->besides, true);
	change_features(&features, row->lacks, false);
	make_host(&c->host, row->vendor_id, row->signature, &features);
	struct cpu_result *r = calloc(1, sizeof(*r));
	assert_non_null(r);
	if (cpu_compute(&policy, &c->host, NULL, r, &e))
		fail_msg("%s: %s", row->name, e.msg);
	feature_set_foreign(cpuid_vendor(&c->host.supported), &foreign);
	feature_set_and(&features, &foreign);
	feature_set_and(&foreign, &r->features);
	for (feature_id id = feature_set_next(&foreign, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&foreign, (feature_id)(id + 1)))
		print_error("%s: a guest of model host has %s, of another vendor\n", row->name,
			feature_by_id(id)->name);
	assert_true(feature_set_is_empty(&foreign));
	free(r);
	return feature_set_count(&features);
}

static void host__real_processors__nothing_of_another_vendor(void **state)
{
	struct choice *c = *state;
	char *line = NULL;
	size_t size = 0;
	struct processor row;
	unsigned shown = 0;
	FILE *f = fopen(NESTOR_SOURCE_DIR "/tests/hosts/real-processors.tsv", "re");
	assert_non_null(f);
	while (getline(&line, &size, f) > 0) {
		if (parse_row(line, &row))
			shown += host_gives_nothing_foreign(c, &row);
	}
	free(line);
	(void)fclose(f);
	assert_true(shown > 50);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(baseline__host_made_of_a_model__that_model),
		TEST(baseline__features_of_another_generation__the_signature_decides),
		TEST(baseline__no_model_of_that_signature__no_newer_family),
		TEST(baseline__another_stepping__still_the_model_of_that_number),
		TEST(baseline__hygon__its_own_model_not_amds),
		TEST(baseline__vendor_without_models__one_of_no_vendor),
		TEST(baseline__old_processor_of_a_vendor__not_its_first_model_of_today),
		TEST(baseline__no_vmx_msrs__the_models_controls_do_not_count),
		TEST(baseline__signature_that_a_model_of_no_vendor_has__does_not_count),
		TEST(baseline__two_generations__a_model_of_either_with_fewest_differences),
		TEST(baseline__real_processors__libvirts_model_or_a_nearer_one),
		TEST(host__real_processors__nothing_of_another_vendor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
