/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"
#include "formats/policy_doc.h"

static void create__fresh__is_one_vcpu_and_nothing_given(void **state)
{
	(void)state;
	struct policy_doc *doc = policy_doc_create();
	const struct cpu_policy *p = policy_doc_policy(doc);
	assert_null(p->model.text);
	assert_int_equal(p->nr_features, 0);
	assert_int_equal(p->topology.sockets, 1);
	assert_int_equal(p->topology.dies, 1);
	assert_int_equal(p->topology.cores, 1);
	assert_int_equal(p->topology.threads, 1);
	policy_doc_destroy(doc);
	policy_doc_destroy(NULL);
}

static void string__many_and_long__stay_where_they_are(void **state)
{
	(void)state;
	struct policy_doc *doc = policy_doc_create();
	const char *kept[500];
	char text[5000];
	for (size_t i = 0; i < 500; i++) {
		size_t n = i * 10;
		(void)memset(text, 'a' + (int)(i % 26), n);
		kept[i] = policy_doc_string(doc, text, n);
		assert_non_null(kept[i]);
	}
	for (size_t i = 0; i < 500; i++) {
		assert_int_equal(strlen(kept[i]), i * 10);
		if (i > 0)
			assert_int_equal(kept[i][i * 10 - 1], 'a' + (int)(i % 26));
	}
	policy_doc_destroy(doc);
}

static void add__many_of_each__are_all_there_in_order(void **state)
{
	(void)state;
	struct policy_doc *doc = policy_doc_create();
	for (uint32_t i = 0; i < 100; i++) {
		const struct policy_feature f = { "avx", i % 2, NULL };
		const struct policy_leaf l = { .leaf = i };
		const struct policy_msr_bits b = { .index = i };
		const struct msr_rule r = { .first = i };
		assert_int_equal(policy_doc_add_feature(doc, &f), 0);
		assert_int_equal(policy_doc_add_leaf(doc, &l), 0);
		assert_int_equal(policy_doc_add_msr_bits(doc, &b), 0);
		assert_int_equal(policy_doc_add_msr_rule(doc, &r), 0);
	}
	const struct cpu_policy *p = policy_doc_policy(doc);
	assert_int_equal(p->nr_features, 100);
	assert_int_equal(p->nr_leaves, 100);
	assert_int_equal(p->nr_msr_bits, 100);
	assert_int_equal(p->nr_msr_rules, 100);
	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(p->features[i].on, i % 2);
		assert_int_equal(p->leaves[i].leaf, i);
		assert_int_equal(p->msr_bits[i].index, i);
		assert_int_equal(p->msr_rules[i].first, i);
	}
	policy_doc_destroy(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create__fresh__is_one_vcpu_and_nothing_given),
		cmocka_unit_test(string__many_and_long__stay_where_they_are),
		cmocka_unit_test(add__many_of_each__are_all_there_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
