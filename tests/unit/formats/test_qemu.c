/* SPDX-License-Identifier: MIT */
/* QEMU's -cpu argument, both ways. */
#include "policies.h"

#include <stdlib.h>

/* Strings as people write them, and what they mean. */
static void read__host_with_features__are_nestors_names(void **state)
{
	(void)state;
	char text[4096];
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(
		qemu_cpu_read, "host,+vmx,-avx512f,lahf-lm=on,sse4-1=off,+tsc_adjust", &l);
	const struct cpu_policy *p = policy_doc_policy(doc);
	assert_string_equal(p->model.text, "host");
	assert_string_equal(policy_features(p, text), "+vmx -avx512f +lahf_lm -sse4.1 +tsc_adjust");
	assert_int_equal(p->on_missing, CPU_MISSING_WARN);
	assert_no_losses(&l);
	policy_doc_destroy(doc);
}

static void read__flag_blanks_and_type_name__are_taken_off(void **state)
{
	(void)state;
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(qemu_cpu_read, "  -cpu max-x86_64-cpu,,+pcid\n", &l);
	assert_string_equal(policy_doc_policy(doc)->model.text, "max");
	assert_int_equal(policy_doc_policy(doc)->nr_features, 1);
	policy_doc_destroy(doc);
}

/* QEMU applies NAME=VALUE first, the last one standing, then all of +NAME, then all of -NAME. */
static void read__a_feature_said_twice__goes_by_qemus_precedence(void **state)
{
	(void)state;
	static const struct {
		const char *text, *features;
	} cases[] = {
		{ "host,-avx,+avx", "-avx" },
		{ "host,+avx,avx=off", "+avx" },
		{ "host,-avx,avx=on", "-avx" },
		{ "host,avx=on,avx=off", "-avx" },
		{ "host,avx=off,avx", "+avx" },
		{ "host,avx=off,+avx,-avx,avx=on", "-avx" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[4096];
		struct losses l = { 0 };
		struct policy_doc *doc = policy_read(qemu_cpu_read, cases[i].text, &l);
		assert_string_equal(
			policy_features(policy_doc_policy(doc), text), cases[i].features);
		policy_doc_destroy(doc);
	}
}

static void read__named_model__has_what_qemus_has_besides(void **state)
{
	(void)state;
	char text[4096];
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(qemu_cpu_read, "Broadwell,-vme,+pdpe1gb,-abm", &l);
	assert_string_equal(policy_features(policy_doc_policy(doc), text),
		"+pdpe1gb +f16c +rdrand +arat +xsaveopt");
	policy_doc_destroy(doc);
	/* What needs AVX goes with it. */
	doc = policy_read(qemu_cpu_read, "Broadwell,-avx", &l);
	assert_string_equal(policy_features(policy_doc_policy(doc), text),
		"-avx +rdrand +vme +arat +xsaveopt +abm");
	policy_doc_destroy(doc);
	assert_no_losses(&l);
}

static void read__versioned_model__is_known(void **state)
{
	(void)state;
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(qemu_cpu_read, "Cascadelake-Server-v5", &l);
	assert_string_equal(policy_doc_policy(doc)->model.text, "Cascadelake-Server-v5");
	policy_doc_destroy(doc);
}

static void read__identity__is_taken(void **state)
{
	(void)state;
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(qemu_cpu_read,
		"qemu64,vendor=GenuineIntel,family=6,model=0x3c,stepping=3,"
		"model-id=Intel(R) Core(TM),, 4th,phys-bits=40,tsc-frequency=2500000000,"
		"host-cache-info=on,enforce",
		&l);
	const struct cpu_policy *p = policy_doc_policy(doc);
	assert_string_equal(p->vendor.text, "GenuineIntel");
	assert_int_equal(p->family.value, 6);
	assert_int_equal(p->model_number.value, 60);
	assert_int_equal(p->stepping.value, 3);
	assert_string_equal(p->brand.text, "Intel(R) Core(TM), 4th");
	assert_int_equal(p->phys_bits.value, 40);
	assert_int_equal(p->tsc_khz.value, 2500000);
	assert_int_equal(p->cache, CPU_CACHE_HOST);
	assert_int_equal(p->on_missing, CPU_MISSING_ERROR);
	assert_string_equal(p->brand.origin, "test");
	assert_no_losses(&l);
	policy_doc_destroy(doc);
}

static void read__tsc_frequency__takes_suffixes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t khz;
	} cases[] = {
		{ "host,tsc-freq=2.5G", 2500000 },
		{ "host,tsc-frequency=2400M", 2400000 },
		{ "host,tsc-freq=1000k", 1000 },
		{ "host,tsc-freq=0x77359400", 2000000 },
		{ "host,tsc-freq=0", 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct losses l = { 0 };
		struct policy_doc *doc = policy_read(qemu_cpu_read, cases[i].text, &l);
		assert_int_equal(policy_doc_policy(doc)->tsc_khz.value, cases[i].khz);
		assert_int_equal(policy_doc_policy(doc)->tsc_khz.given, cases[i].khz > 0);
		assert_no_losses(&l);
		policy_doc_destroy(doc);
	}
}

