/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the way from a VM's TOML to what its vCPUs see: any bytes as a config file, its policy,
 * the plan on a made-up host. Refusals have a message; what is planned must be within the host, and
 * its tables and its MSR filter must say what the plan says. Two ways to run it:
 *
 *   fuzz_policy ITERATIONS FOLDER...    config files made of a grammar, and mutations of these and
 *                                       of the .toml files there, from a fixed seed: the same in
 *                                       every run (the ctest fuzz/policy)
 *   clang -fsanitize=fuzzer -DNESTOR_LIBFUZZER …    guided by coverage
 */
#include "config/config.h"
#include "cpuid/baseline.h"
#include "fake/hosts.h"
#include "fake/hosts_everything.h"
#include "fake/msr_filter.h"
#include "plan/check.h"
#include "plan/plan.h"
#include "plan/policy.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* How far the inputs got, and where a fault is. */
static struct {
	unsigned long configs, plans;
	const char *text; /* what is tried now */
	uint32_t seed;
} tally;

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	(void)fprintf(stderr, "fuzz_policy: %s; host %u, config:\n%s\n", what, tally.seed,
		tally.text ? tally.text : "");
	abort();
}

/* A message is printable lines, and there is one for each failure. */
static void require_message(int rc, const struct err *e)
{
	require(rc < 0 && rc != -ENOMEM, "a failure that is none");
	require(e->msg[0] != '\0', "a refusal without a message");
	for (const char *p = e->msg; *p != '\0'; p++)
		require((unsigned char)*p >= 0x20 || *p == '\n',
			"a control character in a message");
}

/* By the length of the input alone, so that a fault can be had again. */
static void make_hosts(uint32_t seed, struct host_facts *host, struct cpu_baseline *cluster)
{
	static const enum cpuid_vendor vendors[] = { CPUID_VENDOR_INTEL, CPUID_VENDOR_AMD,
		CPUID_VENDOR_INTEL, CPUID_VENDOR_OTHER };
	struct host_facts whole, part;
	host_everything(vendors[seed % ARRAY_SIZE(vendors)], &whole);
	host_random_subset(&whole, seed, &part);
	*host = seed % 3 == 0 ? whole : part;
	require(cpu_baseline_add(cluster, &part, NULL) == 0, "a host that makes no baseline");
	host_random_subset(&whole, seed + 1, &part);
	require(cpu_baseline_add(cluster, &part, NULL) == 0, "two hosts that make no baseline");
}

static void check_filter(const struct machine_plan *plan, uint32_t seed)
{
	uint32_t state = seed | 1;
	for (unsigned i = 0; i < 64; i++) {
		uint32_t msr = host_random_next(&state);
		const struct msr_policy *p = &plan->cpu.msrs;
		if (i % 2 == 0 && p->nr_rules > 0)
			msr = p->rules[msr % p->nr_rules].first + (i % 4 ? UINT32_MAX : 0);
		bool write = i & 1, is_x2apic = msr >= 0x800 && msr <= 0x8ff;
		struct msr_outcome outcome = msr_policy_access(p, msr, write);
		bool passes = outcome.action == MSR_KVM && !outcome.log;
		bool filtered = plan->filter.nr_ranges > 0 || plan->filter.default_deny;
		if (!is_x2apic && filtered)
			require(msr_filter_passes(&plan->filter, msr, write) == passes,
				"a filter that does not do what the policy says");
		else if (!is_x2apic)
			require(passes, "no filter, but something to filter");
	}
}

