/* SPDX-License-Identifier: MIT */
/* What `nestor nest status` judges hosts by. */
#include "maketables/nesting.h"

#include <string.h>

/* Of the structs that the rows become (src/nesting/status.c, kernel.h), without the NULs. */
#define GENERATION_BYTES 31
#define MAX_MODELS 8
#define SIGNATURE_BYTES 12
#define NAME_BYTES 31
#define TEXT_BYTES 127
#define MODULE_BYTES 11
#define PARAMETER_BYTES 31
#define MAX_PARAMETER_NAMES 2
#define FEATURE_BYTES 19
#define PROBLEM_ID_BYTES 19
#define MAX_FIXES 10
#define SUMMARY_BYTES 111
#define SOURCE_BYTES 63
#define NEEDS_BYTES 223

static const char *vendor(const struct cell *c)
{
	static const char *const constants[] = { "CPUID_VENDOR_INTEL", "CPUID_VENDOR_AMD",
		"CPUID_VENDOR_OTHER" };
	return constants[cell_choice(c, "intel amd any")];
}

/* A number of one byte, such as 0x3f or 15, as it is written. */
static const char *byte_text(const struct cell *c)
{
	const char *t = c->text;
	size_t n = strlen(t);
	bool good = n >= 1 && n <= 2 && t[strspn(t, "0123456789")] == '\0';
	if (strncmp(t, "0x", 2) == 0)
		good = (n == 3 || n == 4) && t[2 + strspn(t + 2, "0123456789abcdef")] == '\0';
	if (!good)
		cell_expected(c, "a number such as 0x3f or 15");
	return t;
}

/* A range such as 0x30-0x3f, a number, or - for any. */
static const char *range_text(struct make *m, const struct cell *c)
{
	if (cell_none(c))
		return "{ 0, 255 }";
	struct cells ends = cell_split(c, '-', 2);
	const char *low = byte_text(&ends.cell[0]), *high = byte_text(&ends.cell[ends.nr - 1]);
	return arena_printf(&m->arena, "{ %s, %s }", low, high);
}

static void make_generations(struct make *m)
{
	const struct tsv *t =
		tsv_read(&m->faults, make_source_path(m, "nesting/data/generations.tsv"),
			"vendor family models steppings generation");
	FILE *out = make_begin(m, "nesting/generations.inc", "generations.tsv");
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		(void)fprintf(out, "{ %s, %s, {", vendor(&c[0]), byte_text(&c[1]));
		struct cells models = cell_split(&c[2], ',', MAX_MODELS);
		for (unsigned j = 0; j < models.nr; j++)
			(void)fprintf(out, " %s,", range_text(m, &models.cell[j]));
		if (models.nr == 0)
			(void)fprintf(out, " %s,", range_text(m, &c[2]));
		(void)fprintf(out, " }, %u, %s, %s },\n", models.nr ? models.nr : 1,
			range_text(m, &c[3]),
			c_string(&m->arena, cell_said(&c[4], GENERATION_BYTES)));
	}
}

static void make_hypervisors(struct make *m)
{
	const struct tsv *t = tsv_read(&m->faults,
		make_source_path(m, "nesting/data/hypervisors.tsv"), "signature name nesting");
	FILE *out = make_begin(m, "nesting/hypervisors.inc", "hypervisors.tsv");
	struct names signatures = { .what = "signature" };
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		size_t n = strlen(c[0].text);
		if (n < 3 || n > SIGNATURE_BYTES + 2 || c[0].text[0] != '"' ||
			strchr(c[0].text + 1, '"') != c[0].text + n - 1)
			cell_expected(&c[0], "at most 12 characters in quotes");
		(void)names_add(&signatures, c[0].text, &c[0], NULL);
		char *signature = arena_copy(&m->arena, c[0].text + 1, n < 3 ? 0 : n - 2);
		(void)fprintf(out, "{ %s, %s, %s },\n", c_string(&m->arena, signature),
			c_string(&m->arena, cell_said(&c[1], NAME_BYTES)),
			c_string(&m->arena, cell_said(&c[2], NEEDS_BYTES)));
	}
}

