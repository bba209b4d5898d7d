/* SPDX-License-Identifier: MIT */
/*
 * Something that is to be said of a config, a host or a guest, as a value: whoever prints it,
 * counts it or writes it as JSON has its parts, and takes no message apart. Only cli/ prints.
 */
#ifndef NESTOR_BASE_FINDING_H
#define NESTOR_BASE_FINDING_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum finding_level {
	FINDING_ERROR,   /* the config, or what was promised, is wrong wherever that is */
	FINDING_FORBIDS, /* the answer is NO: this host, or this VM, cannot do it */
	FINDING_DANGER,  /* it works, and others pay for it */
	FINDING_WEAKENS, /* it works, but slower, or not for everybody */
	FINDING_NOTE,
};

/* "error", "forbids", "danger", "weakens", "note". */
const char *finding_level_name(enum finding_level level);

/*
 * Where something was said: FILE:LINE:COLUMN as text, which origin_text makes and origin_file_bytes
 * reads again, or a flag such as "--set".
 */
#define ORIGIN_BYTES 288
char *origin_text(char text[ORIGIN_BYTES], const char *file, unsigned line, unsigned column);
/* How many bytes of origin are the file's name; 0: it names no file. */
size_t origin_file_bytes(const char *origin, unsigned *ret_line, unsigned *ret_column);

struct finding {
	enum finding_level level;
	const char *id;        /* a word that stays the same: "unknown-feature"; static */
	char *key;             /* of the config, or NULL */
	char *origin;          /* FILE:LINE:COLUMN, a flag, or NULL */
	char *file;            /* of origin, or NULL … */
	unsigned line, column; /* … and from 1 on, or 0 */
	char *text;            /* what is the matter: one line, without key and origin */
	char *fix;             /* what to do, or NULL */
};

/* In the order found. Zero-initialised by its owner; findings_done. */
struct findings {
	struct finding *items;
	size_t n, room;
	bool forbidden;     /* one of them is an error, or forbids; also one that is missing */
	bool out_of_memory; /* one is missing */
};

void findings_done(struct findings *f);

/* Copies; key, origin and fix of what may be NULL. */
void findings_add(
	struct findings *f, enum finding_level level, const struct fault *what, const char *text);

/* Adds what is no fault of the config's. findings_fix is for the one added last. */
void findings_say(struct findings *f, enum finding_level level, const char *id, const char *fmt,
	...) PRINTF_LIKE(4, 5);
void findings_fix(struct findings *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Adds an error that nothing was made of yet: where f has no more than before findings. Its level
 * follows from who is at fault. */
void findings_add_error(struct findings *f, size_t before, const struct err *e);

/* True where one says the same of the same key at the same place. */
bool findings_has(const struct findings *f, const struct finding *like);

/* True where one is about the key. */
bool findings_has_key(const struct findings *f, const char *key);

/* Adds all of from that f has not yet. */
void findings_merge(struct findings *f, const struct findings *from);

/* Takes one out; those behind it move up. */
void findings_remove(struct findings *f, size_t i);

/* By file, line and column; what has no line comes last, in the order found. */
void findings_sort(struct findings *f);

/* ORIGIN: KEY: TEXT, without what there is not, nor a key that the text begins with: a message's
 * line, as snprintf writes it. Returns how many bytes it has. */
size_t fault_line(char *line, size_t n, const struct fault *what, const char *text);

/* The same of a finding, owned by the caller; NULL: out of memory. */
char *finding_line(const struct finding *f) MUST_CHECK;

/* As an error: as many lines as it holds, and how many more there are; the first fix as its hint. 0
 * where there is none. */
int findings_result(const struct findings *f, struct err *e) MUST_CHECK;

#endif
