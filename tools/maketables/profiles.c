/* SPDX-License-Identifier: MIT */
#include "maketables/nesting.h"

#include <string.h>

#define MAX_MEMORY_MIB 99999
#define TEXT_BYTES 143 /* of struct nesting_profile and its rows, without the NUL */
#define SVM_LEAF 0x8000000a

/* Whose a feature is: "intel" or "amd", or NULL where both may have it. */
static const char *owner_of(const struct feature *f)
{
	if (strcmp(f->name->text, "vmx") == 0 || strcmp(f->attributes, "FEATURE_VMX_CONTROL") == 0)
		return "intel";
	if (strcmp(f->name->text, "svm") == 0 || (!f->word.msr && f->word.index == SVM_LEAF))
		return "amd";
	return NULL;
}

static void judge_vendor(const struct tsv *t, size_t i, const struct feature *feature)
{
	const struct cell *c = t->rows[i].cell;
	const char *owner = feature ? owner_of(feature) : NULL;
	if (owner && strcmp(owner, c[2].text) != 0)
		cell_fault(
			&c[2], "expected %s, whose %s is, found %s", owner, c[0].text, c[2].text);
	for (size_t j = 1; j < i; j++) {
		const struct cell *other = t->rows[j].cell;
		if (strcmp(other[0].text, c[0].text) == 0 &&
			(strcmp(other[2].text, c[2].text) == 0 ||
				strcmp(other[2].text, "any") == 0 ||
				strcmp(c[2].text, "any") == 0)) {
			cell_fault(&c[0], "expected %s once a vendor, found it in line %u, too",
				c[0].text, other->line);
			return;
		}
	}
}

static void write_row(
	struct make *m, FILE *out, const struct tsv *t, size_t i, const struct features *f)
{
	static const char *const levels[] = { "REQUIRED", "WANTED", "HIDDEN" };
	static const char *const vendors[] = { "OTHER", "INTEL", "AMD" };
	const struct cell *c = t->rows[i].cell;
	if (strcmp(c[0].text, "profile") == 0) {
		cell_expected(&c[0], "one profile a file");
		return;
	}
	const struct feature *feature = features_known(f, &c[0]);
	unsigned level = cell_choice(&c[1], "required wanted hidden");
	unsigned vendor = cell_choice(&c[2], "any intel amd");
	judge_vendor(t, i, feature);
	(void)fprintf(out,
		"{ .feature = FEATURE_ID_%s, .level = NESTING_%s, .vendor = CPUID_VENDOR_%s, "
		".reason = %s },\n",
		feature ? feature->id : "", levels[level], vendors[vendor],
		c_string(&m->arena, cell_said(&c[3], TEXT_BYTES)));
}

/* One profile: its rows to out; its row in the table of profiles is returned. */
static const char *make_profile(
	struct make *m, FILE *out, const struct features *f, const char *name)
{
	size_t before = m->faults.nr;
	const struct tsv *t = tsv_read(&m->faults,
		arena_printf(&m->arena, "%s/nesting/profiles/%s.tsv", m->source, name),
		"feature level vendor reason");
	if (m->faults.nr > before)
		return "";
	/* The first row is about the profile itself. */
	const struct cell *c = t->rows[0].cell;
	if (strcmp(c[0].text, "profile") != 0) {
		cell_expected(&c[0], "the row of the profile first");
		return "";
	}
	if (strcmp(c[1].text, name) != 0)
		cell_fault(&c[1], "expected the name of the file, %s, found %s", name, c[1].text);
	unsigned memory = cell_number(&c[2], 0, MAX_MEMORY_MIB);
	if (t->nr_rows == 1)
		cell_fault(&c[0], "expected rows of features, found none");
	const char *id = c_identifier(&m->arena, name);
	(void)fprintf(out, "static const struct nesting_profile_row rows_%s[] = {\n", id);
	for (size_t i = 1; i < t->nr_rows; i++)
		write_row(m, out, t, i, f);
	(void)fprintf(out, "};\n");
	return arena_printf(&m->arena,
		"{ .name = %s, .title = %s, .memory_mib = %u, .rows = rows_%s, .nr_rows = %zu },\n",
		c_string(&m->arena, name), c_string(&m->arena, cell_said(&c[3], TEXT_BYTES)),
		memory, id, t->nr_rows - 1);
}

void make_profiles(
	struct make *m, const struct features *f, const char *const *profiles, size_t nr_profiles)
{
	FILE *out = make_begin(m, "nesting/profiles.inc", "profiles/");
	const char *table = "";
	for (size_t i = 0; i < nr_profiles; i++)
		table = arena_printf(
			&m->arena, "%s%s", table, make_profile(m, out, f, profiles[i]));
	(void)fprintf(out, "\nstatic const struct nesting_profile profiles[] = {\n%s};\n", table);
}
