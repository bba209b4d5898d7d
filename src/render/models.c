/* SPDX-License-Identifier: MIT */
#include "render/models.h"

#include "render/json_out.h"

#include <stdio.h>
#include <string.h>

#define LINE_WIDTH 96

static const char *vendor_name(const struct cpu_model *m)
{
	return *m->vendor_id ? m->vendor_id : "any";
}

static char *signature(char *text, size_t size, const struct cpu_model *m)
{
	if (m->has_signature && m->nr_numbers > 0)
		(void)snprintf(text, size, "%#x/%#x/%u", m->family, m->numbers[0], m->stepping_low);
	else
		(void)snprintf(text, size, "-");
	return text;
}

static void put_fit(const struct host_fit *fit, const struct paint *p)
{
	if (!fit)
		paint_cell(p, PAINT_DIM, 14, "-");
	else if (fit->runs)
		paint_cell(p, PAINT_GOOD, 14, "yes");
	else if (fit->nr_missing > 0)
		paint_cell(p, PAINT_BAD, 14, "lacks %u", fit->nr_missing);
	else
		paint_cell(p, PAINT_DIM, 14, "no");
}

void models_text_head(const char *runs, const struct paint *p)
{
	paint_cell(p, PAINT_BOLD, 28, "model");
	paint_cell(p, PAINT_BOLD, 14, "vendor");
	paint_cell(p, PAINT_BOLD, 14, "signature");
	paint_cell(p, PAINT_BOLD, 8, "features");
	paint_cell(p, PAINT_BOLD, 14, "%s", runs);
	paint(p, PAINT_BOLD, "source");
	paint_end(p);
}

void models_text_row(const struct cpu_model *m, const struct host_fit *fit, const struct paint *p)
{
	char text[40];
	paint_cell(p, PAINT_NAME, 28, "%s", m->name);
	paint_cell(p, PAINT_PLAIN, 14, "%s", vendor_name(m));
	paint_cell(p, PAINT_PLAIN, 14, "%s", signature(text, sizeof(text), m));
	paint_cell(p, PAINT_PLAIN, 8, "%u", feature_set_count(&m->features));
	put_fit(fit, p);
	paint(p, PAINT_DIM, "%s", m->source);
	paint_end(p);
}

/* Names, as many in a line as fit; those of missing are shown as such. */
static void put_names(
	const struct paint *p, const struct feature_set *set, const struct feature_set *missing)
{
	size_t used = 0;
	const feature_id end = FEATURE_NR_WORDS * 32;
	for (feature_id id = feature_set_next(set, 0); id < end;
		id = feature_set_next(set, (feature_id)(id + 1))) {
		char label[FEATURE_PLACE_BYTES];
		size_t n = strlen(feature_label(label, id));
		if (used > 0 && used + n + 1 > LINE_WIDTH) {
			paint_end(p);
			used = 0;
		}
		bool lacks = missing && feature_set_has(missing, id);
		paint(p, PAINT_PLAIN, "%s", used ? " " : "  ");
		paint(p, lacks ? PAINT_BAD : PAINT_PLAIN, "%s", label);
		used += n + 1;
	}
	if (used > 0)
		paint_end(p);
}

void model_text(const struct cpu_model *m, const struct host_fit *fit, const char *host,
	const struct paint *p)
{
	struct feature_set missing = { 0 };
	if (fit)
		host_fit_missing(fit, &missing);
	paint(p, PAINT_NAME, "%s", m->name);
	paint(p, PAINT_PLAIN, ": %s", vendor_name(m));
	if (m->has_signature) {
		paint(p, PAINT_PLAIN, ", family %#x, model", m->family);
		for (unsigned i = 0; i < m->nr_numbers; i++)
			paint(p, PAINT_PLAIN, "%s %#x", i ? "," : "", m->numbers[i]);
		paint(p, PAINT_PLAIN, ", stepping %u to %u", m->stepping_low, m->stepping_high);
	}
	paint(p, PAINT_PLAIN, "; from %s", m->source);
	if (*m->base)
		paint(p, PAINT_PLAIN, "; all of %s, and more", m->base);
	paint_end(p);
	paint(p, PAINT_BOLD, "features: %u", feature_set_count(&m->features));
	paint_end(p);
	put_names(p, &m->features, &missing);
	if (!feature_set_is_empty(&m->qemu_extra)) {
		paint(p, PAINT_BOLD, "QEMU's model of that name has besides");
		paint_end(p);
		put_names(p, &m->qemu_extra, NULL);
	}
	if (!fit)
		return;
	paint(p, PAINT_BOLD, "on %s: ", host);
	if (fit->runs)
		paint(p, PAINT_GOOD, "runs");
	else if (fit->nr_missing == 0)
		paint(p, PAINT_BAD, "cannot run: %s", fit->why.msg);
	else
		paint(p, PAINT_BAD, "%u are missing", fit->nr_missing);
	paint_end(p);
	put_names(p, &missing, NULL);
}

static json_t *names_json(const struct feature_set *set)
{
	json_t *names = json_array();
	const feature_id end = FEATURE_NR_WORDS * 32;
	for (feature_id id = feature_set_next(set, 0); names && id < end;
		id = feature_set_next(set, (feature_id)(id + 1))) {
		char label[FEATURE_PLACE_BYTES];
		(void)json_array_append_new(names, json_string(feature_label(label, id)));
	}
	return names;
}

json_t *model_json(const struct cpu_model *m, const struct host_fit *fit, bool features)
{
	struct feature_set missing = { 0 };
	if (fit)
		host_fit_missing(fit, &missing);
	json_t *numbers = json_array();
	for (unsigned i = 0; numbers && i < m->nr_numbers; i++)
		(void)json_array_append_new(numbers, json_integer(m->numbers[i]));
	json_t *o = json_pack("{s:s, s:o, s:o, s:s, s:i, s:o, s:o, s:o}", "model", m->name,
		"vendor", json_text(m->vendor_id), "base", json_text(m->base), "source", m->source,
		"features_count", (int)feature_set_count(&m->features), "family",
		m->has_signature ? json_integer(m->family) : json_null(), "model_numbers", numbers,
		"stepping", m->has_signature ? json_integer(m->stepping_low) : json_null());
	if (!o)
		return NULL;
	if (fit) {
		(void)json_object_set_new(o, "runs", json_boolean(fit->runs));
		(void)json_object_set_new(o, "missing", names_json(&missing));
		(void)json_object_set_new(o, "why_not",
			json_text(fit->runs || fit->nr_missing ? NULL : fit->why.msg));
	}
	if (features)
		(void)json_object_set_new(o, "features", names_json(&m->features));
	return o;
}
