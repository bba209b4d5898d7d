/* SPDX-License-Identifier: MIT */
/*
 * A VM's CPU policy with everything that its file names: the config, the model files that cpu.model
 * leads to, and what the hosts of cpu.migration_cluster have in common. One object owns all of it.
 */
#ifndef NESTOR_POLICY_POLICY_FILE_H
#define NESTOR_POLICY_POLICY_FILE_H

#include "config/source.h"
#include "cpuid/host_facts.h"
#include "plan/policy.h"

struct policy_file;

enum policy_file_use {
	POLICY_FILE_RUN, /* all of the config is checked (config_finish) */
	POLICY_FILE_ASK, /* only what the policy needs; no kernel has to be there */
};

/*
 * Errors are ERR_CONFIG, unless memory is out: those of the config; a model file that cannot be
 * used, with the line that names it; model files that lead back to themselves, with the chain; a
 * cluster's host file that is bad or of another vendor. *ret_file is untouched on failure. source
 * need not outlive it.
 */
int policy_file_load(struct policy_file **ret_file, const struct config_source *source,
	enum policy_file_use use, struct err *e) MUST_CHECK;

void policy_file_destroy(struct policy_file *file);

const struct vm_config *policy_file_vm(const struct policy_file *file);
const struct config *policy_file_config(const struct policy_file *file);

/* Calls fn with the resolved path of each model file, until one call returns other than 0, which is
 * then returned. */
int policy_file_each_model(const struct policy_file *file, int (*fn)(void *ctx, const char *path),
	void *ctx) MUST_CHECK;

/*
 * The policy, for the host that it is to be computed for (it decides how many threads a core has
 * where the config leaves that to the host; NULL: one). *ret_policy is lent until the next call.
 */
int policy_file_for_host(struct policy_file *file, const struct host_facts *host,
	const struct cpu_policy **ret_policy, struct err *e) MUST_CHECK;

#endif
