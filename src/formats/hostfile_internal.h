/* SPDX-License-Identifier: MIT */
/* What the files of hostfile share. Of this room alone. */
#ifndef NESTOR_FORMATS_HOSTFILE_INTERNAL_H
#define NESTOR_FORMATS_HOSTFILE_INTERNAL_H

#include "cpuid/features.h"
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
int hostfile_parse_aida(struct hostfile_reader *r, const char *text, size_t n) MUST_CHECK;
struct json_t;
int hostfile_parse_fingerprint(struct hostfile_reader *r, const struct json_t *root) MUST_CHECK;
int hostfile_parse_xml(struct hostfile_reader *r, const char *text, size_t n) MUST_CHECK;

/* Takes the next line of [*text, end), without its end (LF or CR LF); false: there is none. */
bool hostfile_next_line(
	const char **text, const char *end, const char **ret_line, const char **ret_stop);

/* True where the text has a line that begins with word, blanks before it allowed. */
bool hostfile_has_line(const char *text, size_t n, const char *word);

/*
 * The processors of a machine, one after another: what all of them have goes into the file's table.
 * The first is taken as it is; features that a later one has not, or has besides, are remembered
 * for the file's note. hostfile_processors.c
 */
struct hostfile_processors {
	struct hostfile_reader *r;
	unsigned nr;   /* begun; entries before the first header are the first processor's */
	bool is_later; /* the one being read is not the first, and goes to … */
	struct cpuid_table later;
	struct feature_set differ;
	unsigned nr_differ; /* processors that differ from the first */
};

/* A header: the entries that follow are another processor's. */
void hostfile_processor_begin(struct hostfile_processors *p);

/* Adds an entry, whose subleaf_matters is decided here, to the processor that began last. 0,
 * -EEXIST where it has that leaf and subleaf, or -E2BIG. */
int hostfile_processor_add(struct hostfile_processors *p, struct cpuid_entry *entry) MUST_CHECK;

/* After the last: folds it in, and writes the note. */
void hostfile_processors_end(struct hostfile_processors *p);

/* One of those that KVM counts among its feature MSRs (KVM API, KVM_GET_MSR_FEATURE_INDEX_LIST); of
 * a dump of all MSRs no others are of account. */
bool hostfile_is_feature_msr(uint64_t index);

/* 0, -EEXIST where the file has that MSR already, or -E2BIG. */
int hostfile_add_msr(struct hostfile_reader *r, uint32_t index, uint64_t value) MUST_CHECK;

/* True where the table has an entry that answers for some ECX that the new one answers for. */
bool hostfile_clashes(const struct cpuid_table *table, const struct cpuid_entry *entry);

#endif