static void check_plan(const struct machine_plan *plan, const struct host_facts *host)
{
	struct feature_set can, has = plan->cpu.features;
	struct cpuid_table table;
	struct err e = ERR_INIT;
	/* Model max has what KVM emulates, too, but these hosts emulate nothing. A raw rule can
	 * have what the engine does not offer by itself, if the host shows it. */
	struct feature_set shown;
	cpu_features_of_host(host, true, &can);
	host_features(host, &shown);
	feature_set_or(&can, &shown);
	feature_set_add(&can, FEATURE_ID_ht);
	feature_set_add(&can, FEATURE_ID_cmp_legacy);
	feature_set_subtract(&has, &can);
	char label[FEATURE_PLACE_BYTES];
	require(feature_set_is_empty(&has), feature_label(label, feature_set_next(&has, 0)));
	require(plan->nr_vcpus >= 1 && plan->nr_vcpus <= PLAN_MAX_VCPUS, "a number of vCPUs");
	require(plan->phys_bits <= cpuid_phys_bits(&host->supported), "wider addresses");
	require(plan->cpu.table.nr_entries <= CPUID_MAX_ENTRIES, "a table that is too long");
	for (unsigned i = 0; i<plan->nr_vcpus; i += plan->nr_vcpus> 4 ? 3 : 1) {
		require(plan->vcpus[i].apic_id < host->max_vcpu_id, "an APIC ID");
		int rc = plan_vcpu_cpuid(plan, i, &table, &e);
		if (rc) {
			require_message(rc, &e);
			continue;
		}
		require(plan->expose_extensions ||
				(!cpuid_has_vmx(&table) && !cpuid_has_svm(&table)),
			"extensions that are to be hidden");
	}
	for (unsigned i = 0; i < plan->cpu.nr_notes; i++) {
		char text[CPU_NOTE_BYTES];
		require(cpu_note_text(text, &plan->cpu.notes[i])[0] != '\0', "an empty note");
	}
}

/* What this host runs cannot be wrong on every host. */
static void check_nothing_wrong(const struct config *c, const struct vm_config *vm,
	const struct cpu_policy *base, const struct host_facts *cluster)
{
	struct findings found = { 0 };
	struct err e = ERR_INIT;
	require(plan_check(c, vm, base, cluster, &found, &e) == 0, "out of memory");
	for (size_t i = 0; i < found.n; i++)
		/* Devices are not the policy's; the plan of a policy does not look at them. */
		require(strcmp(found.items[i].id, "overlap") == 0, found.items[i].text);
	findings_done(&found);
}

static void plan_on(const struct config *c, const struct vm_config *vm, uint32_t seed)
{
	static const struct policy_feature features[] = { { "avx2", false, "model.toml:2:1" },
		{ "pcid", true, "model.toml:3:1" } };
	static const struct cpu_policy model_file = {
		.model = { "Skylake-Client", "model.toml:1:1" },
		.features = features,
		.nr_features = 2,
		.topology = { 1, 1, 1, 1 },
	};
	struct host_facts host;
	struct cpu_baseline cluster = { 0 };
	struct vm_policy *policy = NULL;
	struct cpu_trace trace = { 0 };
	struct err e = ERR_INIT;
	struct machine_plan *plan = calloc(1, sizeof(*plan));
	require(plan != NULL, "out of memory");
	make_hosts(seed, &host, &cluster);
	bool has_file = vm->cpu.model && strchr(vm->cpu.model, '/');
	bool has_cluster = vm->cpu.migration_cluster.n > 0;
	int rc = vm_policy_create(&policy, c, vm, has_file ? &model_file : NULL,
		has_cluster ? &cluster.facts : NULL, &host, &e);
	if (rc) {
		require_message(rc, &e);
		free(plan);
		return;
	}
	rc = plan_machine(vm, vm_policy_get(policy), &host, seed % 2 ? &trace : NULL, plan, &e);
	if (rc) {
		require_message(rc, &e);
	} else {
		tally.plans++;
		check_plan(plan, &host);
		check_filter(plan, seed);
		check_nothing_wrong(
			c, vm, has_file ? &model_file : NULL, has_cluster ? &cluster.facts : NULL);
	}
	cpu_trace_done(&trace);
	machine_plan_done(plan);
	vm_policy_destroy(policy);
	free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = ERR_INIT;
	const struct vm_config *vm = NULL;
	struct config *c = config_create();
	char *text = malloc(n + 1);
	uint32_t seed = (uint32_t)n;
	require(c && text, "out of memory");
	if (n > 0)
		(void)memcpy(text, data, n);
	text[n] = '\0';
	for (size_t i = 0; i < n; i++)
		seed = seed * 31 + data[i];
	tally.text = text;
	tally.seed = seed;
	int rc = config_load_text(c, text, n, "vm.toml", "/base", &e);
	if (rc == 0)
		rc = config_finish_policy(c, &vm, &e);
	tally.configs += rc == 0;
	if (rc == 0)
		plan_on(c, vm, seed);
	else
		require_message(rc, &e);
	tally.text = NULL;
	free(text);
	config_destroy(c);
	return 0;
}

#ifndef NESTOR_LIBFUZZER

#define MAX_SEEDS 256
#define MAX_BYTES 8192

struct text {
	char bytes[MAX_BYTES];
	size_t n;
};

struct corpus {
	struct text texts[MAX_SEEDS];
	size_t nr;
};

