/* SPDX-License-Identifier: MIT */
#include "maketables/features.h"

#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "tsv/cycle.h"

#define MAX_FEATURES 65535 /* an id has 16 bits: word * 32 + bit */
#define WHY_BYTES 111      /* of struct requirement's text, without its NUL */

const char *const register_constants[4] = { "CPUID_EAX", "CPUID_EBX", "CPUID_ECX", "CPUID_EDX" };

const struct feature *features_known(const struct features *f, const struct cell *name)
{
	const struct named *named = names_known(&f->names, name);
	return named ? named->value : NULL;
}

/* CPUID's before MSRs', in the order of leaves and registers. */
static int compare_words(const struct feature_word *a, const struct feature_word *b)
{
	const uint64_t of_a[] = { a->msr, a->index, a->has_subleaf, a->subleaf, a->reg, a->shift,
		a->inverted };
	const uint64_t of_b[] = { b->msr, b->index, b->has_subleaf, b->subleaf, b->reg, b->shift,
		b->inverted };
	for (size_t i = 0; i < ARRAY_SIZE(of_a); i++) {
		if (of_a[i] != of_b[i])
			return of_a[i] < of_b[i] ? -1 : 1;
	}
	return 0;
}

static int compare_places(const void *a, const void *b)
{
	const struct feature *const *fa = a, *const *fb = b;
	int order = compare_words(&(*fa)->word, &(*fb)->word);
	return order ? order : (int)(*fa)->bit - (int)(*fb)->bit;
}

static int compare_requirements(const void *a, const void *b)
{
	const struct requirement *ra = a, *rb = b;
	int order = compare_places(&ra->feature, &rb->feature);
	return order ? order : compare_places(&ra->required, &rb->required);
}

static int compare_names(const void *a, const void *b)
{
	const struct feature *const *fa = a, *const *fb = b;
	return strcmp((*fa)->name->text, (*fb)->name->text);
}

static struct feature *add_feature(struct features *f, struct make *m, const struct cell *name)
{
	struct feature *feature = arena_alloc(&m->arena, sizeof(*feature));
	feature->name = name;
	feature->id = c_identifier(&m->arena, cell_name(name));
	feature->subleaf_text = "0";
	feature->vendor = "intel";
	feature->attributes = "";
	(void)names_add(&f->names, name->text, name, feature);
	f->list = arena_grow(&m->arena, f->list, f->nr, &f->room, sizeof(struct feature *));
	f->list[f->nr++] = feature;
	return feature;
}

static void add_requirement(struct features *f, struct make *m, const struct feature *feature,
	const struct cell *required, const char *why)
{
	const struct feature *other = features_known(f, required);
	if (!feature || !other)
		return;
	for (size_t i = 0; i < f->nr_requirements; i++) {
		if (f->requirements[i].feature == feature && f->requirements[i].required == other)
			cell_fault(required,
				"expected a requirement once, found that %s requires %s in %s:%u, "
				"too",
				feature->name->text, other->name->text,
				f->requirements[i].cell->table->path,
				f->requirements[i].cell->line);
	}
	f->requirements = arena_grow(&m->arena, f->requirements, f->nr_requirements,
		&f->requirements_room, sizeof(*f->requirements));
	f->requirements[f->nr_requirements++] = (struct requirement){
		.feature = feature, .required = other, .cell = required, .why = why
	};
}

static void read_cpuid(struct features *f, struct make *m, const struct tsv *t)
{
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		struct feature *feature = add_feature(f, m, &c[0]);
		feature->aliases = cell_split(&c[1], ',', 16);
		feature->word.index = cell_hex32(&c[2]);
		feature->index_text = c[2].text;
		feature->word.has_subleaf = !cell_none(&c[3]);
		if (feature->word.has_subleaf) {
			feature->word.subleaf = cell_hex32(&c[3]);
			feature->subleaf_text = c[3].text;
		}
		feature->word.reg = cell_choice(&c[4], REGISTER_WORDS);
		feature->bit = cell_number(&c[5], 0, 31);
		(void)cell_choice(&c[6], "both intel amd other");
		feature->vendor = c[6].text;
		feature->note = cell_text(&c[7], SIZE_MAX);
		for (size_t j = 0; j < i; j++) {
			const struct cell *other = t->rows[j].cell;
			if (strcmp(other[2].text, c[2].text) == 0 &&
				cell_none(&other[3]) != cell_none(&c[3])) {
				cell_fault(&c[3],
					"expected a subleaf in all rows of leaf %s or in none, "
					"found the other in line %u",
					c[2].text, other[3].line);
				break;
			}
		}
	}
}

