/* SPDX-License-Identifier: MIT */
#include "maketables/cpuid.h"

#include <stdlib.h>
#include <string.h>

#include "base/types.h"

#define MAX_SUBLEAF INT32_MAX /* -1 stands for any */

/* What a row of fields.tsv or leaves.tsv is about. */
struct place {
	const struct cell *c; /* its row */
	uint32_t leaf;
	bool any_subleaf; /* of fields: any that has no rows of its own; of leaves: the leaf itself
			   */
	uint32_t subleaf;
	unsigned reg, low, high; /* of fields */
	const char *text;        /* as C */
};

static int compare_places(const void *a, const void *b)
{
	const struct place *pa = a, *pb = b;
	const uint64_t of_a[] = { pa->leaf, !pa->any_subleaf, pa->subleaf, pa->reg, pa->low };
	const uint64_t of_b[] = { pb->leaf, !pb->any_subleaf, pb->subleaf, pb->reg, pb->low };
	for (size_t i = 0; i < ARRAY_SIZE(of_a); i++) {
		if (of_a[i] != of_b[i])
			return of_a[i] < of_b[i] ? -1 : 1;
	}
	return 0;
}

/* The columns leaf and subleaf. */
static struct place read_place(const struct cell *c)
{
	struct place p = { .c = c, .leaf = cell_hex32(&c[0]), .any_subleaf = cell_none(&c[1]) };
	if (!p.any_subleaf)
		p.subleaf = cell_hex32(&c[1]);
	if (p.subleaf > MAX_SUBLEAF)
		cell_expected(&c[1], "a subleaf below 0x80000000");
	return p;
}

static const char *subleaf_text(const struct place *p)
{
	return p->any_subleaf ? "-1" : p->c[1].text;
}

static struct place read_field(struct make *m, const struct features *f, const struct cell *c)
{
	struct place p = read_place(c);
	p.reg = cell_choice(&c[2], REGISTER_WORDS);
	cell_bits(&c[3], &p.low, &p.high);
	const char *name = cell_said(&c[4], SIZE_MAX);
	(void)cell_choice(&c[5], "max_leaf vendor signature brand topology cache xsave address "
				 "capacity frequency hypervisor dynamic other");
	(void)cell_choice(&c[6], "min and equal none");
	const char *requires = "CPUID_FIELD_ALWAYS";
	if (!cell_none(&c[7])) {
		const struct feature *feature = features_known(f, &c[7]);
		if (feature)
		requires = arena_printf(&m->arena, "FEATURE_ID_%s", feature->id);
	}
	p.text = arena_printf(&m->arena,
		"{ .leaf = %s, .subleaf = %s, .reg = %s, .low = %u, .high = %u, .name = %s,\n"
		"  .kind = CPUID_FIELD_%s, .combine = CPUID_COMBINE_%s, .requires = %s, "
		".note = %s },\n",
		c[0].text, subleaf_text(&p), register_constants[p.reg], p.low, p.high,
		c_string(&m->arena, name), c_constant(&m->arena, c[5].text),
		c_constant(&m->arena, c[6].text), requires,
		c_string(&m->arena, cell_text(&c[8], SIZE_MAX)));
	return p;
}

/* No bit is in two fields. */
static void judge_overlaps(const struct place *p, size_t nr)
{
	for (size_t i = 1; i < nr; i++) {
		for (size_t j = 0; j < i; j++) {
			bool same = p[i].leaf == p[j].leaf && p[i].reg == p[j].reg &&
				    p[i].any_subleaf == p[j].any_subleaf &&
				    p[i].subleaf == p[j].subleaf;
			if (same && p[i].low <= p[j].high && p[j].low <= p[i].high) {
				cell_fault(&p[i].c[3],
					"expected bits of its own for %s, found bits of %s in line "
					"%u, too",
					p[i].c[4].text, p[j].c[4].text, p[j].c->line);
				break;
			}
		}
	}
}

/* No bit has a feature's name and is in a field. What a feature without a subleaf names is in all
 * of them; one with a subleaf is in the fields of "any" where the subleaf has no rows of its own.
 */
