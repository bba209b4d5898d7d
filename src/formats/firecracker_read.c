/* SPDX-License-Identifier: MIT */
/*
 * Firecracker's CPU template for x86-64 (docs/cpu_templates): bits of CPUID registers and MSRs that
 * become 0 or 1, on top of what the host has. Bits that have a name come back as features.
 */
#include "cpuid/fields.h"
#include "cpuid/models.h"
#include "formats/convert.h"
#include "formats/input.h"
#include "formats/words.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define MAX_MODIFIERS 4096 /* of either list */

#define FLAGS_ALL 7 /* KVM_CPUID_FLAG_* (KVM API, KVM_SET_CPUID2) */

/* Fields of leaf 1 EAX (SDM vol. 2, CPUID, Version Information), and of leaf 0x80000008 EAX. */
#define STEPPING_BITS UINT32_C(0x0000000f)
#define MODEL_BITS UINT32_C(0x000f00f0)
#define FAMILY_BITS UINT32_C(0x0ff00f00)
#define TYPE_AND_RESERVED_BITS UINT32_C(0xf000f000) /* 0 where the others are given */
#define WIDTH_BITS UINT32_C(0x000000ff)

struct reader {
	const char *name;
	const char *origin;
	struct policy_doc *doc;
	struct losses *losses;
	struct err *e;
	struct feature_set on, off;
	feature_id order[FEATURE_COUNT]; /* of both, as they came */
	size_t nr_order;
	char at[96]; /* the element in hand: "cpuid_modifiers[3].modifiers[0]" */
};

struct bits {
	uint64_t set, clear;
};

static int no_memory(struct reader *r)
{
	return err_set(r->e, -ENOMEM, "out of memory");
}

static int fail(struct reader *r, const char *member, const char *what)
{
	return input_fail(r->e, "%s: %s%s%s%s%s", r->name, r->at, r->at[0] && member[0] ? "." : "",
		member, r->at[0] || member[0] ? ": " : "", what);
}

/* Refuses members that are not in known, which ends with NULL. */
static int only(struct reader *r, json_t *object, const char *const *known)
{
	const char *key;
	json_t *v;
	if (!json_is_object(object))
		return fail(r, "", "expected an object");
	json_object_foreach(object, key, v)
	{
		size_t i = 0;
		while (known[i] && strcmp(known[i], key) != 0)
			i++;
		if (!known[i])
			return fail(r, key, "unknown member");
	}
	return 0;
}

/* A number as Firecracker has it in its strings. */
static int take_number(struct reader *r, json_t *object, const char *member, uint64_t *ret_value)
{
	json_t *v = json_object_get(object, member);
	const char *text = json_string_value(v);
	if (!v)
		return fail(r, member, "is missing");
	if (!text || input_number(text, json_string_length(v), UINT32_MAX, ret_value))
		return fail(r, member, "expected a string such as \"0x1f\", of 32 bits");
	return 0;
}

static int take_bitmap(struct reader *r, json_t *object, unsigned width, struct bits *ret_bits)
{
	json_t *v = json_object_get(object, "bitmap");
	const char *text = json_string_value(v);
	if (!v)
		return fail(r, "bitmap", "is missing");
	switch (text ? input_bitmap(text, width, &ret_bits->set, &ret_bits->clear) : -EINVAL) {
	case 0:
		return 0;
	case -ERANGE:
		return fail(r, "bitmap", width == 32 ? "more than 32 bits" : "more than 64 bits");
	case -ENODATA:
		return fail(r, "bitmap", "has no bits");
	default:
		return fail(r, "bitmap", "expected a string of 0, 1 and x after \"0b\"");
	}
}

static int add_feature(struct reader *r, const struct feature *f, bool on)
{
	if (feature_set_has(on ? &r->off : &r->on, f->id))
		return fail(r, f->name, "is set here and cleared elsewhere");
	if (feature_set_has(on ? &r->on : &r->off, f->id))
		return 0;
	feature_set_add(on ? &r->on : &r->off, f->id);
	r->order[r->nr_order++] = f->id;
	return 0;
}

