/* SPDX-License-Identifier: MIT */
#include "render/difference.h"

#include "render/paint.h"

#include <string.h>

static void print_set(const struct paint *p, const struct feature_set *set, const char *whose,
	enum paint_style style, char sign)
{
	unsigned n = feature_set_count(set);
	if (n == 0)
		return;
	paint(p, PAINT_BOLD, "only in %s: %u feature%s", whose, n, n == 1 ? "" : "s");
	paint_end(p);
	const feature_id end = FEATURE_NR_WORDS * 32;
	for (feature_id id = feature_set_next(set, 0); id < end;
		id = feature_set_next(set, (feature_id)(id + 1))) {
		char label[FEATURE_PLACE_BYTES], where[FEATURE_PLACE_BYTES];
		paint(p, style, "  %c ", sign);
		paint_cell(p, style, 26, "%s", feature_label(label, id));
		paint(p, PAINT_DIM, "%s", feature_place(where, id));
		paint_end(p);
	}
}

void difference_text(const struct difference *d, FILE *out)
{
	const struct paint p = paint_to(out);
	if (difference_is_none(d)) {
		paint(&p, PAINT_GOOD, "%s and %s are alike", d->a_name, d->b_name);
		paint_end(&p);
		return;
	}
	print_set(&p, &d->only_a, d->a_name, PAINT_BAD, '-');
	print_set(&p, &d->only_b, d->b_name, PAINT_GOOD, '+');
	if (d->nr_rows == 0)
		return;
	paint(&p, PAINT_BOLD, "values: in %s, in %s", d->a_name, d->b_name);
	paint_end(&p);
	unsigned width = 0;
	for (size_t i = 0; i < d->nr_rows; i++) {
		char name[DIFFERENCE_NAME_BYTES];
		size_t n = strlen(difference_name(name, &d->rows[i]));
		width = n > width ? (unsigned)n : width;
	}
	for (size_t i = 0; i < d->nr_rows; i++) {
		char name[DIFFERENCE_NAME_BYTES], a[BITS_VALUE_BYTES], b[BITS_VALUE_BYTES];
		paint(&p, PAINT_PLAIN, "  ");
		paint_cell(&p, PAINT_NAME, width, "%s", difference_name(name, &d->rows[i]));
		paint_cell(&p, PAINT_BAD, 20, "%s", difference_value(a, &d->rows[i], false));
		paint(&p, PAINT_GOOD, "%s", difference_value(b, &d->rows[i], true));
		paint_end(&p);
	}
}