/* xorshift64*: the same numbers on every machine. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static size_t below(uint64_t *state, size_t n)
{
	return n == 0 ? 0 : (size_t)(next_random(state) >> 16) % n;
}

static bool one_in(uint64_t *state, size_t n)
{
	return below(state, n) == 0;
}

static void add(struct text *t, const char *what)
{
	size_t n = strlen(what);
	if (t->n + n > MAX_BYTES)
		return;
	(void)memcpy(t->bytes + t->n, what, n);
	t->n += n;
}

/* Of 32 bits, but for one in a hundred. */
static void add_number(struct text *t, uint64_t *state)
{
	static const uint64_t edges[] = { 0, 1, 2, 3, 4, 7, 8, 0xb, 0xd, 0x1f, 0x10a, 0x48e, 0x7ff,
		0x800, 0x8ff, 0x900, 0x2fff, 0x3000, 0x40000000, 0x40000001, 0x80000001, 0x80000008,
		0x8000001e, UINT32_MAX };
	char text[32];
	uint64_t value = edges[below(state, ARRAY_SIZE(edges))];
	if (one_in(state, 4))
		value = next_random(state) >> (32 + below(state, 32));
	if (one_in(state, 100))
		value = UINT64_C(1) << below(state, 64);
	(void)snprintf(text, sizeof(text), one_in(state, 3) ? "%llu" : "0x%llx",
		(unsigned long long)value);
	add(t, text);
}

static void add_mask(struct text *t, uint64_t *state, size_t n)
{
	static const char digits[] = "01xxxxxx";
	char text[72];
	n = one_in(state, 60) ? below(state, sizeof(text)) : n;
	for (size_t i = 0; i < n; i++)
		text[i] = digits[below(state, 8)];
	text[n < sizeof(text) ? n : sizeof(text) - 1] = '\0';
	add(t, "\"");
	add(t, text);
	add(t, "\"");
}

static void add_model(struct text *t, uint64_t *state)
{
	static const char *const special[] = { "host", "max", "x86-64-v2", "x86-64-v9", "./m.toml",
		"" };
	size_t n = 0;
	while (cpu_model_at(n))
		n++;
	add(t, "\"");
	add(t, one_in(state, 3) ? special[below(state, ARRAY_SIZE(special))]
				: cpu_model_at(below(state, n))->name);
	add(t, "\"");
}

static void add_features(struct text *t, uint64_t *state)
{
	add(t, "[");
	for (size_t n = below(state, 8); n > 0; n--) {
		add(t, one_in(state, 3) ? "\"+" : "\"-");
		add(t, feature_at(below(state, FEATURE_COUNT))->name);
		add(t, one_in(state, 40) ? "x\", " : "\", ");
	}
	add(t, "]");
}

enum value { NUMBER, BOOLEAN, MODEL, FEATURES, MASK32, MASK64, WORD, SMALL };

struct key {
	const char *name;
	enum value value;
	const char *words; /* of WORD: with commas between */
};

static const struct key cpu_keys[] = {
	{ "model", MODEL, "" },
	{ "features", FEATURES, "" },
	{ "vendor", WORD, "\"intel\",\"amd\",\"hygon\",\"GenuineIntel\",\"Short\"" },
	{ "family", WORD, "0,5,6,15,25,270,271" },
	{ "model_number", WORD, "0,15,16,143,255,0" },
	{ "stepping", WORD, "0,1,15,3" },
	{ "brand", WORD, "\"\",\"A processor\",\"A\"" },
	{ "hypervisor", WORD, "\"kvm\",\"hyperv\",\"none\"" },
	{ "phys_bits", WORD, "32,36,40,46,48,52" },
	{ "on_missing", WORD, "\"drop\",\"warn\",\"error\",\"drop\"" },
	{ "cache", WORD, "\"host\",\"emulate\",\"none\"" },
	{ "tsc_frequency", WORD, "\"2GHz\",\"2.5GHz\",\"100kHz\",\"100GHz\",2000000000" },
	{ "vcpus", SMALL, "" },
	{ "sockets", SMALL, "" },
	{ "dies", SMALL, "" },
	{ "cores", SMALL, "" },
	{ "threads", SMALL, "" },
	{ "hw_thread_count_per_core", SMALL, "" },
	{ "compatibility_for_migration_enabled", BOOLEAN, "" },
	{ "compatibility_for_migration_mode", WORD,
		"\"minimum_feature_set\",\"common_cluster_feature_set\"" },
	{ "migration_cluster", WORD, "[\"a.json\", \"b.json\"],[]" },
	{ "compatibility_for_older_operating_systems", BOOLEAN, "" },
};
static const struct key leaf_keys[] = {
	{ "leaf", NUMBER, "" },
	{ "subleaf", NUMBER, "" },
	{ "register", WORD, "\"eax\",\"ebx\",\"ecx\",\"edx\"" },
	{ "mask", MASK32, "" },
};
static const struct key rule_keys[] = {
	{ "index", NUMBER, "" },
	{ "first", NUMBER, "" },
	{ "last", NUMBER, "" },
	{ "action", WORD, "\"allow\",\"deny\",\"read-as\",\"ignore-write\",\"log\"" },
	{ "value", NUMBER, "" },
	{ "log", BOOLEAN, "" },
};
static const struct key bits_keys[] = {
	{ "index", NUMBER, "" },
	{ "mask", MASK64, "" },
};

