/* SPDX-License-Identifier: MIT */
/* Findings as JSON, alike for all commands. */
#include "render/findings_json.h"

#include "render/json_out.h"

/* Lines and columns count from 1. */
static json_t *place(unsigned n)
{
	return n ? json_integer(n) : json_null();
}

json_t *finding_json(const struct finding *f)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "id", json_text(f->id),
		"level", finding_level_name(f->level), "key", json_text(f->key), "file",
		json_text(f->file), "line", place(f->line), "column", place(f->column), "text",
		json_text(f->text), "fix", json_text(f->fix));
}

json_t *findings_json(const struct findings *f)
{
	json_t *all = json_array();
	for (size_t i = 0; all && i < f->n; i++) {
		if (json_array_append_new(all, finding_json(&f->items[i]))) {
			json_decref(all);
			all = NULL;
		}
	}
	return all;
}
