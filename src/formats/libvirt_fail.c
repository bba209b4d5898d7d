/* SPDX-License-Identifier: MIT */
/* What the walk through libvirt's XML shares with the meaning of its elements. */
#include "formats/input.h"
#include "formats/libvirt_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void stop(struct libvirt_reader *r, int rc)
{
	if (r->rc == 0)
		r->rc = rc;
	(void)XML_StopParser(r->parser, XML_FALSE);
}

void libvirt_fail(struct libvirt_reader *r, const char *fmt, ...)
{
	char what[512];
	va_list ap;
	if (r->rc)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	stop(r, input_fail(r->e, "%s:%lu:%lu: %s", r->name, xml_line(r->parser),
			xml_column(r->parser), what));
}

void libvirt_no_memory(struct libvirt_reader *r)
{
	if (r->rc == 0)
		stop(r, err_set(r->e, -ENOMEM, "out of memory"));
}

const char *libvirt_attribute(const XML_Char **attributes, const char *name)
{
	for (; *attributes; attributes += 2) {
		if (strcmp(attributes[0], name) == 0)
			return attributes[1];
	}
	return NULL;
}