/* What the template leaves alone is the host's, but for what nestor hides unless told otherwise. */
static void take_knob(struct reader *r)
{
	struct cpu_policy *p = policy_doc_edit(r->doc);
	struct policy_nesting *n = &p->nesting;
	bool vmx = feature_set_has(&r->on, FEATURE_ID_vmx);
	bool svm = feature_set_has(&r->on, FEATURE_ID_svm);
	bool said = vmx || svm || feature_set_has(&r->off, FEATURE_ID_vmx) ||
		    feature_set_has(&r->off, FEATURE_ID_svm);
	n->knob = vmx || svm ? POLICY_KNOB_EXPOSED : said ? POLICY_KNOB_HIDDEN : POLICY_KNOB_UNSAID;
	n->extensions = vmx == svm ? NULL : vmx ? "vmx" : "svm";
	p->knob_origin = said ? r->origin : NULL;
	if (!said)
		losses_add(r->losses,
			"VMX or SVM, which the guest would see where the host's KVM offers it, is "
			"hidden; nesting.expose_virtualization_extensions = true shows it");
}

static int add_features(struct reader *r)
{
	bool exposed = policy_doc_policy(r->doc)->nesting.knob == POLICY_KNOB_EXPOSED;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < r->nr_order; i++) {
		feature_id id = r->order[i];
		const struct policy_feature f = { feature_by_id(id)->name,
			feature_set_has(&r->on, id), r->origin };
		bool with_knob = id == FEATURE_ID_smx || id == FEATURE_ID_skinit;
		if (id == FEATURE_ID_vmx || id == FEATURE_ID_svm)
			continue;
		if (with_knob && f.on && !exposed)
			losses_add(
				r->losses, "%s: hidden with the virtualization extensions", f.name);
		else if (!feature_extensions(id))
			rc = policy_doc_add_feature(r->doc, &f);
		else if (exposed)
			rc = policy_doc_add_nesting_feature(r->doc, &f);
	}
	return rc ? no_memory(r) : 0;
}

/* Moves the bits of a word that have a name from *bits, which is shifted to it, to features. */
static int take_features(struct reader *r, unsigned word, struct bits *bits)
{
	bool inverted = feature_word(word)->inverted;
	for (unsigned i = 0; i < 32; i++) {
		const struct feature *f = feature_by_id((feature_id)(word * 32 + i));
		uint64_t bit = UINT64_C(1) << i;
		if (!f || !((bits->set | bits->clear) & bit))
			continue;
		int rc = add_feature(r, f, ((bits->set & bit) != 0) != inverted);
		if (rc)
			return rc;
		bits->set &= ~bit;
		bits->clear &= ~bit;
	}
	return 0;
}

/* What a field of bits decides, where it decides all of them; they then go from *bits. */
static bool take_field(struct bits *bits, uint32_t mask, uint32_t *ret_value)
{
	if (((bits->set | bits->clear) & mask) != mask)
		return false;
	*ret_value = (uint32_t)bits->set & mask;
	bits->set &= ~(uint64_t)mask;
	bits->clear &= ~(uint64_t)mask;
	return true;
}

static void number(struct reader *r, struct policy_number *to, uint64_t value)
{
	*to = (struct policy_number){ true, value, r->origin };
}

/* Leaf 1 EAX: what is said in full, and as processors say it, is a number. */
static void take_signature(struct reader *r, struct bits *bits)
{
	struct cpu_policy *p = policy_doc_edit(r->doc);
	struct bits rest = *bits;
	uint32_t stepping = 0, model = 0, family = 0;
	unsigned f = 0, m = 0, s = 0;
	bool has_stepping = take_field(&rest, STEPPING_BITS, &stepping);
	bool has_model = take_field(&rest, MODEL_BITS, &model);
	bool has_family = take_field(&rest, FAMILY_BITS, &family);
	/* The upper half of a model number means something with family 6 and 15 alone. */
	if (has_model && !has_family)
		return;
	cpu_signature_unpack(stepping | model | family, &f, &m, &s);
	if (cpu_signature_pack(f, m, s) != (stepping | model | family))
		return;
	*bits = rest;
	if (has_family || has_stepping)
		bits->clear &= ~(uint64_t)TYPE_AND_RESERVED_BITS;
	if (has_family)
		number(r, &p->family, f);
	if (has_model)
		number(r, &p->model_number, m);
	if (has_stepping)
		number(r, &p->stepping, s);
}

