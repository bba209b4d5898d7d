/* SPDX-License-Identifier: MIT */
/* Whether a host runs a VM or a named model, and what it lacks. */
#ifndef NESTOR_POLICY_HOST_FIT_H
#define NESTOR_POLICY_HOST_FIT_H

#include "cpuid/kept.h"
#include "cpuid/models.h"
#include "plan/plan.h"
#include "policy/policy_file.h"

/* Large: host_fit_create and _destroy. */
struct host_fit {
	bool runs;
	struct err why;      /* where not, in lines, unless the plan's notes say what is missing */
	bool is_of_kept;     /* what its KVM would not keep is why */
	unsigned nr_missing; /* features and numbers that are asked for: plan.cpu's */
	struct machine_plan plan; /* of what was asked last, and refused or not */
	/* What that host's KVM would keep of the plan's CPUID, where its file says. */
	struct cpuid_table set, kept_table;
	struct cpu_kept kept;
};

int host_fit_create(struct host_fit **ret_fit, struct err *e) MUST_CHECK;
void host_fit_destroy(struct host_fit *fit); /* NULL-safe */

/* Asks whether a host runs a VM, as `run` would. An answer, no matter which, is 0; an error is one
 * of the policy (ERR_CONFIG), or -ENOMEM. */
int host_fit_vm(struct host_fit *fit, struct policy_file *file, const struct host_facts *host,
	struct err *e) MUST_CHECK;

/* The same of a VM that asks for nothing but a model. What goes wrong is an answer, too. */
void host_fit_model(
	struct host_fit *fit, const struct cpu_model *model, const struct host_facts *host);

/* Something that the host lacks. */
struct host_loss {
	char what[CPU_UNKEPT_BYTES];
	char place[FEATURE_PLACE_BYTES]; /* of a feature; "" where it is none */
	const char *origin;              /* of what asks for it; NULL: none; lent by the policy */
};

/* The next loss from *at on, which begins at 0; false: there is none. */
bool host_fit_next_loss(const struct host_fit *fit, unsigned *at, struct host_loss *ret_loss);

/* As many as are named, without those that there was no room for (plan.cpu.nr_lost). */
unsigned host_fit_count_losses(const struct host_fit *fit);

/* The features that a model lacks on a host; none where it runs, or does not for another reason. */
void host_fit_missing(const struct host_fit *fit, struct feature_set *ret_missing);

#endif
