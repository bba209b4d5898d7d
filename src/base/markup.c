/* SPDX-License-Identifier: MIT */
#include "base/markup.h"

void markup_put_text(FILE *out, const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		switch (*c) {
		case '&':
			(void)fputs("&amp;", out);
			break;
		case '<':
			(void)fputs("&lt;", out);
			break;
		case '>':
			(void)fputs("&gt;", out);
			break;
		case '"':
			(void)fputs("&quot;", out);
			break;
		case '\'': /* HTML 4 does not know &apos; */
			(void)fputs("&#39;", out);
			break;
		default:
			(void)putc(*c, out);
			break;
		}
	}
}
