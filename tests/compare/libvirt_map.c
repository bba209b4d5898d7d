/* SPDX-License-Identifier: MIT */
#include "libvirt_map.h"

#include "formats/xml_place.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILES 512
#define MAX_VENDORS 16
#define FILE_BYTES (1u << 20)

struct reader {
	const char *dir, *file;
	struct their_data *data;
	XML_Parser parser;
	bool failed, in_x86;
	char files[MAX_FILES][COMPARE_NAME_BYTES];
	size_t nr_files;
	struct {
		char name[16], string[16];
	} vendors[MAX_VENDORS];
	size_t nr_vendors;
	char feature[COMPARE_NAME_BYTES]; /* in the file of features */
	/* The model that is being read, by number, as the array moves; depth of <model>. */
	size_t model;
	unsigned model_depth;
	bool inherited_signatures;
};

static void fail(struct reader *r, const char *what, const char *name)
{
	if (!r->failed)
		(void)fprintf(stderr, "%s/%s:%lu: %s %s\n", r->dir, r->file, xml_line(r->parser),
			what, name);
	r->failed = true;
	(void)XML_StopParser(r->parser, XML_FALSE);
}

static const char *attribute(const char **attributes, const char *name)
{
	for (size_t i = 0; attributes[i]; i += 2) {
		if (strcmp(attributes[i], name) == 0)
			return attributes[i + 1];
	}
	return NULL;
}

static bool number(const char *text, unsigned long *ret)
{
	char *end = NULL;
	errno = 0;
	*ret = text ? strtoul(text, &end, 0) : 0;
	return !text || (errno == 0 && end != text && *end == '\0' && *ret <= UINT32_MAX);
}

static unsigned long wanted_number(struct reader *r, const char **attributes, const char *name)
{
	unsigned long value = 0;
	if (!number(attribute(attributes, name), &value))
		fail(r, "expected a number in", name);
	return value;
}

/* A name of theirs that ours does not know, said once. */
static void unknown_name(struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->data->names.n; i++) {
		if (strcmp(r->data->names.items[i].what, name) == 0)
			return;
	}
	differences_add(&r->data->names, "-", name, "unknown", "name");
}

static void compare_place(struct reader *r, const char *theirs, bool same)
{
	const struct feature *f = feature_find(r->feature);
	char place[FEATURE_PLACE_BYTES];
	if (!f)
		unknown_name(r, r->feature);
	else if (!same)
		differences_add(
			&r->data->names, "-", r->feature, feature_place(place, f->id), theirs);
	else
		feature_set_add(&r->data->known, f->id);
}

/* <cpuid eax_in='7' ecx_in='0' ebx='0x20'/>: one bit. */
static void place_cpuid(struct reader *r, const char **attributes)
{
	static const char *const regs[] = { "eax", "ebx", "ecx", "edx" };
	const struct feature *f = feature_find(r->feature);
	const struct feature_word *w = f ? feature_word(f->id / 32u) : NULL;
	unsigned long leaf = wanted_number(r, attributes, "eax_in");
	unsigned long subleaf = wanted_number(r, attributes, "ecx_in");
	for (unsigned reg = 0; reg < 4; reg++) {
		unsigned long mask = wanted_number(r, attributes, regs[reg]);
		char theirs[FEATURE_PLACE_BYTES];
		if (mask == 0)
			continue;
		unsigned bit = (unsigned)__builtin_ctzl(mask);
		bool same = w && w->kind == FEATURE_WORD_CPUID && w->leaf == leaf &&
			    w->subleaf == subleaf && w->reg == reg && f->id % 32u == bit &&
			    mask == 1ul << bit;
		(void)snprintf(theirs, sizeof(theirs), "%#lx.%#lx %s %#lx", leaf, subleaf,
			regs[reg], mask);
		compare_place(r, theirs, same);
	}
}

/* <msr index='0x10a' edx='0x0' eax='0x1'/>. The halves of a VMX control's MSR say for the same bits
 * whether they may be 0 and may be 1; libvirt names the control, in eax. */
static void place_msr(struct reader *r, const char **attributes)
{
	const struct feature *f = feature_find(r->feature);
	const struct feature_word *w = f ? feature_word(f->id / 32u) : NULL;
	unsigned long msr = wanted_number(r, attributes, "index");
	uint64_t mask = wanted_number(r, attributes, "eax") |
			(uint64_t)wanted_number(r, attributes, "edx") << 32;
	bool control = (msr >= 0x48d && msr <= 0x490) || msr == 0x48b;
	uint64_t ours = w ? UINT64_C(1) << (f->id % 32u + (control ? 0 : w->shift)) : 0;
	char theirs[FEATURE_PLACE_BYTES];
	(void)snprintf(theirs, sizeof(theirs), "MSR %#lx %#llx", msr, (unsigned long long)mask);
	compare_place(r, theirs, w && w->kind == FEATURE_WORD_MSR && w->msr == msr && mask == ours);
}

static void start_model(struct reader *r, const char *name)
{
	if (r->model_depth++ == 0) {
		(void)their_model_add(r->data, name);
		r->model = r->data->nr_models - 1;
		r->inherited_signatures = false;
		return;
	}
	/* Inside of another model: a copy of one that came before. */
	const struct their_model *base = their_model_find(r->data, name);
	struct their_model *m = &r->data->models[r->model];
	if (!base || base == m || r->model_depth != 2) {
		fail(r, "a model to copy that is not known:", name);
		return;
	}
	char own[COMPARE_NAME_BYTES];
	(void)snprintf(own, sizeof(own), "%s", m->name);
	*m = *base;
	(void)snprintf(m->name, sizeof(m->name), "%s", own);
	r->inherited_signatures = true;
}

