/* SPDX-License-Identifier: MIT */
/*
 * libvirt's <cpu> element (formatdomain, "CPU model and topology"), alone or inside a <domain>,
 * from which what bears on the CPU is taken as well: <vcpu>, <features>, <clock>. What each element
 * becomes is in data/words-libvirt.tsv.
 */
#include "formats/convert.h"
#include "formats/input.h"
#include "formats/libvirt_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool in_cpu(const struct libvirt_reader *r)
{
	return strncmp(r->path, "cpu", 3) == 0 && (r->path[3] == '\0' || r->path[3] == '/');
}

/* The row of a path; NULL: nestor does not know it. That the rest of a domain is of no account is
 * said of what stands directly in it. */
static const struct word *word_of(const char *path)
{
	const struct word *word = word_find(WORDS_LIBVIRT, path);
	bool any = word && strcmp(word->name, "*") == 0;
	return any && strpbrk(path, "/@") ? NULL : word;
}

/* "timer rtc tickpolicy='catchup'": what an attribute is called among the losses. */
static void lose_attribute(struct libvirt_reader *r, const XML_Char **a, const char *why)
{
	losses_add(r->losses, "%s%s%s %s='%s': %s", r->path, r->timer[0] ? " " : "", r->timer, a[0],
		a[1], why);
}

static void take_attribute(struct libvirt_reader *r, const XML_Char **a)
{
	char path[LIBVIRT_MAX_PATH + 64];
	(void)snprintf(path, sizeof(path), "%s@%s", r->path, a[0]);
	const struct word *word = word_of(path);
	if (!word && in_cpu(r))
		libvirt_fail(r, "<%s>: unknown attribute %s",
			strrchr(r->path, '/') ? strrchr(r->path, '/') + 1 : r->path, a[0]);
	else if (!word)
		lose_attribute(r, a, "not known to nestor");
	else if (word->fate == WORD_LOST && !word_is_nothing(word, a[1]))
		lose_attribute(r, a, word->note);
}

/* Something that is switched off asks for nothing. */
static bool is_off(const XML_Char **attributes)
{
	const char *state = libvirt_attribute(attributes, "state");
	return state && strcmp(state, "off") == 0;
}

/* One more element at the end of the path; false: it is too long to be any. */
static bool push(struct libvirt_reader *r, const XML_Char *element)
{
	size_t at = strlen(r->path);
	r->lengths[r->depth++] = at;
	int n = snprintf(r->path + at, sizeof(r->path) - at, "%s%s", at ? "/" : "", element);
	if (n > 0 && (size_t)n < sizeof(r->path) - at)
		return true;
	r->path[at] = '\0';
	return false;
}

static void look_at(struct libvirt_reader *r, const XML_Char *element, const XML_Char **attributes)
{
	const struct word *word = word_of(r->path);
	r->timer[0] = '\0';
	if (!word && in_cpu(r)) {
		libvirt_fail(r, "unknown element <%s>", element);
		return;
	}
	if (!word || (word->fate == WORD_LOST && !is_off(attributes)))
		losses_add(r->losses, "%s: %s", r->path, word ? word->note : "not known to nestor");
	if (!word || word->fate == WORD_LOST || strcmp(word->name, "*") == 0) {
		r->skipped = r->depth;
		return;
	}
	const char *timer = libvirt_attribute(attributes, "name");
	if (timer && strcmp(r->path, "clock/timer") == 0)
		(void)snprintf(r->timer, sizeof(r->timer), "%s", timer);
	for (const XML_Char **a = attributes; *a && !r->rc; a += 2)
		take_attribute(r, a);
	if (!r->rc)
		libvirt_start(r, attributes);
}