static void take_width(struct reader *r, struct bits *bits)
{
	struct bits rest = *bits;
	uint32_t width = 0;
	if (!take_field(&rest, WIDTH_BITS, &width) || width < 32 || width > 52)
		return;
	*bits = rest;
	number(r, &policy_doc_edit(r->doc)->phys_bits, width);
}

static int read_register(struct reader *r, json_t *v, const struct policy_leaf *where)
{
	static const char *const known[] = { "register", "bitmap", NULL };
	static const char *const names[] = { "eax", "ebx", "ecx", "edx" };
	struct policy_leaf leaf = *where;
	struct bits bits;
	int rc = only(r, v, known);
	if (rc)
		return rc;
	const char *name = json_string_value(json_object_get(v, "register"));
	unsigned reg = 0;
	while (name && reg < ARRAY_SIZE(names) && strcmp(names[reg], name) != 0)
		reg++;
	if (!name || reg == ARRAY_SIZE(names))
		return fail(r, "register", "expected \"eax\", \"ebx\", \"ecx\" or \"edx\"");
	rc = take_bitmap(r, v, 32, &bits);
	if (rc)
		return rc;
	leaf.reg = (enum cpuid_reg)reg;
	int word = feature_word_of_cpuid(leaf.leaf, leaf.subleaf, leaf.reg);
	if (word >= 0)
		rc = take_features(r, (unsigned)word, &bits);
	if (leaf.leaf == 1 && leaf.reg == CPUID_EAX)
		take_signature(r, &bits);
	if (leaf.leaf == 0x80000008 && leaf.reg == CPUID_EAX)
		take_width(r, &bits);
	leaf.set = (uint32_t)bits.set;
	leaf.clear = (uint32_t)bits.clear;
	if (rc == 0 && (leaf.set || leaf.clear) && policy_doc_add_leaf(r->doc, &leaf))
		return no_memory(r);
	return rc;
}

static int read_cpuid(struct reader *r, json_t *v, size_t i)
{
	static const char *const known[] = { "leaf", "subleaf", "flags", "modifiers", NULL };
	uint64_t leaf = 0, subleaf = 0;
	int rc = only(r, v, known);
	if (rc == 0)
		rc = take_number(r, v, "leaf", &leaf);
	if (rc == 0)
		rc = take_number(r, v, "subleaf", &subleaf);
	if (rc)
		return rc;
	json_t *flags = json_object_get(v, "flags"), *list = json_object_get(v, "modifiers");
	if (!json_is_integer(flags) || json_integer_value(flags) < 0 ||
		json_integer_value(flags) > FLAGS_ALL)
		return fail(r, "flags", "expected a number from 0 to 7");
	if (!json_is_array(list) || json_array_size(list) > MAX_MODIFIERS)
		return fail(r, "modifiers", "expected an array of at most 4096 objects");
	const struct policy_leaf where = {
		.leaf = (uint32_t)leaf,
		.subleaf = (uint32_t)subleaf,
		/* The flags tell KVM whether ECX matters, and the template means this entry alone.
		 */
		.any_subleaf = subleaf == 0 && !cpuid_leaf_has_subleaves((uint32_t)leaf),
		.origin = r->origin,
	};
	for (size_t k = 0; rc == 0 && k < json_array_size(list); k++) {
		(void)snprintf(r->at, sizeof(r->at), "cpuid_modifiers[%zu].modifiers[%zu]", i, k);
		rc = read_register(r, json_array_get(list, k), &where);
	}
	return rc;
}

