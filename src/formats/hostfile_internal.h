/* SPDX-License-Identifier: MIT */
/* What the files of hostfile share. Of this room alone. */
#ifndef NESTOR_FORMATS_HOSTFILE_INTERNAL_H
#define NESTOR_FORMATS_HOSTFILE_INTERNAL_H

#include "formats/hostfile.h"

/* A file being read. */
struct hostfile_reader {
	const char *name;
	struct hostfile *file;
	struct err *e;
	bool brand_given;
};

/* By format; *r->file has its defaults. */
int hostfile_parse_json(struct hostfile_reader *r, const char *text, size_t n) MUST_CHECK;
int hostfile_parse_raw(struct hostfile_reader *r, const char *text, size_t n) MUST_CHECK;

/* True where the table has an entry that answers for some ECX that the new one answers for. */
bool hostfile_clashes(const struct cpuid_table *table, const struct cpuid_entry *entry);

#endif
