/* SPDX-License-Identifier: MIT */
/*
 * How QEMU and libvirt differ from nestor in names: which features and models they know, and what
 * they call them. nestor's own names are libvirt's, with QEMU's among the aliases, and a feature's
 * note says where it has no name. The versions are QEMU 10.0 and libvirt 11.3. Of this room alone.
 */
#ifndef NESTOR_FORMATS_DIALECT_H
#define NESTOR_FORMATS_DIALECT_H

#include "cpuid/engine.h"

enum dialect { DIALECT_QEMU, DIALECT_LIBVIRT };

/* What the other program calls a feature, or NULL: it has no name for it. Static. */
const char *dialect_feature(enum dialect d, const struct feature *f);

/* True of a name that the program's version of Debian 12 (QEMU 7.2, libvirt 9.0) does not know. */
bool dialect_is_recent(enum dialect d, const struct feature *f);

bool dialect_has_model(enum dialect d, const struct cpu_model *m);

/*
 * The other half of a feature that one name of QEMU's stands for (kvmclock has two bits, as has
 * vmx-invept-single-context); NULL: the name stands for f alone.
 */
const struct feature *dialect_qemu_twin(const struct feature *f);

/* A model of QEMU's by nestor's name for it; what it says besides features. Texts in place. */
struct qemu_model {
	char name[32];
	char brand[49]; /* "" for none; all 48 bytes may be used */
	uint16_t family;
	uint8_t model, stepping;
	uint32_t level, xlevel; /* the highest leaves, where features do not bring more */
	char since[8];          /* the oldest of the QEMUs that were looked at: 7.2, 10.0 */
	char libvirt[8];        /* and of the libvirts: 9.0, 11.3, or "" where none has it */
	char lacks[16];         /* a feature of nestor's model that QEMU's has not, or "" */
};

/* NULL: QEMU has no such model, or it is newer than 10.0. */
const struct qemu_model *dialect_qemu_model(const struct cpu_model *m);

/*
 * What QEMU with KVM shows of its model m besides what nestor's has. Left out are what QEMU takes
 * away again under KVM (acpi, monitor, svm) and what nestor manages; and the parts of VMX and SVM,
 * unless exposed.
 */
void dialect_qemu_extra(const struct cpu_model *m, bool exposed, struct feature_set *ret_set);

/* All that QEMU with KVM shows of its model m: nestor's features, less what QEMU took out, with the
 * extra ones and what KVM provides. vmx and svm are never among them; their parts if exposed. */
void dialect_qemu_features(const struct cpu_model *m, bool exposed, struct feature_set *ret_set);

/* What QEMU leaves out of model host as long as that is to be migratable. */
void dialect_qemu_unmigratable(struct feature_set *ret_set);

#endif
