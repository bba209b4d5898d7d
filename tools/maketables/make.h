/* SPDX-License-Identifier: MIT */
/*
 * Turns the project's tables into const C. Reads and judges everything first, and adds all that is
 * wrong to the faults; what is begun in the outputs is worth writing only without faults.
 */
#ifndef NESTOR_MAKETABLES_MAKE_H
#define NESTOR_MAKETABLES_MAKE_H

#include "tsv/output.h"

struct make {
	struct arena arena;
	struct faults faults;
	struct outputs outputs;
	const char *source; /* the folder src/ */
	const char *target; /* the folder that the files are for */
};

/* m->source and m->target are borrowed. */
void make_init(struct make *m, const char *source, const char *target);
void make_done(struct make *m);

/* source/NAME, or target/NAME. */
const char *make_source_path(struct make *m, const char *name);
FILE *make_begin(struct make *m, const char *name, const char *made_from);

/* All of a room's tables: TARGET/cpuid/..., TARGET/nesting/... profiles: names of the guest
 * hypervisors' profiles, in their order. */
void make_cpuid(struct make *m);
void make_formats(struct make *m);
void make_nesting(struct make *m, const char *const *profiles, size_t nr_profiles);

/* An ACPI table in binary form (ACPI, section 5.2.6) as TARGET/acpi/dsdt.c. */
void make_acpi(struct make *m, const char *aml_path);

#endif
