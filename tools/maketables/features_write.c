/* SPDX-License-Identifier: MIT */
#include "maketables/features.h"

#include <string.h>

static void write_ids(const struct features *f, struct make *m, const char *made_from)
{
	FILE *out = make_begin(m, "cpuid/feature_ids.h", made_from);
	(void)fprintf(out,
		"#ifndef NESTOR_CPUID_FEATURE_IDS_H\n#define NESTOR_CPUID_FEATURE_IDS_H\n\n"
		"#define FEATURE_NR_WORDS %zu\n#define FEATURE_COUNT %zu\n\n"
		"/* word * 32 + bit */\nenum {\n",
		f->nr_words, f->nr);
	for (size_t i = 0; i < f->nr; i++)
		(void)fprintf(out, "\tFEATURE_ID_%s = %u,\n", f->list[i]->id,
			f->list[i]->word_number * 32 + f->list[i]->bit);
	(void)fprintf(out, "};\n\n#endif\n");
}

static void write_words(const struct features *f, struct make *m, const char *made_from)
{
	FILE *out = make_begin(m, "cpuid/feature_words.inc", made_from);
	for (size_t i = 0; i < f->nr_words; i++) {
		const struct feature *one = NULL;
		uint32_t named = 0;
		for (size_t j = 0; j < f->nr; j++) {
			if (f->list[j]->word_number != i)
				continue;
			one = f->list[j];
			named |= UINT32_C(1) << one->bit;
		}
		if (!one)
			continue; /* a word is one because a feature is in it */
		const struct feature_word *w = &one->word;
		if (w->msr)
			(void)fprintf(out,
				"{ .kind = FEATURE_WORD_MSR, .msr = %s, .shift = %u, "
				".inverted = %s, ",
				one->index_text, w->shift, w->inverted ? "true" : "false");
		else
			(void)fprintf(out,
				"{ .kind = FEATURE_WORD_CPUID, .leaf = %s, .subleaf = %s, "
				".subleaf_matters = %s, .reg = %s, ",
				one->index_text, one->subleaf_text,
				w->has_subleaf ? "true" : "false", register_constants[w->reg]);
		(void)fprintf(out, ".named = 0x%08x },\n", named);
	}
}

static void write_features(const struct features *f, struct make *m, const char *made_from)
{
	FILE *out = make_begin(m, "cpuid/features.inc", made_from);
	FILE *index = make_begin(m, "cpuid/feature_index.inc", made_from);
	for (size_t i = 0; i < f->nr; i++) {
		const struct feature *feature = f->list[i];
		const char *aliases = "";
		for (unsigned j = 0; j < feature->aliases.nr; j++)
			aliases = arena_printf(&m->arena, "%s%s%s", aliases, j ? "," : "",
				feature->aliases.cell[j].text);
		(void)fprintf(out,
			"{ .name = %s, .aliases = %s, .note = %s, .id = FEATURE_ID_%s, "
			".vendor = FEATURE_%s, .attributes = %s },\n",
			c_string(&m->arena, feature->name->text), c_string(&m->arena, aliases),
			c_string(&m->arena, feature->note), feature->id,
			strcmp(feature->vendor, "both") == 0
				? "ANY"
				: c_constant(&m->arena, feature->vendor),
			*feature->attributes ? feature->attributes : "0");
		(void)fprintf(index, "[FEATURE_ID_%s] = %zu,\n", feature->id, i + 1);
	}
}

static void write_names(const struct features *f, struct make *m, const char *made_from)
{
	FILE *out = make_begin(m, "cpuid/feature_names.inc", made_from);
	for (size_t i = 0; i < f->nr_spellings; i++) {
		/* The list is sorted by name, and every name is in it. */
		size_t index = 0;
		while (f->list[index] != f->spellings[i].feature)
			index++;
		(void)fprintf(out, "{ .name = %s, .index = %zu },\n",
			c_string(&m->arena, f->spellings[i].text), index);
	}
}

static void write_requirements(const struct features *f, struct make *m)
{
	FILE *out = make_begin(m, "cpuid/requires.inc", "requires.tsv and vmx-features.tsv");
	for (size_t i = 0; i < f->nr_requirements; i++)
		(void)fprintf(out,
			"{ .feature = FEATURE_ID_%s, .required = FEATURE_ID_%s, .why = %s },\n",
			f->requirements[i].feature->id, f->requirements[i].required->id,
			c_string(&m->arena, f->requirements[i].why));
}

void features_write(const struct features *f, struct make *m)
{
	const char *made_from = "the tables of features";
	write_ids(f, m, made_from);
	write_words(f, m, made_from);
	write_features(f, m, made_from);
	write_names(f, m, made_from);
	write_requirements(f, m);
}
