/* SPDX-License-Identifier: MIT */
/*
 * What goes out is held to the plan: on many hosts, for the policies that other tests have and the
 * example configs, what the words say is what nestor's own guest sees, bit by bit, or a line names
 * what differs. QEMU's and libvirt's words are read again by nestor's readers and planned; a
 * template is laid over the host's table here.
 */
#include "unit/convert/conversions.h"

#include "fake/hosts.h"
#include "fake/hosts_everything.h"
#include "formats/hostfile.h"
#include "unit/formats/policies.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#define MAX_HOSTS 256

static struct hosts {
	struct host_facts facts[MAX_HOSTS];
	char names[MAX_HOSTS][64];
	unsigned nr;
} * hosts;

static char *read_all(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *in = fopen(path, "re");
	assert_non_null(text);
	if (!in)
		fail_msg("%s: cannot be opened", path);
	size_t n = fread(text, 1, (1 << 20) - 1, in);
	assert_true(n > 0);
	(void)fclose(in);
	return text;
}

static struct host_facts *add_host(const char *name)
{
	assert_true(hosts->nr < MAX_HOSTS);
	(void)snprintf(hosts->names[hosts->nr], sizeof(hosts->names[0]), "%s", name);
	return &hosts->facts[hosts->nr++];
}

static void add_folder(const char *folder)
{
	char path[512];
	DIR *d = opendir(folder);
	assert_non_null(d);
	for (struct dirent *entry = readdir(d); entry; entry = readdir(d)) {
		struct hostfile *f = calloc(1, sizeof(*f));
		struct err e = ERR_INIT;
		assert_non_null(f);
		if (strstr(entry->d_name, ".json")) {
			(void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
			char *text = read_all(path);
			if (hostfile_parse(text, strlen(text), path, f, &e))
				fail_msg("%s", e.msg);
			*add_host(entry->d_name) = f->facts;
			free(text);
		}
		free(f);
	}
	(void)closedir(d);
}

/* KVM has its own leaves, whatever a file of the machine without it says. */
static void add_kvm_leaves(struct cpuid_table *t)
{
	if (!cpuid_get(t, 0x40000000, 0))
		t->entries[t->nr_entries++] = (struct cpuid_entry){ .leaf = 0x40000000,
			.reg = { 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d } };
}

static int setup(void **state)
{
	static const enum cpuid_vendor vendors[] = { CPUID_VENDOR_INTEL, CPUID_VENDOR_AMD };
	(void)state;
	hosts = calloc(1, sizeof(*hosts));
	assert_non_null(hosts);
	add_folder(NESTOR_SOURCE_DIR "/tests/hosts");
	add_folder(NESTOR_SOURCE_DIR "/tests/nested-hosts");
	host_intel(add_host("intel"), true);
	host_amd(add_host("amd"), true);
	for (size_t i = 0; i < 2; i++) {
		struct host_facts *all = calloc(1, sizeof(*all));
		assert_non_null(all);
		host_everything(vendors[i], all);
		*add_host(i == 0 ? "everything Intel" : "everything AMD") = *all;
		host_give_hyperv(add_host("with Hyper-V"), i == 0);
		hosts->facts[hosts->nr - 1] = *all;
		host_give_hyperv(&hosts->facts[hosts->nr - 1], i == 0);
		for (uint32_t seed = 1; seed <= 6; seed++) {
			char name[32];
			(void)snprintf(
				name, sizeof(name), "random %s %u", i ? "AMD" : "Intel", seed);
			host_random_subset(all, seed, add_host(name));
		}
		free(all);
	}
	static const char *const models[] = { "Haswell", "Skylake-Server", "SapphireRapids", "EPYC",
		"EPYC-Genoa", "Opteron_G5", "Nehalem", "Penryn" };
	for (size_t i = 0; i < ARRAY_SIZE(models); i++)
		host_of_model(cpu_model_find(models[i]), add_host(models[i]));
	for (unsigned i = 0; i < hosts->nr; i++)
		add_kvm_leaves(&hosts->facts[i].supported);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(hosts);
	return 0;
}

static void apply_bits(uint32_t *value, const char *bitmap)
{
	size_t n = strlen(bitmap);
	for (size_t i = 2; i < n; i++) {
		uint32_t bit = UINT32_C(1) << (n - 1 - i);
		if (bitmap[i] == '1')
			*value |= bit;
		else if (bitmap[i] == '0')
			*value &= ~bit;
	}
}

static const char *member(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	assert_non_null(text);
	return text;
}

/* Firecracker refuses to change what KVM has not: false. */
static bool apply_cpuid(json_t *root, const struct host_facts *host, bool given, struct guest *g)
{
	static const char names[4][4] = { "eax", "ebx", "ecx", "edx" };
	json_t *leaf, *modifier;
	size_t i, k;
	g->table = host->supported;
	json_array_foreach(json_object_get(root, "cpuid_modifiers"), i, leaf)
	{
		uint32_t number = (uint32_t)strtoul(member(leaf, "leaf"), NULL, 16);
		uint32_t subleaf = (uint32_t)strtoul(member(leaf, "subleaf"), NULL, 16);
		struct cpuid_entry *entry = NULL;
		for (unsigned n = 0; n < g->table.nr_entries; n++) {
			if (g->table.entries[n].leaf == number &&
				g->table.entries[n].subleaf == subleaf)
				entry = &g->table.entries[n];
		}
		if (!entry && given)
			fail_msg("the host lacks %#x.%u", number, subleaf);
		if (!entry)
			return false;
		json_array_foreach(json_object_get(leaf, "modifiers"), k, modifier)
		{
			for (unsigned reg = 0; reg < 4; reg++) {
				if (strcmp(names[reg], member(modifier, "register")) == 0)
					apply_bits(&entry->reg[reg], member(modifier, "bitmap"));
			}
		}
	}
	return true;
}

/* Of MSRs those that the template changes; the others are KVM's own, which nestor leaves as well.
 */
static void apply_msrs(
	json_t *root, const struct host_facts *host, const struct guest *ours, struct guest *g)
{
	json_t *modifier;
	size_t i;
	g->nr_msrs = 0;
	for (unsigned k = 0; k < ours->nr_msrs; k++) {
		struct msr_value v = ours->msrs[k];
		/* The values that others decide: KVM sets them. IA32_FEATURE_CONTROL is 0. */
		if (v.index == 0x3a)
			v.value = 0;
		else if (!msr_follows_others(v.index))
			(void)host_feature_msr(host, v.index, &v.value);
		g->msrs[g->nr_msrs++] = v;
	}
	json_array_foreach(json_object_get(root, "msr_modifiers"), i, modifier)
	{
		uint32_t index = (uint32_t)strtoul(member(modifier, "addr"), NULL, 16);
		const char *bits = member(modifier, "bitmap");
		unsigned k = 0;
		while (k < g->nr_msrs && g->msrs[k].index != index)
			k++;
		if (k == g->nr_msrs)
			g->msrs[g->nr_msrs++] = (struct msr_value){ index, 0 };
		char high[35] = "0b", low[35] = "0b";
		assert_int_equal(strlen(bits), 66);
		(void)memcpy(high + 2, bits + 2, 32);
		(void)memcpy(low + 2, bits + 34, 32);
		uint32_t values[2] = { (uint32_t)g->msrs[k].value,
			(uint32_t)(g->msrs[k].value >> 32) };
		apply_bits(&values[0], low);
		apply_bits(&values[1], high);
		g->msrs[k].value = (uint64_t)values[1] << 32 | values[0];
	}
}

static bool guest_of_template(const char *text, const struct host_facts *host, bool given,
	const struct guest *ours, struct guest *ret)
{
	json_t *root = json_loads(text, 0, NULL);
	assert_non_null(root);
	bool taken = apply_cpuid(root, host, given, ret);
	apply_msrs(root, host, ours, ret);
	json_decref(root);
	return taken;
}

/* By nestor's reader and a plan; -errno where that says no. */
static int guest_of_words(enum convert_format format, const char *text, const struct vm *of,
	const struct host_facts *host, struct guest *ret, struct err *e)
{
	struct losses losses = { 0 };
	char *toml = NULL;
	size_t n = 0;
	struct vm vm;
	struct policy_doc *doc = NULL;
	int rc = format == CONVERT_QEMU
			 ? qemu_cpu_read(text, strlen(text), "written", &doc, &losses, e)
			 : libvirt_cpu_read(text, strlen(text), "written", &doc, &losses, e);
	losses_done(&losses);
	if (rc)
		return rc;
	struct cpu_policy *p = policy_doc_edit(doc);
	/* That is -smp's. */
	if (format == CONVERT_QEMU)
		p->topology = vm_policy_get(of->policy)->topology;
	/* QEMU's model host shows what the host's KVM has of VMX and SVM. */
	if (!p->knob_origin &&
		(strcmp(p->model.text, "host") == 0 || strcmp(p->model.text, "max") == 0))
		p->nesting.knob = vm_policy_get(of->policy)->nesting.knob;
	FILE *out = open_memstream(&toml, &n);
	assert_int_equal(toml_cpu_write(policy_doc_policy(doc), out, e), 0);
	assert_int_equal(fclose(out), 0);
	rc = vm_read(&vm, toml, e);
	if (rc == 0) {
		rc = vm_guest(&vm, host, ret, e);
		vm_done(&vm);
	}
	free(toml);
	policy_doc_destroy(doc);
	return rc;
}

struct tally {
	unsigned compared, refused_there;
};

static void check(const struct vm *vm, const char *name, unsigned i, enum convert_format to,
	bool given, struct tally *tally)
{
	static const char *const formats[] = { "toml", "QEMU", "libvirt", "Firecracker" };
	const struct host_facts *host = &hosts->facts[i];
	struct guest *ours = malloc(sizeof(*ours)), *theirs = malloc(sizeof(*theirs));
	struct err e = ERR_INIT;
	struct losses losses = { 0 };
	char *text = NULL, difference[160];
	assert_non_null(ours);
	assert_non_null(theirs);
	/* Words for any host do not know what one of them lacks. */
	if (vm_guest(vm, host, ours, &e) == 0 && (given || !ours->lacks)) {
		if (convert_vm(vm, to, given ? host : NULL, &text, &losses, &e))
			fail_msg("%s on %s to %s: %s", name, hosts->names[i], formats[to], e.msg);
		int rc = 0;
		if (to == CONVERT_FIRECRACKER)
			rc = guest_of_template(text, host, given, ours, theirs) ? 0 : -ENOTSUP;
		else
			rc = guest_of_words(to, text, vm, host, theirs, &e);
		/* What was written may have other demands, which a line says. */
		if (rc) {
			tally->refused_there++;
			if (losses.nr_lines == 0)
				fail_msg("%s on %s to %s: %s\n%s", name, hosts->names[i],
					formats[to], e.msg, text);
		} else if (*unnamed_difference(ours, theirs, &losses, difference) != '\0') {
			for (size_t k = 0; k < losses.nr_lines; k++)
				print_error("loss: %s\n", losses.lines[k]);
			fail_msg("%s on %s to %s%s: unnamed: %s\n%.3000s", name, hosts->names[i],
				formats[to], given ? " for that host" : "", difference, text);
		}
		tally->compared++;
	}
	free(text);
	losses_done(&losses);
	free(ours);
	free(theirs);
}

/* To every format, on every step-th host. */
static void check_vm(
	const struct vm *vm, const char *name, unsigned first, unsigned step, struct tally *tally)
{
	for (unsigned i = first; i < hosts->nr; i += step) {
		for (int to = CONVERT_QEMU; to < CONVERT_FORMATS; to++) {
			check(vm, name, i, (enum convert_format)to, true, tally);
			check(vm, name, i, (enum convert_format)to, false, tally);
		}
	}
}

static void check_folder(const char *folder, struct tally *tally)
{
	char path[512];
	unsigned nr = 0;
	DIR *d = opendir(folder);
	assert_non_null(d);
	for (struct dirent *entry = readdir(d); entry; entry = readdir(d)) {
		struct err e = ERR_INIT;
		struct vm vm;
		size_t n = strlen(entry->d_name);
		if (n < 5 || strcmp(entry->d_name + n - 5, ".toml") != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		char *toml = read_all(path);
		/* Those that name other files are the command's. */
		if (vm_read(&vm, toml, &e) == 0) {
			check_vm(&vm, entry->d_name, nr++ % 4, 4, tally);
			vm_done(&vm);
		}
		free(toml);
	}
	(void)closedir(d);
}

static void policies__on_many_hosts__the_words_say_what_the_guest_sees(void **state)
{
	struct tally tally = { 0 };
	(void)state;
	check_folder(NESTOR_SOURCE_DIR "/tests/policies", &tally);
	check_folder(NESTOR_SOURCE_DIR "/configs", &tally);
	print_message("%u compared, %u with other demands\n", tally.compared, tally.refused_there);
	assert_true(tally.compared > 1200);
	assert_true(tally.refused_there < tally.compared / 10);
}

static void check_toml(const char *toml, unsigned first, unsigned step, struct tally *tally)
{
	struct err e = ERR_INIT;
	struct vm vm;
	if (vm_read(&vm, toml, &e))
		fail_msg("%s\n%s", e.msg, toml);
	check_vm(&vm, toml, first, step, tally);
	vm_done(&vm);
}

/* Every model, and what takes others away. */
static void models__on_many_hosts__the_words_say_what_the_guest_sees(void **state)
{
	static const char *const more[] = { "", "features = [\"-avx512f\"]\n",
		"features = [\"-xsave\"]\n", "features = [\"-sse2\"]\n",
		"[nesting]\nexpose_virtualization_extensions = true\n", "phys_bits = 40\n",
		"cache = \"emulate\"\nhypervisor = \"none\"\n" };
	struct tally tally = { 0 };
	(void)state;
	const struct cpu_model *m;
	for (size_t i = 0; (m = cpu_model_at(i)); i++) {
		char toml[512];
		(void)snprintf(toml, sizeof(toml),
			"[cpu]\nmodel = \"%s\"\non_missing = \"warn\"\n%s", m->name,
			more[i % ARRAY_SIZE(more)]);
		check_toml(toml, (unsigned)i % 16, 16, &tally);
	}
	for (size_t i = 0; i < 2 * ARRAY_SIZE(more); i++) {
		char toml[512];
		(void)snprintf(toml, sizeof(toml), "[cpu]\nmodel = \"%s\"\n%s",
			i % 2 ? "host" : "max", more[i / 2]);
		check_toml(toml, (unsigned)i % 3, 3, &tally);
	}
	print_message("%u compared, %u with other demands\n", tally.compared, tally.refused_there);
	assert_true(tally.compared > 1500);
}

/* Anything that a VM's file can say. */
static void random_policies__on_some_host__the_words_say_what_the_guest_sees(void **state)
{
	struct tally tally = { 0 };
	(void)state;
	for (uint32_t seed = 1; seed <= 1000; seed++) {
		struct err e = ERR_INIT;
		struct vm vm;
		struct policy_doc *doc = policy_random(seed);
		char *toml = policy_toml(policy_doc_policy(doc)), name[64];
		(void)snprintf(name, sizeof(name), "seed %u", seed);
		if (vm_read(&vm, toml, &e) == 0) {
			check_vm(&vm, name, seed % hosts->nr, hosts->nr, &tally);
			vm_done(&vm);
		}
		free(toml);
		policy_doc_destroy(doc);
	}
	print_message("%u compared, %u with other demands\n", tally.compared, tally.refused_there);
	assert_true(tally.compared > 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies__on_many_hosts__the_words_say_what_the_guest_sees),
		cmocka_unit_test(models__on_many_hosts__the_words_say_what_the_guest_sees),
		cmocka_unit_test(random_policies__on_some_host__the_words_say_what_the_guest_sees),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
