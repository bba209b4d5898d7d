/* SPDX-License-Identifier: MIT */
/* The texts in which the kernel says something: numbers, one to a file or one to a line. */
#ifndef NESTOR_HOST_KERNEL_TEXT_H
#define NESTOR_HOST_KERNEL_TEXT_H

#include "base/types.h"

/* Decimal digits at the start of text, up to their end; what does not fit is UINT64_MAX. */
uint64_t kernel_text_number(const char *text);

/* a * b, or UINT64_MAX. */
uint64_t kernel_text_times(uint64_t a, uint64_t b);

/*
 * Calls fn for each line of root/path, without its newline (fn may write to it), until it says
 * false. False where the file cannot be read.
 */
bool kernel_text_lines(
	const char *root, const char *path, bool (*fn)(void *ctx, char *line), void *ctx);

/*
 * The number behind name and blanks in the line of root/path that begins with name. False where
 * there is no such line; UINT64_MAX where it says "unlimited" there.
 */
bool kernel_text_find(const char *root, const char *path, const char *name, uint64_t *ret);

#endif