/* Sets where in an MSR of 64 bits the feature is. */
static void set_msr_bit(struct feature *feature, const struct cell *msr, unsigned bit)
{
	feature->word.msr = true;
	feature->word.index = cell_hex32(msr);
	feature->index_text = msr->text;
	feature->word.shift = bit > 31 ? 32 : 0;
	feature->bit = bit % 32;
}

static void read_msr(struct features *f, struct make *m, const struct tsv *t)
{
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		struct feature *feature = add_feature(f, m, &c[0]);
		feature->aliases = cell_split(&c[1], ',', 16);
		set_msr_bit(feature, &c[2], cell_number(&c[3], 0, 63));
		feature->note = cell_text(&c[4], SIZE_MAX);
	}
}

/* Controls of VMX: a capability MSR has plain bits, or says of a control in its low half whether it
 * may be 0, and in its high half whether it may be 1. */
static void read_vmx(struct features *f, struct make *m, const struct tsv *t)
{
	enum { VALUE, ALLOWED1, ALLOWED0 };
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		struct feature *feature = add_feature(f, m, &c[0]);
		size_t faults = m->faults.nr;
		unsigned half = cell_choice(&c[3], "value allowed1 allowed0");
		unsigned bit = cell_number(&c[2], 0, half == VALUE ? 63 : 31);
		set_msr_bit(feature, &c[1], half == ALLOWED1 ? bit + 32 : bit);
		feature->word.inverted = half == ALLOWED0;
		feature->attributes = "FEATURE_VMX_CONTROL";
		feature->note = cell_text(&c[5], SIZE_MAX);
		feature->aliases = cell_split(&c[7], ',', 16);
		for (size_t j = 0; j < i && m->faults.nr == faults; j++) {
			const struct cell *other = t->rows[j].cell;
			if (strcmp(other[1].text, c[1].text) == 0 &&
				(strcmp(other[3].text, "value") == 0) != (half == VALUE)) {
				cell_fault(&c[3],
					"expected plain bits or halves in all rows of MSR %s, "
					"found the other in line %u",
					c[1].text, other[3].line);
				break;
			}
		}
	}
}

static void read_vmx_requirements(struct features *f, struct make *m, const struct tsv *t)
{
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		const struct named *named = names_find(&f->names, c[0].text);
		struct cell *vmx = arena_alloc(&m->arena, sizeof(*vmx));
		*vmx = c[0];
		vmx->text = "vmx";
		add_requirement(
			f, m, named ? named->value : NULL, vmx, "SDM vol. 3, VMX capability MSRs");
		struct cells required = cell_split(&c[6], ',', 16);
		for (unsigned j = 0; j < required.nr; j++)
			add_requirement(f, m, named ? named->value : NULL, &required.cell[j],
				"SDM vol. 3, checks on VMX controls");
	}
}

static void read_attributes(struct features *f, struct make *m, const struct tsv *t)
{
	struct names seen = { .what = "feature" };
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		const struct named *named = names_known(&f->names, &c[0]);
		(void)names_add(&seen, c[0].text, &c[0], NULL);
		struct cells classes = cell_split(&c[1], ',', 5);
		(void)cell_text(&c[2], SIZE_MAX);
		if (classes.nr == 0)
			cell_expected(&c[1], "a class");
		for (unsigned j = 0; j < classes.nr; j++) {
			(void)cell_choice(
				&classes.cell[j], "managed defect immobile pv hint borrowed");
			struct feature *feature = named ? named->value : NULL;
			if (!feature)
				continue;
			feature->attributes = arena_printf(&m->arena, "%s%sFEATURE_%s",
				feature->attributes, *feature->attributes ? " | " : "",
				c_constant(&m->arena, classes.cell[j].text));
		}
	}
}

