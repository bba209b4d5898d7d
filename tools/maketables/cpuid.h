/* SPDX-License-Identifier: MIT */
/* The tables of the room cpuid besides its features; see make.h. Each reads, judges and begins its
 * files. */
#ifndef NESTOR_MAKETABLES_CPUID_H
#define NESTOR_MAKETABLES_CPUID_H

#include "maketables/features.h"

void make_models(struct make *m, const struct features *f); /* models.inc, minimum.inc */
void make_fields(struct make *m, const struct features *f); /* fields.inc, leaves.inc */
void make_msr_names(struct make *m);                        /* msr_names.inc */

#endif
