/* SPDX-License-Identifier: MIT */
/* `nestor cpuid explain --html`: the same as a page. Each rule has a colour. */
#include "render/explain.h"

#include "nesting/hyperv.h"
#include "nesting/nesting.h"
#include "render/html.h"

#include <inttypes.h>
#include <string.h>

#define MAX_RULES 128

/* The rules that decided something, each with a hue of its own. */
struct palette {
	const char *rules[MAX_RULES];
	unsigned nr_rules, stride;
};

static unsigned divisor(unsigned a, unsigned b)
{
	while (b) {
		unsigned rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

static unsigned rule_index(const struct palette *p, const char *rule)
{
	unsigned i = 0;
	while (i < p->nr_rules && strcmp(p->rules[i], rule) != 0)
		i++;
	return i;
}

static void make_palette(const struct explanation *x, struct palette *ret_palette)
{
	struct palette *p = ret_palette;
	*p = (struct palette){ 0 };
	for (size_t i = 0; i < x->vm->trace.nr_decisions; i++) {
		const char *rule = x->vm->trace.decisions[i].rule;
		if (p->nr_rules < MAX_RULES && rule_index(p, rule) == p->nr_rules)
			p->rules[p->nr_rules++] = rule;
	}
	/* Rules that follow one another get hues that are far apart, and all hues are used. */
	p->stride = p->nr_rules * 2 / 5 + 1;
	while (divisor(p->stride, p->nr_rules) > 1)
		p->stride++;
}

static unsigned rule_hue(const struct palette *p, const char *rule)
{
	return p->nr_rules ? rule_index(p, rule) * p->stride % p->nr_rules * 360 / p->nr_rules : 0;
}

struct page {
	const struct explanation *x;
	struct palette palette;
	FILE *out;
};

static void put_card(FILE *out, unsigned n, const char *class, const char *what)
{
	(void)fprintf(out, "<div class=\"card\"><b class=\"%s\">%u</b>%s</div>\n", class, n, what);
}

static void put_summary(const struct explanation *x, FILE *out)
{
	const struct cpuid_vm *vm = x->vm;
	const struct cpu_result *r = &vm->plan.cpu;
	struct explanation_counts n = explanation_count(x);
	char vendor[13], signature[BITS_SIGNATURE_BYTES];
	struct err why;
	(void)fputs("<p>", out);
	html_textf(out, "vCPU %u of %u on %s: %s, family %s, ", vm->vcpu, vm->plan.nr_vcpus,
		cpuid_view_name(vm->host), bits_vendor(vendor, &vm->table),
		bits_signature(signature, &vm->table));
	html_textf(out, "%s%s", r->model ? "model " : "the host's features",
		r->model ? r->model->name : "");
	(void)fputs("</p>\n", out);
	if (vm->cannot_run) {
		(void)fputs("<div class=\"box bad\"><b class=\"bad\">This host cannot run it.</b> ",
			out);
		html_text(out, cpuid_why(&why, &vm->why, r->nr_missing));
		(void)fputs("<p class=\"dim\">What follows leaves out what is missing.</p></div>\n",
			out);
	}
	(void)fputs("<div class=\"cards\">\n", out);
	put_card(out, n.host, "", "features on the host");
	put_card(out, n.policy, "", "asked for");
	put_card(out, n.guest, "good", "in the guest");
	put_card(out, n.withheld, "dim", "withheld");
	put_card(out, n.missing, n.missing ? "bad" : "dim", "missing");
	put_card(out, n.added, "dim", "added");
	(void)fputs("</div>\n", out);
	if (r->nr_notes > 0)
		(void)fputs("<div class=\"box\">", out);
	for (unsigned i = 0; i < r->nr_notes; i++) {
		char text[CPU_NOTE_BYTES];
		(void)fputs("<p>", out);
		html_element(out, "span", "warn", cpu_note_text(text, &r->notes[i]));
		if (r->notes[i].origin) {
			(void)fputs(" ", out);
			html_element(out, "span", "dim", r->notes[i].origin);
		}
		(void)fputs("</p>\n", out);
	}
	if (r->nr_notes > 0)
		(void)fputs("</div>\n", out);
}

static void put_rule(const struct page *p, const char *id, const char *title, const char *text)
{
	const struct explanation *x = p->x;
	FILE *out = p->out;
	size_t bits = 0;
	for (size_t i = 0; i < x->vm->trace.nr_decisions; i++)
		bits += strcmp(x->vm->trace.decisions[i].rule, id) == 0;
	if (bits == 0)
		return;
	(void)fprintf(out,
		"<tr class=\"row\"><td class=\"place\"><span class=\"chip\" "
		"style=\"--h:%u\"></span> <b>",
		rule_hue(&p->palette, id));
	html_text(out, id);
	(void)fputs("</b></td><td>", out);
	html_text(out, title);
	(void)fputs("</td><td class=\"dim\">", out);
	html_text(out, text);
	(void)fprintf(out, "</td><td class=\"num\">%zu</td></tr>\n", bits);
}

static void put_rules(const struct page *p)
{
	FILE *out = p->out;
	size_t n;
	(void)fputs(
		"<h2>The rules that decided</h2>\n<div class=\"wide\"><table>\n<tr><th>rule</th>"
		"<th>what</th><th></th><th>decisions</th></tr>\n",
		out);
	const struct cpu_rule *rules = cpu_rules(&n);
	for (size_t i = 0; i < n; i++)
		put_rule(p, rules[i].id, rules[i].title, rules[i].text);
	rules = hyperv_rules(&n);
	for (size_t i = 0; i < n; i++)
		put_rule(p, rules[i].id, rules[i].title, rules[i].text);
	const struct nesting_rule *nesting = nesting_rules(&n);
	for (size_t i = 0; i < n; i++)
		put_rule(p, nesting[i].id, nesting[i].why, "nesting");
	(void)fputs("</table></div>\n", out);
}

static void put_yes(FILE *out, bool yes)
{
	(void)fputs(yes ? "<td class=\"y\">yes</td>" : "<td class=\"n\">no</td>", out);
}

static void put_by(const struct page *p, const struct explained *it)
{
	FILE *out = p->out;
	char text[EXPLAINED_BY_BYTES];
	for (unsigned i = 0; i < it->nr_by; i++) {
		(void)fprintf(out, "%s<span class=\"chip\" style=\"--h:%u\"></span> ",
			i ? "<br>" : "", rule_hue(&p->palette, it->by[i]->rule));
		html_text(out, explained_by(text, it->by[i]));
	}
	if (it->nr_by == 0)
		(void)fputs("<span class=\"dim\">no rule speaks of it</span>", out);
}

static void put_features(const struct page *p)
{
	const struct explanation *x = p->x;
	FILE *out = p->out;
	(void)fputs("<h2>Features</h2>\n<div class=\"wide\"><table>\n<tr><th>feature</th>"
		    "<th>where</th><th>host has</th><th>policy says</th><th>guest gets</th>"
		    "<th>decided by</th></tr>\n",
		out);
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at(i);
		struct explained it;
		char where[FEATURE_PLACE_BYTES];
		explanation_feature(x, f, &it);
		bool same = !explained_differs(&it) || explanation_is_moot(x, f);
		(void)fprintf(out, "<tr class=\"row%s\"><td title=\"", same ? " same" : "");
		html_textf(out, "%s%s%s", f->aliases, *f->aliases && *f->note ? "; " : "", f->note);
		(void)fputs("\">", out);
		html_element(out, "code", NULL, f->name);
		(void)fputs("</td>", out);
		html_element(out, "td", "dim place", feature_place(where, f->id));
		put_yes(out, it.host != 0);
		put_yes(out, it.policy != 0);
		put_yes(out, it.guest != 0);
		(void)fputs("<td>", out);
		put_by(p, &it);
		(void)fputs("</td></tr>\n", out);
	}
	(void)fputs("</table></div>\n", out);
}

static void put_cell(const struct page *p, const struct bits_place *place, unsigned bit)
{
	const struct explanation *x = p->x;
	FILE *out = p->out;
	struct explained it;
	char name[BITS_NAME_BYTES], by[EXPLAINED_BY_BYTES];
	uint64_t host, guest;
	(void)explanation_host_value(x, place, &host);
	(void)explanation_guest_value(x, place, &guest);
	explanation_item(x, place, bit, &it);
	const struct cpu_decision *d = explanation_earlier(x, place, bit, NULL);
	bool on = guest >> bit & 1;
	bool missing = it.item.kind == BITS_FEATURE && it.policy && !it.guest;
	(void)fprintf(out, "<i class=\"%s%s\"", d ? on ? "" : "o" : "x", missing ? " d" : "");
	if (d)
		(void)fprintf(out, " style=\"--h:%u\"", rule_hue(&p->palette, d->rule));
	(void)fputs(" title=\"", out);
	html_textf(out, "bit %u", bit);
	if (it.item.kind != BITS_PLAIN)
		html_textf(out, " %s", bits_name(&it.item, name));
	html_textf(out, ": host %u, ", (unsigned)(host >> bit & 1));
	if (it.policy_speaks)
		html_textf(out, "policy %u, ", (unsigned)(it.policy >> (bit - it.item.low) & 1));
	html_textf(out, "guest %u. %s", on, d ? explained_by(by, d) : "no rule speaks of it");
	(void)fprintf(out, "\">%u</i>", on);
}

/* The numbers in a register, each by its name. */
static void put_fields(const struct explanation *x, const struct bits_place *place, FILE *out)
{
	struct explained it;
	bool any = false;
	for (unsigned bit = 0; bit < bits_width(place); bit = it.item.high + 1) {
		char host[BITS_VALUE_BYTES], guest[BITS_VALUE_BYTES];
		explanation_item(x, place, bit, &it);
		if (it.item.kind != BITS_FIELD)
			continue;
		(void)fputs(any ? "; " : "<p class=\"mono\">", out);
		any = true;
		html_textf(out, "%s = %s", it.item.field->name,
			bits_value(guest, &it.item, it.guest << it.item.low));
		if (it.host != it.guest)
			html_textf(out, " (host %s)",
				bits_value(host, &it.item, it.host << it.item.low));
	}
	if (any)
		(void)fputs("</p>\n", out);
}

static void put_register(const struct page *p, const struct bits_place *place)
{
	const struct explanation *x = p->x;
	FILE *out = p->out;
	uint64_t host, guest;
	bool host_has = explanation_host_value(x, place, &host);
	bool guest_has = explanation_guest_value(x, place, &guest);
	int digits = place->is_msr ? 16 : 8;
	if (!place->is_msr && host == 0 && guest == 0)
		return;
	(void)fprintf(out, "<div class=\"reg\"><code><b>%s</b>",
		place->is_msr ? "value" : cpuid_reg_name(place->reg));
	if (guest_has)
		(void)fprintf(out, " guest 0x%0*" PRIx64, digits, guest);
	else
		(void)fputs(" guest none", out);
	if (host_has)
		(void)fprintf(out, ", host 0x%0*" PRIx64, digits, host);
	else
		(void)fputs(", host none", out);
	(void)fputs("</code><div class=\"bits\">", out);
	for (unsigned bit = bits_width(place); bit-- > 0;)
		put_cell(p, place, bit);
	(void)fputs("</div>\n", out);
	put_fields(x, place, out);
	(void)fputs("</div>\n", out);
}

static bool same_leaf(const struct bits_place *a, const struct bits_place *b)
{
	return a->is_msr == b->is_msr && a->leaf == b->leaf && a->subleaf == b->subleaf;
}

/* Registers [from, to) of one leaf, or one MSR. */
static void put_leaf(const struct page *p, size_t from, size_t to)
{
	const struct explanation *x = p->x;
	FILE *out = p->out;
	const struct bits_place *first = &x->places[from];
	bool same = true;
	char text[EXPLAINED_ACCESS_BYTES];
	for (size_t i = from; i < to; i++) {
		uint64_t host, guest;
		bool host_has = explanation_host_value(x, &x->places[i], &host);
		bool guest_has = explanation_guest_value(x, &x->places[i], &guest);
		same = same && host == guest && host_has == guest_has;
	}
	const char *title = first->is_msr ? msr_name(first->leaf)
					  : cpuid_leaf_title(first->leaf, first->subleaf);
	(void)fprintf(out, "<details class=\"row%s\"%s><summary><code>", same ? " same" : "",
		same ? "" : " open");
	if (first->is_msr)
		(void)fprintf(out, "MSR 0x%" PRIx32, first->leaf);
	else if (cpuid_leaf_has_subleaves(first->leaf))
		(void)fprintf(out, "0x%" PRIx32 ".%" PRIu32, first->leaf, first->subleaf);
	else
		(void)fprintf(out, "0x%" PRIx32, first->leaf);
	(void)fputs("</code> ", out);
	html_text(out, title ? title : "");
	(void)fprintf(out, " <span class=\"dim\">%s</span></summary>\n",
		same ? "as the host's" : "differs from the host's");
	if (first->is_msr) {
		(void)fputs("<p>read: ", out);
		html_text(out, explanation_access(text, x, first->leaf, false));
		(void)fputs("; write: ", out);
		html_text(out, explanation_access(text, x, first->leaf, true));
		(void)fputs("</p>\n", out);
	}
	for (size_t i = from; i < to; i++)
		put_register(p, &x->places[i]);
	(void)fputs("</details>\n", out);
}

void explain_html(const struct explanation *x, FILE *out)
{
	char title[512];
	struct page p = { .x = x, .out = out };
	make_palette(x, &p.palette);
	(void)snprintf(title, sizeof(title), "%s: the CPU that the guest sees", x->file);
	html_begin(out, title, "Search: a feature, a leaf, a rule, a line of the file");
	put_summary(x, out);
	put_rules(&p);
	put_features(&p);
	(void)fputs(
		"<h2>Every bit</h2>\n<p class=\"dim\">Each cell is a bit, 31 to 0 (an MSR's: 63 "
		"to 0), coloured by the rule that decided it; pale is 0. Point at one to see "
		"its name and who decided it. A red frame: asked for, but missing.</p>\n",
		out);
	for (size_t from = 0, to; from < x->nr_places; from = to) {
		to = from + 1;
		while (to < x->nr_places && same_leaf(&x->places[from], &x->places[to]))
			to++;
		put_leaf(&p, from, to);
	}
	html_end(out);
}
