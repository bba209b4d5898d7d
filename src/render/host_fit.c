/* SPDX-License-Identifier: MIT */
#include "render/host_fit.h"

#include "policy/cpuid_view.h"
#include "render/json_out.h"

#include <string.h>

#define SHOWN_LOSSES 4 /* unless verbose */

static const char *name_of(const struct hostfile *host, const char *path)
{
	return host->name[0] ? host->name : path;
}

/* Why it does not run, on one line: of what KVM would not keep, the first register and what asks
 * for it, unless verbose. */
static const char *why_not(const struct host_fit *fit, bool verbose, struct err *line)
{
	(void)cpuid_why(line, &fit->why, fit->nr_missing);
	if (!fit->is_of_kept || verbose)
		return line->msg;
	struct err first = fit->why;
	char *second = strchr(first.msg, '\n');
	char *third = second ? strchr(second + 1, '\n') : NULL;
	if (third)
		*third = '\0';
	return cpuid_why(line, &first, fit->nr_missing);
}

static void put_losses(const struct host_fit *fit, bool verbose, const struct paint *p)
{
	unsigned at = 0, shown = 0, left_out = fit->plan.cpu.nr_lost;
	struct host_loss loss;
	while (host_fit_next_loss(fit, &at, &loss)) {
		if (!verbose && shown == SHOWN_LOSSES) {
			left_out++;
			continue;
		}
		paint(p, PAINT_PLAIN, "%s", shown++ ? ", " : "");
		paint(p, PAINT_PLAIN, "%s%s%s%s", loss.what, loss.place[0] ? " (" : "", loss.place,
			loss.place[0] ? ")" : "");
	}
	if (left_out > 0)
		paint(p, PAINT_PLAIN, " and %u more", left_out);
}

void host_fit_text(const struct host_fit *fit, const struct hostfile *host, const char *path,
	bool verbose, const struct paint *p)
{
	const struct cpu_result *r = &fit->plan.cpu;
	struct err line;
	paint_cell(p, PAINT_NAME, 24, "%s", name_of(host, path));
	paint(p, fit->runs ? PAINT_GOOD : PAINT_BAD, "%s", fit->runs ? "OK" : "FAIL");
	if (!fit->runs && fit->nr_missing == 0) {
		paint(p, PAINT_PLAIN, " %s", why_not(fit, verbose, &line));
	} else if (host_fit_count_losses(fit) > 0) {
		paint(p, PAINT_PLAIN, "%s", fit->runs ? "   without " : " lacks ");
		put_losses(fit, verbose, p);
	}
	if (!fit->runs && r->nearest[0]) {
		paint(p, PAINT_DIM, "; nearest model: ");
		paint(p, PAINT_PLAIN, "%s", r->nearest);
	}
	for (unsigned i = 0; i < r->nr_notes; i++) {
		if (r->notes[i].kind == CPU_NOTE_REMARK)
			paint(p, PAINT_DIM, "; note: %s", r->notes[i].text);
	}
	paint_end(p);
}

static json_t *losses_json(const struct host_fit *fit)
{
	unsigned at = 0;
	struct host_loss loss;
	json_t *all = json_array();
	while (all && host_fit_next_loss(fit, &at, &loss))
		(void)json_array_append_new(
			all, json_pack("{s:o, s:o, s:o}", "feature", json_text(loss.what), "place",
				     json_text(loss.place), "origin", json_text(loss.origin)));
	return all;
}

static json_t *remarks_json(const struct cpu_result *r)
{
	json_t *all = json_array();
	for (unsigned i = 0; all && i < r->nr_notes; i++) {
		const struct cpu_note *note = &r->notes[i];
		if (note->kind == CPU_NOTE_REMARK)
			(void)json_array_append_new(
				all, json_pack("{s:o, s:o}", "text", json_text(note->text),
					     "origin", json_text(note->origin)));
	}
	return all;
}

json_t *host_fit_json(
	const struct host_fit *fit, const struct hostfile *host, const char *path, bool verbose)
{
	struct err line;
	const char *why = fit->runs ? NULL : why_not(fit, verbose, &line);
	const char *nearest = fit->runs ? NULL : fit->plan.cpu.nearest;
	return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "host",
		json_text(name_of(host, path)), "file", json_text(path), "runs", fit->runs,
		"reason", json_text(why), "lacks", losses_json(fit), "notes",
		remarks_json(&fit->plan.cpu), "nearest_model", json_text(nearest));
}
