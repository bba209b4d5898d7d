/* SPDX-License-Identifier: MIT */
/* A text that is put together in an array of chars, from pieces that go in whole or not at all. */
#ifndef NESTOR_BASE_TEXT_BUF_H
#define NESTOR_BASE_TEXT_BUF_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* The array is borrowed, and always ends with a NUL. */
struct text_buf {
	char *text;
	size_t size, used;    /* of the array; of the text, without the NUL */
	unsigned nr_left_out; /* pieces that did not fit */
};

/* An empty text in size bytes, at least 1. */
struct text_buf text_buf_in(char *text, size_t size);
#define TEXT_BUF(array) text_buf_in((array), sizeof(array))

/* Adds a piece. False, and the text is as it was, where it does not fit. */
bool text_buf_add(struct text_buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The same of an item of a list: separator comes before it, unless the text is empty. */
bool text_buf_item(struct text_buf *b, const char *separator, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

#endif
