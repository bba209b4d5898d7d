/* SPDX-License-Identifier: MIT */
#include "base/toml_string.h"

#include <stddef.h>

#define MAX_PLAIN_DOTS 64

void toml_put_string(FILE *out, const char *text)
{
	size_t dots = 0;
	for (const char *p = text; *p != '\0'; p++)
		dots += *p == '.';
	(void)fputc('"', out);
	for (const char *p = text; *p != '\0'; p++) {
		unsigned char ch = (unsigned char)*p;
		if (ch == '"' || ch == '\\')
			(void)fprintf(out, "\\%c", ch);
		else if (ch == '\n')
			(void)fputs("\\n", out);
		else if (ch == '\t')
			(void)fputs("\\t", out);
		else if (ch < 0x20 || ch == 0x7f || (ch == '.' && dots > MAX_PLAIN_DOTS))
			(void)fprintf(out, "\\u%04X", ch);
		else
			(void)fputc(ch, out);
	}
	(void)fputc('"', out);
}