static void read__check_and_enforce__are_on_missing(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum cpu_on_missing on_missing;
	} cases[] = {
		{ "host", CPU_MISSING_WARN },
		{ "host,check", CPU_MISSING_WARN },
		{ "host,check=off", CPU_MISSING_DROP },
		{ "host,check=no,enforce=yes", CPU_MISSING_ERROR },
		{ "host,+enforce", CPU_MISSING_ERROR },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct losses l = { 0 };
		struct policy_doc *doc = policy_read(qemu_cpu_read, cases[i].text, &l);
		assert_true(policy_doc_policy(doc)->on_missing_given);
		assert_int_equal(policy_doc_policy(doc)->on_missing, cases[i].on_missing);
		policy_doc_destroy(doc);
	}
}

static void read__hidden_hypervisor__is_none_and_says_how_it_differs(void **state)
{
	(void)state;
	static const struct {
		const char *text, *loss;
	} cases[] = {
		{ "host,kvm=off", "kvm=off: hides the hypervisor bit" },
		{ "host,-hypervisor", "hypervisor=off: hides KVM's leaves 0x4000xxxx as well" },
		{ "host,hypervisor=off,kvm=off", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct losses l = { 0 };
		struct policy_doc *doc = policy_read(qemu_cpu_read, cases[i].text, &l);
		assert_int_equal(policy_doc_policy(doc)->hypervisor, CPU_HYPERVISOR_NONE);
		assert_int_equal(policy_doc_policy(doc)->nr_features, 0);
		assert_int_equal(l.nr_lines, cases[i].loss ? 1 : 0);
		if (cases[i].loss)
			assert_loss(&l, cases[i].loss);
		policy_doc_destroy(doc);
		losses_done(&l);
	}
}

static void read__windows_guest__names_what_is_lost(void **state)
{
	(void)state;
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(qemu_cpu_read,
		"host,migratable=no,+invtsc,hv_relaxed,hv-vapic=on,hv-spinlocks=0x1fff,hv-time=off,"
		"pmu=off,l3-cache=on,host-phys-bits=on,phys-bits=40,level=13,x-vendor-cpuid-only="
		"on",
		&l);
	const struct cpu_policy *p = policy_doc_policy(doc);
	assert_int_equal(p->nr_features, 1);
	assert_false(p->phys_bits.given);
	assert_loss(&l, "hv-relaxed=on: Hyper-V enlightenments are not carried over");
	assert_loss(&l, "hv-vapic=on");
	assert_loss(&l, "hv-spinlocks=0x1fff");
	assert_loss(&l, "migratable=no");
	assert_loss(&l, "pmu=off");
	assert_loss(&l, "host-phys-bits=on");
	assert_loss(&l, "level=13");
	assert_loss(&l, "x-vendor-cpuid-only=on");
	assert_int_equal(l.nr_lines, 8);
	policy_doc_destroy(doc);
	losses_done(&l);
}

static void read__kvmclock__is_both_of_its_bits(void **state)
{
	(void)state;
	char text[4096];
	struct losses l = { 0 };
	struct policy_doc *doc =
		policy_read(qemu_cpu_read, "host,kvmclock=off,+vmx-invept-single-context", &l);
	assert_string_equal(policy_features(policy_doc_policy(doc), text),
		"-kvmclock -kvmclock2 +vmx-invept-single-context +vmx-invvpid-single-context");
	policy_doc_destroy(doc);
}

static void read__base__is_a_model_without_features(void **state)
{
	(void)state;
	char text[4096];
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(qemu_cpu_read, "base,+fpu,+lm", &l);
	assert_string_equal(policy_doc_policy(doc)->model.text, "486");
	assert_string_equal(policy_features(policy_doc_policy(doc), text), "+fpu -vme -pse +lm");
	assert_loss(&l, "base");
	policy_doc_destroy(doc);
	losses_done(&l);
}

static void read__ucode_rev__is_the_whole_msr(void **state)
{
	(void)state;
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(qemu_cpu_read, "host,ucode-rev=0x100000000", &l);
	const struct cpu_policy *p = policy_doc_policy(doc);
	assert_int_equal(p->nr_msr_bits, 1);
	assert_int_equal(p->msr_bits[0].index, 0x8b);
	assert_true(p->msr_bits[0].set == UINT64_C(0x100000000));
	assert_true(p->msr_bits[0].clear == ~UINT64_C(0x100000000));
	policy_doc_destroy(doc);
}

static void read__faults__are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "", "file: the model is missing: expected MODEL[,FEATURE...]" },
		{ ",+avx", "file: the model is missing: expected MODEL[,FEATURE...]" },
		{ "Haswel", "file: unknown model Haswel, did you mean Haswell?" },
		{ "zzzzzzzzzzzzzzzz", "file: unknown model zzzzzzzzzzzzzzzz" },
		{ "host,+avx513f",
			"file: unknown feature or property avx513f, did you mean avx512f?" },
		{ "host,model_i=x",
			"file: unknown feature or property model-i, did you mean model-id?" },
		{ "host,+", "file: unknown feature or property " },
		{ "host,avx=maybe", "file: avx=maybe: expected on or off" },
		{ "host,kvm=", "file: kvm=: expected on or off" },
		{ "host,family=271", "file: family=271: expected a number from 0 to 270" },
		{ "host,stepping=-1", "file: stepping=-1: expected a number from 0 to 15" },
		{ "host,model=99999999999999999999999",
			"file: model=99999999999999999999999: expected a number from 0 to 255" },
		{ "host,vendor=Intel",
			"file: vendor=Intel: expected 12 characters, such as GenuineIntel" },
		{ "host,phys-bits=31", "file: phys-bits=31: expected a number from 32 to 52" },
		{ "host,phys-bits=53", "file: phys-bits=53: expected a number from 0 to 52" },
		{ "host,tsc-freq=fast", "file: tsc-freq=fast: expected a frequency in Hz" },
		{ "host,tsc-freq=1.5", "file: tsc-freq=1.5: expected a frequency in Hz" },
		{ "host,tsc-freq=9999T", "file: tsc-freq=9999T: expected a frequency in Hz" },
		{ "host,tsc-freq=90T", "file: tsc-freq=90T: more than any processor's" },
		{ "host,\x1b[2J", "file: unknown feature or property ?[2J" },
		{ "host,\xff", "file: not UTF-8 text" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_refused(qemu_cpu_read, cases[i].text, cases[i].message);
}