static void add_word(struct text *t, uint64_t *state, const char *words)
{
	size_t n = 1;
	for (const char *p = words; *p; p++)
		n += *p == ',' && p[1] != ' ';
	for (n = below(state, n); n > 0; words++)
		n -= *words == ',' && words[1] != ' ';
	for (char c[2] = { 0 }; *words && (*words != ',' || words[1] == ' '); words++) {
		c[0] = *words;
		add(t, c);
	}
}

static void add_value(struct text *t, uint64_t *state, const struct key *key)
{
	static const char *const small[] = { "1", "1", "1", "2", "2", "3", "4", "7", "16", "255" };
	switch (key->value) {
	case NUMBER:
		add_number(t, state);
		break;
	case BOOLEAN:
		add(t, one_in(state, 2) ? "true" : "false");
		break;
	case MODEL:
		add_model(t, state);
		break;
	case FEATURES:
		add_features(t, state);
		break;
	case MASK32:
		add_mask(t, state, 32);
		break;
	case MASK64:
		add_mask(t, state, 64);
		break;
	case WORD:
		add_word(t, state, key->words);
		break;
	case SMALL:
		add(t, small[below(state, ARRAY_SIZE(small))]);
		break;
	}
}

/* Each key with one chance in `share`. */
static void add_keys(
	struct text *t, uint64_t *state, const struct key *keys, size_t n, size_t share)
{
	for (size_t i = 0; i < n; i++) {
		if (!one_in(state, share))
			continue;
		add(t, keys[i].name);
		add(t, " = ");
		add_value(t, state, &keys[i]);
		add(t, "\n");
	}
}

/* A rule has an index, or first and last: mostly what is right. */
static void add_rule(struct text *t, uint64_t *state)
{
	bool range = one_in(state, 3);
	add(t, "[[msr.rules]]\n");
	if (one_in(state, 20)) {
		add_keys(t, state, rule_keys, ARRAY_SIZE(rule_keys), 2);
		return;
	}
	add_keys(t, state, rule_keys + (range ? 1 : 0), range ? 2 : 1, 1);
	bool read_as = one_in(state, 3);
	if (read_as)
		add(t, "action = \"read-as\"\n");
	add_keys(t, state, rule_keys + (read_as ? 4 : 3), 1, 1);
	add_keys(t, state, rule_keys + 5, 1, 3);
}

static void make_config(struct text *t, uint64_t *state)
{
	t->n = 0;
	add(t, "[cpu]\n");
	add_keys(t, state, cpu_keys, ARRAY_SIZE(cpu_keys), one_in(state, 3) ? 3 : 10);
	for (size_t n = one_in(state, 2) ? below(state, 4) : 0; n > 0; n--) {
		add(t, "[[cpu.leaves]]\n");
		add_keys(t, state, leaf_keys, ARRAY_SIZE(leaf_keys), 1);
	}
	if (one_in(state, 6))
		add(t, "[nesting]\nexpose_virtualization_extensions = true\n");
	if (one_in(state, 8))
		add(t, "[msr]\ndefault = \"deny\"\n");
	for (size_t n = one_in(state, 2) ? below(state, 24) : 0; n > 0; n--)
		add_rule(t, state);
	for (size_t n = one_in(state, 3) ? below(state, 4) : 0; n > 0; n--) {
		add(t, "[[msr.bits]]\n");
		add_keys(t, state, bits_keys, ARRAY_SIZE(bits_keys), 1);
	}
}

