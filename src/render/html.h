/* SPDX-License-Identifier: MIT */
/*
 * HTML pages that stand alone: one file, no resource from anywhere, light or dark as the reader's
 * browser is. Everything that is not written here is escaped.
 */
#ifndef NESTOR_RENDER_HTML_H
#define NESTOR_RENDER_HTML_H

#include "base/err.h"

#include <stdio.h>

/* The head with style, a heading, and a bar: its search box hides what of class "row" does not
 * contain its words; its switch, on at first, what is of class "same" besides. */
void html_begin(FILE *out, const char *title, const char *search_hint);
void html_end(FILE *out);

/* Text, in an element as well as in a quoted attribute; broken UTF-8 and control characters become
 * '?'. */
void html_text(FILE *out, const char *text);
void html_textf(FILE *out, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* <TAG CLASS>text</TAG>; tag and class are the program's own. class NULL: none. */
void html_element(FILE *out, const char *tag, const char *class, const char *text);

#endif
