/* SPDX-License-Identifier: MIT */
/* `nestor cpuid explain --json`. */
#include "render/explain.h"

#include "render/json_out.h"
static json_t *decision_json(const struct cpu_decision *d, unsigned bit)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:i}", "rule", d->rule, "title",
		json_text(bits_rule_title(d->rule)), "detail", json_text(d->detail), "origin",
		json_text(d->origin), "value", (int)(d->value >> bit & 1));
}

/* All decisions about a bit, oldest first. */
static json_t *chain_json(const struct explanation *x, const struct bits_place *place, unsigned bit)
{
	json_t *chain = json_array();
	const struct cpu_decision *d = explanation_earlier(x, place, bit, NULL);
	for (; chain && d; d = explanation_earlier(x, place, bit, d))
		(void)json_array_insert_new(chain, 0, decision_json(d, bit));
	return chain;
}

static json_t *by_json(const struct explained *it)
{
	json_t *by = json_array();
	for (unsigned i = 0; by && i < it->nr_by; i++)
		(void)json_array_append_new(
			by, json_pack("{s:s, s:o, s:o, s:o}", "rule", it->by[i]->rule, "title",
				    json_text(bits_rule_title(it->by[i]->rule)), "detail",
				    json_text(it->by[i]->detail), "origin",
				    json_text(it->by[i]->origin)));
	return by;
}

static json_t *feature_json(const struct explanation *x, const struct feature *f, bool chain)
{
	struct explained it;
	unsigned bit;
	char where[FEATURE_PLACE_BYTES];
	const struct bits_place place = explanation_place(x, f, &bit);
	explanation_feature(x, f, &it);
	json_t *o = json_pack("{s:s, s:s, s:b, s:b, s:b, s:o}", "feature", f->name, "place",
		feature_place(where, f->id), "host", it.host != 0, "policy", it.policy != 0,
		"guest", it.guest != 0, "decided_by", by_json(&it));
	if (o && chain)
		(void)json_object_set_new(o, "decisions", chain_json(x, &place, bit));
	return o;
}

static json_t *item_json(const struct explained *it)
{
	char name[BITS_NAME_BYTES];
	bool is_feature = it->item.kind == BITS_FEATURE;
	json_t *o = json_pack("{s:s, s:i, s:i, s:b, s:o, s:o}", "name", bits_name(&it->item, name),
		"high", (int)it->item.high, "low", (int)it->item.low, "feature", is_feature, "host",
		json_hex(it->host), "guest", json_hex(it->guest));
	if (!o)
		return NULL;
	(void)json_object_set_new(
		o, "policy", it->policy_speaks ? json_hex(it->policy) : json_null());
	(void)json_object_set_new(o, "decided_by", by_json(it));
	return o;
}

static json_t *register_json(const struct explanation *x, const struct bits_place *place)
{
	uint64_t host, guest;
	bool host_has = explanation_host_value(x, place, &host);
	bool guest_has = explanation_guest_value(x, place, &guest);
	json_t *items = json_array();
	struct explained it;
	for (unsigned bit = 0; items && bit < bits_width(place); bit = it.item.high + 1) {
		explanation_item(x, place, bit, &it);
		if (it.item.kind != BITS_PLAIN || it.host || it.guest)
			(void)json_array_append_new(items, item_json(&it));
	}
	json_t *o = json_pack("{s:o, s:o, s:o}", "host", host_has ? json_hex(host) : json_null(),
		"guest", guest_has ? json_hex(guest) : json_null(), "bits", items);
	if (!o)
		return NULL;
	if (place->is_msr) {
		char text[EXPLAINED_ACCESS_BYTES];
		(void)json_object_set_new(o, "msr", json_hex(place->leaf));
		(void)json_object_set_new(o, "name", json_text(msr_name(place->leaf)));
		(void)json_object_set_new(
			o, "read", json_text(explanation_access(text, x, place->leaf, false)));
		(void)json_object_set_new(
			o, "write", json_text(explanation_access(text, x, place->leaf, true)));
		return o;
	}
	(void)json_object_set_new(o, "leaf", json_hex(place->leaf));
	(void)json_object_set_new(o, "subleaf", json_hex(place->subleaf));
	(void)json_object_set_new(o, "register", json_string(cpuid_reg_name(place->reg)));
	return o;
}

static json_t *notes_json(const struct cpu_result *r)
{
	json_t *notes = json_array();
	for (unsigned i = 0; notes && i < r->nr_notes; i++) {
		char text[CPU_NOTE_BYTES];
		(void)json_array_append_new(
			notes, json_pack("{s:o, s:o}", "text",
				       json_text(cpu_note_text(text, &r->notes[i])), "origin",
				       json_text(r->notes[i].origin)));
	}
	return notes;
}

static json_t *heading_json(const struct explanation *x)
{
	const struct cpuid_vm *vm = x->vm;
	struct explanation_counts n = explanation_count(x);
	struct err why;
	json_t *counts = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "host", (int)n.host, "policy",
		(int)n.policy, "guest", (int)n.guest, "withheld", (int)n.withheld, "missing",
		(int)n.missing, "added", (int)n.added);
	return json_pack("{s:o, s:o, s:i, s:i, s:o, s:b, s:o, s:o, s:o, s:o}", "file",
		json_text(x->file), "host", json_text(cpuid_view_name(vm->host)), "vcpu",
		(int)vm->vcpu, "vcpus", (int)vm->plan.nr_vcpus, "model",
		json_text(vm->plan.cpu.model ? vm->plan.cpu.model->name : NULL), "runs",
		!vm->cannot_run, "why_not",
		json_text(
			vm->cannot_run ? cpuid_why(&why, &vm->why, vm->plan.cpu.nr_missing) : NULL),
		"nearest_model", json_text(vm->plan.cpu.nearest), "features_count", counts, "notes",
		notes_json(&vm->plan.cpu));
}

static void add_overview(
	const struct explanation *x, const struct explain_question *q, json_t *root)
{
	json_t *features = json_array();
	for (size_t i = 0; features && i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at(i);
		struct explained it;
		explanation_feature(x, f, &it);
		if (q->all || (explained_differs(&it) && !explanation_is_moot(x, f)))
			(void)json_array_append_new(features, feature_json(x, f, false));
	}
	(void)json_object_set_new(root, "features", features);
}

json_t *explain_json(const struct explanation *x, const struct explain_question *q)
{
	json_t *root = heading_json(x);
	if (!root)
		return NULL;
	if (q->kind == EXPLAIN_OVERVIEW)
		add_overview(x, q, root);
	else if (q->kind == EXPLAIN_FEATURE)
		(void)json_object_set_new(root, "feature", feature_json(x, q->feature, true));
	bool registers_wanted = q->kind == EXPLAIN_LEAF || q->kind == EXPLAIN_MSR ||
				(q->kind == EXPLAIN_OVERVIEW && q->all);
	json_t *registers = registers_wanted ? json_array() : NULL;
	for (size_t i = 0; registers && i < x->nr_places; i++) {
		if (q->kind == EXPLAIN_OVERVIEW || explain_asks(q, &x->places[i]))
			(void)json_array_append_new(registers, register_json(x, &x->places[i]));
	}
	const struct bits_place msr = { .is_msr = true, .leaf = q->leaf };
	if (registers && q->kind == EXPLAIN_MSR && json_array_size(registers) == 0)
		(void)json_array_append_new(registers, register_json(x, &msr));
	if (registers)
		(void)json_object_set_new(root, "registers", registers);
	return root;
}
