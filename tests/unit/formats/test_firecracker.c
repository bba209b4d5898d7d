/* SPDX-License-Identifier: MIT */
/* Firecracker's CPU template, both ways. */
#include "policies.h"

#include <stdlib.h>

#define X16 "xxxxxxxxxxxxxxxx"

static void read__template__gives_names_where_bits_have_some(void **state)
{
	(void)state;
	char text[4096];
	struct losses l = { 0 };
	/* Leaf 7 EBX: bit 16 avx512f off, bit 5 avx2 on; leaf 1 EAX: family 6, model 85, stepping
	 * 4; MSR 0x10a: bit 0 rdctl-no on, bit 60 has no name. */
	struct policy_doc *doc = policy_read(firecracker_cpu_read,
		"{\n"
		"  \"kvm_capabilities\": [\"!56\"],\n"
		"  \"cpuid_modifiers\": [\n"
		"    { \"leaf\": \"0x7\", \"subleaf\": \"0x0\", \"flags\": 1, \"modifiers\": [\n"
		"      { \"register\": \"ebx\", \"bitmap\": "
		"\"0bxxxxxxxx_xxxxxxx0_xxxxxxxx_xx1xxxxx\" }\n"
		"    ] },\n"
		"    { \"leaf\": \"0x1\", \"subleaf\": \"0x0\", \"flags\": 0, \"modifiers\": [\n"
		"      { \"register\": \"eax\", \"bitmap\": \"0bxxxx000000000101xx00011001010100\" "
		"}\n"
		"    ] },\n"
		"    { \"leaf\": \"0x80000008\", \"subleaf\": \"0\", \"flags\": 0, \"modifiers\": "
		"[\n"
		"      { \"register\": \"eax\", \"bitmap\": \"0b00101010\" }\n"
		"    ] },\n"
		"    { \"leaf\": \"0x14\", \"subleaf\": \"0x1\", \"flags\": 1, \"modifiers\": [\n"
		"      { \"register\": \"edx\", \"bitmap\": \"0b10x\" }\n"
		"    ] }\n"
		"  ],\n"
		"  \"msr_modifiers\": [ { \"addr\": \"0x10a\", \"bitmap\": \"0bxxx1" X16 X16 X16
		"xxxxxxxxxxx1\" } ]\n"
		"}\n",
		&l);
	const struct cpu_policy *p = policy_doc_policy(doc);
	assert_string_equal(p->model.text, "host");
	assert_string_equal(policy_features(p, text), "+avx2 -avx512f +rdctl-no");
	assert_int_equal(p->family.value, 6);
	assert_int_equal(p->model_number.value, 85);
	assert_int_equal(p->stepping.value, 4);
	assert_int_equal(p->phys_bits.value, 42);
	assert_int_equal(p->nr_leaves, 1);
	assert_int_equal(p->leaves[0].leaf, 0x14);
	assert_int_equal(p->leaves[0].subleaf, 1);
	assert_false(p->leaves[0].any_subleaf);
	assert_int_equal(p->leaves[0].reg, CPUID_EDX);
	assert_int_equal(p->leaves[0].set, 4);
	assert_int_equal(p->leaves[0].clear, 2);
	assert_int_equal(p->nr_msr_bits, 1);
	assert_int_equal(p->msr_bits[0].index, 0x10a);
	assert_true(p->msr_bits[0].set == UINT64_C(1) << 60);
	assert_true(p->msr_bits[0].clear == 0);
	assert_loss(&l, "kvm_capabilities: !56");
	assert_int_equal(l.nr_lines, 1);
	policy_doc_destroy(doc);
	losses_done(&l);
}

static void read__empty_template__is_the_host(void **state)
{
	(void)state;
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(firecracker_cpu_read, "{}", &l);
	assert_string_equal(policy_doc_policy(doc)->model.text, "host");
	assert_int_equal(policy_doc_policy(doc)->nr_features, 0);
	assert_no_losses(&l);
	policy_doc_destroy(doc);
}

#define CPUID(members) "{\"cpuid_modifiers\": [{" members "}]}"
#define LEAF "\"leaf\": \"0x7\", \"subleaf\": \"0x0\", \"flags\": 1, "

