/* SPDX-License-Identifier: MIT */
/*
 * What must be said to QEMU, beside the name of a model, so that its guest sees what nestor's sees.
 * For the two writers whose guests QEMU runs. Of this room alone.
 */
#ifndef NESTOR_FORMATS_QEMU_NEED_H
#define NESTOR_FORMATS_QEMU_NEED_H

#include "formats/convert.h"
#include "formats/dialect.h"
#include "formats/fold.h"

enum qemu_width { QEMU_WIDTH_UNSAID, QEMU_WIDTH_HOST, QEMU_WIDTH_NUMBER };

struct qemu_need {
	const struct convert_subject *subject;
	const struct cpu_policy *policy; /* all layers as one */
	const struct cpu_model *model;   /* NULL: host or max */
	const struct qemu_model *qemu;   /* NULL: none, or newer than those that are known */
	const char *model_name;
	struct feature_set on, off; /* to be said; disjoint */
	bool family, number, stepping;
	unsigned family_value, number_value, stepping_value;
	char brand[49]; /* "": not to be said */
	enum qemu_width width;
	unsigned width_value;
	bool level, xlevel;
	uint32_t level_value, xlevel_value;
	bool pmu_off, migratable_off, host_caches;
	bool hyperv;      /* Hyper-V's leaves are shown */
	bool enlightened; /* by words of QEMU's */
};

/* What no format whose guests QEMU runs can say is named in losses; target is what it is called. */
int qemu_need_make(struct qemu_need *need, struct fold *fold, const struct convert_subject *subject,
	enum dialect dialect, const char *target, struct losses *losses, struct err *e) MUST_CHECK;

#endif
