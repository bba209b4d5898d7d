/* SPDX-License-Identifier: MIT */
/* `nestor cpuid explain` as text. */
#include "render/explain.h"

#include "render/paint.h"

#include <inttypes.h>
#include <string.h>

#define LINE_WIDTH 96

static void print_by(const struct paint *p, const struct explained *it)
{
	char text[EXPLAINED_BY_BYTES];
	if (it->nr_by == 0)
		paint(p, PAINT_DIM, "no rule speaks of it");
	for (unsigned i = 0; i < it->nr_by; i++)
		paint(p, PAINT_PLAIN, "%s%s", i ? "; " : "", explained_by(text, it->by[i]));
	paint_end(p);
}

static void print_yes(const struct paint *p, unsigned width, bool speaks, bool yes)
{
	if (!speaks)
		paint_cell(p, PAINT_DIM, width, "-");
	else
		paint_cell(p, yes ? PAINT_GOOD : PAINT_DIM, width, "%s", yes ? "yes" : "no");
}

static void print_row(const struct paint *p, const char *name, const struct explained *it)
{
	paint_cell(p, it->guest ? PAINT_NAME : PAINT_PLAIN, 26, "%s", name);
	print_yes(p, 5, true, it->host != 0);
	print_yes(p, 7, it->policy_speaks, it->policy != 0);
	print_yes(p, 6, true, it->guest != 0);
	print_by(p, it);
}

static void print_heading(const struct explanation *x, const struct paint *p)
{
	const struct cpuid_vm *vm = x->vm;
	const struct cpu_result *r = &vm->plan.cpu;
	char vendor[13], signature[BITS_SIGNATURE_BYTES];
	paint(p, PAINT_BOLD, "%s", x->file);
	paint(p, PAINT_PLAIN, " on %s: vCPU %u of %u, ", cpuid_view_name(vm->host), vm->vcpu,
		vm->plan.nr_vcpus);
	paint(p, PAINT_PLAIN, "%s, family %s, %s%s", bits_vendor(vendor, &vm->table),
		bits_signature(signature, &vm->table), r->model ? "model " : "the host's features",
		r->model ? r->model->name : "");
	paint_end(p);
}

static void print_notes(const struct explanation *x, const struct paint *p)
{
	const struct cpu_result *r = &x->vm->plan.cpu;
	for (unsigned i = 0; i < r->nr_notes; i++) {
		char text[CPU_NOTE_BYTES];
		paint(p, PAINT_WARN, "%s", cpu_note_text(text, &r->notes[i]));
		if (r->notes[i].origin)
			paint(p, PAINT_DIM, " (%s)", r->notes[i].origin);
		paint_end(p);
	}
	if (r->nr_lost > 0) {
		paint(p, PAINT_WARN, "and %u more", r->nr_lost);
		paint_end(p);
	}
	if (r->nr_missing > 0 && r->nearest[0]) {
		paint(p, PAINT_PLAIN, "nearest model that runs here: ");
		paint(p, PAINT_BOLD, "%s", r->nearest);
		paint_end(p);
	}
}

static void print_overview(
	const struct explanation *x, const struct explain_question *q, const struct paint *p)
{
	struct explanation_counts n = explanation_count(x);
	unsigned moot = 0;
	paint(p, PAINT_PLAIN,
		"features: %u on the host, %u asked for, %u in the guest; "
		"%u withheld, %u missing, %u added",
		n.host, n.policy, n.guest, n.withheld, n.missing, n.added);
	paint_end(p);
	print_notes(x, p);
	paint_end(p);
	paint_cell(p, PAINT_BOLD, 26, "feature");
	paint(p, PAINT_BOLD, "host  policy  guest  decided by");
	paint_end(p);
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at(i);
		struct explained it;
		explanation_feature(x, f, &it);
		if (!q->all && !explained_differs(&it))
			continue;
		if (!q->all && explanation_is_moot(x, f))
			moot++;
		else
			print_row(p, f->name, &it);
	}
	if (moot > 0) {
		paint(p, PAINT_DIM,
			"and %u controls of VMX, which the guest does not have; "
			"see --all",
			moot);
		paint_end(p);
	}
}

