/* SPDX-License-Identifier: MIT */
#include "formats/policy_doc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Strings live in blocks that never move, so that pointers into them stay good. */
#define BLOCK_BYTES 1024

struct block {
	struct block *next;
	size_t used, size;
	char text[];
};

struct policy_doc {
	struct cpu_policy policy;
	bool checked_before;
	struct block *blocks;
	struct policy_feature *features, *nesting_features, *hyperv_features;
	struct policy_leaf *leaves;
	struct policy_msr_bits *msr_bits;
	struct msr_rule *msr_rules;
	size_t features_capacity, nesting_features_capacity, hyperv_features_capacity;
	size_t leaves_capacity, msr_bits_capacity, msr_rules_capacity;
};

struct policy_doc *policy_doc_create(void)
{
	struct policy_doc *doc = calloc(1, sizeof(*doc));
	if (doc)
		doc->policy.topology = (struct policy_topology){ 1, 1, 1, 1 };
	return doc;
}

void policy_doc_destroy(struct policy_doc *doc)
{
	if (!doc)
		return;
	for (struct block *b = doc->blocks; b;) {
		struct block *next = b->next;
		free(b);
		b = next;
	}
	free(doc->features);
	free(doc->nesting_features);
	free(doc->hyperv_features);
	free(doc->leaves);
	free(doc->msr_bits);
	free(doc->msr_rules);
	free(doc);
}

const struct cpu_policy *policy_doc_policy(const struct policy_doc *doc)
{
	return &doc->policy;
}

struct cpu_policy *policy_doc_edit(struct policy_doc *doc)
{
	return &doc->policy;
}

void policy_doc_set_checked_before(struct policy_doc *doc, bool checked)
{
	doc->checked_before = checked;
}

bool policy_doc_checked_before(const struct policy_doc *doc)
{
	return doc->checked_before;
}

const char *policy_doc_string(struct policy_doc *doc, const char *text, size_t n)
{
	struct block *b = doc->blocks;
	if (!b || b->size - b->used <= n) {
		size_t size = n + 1 > BLOCK_BYTES ? n + 1 : BLOCK_BYTES;
		b = malloc(sizeof(*b) + size);
		if (!b)
			return NULL;
		b->next = doc->blocks;
		b->used = 0;
		b->size = size;
		doc->blocks = b;
	}
	char *copy = b->text + b->used;
	(void)memcpy(copy, text, n);
	copy[n] = '\0';
	b->used += n + 1;
	return copy;
}

/* Makes room for one element more in *array of nr. */
static int grow(void **array, size_t *capacity, size_t nr, size_t bytes)
{
	if (nr < *capacity)
		return 0;
	size_t more = *capacity ? 2 * *capacity : 16;
	void *moved = reallocarray(*array, more, bytes);
	if (!moved)
		return -ENOMEM;
	*array = moved;
	*capacity = more;
	return 0;
}

int policy_doc_add_feature(struct policy_doc *doc, const struct policy_feature *f)
{
	void *array = doc->features;
	int rc = grow(&array, &doc->features_capacity, doc->policy.nr_features, sizeof(*f));
	doc->policy.features = doc->features = array;
	if (rc == 0)
		doc->features[doc->policy.nr_features++] = *f;
	return rc;
}

int policy_doc_add_nesting_feature(struct policy_doc *doc, const struct policy_feature *f)
{
	void *array = doc->nesting_features;
	size_t *nr = &doc->policy.nesting.nr_features;
	int rc = grow(&array, &doc->nesting_features_capacity, *nr, sizeof(*f));
	doc->policy.nesting.features = doc->nesting_features = array;
	if (rc == 0)
		doc->nesting_features[(*nr)++] = *f;
	return rc;
}

int policy_doc_add_hyperv_feature(struct policy_doc *doc, const struct policy_feature *f)
{
	void *array = doc->hyperv_features;
	size_t *nr = &doc->policy.nr_hyperv_features;
	int rc = grow(&array, &doc->hyperv_features_capacity, *nr, sizeof(*f));
	doc->policy.hyperv_features = doc->hyperv_features = array;
	if (rc == 0)
		doc->hyperv_features[(*nr)++] = *f;
	return rc;
}

int policy_doc_add_leaf(struct policy_doc *doc, const struct policy_leaf *l)
{
	void *array = doc->leaves;
	int rc = grow(&array, &doc->leaves_capacity, doc->policy.nr_leaves, sizeof(*l));
	doc->policy.leaves = doc->leaves = array;
	if (rc == 0)
		doc->leaves[doc->policy.nr_leaves++] = *l;
	return rc;
}

int policy_doc_add_msr_bits(struct policy_doc *doc, const struct policy_msr_bits *b)
{
	void *array = doc->msr_bits;
	int rc = grow(&array, &doc->msr_bits_capacity, doc->policy.nr_msr_bits, sizeof(*b));
	doc->policy.msr_bits = doc->msr_bits = array;
	if (rc == 0)
		doc->msr_bits[doc->policy.nr_msr_bits++] = *b;
	return rc;
}

int policy_doc_add_msr_rule(struct policy_doc *doc, const struct msr_rule *r)
{
	void *array = doc->msr_rules;
	int rc = grow(&array, &doc->msr_rules_capacity, doc->policy.nr_msr_rules, sizeof(*r));
	doc->policy.msr_rules = doc->msr_rules = array;
	if (rc == 0)
		doc->msr_rules[doc->policy.nr_msr_rules++] = *r;
	return rc;
}