static void read__faults__are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "", "file:1:1: '[' or '{' expected near end of file" },
		{ "[]", "file: expected an object" },
		{ "{\"cpuid_modifier\": []}", "file: cpuid_modifier: unknown member" },
		{ "{\"reg_modifiers\": []}", "file: a template for Arm processors" },
		{ "{\"cpuid_modifiers\": {}}",
			"file: cpuid_modifiers: expected an array of at most 4096 elements" },
		{ "{\"cpuid_modifiers\": [1]}", "file: cpuid_modifiers[0]: expected an object" },
		{ "{\"kvm_capabilities\": [1]}",
			"file: kvm_capabilities[0]: expected a string such as \"!56\"" },
		{ CPUID("\"leaf\": \"0x7\""), "file: cpuid_modifiers[0].subleaf: is missing" },
		{ CPUID("\"leaf\": 7"), "file: cpuid_modifiers[0].leaf: expected a string such as "
					"\"0x1f\", of 32 bits" },
		{ CPUID("\"leaf\": \"0x100000000\""),
			"file: cpuid_modifiers[0].leaf: expected a string such as \"0x1f\", of 32 "
			"bits" },
		{ CPUID("\"leaf\": \"0x7\", \"subleaf\": \"0x0\", \"flags\": 8"),
			"file: cpuid_modifiers[0].flags: expected a number from 0 to 7" },
		{ CPUID(LEAF "\"modifiers\": 1"),
			"file: cpuid_modifiers[0].modifiers: expected an array of at most 4096 "
			"objects" },
		{ CPUID(LEAF "\"modifiers\": [{\"register\": \"eip\"}]"),
			"file: cpuid_modifiers[0].modifiers[0].register: expected \"eax\", "
			"\"ebx\", \"ecx\" or \"edx\"" },
		{ CPUID(LEAF "\"modifiers\": [{\"register\": \"ebx\"}]"),
			"file: cpuid_modifiers[0].modifiers[0].bitmap: is missing" },
		{ CPUID(LEAF "\"modifiers\": [{\"register\": \"ebx\", \"bitmap\": \"1\"}]"),
			"file: cpuid_modifiers[0].modifiers[0].bitmap: expected a string of 0, 1 "
			"and x after \"0b\"" },
		{ CPUID(LEAF "\"modifiers\": [{\"register\": \"ebx\", \"bitmap\": \"0b2\"}]"),
			"file: cpuid_modifiers[0].modifiers[0].bitmap: expected a string of 0, 1 "
			"and x after \"0b\"" },
		{ CPUID(LEAF "\"modifiers\": [{\"register\": \"ebx\", \"bitmap\": \"0b\"}]"),
			"file: cpuid_modifiers[0].modifiers[0].bitmap: has no bits" },
		{ CPUID(LEAF "\"modifiers\": [{\"register\": \"ebx\", \"bitmap\": \"0b" X16 X16
			     "1\"}]"),
			"file: cpuid_modifiers[0].modifiers[0].bitmap: more than 32 bits" },
		{ CPUID(LEAF "\"modifiers\": [{\"register\": \"ebx\", \"bitmap\": \"0b1xxxxx\"}, "
			     "{\"register\": \"ebx\", \"bitmap\": \"0b0xxxxx\"}]"),
			"file: cpuid_modifiers[0].modifiers[1].avx2: is set here and cleared "
			"elsewhere" },
		{ "{\"msr_modifiers\": [{\"addr\": \"0x10a\", \"bitmap\": \"0b1" X16 X16 X16 X16
		  "\"}]}",
			"file: msr_modifiers[0].bitmap: more than 64 bits" },
		{ "{\"msr_modifiers\": [{\"addr\": \"0x10a\", \"bits\": \"0b1\"}]}",
			"file: msr_modifiers[0].bits: unknown member" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct losses l = { 0 };
		struct policy_doc *doc = NULL;
		assert_int_equal(firecracker_cpu_read(cases[i].text, strlen(cases[i].text), "file",
					 &doc, &l, &e),
			-22);
		if (i > 0)
			assert_string_equal(e.msg, cases[i].message);
		assert_null(doc);
		losses_done(&l);
	}
	assert_refused(firecracker_cpu_read, "{\n  \"cpuid_modifiers\": [,]\n}",
		"file:2:23: unexpected token near ','");
}

static void write__host_policy__has_what_it_asks_for_alone(void **state)
{
	(void)state;
	struct losses l = { 0 };
	const struct policy_feature features[] = {
		{ "avx2", true, NULL },
		{ "avx512f", false, NULL },
		{ "rdctl-no", true, NULL },
	};
	const struct policy_leaf leaf = { .leaf = 0x14, .subleaf = 1, .reg = CPUID_EDX, .set = 4 };
	const struct cpu_policy p = {
		.features = features, .nr_features = 3, .leaves = &leaf, .nr_leaves = 1
	};
	char *text = policy_write(firecracker_cpu_write, &p, &l);
	assert_string_equal(text,
		"{\n  \"cpuid_modifiers\": [\n"
		"    {\n      \"leaf\": \"0x7\",\n      \"subleaf\": \"0x0\",\n"
		"      \"flags\": 1,\n      \"modifiers\": [\n"
		"        { \"register\": \"ebx\", \"bitmap\": "
		"\"0bxxxxxxxxxxxxxxx0xxxxxxxxxx1xxxxx\" }\n"
		"      ]\n    },\n"
		"    {\n      \"leaf\": \"0x14\",\n      \"subleaf\": \"0x1\",\n"
		"      \"flags\": 1,\n      \"modifiers\": [\n"
		"        { \"register\": \"edx\", \"bitmap\": "
		"\"0bxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1xx\" }\n"
		"      ]\n    }\n  ],\n"
		"  \"msr_modifiers\": [\n"
		"    { \"addr\": \"0x10a\", \"bitmap\": \"0b" X16 X16 X16 "xxxxxxxxxxxxxxx1\" }\n"
		"  ]\n}\n");
	assert_no_losses(&l);
	free(text);
}

