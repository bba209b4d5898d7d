/* SPDX-License-Identifier: MIT */
/* Conversions for tests, and what nestor's guests of two VM's files see. */
#ifndef NESTOR_TESTS_UNIT_CONVERT_CONVERSIONS_H
#define NESTOR_TESTS_UNIT_CONVERT_CONVERSIONS_H

#include "config/config.h"
#include "convert/convert.h"
#include "cpuid/host_facts.h"
#include "fake/cmocka.h"
#include "plan/plan.h"
#include "plan/policy.h"
#include "unit/formats/policies.h"

/* A VM's file. */
struct vm {
	struct config *config;
	const struct vm_config *vm;
	struct vm_policy *policy;
};

/* -errno where config or policy refuse the text; nothing is left then. */
int vm_read(struct vm *ret, const char *toml, struct err *e);
void vm_done(struct vm *v);

/* A guest on a host, as nestor has it. */
struct guest {
	struct cpuid_table table;
	struct msr_value msrs[MSR_POLICY_MAX_SET + 256];
	unsigned nr_msrs;
	bool lacks; /* something that the policy asks for */
};

/* -errno where the host cannot run it. */
int vm_guest(const struct vm *v, const struct host_facts *host, struct guest *ret, struct err *e);

/* A conversion; host: NULL, or the one that it is for. *ret_text (free() it) is NULL on errors. */
int convert_vm(const struct vm *v, enum convert_format to, const struct host_facts *host,
	char **ret_text, struct losses *losses, struct err *e);
int convert_text(enum convert_format from, const char *text, enum convert_format to,
	const struct host_facts *host, char **ret_text, struct losses *losses, struct err *e);
/* The same where it must work. */
char *converted(enum convert_format from, const char *text, enum convert_format to,
	const struct host_facts *host, struct losses *losses);
/* From TOML. */
char *written(const char *toml, enum convert_format to, const struct host_facts *host,
	struct losses *losses);

/* The first bit in which two guests differ and that no line names, by its feature's name or by the
 * leaf or MSR; "" where there is none. Written without what src/convert compares with. */
const char *unnamed_difference(const struct guest *ours, const struct guest *theirs,
	const struct losses *losses, char text[160]);

void assert_nothing_lost(const struct losses *l);

#endif
