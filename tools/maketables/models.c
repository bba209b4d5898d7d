/* SPDX-License-Identifier: MIT */
#include "maketables/cpuid.h"

#include <stdlib.h>
#include <string.h>

#include "tsv/cycle.h"

#define MAX_NUMBERS 8  /* of struct cpu_model */
#define MAX_FAMILY 270 /* of CPUID leaf 1: family 15 and the extended family */

struct model {
	const struct cell *c; /* its row */
	const char *text;
};

static int compare_models(const void *a, const void *b)
{
	const struct model *ma = a, *mb = b;
	return strcmp(ma->c->text, mb->c->text);
}

/* "hygon" to the vendor's group and its CPUID text. */
static void read_vendor(const struct cell *c, const char **ret_group, const char **ret_id)
{
	static const char *const groups[] = { "INTEL", "AMD", "AMD", "OTHER" };
	static const char *const ids[] = { "GenuineIntel", "AuthenticAMD", "HygonGenuine",
		"CentaurHauls" };
	*ret_group = "OTHER";
	*ret_id = "";
	if (cell_none(c))
		return;
	unsigned choice = cell_choice(c, "intel amd hygon zhaoxin");
	*ret_group = groups[choice];
	*ret_id = ids[choice];
}

/* family, model_numbers and steppings as C. */
static const char *read_signature(struct make *m, const struct cell *family,
	const struct cell *numbers, const struct cell *steppings)
{
	bool has = !cell_none(family);
	if (has == cell_none(numbers))
		cell_expected(numbers, "both a family and model numbers, or neither");
	if (!has && !cell_none(steppings))
		cell_expected(steppings, "no steppings without a family");
	const char *list = "";
	struct cells parts = cell_split(numbers, ',', MAX_NUMBERS);
	for (unsigned i = 0; i < parts.nr; i++)
		list = arena_printf(&m->arena, "%s%s%u", list, i ? ", " : "",
			cell_number(&parts.cell[i], 0, 255));
	unsigned low = 0, high = 15;
	if (!cell_none(steppings)) {
		struct cells ends = cell_split(steppings, '-', 2);
		if (ends.nr == 2) {
			low = cell_number(&ends.cell[0], 0, 15);
			high = cell_number(&ends.cell[1], 0, 15);
		}
		if (ends.nr != 2 || low > high)
			cell_expected(steppings, "steppings like 5-7");
	}
	return arena_printf(&m->arena,
		".has_signature = %s, .family = %u, .numbers = { %s }, .nr_numbers = %u, "
		".stepping_low = %u, .stepping_high = %u",
		has ? "true" : "false", has ? cell_number(family, 0, MAX_FAMILY) : 0,
		parts.nr ? list : "0", parts.nr, low, high);
}

static const char *read_model(struct make *m, const struct features *f, const struct cell *c)
{
	const char *group = NULL, *id = NULL;
	read_vendor(&c[1], &group, &id);
	if (strcmp(c[0].text, "host") == 0 || strcmp(c[0].text, "max") == 0)
		cell_expected(&c[0], "a name besides host and max, which every host has");
	const char *signature = read_signature(m, &c[2], &c[3], &c[7]);
	struct feature_bits own = feature_bits_none(f, m), extra = feature_bits_none(f, m);
	feature_bits_add(&own, NULL, f, &c[5]);
	feature_bits_add(&own, NULL, f, &c[6]);
	feature_bits_add(&extra, &own, f, &c[8]);
	return arena_printf(&m->arena,
		"{ .name = %s, .vendor = CPUID_VENDOR_%s, .vendor_id = %s, .base = %s, "
		".source = %s,\n  %s,\n  .features = %s,\n  .qemu_extra = %s },\n",
		c_string(&m->arena, cell_name(&c[0])), group, c_string(&m->arena, id),
		c_string(&m->arena, cell_text(&c[4], SIZE_MAX)),
		c_string(&m->arena, cell_text(&c[9], SIZE_MAX)), signature,
		feature_bits_text(&own, f, m), feature_bits_text(&extra, f, m));
}

/* Every base is a model, and none its own base, by way of others either. */
static void judge_bases(struct make *m, const struct tsv *t, const struct names *names)
{
	struct edge *edges = arena_alloc(&m->arena, (t->nr_rows + 1) * sizeof(*edges));
	const char **name_of = arena_alloc(&m->arena, (t->nr_rows + 1) * sizeof(*name_of));
	size_t nr = 0;
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *base = &t->rows[i].cell[4];
		name_of[i] = t->rows[i].cell[0].text;
		const struct named *named = cell_none(base) ? NULL : names_known(names, base);
		if (named)
			edges[nr++] = (struct edge){ .from = i,
				.to = (size_t)((const struct tsv_row *)named->value - t->rows),
				.cell = base };
	}
	cycle_refuse(edges, nr, name_of, t->nr_rows);
}

static void make_minimum(struct make *m, const struct features *f)
{
	const struct tsv *t =
		tsv_read(&m->faults, make_source_path(m, "cpuid/data/minimum.tsv"), "feature why");
	struct feature_bits minimum = feature_bits_none(f, m);
	for (size_t i = 0; i < t->nr_rows; i++) {
		feature_bits_add(&minimum, NULL, f, &t->rows[i].cell[0]);
		(void)cell_said(&t->rows[i].cell[1], SIZE_MAX);
	}
	(void)fprintf(make_begin(m, "cpuid/minimum.inc", "minimum.tsv"), "%s\n",
		feature_bits_text(&minimum, f, m));
}

void make_models(struct make *m, const struct features *f)
{
	const struct tsv *t = tsv_read(&m->faults, make_source_path(m, "cpuid/data/models.tsv"),
		"model vendor family model_numbers base features vmx_features steppings "
		"qemu_extra source");
	struct model *models = arena_alloc(&m->arena, (t->nr_rows + 1) * sizeof(*models));
	struct names names = { .what = "model" };
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		(void)names_add(&names, c[0].text, &c[0], &t->rows[i]);
		models[i] = (struct model){ .c = c, .text = read_model(m, f, c) };
	}
	judge_bases(m, t, &names);
	qsort(models, t->nr_rows, sizeof(*models), compare_models);
	FILE *out = make_begin(m, "cpuid/models.inc", "models.tsv");
	for (size_t i = 0; i < t->nr_rows; i++)
		(void)fputs(models[i].text, out);
	make_minimum(m, f);
}
