/* SPDX-License-Identifier: MIT */
#include "nesting/kernel.h"

#include <stdio.h>
#include <string.h>

static const struct kernel_problem problems[] = {
#include "nesting/kernel_problems.inc"
};

static const struct kernel_records records[] = {
#include "nesting/kernel_records.inc"
};
_Static_assert(ARRAY_SIZE(records) == 1, "kernel-records.tsv has one row");

const struct kernel_records *kernel_records(void)
{
	return &records[0];
}

const struct kernel_problem *kernel_problems(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(problems);
	return problems;
}

/* A number of at most 6 digits at *at, which moves behind it. */
static bool take_number(const char **at, unsigned *ret_value)
{
	unsigned value = 0, digits = 0;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		if (++digits > 6)
			return false;
		value = value * 10 + (unsigned)(**at - '0');
	}
	*ret_value = value;
	return digits > 0;
}

/* "6.12.95-rest", "6.12-rc1": *ret_rest is what follows the numbers. */
static bool parse_version(
	const char *text, struct kernel_version *ret_version, const char **ret_rest)
{
	struct kernel_version v = { .rc = KERNEL_RELEASED };
	const char *at = text;
	if (!take_number(&at, &v.version) || *at != '.')
		return false;
	at++;
	if (!take_number(&at, &v.patchlevel))
		return false;
	if (at[0] == '.' && at[1] >= '0' && at[1] <= '9') {
		at++;
		if (!take_number(&at, &v.sublevel))
			return false;
	}
	/* Candidates exist of x.y only: "-rc1" behind a sublevel is somebody's own. */
	const char *candidate = at + 3;
	if (v.sublevel == 0 && strncmp(at, "-rc", 3) == 0 && take_number(&candidate, &v.rc))
		at = candidate;
	*ret_version = v;
	*ret_rest = at;
	return true;
}

int kernel_compare(const struct kernel_version *a, const struct kernel_version *b)
{
	const unsigned x[] = { a->version, a->patchlevel, a->sublevel, a->rc };
	const unsigned y[] = { b->version, b->patchlevel, b->sublevel, b->rc };
	for (size_t i = 0; i < ARRAY_SIZE(x); i++) {
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	}
	return 0;
}

static bool same_series(const struct kernel_version *a, const struct kernel_version *b)
{
	return a->version == b->version && a->patchlevel == b->patchlevel;
}

/* Takes the version of a distribution's own word, where it is of the kernel's series. */
static bool take_distribution(
	struct kernel_identity *k, const char *name, const char *package, const char *version)
{
	struct kernel_version v;
	const char *rest;
	if (!parse_version(version, &v, &rest) || !same_series(&v, &k->version))
		return false;
	k->version = v;
	k->plain = false;
	(void)snprintf(k->distribution, sizeof(k->distribution), "%s", name);
	(void)snprintf(k->package, sizeof(k->package), "%.*s", (int)strcspn(package, " "), package);
	return true;
}

void kernel_identify(const struct machine_facts *machine, struct kernel_identity *ret_identity)
{
	static const char debian[] = " Debian ", ubuntu[] = "Ubuntu ";
	struct kernel_identity *k = ret_identity;
	const char *rest = "";
	*k = (struct kernel_identity){ .version = { .rc = KERNEL_RELEASED } };
	k->known = parse_version(machine->kernel_release, &k->version, &rest);
	k->plain = k->known && !*rest;
	if (!k->known)
		return;
	/* The compiler's package is named in /proc/version, too, but before the build's number. */
	const char *build = strrchr(machine->kernel_version, '#');
	const char *package = build ? strstr(build, debian) : NULL;
	if (package) {
		package += sizeof(debian) - 1;
		(void)take_distribution(k, "Debian", package, package);
	}
	const char *signature = machine->kernel_signature;
	const char *last = strrchr(signature, ' ');
	if (last && strncmp(signature, ubuntu, sizeof(ubuntu) - 1) == 0)
		(void)take_distribution(k, "Ubuntu", signature + sizeof(ubuntu) - 1, last + 1);
}

enum kernel_verdict kernel_judge(const struct kernel_identity *kernel,
	const struct kernel_problem *problem, const struct kernel_version **ret_fix)
{
	const struct kernel_version *v = &kernel->version;
	*ret_fix = NULL;
	if (!kernel->known)
		return KERNEL_COULD_BE;
	if (kernel_compare(v, &problem->introduced) < 0)
		return KERNEL_FIXED;
	if (kernel_compare(v, &problem->fixes[problem->nr_fixes - 1]) >= 0)
		return KERNEL_FIXED;
	for (unsigned i = 0; i < problem->nr_fixes; i++) {
		if (!same_series(v, &problem->fixes[i]))
			continue;
		if (kernel_compare(v, &problem->fixes[i]) >= 0)
			return KERNEL_FIXED;
		*ret_fix = &problem->fixes[i];
		break;
	}
	return kernel->plain ? KERNEL_AFFECTED : KERNEL_COULD_BE;
}

char *kernel_version_text(char text[KERNEL_VERSION_BYTES], const struct kernel_version *v)
{
	if (v->rc != KERNEL_RELEASED)
		(void)snprintf(
			text, KERNEL_VERSION_BYTES, "%u.%u-rc%u", v->version, v->patchlevel, v->rc);
	else if (v->sublevel == 0)
		(void)snprintf(text, KERNEL_VERSION_BYTES, "%u.%u", v->version, v->patchlevel);
	else
		(void)snprintf(text, KERNEL_VERSION_BYTES, "%u.%u.%u", v->version, v->patchlevel,
			v->sublevel);
	return text;
}
