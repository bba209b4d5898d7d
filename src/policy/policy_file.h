/* SPDX-License-Identifier: MIT */
/*
 * A VM's CPU policy with everything that its file names: the config, the model files that cpu.model
 * leads to, and what the hosts of cpu.migration_cluster have in common. One object owns all of it.
 */
#ifndef NESTOR_POLICY_POLICY_FILE_H
#define NESTOR_POLICY_POLICY_FILE_H

#include "base/finding.h"
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

/* Adds to found what is wrong with the file on every host (plan_check), for who was refused. */
int policy_file_faults(
	const struct policy_file *file, struct findings *found, struct err *e) MUST_CHECK;

/*
 * The same from the source on: all that is wrong with the config itself and the model files and
 * hosts that it names, too. more adds what else is to be looked at, which this room may not: the
 * guest's files (vm/); NULL: nothing. 0 also where there are faults. Errors: the file cannot be
 * read; memory is out. By file, line and column.
 */
int policy_file_check(const struct config_source *source, enum policy_file_use use,
	int (*more)(const struct config *config, struct findings *found, struct err *e),
	struct findings *found, struct err *e) MUST_CHECK;

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
