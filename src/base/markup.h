/* SPDX-License-Identifier: MIT */
/* Text as XML and HTML take it. */
#ifndef NESTOR_BASE_MARKUP_H
#define NESTOR_BASE_MARKUP_H

#include <stdio.h>

/* Between tags as well as in a quoted attribute. text is what XML may hold at all: UTF-8 without
 * control characters but tab and newline (XML 1.0, "Char"). */
void markup_put_text(FILE *out, const char *text);

#endif
