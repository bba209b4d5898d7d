/* SPDX-License-Identifier: MIT */
#include "maketables/cpuid.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 39 /* of struct msr_row, without the NULs */
#define REASON_BYTES 63

struct msr {
	uint32_t index;
	const struct cell *c; /* its row */
	const char *name;
};

static int compare_msrs(const void *a, const void *b)
{
	const struct msr *ma = a, *mb = b;
	if (ma->index != mb->index)
		return ma->index < mb->index ? -1 : 1;
	return ma->c->line < mb->c->line ? -1 : ma->c->line > mb->c->line;
}

/* Capitals, digits and _, and one % for the number where the row names several. */
static void judge_name(const struct cell *c, bool several)
{
	bool good = isupper((unsigned char)c->text[0]);
	unsigned nr = 0;
	for (const char *t = c->text; *t; t++) {
		nr += *t == '%';
		good = good && (isupper((unsigned char)*t) || isdigit((unsigned char)*t) ||
				       strchr("_%", *t));
	}
	if (!good || nr > 1)
		cell_expected(c, "a name such as IA32_MC%_CTL");
	else if (several != (nr == 1))
		cell_expected(
			c, several ? "a % in the name of several" : "no % in the name of one");
	(void)cell_said(c, NAME_BYTES);
}

static const char *numbered(struct make *m, const char *name, unsigned number)
{
	const char *percent = strchr(name, '%');
	if (!percent)
		return name;
	return arena_printf(
		&m->arena, "%.*s%u%s", (int)(percent - name), name, number, percent + 1);
}

void make_msr_names(struct make *m)
{
	const struct tsv *t = tsv_read(&m->faults, make_source_path(m, "cpuid/data/msrs.tsv"),
		"first count step write name note");
	struct names names = { .what = "name" };
	struct msr *msrs = NULL;
	size_t nr = 0, room = 0;
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		uint64_t first = cell_hex32(&c[0]);
		unsigned count = cell_number(&c[1], 1, 99), step = cell_number(&c[2], 1, 99);
		(void)cell_choice(&c[3], "host fault ignore refuse");
		judge_name(&c[4], count > 1);
		(void)names_add(&names, c[4].text, &c[4], NULL);
		(void)cell_text(&c[5], REASON_BYTES);
		if (cell_none(&c[5]) == (strcmp(c[3].text, "refuse") == 0))
			cell_expected(&c[5], "a reason where writes are refused, and nowhere else");
		if (first + (uint64_t)(count - 1) * step > UINT32_MAX)
			cell_expected(&c[1], "numbers of MSRs that have 32 bits");
		for (unsigned j = 0; j < count; j++) {
			msrs = arena_grow(&m->arena, msrs, nr, &room, sizeof(*msrs));
			msrs[nr++] = (struct msr){ .index = (uint32_t)(first + (uint64_t)j * step),
				.c = c,
				.name = numbered(m, c[4].text, j) };
		}
	}
	if (nr > 0)
		qsort(msrs, nr, sizeof(*msrs), compare_msrs);
	FILE *out = make_begin(m, "cpuid/msr_names.inc", "msrs.tsv, sorted by index,");
	for (size_t i = 0; i < nr; i++) {
		if (i > 0 && msrs[i].index == msrs[i - 1].index)
			cell_fault(&msrs[i].c[0],
				"expected one name for 0x%08x, found one in line %u, too",
				msrs[i].index, msrs[i - 1].c->line);
		(void)fprintf(out, "{ 0x%08x, MSR_WRITE_%s, %s, %s },\n", msrs[i].index,
			c_constant(&m->arena, msrs[i].c[3].text), c_string(&m->arena, msrs[i].name),
			c_string(&m->arena, cell_none(&msrs[i].c[5]) ? "" : msrs[i].c[5].text));
	}
}