static const char *parameter_name(const struct cells *names, unsigned i)
{
	if (i >= names->nr)
		return "";
	const struct cell *c = &names->cell[i];
	size_t n = strlen(c->text);
	if (n == 0 || n > PARAMETER_BYTES ||
		c->text[strspn(c->text, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
		cell_expected(c, "the name of a parameter");
	return c->text;
}

static void make_parameters(struct make *m)
{
	const struct tsv *t =
		tsv_read(&m->faults, make_source_path(m, "nesting/data/parameters.tsv"),
			"module names wanted weight feature text");
	FILE *out = make_begin(m, "nesting/parameters.inc", "parameters.tsv");
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		bool shown = cell_none(&c[2]);
		if (shown != cell_none(&c[3]) || shown != cell_none(&c[5]))
			cell_expected(&c[2], "wanted, weight and text, or none of them");
		const char *weight = "NOTE";
		if (!shown)
			(void)cell_choice(&c[2], "y");
		if (!cell_none(&c[3])) {
			(void)cell_choice(&c[3], "forbids weakens note");
			weight = c_constant(&m->arena, c[3].text);
		}
		struct cells names = cell_split(&c[1], ',', MAX_PARAMETER_NAMES);
		if (names.nr == 0)
			cell_expected(&c[1], "the name of a parameter");
		(void)fprintf(out, "{ %s, { \"%s\", \"%s\" }, %s, FINDING_%s, %s, %s },\n",
			c_string(&m->arena, cell_said(&c[0], MODULE_BYTES)),
			parameter_name(&names, 0), parameter_name(&names, 1),
			shown ? "false" : "true", weight,
			c_string(&m->arena, cell_text(&c[4], FEATURE_BYTES)),
			c_string(&m->arena, cell_text(&c[5], TEXT_BYTES)));
	}
}

/* One number of a version; *t moves behind it. */
static bool version_number(const char **t, unsigned *ret)
{
	size_t n = strspn(*t, "0123456789");
	*ret = 0;
	for (size_t i = 0; i < n && n <= 5; i++)
		*ret = *ret * 10 + (unsigned)((*t)[i] - '0');
	*t += n;
	return n >= 1 && n <= 5;
}

/* A release of Linux, such as 6.12.95 or 7.2-rc1, as a struct kernel_version. */
static const char *version_text(struct make *m, const struct cell *c, bool *ret_mainline)
{
	const char *t = c->text;
	unsigned major = 0, minor = 0, patch = 0, candidate = 0;
	bool good = version_number(&t, &major) && *t++ == '.' && version_number(&t, &minor);
	bool rc = good && strncmp(t, "-rc", 3) == 0, stable = good && *t == '.';
	if (rc) {
		t += 3;
		good = version_number(&t, &candidate);
	} else if (stable) {
		t++;
		good = version_number(&t, &patch);
	}
	if (!good || *t != '\0')
		cell_expected(c, "a version such as 6.12.95 or 7.2-rc1");
	*ret_mainline = !stable;
	if (rc)
		return arena_printf(
			&m->arena, "{ %u, %u, %u, %u }", major, minor, patch, candidate);
	return arena_printf(&m->arena, "{ %u, %u, %u, KERNEL_RELEASED }", major, minor, patch);
}

static void make_kernel_problems(struct make *m)
{
	const struct tsv *t =
		tsv_read(&m->faults, make_source_path(m, "nesting/data/kernel-problems.tsv"),
			"id vendor harm introduced fixed summary source");
	FILE *out = make_begin(m, "nesting/kernel_problems.inc", "kernel-problems.tsv");
	struct names ids = { .what = "id" };
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		bool mainline = false;
		(void)names_add(&ids, c[0].text, &c[0], NULL);
		(void)cell_choice(&c[2], "escape leak crash state");
		(void)fprintf(out, "{ %s, %s, NESTING_HARM_%s, %s, {",
			c_string(&m->arena, cell_said(&c[0], PROBLEM_ID_BYTES)), vendor(&c[1]),
			c_constant(&m->arena, c[2].text), version_text(m, &c[3], &mainline));
		struct cells fixes = cell_split(&c[4], ',', MAX_FIXES);
		mainline = false;
		for (unsigned j = 0; j < fixes.nr; j++)
			(void)fprintf(out, " %s,", version_text(m, &fixes.cell[j], &mainline));
		if (!mainline)
			cell_expected(fixes.nr ? &fixes.cell[fixes.nr - 1] : &c[4],
				"a fix of the mainline, such as 7.2, as the last one");
		(void)fprintf(out, " }, %u, %s, %s },\n", fixes.nr,
			c_string(&m->arena, cell_said(&c[5], SUMMARY_BYTES)),
			c_string(&m->arena, cell_said(&c[6], SOURCE_BYTES)));
	}
}

/* A day such as 2026-09-25; the 31st of each month is let pass. */
static const char *day_text(const struct cell *c)
{
	const char *t = c->text;
	unsigned part[3] = { 0 };
	bool good = strlen(t) == 10 && t[4] == '-' && t[7] == '-';
	for (unsigned i = 0; good && i < 3; i++) {
		good = version_number(&t, &part[i]);
		t += *t == '-';
	}
	if (!good || *t || part[0] < 2000 || part[1] < 1 || part[1] > 12 || part[2] < 1 ||
		part[2] > 31)
		cell_expected(c, "a day such as 2026-09-25");
	return c->text;
}

static void make_kernel_records(struct make *m)
{
	const struct tsv *t = tsv_read(&m->faults,
		make_source_path(m, "nesting/data/kernel-records.tsv"), "until records");
	FILE *out = make_begin(m, "nesting/kernel_records.inc", "kernel-records.tsv");
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		if (i > 0)
			cell_fault(&c[0], "expected one row, found another");
		(void)fprintf(out, "{ %s, %s },\n", c_string(&m->arena, day_text(&c[0])),
			c_string(&m->arena, cell_said(&c[1], SOURCE_BYTES)));
	}
}

void make_status(struct make *m)
{
	make_generations(m);
	make_hypervisors(m);
	make_parameters(m);
	make_kernel_problems(m);
	make_kernel_records(m);
}
