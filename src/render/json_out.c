/* SPDX-License-Identifier: MIT */
#include "render/json_out.h"

#include "config/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

json_t *json_text(const char *text)
{
	/* Longer than any path or message. */
	char printable[4200];
	if (!text || !*text)
		return json_null();
	return json_string(text_printable(printable, sizeof(printable), text, strlen(text)));
}

json_t *json_hex(uint64_t value)
{
	char text[20];
	(void)snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_string(text);
}

int json_out(json_t *value, bool pretty, FILE *out)
{
	if (!value)
		return -ENOMEM;
	int rc = json_dumpf(value, out, pretty ? JSON_INDENT(2) : JSON_COMPACT) ? -EIO : 0;
	json_decref(value);
	if (putc('\n', out) == EOF)
		rc = -EIO;
	return rc;
}