/* Laid over any host, the template gives the model's features and no others that have a name. */
static void write__every_model__decides_every_bit_that_its_vendor_has(void **state)
{
	(void)state;
	const struct cpu_model *m;
	struct feature_set skip;
	feature_set_of_attribute(FEATURE_MANAGED | FEATURE_PV, &skip);
	for (size_t i = 0; (m = cpu_model_at(i)); i++) {
		struct losses l = { 0 };
		struct feature_set on = { { 0 } }, off = { { 0 } }, has = m->features, foreign;
		const struct cpu_policy p = { .model = { m->name, NULL } };
		char *text = policy_write(firecracker_cpu_write, &p, &l);
		struct policy_doc *doc = policy_read(firecracker_cpu_read, text, &l);
		const struct cpu_policy *read = policy_doc_policy(doc);
		for (size_t k = 0; k < read->nr_features; k++)
			feature_set_add(read->features[k].on ? &on : &off,
				feature_find(read->features[k].name)->id);
		bool vmx = feature_set_has(&has, FEATURE_ID_vmx);
		feature_set_subtract(&has, &skip);
		feature_set_foreign(m->vendor, &foreign);
		for (size_t k = 0; k < FEATURE_COUNT; k++) {
			const struct feature *f = feature_at(k);
			const struct feature_word *w = feature_word(f->id / 32u);
			if (feature_set_has(&has, f->id) &&
				(vmx || !(f->attributes & FEATURE_VMX_CONTROL)))
				assert_true(feature_set_has(&on, f->id));
			else
				assert_false(feature_set_has(&on, f->id));
			bool plain = w->kind == FEATURE_WORD_CPUID && w->leaf < 0xc0000000 &&
				     w->leaf != 0x8000000a && !feature_set_has(&skip, f->id) &&
				     !feature_set_has(&foreign, f->id);
			if (plain && !feature_set_has(&has, f->id))
				assert_true(feature_set_has(&off, f->id));
		}
		assert_int_equal(read->family.given, m->has_signature && m->nr_numbers > 0);
		assert_no_losses(&l);
		policy_doc_destroy(doc);
		free(text);
	}
}

static void write__what_a_template_cannot_say__is_named(void **state)
{
	(void)state;
	struct losses l = { 0 };
	const struct policy_leaf leaf = { .leaf = 7, .any_subleaf = true, .set = 1 };
	const struct cpu_policy p = {
		.model = { "max", NULL },
		.vendor = { "amd", NULL },
		.brand = { "x", NULL },
		.tsc_khz = { true, 1000, NULL },
		.hypervisor_given = true,
		.hypervisor = CPU_HYPERVISOR_NONE,
		.cache_given = true,
		.cache = CPU_CACHE_NONE,
		.on_missing_given = true,
		.leaves = &leaf,
		.nr_leaves = 1,
		.topology = { 1, 1, 2, 1 },
	};
	char *text = policy_write(firecracker_cpu_write, &p, &l);
	assert_string_equal(text, "{\n  \"cpuid_modifiers\": [],\n  \"msr_modifiers\": []\n}\n");
	assert_loss(&l, "model max");
	assert_loss(&l, "vendor = \"amd\"");
	assert_loss(&l, "brand = \"x\"");
	assert_loss(&l, "tsc_frequency");
	assert_loss(&l, "hypervisor = \"none\"");
	assert_loss(&l, "cache = \"none\"");
	assert_loss(&l, "on_missing");
	assert_loss(&l, "leaf rule for 0x7: the template needs the number of a subleaf");
	assert_loss(&l, "topology of 1 sockets");
	assert_int_equal(l.nr_lines, 9);
	free(text);
	losses_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read__template__gives_names_where_bits_have_some),
		cmocka_unit_test(read__empty_template__is_the_host),
		cmocka_unit_test(read__faults__are_refused),
		cmocka_unit_test(write__host_policy__has_what_it_asks_for_alone),
		cmocka_unit_test(write__every_model__decides_every_bit_that_its_vendor_has),
		cmocka_unit_test(write__what_a_template_cannot_say__is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