static int read_msr(struct reader *r, json_t *v, size_t i)
{
	static const char *const known[] = { "addr", "bitmap", NULL };
	uint64_t index = 0;
	struct bits all;
	(void)i;
	int rc = only(r, v, known);
	if (rc == 0)
		rc = take_number(r, v, "addr", &index);
	if (rc == 0)
		rc = take_bitmap(r, v, 64, &all);
	for (unsigned w = 0; rc == 0 && w < FEATURE_NR_WORDS; w++) {
		const struct feature_word *word = feature_word(w);
		if (word->kind != FEATURE_WORD_MSR || word->msr != index)
			continue;
		struct bits half = { all.set >> word->shift, all.clear >> word->shift };
		const struct bits before = half;
		rc = take_features(r, w, &half);
		all.set &= ~((before.set & ~half.set) << word->shift);
		all.clear &= ~((before.clear & ~half.clear) << word->shift);
	}
	const struct policy_msr_bits rest = { (uint32_t)index, all.set, all.clear, r->origin };
	if (rc == 0 && (rest.set || rest.clear) && policy_doc_add_msr_bits(r->doc, &rest))
		return no_memory(r);
	return rc;
}

static int read_capability(struct reader *r, json_t *v, size_t i)
{
	(void)i;
	if (!json_is_string(v))
		return fail(r, "", "expected a string such as \"!56\"");
	losses_add(r->losses, "kvm_capabilities: %s: %s", json_string_value(v),
		word_find(WORDS_FIRECRACKER, "kvm_capabilities")->note);
	return 0;
}

static const struct list {
	const char *name;
	int (*read)(struct reader *r, json_t *element, size_t i);
} lists[] = {
	{ "kvm_capabilities", read_capability },
	{ "cpuid_modifiers", read_cpuid },
	{ "msr_modifiers", read_msr },
};

static int read_list(struct reader *r, const struct list *list, json_t *v)
{
	int rc = 0;
	r->at[0] = '\0';
	if (!json_is_array(v) || json_array_size(v) > MAX_MODIFIERS)
		return fail(r, list->name, "expected an array of at most 4096 elements");
	for (size_t i = 0; rc == 0 && i < json_array_size(v); i++) {
		(void)snprintf(r->at, sizeof(r->at), "%s[%zu]", list->name, i);
		rc = list->read(r, json_array_get(v, i), i);
	}
	return rc;
}

static int read_template(struct reader *r, json_t *root)
{
	static const char *const known[] = { "kvm_capabilities", "cpuid_modifiers", "msr_modifiers",
		NULL };
	const char *member;
	json_t *ignored;
	json_object_foreach(root, member, ignored)
	{
		const struct word *w = word_find(WORDS_FIRECRACKER, member);
		if (w && w->fate == WORD_REFUSED)
			return input_fail(r->e, "%s: %s: %s", r->name, member, w->note);
	}
	int rc = only(r, root, known);
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(lists); i++) {
		json_t *v = json_object_get(root, lists[i].name);
		if (v)
			rc = read_list(r, &lists[i], v);
	}
	if (rc)
		return rc;
	struct cpu_policy *p = policy_doc_edit(r->doc);
	p->model = (struct policy_text){ "host", r->origin };
	/* Firecracker sets a bit without asking the host: where that lacks it, this VM starts
	 * without. */
	p->on_missing_given = true;
	p->on_missing = CPU_MISSING_WARN;
	take_knob(r);
	return add_features(r);
}

int firecracker_cpu_read(const char *text, size_t n, const char *name, struct policy_doc **ret_doc,
	struct losses *losses, struct err *e)
{
	struct reader r = { .name = name, .losses = losses, .e = e };
	json_error_t error = { .text = "" };
	*ret_doc = NULL;
	if (n > CONVERT_MAX_BYTES)
		return input_fail(e, "%s: longer than 1 MiB", name);
	json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
	if (!root && error.text[0] == '\0') /* as the library leaves it where memory is out */
		return no_memory(&r);
	if (!root)
		return input_fail(e, "%s:%d:%d: %s", name, error.line,
			error.column > 0 ? error.column : 1,
			json_error_code(&error) == json_error_null_character
				? "a NUL character in a string"
				: error.text);
	r.doc = policy_doc_create();
	r.origin = r.doc ? policy_doc_string(r.doc, name, strlen(name)) : NULL;
	int rc = r.origin ? read_template(&r, root) : no_memory(&r);
	if (rc == 0) {
		*ret_doc = r.doc;
		r.doc = NULL;
	}
	json_decref(root);
	policy_doc_destroy(r.doc);
	return rc;
}
