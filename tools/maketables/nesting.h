/* SPDX-License-Identifier: MIT */
/* The tables of the room nesting; see make.h. Each reads, judges and begins its files. */
#ifndef NESTOR_MAKETABLES_NESTING_H
#define NESTOR_MAKETABLES_NESTING_H

#include "maketables/features.h"

void make_nesting_rules(struct make *m); /* rules.inc */
void make_hyperv(struct make *m);        /* hyperv_features.inc, hyperv_ids.inc, hyperv_rules.inc */
void make_status(struct make *m); /* generations, hypervisors, parameters, kernel_problems: .inc */
void make_profiles(struct make *m, const struct features *f, const char *const *profiles,
	size_t nr_profiles); /* profiles.inc */

#endif