static void judge_features(const struct features *f, const struct place *p, size_t nr)
{
	for (size_t i = 0; i < f->nr; i++) {
		const struct feature *feature = f->list[i];
		const struct feature_word *w = &feature->word;
		bool own_rows = false;
		for (size_t j = 0; j < nr; j++)
			own_rows |= p[j].leaf == w->index && !p[j].any_subleaf &&
				    p[j].subleaf == w->subleaf;
		for (size_t j = 0; j < nr && !w->msr; j++) {
			bool subleaf = !w->has_subleaf ||
				       (own_rows ? !p[j].any_subleaf && p[j].subleaf == w->subleaf
						 : p[j].any_subleaf);
			if (subleaf && p[j].leaf == w->index && p[j].reg == w->reg &&
				p[j].low <= feature->bit && feature->bit <= p[j].high) {
				cell_fault(feature->name,
					"expected a place in no field for feature %s, found it in "
					"`%s` of %s:%u",
					feature->name->text, p[j].c[4].text, p[j].c->table->path,
					p[j].c->line);
				break;
			}
		}
	}
}

static void write_places(
	struct make *m, const char *name, const char *made_from, struct place *p, size_t nr)
{
	FILE *out = make_begin(m, name, made_from);
	qsort(p, nr, sizeof(*p), compare_places);
	for (size_t i = 0; i < nr; i++)
		(void)fputs(p[i].text, out);
}

static struct place read_leaf(struct make *m, const struct cell *c)
{
	struct place p = read_place(c);
	if (p.any_subleaf)
		(void)cell_choice(&c[2], "yes no");
	else if (!cell_none(&c[2]))
		cell_expected(&c[2], "- for a subleaf");
	p.text = arena_printf(&m->arena,
		"{ .leaf = %s, .subleaf = %s, .has_subleaves = %s, .title = %s },\n", c[0].text,
		subleaf_text(&p), strcmp(c[2].text, "yes") == 0 ? "true" : "false",
		c_string(&m->arena, cell_said(&c[3], SIZE_MAX)));
	return p;
}

static void judge_leaf(const struct place *p, size_t i)
{
	bool has_leaf = p[i].any_subleaf;
	for (size_t j = 0; j < i; j++) {
		if (compare_places(&p[i], &p[j]) == 0)
			cell_fault(&p[i].c[0],
				"expected one title a leaf, found one in line %u, too",
				p[j].c->line);
		has_leaf |= p[j].leaf == p[i].leaf && p[j].any_subleaf &&
			    strcmp(p[j].c[2].text, "yes") == 0;
	}
	if (!has_leaf)
		cell_fault(&p[i].c[1],
			"expected a row before this that says that leaf %s has subleaves, found "
			"none",
			p[i].c[0].text);
}

static void make_leaves(struct make *m)
{
	const struct tsv *t = tsv_read(&m->faults, make_source_path(m, "cpuid/data/leaves.tsv"),
		"leaf subleaf subleaves title");
	struct place *p = arena_alloc(&m->arena, (t->nr_rows + 1) * sizeof(*p));
	for (size_t i = 0; i < t->nr_rows; i++) {
		p[i] = read_leaf(m, t->rows[i].cell);
		judge_leaf(p, i);
	}
	write_places(m, "cpuid/leaves.inc", "leaves.tsv", p, t->nr_rows);
}

void make_fields(struct make *m, const struct features *f)
{
	const struct tsv *t = tsv_read(&m->faults, make_source_path(m, "cpuid/data/fields.tsv"),
		"leaf subleaf register bits name kind combine requires note");
	struct place *p = arena_alloc(&m->arena, (t->nr_rows + 1) * sizeof(*p));
	for (size_t i = 0; i < t->nr_rows; i++)
		p[i] = read_field(m, f, t->rows[i].cell);
	judge_overlaps(p, t->nr_rows);
	judge_features(f, p, t->nr_rows);
	write_places(m, "cpuid/fields.inc", "fields.tsv", p, t->nr_rows);
	make_leaves(m);
}