static void add_signature(struct reader *r, struct their_model *m, const char **attributes)
{
	const char *stepping = attribute(attributes, "stepping");
	unsigned low = 0, high = 15;
	char end;
	if (r->inherited_signatures)
		m->nr_signatures = 0;
	r->inherited_signatures = false;
	if (stepping && sscanf(stepping, "%2u-%2u%c", &low, &high, &end) != 2) {
		if (sscanf(stepping, "%2u%c", &low, &end) != 1)
			fail(r, "unknown form of stepping", stepping);
		high = low;
	}
	if (m->nr_signatures == COMPARE_MAX_SIGNATURES) {
		fail(r, "too many signatures in", m->name);
		return;
	}
	m->signatures[m->nr_signatures++] = (struct compare_signature){
		.family = (unsigned)wanted_number(r, attributes, "family"),
		.model = (unsigned)wanted_number(r, attributes, "model"),
		.stepping_low = low,
		.stepping_high = high,
	};
}

static void set_vendor(struct reader *r, struct their_model *m, const char *name)
{
	for (size_t i = 0; i < r->nr_vendors; i++) {
		if (strcmp(r->vendors[i].name, name) == 0) {
			(void)snprintf(m->vendor, sizeof(m->vendor), "%s", r->vendors[i].string);
			return;
		}
	}
	fail(r, "unknown vendor", name);
}

static void add_feature(struct reader *r, struct their_model *m, const char **attributes)
{
	const char *name = attribute(attributes, "name");
	const char *removed = attribute(attributes, "removed");
	const struct feature *f = feature_find(name);
	if (!f) {
		/* It is part of what is compared all the same. */
		unknown_name(r, name);
		return;
	}
	bool gone = removed && strcmp(removed, "yes") == 0;
	feature_set_add(gone ? &m->removed : &m->has, f->id);
}

static void XMLCALL on_start(void *ctx, const char *element, const char **attributes)
{
	struct reader *r = ctx;
	const char *name = attribute(attributes, "name");
	struct their_model *m = r->model_depth ? &r->data->models[r->model] : NULL;
	if (strcmp(element, "arch") == 0) {
		r->in_x86 = name && strcmp(name, "x86") == 0;
	} else if (strcmp(element, "include") == 0) {
		const char *file = attribute(attributes, "filename");
		if (!file || strchr(file, '/') || r->nr_files == MAX_FILES)
			fail(r, "a file that cannot be included:", file ? file : "");
		else if (r->in_x86)
			(void)snprintf(r->files[r->nr_files++], COMPARE_NAME_BYTES, "%s", file);
	} else if (strcmp(element, "cpuid") == 0) {
		place_cpuid(r, attributes);
	} else if (strcmp(element, "msr") == 0) {
		place_msr(r, attributes);
	} else if (m && strcmp(element, "signature") == 0) {
		add_signature(r, m, attributes);
	} else if (!name) {
		/* Only what has a name follows. */
	} else if (strcmp(element, "model") == 0) {
		start_model(r, name);
	} else if (strcmp(element, "feature") == 0 && m) {
		add_feature(r, m, attributes);
	} else if (strcmp(element, "feature") == 0) {
		(void)snprintf(r->feature, sizeof(r->feature), "%s", name);
	} else if (strcmp(element, "vendor") == 0 && m) {
		set_vendor(r, m, name);
	} else if (strcmp(element, "vendor") == 0 && r->nr_vendors < MAX_VENDORS) {
		const char *string = attribute(attributes, "string");
		(void)snprintf(r->vendors[r->nr_vendors].name, 16, "%s", name);
		(void)snprintf(r->vendors[r->nr_vendors++].string, 16, "%s", string ? string : "");
	}
}

static void XMLCALL on_end(void *ctx, const char *element)
{
	struct reader *r = ctx;
	if (strcmp(element, "model") == 0 && r->model_depth > 0)
		r->model_depth--;
}

static void read_file(struct reader *r, const char *name)
{
	char path[1024];
	r->file = name;
	r->parser = XML_ParserCreate(NULL);
	char *text = malloc(FILE_BYTES);
	(void)snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	FILE *file = fopen(path, "re");
	if (!file || !text || !r->parser) {
		(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
		r->failed = true;
	} else {
		XML_SetUserData(r->parser, r);
		XML_SetElementHandler(r->parser, on_start, on_end);
		size_t n = fread(text, 1, FILE_BYTES, file);
		if (XML_Parse(r->parser, text, (int)n, 1) != XML_STATUS_OK)
			fail(r, "not XML, or over 1 MiB:",
				XML_ErrorString(XML_GetErrorCode(r->parser)));
	}
	if (file)
		(void)fclose(file);
	free(text);
	if (r->parser)
		XML_ParserFree(r->parser);
	r->parser = NULL;
}

bool libvirt_map_read(const char *dir, struct their_data *ret)
{
	struct reader *r = calloc(1, sizeof(*r));
	*ret = (struct their_data){ .program = "libvirt" };
	if (!r)
		return false;
	r->dir = dir;
	r->data = ret;
	read_file(r, "index.xml");
	for (size_t i = 0; i < r->nr_files && !r->failed; i++)
		read_file(r, r->files[i]);
	bool ok = !r->failed && ret->nr_models > 0;
	for (size_t i = 0; i < ret->nr_models; i++)
		their_model_set_hash(&ret->models[i]);
	free(r);
	return ok;
}
