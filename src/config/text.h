/* SPDX-License-Identifier: MIT */
/* Text of unknown origin: what may be kept, and how it may be shown. */
#ifndef NESTOR_CONFIG_TEXT_H
#define NESTOR_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * True where all n bytes are well-formed UTF-8 (Unicode 15, table 3-7: no overlong forms, no
 * surrogates, nothing above U+10FFFF). NUL counts as a character.
 */
bool text_is_utf8(const char *s, size_t n);

/*
 * Copies n bytes of src as one printable line of at most capacity - 1 bytes: control characters
 * and bytes that are not UTF-8 become '?', and what does not fit is replaced by "..." at the end.
 * capacity is at least 4. Returns dst.
 */
char *text_printable(char *dst, size_t capacity, const char *src, size_t n);

/* Decimal digits or 0x and hexadecimal digits, nothing else. Returns 0, -EINVAL or -ERANGE. */
int text_parse_integer(const char *s, uint64_t *ret_value);

#endif
