/* SPDX-License-Identifier: MIT */
/* Rules between the keys of [cpu] and [msr]. */
#include "config/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The factors of the number of vCPUs; what is not given counts as 1. */
struct factors {
	uint64_t sockets, dies, cores, threads;
	bool have_cores;
	bool threads_of_host; /* threads is 1, as it is not known yet */
	const char *threads_key;
};

static uint64_t factor(const struct config *c, const char *name, uint64_t value)
{
	return check_given(c, name) ? value : 1;
}

static uint64_t product(const struct factors *x)
{
	return x->sockets * x->dies * x->cores * x->threads; /* at most 255^4 */
}

/* "sockets * cores * threads = 2 * 3 * 2"; dies only where they are given, the host's threads not.
 */
static const char *describe(char text[160], const struct config *c, const struct factors *x)
{
	bool dies = check_given(c, "cpu.dies");
	bool threads = !x->threads_of_host;
	char die[24] = "", thread[24] = "";
	if (dies)
		(void)snprintf(die, sizeof(die), " * %" PRIu64, x->dies);
	if (threads)
		(void)snprintf(thread, sizeof(thread), " * %" PRIu64, x->threads);
	(void)snprintf(text, 160, "sockets%s * cores%s = %" PRIu64 "%s * %" PRIu64 "%s",
		dies ? " * dies" : "", threads ? " * threads" : "", x->sockets, die, x->cores,
		thread);
	return text;
}

/* cpu.threads and Hyper-V's name for it. False where they contradict each other. */
static bool find_threads(const struct config *c, struct faults *f, struct factors *x)
{
	static const char hyperv[] = "cpu.hw_thread_count_per_core";
	bool have_threads = check_given(c, "cpu.threads");
	bool have_hyperv = check_given(c, hyperv);
	uint64_t count = c->vm.cpu.hw_thread_count_per_core;
	if (have_threads && have_hyperv && count != c->vm.cpu.threads) {
		check_fault(c, f, hyperv, 0,
			"%" PRIu64 ", but cpu.threads, which means the same, is %" PRIu64 " (%s)",
			count, c->vm.cpu.threads, store_origin(c, "cpu.threads", 0));
		return false;
	}
	x->threads_of_host = have_hyperv && count == 0;
	x->threads = have_threads ? c->vm.cpu.threads : have_hyperv && count > 0 ? count : 1;
	x->threads_key = have_threads ? "cpu.threads" : have_hyperv ? hyperv : NULL;
	return true;
}

/* False where there are more vCPUs than can be. */
static bool check_product(const struct config *c, struct faults *f, const struct factors *x)
{
	char text[160];
	if (product(x) <= CONFIG_MAX_VCPUS)
		return true;
	const char *name = x->have_cores                      ? "cpu.cores"
			   : x->threads_key && x->threads > 1 ? x->threads_key
			   : check_given(c, "cpu.dies")       ? "cpu.dies"
							      : "cpu.sockets";
	check_fault(c, f, name, 0, "%s = %" PRIu64 ", more than %d vCPUs", describe(text, c, x),
		product(x), CONFIG_MAX_VCPUS);
	return false;
}

/* The number of threads is the host's to say, and so is what follows from it. */
static void finish_open_topology(struct config *c, struct faults *f, const struct factors *x)
{
	char text[160];
	bool have_vcpus = check_given(c, "cpu.vcpus");
	if (!check_product(c, f, x))
		return;
	if (have_vcpus && c->vm.cpu.vcpus % product(x) != 0) {
		check_fault(c, f, "cpu.vcpus", 0, "%" PRIu64 " is not a multiple of %s = %" PRIu64,
			c->vm.cpu.vcpus, describe(text, c, x), product(x));
		return;
	}
	if (!have_vcpus)
		c->vm.cpu.vcpus = 0;
	c->vm.cpu.cores = x->have_cores ? x->cores : 0;
	c->vm.cpu.threads = 0;
	c->vm.cpu.sockets = x->sockets;
	c->vm.cpu.dies = x->dies;
	c->vm.cpu.threads_of_host = true;
}

/*
 * vcpus = sockets * dies * cores * threads, where a factor that is not given is 1, but cores takes
 * what is left of vcpus. What a former call computed is not given, so that this can be done again.
 */
static void check_topology(struct config *c, struct faults *f)
{
	char text[160];
	bool have_vcpus = check_given(c, "cpu.vcpus");
	uint64_t vcpus = have_vcpus ? c->vm.cpu.vcpus : 1;
	struct factors x = {
		.sockets = factor(c, "cpu.sockets", c->vm.cpu.sockets),
		.dies = factor(c, "cpu.dies", c->vm.cpu.dies),
		.cores = factor(c, "cpu.cores", c->vm.cpu.cores),
		.have_cores = check_given(c, "cpu.cores"),
	};
	c->vm.cpu.threads_of_host = false;
	if (!find_threads(c, f, &x))
		return;
	if (x.threads_of_host) {
		finish_open_topology(c, f, &x);
		return;
	}
	if (!x.have_cores && !check_given(c, "cpu.sockets") && !check_given(c, "cpu.dies") &&
		!x.threads_key) {
		c->vm.cpu.vcpus = vcpus;
		c->vm.cpu.sockets = c->vm.cpu.dies = c->vm.cpu.cores = c->vm.cpu.threads = 0;
		return;
	}
	if (have_vcpus && !x.have_cores && vcpus % product(&x) == 0)
		x.cores = vcpus / product(&x);
	if (have_vcpus && product(&x) != vcpus) {
		(void)describe(text, c, &x);
		check_fault(c, f, "cpu.vcpus", 0, "%" PRIu64 " is not %s = %" PRIu64, vcpus, text,
			product(&x));
		return;
	}
	if (!check_product(c, f, &x))
		return;
	c->vm.cpu.vcpus = product(&x);
	c->vm.cpu.sockets = x.sockets;
	c->vm.cpu.dies = x.dies;
	c->vm.cpu.cores = x.cores;
	c->vm.cpu.threads = x.threads;
}

