/* SPDX-License-Identifier: MIT */
/*
 * Errors: a function that can fail returns 0 or a negative errno and, as its last argument, takes
 * a struct err that it fills on failure. The lowest level says the facts (file, line, key; ioctl
 * and argument), callers add what they were doing (err_wrap) and what the user can do (err_hint).
 * Only cli/ prints.
 */
#ifndef NESTOR_BASE_ERR_H
#define NESTOR_BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Who is at fault; decides the exit status. */
enum err_kind {
	ERR_HOST = 0, /* the host could not give something: the default */
	ERR_CONFIG,   /* the user's config, flags or files are wrong */
	ERR_BUG,      /* nestor itself is wrong */
};

struct findings;

struct err {
	enum err_kind kind;
	char msg[1024];   /* one line, or several where each is a fault of its own; no final newline
			   */
	char hint[512];   /* what to do; may be empty */
	size_t reason_at; /* in msg: behind what err_wrap put before it last; see err_reason */
	/* Gets each fault as a value, too (finding.h): who asks for them wants all, and makes a
	 * message of them (findings_result). NULL: nobody asks, and what is wrong at one stage may
	 * end the search. Lent; the functions here leave it as it is. */
	struct findings *findings;
};

#define ERR_INIT                                                                                   \
	{                                                                                          \
		.kind = ERR_HOST, .msg = "", .hint = ""                                            \
	}

/* Sets the message, with kind ERR_HOST. Returns code (negative errno). e may be NULL. */
int err_set(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As err_set, with kind ERR_CONFIG. */
int err_set_config(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As err_set, with ": " and the text of errno number -code appended; of -EMFILE and -ENFILE the
 * hint says which limit that is. */
int err_set_errno(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "TEXT: " before the message. Returns code. */
int err_wrap(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The message without what err_wrap put before it last: for who says that itself. Lent by e. */
const char *err_reason(const struct err *e);

/* As err_set_config, as one more line where e has a message already; what does not fit is left out
 * whole. */
int err_add_config(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* What a fault of the config's is about. */
struct fault {
	const char *id;     /* a word that stays the same: "unknown-feature"; static */
	const char *key;    /* "cpu.features"; NULL: none */
	const char *origin; /* FILE:LINE:COLUMN, or a flag; NULL: none */
	const char *fix;    /* what to do; NULL: the message says it, or nobody knows */
};

/* As err_add_config, of the line ORIGIN: KEY: MESSAGE, or ORIGIN: MESSAGE where that begins with
 * the key; and the fault to e->findings. */
int err_fault(struct err *e, int code, const struct fault *what, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* Sets what the user can do. Returns code. */
int err_hint(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

#ifdef NESTOR_ANALYZER
/* The analyzer sees one file at a time, and would think that these may turn a failure into 0. */
static inline int err_failed(int returned, int code)
{
	(void)returned;
	return code < 0 ? code : -1;
}
#define err_set(e, code, ...) err_failed(err_set(e, code, __VA_ARGS__), code)
#define err_set_config(e, code, ...) err_failed(err_set_config(e, code, __VA_ARGS__), code)
#define err_set_errno(e, code, ...) err_failed(err_set_errno(e, code, __VA_ARGS__), code)
#define err_fault(e, code, ...) err_failed(err_fault(e, code, __VA_ARGS__), code)
#define err_wrap(e, code, ...) err_failed(err_wrap(e, code, __VA_ARGS__), code)
#endif

#endif
