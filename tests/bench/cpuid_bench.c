/* SPDX-License-Identifier: MIT */
/*
 * Helper of scripts/bench-cpuid.
 *
 *   cpuid_bench compute ROUNDS     times the engine: a line for each model and host, tab-separated:
 *                                  model, host, vCPUs, microseconds a policy, a vCPU's table, and
 *                                  both together a vCPU; a policy with a trace; notes
 *   cpuid_bench hosts DIR NUMBER   writes that many different host files to DIR, all Intel
 *   cpuid_bench run COMMAND...     runs it with its output thrown away; prints wall and user time
 *                                  in microseconds, the most memory in KiB, and the exit status
 */
#include "cpuid/engine.h"
#include "fake/hosts.h"
#include "fake/hosts_everything.h"
#include "formats/hostfile.h"
#include "nesting/nesting.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;
	if (clock_gettime(clock, &t))
		return 0;
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The engine. */

struct computation {
	struct cpu_policy policy;
	const struct host_facts *host;
	struct cpu_result result;
	struct cpuid_table table;
	struct err e;
};

static int compare_times(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static double median_us(uint64_t *ns, size_t n)
{
	qsort(ns, n, sizeof(*ns), compare_times);
	return (double)ns[n / 2] / 1000;
}

/* A policy that is wrong is the measurement's fault; one that lacks something is not. */
static int compute_once(struct computation *c, struct cpu_trace *trace)
{
	int rc = cpu_compute(&c->policy, c->host, trace, &c->result, &c->e);
	return rc == -ENOTSUP && c->result.nr_missing > 0 ? 0 : rc;
}

/* Nanoseconds of one policy, traced or not. */
static int time_policy(struct computation *c, bool traced, uint64_t *ret_ns)
{
	struct cpu_trace trace = { 0 };
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	int rc = compute_once(c, traced ? &trace : NULL);
	*ret_ns = now_ns(CLOCK_MONOTONIC) - start;
	cpu_trace_done(&trace);
	return rc;
}

static int time_vcpus(struct computation *c, unsigned vcpus, uint64_t *ret_ns)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	for (unsigned i = 0; i < vcpus; i++) {
		int rc = cpu_result_vcpu(&c->result, i, NULL, &c->table, &c->e);
		if (rc)
			return rc;
	}
	*ret_ns = now_ns(CLOCK_MONOTONIC) - start;
	return 0;
}

static int measure(struct computation *c, const char *host_name, unsigned vcpus, size_t rounds)
{
	uint64_t *ns = calloc(3 * rounds, sizeof(*ns));
	int rc = ns ? 0 : -ENOMEM;
	c->policy.topology = (struct policy_topology){ 1, 1, vcpus, 1 };
	for (size_t i = 0; rc == 0 && i < rounds; i++) {
		rc = time_policy(c, false, &ns[i]);
		if (rc == 0)
			rc = time_vcpus(c, vcpus, &ns[rounds + i]);
		if (rc == 0)
			rc = time_policy(c, true, &ns[2 * rounds + i]);
	}
	if (rc == 0) {
		double policy = median_us(ns, rounds);
		double tables = median_us(ns + rounds, rounds);
		(void)printf("%s\t%s\t%u\t%.2f\t%.2f\t%.2f\t%.2f\t%u\n", c->policy.model.text,
			host_name, vcpus, policy, tables / vcpus, (policy + tables) / vcpus,
			median_us(ns + 2 * rounds, rounds), c->result.nr_notes);
	} else {
		(void)fprintf(stderr, "cpuid_bench: %s on %s: %s\n", c->policy.model.text,
			host_name, c->e.msg);
	}
	free(ns);
	return rc;
}

