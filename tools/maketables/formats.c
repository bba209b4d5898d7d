/* SPDX-License-Identifier: MIT */
/* The tables of the room formats; see make.h. */
#include <string.h>

#include "maketables/features.h"

#define MODEL_BYTES 31 /* of struct qemu_model */
#define BRAND_BYTES 48
#define LACKS_BYTES 15
#define SINCE_BYTES 7
#define WORD_BYTES 47 /* of struct word */
#define NOTHING_BYTES 23
#define NOTE_BYTES 103

/* Rows stand in the order of their first cells' bytes, none twice. */
static void judge_order(const struct tsv *t, size_t i)
{
	const struct cell *c = &t->rows[i].cell[0];
	if (i > 0 && strcmp(t->rows[i - 1].cell[0].text, c->text) >= 0)
		cell_expected(c, "a row in the order of names");
}

static void make_models(struct make *m, const struct features *f)
{
	const struct tsv *t = tsv_read(&m->faults,
		make_source_path(m, "formats/data/qemu-models.tsv"),
		"model family model_number stepping level xlevel since libvirt brand lacks");
	FILE *out = make_begin(m, "formats/qemu_models.inc", "qemu-models.tsv");
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		judge_order(t, i);
		(void)cell_choice(&c[6], "7.2 10.0");
		if (!cell_none(&c[7]))
			(void)cell_choice(&c[7], "9.0 11.3");
		if (!cell_none(&c[9]))
			(void)features_known(f, &c[9]);
		(void)fprintf(out, "{ %s, %s, %u, %u, %u, 0x%x, 0x%x, %s, %s, %s },\n",
			c_string(&m->arena, cell_said(&c[0], MODEL_BYTES)),
			c_string(&m->arena, cell_text(&c[8], BRAND_BYTES)),
			cell_number(&c[1], 0, 270), cell_number(&c[2], 0, 255),
			cell_number(&c[3], 0, 15), cell_hex32(&c[4]), cell_hex32(&c[5]),
			c_string(&m->arena, c[6].text),
			c_string(&m->arena, cell_text(&c[7], SINCE_BYTES)),
			c_string(&m->arena, cell_text(&c[9], LACKS_BYTES)));
	}
}

static void make_since(struct make *m, const struct features *f)
{
	const struct tsv *t = tsv_read(&m->faults,
		make_source_path(m, "formats/data/names-since.tsv"), "feature qemu libvirt");
	FILE *out = make_begin(m, "formats/names_since.inc", "names-since.tsv");
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		const struct feature *feature = features_known(f, &c[0]);
		judge_order(t, i);
		if (!cell_none(&c[1]))
			(void)cell_choice(&c[1], "10.0");
		if (!cell_none(&c[2]))
			(void)cell_choice(&c[2], "11.3");
		if (cell_none(&c[1]) && cell_none(&c[2]))
			cell_expected(&c[2], "a version in one of the columns");
		if (feature)
			(void)fprintf(out, "{ FEATURE_ID_%s, %s, %s },\n", feature->id,
				cell_none(&c[1]) ? "false" : "true",
				cell_none(&c[2]) ? "false" : "true");
	}
}

static void make_words(struct make *m, const char *format)
{
	const struct tsv *t = tsv_read(&m->faults,
		arena_printf(&m->arena, "%s/formats/data/words-%s.tsv", m->source, format),
		"word fate nothing note");
	FILE *out = make_begin(m, arena_printf(&m->arena, "formats/words_%s.inc", format),
		arena_printf(&m->arena, "words-%s.tsv", format));
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		const char *star = strchr(c[0].text, '*');
		judge_order(t, i);
		if (star && star[1] != '\0')
			cell_expected(&c[0], "a * at the end, if any");
		(void)cell_choice(&c[1], "carried lost same refused");
		if (!cell_none(&c[2]) && strcmp(c[1].text, "lost") != 0)
			cell_expected(&c[2], "values of what is lost, and of nothing else");
		(void)fprintf(out, "{ %s, WORD_%s, %s, %s },\n",
			c_string(&m->arena, cell_said(&c[0], WORD_BYTES)),
			c_constant(&m->arena, c[1].text),
			c_string(&m->arena, cell_text(&c[2], NOTHING_BYTES)),
			c_string(&m->arena, cell_text(&c[3], NOTE_BYTES)));
	}
}

void make_formats(struct make *m)
{
	struct features features;
	features_read(&features, m);
	make_models(m, &features);
	make_since(m, &features);
	make_words(m, "qemu");
	make_words(m, "libvirt");
	make_words(m, "firecracker");
	make_words(m, "toml");
}
