/* SPDX-License-Identifier: MIT */
#include "render/paint.h"

#include "config/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES 2048

struct paint paint_to(FILE *out)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	bool wanted = (!no_colour || !*no_colour) && !(term && strcmp(term, "dumb") == 0);
	return (struct paint){ .out = out, .colours = wanted && isatty(fileno(out)) == 1 };
}

static const char *style_start(enum paint_style style)
{
	switch (style) {
	case PAINT_PLAIN:
		return "";
	case PAINT_BOLD:
		return "\033[1m";
	case PAINT_DIM:
		return "\033[2m";
	case PAINT_GOOD:
		return "\033[32m";
	case PAINT_BAD:
		return "\033[1;31m";
	case PAINT_WARN:
		return "\033[33m";
	case PAINT_NAME:
		return "\033[36m";
	}
	return "";
}

/* Returns how many characters were written. */
static size_t put(const struct paint *p, enum paint_style style, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

static size_t put(const struct paint *p, enum paint_style style, const char *fmt, va_list ap)
{
	char raw[PIECE_BYTES], text[PIECE_BYTES];
	int n = vsnprintf(raw, sizeof(raw), fmt, ap);
	if (n < 0)
		return 0;
	size_t length = (size_t)n < sizeof(raw) ? (size_t)n : sizeof(raw) - 1;
	(void)text_printable(text, sizeof(text), raw, length);
	bool coloured = p->colours && style != PAINT_PLAIN && *text;
	if (coloured)
		(void)fputs(style_start(style), p->out);
	(void)fputs(text, p->out);
	if (coloured)
		(void)fputs("\033[0m", p->out);
	size_t characters = 0;
	for (const char *c = text; *c; c++)
		characters += ((unsigned char)*c & 0xc0) != 0x80;
	return characters;
}

void paint(const struct paint *p, enum paint_style style, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)put(p, style, fmt, ap);
	va_end(ap);
}

void paint_cell(const struct paint *p, enum paint_style style, unsigned width, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	size_t used = put(p, style, fmt, ap);
	va_end(ap);
	for (; used < width; used++)
		(void)putc(' ', p->out);
	(void)putc(' ', p->out);
}

void paint_end(const struct paint *p)
{
	(void)putc('\n', p->out);
}
