/* SPDX-License-Identifier: MIT */
#include "base/text_buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text_buf text_buf_in(char *text, size_t size)
{
	text[0] = '\0';
	return (struct text_buf){ .text = text, .size = size };
}

static bool put(struct text_buf *b, const char *separator, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

static bool put(struct text_buf *b, const char *separator, const char *fmt, va_list ap)
{
	size_t lead = strlen(separator), room = b->size - b->used;
	int n = lead < room ? vsnprintf(b->text + b->used + lead, room - lead, fmt, ap) : -1;
	if (n < 0 || (size_t)n >= room - lead) {
		b->text[b->used] = '\0';
		b->nr_left_out++;
		return false;
	}
	(void)memcpy(b->text + b->used, separator, lead);
	b->used += lead + (size_t)n;
	return true;
}

bool text_buf_add(struct text_buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	bool fits = put(b, "", fmt, ap);
	va_end(ap);
	return fits;
}

bool text_buf_item(struct text_buf *b, const char *separator, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	bool fits = put(b, b->used > 0 ? separator : "", fmt, ap);
	va_end(ap);
	return fits;
}