static void check_pinning(const struct config *c, struct faults *f)
{
	size_t n = c->vm.cpu.nr_pinning;
	if (n != 0 && c->vm.cpu.vcpus != 0 && n != c->vm.cpu.vcpus)
		check_fault(c, f, "cpu.pinning", 0,
			"lists %zu host CPUs, but there are %" PRIu64 " vCPUs, which need one each",
			n, c->vm.cpu.vcpus);
}

static void check_migration(const struct config *c, struct faults *f)
{
	static const char mode[] = "cpu.compatibility_for_migration_mode";
	bool cluster =
		c->vm.cpu.compatibility_for_migration_mode == MIGRATION_COMMON_CLUSTER_FEATURE_SET;
	/* An explicit false is a switch that somebody turned off; none at all was forgotten. */
	if (check_given(c, mode) && !check_given(c, "cpu.compatibility_for_migration_enabled"))
		check_fault(c, f, mode, 0,
			"has no effect without cpu.compatibility_for_migration_enabled = true");
	if (cluster && c->vm.cpu.migration_cluster.n == 0)
		check_fault(c, f, mode, 0,
			"\"common_cluster_feature_set\" needs cpu.migration_cluster, the cluster's "
			"host files");
	if (!cluster && c->vm.cpu.migration_cluster.n > 0)
		check_fault(c, f, "cpu.migration_cluster", 0,
			"is only for compatibility_for_migration_mode = "
			"\"common_cluster_feature_set\"");
}

/* True where the key of an element is given; else a fault that says why it must be. */
static bool require(
	const struct config *c, struct faults *f, const char *name, unsigned index, const char *why)
{
	if (store_origin(c, name, index))
		return true;
	check_fault(c, f, name, index, "not given: %s", why);
	return false;
}

static void check_leaf(struct config *c, struct faults *f, unsigned i)
{
	struct config_leaf *leaf = &c->vm.cpu.leaves[i];
	leaf->any_subleaf = !store_origin(c, "cpu.leaves[].subleaf", i);
	(void)require(c, f, "cpu.leaves[].leaf", i, "which CPUID leaf is it?");
	(void)require(c, f, "cpu.leaves[].register", i, "eax, ebx, ecx or edx?");
	(void)require(c, f, "cpu.leaves[].mask", i, "what are the register's bits to be?");
}

void check_cpu(struct config *c, struct faults *f)
{
	check_topology(c, f);
	check_pinning(c, f);
	check_migration(c, f);
	for (unsigned i = 0; i < c->vm.cpu.nr_leaves; i++)
		check_leaf(c, f, i);
}

/* Either index, or first and last; from and to get what they say. */
static void check_msr_range(struct config *c, struct faults *f, unsigned i)
{
	struct config_msr_rule *rule = &c->vm.msr.rules[i];
	const char *index = store_origin(c, "msr.rules[].index", i);
	const char *first = store_origin(c, "msr.rules[].first", i);
	const char *last = store_origin(c, "msr.rules[].last", i);
	rule->from = rule->to = 0;
	if (index && (first || last)) {
		check_fault(c, f, first ? "msr.rules[].first" : "msr.rules[].last", i,
			"a rule has either index (%s) or first and last", index);
	} else if (index) {
		rule->from = rule->to = (uint32_t)rule->index;
	} else if (!first && !last) {
		check_fault(c, f, "msr.rules[].index", i,
			"not given: a rule needs index, or first and last");
	} else if (!first || !last) {
		check_fault(c, f, first ? "msr.rules[].last" : "msr.rules[].first", i,
			"not given: a range needs first and last");
	} else if (rule->first > rule->last) {
		check_fault(c, f, "msr.rules[].last", i,
			"%#" PRIx64 " is less than first, %#" PRIx64, rule->last, rule->first);
	} else {
		rule->from = (uint32_t)rule->first;
		rule->to = (uint32_t)rule->last;
	}
}

static void check_msr_rule(struct config *c, struct faults *f, unsigned i)
{
	const struct config_msr_rule *rule = &c->vm.msr.rules[i];
	check_msr_range(c, f, i);
	if (!require(c, f, "msr.rules[].action", i, "what does the rule do?"))
		return;
	bool have_value = store_origin(c, "msr.rules[].value", i) != NULL;
	if (rule->action == MSR_ACTION_READ_AS && !have_value)
		check_fault(c, f, "msr.rules[].value", i,
			"not given: action \"read-as\" needs the value that is read");
	if (rule->action != MSR_ACTION_READ_AS && have_value)
		check_fault(c, f, "msr.rules[].value", i, "is only for action = \"read-as\"");
}

void check_msr(struct config *c, struct faults *f)
{
	for (unsigned i = 0; i < c->vm.msr.nr_rules; i++)
		check_msr_rule(c, f, i);
	for (unsigned i = 0; i < c->vm.msr.nr_bits; i++) {
		(void)require(c, f, "msr.bits[].index", i, "which MSR is it?");
		(void)require(c, f, "msr.bits[].mask", i, "what are the MSR's bits to be?");
	}
}
