/* SPDX-License-Identifier: MIT */
/*
 * CPU policies in other programs' words: QEMU's -cpu argument, libvirt's <cpu> element,
 * Firecracker's CPU template, and nestor's own TOML. Readers take hostile text; writers name in
 * losses what the format cannot say. Reading what a writer wrote gives the same policy, but for the
 * losses.
 */
#ifndef NESTOR_FORMATS_CONVERT_H
#define NESTOR_FORMATS_CONVERT_H

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

/* -EINVAL (ERR_CONFIG) where a name of the policy is unknown; -EIO where out cannot be written.
 * policy->base, where there is one, is folded in. */
int qemu_cpu_write(const struct cpu_policy *policy, FILE *out, struct losses *losses,
	struct err *e) MUST_CHECK;
int libvirt_cpu_write(const struct cpu_policy *policy, FILE *out, struct losses *losses,
	struct err *e) MUST_CHECK;
int firecracker_cpu_write(const struct cpu_policy *policy, FILE *out, struct losses *losses,
	struct err *e) MUST_CHECK;
/* The tables [cpu], [msr] and [hyperv] of a VM's or (without the last) model's TOML. Loses nothing
 * but the names of a cluster's files, which a policy has not. -EINVAL as well where an MSR rule
 * allows one direction and denies the other: the config, where rules come from, has no word for
 * that. */
int toml_cpu_write(const struct cpu_policy *policy, FILE *out, struct err *e) MUST_CHECK;

#endif