static void read_requirements(struct features *f, struct make *m, const struct tsv *t)
{
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		const struct feature *feature = features_known(f, &c[0]);
		add_requirement(f, m, feature, &c[1], cell_text(&c[2], WHY_BYTES));
	}
}

/* With "_" as "-", as features are looked up. */
static const char *alike(struct make *m, const char *text)
{
	char *copy = arena_copy(&m->arena, text, strlen(text));
	for (char *c = copy; *c; c++) {
		if (*c == '_')
			*c = '-';
	}
	return copy;
}

/* A spelling belongs to one feature; the same one with "_" and "-" may be there twice. */
static void claim_spelling(struct features *f, struct make *m, struct names *claimed,
	const struct cell *cell, const struct feature *feature)
{
	const char *text = alike(m, cell->text);
	const struct named *other = names_find(claimed, text);
	if (!other) {
		(void)names_add(claimed, text, cell, NULL);
		f->spellings = arena_grow(&m->arena, f->spellings, f->nr_spellings,
			&f->spellings_room, sizeof(*f->spellings));
		f->spellings[f->nr_spellings++] =
			(struct spelling){ .text = text, .feature = feature };
		return;
	}
	for (size_t i = 0; i < f->nr_spellings; i++) {
		if (strcmp(f->spellings[i].text, text) == 0 && f->spellings[i].feature != feature)
			cell_fault(cell,
				"expected a name or alias of its own, found %s, which is also %s",
				cell->text, f->spellings[i].feature->name->text);
	}
}

static int compare_spellings(const void *a, const void *b)
{
	const struct spelling *sa = a, *sb = b;
	return strcmp(sa->text, sb->text);
}

static void judge_spellings(struct features *f, struct make *m)
{
	struct names exact = { .what = "name or alias" }, claimed = { .what = "name or alias" };
	for (size_t i = 0; i < f->names.nr; i++) {
		const struct named *named = &f->names.list[i];
		(void)names_add(&exact, named->name, named->cell, NULL);
		claim_spelling(f, m, &claimed, named->cell, named->value);
	}
	for (size_t i = 0; i < f->names.nr; i++) {
		const struct feature *feature = f->names.list[i].value;
		for (unsigned j = 0; j < feature->aliases.nr; j++) {
			const struct cell *alias = &feature->aliases.cell[j];
			if (names_add(&exact, cell_name(alias), alias, NULL))
				claim_spelling(f, m, &claimed, alias, feature);
		}
	}
	qsort(f->spellings, f->nr_spellings, sizeof(*f->spellings), compare_spellings);
}

/* No two features at one place, or with one name in C. */
static void judge_places(struct features *f)
{
	qsort(f->list, f->nr, sizeof(struct feature *), compare_places);
	for (size_t i = 1; i < f->nr; i++) {
		const struct feature *a = f->list[i - 1], *b = f->list[i];
		if (compare_places(&f->list[i - 1], &f->list[i]) != 0)
			continue;
		/* The later one is at fault, wherever the sorting put it. */
		bool later = b->name->line > a->name->line || b->name->table != a->name->table;
		cell_fault(later ? b->name : a->name,
			"expected a place of its own for feature %s, found that of %s",
			(later ? b : a)->name->text, (later ? a : b)->name->text);
	}
}

static void judge_identifiers(const struct features *f)
{
	struct names ids = { .what = "constant" };
	for (size_t i = 0; i < f->names.nr; i++) {
		const struct feature *feature = f->names.list[i].value;
		(void)names_add(&ids, feature->id, feature->name, NULL);
	}
}