static int compute(size_t rounds)
{
	static const char *const models[][3] = {
		[CPUID_VENDOR_INTEL] = { "host", "SapphireRapids", "x86-64-v3" },
		[CPUID_VENDOR_AMD] = { "max", "EPYC-Milan", "x86-64-v2" },
	};
	static const enum cpuid_vendor vendors[] = { CPUID_VENDOR_INTEL, CPUID_VENDOR_AMD };
	static const unsigned numbers[] = { 1, 255 };
	static struct host_facts hosts[2];
	static const char *const names[] = { "everything", "lacking" };
	struct policy_withdrawal withdrawals[NESTING_MAX_WITHDRAWALS];
	size_t nr_withdrawals = nesting_withdrawals(false, NULL, withdrawals);
	struct computation *c = calloc(1, sizeof(*c));
	int rc = c ? 0 : -ENOMEM;
	for (size_t v = 0; v < ARRAY_SIZE(vendors); v++) {
		host_everything(vendors[v], &hosts[0]);
		host_random_subset(&hosts[0], 3, &hosts[1]);
		for (size_t i = 0; i < 3 * 2 * ARRAY_SIZE(numbers) && rc == 0; i++) {
			size_t h = i / 3 % 2;
			c->host = &hosts[h];
			c->policy = (struct cpu_policy){
				.model = { models[vendors[v]][i % 3], NULL },
				.withdrawals = withdrawals,
				.nr_withdrawals = nr_withdrawals,
			};
			rc = measure(c, names[h], numbers[i / 6], rounds);
		}
	}
	free(c);
	return rc ? 1 : 0;
}

/* Host files. */

static int write_host(const char *folder, unsigned i, const struct hostfile *file)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/host-%05u.json", folder, i);
	FILE *out = n > 0 && (size_t)n < sizeof(path) ? fopen(path, "we") : NULL;
	int rc = out ? hostfile_write_json(file, out) : -errno;
	if (out && fclose(out) != 0 && rc == 0)
		rc = -errno;
	if (rc)
		(void)fprintf(stderr, "cpuid_bench: %s: %s\n", path, strerror(-rc));
	return rc;
}

static int hosts(const char *folder, unsigned number)
{
	struct host_facts whole;
	struct hostfile *file = calloc(1, sizeof(*file));
	int rc = file ? 0 : -ENOMEM;
	host_everything(CPUID_VENDOR_INTEL, &whole);
	for (unsigned i = 0; rc == 0 && i < number; i++) {
		host_random_subset(&whole, i + 1, &file->facts);
		file->kind = HOSTFILE_KVM;
		(void)snprintf(file->name, sizeof(file->name), "host-%05u", i);
		rc = write_host(folder, i, file);
	}
	free(file);
	return rc ? 1 : 0;
}

/* Other programs. */

static int run(char **command)
{
	struct rusage usage;
	int status;
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	pid_t child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
			_exit(127);
		(void)execvp(command[0], command);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child || !WIFEXITED(status)) {
		(void)fprintf(stderr, "cpuid_bench: %s did not run to its end\n", command[0]);
		return 1;
	}
	uint64_t wall = (now_ns(CLOCK_MONOTONIC) - start) / 1000;
	uint64_t user =
		(uint64_t)usage.ru_utime.tv_sec * 1000000 + (uint64_t)usage.ru_utime.tv_usec;
	(void)printf("%" PRIu64 "\t%" PRIu64 "\t%ld\t%d\n", wall, user, usage.ru_maxrss,
		WEXITSTATUS(status));
	return 0;
}

static unsigned number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	return *end == '\0' && n <= 1000000 ? (unsigned)n : 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "compute") == 0 && number(argv[2]) > 0)
		return compute(number(argv[2]));
	if (argc == 4 && strcmp(argv[1], "hosts") == 0 && number(argv[3]) > 0)
		return hosts(argv[2], number(argv[3]));
	if (argc >= 3 && strcmp(argv[1], "run") == 0)
		return run(argv + 2);
	(void)fprintf(
		stderr, "usage: cpuid_bench compute ROUNDS | hosts DIR NUMBER | run COMMAND...\n");
	return 2;
}
