/* SPDX-License-Identifier: MIT */
/*
 * How QEMU and libvirt differ from nestor in names: which features and models they know, and what
 * they call them. nestor's own names are libvirt's, with QEMU's among the aliases, and a feature's
 * note says where it has no name. Of this room alone.
 */
#ifndef NESTOR_FORMATS_DIALECT_H
#define NESTOR_FORMATS_DIALECT_H

#include "cpuid/models.h"

enum dialect { DIALECT_QEMU, DIALECT_LIBVIRT };

/* What the other program calls a feature, or NULL: it has no name for it. Static. */
const char *dialect_feature(enum dialect d, const struct feature *f);

bool dialect_has_model(enum dialect d, const struct cpu_model *m);

/*
 * The other half of a feature that one name of QEMU's stands for (kvmclock has two bits, as has
 * vmx-invept-single-context); NULL: the name stands for f alone.
 */
const struct feature *dialect_qemu_twin(const struct feature *f);

/*
 * What QEMU with KVM shows of its model m besides what nestor's has. Left out are what QEMU takes
 * away again under KVM (acpi, monitor, svm), what needs svm, and what nestor manages.
 */
void dialect_qemu_extra(const struct cpu_model *m, struct feature_set *ret_set);

#endif