static void XMLCALL on_start(void *ctx, const XML_Char *element, const XML_Char **attributes)
{
	struct libvirt_reader *r = ctx;
	if (r->rc)
		return;
	if (r->depth == LIBVIRT_MAX_DEPTH) {
		libvirt_fail(r, "elements inside one another more than %d deep", LIBVIRT_MAX_DEPTH);
		return;
	}
	r->nr_text = 0;
	/* <domain> itself is no part of a path. */
	if (r->depth == 0 && strcmp(element, "domain") == 0) {
		r->lengths[r->depth++] = 0;
		return;
	}
	if (r->depth == 0 && strcmp(element, "cpu") != 0) {
		libvirt_fail(r, "expected <cpu> or <domain>, found <%s>", element);
		return;
	}
	bool fits = push(r, element);
	if (r->skipped)
		return;
	if (!fits)
		libvirt_fail(r, "unknown element <%s>", element);
	else
		look_at(r, element, attributes);
}

static void XMLCALL on_end(void *ctx, const XML_Char *element)
{
	struct libvirt_reader *r = ctx;
	(void)element;
	if (r->rc || r->depth == 0)
		return;
	while (r->nr_text > 0 && strchr(" \t\r\n", r->text[r->nr_text - 1]))
		r->nr_text--;
	r->text[r->nr_text] = '\0';
	if (!r->skipped)
		libvirt_end(r);
	if (r->skipped == r->depth)
		r->skipped = 0;
	r->path[r->lengths[--r->depth]] = '\0';
	r->nr_text = 0;
}

static void XMLCALL on_text(void *ctx, const XML_Char *text, int n)
{
	struct libvirt_reader *r = ctx;
	if (r->rc || r->skipped || !libvirt_has_text(r))
		return;
	for (int i = 0; i < n; i++) {
		if (r->nr_text == 0 && strchr(" \t\r\n", text[i]))
			continue;
		if (r->nr_text == LIBVIRT_MAX_TEXT - 1) {
			libvirt_fail(r, "a text of more than %d bytes", LIBVIRT_MAX_TEXT - 1);
			return;
		}
		r->text[r->nr_text++] = text[i];
	}
}

/* A document type could declare entities that grow without end, and libvirt's XML has none. */
static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *system_id,
	const XML_Char *public_id, int has_internal_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	libvirt_fail(ctx, "a document type declaration is not allowed");
}

static int parse(struct libvirt_reader *r, const char *text, size_t n)
{
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	if (XML_Parse(r->parser, text, (int)n, 1) == XML_STATUS_ERROR && r->rc == 0) {
		enum XML_Error code = XML_GetErrorCode(r->parser);
		if (code == XML_ERROR_NO_MEMORY)
			return err_set(r->e, -ENOMEM, "out of memory");
		libvirt_fail(r, "%s", XML_ErrorString(code));
	}
	return r->rc ? r->rc : libvirt_finish(r);
}

int libvirt_cpu_read(const char *text, size_t n, const char *name, struct policy_doc **ret_doc,
	struct losses *losses, struct err *e)
{
	*ret_doc = NULL;
	if (n > CONVERT_MAX_BYTES)
		return input_fail(e, "%s: longer than 1 MiB", name);
	struct libvirt_reader *r = calloc(1, sizeof(*r));
	int rc = -ENOMEM;
	if (!r)
		goto out;
	*r = (struct libvirt_reader){ .name = name, .losses = losses, .e = e };
	/* UTF-8 alone: other encodings are a way round what was checked before. */
	r->parser = XML_ParserCreate("UTF-8");
	r->doc = policy_doc_create();
	r->guest.doc = r->doc;
	r->guest.losses = losses;
	r->guest.e = e;
	r->guest.origin = r->doc ? policy_doc_string(r->doc, name, strlen(name)) : NULL;
	if (!r->parser || !r->guest.origin)
		goto out;
	rc = parse(r, text, n);
	if (rc == 0) {
		*ret_doc = r->doc;
		r->doc = NULL;
	}
out:
	if (rc == -ENOMEM)
		(void)err_set(e, rc, "out of memory");
	if (r) {
		if (r->parser)
			XML_ParserFree(r->parser);
		policy_doc_destroy(r->doc);
	}
	free(r);
	return rc;
}