static void print_requirements(const struct feature *feature, const struct paint *p)
{
	size_t n = 0;
	const struct feature_requirement *all = feature_requirements(&n);
	char label[FEATURE_PLACE_BYTES];
	for (size_t i = 0; i < n; i++) {
		if (all[i].feature != feature->id)
			continue;
		paint(p, PAINT_PLAIN, "  needs      %s", feature_label(label, all[i].required));
		if (*all[i].why)
			paint(p, PAINT_DIM, " (%s)", all[i].why);
		paint_end(p);
	}
	size_t used = 0;
	for (size_t i = 0; i < n; i++) {
		if (all[i].required != feature->id)
			continue;
		const char *name = feature_label(label, all[i].feature);
		if (used == 0 || used + strlen(name) + 1 > LINE_WIDTH) {
			if (used > 0)
				paint_end(p);
			paint(p, PAINT_PLAIN, "%s", used ? "            " : "  needed by ");
			used = 12;
		}
		paint(p, PAINT_PLAIN, " %s", name);
		used += strlen(name) + 1;
	}
	if (used > 0)
		paint_end(p);
}

/* Oldest first. */
static void print_chain(const struct explanation *x, const struct paint *p,
	const struct bits_place *place, unsigned bit, const struct cpu_decision *d,
	unsigned *number)
{
	const struct cpu_decision *earlier = explanation_earlier(x, place, bit, d);
	/* As deep as the bit was decided: at most once for each wish of the policy and each rule,
	 * some thousand. */
	if (earlier)
		print_chain(x, p, place, bit, earlier, number);
	if (!d)
		return;
	char text[EXPLAINED_BY_BYTES];
	bool on = d->value >> bit & 1;
	paint(p, PAINT_PLAIN, "  %2u. ", ++*number);
	paint_cell(p, on ? PAINT_GOOD : PAINT_BAD, 2, "%u", on);
	paint(p, PAINT_PLAIN, "%s", explained_by(text, d));
	paint_end(p);
}

static void print_fact(const struct paint *p, const char *what, bool yes)
{
	paint(p, PAINT_PLAIN, "%s", what);
	paint(p, yes ? PAINT_GOOD : PAINT_DIM, "%s", yes ? "yes" : "no");
	paint_end(p);
}

static void print_feature(
	const struct explanation *x, const struct feature *feature, const struct paint *p)
{
	struct explained it;
	char where[FEATURE_PLACE_BYTES];
	unsigned bit, number = 0;
	const struct bits_place place = explanation_place(x, feature, &bit);
	explanation_feature(x, feature, &it);
	paint(p, PAINT_NAME, "%s", feature->name);
	paint(p, PAINT_PLAIN, ", %s%s", feature_place(where, feature->id),
		it.item.inverted ? ", there where the bit is 0" : "");
	if (*feature->aliases)
		paint(p, PAINT_DIM, " (also %s)", feature->aliases);
	paint_end(p);
	if (*feature->note) {
		paint(p, PAINT_DIM, "  %s", feature->note);
		paint_end(p);
	}
	print_fact(p, "  host has   ", it.host != 0);
	print_fact(p, "  policy     ", it.policy != 0);
	print_fact(p, "  guest gets ", it.guest != 0);
	paint(p, PAINT_PLAIN, "  decided by ");
	print_by(p, &it);
	print_requirements(feature, p);
	paint(p, PAINT_BOLD, "decisions about the bit, in their order");
	paint_end(p);
	print_chain(x, p, &place, bit, NULL, &number);
	if (number == 0) {
		paint(p, PAINT_DIM, "  none");
		paint_end(p);
	}
}

