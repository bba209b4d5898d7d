/* SPDX-License-Identifier: MIT */
#include "maketables/nesting.h"

#include <ctype.h>
#include <string.h>

#include "tsv/cycle.h"

#define NAME_BYTES 40
#define TEXT_BYTES 127
#define MAX_PLACES 2   /* of struct hyperv_feature */
#define MAX_REQUIRES 4 /* likewise */

enum kind { PLAIN, NESTED, NUMBER, CAPABILITY, REFUSED };
#define KIND_WORDS "plain nested number capability refused"

static void add_name(struct names *names, const struct cell *c, const struct tsv_row *row)
{
	const char *t = c->text;
	if (strncmp(t, "x-", 2) == 0)
		t += 2;
	bool good = strncmp(t, "hv-", 3) == 0 && strlen(c->text) <= NAME_BYTES;
	for (t += 2; good && *t; t++)
		good = islower((unsigned char)*t) || (*t == '-' && islower((unsigned char)t[1]));
	if (!good)
		cell_expected(c, "a name like hv-synic");
	(void)names_add(names, c->text, c, (void *)(uintptr_t)row);
}

/* A part of a cell from `from` on, of so many bytes. */
static struct cell part_of(const struct cell *c, size_t from, size_t bytes)
{
	struct cell part = *c;
	part.text = arena_copy(c->table->faults->arena, c->text + from, bytes);
	part.column += (unsigned)from;
	return part;
}

/* BITS such as 1,9 or 0-15 as a mask; they must rise. */
static uint32_t mask_of(const struct cell *c)
{
	struct cells list = cell_split(c, ',', 32);
	uint32_t mask = 0;
	for (unsigned i = 0; i < list.nr; i++) {
		unsigned low = 0, high = 0;
		if (cell_bits(&list.cell[i], &low, &high) && mask >> low)
			cell_expected(&list.cell[i], "bits that rise");
		for (unsigned bit = low; bit <= high; bit++)
			mask |= UINT32_C(1) << bit;
	}
	return mask;
}

/* LEAF.REGISTER:BITS, and =VALUE where they are not all 1, as C. */
static const char *place_text(struct make *m, const struct cell *c)
{
	const char *dot = strchr(c->text, '.'), *colon = strchr(c->text, ':');
	if (!dot || !colon || colon < dot || strncmp(c->text, "0x4000000", 9) != 0 ||
		dot != c->text + 10) {
		cell_expected(c, "a place like 0x40000003.eax:1,9");
		return "";
	}
	size_t at_reg = (size_t)(dot + 1 - c->text), at_bits = (size_t)(colon + 1 - c->text);
	struct cell leaf = part_of(c, 0, at_reg - 1);
	struct cell reg = part_of(c, at_reg, at_bits - 1 - at_reg);
	size_t bytes = strcspn(c->text + at_bits, "=");
	struct cell bits = part_of(c, at_bits, bytes);
	uint32_t mask = mask_of(&bits), value = mask;
	if (c->text[at_bits + bytes] == '=') {
		size_t at_value = at_bits + bytes + 1;
		struct cell number = part_of(c, at_value, strlen(c->text) - at_value);
		value = cell_hex32(&number);
		if (value & ~mask)
			cell_expected(&number, "a value within the bits of its place");
	}
	(void)cell_hex32(&leaf);
	return arena_printf(&m->arena, "{ %s, %s, 0x%08x, 0x%08x }", leaf.text,
		register_constants[cell_choice(&reg, REGISTER_WORDS)], mask, value);
}

/* What a row needs, as C; the needs are added to the edges. */
static const char *requires_text(struct make *m, const struct tsv *t, size_t i,
	const struct names *names, struct edge *edges, size_t *nr_edges)
{
	struct cells list = cell_split(&t->rows[i].cell[4], ' ', MAX_REQUIRES);
	const char *text = "";
	for (unsigned j = 0; j < list.nr; j++) {
		const char *on = strchr(list.cell[j].text, '@');
		struct cell name = part_of(&list.cell[j], 0, strcspn(list.cell[j].text, "@"));
		const struct named *named = names_find(names, name.text);
		const struct tsv_row *other = named ? named->value : NULL;
		/* An alias is no row, and what is not offered can be nobody's need. */
		if (!other || strcmp(other->cell[2].text, "refused") == 0) {
			cell_expected(&name, "another row that is offered");
			continue;
		}
		const char *vendor = "ANY";
		if (on) {
			struct cell of = part_of(&list.cell[j],
				(size_t)(on + 1 - list.cell[j].text), strlen(on + 1));
			(void)cell_choice(&of, "intel amd");
			vendor = c_constant(&m->arena, of.text);
		}
		text = arena_printf(&m->arena, "%s%s{ %zu, HYPERV_ON_%s }", text, j ? ", " : "",
			(size_t)(other - t->rows), vendor);
		edges[(*nr_edges)++] = (struct edge){
			.from = i, .to = (size_t)(other - t->rows), .cell = &list.cell[j]
		};
	}
	return arena_printf(&m->arena, ".nr_requires = %u%s%s%s", list.nr,
		list.nr ? ",\n\t.requires = { " : "", text, list.nr ? " }" : "");
}

