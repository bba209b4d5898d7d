/* SPDX-License-Identifier: MIT */
#include "schema_rng.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NODES 40000
#define MAX_DEPTH 24 /* of definitions inside one another */
#define NO_NODE 0    /* node 0 is the root of all */

/* An element of a schema, with the attribute that tells of it. */
struct node {
	char kind[16]; /* "define", "element", "attribute", "ref", "value", "data", … */
	char name[48]; /* name or type */
	char text[48];
	unsigned parent, first, last, next;
};

struct schema {
	struct node *nodes;
	unsigned nr, at;
	bool failed;
	schema_rng_word *word;
	void *ctx;
};

static void XMLCALL on_start(void *ctx, const XML_Char *element, const XML_Char **attributes)
{
	struct schema *s = ctx;
	if (s->nr == MAX_NODES) {
		s->failed = true;
		return;
	}
	struct node *n = &s->nodes[s->nr];
	struct node *parent = &s->nodes[s->at];
	(void)snprintf(n->kind, sizeof(n->kind), "%s", element);
	for (size_t i = 0; attributes[i]; i += 2) {
		if (strcmp(attributes[i], "name") == 0 || strcmp(attributes[i], "type") == 0)
			(void)snprintf(n->name, sizeof(n->name), "%s", attributes[i + 1]);
	}
	n->parent = s->at;
	if (parent->last)
		s->nodes[parent->last].next = s->nr;
	else
		parent->first = s->nr;
	parent->last = s->nr;
	s->at = s->nr++;
}

static void XMLCALL on_end(void *ctx, const XML_Char *element)
{
	struct schema *s = ctx;
	(void)element;
	s->at = s->nodes[s->at].parent;
}

static void XMLCALL on_text(void *ctx, const XML_Char *text, int n)
{
	struct schema *s = ctx;
	struct node *node = &s->nodes[s->at];
	size_t used = strlen(node->text);
	for (int i = 0; i < n && used + 1 < sizeof(node->text); i++) {
		if (used > 0 || !strchr(" \t\n", text[i]))
			node->text[used++] = text[i];
	}
	while (used > 0 && strchr(" \t\n", node->text[used - 1]))
		node->text[--used] = '\0';
}

static bool load(struct schema *s, const char *folder, const char *name)
{
	char path[1024], block[4096];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *in = fopen(path, "re");
	XML_Parser parser = XML_ParserCreate(NULL);
	bool ok = in && parser;
	if (parser) {
		XML_SetUserData(parser, s);
		XML_SetElementHandler(parser, on_start, on_end);
		XML_SetCharacterDataHandler(parser, on_text);
	}
	for (bool more = true; ok && more;) {
		size_t n = fread(block, 1, sizeof(block), in);
		more = n == sizeof(block);
		ok = XML_Parse(parser, block, (int)n, !more) == XML_STATUS_OK && !s->failed;
	}
	if (!ok)
		(void)fprintf(stderr, "%s: cannot be read\n", path);
	if (in)
		(void)fclose(in);
	if (parser)
		XML_ParserFree(parser);
	return ok;
}

/* The values that an attribute or a text may have. */
static void walk_values(struct schema *s, unsigned at, const char *word, unsigned depth)
{
	for (unsigned i = s->nodes[at].first; i != NO_NODE; i = s->nodes[i].next) {
		const struct node *n = &s->nodes[i];
		if (strcmp(n->kind, "value") == 0)
			s->word(s->ctx, word, n->text);
		if (strcmp(n->kind, "ref") != 0) {
			walk_values(s, i, word, depth);
			continue;
		}
		for (unsigned k = 1; k < s->nr && depth < MAX_DEPTH; k++) {
			if (strcmp(s->nodes[k].kind, "define") == 0 &&
				strcmp(s->nodes[k].name, n->name) == 0)
				walk_values(s, k, word, depth + 1);
		}
	}
}

static void walk(struct schema *s, unsigned at, const char *path, unsigned depth);

static void walk_definition(struct schema *s, const char *name, const char *path, unsigned depth)
{
	for (unsigned k = 1; k < s->nr && depth < MAX_DEPTH; k++) {
		if (strcmp(s->nodes[k].kind, "define") == 0 && strcmp(s->nodes[k].name, name) == 0)
			walk(s, k, path, depth + 1);
	}
}

static void walk_named(struct schema *s, unsigned i, const char *path, unsigned depth)
{
	const struct node *n = &s->nodes[i];
	char word[256];
	bool element = strcmp(n->kind, "element") == 0;
	(void)snprintf(
		word, sizeof(word), "%s%s%s", path, element ? *path ? "/" : "" : "@", n->name);
	s->word(s->ctx, word, NULL);
	if (element)
		walk(s, i, word, depth);
	else
		walk_values(s, i, word, depth);
}

static void walk(struct schema *s, unsigned at, const char *path, unsigned depth)
{
	for (unsigned i = s->nodes[at].first; i != NO_NODE; i = s->nodes[i].next) {
		const struct node *n = &s->nodes[i];
		/* An element with a name class instead of a name stands for any of other schemas.
		 */
		bool named = strcmp(n->kind, "element") == 0 || strcmp(n->kind, "attribute") == 0;
		if (named && n->name[0])
			walk_named(s, i, path, depth);
		else if (strcmp(n->kind, "ref") == 0)
			walk_definition(s, n->name, path, depth);
		else if (!named)
			walk(s, i, path, depth);
	}
}

bool schema_rng_walk(const char *folder, schema_rng_word *word, void *ctx)
{
	static const char *const files[] = { "domaincommon.rng", "cputypes.rng", "basictypes.rng" };
	static const char *const definitions[] = { "guestcpu", "hostcpu", "features", "clock" };
	struct schema s = {
		.nodes = calloc(MAX_NODES, sizeof(*s.nodes)), .nr = 1, .word = word, .ctx = ctx
	};
	bool ok = s.nodes != NULL;
	for (size_t i = 0; ok && i < sizeof(files) / sizeof(files[0]); i++)
		ok = load(&s, folder, files[i]);
	for (size_t i = 0; ok && i < sizeof(definitions) / sizeof(definitions[0]); i++)
		walk_definition(&s, definitions[i], "", 0);
	free(s.nodes);
	return ok;
}
