/* SPDX-License-Identifier: MIT */
/* What libvirt's two files share: the walk through the XML, and what its elements mean. Of this
 * room alone. */
#ifndef NESTOR_FORMATS_LIBVIRT_INTERNAL_H
#define NESTOR_FORMATS_LIBVIRT_INTERNAL_H

#include "formats/qemu_guest.h"
#include "formats/words.h"
#include "formats/xml_place.h"

#define LIBVIRT_MAX_DEPTH 64
#define LIBVIRT_MAX_TEXT 256
#define LIBVIRT_MAX_PATH 256
#define LIBVIRT_MAX_VCPUS 65536

enum libvirt_mode {
	LIBVIRT_MODE_NONE,
	LIBVIRT_MODE_CUSTOM,
	LIBVIRT_MODE_PASSTHROUGH,
	LIBVIRT_MODE_HOST_MODEL,
	LIBVIRT_MODE_MAXIMUM,
};

struct libvirt_reader {
	XML_Parser parser;
	const char *name;
	struct policy_doc *doc;
	struct losses *losses;
	struct err *e;
	int rc; /* of the first failure */
	struct qemu_guest guest;
	/* Where the walk is: "cpu/feature", and how long that is up to each depth. */
	char path[LIBVIRT_MAX_PATH];
	size_t lengths[LIBVIRT_MAX_DEPTH];
	unsigned depth;
	unsigned skipped; /* the depth below which nothing is looked at; 0: none */
	char text[LIBVIRT_MAX_TEXT];
	size_t nr_text;
	enum libvirt_mode mode;
	bool has_cpu, has_topology;
	uint64_t vcpus, current; /* 0: not given */
	char timer[16];          /* the name of the one in hand */
};

/* A fault of the text; ends the walk. */
void libvirt_fail(struct libvirt_reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
void libvirt_no_memory(struct libvirt_reader *r);

/* The value of an attribute, or NULL. */
const char *libvirt_attribute(const XML_Char **attributes, const char *name);

/* Takes the element at r->path, of which the table of words says no more than that it is carried
 * over. libvirt_elements.c */
void libvirt_start(struct libvirt_reader *r, const XML_Char **attributes);
/* Takes what stands in the element at r->path. */
void libvirt_end(struct libvirt_reader *r);
/* True where that element has text that is read. */
bool libvirt_has_text(const struct libvirt_reader *r);
/* After the last element. */
int libvirt_finish(struct libvirt_reader *r) MUST_CHECK;

#endif
