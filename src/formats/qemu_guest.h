/* SPDX-License-Identifier: MIT */
/*
 * What QEMU with KVM makes of a model and words about features, as a policy of nestor's: for the
 * two formats whose guests QEMU runs, its own -cpu and libvirt's <cpu>. What the text leaves to
 * QEMU is said as QEMU has it (docs/system/i386/cpu.rst; target/i386/cpu.c, host-cpu.c,
 * kvm/kvm-cpu.c). Of this room alone.
 */
#ifndef NESTOR_FORMATS_QEMU_GUEST_H
#define NESTOR_FORMATS_QEMU_GUEST_H

#include "formats/dialect.h"
#include "formats/losses.h"
#include "formats/policy_doc.h"

enum qemu_switch { QEMU_UNSAID, QEMU_ON, QEMU_OFF };

struct qemu_guest {
	struct policy_doc
		*doc; /* model, identity, phys_bits, cache: filled in where the text says so */
	const char *origin; /* of what is added */
	struct losses *losses;
	struct err *e;
	const struct cpu_model *model; /* NULL: host or max */
	/* What the text says of each feature by name, in its order. */
	struct feature_set on, off; /* disjoint */
	feature_id order[FEATURE_COUNT];
	size_t nr_order;
	enum qemu_switch pmu, host_phys_bits, migratable;
	bool kvm_hidden; /* KVM's leaves are */
};

/* The last word on a feature stands. */
void qemu_guest_name(struct qemu_guest *g, feature_id id, bool on);
/* True where the text has a word on it. */
bool qemu_guest_named(const struct qemu_guest *g, feature_id id);

/* Fills the rest of the policy. -ENOMEM. */
int qemu_guest_finish(struct qemu_guest *g) MUST_CHECK;

#endif
