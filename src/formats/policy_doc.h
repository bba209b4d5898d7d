/* SPDX-License-Identifier: MIT */
/*
 * A CPU policy that owns its strings and arrays: what the readers of other programs' formats make.
 * Names in it are nestor's (libvirt's spelling) wherever the other program's name is known.
 */
#ifndef NESTOR_FORMATS_POLICY_DOC_H
#define NESTOR_FORMATS_POLICY_DOC_H

#include "cpuid/policy.h"

struct policy_doc;

struct policy_doc *policy_doc_create(void); /* NULL: out of memory */
void policy_doc_destroy(struct policy_doc *doc);

/* The policy as built so far; its pointers are owned by doc and change when something is added. */
const struct cpu_policy *policy_doc_policy(const struct policy_doc *doc);
/* The same for filling in scalar fields; strings put there must come from policy_doc_string. */
struct cpu_policy *policy_doc_edit(struct policy_doc *doc);

/* True where the other program compares policy and host itself, before it starts a VM: what it
 * runs then has no word for it. */
void policy_doc_set_checked_before(struct policy_doc *doc, bool checked);
bool policy_doc_checked_before(const struct policy_doc *doc);

/* A copy of n bytes that lives as long as doc; NULL: out of memory. */
const char *policy_doc_string(struct policy_doc *doc, const char *text, size_t n);

int policy_doc_add_feature(struct policy_doc *doc, const struct policy_feature *f) MUST_CHECK;
/* Of the table [nesting], and of [hyperv]. */
int policy_doc_add_nesting_feature(
	struct policy_doc *doc, const struct policy_feature *f) MUST_CHECK;
int policy_doc_add_hyperv_feature(
	struct policy_doc *doc, const struct policy_feature *f) MUST_CHECK;
int policy_doc_add_leaf(struct policy_doc *doc, const struct policy_leaf *l) MUST_CHECK;
int policy_doc_add_msr_bits(struct policy_doc *doc, const struct policy_msr_bits *b) MUST_CHECK;
int policy_doc_add_msr_rule(struct policy_doc *doc, const struct msr_rule *r) MUST_CHECK;

#endif
