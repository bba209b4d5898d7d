/* SPDX-License-Identifier: MIT */
#include "maketables/cpuid.h"

static void make_rules(struct make *m)
{
	const struct tsv *t =
		tsv_read(&m->faults, make_source_path(m, "cpuid/data/rules.tsv"), "id title text");
	FILE *out = make_begin(m, "cpuid/cpu_rules.inc", "rules.tsv");
	struct names ids = { .what = "id" };
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		(void)names_add(&ids, cell_rule_id(&c[0], "CPU"), &c[0], NULL);
		(void)fprintf(out, "{ .id = %s, .title = %s, .text = %s },\n",
			c_string(&m->arena, c[0].text),
			c_string(&m->arena, cell_said(&c[1], SIZE_MAX)),
			c_string(&m->arena, cell_said(&c[2], SIZE_MAX)));
	}
}

void make_cpuid(struct make *m)
{
	struct features features;
	features_read(&features, m);
	make_msr_names(m);
	make_rules(m);
	/* What names features makes no sense without them. */
	if (m->faults.nr > 0)
		return;
	make_models(m, &features);
	make_fields(m, &features);
	features_write(&features, m);
}