static void read__long_brand__is_cut_and_said(void **state)
{
	(void)state;
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(qemu_cpu_read,
		"host,model-id=0123456789012345678901234567890123456789012345678901", &l);
	assert_int_equal(strlen(policy_doc_policy(doc)->brand.text), 47);
	assert_loss(&l, "model-id");
	policy_doc_destroy(doc);
	losses_done(&l);
}

static void assert_written(const struct cpu_policy *p, const char *expected, struct losses *l)
{
	char *text = policy_write(qemu_cpu_write, p, l);
	assert_string_equal(text, expected);
	free(text);
}

static void write__policy__is_a_line_that_qemu_takes(void **state)
{
	(void)state;
	struct losses l = { 0 };
	const struct policy_feature features[] = {
		{ "pcid", true, NULL },
		{ "lahf_lm", false, NULL },
		{ "pclmuldq", true, NULL },
		{ "kvmclock", false, NULL },
		{ "kvmclock2", false, NULL },
	};
	const struct cpu_policy p = {
		.features = features,
		.nr_features = ARRAY_SIZE(features),
		.vendor = { "amd", NULL },
		.family = { true, 6, NULL },
		.brand = { "My CPU", NULL },
		.phys_bits = { true, 40, NULL },
		.tsc_khz = { true, 2500000, NULL },
		.cache_given = true,
		.cache = CPU_CACHE_EMULATE,
		.hypervisor_given = true,
		.hypervisor = CPU_HYPERVISOR_NONE,
	};
	assert_written(&p,
		"host,+pcid,-lahf-lm,+pclmulqdq,-kvmclock,vendor=AuthenticAMD,family=6,"
		"model-id=My CPU,phys-bits=40,tsc-frequency=2500000000,hypervisor=off,kvm=off,"
		"host-cache-info=off,enforce=on\n",
		&l);
	assert_no_losses(&l);
}