static void print_field_row(const struct paint *p, const struct explained *it)
{
	char bits[16], name[BITS_NAME_BYTES], value[BITS_VALUE_BYTES];
	if (it->item.low == it->item.high)
		(void)snprintf(bits, sizeof(bits), "%u", it->item.low);
	else
		(void)snprintf(bits, sizeof(bits), "%u-%u", it->item.high, it->item.low);
	paint(p, PAINT_PLAIN, "  ");
	paint_cell(p, PAINT_DIM, 5, "%s", bits);
	if (it->item.kind != BITS_FIELD) {
		print_row(p, bits_name(&it->item, name), it);
		return;
	}
	paint_cell(p, it->guest ? PAINT_NAME : PAINT_PLAIN, 26, "%s", bits_name(&it->item, name));
	paint(p, PAINT_PLAIN, "host %s, ", bits_value(value, &it->item, it->host << it->item.low));
	if (it->policy_speaks)
		paint(p, PAINT_PLAIN, "policy %s, ",
			bits_value(value, &it->item, it->policy << it->item.low));
	paint(p, PAINT_PLAIN, "guest ");
	paint(p, PAINT_BOLD, "%s", bits_value(value, &it->item, it->guest << it->item.low));
	paint(p, PAINT_PLAIN, "; ");
	print_by(p, it);
}

static void print_value(
	const struct paint *p, const char *who, bool there, uint64_t value, bool wide)
{
	if (!there)
		paint(p, PAINT_DIM, " %s none", who);
	else
		paint(p, PAINT_PLAIN, " %s 0x%0*" PRIx64, who, wide ? 16 : 8, value);
}

static void print_register(
	const struct explanation *x, const struct bits_place *place, const struct paint *p)
{
	uint64_t host, guest;
	char where[BITS_PLACE_BYTES], text[EXPLAINED_ACCESS_BYTES];
	bool host_has = explanation_host_value(x, place, &host);
	bool guest_has = explanation_guest_value(x, place, &guest);
	paint(p, PAINT_BOLD, "%s", bits_place_text(where, place));
	if (place->is_msr && msr_name(place->leaf))
		paint(p, PAINT_BOLD, " %s", msr_name(place->leaf));
	paint(p, PAINT_PLAIN, ":");
	print_value(p, "host", host_has, host, place->is_msr);
	print_value(p, "guest", guest_has, guest, place->is_msr);
	paint_end(p);
	if (place->is_msr) {
		paint(p, PAINT_PLAIN, "  read: %s",
			explanation_access(text, x, place->leaf, false));
		paint_end(p);
		paint(p, PAINT_PLAIN, "  write: %s",
			explanation_access(text, x, place->leaf, true));
		paint_end(p);
	}
	struct explained it;
	for (unsigned bit = 0; bit < bits_width(place); bit = it.item.high + 1) {
		explanation_item(x, place, bit, &it);
		/* Reserved, as far as is known, and 0 on both sides by nobody's decision. */
		if (it.item.kind == BITS_PLAIN && !it.host && !it.guest &&
			!(it.policy_speaks && it.policy))
			continue;
		print_field_row(p, &it);
	}
}

static void print_asked(
	const struct explanation *x, const struct explain_question *q, const struct paint *p)
{
	bool found = false;
	for (size_t i = 0; i < x->nr_places; i++) {
		const struct bits_place *place = &x->places[i];
		if (!explain_asks(q, place))
			continue;
		const char *title = cpuid_leaf_title(place->leaf, place->subleaf);
		if (!place->is_msr && place->reg == CPUID_EAX && title) {
			paint(p, PAINT_PLAIN, "%s", title);
			paint_end(p);
		}
		print_register(x, place, p);
		found = true;
	}
	if (found)
		return;
	const struct bits_place msr = { .is_msr = true, .leaf = q->leaf };
	if (q->kind == EXPLAIN_MSR) {
		print_register(x, &msr, p);
		return;
	}
	paint(p, PAINT_PLAIN, "neither the host's KVM nor the guest has leaf 0x%" PRIx32, q->leaf);
	if (!q->any_subleaf)
		paint(p, PAINT_PLAIN, ", subleaf %" PRIu32, q->subleaf);
	paint_end(p);
}

void explain_text(const struct explanation *x, const struct explain_question *q, FILE *out)
{
	const struct paint p = paint_to(out);
	print_heading(x, &p);
	switch (q->kind) {
	case EXPLAIN_OVERVIEW:
		print_overview(x, q, &p);
		break;
	case EXPLAIN_FEATURE:
		print_feature(x, q->feature, &p);
		break;
	case EXPLAIN_LEAF:
	case EXPLAIN_MSR:
		print_asked(x, q, &p);
		break;
	}
}
