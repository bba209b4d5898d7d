/* SPDX-License-Identifier: MIT */
/*
 * A CPU policy on its way from one program's words to another's, held to the plan on both ways.
 * What comes in is written as a VM's file, which nestor then reads, checks and plans for, before
 * anything goes out. What goes out is read again as the other program would, and compared bit by
 * bit with what nestor's own guest sees, on the host that is named or on one of each kind that may
 * run it: what differs is named.
 */
#ifndef NESTOR_CONVERT_CONVERT_H
#define NESTOR_CONVERT_CONVERT_H

#include "config/vm_config.h"
#include "formats/convert.h"

enum convert_format {
	CONVERT_TOML,
	CONVERT_QEMU,
	CONVERT_LIBVIRT,
	CONVERT_FIRECRACKER,
	CONVERT_FORMATS,
};

struct convert;

/*
 * From a text in another format than TOML; name is what errors call it. ERR_CONFIG: it is bad, or
 * no VM's file can say what it says (-EINVAL and others of config and plan). losses gets what is
 * not carried over.
 */
int convert_read(struct convert **ret, enum convert_format from, const char *text, size_t n,
	const char *name, struct losses *losses, struct err *e) MUST_CHECK;
/* From a VM's own config and policy, which are borrowed. -ENOMEM. */
int convert_own(struct convert **ret, const struct vm_config *vm, const struct cpu_policy *policy,
	struct err *e) MUST_CHECK;
/* NULL-safe. */
void convert_destroy(struct convert *c);

/* Before convert_write. host: borrowed; NULL: hosts are assumed. Errors as plan_machine's; where
 * hosts are assumed, ERR_CONFIG as well where none could run it. */
int convert_plan(struct convert *c, const struct host_facts *host, struct losses *losses,
	struct err *e) MUST_CHECK;

/* Errors as of the writers in formats/convert.h. */
int convert_write(struct convert *c, enum convert_format to, FILE *out, struct losses *losses,
	struct err *e) MUST_CHECK;

#endif
