/* SPDX-License-Identifier: MIT */
/*
 * A policy and the model files under it as one, for the writers: names checked and canonical, each
 * feature once, the inner policies' word overruled by the outer's. Of this room alone.
 */
#ifndef NESTOR_FORMATS_FOLD_H
#define NESTOR_FORMATS_FOLD_H

#include "cpuid/models.h"
#include "formats/policy_doc.h"

struct fold {
	struct policy_doc *doc;          /* features, leaves, MSR bits and rules of all layers */
	const struct cpu_policy *policy; /* of doc; base is NULL */
	const char *model_name;          /* "host", "max" or a model's */
	const struct cpu_model *model;   /* NULL: host or max */
	struct feature_set on, off;      /* what policy->features say */
};

/* -EINVAL: a name is unknown, or a layer contradicts itself; -ENOMEM. fold_done also after that. */
int fold_init(struct fold *f, const struct cpu_policy *policy, struct err *e) MUST_CHECK;
void fold_done(struct fold *f);

#endif