static void write__named_model__takes_away_what_only_qemus_has(void **state)
{
	(void)state;
	struct losses l = { 0 };
	const struct policy_feature features[] = { { "f16c", true, NULL } };
	const struct cpu_policy p = { .model = { "Broadwell", NULL },
		.features = features,
		.nr_features = 1,
		.on_missing_given = true,
		.on_missing = CPU_MISSING_DROP };
	char *text = policy_write(qemu_cpu_write, &p, &l);
	assert_contains(text, "Broadwell,+f16c,");
	assert_contains(text, ",-abm");
	assert_contains(text, ",-xsaveopt");
	assert_null(strstr(text, "-f16c"));
	assert_contains(text, ",check=off\n");
	free(text);
	assert_no_losses(&l);
}

static void write__psabi_level__is_qemu64_with_its_features(void **state)
{
	(void)state;
	struct losses l = { 0 };
	const struct cpu_policy p = { .model = { "x86-64-v3", NULL } };
	char *text = policy_write(qemu_cpu_write, &p, &l);
	assert_contains(text, "qemu64,");
	assert_contains(text, ",+avx2");
	assert_contains(text, ",-svm");
	assert_null(strstr(text, "x86-64-v3"));
	assert_loss(&l, "model x86-64-v3: QEMU has none of that name");
	free(text);
	losses_done(&l);
}

