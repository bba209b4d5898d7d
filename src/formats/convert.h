/* SPDX-License-Identifier: MIT */
/*
 * CPU policies in other programs' words: QEMU's -cpu argument, libvirt's <cpu> element,
 * Firecracker's CPU template, and nestor's own TOML. Readers take hostile text; writers name in
 * losses what the format cannot say. Reading what a writer wrote gives the same policy, but for the
 * losses.
 */
#ifndef NESTOR_FORMATS_CONVERT_H
#define NESTOR_FORMATS_CONVERT_H

#include "cpuid/engine.h"
#include "formats/losses.h"
#include "formats/policy_doc.h"

#include <stdio.h>

#define CONVERT_MAX_BYTES ((size_t)1 << 20) /* of a text that is read */

/* name is what errors call the text ("-cpu", a file's name). Errors are ERR_CONFIG, with line and
 * column where the format has lines. *ret_doc is the caller's (policy_doc_destroy). */
int qemu_cpu_read(const char *text, size_t n, const char *name, struct policy_doc **ret_doc,
	struct losses *losses, struct err *e) MUST_CHECK;
int libvirt_cpu_read(const char *text, size_t n, const char *name, struct policy_doc **ret_doc,
	struct losses *losses, struct err *e) MUST_CHECK;
int firecracker_cpu_read(const char *text, size_t n, const char *name, struct policy_doc **ret_doc,
	struct losses *losses, struct err *e) MUST_CHECK;

/* What nestor's own guest of a policy is on one host: what the words of another format must say. */
struct convert_guest {
	const struct host_facts *host;
	const struct cpu_result *cpu;   /* the plan's, with the nesting policy in it */
	const struct cpuid_table *vcpu; /* of the first vCPU */
};

#define CONVERT_MAX_GUESTS 4

struct convert_subject {
	/* With the enlightenments that the guest has, by QEMU's names, as hyperv_features. */
	const struct cpu_policy *policy;
	/* One on the host that was named, or one on each kind of host that may run the policy, each
	 * of which has all that there is. */
	struct convert_guest guests[CONVERT_MAX_GUESTS];
	unsigned nr_guests; /* at least 1 */
	bool host_given;
	/* The text that the policy is from is of QEMU's or libvirt's guests: what it leaves to QEMU
	 * (caches, whether VMX or SVM is shown, the highest leaves) need not be said to QEMU. */
	bool of_qemu;
	bool checked_before; /* policy_doc_checked_before */
};

/*
 * Each writes what nestor's guest sees in the words of its format, and names in losses what these
 * cannot say. -EINVAL (ERR_CONFIG) where a name of the policy is unknown; -EIO where out cannot be
 * written. policy->base, where there is one, is folded in.
 */
int qemu_cpu_write(const struct convert_subject *subject, FILE *out, struct losses *losses,
	struct err *e) MUST_CHECK;
int libvirt_cpu_write(const struct convert_subject *subject, FILE *out, struct losses *losses,
	struct err *e) MUST_CHECK;
int firecracker_cpu_write(const struct convert_subject *subject, FILE *out, struct losses *losses,
	struct err *e) MUST_CHECK;
/* The tables [cpu], [msr], [nesting] and [hyperv] of a VM's or (without the last two) model's TOML.
 * Loses nothing but the names of a cluster's files, which a policy has not. -EINVAL as well where
 * an MSR rule allows one direction and denies the other: the config, where rules come from, has no
 * word for that. */
int toml_cpu_write(const struct cpu_policy *policy, FILE *out, struct err *e) MUST_CHECK;

#endif