static void insert(struct text *t, size_t at, const char *what, size_t n)
{
	if (t->n + n > MAX_BYTES)
		return;
	(void)memmove(t->bytes + at + n, t->bytes + at, t->n - at);
	(void)memcpy(t->bytes + at, what, n);
	t->n += n;
}

/* The line at a random place: its start and length, newline included. */
static size_t any_line(const struct text *t, uint64_t *state, size_t *ret_n)
{
	size_t start = below(state, t->n + 1), n = 0;
	while (start > 0 && t->bytes[start - 1] != '\n')
		start--;
	while (start + n < t->n && t->bytes[start + n] != '\n')
		n++;
	*ret_n = start + n < t->n ? n + 1 : n;
	return start;
}

static void mutate(const struct corpus *corpus, uint64_t *state, struct text *t)
{
	char line[MAX_BYTES];
	size_t n, at = any_line(t, state, &n);
	switch (below(state, 6)) {
	case 0: /* a line less */
		(void)memmove(t->bytes + at, t->bytes + at + n, t->n - at - n);
		t->n -= n;
		break;
	case 1: { /* a line of another file */
		const struct text *other = &corpus->texts[below(state, corpus->nr)];
		size_t from = any_line(other, state, &n);
		insert(t, at, other->bytes + from, n);
		break;
	}
	case 2: /* a line once more, elsewhere */
		(void)memcpy(line, t->bytes + at, n);
		at = any_line(t, state, &(size_t){ 0 });
		insert(t, at, line, n);
		break;
	case 3: { /* another key, wherever it may be */
		struct text key = { .n = 0 };
		add_keys(&key, state, &cpu_keys[below(state, ARRAY_SIZE(cpu_keys))], 1, 1);
		insert(t, at, key.bytes, key.n);
		break;
	}
	case 4: /* a byte */
		if (t->n > 0)
			t->bytes[below(state, t->n)] =
				(char)(one_in(state, 4) ? below(state, 256)
							: ' ' + below(state, 95));
		break;
	default: /* a digit or letter, so that values change more than structure */
		for (size_t i = 0, p = below(state, t->n); i < 16 && p + i < t->n; i++) {
			char *c = &t->bytes[p + i];
			if (*c >= '0' && *c <= '9') {
				*c = (char)('0' + below(state, 10));
				break;
			}
		}
		break;
	}
}

static void add_folder(struct corpus *corpus, const char *folder)
{
	char pattern[4096];
	glob_t found = { 0 };
	(void)snprintf(pattern, sizeof(pattern), "%s/*.toml", folder);
	require(glob(pattern, 0, NULL, &found) == 0, "a folder without .toml files");
	for (size_t i = 0; i < found.gl_pathc && corpus->nr < MAX_SEEDS; i++) {
		struct text *t = &corpus->texts[corpus->nr++];
		FILE *f = fopen(found.gl_pathv[i], "rbe");
		require(f != NULL, "a file that cannot be read");
		t->n = fread(t->bytes, 1, MAX_BYTES, f);
		(void)fclose(f);
	}
	globfree(&found);
}

int main(int argc, char **argv)
{
	static struct corpus corpus;
	static struct text t;
	uint64_t state = UINT64_C(0x6e6573746f720002);
	if (argc < 3) {
		(void)fprintf(stderr, "usage: fuzz_policy ITERATIONS FOLDER...\n");
		return 2;
	}
	unsigned long iterations = strtoul(argv[1], NULL, 10);
	for (int i = 2; i < argc; i++)
		add_folder(&corpus, argv[i]);
	for (size_t i = 0; i < corpus.nr; i++)
		(void)LLVMFuzzerTestOneInput(
			(const uint8_t *)corpus.texts[i].bytes, corpus.texts[i].n);
	for (unsigned long i = 0; i < iterations; i++) {
		if (one_in(&state, 4))
			t = corpus.texts[below(&state, corpus.nr)];
		else
			make_config(&t, &state);
		for (size_t changes = one_in(&state, 2) ? below(&state, 4) : 0; changes > 0;
			changes--)
			mutate(&corpus, &state, &t);
		(void)LLVMFuzzerTestOneInput((const uint8_t *)t.bytes, t.n);
	}
	(void)printf("%zu files, %lu inputs: %lu good configs, %lu plans, no fault found\n",
		corpus.nr, iterations, tally.configs, tally.plans);
	/* Nothing is tried where nothing gets there. */
	require(iterations < 1000 || tally.plans > iterations / 50, "hardly a config is good");
	return 0;
}

#endif
