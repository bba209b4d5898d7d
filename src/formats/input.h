/* SPDX-License-Identifier: MIT */
/*
 * Text of unknown origin, for the readers and writers of this room: numbers, UTF-8, errors that
 * may quote it. Of this room alone.
 */
#ifndef NESTOR_FORMATS_INPUT_H
#define NESTOR_FORMATS_INPUT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes text fit to be shown: control characters but newline, and what is no UTF-8, become '?'. */
void input_clean(char *text);

/* True where all n bytes are well-formed UTF-8 (Unicode, table 3-7) without NUL. */
bool input_is_utf8(const char *s, size_t n);

/* As err_set_config with -EINVAL, for messages that quote the input: the result is cleaned. */
int input_fail(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The value of a hexadecimal digit; -1 where c is none. */
int input_digit(char c);

/*
 * A number that fills all n bytes: decimal, or hexadecimal after "0x". Returns 0, -EINVAL, or
 * -ERANGE where it is more than max.
 */
int input_number(const char *s, size_t n, uint64_t max, uint64_t *ret_value) MUST_CHECK;

/*
 * Firecracker's bitmaps: "0b" and up to width characters 0, 1 and x, the highest bit first, "_"
 * anywhere between. Returns 0, -EINVAL, -ENODATA where there are none, or -ERANGE where there are
 * more than width.
 */
int input_bitmap(
	const char *text, unsigned width, uint64_t *ret_set, uint64_t *ret_clear) MUST_CHECK;

#endif
