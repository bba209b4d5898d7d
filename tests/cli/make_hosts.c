/* SPDX-License-Identifier: MIT */
/*
 * Writes host files for tests. `make_hosts model NAME` prints that of a host of a named model;
 * `make_hosts random SEED N FOLDER` writes N random Intel hosts, host-00000.json and on, the same
 * for one seed.
 */
#include "fake/hosts_everything.h"

#include "formats/hostfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int write_host(struct hostfile *file, const char *name, FILE *out)
{
	file->kind = HOSTFILE_KVM;
	(void)snprintf(file->name, sizeof(file->name), "%s", name);
	return hostfile_write_json(file, out);
}

static int write_model(const char *name)
{
	static struct hostfile file;
	const struct cpu_model *model = cpu_model_find(name);
	if (!model) {
		(void)fprintf(stderr, "make_hosts: no model %s\n", name);
		return 1;
	}
	host_of_model(model, &file.facts);
	return write_host(&file, name, stdout) ? 1 : 0;
}

static int write_random(unsigned long seed, unsigned long n, const char *folder)
{
	static struct host_facts base;
	static struct hostfile file;
	host_everything(CPUID_VENDOR_INTEL, &base);
	for (unsigned long i = 0; i < n; i++) {
		char path[4096], name[32];
		(void)snprintf(name, sizeof(name), "host-%05lu", i);
		(void)snprintf(path, sizeof(path), "%s/%s.json", folder, name);
		host_random_subset(&base, (uint32_t)(seed + i), &file.facts);
		FILE *out = fopen(path, "we");
		int rc = out ? write_host(&file, name, out) : -1;
		if (!out || fclose(out) != 0 || rc) {
			perror(path);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "model") == 0)
		return write_model(argv[2]);
	if (argc == 5 && strcmp(argv[1], "random") == 0)
		return write_random(strtoul(argv[2], NULL, 0), strtoul(argv[3], NULL, 0), argv[4]);
	(void)fprintf(stderr, "Usage: make_hosts model NAME | random SEED N FOLDER\n");
	return 2;
}
