/* SPDX-License-Identifier: MIT */
/* QEMU's -cpu argument as a policy. */
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
	/* Model host has no invtsc in QEMU unless it is asked for, so that it can migrate. */
	assert_string_equal(
		policy_features(p, text), "-avx512f +lahf_lm -sse4.1 +tsc_adjust -invtsc");
	assert_int_equal(p->nesting.knob, POLICY_KNOB_EXPOSED);
	assert_string_equal(p->nesting.extensions, "vmx");
	assert_int_equal(p->on_missing, CPU_MISSING_WARN);
	assert_no_losses(&l);
	policy_doc_destroy(doc);
	losses_done(&l);
}

static void read__flag_blanks_and_type_name__are_taken_off(void **state)
{
	(void)state;
	char text[4096];
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(qemu_cpu_read, "  -cpu max-x86_64-cpu,,+pcid\n", &l);
	assert_string_equal(policy_doc_policy(doc)->model.text, "max");
	assert_string_equal(policy_features(policy_doc_policy(doc), text), "+pcid -invtsc");
	policy_doc_destroy(doc);
	losses_done(&l);
}

/* QEMU applies NAME=VALUE first, the last one standing, then all of +NAME, then all of -NAME. */
static void read__a_feature_said_twice__goes_by_qemus_precedence(void **state)
{
	(void)state;
	static const struct {
		const char *text, *features;
	} cases[] = {
		{ "n270,-avx,+avx", "-avx" },
		{ "n270,+avx,avx=off", "+avx" },
		{ "n270,-avx,avx=on", "-avx" },
		{ "n270,avx=on,avx=off", "-avx" },
		{ "n270,avx=off,avx", "+avx" },
		{ "n270,avx=off,+avx,-avx,avx=on", "-avx" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[4096];
		struct losses l = { 0 };
		struct policy_doc *doc = policy_read(qemu_cpu_read, cases[i].text, &l);
		(void)policy_features(policy_doc_policy(doc), text);
		assert_memory_equal(text, cases[i].features, strlen(cases[i].features));
		policy_doc_destroy(doc);
		losses_done(&l);
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
	losses_done(&l);
}

static void read__identity__is_taken(void **state)
{
	(void)state;
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(qemu_cpu_read,
		"qemu64,vendor=GenuineIntel,family=6,model=0x3c,stepping=3,"
		"model-id=Intel(R) Core(TM),, 4th,phys-bits=40,tsc-frequency=2500000000,"
		"enforce",
		&l);
	const struct cpu_policy *p = policy_doc_policy(doc);
	assert_string_equal(p->vendor.text, "GenuineIntel");
	assert_int_equal(p->family.value, 6);
	assert_int_equal(p->model_number.value, 60);
	assert_int_equal(p->stepping.value, 3);
	assert_string_equal(p->brand.text, "Intel(R) Core(TM), 4th");
	assert_int_equal(p->phys_bits.value, 40);
	assert_int_equal(p->tsc_khz.value, 2500000);
	assert_int_equal(p->on_missing, CPU_MISSING_ERROR);
	assert_string_equal(p->brand.origin, "test");
	assert_no_losses(&l);
	policy_doc_destroy(doc);
	losses_done(&l);
}

static void read__tsc_frequency__takes_suffixes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t khz;
	} cases[] = {
		{ "n270,tsc-freq=2.5G", 2500000 },
		{ "n270,tsc-frequency=2400M", 2400000 },
		{ "n270,tsc-freq=1000k", 1000 },
		{ "n270,tsc-freq=0x77359400", 2000000 },
		{ "n270,tsc-freq=0", 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct losses l = { 0 };
		struct policy_doc *doc = policy_read(qemu_cpu_read, cases[i].text, &l);
		assert_int_equal(policy_doc_policy(doc)->tsc_khz.value, cases[i].khz);
		assert_int_equal(policy_doc_policy(doc)->tsc_khz.given, cases[i].khz > 0);
		assert_no_losses(&l);
		policy_doc_destroy(doc);
		losses_done(&l);
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
		losses_done(&l);
	}
}

static void read__hidden_hypervisor__is_none_and_says_how_it_differs(void **state)
{
	(void)state;
	static const struct {
		const char *text, *loss;
	} cases[] = {
		{ "n270,kvm=off", "KVM hidden: hides the hypervisor bit" },
		{ "n270,-hypervisor", "hypervisor off: hides KVM's leaves 0x4000xxxx as well" },
		{ "n270,hypervisor=off,kvm=off", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct losses l = { 0 };
		struct policy_doc *doc = policy_read(qemu_cpu_read, cases[i].text, &l);
		assert_int_equal(policy_doc_policy(doc)->hypervisor, CPU_HYPERVISOR_NONE);
		assert_int_equal(l.nr_lines, cases[i].loss ? 1 : 0);
		if (cases[i].loss)
			assert_loss(&l, cases[i].loss);
		policy_doc_destroy(doc);
		losses_done(&l);
	}
}

static void read__windows_guest__has_its_enlightenments(void **state)
{
	(void)state;
	char text[4096];
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(qemu_cpu_read,
		"host,migratable=no,-vmx,-svm,hv_relaxed,hv-vapic=on,hv-spinlocks=0x1fff,hv-time="
		"off,"
		"hv-vendor-id=me,hv-version-id-build=0x4563,pmu=off,level=13,xlevel=0x8000001f",
		&l);
	const struct cpu_policy *p = policy_doc_policy(doc);
	/* What announces counters, or would be left out with migratable=yes. */
	assert_string_equal(policy_features(p, text),
		"-pdcm -perfctr_core -perfctr_nb -perfmon-v2 -arch-perfmon-ext");
	assert_int_equal(p->nr_hyperv_features, 3);
	assert_string_equal(p->hyperv_features[0].name, "hv-relaxed");
	assert_string_equal(p->hyperv_features[2].name, "hv-time");
	assert_false(p->hyperv_features[2].on);
	assert_int_equal(p->hyperv_spinlock_retries.value, 0x1fff);
	assert_string_equal(p->hyperv_vendor_id.text, "me");
	assert_int_equal(p->nr_leaves, 7);
	bool version = false;
	for (size_t i = 0; i < p->nr_leaves; i++)
		version |= p->leaves[i].leaf == 0x40000002 && p->leaves[i].set == 0x4563;
	assert_true(version);
	assert_int_equal(p->nesting.knob, POLICY_KNOB_HIDDEN);
	assert_no_losses(&l);
	policy_doc_destroy(doc);
	losses_done(&l);
}

/* By the table of words: named, unless it asks for nothing; or not a word, where no guest sees it.
 */
static void read__what_has_no_key__is_named_unless_it_asks_for_nothing(void **state)
{
	(void)state;
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(qemu_cpu_read,
		"n270,l3-cache=on,x-vendor-cpuid-only=on,lmce=off,host-phys-bits-limit=0", &l);
	assert_no_losses(&l);
	policy_doc_destroy(doc);
	doc = policy_read(qemu_cpu_read,
		"n270,l3-cache=off,lmce=on,host-phys-bits-limit=39,x-something-new=on,hv-syndbg",
		&l);
	assert_loss(&l, "l3-cache=off: a made-up hierarchy has a level 3 here");
	assert_loss(&l, "lmce=on");
	assert_loss(&l, "host-phys-bits-limit=39");
	assert_loss(&l, "x-something-new=on: an experimental property");
	assert_loss(&l, "hv-syndbg");
	assert_int_equal(l.nr_lines, 5);
	policy_doc_destroy(doc);
	losses_done(&l);
}

/* Which extensions a text exposes, and what of them. */
static void read__virtualization_extensions__are_the_knob(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum policy_knob knob;
		const char *extensions, *loss;
	} cases[] = {
		{ "Haswell,+vmx", POLICY_KNOB_EXPOSED, "vmx", NULL },
		{ "Haswell,vmx=on", POLICY_KNOB_EXPOSED, "vmx", NULL },
		{ "EPYC,+svm,+npt", POLICY_KNOB_EXPOSED, "svm", NULL },
		{ "host,+vmx,+svm", POLICY_KNOB_EXPOSED, NULL, NULL },
		{ "host,+npt", POLICY_KNOB_EXPOSED, "svm", NULL },
		{ "EPYC", POLICY_KNOB_UNSAID, NULL, NULL },
		{ "Haswell,-vmx", POLICY_KNOB_HIDDEN, NULL, NULL },
		{ "host,svm=off", POLICY_KNOB_HIDDEN, NULL, NULL },
		{ "Haswell,+svm", POLICY_KNOB_UNSAID, NULL,
			"svm: a processor of GenuineIntel has vmx" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct losses l = { 0 };
		struct policy_doc *doc = policy_read(qemu_cpu_read, cases[i].text, &l);
		const struct policy_nesting *n = &policy_doc_policy(doc)->nesting;
		if (cases[i].knob != POLICY_KNOB_UNSAID)
			assert_int_equal(n->knob, cases[i].knob);
		else
			assert_int_not_equal(n->knob, POLICY_KNOB_EXPOSED);
		if (cases[i].extensions)
			assert_string_equal(n->extensions, cases[i].extensions);
		else
			assert_null(n->extensions);
		if (cases[i].loss)
			assert_loss(&l, cases[i].loss);
		else
			assert_no_losses(&l);
		policy_doc_destroy(doc);
		losses_done(&l);
	}
	/* QEMU's model host has them where the host has them. */
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(qemu_cpu_read, "host", &l);
	assert_open(&l, "model host: VMX or SVM");
	assert_open(&l, "model host: a feature that QEMU has no name for");
	assert_no_losses(&l);
	policy_doc_destroy(doc);
	losses_done(&l);
	/* Its parts go to [nesting]. */
	doc = policy_read(qemu_cpu_read, "EPYC,+svm,-pause-filter", &l);
	const struct policy_nesting *n = &policy_doc_policy(doc)->nesting;
	bool found = false;
	for (size_t i = 0; i < n->nr_features; i++)
		found |= strcmp(n->features[i].name, "pause-filter") == 0 && !n->features[i].on;
	assert_true(found);
	policy_doc_destroy(doc);
	losses_done(&l);
}

/* Widths as QEMU has them with KVM: 40 bits, those of old processors, or the host's. */
static void read__width__is_what_qemus_guest_has(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t bits; /* 0: the host's */
	} cases[] = {
		{ "Haswell", 40 },
		{ "Haswell,phys-bits=46", 46 },
		{ "Haswell,host-phys-bits=on", 0 },
		{ "host", 0 },
		{ "host,host-phys-bits=off", 40 },
		{ "pentium3", 36 },
		{ "n270", 32 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct losses l = { 0 };
		struct policy_doc *doc = policy_read(qemu_cpu_read, cases[i].text, &l);
		assert_int_equal(policy_doc_policy(doc)->phys_bits.value, cases[i].bits);
		assert_int_equal(policy_doc_policy(doc)->phys_bits.given, cases[i].bits > 0);
		policy_doc_destroy(doc);
		losses_done(&l);
	}
}

/* The processor of QEMU's model, where it is another of the kind than nestor's; its caches. */
static void read__named_model__is_the_processor_that_qemu_shows(void **state)
{
	(void)state;
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(qemu_cpu_read, "Haswell", &l);
	const struct cpu_policy *p = policy_doc_policy(doc);
	assert_int_equal(p->stepping.value, 4);
	assert_string_equal(p->brand.text, "Intel Core Processor (Haswell)");
	assert_int_equal(p->cache, CPU_CACHE_EMULATE);
	policy_doc_destroy(doc);
	doc = policy_read(qemu_cpu_read, "Haswell,stepping=1,model-id=Mine", &l);
	p = policy_doc_policy(doc);
	assert_int_equal(p->stepping.value, 1);
	assert_string_equal(p->brand.text, "Mine");
	policy_doc_destroy(doc);
	doc = policy_read(qemu_cpu_read, "host,-vmx,migratable=off,host-cache-info", &l);
	assert_int_equal(policy_doc_policy(doc)->cache, CPU_CACHE_HOST);
	policy_doc_destroy(doc);
	assert_no_losses(&l);
}

static void read__kvmclock__is_both_of_its_bits(void **state)
{
	(void)state;
	char text[4096];
	struct losses l = { 0 };
	struct policy_doc *doc =
		policy_read(qemu_cpu_read, "host,kvmclock=off,+vmx-invept-single-context", &l);
	const struct policy_nesting *n = &policy_doc_policy(doc)->nesting;
	assert_string_equal(
		policy_features(policy_doc_policy(doc), text), "-kvmclock -kvmclock2 -invtsc");
	assert_int_equal(n->nr_features, 2);
	assert_string_equal(n->features[0].name, "vmx-invept-single-context");
	assert_string_equal(n->features[1].name, "vmx-invvpid-single-context");
	policy_doc_destroy(doc);
	losses_done(&l);
}

static void read__base__is_a_model_without_features(void **state)
{
	(void)state;
	char text[4096];
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(qemu_cpu_read, "base,+fpu,+lm", &l);
	assert_string_equal(policy_doc_policy(doc)->model.text, "486");
	assert_string_equal(policy_features(policy_doc_policy(doc), text),
		"+fpu -vme -pse -kvmclock -kvm-nopiodelay -kvmclock2 -kvm-asyncpf -kvm-steal-time "
		"-kvm-pv-eoi -kvmclock-stable-bit +lm");
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
	losses_done(&l);
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
		{ "Haswell,host-cache-info=on",
			"file: host-cache-info=on: QEMU has it with the models "
			"host and max alone" },
		{ "EPYC,migratable=off",
			"file: migratable=off: QEMU has it with the models host and max alone" },
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
		cmocka_unit_test(read__windows_guest__has_its_enlightenments),
		cmocka_unit_test(read__what_has_no_key__is_named_unless_it_asks_for_nothing),
		cmocka_unit_test(read__virtualization_extensions__are_the_knob),
		cmocka_unit_test(read__width__is_what_qemus_guest_has),
		cmocka_unit_test(read__named_model__is_the_processor_that_qemu_shows),
		cmocka_unit_test(read__kvmclock__is_both_of_its_bits),
		cmocka_unit_test(read__base__is_a_model_without_features),
		cmocka_unit_test(read__ucode_rev__is_the_whole_msr),
		cmocka_unit_test(read__faults__are_refused),
		cmocka_unit_test(read__long_brand__is_cut_and_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
