/* SPDX-License-Identifier: MIT */
#include "render/difference.h"

#include "render/json_out.h"

static json_t *set_json(const struct feature_set *set)
{
	json_t *all = json_array();
	const feature_id end = FEATURE_NR_WORDS * 32;
	for (feature_id id = feature_set_next(set, 0); all && id < end;
		id = feature_set_next(set, (feature_id)(id + 1))) {
		char where[FEATURE_PLACE_BYTES];
		const struct feature *f = feature_by_id(id);
		(void)json_array_append_new(
			all, json_pack("{s:o, s:s}", "feature", json_text(f ? f->name : NULL),
				     "place", feature_place(where, id)));
	}
	return all;
}

static json_t *row_json(const struct difference_row *row)
{
	char where[BITS_PLACE_BYTES];
	const char *name = row->place.is_msr ? msr_name(row->place.leaf)
			   : row->named      ? row->item.field->name
					     : NULL;
	return json_pack("{s:s, s:o, s:o, s:o}", "place", bits_place_text(where, &row->place),
		"name", json_text(name), "a", row->a_has ? json_hex(row->a) : json_null(), "b",
		row->b_has ? json_hex(row->b) : json_null());
}

json_t *difference_json(const struct difference *d)
{
	json_t *rows = json_array();
	for (size_t i = 0; rows && i < d->nr_rows; i++)
		(void)json_array_append_new(rows, row_json(&d->rows[i]));
	return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o}", "a", json_text(d->a_name), "b",
		json_text(d->b_name), "alike", difference_is_none(d), "only_in_a",
		set_json(&d->only_a), "only_in_b", set_json(&d->only_b), "values", rows);
}
