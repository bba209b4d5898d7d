/* SPDX-License-Identifier: MIT */
#include "policy/nest_changes.h"

#include "config/edit.h"
#include "config/source.h"
#include "config/text.h"
#include "config/units.h"
#include "cpuid/models.h"
#include "nesting/profile.h"
#include "policy/cpuid_view.h"
#include "policy/policy_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOB "nesting.expose_virtualization_extensions"
#define MAX_REMOVALS 64 /* elements that somebody wrote by hand are fewer */

/* One file on its way through. */
struct work {
	struct nest_changes *out;
	const char *path;
	struct config *config; /* of the text as it was */
	const struct vm_config *vm;
};

static void note(struct work *w, const char *fix, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* There are fewer kinds of notes than room, but files that model files lead to can repeat them. */
static void note(struct work *w, const char *fix, const char *fmt, ...)
{
	if (w->out->nr_notes == NEST_MAX_NOTES)
		return;
	struct nest_note *n = &w->out->notes[w->out->nr_notes++];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(n->text, sizeof(n->text), fmt, ap);
	va_end(ap);
	(void)snprintf(n->fix, sizeof(n->fix), "%s", fix);
}

/* --- changes --- */

/* Where the lines that two texts do not share begin, and how many bytes at the end they share; in
 * whole lines. */
static size_t shared_start(const char *a, size_t na, const char *b, size_t nb)
{
	size_t n = 0;
	while (n < na && n < nb && a[n] == b[n])
		n++;
	while (n > 0 && a[n - 1] != '\n')
		n--;
	return n;
}

static size_t shared_end(const char *a, size_t na, const char *b, size_t nb, size_t start)
{
	size_t n = 0;
	while (n < na - start && n < nb - start && a[na - n - 1] == b[nb - n - 1])
		n++;
	/* What both end with must begin a line in both. */
	while (n > 0 &&
		((na - n > 0 && a[na - n - 1] != '\n') || (nb - n > 0 && b[nb - n - 1] != '\n')))
		n--;
	return n;
}

static int keep_lines(struct nest_change *c, const char *a, size_t na, const char *b, size_t nb)
{
	size_t start = shared_start(a, na, b, nb), end = shared_end(a, na, b, nb, start);
	c->old_lines = strndup(a + start, na - end - start);
	c->new_lines = strndup(b + start, nb - end - start);
	return c->old_lines && c->new_lines ? 0 : -ENOMEM;
}

/* Takes the text after the change, and the change. */
static int take(struct work *w, struct nest_change *c, char *text, size_t n, struct err *e)
{
	struct nest_changes *out = w->out;
	int rc = keep_lines(c, out->text, out->n, text, n);
	if (rc == 0 && out->nr_items == out->capacity) {
		size_t capacity = out->capacity ? 2 * out->capacity : 4;
		struct nest_change *items = reallocarray(out->items, capacity, sizeof(*items));
		rc = items ? 0 : -ENOMEM;
		out->items = items ? items : out->items;
		out->capacity = items ? capacity : out->capacity;
	}
	if (rc) {
		free(c->old_lines);
		free(c->new_lines);
		free(text);
		return err_set(e, rc, "out of memory");
	}
	out->items[out->nr_items++] = *c;
	free(out->text);
	out->text = text;
	out->n = n;
	return 0;
}

static void set_origin(const struct work *w, struct nest_change *c, const char *key)
{
	(void)snprintf(c->origin, sizeof(c->origin), "%s", config_origin(w->config, key));
}

/* Sets a key to what c->to says. */
static int change_value(struct work *w, struct nest_change *c, struct err *e)
{
	char *text = NULL;
	size_t n = 0;
	set_origin(w, c, c->key);
	int rc = toml_edit_set(w->out->text, w->out->n, c->key, c->to, &text, &n, e);
	return rc ? err_wrap(e, rc, "%s", w->path) : take(w, c, text, n, e);
}

static int change_knob(struct work *w, bool on, struct err *e)
{
	struct nest_change c = { .key = KNOB };
	(void)snprintf(c.from, sizeof(c.from), "%s", on ? "false" : "true");
	(void)snprintf(c.to, sizeof(c.to), "%s", on ? "true" : "false");
	(void)snprintf(c.reason, sizeof(c.reason), "%s",
		on ? "without it the guest sees neither VMX nor SVM, and cannot be a hypervisor"
		   : "with it the guest sees VMX or SVM, and can be a hypervisor");
	return change_value(w, &c, e);
}

static uint64_t page_bytes(const struct vm_config *vm)
{
	switch (vm->memory.hugepages) {
	case HUGEPAGES_2M:
		return 2 * MIB;
	case HUGEPAGES_1G:
		return GIB;
	case HUGEPAGES_OFF:
		break;
	}
	return 4 * KIB;
}

/* The profile that says how much memory it takes; "full" leaves open who the hypervisor is. */
static const struct nesting_profile *memory_profile(const struct vm_config *vm)
{
	size_t nr = 0, i = (size_t)vm->nesting.profile;
	const struct nesting_profile *profiles = nesting_profiles(&nr);
	if (i < nr && profiles[i].memory_mib > 0)
		return &profiles[i];
	return nesting_profile_find("minimal");
}

static int change_memory(struct work *w, struct err *e)
{
	const struct nesting_profile *profile = memory_profile(w->vm);
	uint64_t needed = profile ? align_up(profile->memory_mib * MIB, page_bytes(w->vm)) : 0;
	if (w->vm->memory.size_bytes >= needed)
		return 0;
	char size[UNITS_TEXT_BYTES];
	struct nest_change c = { .key = "memory.size" };
	units_format_size(size, w->vm->memory.size_bytes);
	(void)snprintf(c.from, sizeof(c.from), "\"%s\"", size);
	units_format_size(size, needed);
	(void)snprintf(c.to, sizeof(c.to), "\"%s\"", size);
	(void)snprintf(c.reason, sizeof(c.reason),
		"profile \"%s\" (%s): a guest hypervisor and one small guest of its need it",
		profile->name, profile->title);
	return change_value(w, &c, e);
}

/* Whether an element takes the extensions away that the VM is to have. */
static bool takes_extensions(const struct vm_config *vm, const char *feature)
{
	return (strcmp(feature, "-svm") == 0 && vm->nesting.extensions != EXTENSIONS_VMX) ||
	       (strcmp(feature, "-vmx") == 0 && vm->nesting.extensions != EXTENSIONS_SVM);
}

static int remove_feature(
	struct work *w, const char *key, const struct config_texts *texts, size_t i, struct err *e)
{
	char *text = NULL;
	size_t n = 0;
	struct nest_change c = { .key = key };
	(void)snprintf(c.from, sizeof(c.from), "\"%s\"", texts->items[i].text);
	(void)snprintf(c.origin, sizeof(c.origin), "%s", texts->items[i].origin);
	(void)snprintf(c.reason, sizeof(c.reason), "takes away what the VM is to have");
	int rc = toml_edit_remove_item(w->out->text, w->out->n, key, i, &text, &n, e);
	return rc ? err_wrap(e, rc, "%s", w->path) : take(w, &c, text, n, e);
}

static int change_features(
	struct work *w, const char *key, const struct config_texts *texts, struct err *e)
{
	unsigned nr = 0;
	/* From the last one on, so that the numbers of those before it stay. */
	for (size_t i = texts->n; i-- > 0;) {
		if (!takes_extensions(w->vm, texts->items[i].text))
			continue;
		if (nr++ == MAX_REMOVALS)
			return err_set_config(e, -E2BIG,
				"%s: more than %d elements take the extensions away; edit the file "
				"by hand",
				key, MAX_REMOVALS);
		int rc = remove_feature(w, key, texts, i, e);
		if (rc)
			return rc;
	}
	return 0;
}

/* --- what only the user can change --- */

static const char *extensions_of(enum cpuid_vendor vendor)
{
	return vendor == CPUID_VENDOR_INTEL ? "vmx" : vendor == CPUID_VENDOR_AMD ? "svm" : NULL;
}

/* True where the VM's file or a model file adds it by name. */
static bool is_added(const struct work *w, const struct cpu_policy *policy, const char *feature)
{
	const struct config_texts *own = &w->vm->nesting.features;
	for (size_t i = 0; i < own->n; i++) {
		if (own->items[i].text[0] == '+' && strcmp(own->items[i].text + 1, feature) == 0)
			return true;
	}
	for (; policy; policy = policy->base) {
		for (size_t i = 0; i < policy->nr_features; i++) {
			if (policy->features[i].on &&
				strcmp(policy->features[i].name, feature) == 0)
				return true;
		}
	}
	return false;
}

/* Models are of processors as they are sold: few of Intel's have vmx. */
static void note_base(struct work *w, const struct cpu_model *model, const char *origin,
	const struct cpu_policy *policy)
{
	const char *base = extensions_of(model->vendor);
	feature_id id = model->vendor == CPUID_VENDOR_AMD ? FEATURE_ID_svm : FEATURE_ID_vmx;
	char fix[64];
	if (!base || feature_set_has(&model->features, id) || is_added(w, policy, base))
		return;
	(void)snprintf(fix, sizeof(fix), "add \"+%s\" to cpu.features", base);
	note(w, fix, "%s: cpu.model = \"%s\" has no %s of its own, which a hypervisor needs",
		origin, model->name, base);
}

static void note_model(
	struct work *w, const struct policy_text *name, const struct cpu_policy *policy)
{
	const struct cpu_model *model = name->text ? cpu_model_find(name->text) : NULL;
	const char *has = model ? extensions_of(model->vendor) : NULL;
	const char *origin = name->origin ? name->origin : "default";
	static const char *const asked[] = {
		[EXTENSIONS_AUTO] = "", [EXTENSIONS_SVM] = "svm", [EXTENSIONS_VMX] = "vmx"
	};
	const char *wanted = asked[w->vm->nesting.extensions];
	if (!has)
		return;
	note_base(w, model, origin, policy);
	if (*wanted) {
		if (strcmp(has, wanted) != 0)
			note(w, "another cpu.model, or extensions = \"auto\"",
				"%s: cpu.model = \"%s\" is %s's, which cannot have %s, but "
				"nesting.extensions (%s) asks for it",
				origin, model->name,
				model->vendor == CPUID_VENDOR_AMD ? "AMD" : "Intel", wanted,
				config_origin(w->config, "nesting.extensions"));
		return;
	}
	struct hostfile *host = calloc(1, sizeof(*host));
	if (!host)
		return; /* a note less, where memory is out */
	cpuid_processor_load(host);
	const char *here = extensions_of(cpuid_vendor(&host->facts.supported));
	if (here && strcmp(here, has) != 0)
		note(w, "another cpu.model, or none, where it is to run here",
			"%s: cpu.model = \"%s\" has %s, and this host's processor %s: the VM "
			"cannot be a hypervisor here",
			origin, model->name, has, here);
	free(host);
}

/* What model files take away; of the VM's own file it is a change. */
static void note_model_features(struct work *w, const struct cpu_policy *policy)
{
	for (size_t i = 0; i < policy->nr_features; i++) {
		const struct policy_feature *f = &policy->features[i];
		char name[64];
		(void)snprintf(name, sizeof(name), "%c%s", f->on ? '+' : '-', f->name);
		if (takes_extensions(w->vm, name))
			note(w, "remove it there, or use another model file",
				"%s: \"%s\" of a model file takes away what the VM is to have",
				f->origin ? f->origin : "a model file", name);
	}
}

/* Raw rules for the bits of VMX (leaf 1 ECX bit 5) and SVM (leaf 0x80000001 ECX bit 2). */
static void note_leaves(struct work *w, const struct cpu_policy *policy)
{
	for (size_t i = 0; i < policy->nr_leaves; i++) {
		const struct policy_leaf *leaf = &policy->leaves[i];
		bool vmx = leaf->leaf == 1 && (leaf->clear & 1u << 5) != 0 &&
			   w->vm->nesting.extensions != EXTENSIONS_SVM;
		bool svm = leaf->leaf == 0x80000001 && (leaf->clear & 1u << 2) != 0 &&
			   w->vm->nesting.extensions != EXTENSIONS_VMX;
		if (leaf->reg == CPUID_ECX && (vmx || svm))
			note(w, "an x for that bit in the mask",
				"%s: cpu.leaves: the mask clears the bit of %s",
				leaf->origin ? leaf->origin : w->path, vmx ? "vmx" : "svm");
	}
}

/* Of the policy of the text as it was, but with the knob on. */
static void note_policy(struct work *w, const char *text, size_t n)
{
	static const struct config_override knob = { KNOB, "true", "nest enable" };
	const struct config_source source = {
		.name = w->path,
		.text = text,
		.n = n,
		.overrides = &knob,
		.nr_overrides = 1,
	};
	struct policy_file *file = NULL;
	const struct cpu_policy *policy = NULL;
	struct err e = ERR_INIT;
	int rc = policy_file_load(&file, &source, POLICY_FILE_ASK, &e);
	if (rc == 0)
		rc = policy_file_for_host(file, NULL, &policy, &e);
	if (rc) {
		note(w, "see `nestor cpuid explain`", "the CPU policy cannot be looked at: %s",
			e.msg[0] ? e.msg : "out of memory");
	} else {
		struct policy_text model = { 0 };
		for (const struct cpu_policy *p = policy; p; p = p->base) {
			if (!model.text)
				model = p->model;
			if (p != policy)
				note_model_features(w, p);
			note_leaves(w, p);
		}
		note_model(w, &model, policy);
	}
	policy_file_destroy(file);
}

static void note_keys(struct work *w)
{
	const char *depth = config_given(w->config, "nesting.max_depth");
	if (depth && w->vm->nesting.max_depth == 0)
		note(w, "max_depth = 1, or more",
			"%s: nesting.max_depth is 0: no level may nest below this VM", depth);
	if (w->vm->cpu.compatibility_for_older_operating_systems)
		note(w, "compatibility_for_older_operating_systems = false",
			"%s: cpu.compatibility_for_older_operating_systems ends the basic CPUID "
			"leaves at 2: the guest hypervisor has none of the features of higher "
			"leaves, and none of them to give",
			config_origin(w->config, "cpu.compatibility_for_older_operating_systems"));
}

static void note_contradictions(struct work *w)
{
	if (w->vm->nesting.features.n > 0)
		note(w, "remove it, or make it []",
			"%s: nesting.features asks for parts of the extensions: an error while "
			"they are hidden",
			config_origin(w->config, "nesting.features"));
	if (w->vm->nesting.require)
		note(w, "require = false",
			"%s: nesting.require asks for the extensions: an error while they are "
			"hidden",
			config_origin(w->config, "nesting.require"));
}

/* --- the whole --- */

static int load(const char *path, const char *text, size_t n, struct config **ret, struct err *e)
{
	const struct config_source source = { .name = path, .text = text, .n = n };
	*ret = config_create();
	return *ret ? config_load(*ret, &source, e) : err_set(e, -ENOMEM, "out of memory");
}

static int begin(struct work *w, const char *text, size_t n, struct err *e)
{
	*w->out = (struct nest_changes){ 0 };
	int rc = load(w->path, text, n, &w->config, e);
	if (rc)
		return rc;
	w->vm = config_view(w->config);
	w->out->exposed = w->vm->nesting.expose_virtualization_extensions;
	(void)text_printable(w->out->name, sizeof(w->out->name), w->vm->name, strlen(w->vm->name));
	w->out->text = malloc(n + 1);
	if (!w->out->text)
		return err_set(e, -ENOMEM, "out of memory");
	(void)memcpy(w->out->text, text, n);
	w->out->text[n] = '\0';
	w->out->n = n;
	return 0;
}

/* The VM must be right afterwards, as far as that does not depend on a host or on its kernel. */
static int check_result(const struct work *w, struct err *e)
{
	struct config *config = NULL;
	const struct vm_config *vm = NULL;
	int rc = load(w->path, w->out->text, w->out->n, &config, e);
	if (rc == 0)
		rc = config_finish_policy(config, &vm, e);
	config_destroy(config);
	return rc;
}

int nest_changes_enable(
	struct nest_changes *ret, const char *path, const char *text, size_t n, struct err *e)
{
	struct work w = { .out = ret, .path = path };
	int rc = begin(&w, text, n, e);
	if (rc == 0 && !ret->exposed)
		rc = change_knob(&w, true, e);
	if (rc == 0)
		rc = change_memory(&w, e);
	if (rc == 0)
		rc = change_features(&w, "cpu.features", &w.vm->cpu.features, e);
	if (rc == 0)
		rc = change_features(&w, "nesting.features", &w.vm->nesting.features, e);
	if (rc == 0)
		rc = check_result(&w, e);
	if (rc == 0) {
		note_keys(&w);
		note_policy(&w, text, n);
	}
	config_destroy(w.config);
	return rc;
}

int nest_changes_disable(
	struct nest_changes *ret, const char *path, const char *text, size_t n, struct err *e)
{
	struct work w = { .out = ret, .path = path };
	int rc = begin(&w, text, n, e);
	if (rc == 0 && ret->exposed)
		rc = change_knob(&w, false, e);
	if (rc == 0)
		note_contradictions(&w);
	config_destroy(w.config);
	return rc;
}

void nest_changes_done(struct nest_changes *c)
{
	for (size_t i = 0; i < c->nr_items; i++) {
		free(c->items[i].old_lines);
		free(c->items[i].new_lines);
	}
	free(c->items);
	free(c->text);
	*c = (struct nest_changes){ 0 };
}