static void judge_requirements(struct features *f, struct make *m)
{
	struct edge *edges = arena_alloc(&m->arena, (f->nr_requirements + 1) * sizeof(*edges));
	const char **names = arena_alloc(&m->arena, (f->nr + 1) * sizeof(*names));
	size_t nr = 0;
	/* The list is sorted by name. */
	for (size_t i = 0; i < f->nr; i++)
		names[i] = f->list[i]->name->text;
	for (size_t i = 0; i < f->nr_requirements; i++) {
		struct edge edge = { .cell = f->requirements[i].cell };
		for (size_t j = 0; j < f->nr; j++) {
			if (f->list[j] == f->requirements[i].feature)
				edge.from = j;
			if (f->list[j] == f->requirements[i].required)
				edge.to = j;
		}
		edges[nr++] = edge;
	}
	cycle_refuse(edges, nr, names, f->nr);
	if (f->nr_requirements > 0)
		qsort(f->requirements, f->nr_requirements, sizeof(*f->requirements),
			compare_requirements);
}

/* Numbers the words in their order, once the features are sorted by place, and sorts the features
 * by name. */
static void number_words(struct features *f, struct make *m)
{
	for (size_t i = 0; i < f->nr; i++) {
		if (i > 0 && compare_words(&f->list[i - 1]->word, &f->list[i]->word) != 0)
			f->nr_words++;
		f->list[i]->word_number = (unsigned)f->nr_words;
	}
	f->nr_words += f->nr > 0;
	if (f->nr_words * 32 >= MAX_FEATURES)
		fault_add(&m->faults, m->source, 0, 0, "too many words for the ids of features");
	qsort(f->list, f->nr, sizeof(struct feature *), compare_names);
}

void features_read(struct features *f, struct make *m)
{
	*f = (struct features){ .names = { .what = "feature" } };
	const struct tsv *cpuid =
		tsv_read(&m->faults, make_source_path(m, "cpuid/data/features.tsv"),
			"name aliases leaf subleaf register bit vendor note");
	const struct tsv *msr = tsv_read(&m->faults,
		make_source_path(m, "cpuid/data/msr-features.tsv"), "name aliases msr bit note");
	const struct tsv *vmx =
		tsv_read(&m->faults, make_source_path(m, "cpuid/data/vmx-features.tsv"),
			"name msr bit half control note requires aliases");
	const struct tsv *attributes = tsv_read(&m->faults,
		make_source_path(m, "cpuid/data/attributes.tsv"), "feature classes why");
	const struct tsv *requirements = tsv_read(
		&m->faults, make_source_path(m, "cpuid/data/requires.tsv"), "feature required why");
	if (m->faults.nr > 0)
		return;
	read_cpuid(f, m, cpuid);
	read_msr(f, m, msr);
	read_vmx(f, m, vmx);
	read_attributes(f, m, attributes);
	read_vmx_requirements(f, m, vmx);
	read_requirements(f, m, requirements);
	judge_spellings(f, m);
	judge_places(f);
	judge_identifiers(f);
	number_words(f, m);
	judge_requirements(f, m);
}

struct feature_bits feature_bits_none(const struct features *f, struct make *m)
{
	return (struct feature_bits){ .word = arena_alloc(
					      &m->arena, (f->nr_words + 1) * sizeof(uint32_t)) };
}

void feature_bits_add(struct feature_bits *set, const struct feature_bits *apart,
	const struct features *f, const struct cell *cell)
{
	struct cells names = cell_split(cell, ' ', MAX_FEATURES);
	for (unsigned i = 0; i < names.nr; i++) {
		const struct feature *feature = features_known(f, &names.cell[i]);
		if (!feature)
			continue;
		uint32_t bit = UINT32_C(1) << feature->bit;
		if ((set->word[feature->word_number] & bit) ||
			(apart && (apart->word[feature->word_number] & bit)))
			cell_fault(&names.cell[i], "expected a feature once, found %s again",
				names.cell[i].text);
		set->word[feature->word_number] |= bit;
	}
}

const char *feature_bits_text(
	const struct feature_bits *set, const struct features *f, struct make *m)
{
	const char *text = "";
	for (size_t i = 0; i < f->nr_words; i++) {
		if (set->word[i])
			text = arena_printf(&m->arena, "%s [%zu] = 0x%08x,", text, i, set->word[i]);
	}
	return arena_printf(&m->arena, "{ .w = {%s } }", *text ? text : " 0");
}
