/* SPDX-License-Identifier: MIT */
/*
 * Compares what the engine makes of a CPU model with what another program makes of it. Every
 * difference stands in a table with its reason (differences-*.tsv); one that does not stand there,
 * or a row that is no longer true, is a failure.
 *
 * The other program moves on. recorded.tsv holds, for the versions that the tables were compared
 * with, a hash of each model as that program had it. Where the hash still fits, the model is
 * compared strictly, whatever the program's version. Where it does not, the other program has
 * changed, which is news (ctest compare/…-new) and no fault of the engine's. See README.md in this
 * folder.
 */
#ifndef NESTOR_TESTS_COMPARE_COMPARE_H
#define NESTOR_TESTS_COMPARE_COMPARE_H

#include "cpuid/engine.h"

#include <stdio.h>

#define COMPARE_SKIP 77 /* ctest's exit code for a test that could not run */
#define COMPARE_NAME_BYTES 64
#define COMPARE_MAX_SIGNATURES 16
#define COMPARE_UNSAID (-1L)

struct compare_signature {
	unsigned family, model, stepping_low, stepping_high;
};

/* A model as the other program has it. */
struct their_model {
	char name[COMPARE_NAME_BYTES];
	char vendor[16]; /* twelve characters, or "": says nothing of it */
	struct compare_signature signatures[COMPARE_MAX_SIGNATURES];
	unsigned nr_signatures; /* 0: says nothing of it */
	struct feature_set has;
	struct feature_set removed; /* libvirt: once part of the model, no longer */
	long level, xlevel, avx10;  /* numbers, or COMPARE_UNSAID */
	uint64_t hash;              /* of all that is compared */
};

struct difference {
	char subject[COMPARE_NAME_BYTES]; /* a model, MODEL@HOST for one of no vendor, or "-" */
	char what[COMPARE_NAME_BYTES];    /* a feature, or "family", "level" … */
	char ours[40], theirs[40];
	bool explained;
};

struct differences {
	struct difference *items;
	size_t n, capacity;
};

struct their_data {
	const char *program; /* "libvirt", "qemu" */
	char version[40];    /* "11.3.0" */
	struct their_model *models;
	size_t nr_models, capacity;
	struct feature_set known; /* features that the program has a name for */
	struct differences names; /* its names and bits against ours; subject "-" */
};

/* What the engine makes of a model on a host that has everything. */
struct our_model {
	struct feature_set has; /* VMX controls as with +vmx where the host is no AMD */
	bool without_vmx;       /* VMX controls cannot be compared on this host */
	char vendor[16];
	unsigned family, model, stepping;
	bool signature_of_host;
	long level, xlevel, avx10;
};

/* data.c: growing lists; they end the program where memory runs out. */
void differences_add(struct differences *list, const char *subject, const char *what,
	const char *ours, const char *theirs);
void differences_done(struct differences *list);
struct their_model *their_model_add(struct their_data *data, const char *name);
struct their_model *their_model_find(const struct their_data *data, const char *name);
void their_data_done(struct their_data *data);
/* FNV-1a, continued from hash; start with COMPARE_HASH_START. */
#define COMPARE_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t compare_hash(uint64_t hash, const char *text);
/* Sets m->hash from all else in m. */
void their_model_set_hash(struct their_model *m);
/* The upstream version of a Debian package's: "11.3.0" of "1:11.3.0+ds-2~bpo12+1". */
void compare_upstream_version(const char *package, char *ret_version, size_t size);

/* ours.c */
/* True where the feature is a bit of a VMX capability MSR. */
bool compare_is_vmx(feature_id id);
/* Returns false, with a message on stderr, where the engine refuses for another reason than what
 * the host lacks, or gives with +vmx other features than without. */
bool compare_ours(const struct cpu_model *m, enum cpuid_vendor host, struct our_model *ret);
/* All models of ours against theirs, and the models that only one of both has. */
bool compare_all(const struct their_data *theirs, struct differences *ret);

/* verdict.c */
struct compare_tables {
	const char *differences, *recorded; /* paths */
};
enum compare_mode {
	COMPARE_STRICT, /* fails on what is not listed, or listed and not so */
	COMPARE_NEW,    /* tells what is new in their version */
	COMPARE_LIST,   /* prints rows for a table of differences */
	COMPARE_RECORD, /* prints rows for recorded.tsv */
};
/* Returns the exit status of the program. */
int compare_verdict(const struct their_data *theirs, struct differences *found,
	const struct compare_tables *tables, enum compare_mode mode);

/* What the programs' command lines have in common. */
struct compare_args {
	enum compare_mode mode;
	struct compare_tables tables;
	const char *where; /* of the other program's data; NULL: not given */
};
/* Returns -1 where the program goes on, else its exit status. */
int compare_parse_args(int argc, char **argv, const char *usage, const char *differences,
	struct compare_args *ret);

#endif