static void write_row(struct make *m, FILE *out, const struct cell *c, const char *requires)
{
	enum kind kind = (enum kind)cell_choice(&c[2], KIND_WORDS);
	if (cell_none(&c[3]) != (kind == CAPABILITY || kind == REFUSED))
		cell_expected(&c[3], "bits for plain, nested and number, and for nothing else");
	struct cells places = cell_split(&c[3], ' ', MAX_PLACES);
	const char *text = "";
	for (unsigned i = 0; i < places.nr; i++)
		text = arena_printf(
			&m->arena, "%s%s%s", text, i ? ", " : "", place_text(m, &places.cell[i]));
	const char *recommended = "NONE";
	if (!cell_none(&c[5])) {
		(void)cell_choice(&c[5], "any intel amd");
		recommended = c_constant(&m->arena, c[5].text);
	}
	if (kind == REFUSED && !(cell_none(&c[4]) && cell_none(&c[5])))
		cell_expected(&c[cell_none(&c[4]) ? 5 : 4],
			"that what is refused needs nothing and is not recommended");
	(void)fprintf(out,
		"{ .name = %s, .aliases = %s, .kind = HYPERV_%s, .nr_places = %u,%s%s%s\n"
		"\t.recommended = HYPERV_ON_%s, .note = %s, %s },\n",
		c_string(&m->arena, c[0].text),
		c_string(&m->arena, cell_none(&c[1]) ? "" : c[1].text),
		c_constant(&m->arena, c[2].text), places.nr, places.nr ? " .places = { " : "", text,
		places.nr ? " }," : "", recommended,
		c_string(&m->arena, cell_said(&c[6], TEXT_BYTES)), requires);
}

static void make_rules(struct make *m)
{
	const struct tsv *t = tsv_read(
		&m->faults, make_source_path(m, "nesting/data/hyperv-rules.tsv"), "id title text");
	FILE *out = make_begin(m, "nesting/hyperv_rules.inc", "hyperv-rules.tsv");
	struct names ids = { .what = "id" };
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		(void)names_add(&ids, cell_rule_id(&c[0], "HV"), &c[0], NULL);
		(void)fprintf(out, "{ \"%s\", %s, %s },\n", c[0].text,
			c_string(&m->arena, cell_said(&c[1], TEXT_BYTES)),
			c_string(&m->arena, cell_said(&c[2], TEXT_BYTES)));
	}
}

void make_hyperv(struct make *m)
{
	const struct tsv *t = tsv_read(&m->faults, make_source_path(m, "nesting/data/hyperv.tsv"),
		"name aliases kind bits requires recommended note");
	struct names names = { .what = "name" };
	const char **name_of = arena_alloc(&m->arena, (t->nr_rows + 1) * sizeof(*name_of));
	struct edge *edges =
		arena_alloc(&m->arena, (t->nr_rows + 1) * MAX_REQUIRES * sizeof(*edges));
	size_t nr_edges = 0;
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		name_of[i] = c[0].text;
		add_name(&names, &c[0], &t->rows[i]);
		struct cells aliases = cell_split(&c[1], ',', 4);
		for (unsigned j = 0; j < aliases.nr; j++)
			add_name(&names, &aliases.cell[j], NULL);
	}
	FILE *out = make_begin(m, "nesting/hyperv_features.inc", "hyperv.tsv");
	FILE *ids = make_begin(m, "nesting/hyperv_ids.inc", "hyperv.tsv");
	for (size_t i = 0; i < t->nr_rows; i++) {
		const struct cell *c = t->rows[i].cell;
		write_row(m, out, c, requires_text(m, t, i, &names, edges, &nr_edges));
		(void)fprintf(
			ids, "ID_%s,\n", c_constant(&m->arena, c_identifier(&m->arena, c[0].text)));
	}
	cycle_refuse(edges, nr_edges, name_of, t->nr_rows);
	make_rules(m);
}
