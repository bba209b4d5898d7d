/* SPDX-License-Identifier: MIT */
/*
 * What is known to be broken or dangerous, for nesting, in a host's Linux: data/kernel-problems.tsv
 * against the version that the kernel itself says. Distributions carry fixes under older numbers,
 * so a kernel that is not plainly upstream's can be cleared, but never convicted. Pure.
 */
#ifndef NESTOR_NESTING_KERNEL_H
#define NESTOR_NESTING_KERNEL_H

#include "base/machine.h"
#include "cpuid/cpuid.h"

#define KERNEL_RELEASED UINT32_MAX /* rc of a version that is no release candidate */
#define KERNEL_MAX_FIXES 10

/* In the order of the kernel's Makefile: 6.12.95, or 7.2.0-rc1. */
struct kernel_version {
	unsigned version, patchlevel, sublevel, rc;
};

enum nesting_harm {
	NESTING_HARM_ESCAPE, /* of a guest into the host */
	NESTING_HARM_LEAK,   /* of what others hold in memory */
	NESTING_HARM_CRASH,  /* of the host */
	NESTING_HARM_STATE,  /* of a guest or its hypervisor is corrupted */
};

struct kernel_problem {
	char id[20];
	enum cpuid_vendor vendor; /* whose extensions lead to it; OTHER: either's */
	enum nesting_harm harm;
	struct kernel_version introduced;
	struct kernel_version
		fixes[KERNEL_MAX_FIXES]; /* of stable series; the last is mainline's */
	unsigned nr_fixes;
	char summary[112], source[64];
};

/* By id. */
const struct kernel_problem *kernel_problems(size_t *ret_count);

/* Until which day ("2026-09-25") which records were looked through for these. */
struct kernel_records {
	const char *until, *records;
};
const struct kernel_records *kernel_records(void);

struct kernel_identity {
	bool known;                    /* the version could be understood */
	struct kernel_version version; /* upstream's, on which the kernel is based */
	bool plain;                    /* nothing in its name speaks of a distribution's changes */
	char distribution[16];         /* "Debian", "Ubuntu", or "" */
	char package[80];              /* its own number: "6.12.95-1"; or "" */
};

/*
 * From uname's release ("6.12.95", "7.2.0-rc1", "6.1.0-37-amd64") and, where the distribution says
 * on which upstream version its kernel is based, that: Debian at the end of /proc/version ("Debian
 * 6.1.140-1"), Ubuntu at the end of /proc/version_signature. Only in its own series.
 */
void kernel_identify(const struct machine_facts *machine, struct kernel_identity *ret_identity);

/* Below 0, 0 or above, as strcmp. */
int kernel_compare(const struct kernel_version *a, const struct kernel_version *b);

enum kernel_verdict { KERNEL_FIXED, KERNEL_AFFECTED, KERNEL_COULD_BE };

/*
 * FIXED: at or past the fix of its series or of the mainline, or older than the problem. Otherwise
 * AFFECTED where the kernel is plain, else COULD_BE, as with a version that is not known. *ret_fix
 * is the release of its series that has the fix; NULL: there is none, mainline's has to do.
 */
enum kernel_verdict kernel_judge(const struct kernel_identity *kernel,
	const struct kernel_problem *problem, const struct kernel_version **ret_fix);

/* "6.12.95", "7.2", "7.2-rc1". Returns text. */
#define KERNEL_VERSION_BYTES 48
char *kernel_version_text(char text[KERNEL_VERSION_BYTES], const struct kernel_version *v);

#endif