static void write__what_qemu_cannot_say__is_named(void **state)
{
	(void)state;
	struct losses l = { 0 };
	const struct policy_feature features[] = {
		{ "cmt", true, NULL },
		{ "kvmclock", true, NULL },
		{ "kvmclock2", false, NULL },
	};
	const struct policy_leaf leaf = { .leaf = 0x14, .subleaf = 1, .reg = CPUID_EBX, .set = 1 };
	const struct policy_msr_bits bits[] = { { .index = 0x10a, .set = 1 },
		{ .index = 0x8b, .set = 1 } };
	const struct msr_rule rules[] = { { .first = 0x1a0, .last = 0x1a0 },
		{ .first = 0x10, .last = 0x20 } };
	const struct cpu_policy p = {
		.features = features,
		.nr_features = ARRAY_SIZE(features),
		.brand = { "a,b", NULL },
		.vendor = { "short", NULL },
		.hypervisor_given = true,
		.hypervisor = CPU_HYPERVISOR_HYPERV,
		.cache_given = true,
		.cache = CPU_CACHE_NONE,
		.migration = CPU_MIGRATION_MINIMUM,
		.older_os = true,
		.leaves = &leaf,
		.nr_leaves = 1,
		.msr_bits = bits,
		.nr_msr_bits = 2,
		.msr_rules = rules,
		.nr_msr_rules = 2,
		.msr_default_deny = true,
		.topology = { 2, 1, 4, 2 },
	};
	assert_written(&p, "host,model-id=ab,enforce=on\n", &l);
	assert_loss(&l, "+cmt: QEMU has no name for it");
	assert_loss(&l, "+kvmclock: QEMU has one name for it and kvmclock2");
	assert_loss(&l, "-kvmclock2: QEMU has one name");
	assert_loss(&l, "model-id: QEMU's -cpu cannot have a comma");
	assert_loss(&l, "vendor = \"short\"");
	assert_loss(&l, "hypervisor = \"hyperv\"");
	assert_loss(&l, "cache = \"none\"");
	assert_loss(&l, "compatibility_for_migration_mode = \"minimum_feature_set\"");
	assert_loss(&l, "compatibility_for_older_operating_systems");
	assert_loss(&l, "leaf rule for 0x14.0x1 ebx");
	assert_loss(&l, "bits of MSR 0x10a");
	assert_loss(&l, "bits of MSR 0x8b: QEMU's -cpu sets all of them or none");
	assert_loss(&l, "rule for MSR 0x1a0");
	assert_loss(&l, "rule for MSRs 0x10 to 0x20");
	assert_loss(&l, "msr.default = \"deny\"");
	assert_loss(&l, "topology of 2 sockets");
	assert_int_equal(l.nr_lines, 16);
	losses_done(&l);
}

static void write__unknown_name__is_refused(void **state)
{
	(void)state;
	struct losses l = { 0 };
	struct err e = ERR_INIT;
	const struct policy_feature feature = { "nosuch", true, "vm.toml:4:13" };
	const struct cpu_policy p = { .features = &feature, .nr_features = 1 };
	FILE *out = fopen("/dev/null", "we");
	assert_non_null(out);
	assert_int_equal(qemu_cpu_write(&p, out, &l, &e), -22);
	assert_contains(e.msg, "vm.toml:4:13: unknown feature nosuch");
	(void)fclose(out);
}

static void write__full_device__is_eio(void **state)
{
	(void)state;
	const struct cpu_policy p = { .model = { "host", NULL } };
	struct losses l = { 0 };
	struct err e = ERR_INIT;
	FILE *out = fopen("/dev/full", "we");
	assert_non_null(out);
	assert_int_equal(qemu_cpu_write(&p, out, &l, &e), -5);
	(void)fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read__host_with_features__are_nestors_names),
		cmocka_unit_test(read__flag_blanks_and_type_name__are_taken_off),
		cmocka_unit_test(read__a_feature_said_twice__goes_by_qemus_precedence),
		cmocka_unit_test(read__named_model__has_what_qemus_has_besides),
		cmocka_unit_test(read__versioned_model__is_known),
		cmocka_unit_test(read__identity__is_taken),
		cmocka_unit_test(read__tsc_frequency__takes_suffixes),
		cmocka_unit_test(read__check_and_enforce__are_on_missing),
		cmocka_unit_test(read__hidden_hypervisor__is_none_and_says_how_it_differs),
		cmocka_unit_test(read__windows_guest__names_what_is_lost),
		cmocka_unit_test(read__kvmclock__is_both_of_its_bits),
		cmocka_unit_test(read__base__is_a_model_without_features),
		cmocka_unit_test(read__ucode_rev__is_the_whole_msr),
		cmocka_unit_test(read__faults__are_refused),
		cmocka_unit_test(read__long_brand__is_cut_and_said),
		cmocka_unit_test(write__policy__is_a_line_that_qemu_takes),
		cmocka_unit_test(write__named_model__takes_away_what_only_qemus_has),
		cmocka_unit_test(write__psabi_level__is_qemu64_with_its_features),
		cmocka_unit_test(write__what_qemu_cannot_say__is_named),
		cmocka_unit_test(write__unknown_name__is_refused),
		cmocka_unit_test(write__full_device__is_eio),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
