/* SPDX-License-Identifier: MIT */
/* `nestor cpuid diff --html`. */
#include "render/difference.h"

#include "render/html.h"

#include <inttypes.h>

#define HUE_A 215
#define HUE_B 35
#define HUE_BOTH 150

static void put_sides(FILE *out, bool a, bool b)
{
	(void)fprintf(out, "<td class=\"%s\">%s</td><td class=\"%s\">%s</td>", a ? "y" : "n",
		a ? "yes" : "no", b ? "y" : "n", b ? "yes" : "no");
}

static void put_heads(const struct difference *d, FILE *out, const char *first)
{
	(void)fprintf(out, "<div class=\"wide\"><table>\n<tr><th>%s</th>", first);
	html_element(out, "th", NULL, d->a_name);
	html_element(out, "th", NULL, d->b_name);
	(void)fputs("</tr>\n", out);
}

static void put_features(const struct difference *d, FILE *out)
{
	struct feature_set any = d->a_features;
	feature_set_or(&any, &d->b_features);
	(void)fputs("<h2>Features</h2>\n", out);
	put_heads(d, out, "feature");
	const feature_id end = FEATURE_NR_WORDS * 32;
	for (feature_id id = feature_set_next(&any, 0); id < end;
		id = feature_set_next(&any, (feature_id)(id + 1))) {
		char label[FEATURE_PLACE_BYTES], where[FEATURE_PLACE_BYTES];
		bool a = feature_set_has(&d->a_features, id);
		bool b = feature_set_has(&d->b_features, id);
		(void)fprintf(out, "<tr class=\"row%s\"><td>", a == b ? " same" : "");
		html_element(out, "code", NULL, feature_label(label, id));
		(void)fputs(" ", out);
		html_element(out, "span", "dim", feature_place(where, id));
		(void)fputs("</td>", out);
		put_sides(out, a, b);
		(void)fputs("</tr>\n", out);
	}
	(void)fputs("</table></div>\n", out);
}

static void put_values(const struct difference *d, FILE *out)
{
	if (d->nr_rows == 0)
		return;
	(void)fputs("<h2>Numbers and MSRs that differ</h2>\n", out);
	put_heads(d, out, "value");
	for (size_t i = 0; i < d->nr_rows; i++) {
		char name[DIFFERENCE_NAME_BYTES], value[BITS_VALUE_BYTES];
		(void)fputs("<tr class=\"row\"><td>", out);
		html_element(out, "code", NULL, difference_name(name, &d->rows[i]));
		(void)fputs("</td>", out);
		html_element(out, "td", "mono", difference_value(value, &d->rows[i], false));
		html_element(out, "td", "mono", difference_value(value, &d->rows[i], true));
		(void)fputs("</tr>\n", out);
	}
	(void)fputs("</table></div>\n", out);
}

static void put_cell(const struct bits_place *place, unsigned bit, bool a, bool b, FILE *out)
{
	struct bits_item item;
	char name[BITS_NAME_BYTES];
	bits_item_at(place, bit, &item);
	if (a || b)
		(void)fprintf(out, "<i style=\"--h:%d\"", a && b ? HUE_BOTH : a ? HUE_A : HUE_B);
	else
		(void)fputs("<i class=\"x\"", out);
	(void)fputs(" title=\"", out);
	html_textf(out, "bit %u", bit);
	if (item.kind != BITS_PLAIN)
		html_textf(out, " %s", bits_name(&item, name));
	html_textf(out, ": %u and %u", a, b);
	(void)fprintf(out, "\">%s</i>", a && b ? "1" : a ? "A" : b ? "B" : "0");
}

/* A register with differing bits, once for both. */
static void put_register(
	const struct difference *d, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg, FILE *out)
{
	const struct bits_place place = { .leaf = leaf, .subleaf = subleaf, .reg = reg };
	uint32_t a = cpuid_value(&d->a->facts.supported, leaf, subleaf, reg);
	uint32_t b = cpuid_value(&d->b->facts.supported, leaf, subleaf, reg);
	const char *title = cpuid_leaf_title(leaf, subleaf);
	char where[BITS_PLACE_BYTES];
	if (a == 0 && b == 0)
		return;
	(void)fprintf(out, "<div class=\"row reg%s\"><code><b>", a == b ? " same" : "");
	html_text(out, bits_place_text(where, &place));
	(void)fprintf(out, "</b> 0x%08" PRIx32 " and 0x%08" PRIx32 "</code> ", a, b);
	html_element(out, "span", "dim", title ? title : "");
	(void)fputs("<div class=\"bits\">", out);
	for (unsigned bit = 32; bit-- > 0;)
		put_cell(&place, bit, a >> bit & 1, b >> bit & 1, out);
	(void)fputs("</div></div>\n", out);
}

static void put_registers(const struct difference *d, FILE *out)
{
	const struct cpuid_table *a = &d->a->facts.supported, *b = &d->b->facts.supported;
	(void)fprintf(out,
		"<h2>Every register</h2>\n<p><span class=\"chip\" style=\"--h:%d\"></span> A: ",
		HUE_A);
	html_text(out, d->a_name);
	(void)fprintf(out, " <span class=\"chip\" style=\"--h:%d\"></span> B: ", HUE_B);
	html_text(out, d->b_name);
	(void)fprintf(out, " <span class=\"chip\" style=\"--h:%d\"></span> both</p>\n", HUE_BOTH);
	for (unsigned i = 0; i < a->nr_entries + b->nr_entries; i++) {
		bool of_a = i < a->nr_entries;
		const struct cpuid_entry *entry =
			of_a ? &a->entries[i] : &b->entries[i - a->nr_entries];
		const struct cpuid_entry *twin =
			of_a ? NULL : cpuid_get(a, entry->leaf, entry->subleaf);
		for (unsigned r = 0; !twin && r < 4; r++)
			put_register(d, entry->leaf, entry->subleaf, (enum cpuid_reg)r, out);
	}
}

void difference_html(const struct difference *d, FILE *out)
{
	char title[1024], name[2][13], signature[2][BITS_SIGNATURE_BYTES];
	(void)snprintf(title, sizeof(title), "%s and %s", d->a_name, d->b_name);
	html_begin(out, title, "Search: a feature, a leaf, a field, an MSR");
	const struct cpuid_table *a = &d->a->facts.supported, *b = &d->b->facts.supported;
	(void)fputs("<p>A: ", out);
	html_textf(out, "%s, %s, family %s", cpuid_view_name(d->a), bits_vendor(name[0], a),
		bits_signature(signature[0], a));
	(void)fputs("<br>B: ", out);
	html_textf(out, "%s, %s, family %s", cpuid_view_name(d->b), bits_vendor(name[1], b),
		bits_signature(signature[1], b));
	(void)fprintf(out,
		"</p>\n<div class=\"cards\"><div class=\"card\"><b>%u</b>features only in A</div>"
		"<div class=\"card\"><b>%u</b>only in B</div><div class=\"card\"><b>%zu</b>numbers "
		"and MSRs that differ</div></div>\n",
		feature_set_count(&d->only_a), feature_set_count(&d->only_b), d->nr_rows);
	put_features(d, out);
	put_values(d, out);
	put_registers(d, out);
	html_end(out);
}
