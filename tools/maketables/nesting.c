/* SPDX-License-Identifier: MIT */
#include "maketables/nesting.h"

#include <string.h>

static void refuse_unless_none(const struct cell *c)
{
	if (!cell_none(c))
		cell_expected(c, "- for a note");
}

/* The columns kind, first, second and third, as C. */
static const char *rule_text(struct make *m, const struct cell *c)
{
	enum { CPUID, MSR, NOTE };
	switch (cell_choice(&c[0], "cpuid msr note")) {
	case CPUID:
		(void)cell_hex32(&c[1]);
		if (strcmp(c[2].text, "all") == 0) {
			(void)cell_choice(&c[3], "all");
			return arena_printf(
				&m->arena, ".kind = NESTING_RULE_LEAF, .first = %s", c[1].text);
		}
		return arena_printf(&m->arena,
			".kind = NESTING_RULE_BIT, .first = %s, .reg = %s, .bit = %u", c[1].text,
			register_constants[cell_choice(&c[2], REGISTER_WORDS)],
			cell_number(&c[3], 0, 31));
	case MSR:
		if (cell_hex32(&c[1]) > cell_hex32(&c[2]))
			cell_expected(&c[2], "the last MSR of a range that is not empty");
		(void)cell_choice(&c[3], "vmx svm");
		return arena_printf(&m->arena,
			".kind = NESTING_RULE_MSR, .first = %s, .last = %s, .extensions = \"%s\"",
			c[1].text, c[2].text, c[3].text);
	default:
		for (unsigned i = 1; i <= 3; i++)
			refuse_unless_none(&c[i]);
		return ".kind = NESTING_RULE_NOTE";
	}
}

void make_nesting_rules(struct make *m)
{
	const struct tsv *t = tsv_read(&m->faults, make_source_path(m, "nesting/rules.tsv"),
		"id kind first second third why");
	FILE *out = make_begin(m, "nesting/rules.inc", "rules.tsv");
	struct names ids = { .what = "id" };
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		(void)names_add(&ids, cell_rule_id(&c[0], "NEST"), &c[0], NULL);
		(void)fprintf(out, "{ .id = \"%s\", %s, .why = %s },\n", c[0].text,
			rule_text(m, &c[1]), c_string(&m->arena, cell_said(&c[5], SIZE_MAX)));
	}
}

void make_nesting(struct make *m, const char *const *profiles, size_t nr_profiles)
{
	struct features features;
	features_read(&features, m);
	make_nesting_rules(m);
	make_hyperv(m);
	make_status(m);
	/* Profiles name features: they make no sense without them. */
	if (m->faults.nr == 0)
		make_profiles(m, &features, profiles, nr_profiles);
}
