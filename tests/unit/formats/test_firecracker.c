/* SPDX-License-Identifier: MIT */
/* Firecracker's CPU template as a policy. */
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
	assert_loss(&l, "VMX or SVM");
	assert_int_equal(l.nr_lines, 2);
	assert_int_equal(p->on_missing, CPU_MISSING_WARN);
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
	assert_loss(&l, "VMX or SVM, which the guest would see where the host's KVM offers it");
	assert_int_equal(l.nr_lines, 1);
	policy_doc_destroy(doc);
	losses_done(&l);
}

#define MODIFY(leaf, subleaf, flags, reg, bits)                                                    \
	"{\"cpuid_modifiers\": [{\"leaf\": \"" leaf "\", \"subleaf\": \"" subleaf                  \
	"\", \"flags\": " flags ", \"modifiers\": [{\"register\": \"" reg                          \
	"\", \"bitmap\": \"0b" bits "\"}]}]}"

/* KVM's flags say what a leaf is anyway: one with subleaves stays one subleaf of them. */
static void read__subleaf__stays_one_whatever_the_flags_are(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool any;
	} cases[] = {
		{ MODIFY("0x1e", "0x0", "0", "ebx", "1"), false },
		{ MODIFY("0x1e", "0x0", "1", "ebx", "1"), false },
		{ MODIFY("0x1e", "0x1", "0", "ebx", "1"), false },
		{ MODIFY("0x6", "0x0", "0", "ebx", "1"), true },
		{ MODIFY("0x6", "0x0", "1", "ebx", "1"), true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct losses l = { 0 };
		struct policy_doc *doc = policy_read(firecracker_cpu_read, cases[i].text, &l);
		const struct cpu_policy *p = policy_doc_policy(doc);
		assert_int_equal(p->nr_leaves, 1);
		assert_int_equal(p->leaves[0].any_subleaf, cases[i].any);
		policy_doc_destroy(doc);
		losses_done(&l);
	}
}

/* VMX (leaf 1 ECX bit 5) and SVM (leaf 0x80000001 ECX bit 2) are the knob. */
static void read__virtualization_extensions__are_the_knob(void **state)
{
	(void)state;
	static const struct {
		const char *text, *extensions;
		enum policy_knob knob;
	} cases[] = {
		{ MODIFY("0x1", "0x0", "0", "ecx", "100000"), "vmx", POLICY_KNOB_EXPOSED },
		{ MODIFY("0x1", "0x0", "0", "ecx", "0xxxxx"), NULL, POLICY_KNOB_HIDDEN },
		{ MODIFY("0x80000001", "0x0", "0", "ecx", "1xx"), "svm", POLICY_KNOB_EXPOSED },
		{ MODIFY("0x80000001", "0x0", "0", "ecx", "0xx"), NULL, POLICY_KNOB_HIDDEN },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct losses l = { 0 };
		struct policy_doc *doc = policy_read(firecracker_cpu_read, cases[i].text, &l);
		const struct policy_nesting *n = &policy_doc_policy(doc)->nesting;
		assert_int_equal(n->knob, cases[i].knob);
		if (cases[i].extensions)
			assert_string_equal(n->extensions, cases[i].extensions);
		assert_no_losses(&l);
		policy_doc_destroy(doc);
	}
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
		{ "{\"reg_modifiers\": []}", "file: reg_modifiers: of a template for Arm "
					     "processors" },
		{ "{\"vcpu_features\": []}",
			"file: vcpu_features: of a template for Arm processors" },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read__template__gives_names_where_bits_have_some),
		cmocka_unit_test(read__empty_template__is_the_host),
		cmocka_unit_test(read__subleaf__stays_one_whatever_the_flags_are),
		cmocka_unit_test(read__virtualization_extensions__are_the_knob),
		cmocka_unit_test(read__faults__are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
