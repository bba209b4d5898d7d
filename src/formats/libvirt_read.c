/* SPDX-License-Identifier: MIT */
/*
 * libvirt's <cpu> element (formatdomain, "CPU model and topology"), alone or inside a <domain>,
 * from which the few things about the CPU that stand elsewhere are taken as well.
 */
#include "cpuid/models.h"
#include "formats/convert.h"
#include "formats/input.h"
#include "formats/xml_place.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 64
#define MAX_TEXT 256
#define MAX_VCPUS 65536

enum context {
	IN_NOTHING, /* the document itself */
	IN_SKIPPED,
	IN_DOMAIN,
	IN_VCPU,
	IN_FEATURES,
	IN_KVM,
	IN_HYPERV,
	IN_CLOCK,
	IN_CPU,
	IN_MODEL,
	IN_VENDOR,
	IN_ARCH,
	IN_EMPTY, /* of <cpu>, without content that is read */
};

enum mode { MODE_NONE, MODE_CUSTOM, MODE_PASSTHROUGH, MODE_HOST_MODEL, MODE_MAXIMUM };

struct reader {
	XML_Parser parser;
	const char *name;
	const char *origin;
	struct policy_doc *doc;
	struct losses *losses;
	struct err *e;
	int rc; /* of the first failure */
	enum context stack[MAX_DEPTH];
	unsigned depth;
	char text[MAX_TEXT];
	size_t nr_text;
	enum mode mode;
	bool has_cpu, has_topology, hidden, hypervisor_off;
	uint64_t vcpus; /* 0: not given */
	struct feature_set named;
};

static void fail(struct reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void stop(struct reader *r, int rc)
{
	if (r->rc == 0)
		r->rc = rc;
	(void)XML_StopParser(r->parser, XML_FALSE);
}

static void fail(struct reader *r, const char *fmt, ...)
{
	char what[512];
	va_list ap;
	if (r->rc)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	stop(r, input_fail(r->e, "%s:%lu:%lu: %s", r->name, xml_line(r->parser),
			xml_column(r->parser), what));
}

static void no_memory(struct reader *r)
{
	if (r->rc == 0)
		stop(r, err_set(r->e, -ENOMEM, "out of memory"));
}

/* The value of an attribute, or NULL. */
static const char *attribute(const XML_Char **attributes, const char *name)
{
	for (; *attributes; attributes += 2) {
		if (strcmp(attributes[0], name) == 0)
			return attributes[1];
	}
	return NULL;
}

/* Refuses attributes that are not in known, which ends with NULL. */
static bool only(struct reader *r, const char *element, const XML_Char **attributes,
	const char *const *known)
{
	for (; *attributes; attributes += 2) {
		size_t i = 0;
		while (known[i] && strcmp(known[i], attributes[0]) != 0)
			i++;
		if (!known[i]) {
			fail(r, "<%s>: unknown attribute %s", element, attributes[0]);
			return false;
		}
	}
	return true;
}

static bool number(struct reader *r, const char *what, const char *text, uint64_t min, uint64_t max,
	uint64_t *ret_value)
{
	if (input_number(text, strlen(text), max, ret_value) == 0 && *ret_value >= min)
		return true;
	fail(r, "%s: %s is not a number from %" PRIu64 " to %" PRIu64, what, text, min, max);
	return false;
}

/* The position of value in words, which ends with NULL; -1, and a fault, where it is none. */
static int word(struct reader *r, const char *what, const char *value, const char *const *words)
{
	char list[128] = "";
	size_t used = 0;
	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], value) == 0)
			return i;
		int n = snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", words[i]);
		if (n > 0 && (size_t)n < sizeof(list) - used)
			used += (size_t)n;
	}
	fail(r, "%s: %s is none of %s", what, value, list);
	return -1;
}

static const char *keep(struct reader *r, const char *text)
{
	const char *copy = policy_doc_string(r->doc, text, strlen(text));
	if (!copy)
		no_memory(r);
	return copy;
}

static void set_on_missing(struct reader *r, enum cpu_on_missing value)
{
	struct cpu_policy *p = policy_doc_edit(r->doc);
	p->on_missing_given = true;
	p->on_missing = value;
}

static void start_cpu(struct reader *r, const XML_Char **a)
{
	static const char *const known[] = { "mode", "match", "check", "migratable",
		"deprecated_features", NULL };
	static const char *const modes[] = { "custom", "host-passthrough", "host-model", "maximum",
		NULL };
	static const char *const matches[] = { "exact", "minimum", "strict", NULL };
	static const char *const checks[] = { "none", "partial", "full", NULL };
	const char *mode = attribute(a, "mode"), *match = attribute(a, "match");
	const char *check = attribute(a, "check"), *migratable = attribute(a, "migratable");
	if (r->has_cpu)
		fail(r, "a second <cpu>");
	r->has_cpu = true;
	if (!only(r, "cpu", a, known))
		return;
	int i = mode ? word(r, "<cpu mode>", mode, modes) : -1;
	r->mode = i < 0 ? MODE_NONE : (enum mode)(MODE_CUSTOM + i);
	if (match) {
		i = word(r, "<cpu match>", match, matches);
		if (i == 1)
			losses_add(r->losses, "match='minimum': features of the host beyond the "
					      "model's are not added");
		if (i == 2)
			set_on_missing(r, CPU_MISSING_ERROR);
		if (i == 2)
			losses_add(
				r->losses, "match='strict': a host that has more is not refused");
	}
	if (check) {
		i = word(r, "<cpu check>", check, checks);
		set_on_missing(r, i == 0 ? CPU_MISSING_DROP : CPU_MISSING_ERROR);
	}
	if (migratable && strcmp(migratable, "off") == 0)
		losses_add(r->losses, "migratable='off': nestor has no such setting");
	if (attribute(a, "deprecated_features"))
		losses_add(r->losses, "deprecated_features: not for x86 processors");
}

static void start_model(struct reader *r, const XML_Char **a)
{
	static const char *const known[] = { "fallback", "vendor_id", NULL };
	static const char *const fallbacks[] = { "allow", "forbid", NULL };
	const char *fallback = attribute(a, "fallback"), *id = attribute(a, "vendor_id");
	if (!only(r, "model", a, known))
		return;
	if (fallback && word(r, "<model fallback>", fallback, fallbacks) == 0)
		losses_add(r->losses, "fallback='allow': nestor never takes another model");
	if (!id)
		return;
	if (strlen(id) != 12) {
		fail(r, "<model vendor_id>: %s has not 12 characters", id);
		return;
	}
	policy_doc_edit(r->doc)->vendor = (struct policy_text){ keep(r, id), r->origin };
}

static void start_topology(struct reader *r, const XML_Char **a)
{
	static const char *const known[] = { "sockets", "dies", "clusters", "cores", "threads",
		NULL };
	uint64_t n[5] = { 1, 1, 1, 1, 1 }, all = 1;
	if (!only(r, "topology", a, known))
		return;
	for (size_t i = 0; known[i]; i++) {
		const char *value = attribute(a, known[i]);
		if (!value && i != 1 && i != 2) {
			fail(r, "<topology>: lacks %s", known[i]);
			return;
		}
		if (value && !number(r, "<topology>", value, 1, MAX_VCPUS, &n[i]))
			return;
		all *= n[i];
		if (all > MAX_VCPUS) {
			fail(r, "<topology>: more than %d vCPUs", MAX_VCPUS);
			return;
		}
	}
	if (n[2] > 1)
		losses_add(r->losses,
			"clusters='%u': nestor has no clusters; their cores count as "
			"cores of the die",
			(unsigned)n[2]);
	r->has_topology = true;
	policy_doc_edit(r->doc)->topology = (struct policy_topology){ (unsigned)n[0],
		(unsigned)n[1], (unsigned)(n[2] * n[3]), (unsigned)n[4] };
}

static void start_cache(struct reader *r, const XML_Char **a)
{
	static const char *const known[] = { "level", "mode", NULL };
	static const char *const modes[] = { "passthrough", "emulate", "disable", NULL };
	const char *mode = attribute(a, "mode"), *level = attribute(a, "level");
	uint64_t n = 0;
	if (!only(r, "cache", a, known))
		return;
	if (!mode) {
		fail(r, "<cache>: lacks mode");
		return;
	}
	int i = word(r, "<cache mode>", mode, modes);
	if (i < 0 || (level && !number(r, "<cache level>", level, 1, 3, &n)))
		return;
	if (level)
		losses_add(
			r->losses, "cache level='%s': nestor's setting is for all levels", level);
	struct cpu_policy *p = policy_doc_edit(r->doc);
	p->cache_given = true;
	p->cache = i == 0 ? CPU_CACHE_HOST : i == 1 ? CPU_CACHE_EMULATE : CPU_CACHE_NONE;
}

static void start_maxphysaddr(struct reader *r, const XML_Char **a)
{
	static const char *const known[] = { "mode", "bits", "limit", NULL };
	static const char *const modes[] = { "emulate", "passthrough", NULL };
	const char *mode = attribute(a, "mode"), *bits = attribute(a, "bits");
	uint64_t n = 0;
	if (!only(r, "maxphysaddr", a, known))
		return;
	if (!mode) {
		fail(r, "<maxphysaddr>: lacks mode");
		return;
	}
	int i = word(r, "<maxphysaddr mode>", mode, modes);
	if (attribute(a, "limit"))
		losses_add(r->losses, "maxphysaddr limit='%s': nestor has no such limit",
			attribute(a, "limit"));
	if (i == 0 && !bits)
		fail(r, "<maxphysaddr mode='emulate'>: lacks bits");
	if (i != 0 || !bits || !number(r, "<maxphysaddr bits>", bits, 32, 52, &n))
		return;
	policy_doc_edit(r->doc)->phys_bits = (struct policy_number){ true, n, r->origin };
}

static void add_feature(struct reader *r, const struct feature *f, bool on)
{
	const struct policy_feature asked = { f->name, on, r->origin };
	feature_set_add(&r->named, f->id);
	if (policy_doc_add_feature(r->doc, &asked))
		no_memory(r);
}

static void start_feature(struct reader *r, const XML_Char **a)
{
	static const char *const known[] = { "policy", "name", NULL };
	static const char *const policies[] = { "require", "force", "optional", "disable", "forbid",
		NULL };
	const char *policy = attribute(a, "policy"), *name = attribute(a, "name");
	if (!only(r, "feature", a, known))
		return;
	if (!name) {
		fail(r, "<feature>: lacks name");
		return;
	}
	int i = policy ? word(r, "<feature policy>", policy, policies) : 0;
	const struct feature *f = feature_find(name);
	if (!f) {
		const char *near = feature_nearest(name);
		fail(r, "<feature>: unknown feature %s%s%s%s", name, near ? ", did you mean " : "",
			near ? near : "", near ? "?" : "");
		return;
	}
	if (i < 0)
		return;
	if (feature_set_has(&r->named, f->id)) {
		fail(r, "<feature>: %s was given before", f->name);
		return;
	}
	if (i == 1)
		losses_add(r->losses,
			"policy='force' for %s: taken as require; what the host lacks "
			"cannot be forced",
			f->name);
	if (i == 2)
		losses_add(r->losses,
			"policy='optional' for %s: taken as require; on_missing is "
			"for all features",
			f->name);
	if (i == 4)
		losses_add(r->losses,
			"policy='forbid' for %s: taken as disable; a host that has it "
			"is not refused",
			f->name);
	if (f->id == FEATURE_ID_hypervisor) {
		feature_set_add(&r->named, f->id);
		r->hypervisor_off = i >= 3;
		return;
	}
	add_feature(r, f, i < 3);
}

static void start_numa(struct reader *r, const XML_Char **a)
{
	(void)a;
	losses_add(r->losses, "numa: nestor's machines have one node");
}

/* What `virsh capabilities` says of a host, and is no part of a guest's CPU. */
static void start_host_fact(struct reader *r, const XML_Char **a)
{
	(void)a;
	losses_add(r->losses, "what <cpu> says of a host (microcode, counter, pages, signature)");
}

/* <features><kvm>: what hides KVM, and KVM's own features. */
static void start_kvm_child(struct reader *r, const char *element, const XML_Char **a)
{
	const char *state = attribute(a, "state");
	char name[64];
	if (!state)
		return;
	if (strcmp(element, "hidden") == 0) {
		r->hidden = strcmp(state, "on") == 0;
		return;
	}
	(void)snprintf(name, sizeof(name), "kvm-%s", element);
	const struct feature *f = feature_find(name);
	if (f && !feature_set_has(&r->named, f->id))
		add_feature(r, f, strcmp(state, "on") == 0);
	else if (!f && strcmp(state, "on") == 0)
		losses_add(r->losses, "kvm %s: nestor has no such setting", element);
}

static void start_hyperv_child(struct reader *r, const char *element, const XML_Char **a)
{
	const char *state = attribute(a, "state");
	if (!state || strcmp(state, "off") != 0)
		losses_add(r->losses, "hyperv %s: Hyper-V enlightenments are not carried over",
			element);
}

static void start_timer(struct reader *r, const XML_Char **a)
{
	const char *name = attribute(a, "name"), *frequency = attribute(a, "frequency");
	uint64_t hz = 0;
	if (!name || strcmp(name, "tsc") != 0 || !frequency ||
		!number(r, "<timer frequency>", frequency, 1000, UINT64_C(4294967295000), &hz))
		return;
	if (hz % 1000)
		losses_add(r->losses, "timer frequency='%s': rounded down to kHz", frequency);
	policy_doc_edit(r->doc)->tsc_khz = (struct policy_number){ true, hz / 1000, r->origin };
}

static const struct row {
	enum context in;
	const char *element;
	enum context context;
	void (*start)(struct reader *r, const XML_Char **attributes);
} rows[] = {
	{ IN_NOTHING, "cpu", IN_CPU, start_cpu },
	{ IN_NOTHING, "domain", IN_DOMAIN, NULL },
	{ IN_DOMAIN, "cpu", IN_CPU, start_cpu },
	{ IN_DOMAIN, "vcpu", IN_VCPU, NULL },
	{ IN_DOMAIN, "features", IN_FEATURES, NULL },
	{ IN_DOMAIN, "clock", IN_CLOCK, NULL },
	{ IN_FEATURES, "kvm", IN_KVM, NULL },
	{ IN_FEATURES, "hyperv", IN_HYPERV, NULL },
	{ IN_CLOCK, "timer", IN_SKIPPED, start_timer },
	{ IN_CPU, "model", IN_MODEL, start_model },
	{ IN_CPU, "vendor", IN_VENDOR, NULL },
	{ IN_CPU, "arch", IN_ARCH, NULL },
	{ IN_CPU, "topology", IN_EMPTY, start_topology },
	{ IN_CPU, "cache", IN_EMPTY, start_cache },
	{ IN_CPU, "maxphysaddr", IN_EMPTY, start_maxphysaddr },
	{ IN_CPU, "feature", IN_EMPTY, start_feature },
	{ IN_CPU, "numa", IN_SKIPPED, start_numa },
	{ IN_CPU, "counter", IN_SKIPPED, start_host_fact },
	{ IN_CPU, "microcode", IN_SKIPPED, start_host_fact },
	{ IN_CPU, "pages", IN_SKIPPED, start_host_fact },
	{ IN_CPU, "signature", IN_SKIPPED, start_host_fact },
};

static void XMLCALL on_start(void *ctx, const XML_Char *element, const XML_Char **attributes)
{
	struct reader *r = ctx;
	enum context in = r->depth ? r->stack[r->depth - 1] : IN_NOTHING;
	enum context context = IN_SKIPPED;
	const struct row *row = NULL;
	if (r->rc)
		return;
	if (r->depth == MAX_DEPTH) {
		fail(r, "elements inside one another more than %d deep", MAX_DEPTH);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows) && !row; i++) {
		if (rows[i].in == in && strcmp(rows[i].element, element) == 0)
			row = &rows[i];
	}
	if (row)
		context = row->context;
	else if (in == IN_NOTHING)
		fail(r, "expected <cpu> or <domain>, found <%s>", element);
	else if (in == IN_CPU || in == IN_MODEL || in == IN_EMPTY)
		fail(r, "unknown element <%s>", element);
	else if (in == IN_KVM)
		start_kvm_child(r, element, attributes);
	else if (in == IN_HYPERV)
		start_hyperv_child(r, element, attributes);
	r->stack[r->depth++] = context;
	r->nr_text = 0;
	if (row && row->start && !r->rc)
		row->start(r, attributes);
}

static void end_model(struct reader *r)
{
	struct cpu_policy *p = policy_doc_edit(r->doc);
	if (r->nr_text == 0)
		return;
	if (r->mode != MODE_NONE && r->mode != MODE_CUSTOM) {
		losses_add(r->losses, "model %s: the mode of <cpu> says another one", r->text);
		return;
	}
	const struct cpu_model *m = cpu_model_find(r->text);
	if (!m) {
		const char *near = cpu_model_nearest(r->text);
		fail(r, "unknown model %s%s%s%s", r->text, near ? ", did you mean " : "",
			near ? near : "", near ? "?" : "");
		return;
	}
	p->model = (struct policy_text){ m->name, r->origin };
}

static void end_vendor(struct reader *r)
{
	static const char *const names[] = { "Intel", "AMD", "Hygon", NULL };
	static const char *const vendors[] = { "intel", "amd", "hygon" };
	struct cpu_policy *p = policy_doc_edit(r->doc);
	int i = word(r, "<vendor>", r->text, names);
	if (i < 0)
		return;
	if (p->vendor.text)
		losses_add(r->losses,
			"vendor %s: the guest's is by vendor_id; the host's is not asked", r->text);
	else
		p->vendor = (struct policy_text){ vendors[i], r->origin };
}

static void XMLCALL on_end(void *ctx, const XML_Char *element)
{
	struct reader *r = ctx;
	(void)element;
	if (r->rc || r->depth == 0)
		return;
	enum context context = r->stack[--r->depth];
	while (r->nr_text > 0 && strchr(" \t\r\n", r->text[r->nr_text - 1]))
		r->nr_text--;
	r->text[r->nr_text] = '\0';
	if (context == IN_MODEL)
		end_model(r);
	else if (context == IN_VENDOR)
		end_vendor(r);
	else if (context == IN_VCPU)
		(void)number(r, "<vcpu>", r->text, 1, MAX_VCPUS, &r->vcpus);
	else if (context == IN_ARCH && strcmp(r->text, "x86_64") != 0 &&
		 strcmp(r->text, "i686") != 0)
		fail(r, "<arch>: %s is no x86 processor", r->text);
	r->nr_text = 0;
}

static void XMLCALL on_text(void *ctx, const XML_Char *text, int n)
{
	struct reader *r = ctx;
	enum context in = r->depth ? r->stack[r->depth - 1] : IN_NOTHING;
	if (r->rc || (in != IN_MODEL && in != IN_VENDOR && in != IN_VCPU && in != IN_ARCH))
		return;
	for (int i = 0; i < n; i++) {
		if (r->nr_text == 0 && strchr(" \t\r\n", text[i]))
			continue;
		if (r->nr_text == MAX_TEXT - 1) {
			fail(r, "a text of more than %d bytes", MAX_TEXT - 1);
			return;
		}
		r->text[r->nr_text++] = text[i];
	}
}

/* A document type could declare entities that grow without end, and libvirt's XML has none. */
static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *system_id,
	const XML_Char *public_id, int has_internal_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	fail(ctx, "a document type declaration is not allowed");
}

static int check_topology(struct reader *r)
{
	struct policy_topology *t = &policy_doc_edit(r->doc)->topology;
	uint64_t all = (uint64_t)t->sockets * t->dies * t->cores * t->threads;
	if (r->vcpus == 0)
		return 0;
	if (!r->has_topology)
		t->sockets = (unsigned)r->vcpus; /* as libvirt places them */
	else if (all != r->vcpus)
		return input_fail(r->e,
			"%s: <topology> has %" PRIu64 " vCPUs, but <vcpu> says %" PRIu64, r->name,
			all, r->vcpus);
	return 0;
}

static int finish(struct reader *r)
{
	struct cpu_policy *p = policy_doc_edit(r->doc);
	if (!r->has_cpu)
		return input_fail(r->e, "%s: the domain has no <cpu>", r->name);
	if (r->mode == MODE_CUSTOM && !p->model.text)
		return input_fail(r->e, "%s: <cpu mode='custom'> lacks <model>", r->name);
	if (r->mode == MODE_NONE && !p->model.text) {
		losses_add(r->losses, "no model: QEMU's default is taken, qemu64");
		p->model = (struct policy_text){ "qemu64", r->origin };
	}
	if (r->mode == MODE_HOST_MODEL)
		losses_add(r->losses, "mode='host-model': taken as the host itself; libvirt takes "
				      "the named model that is nearest to it");
	if (r->mode == MODE_PASSTHROUGH || r->mode == MODE_HOST_MODEL)
		p->model = (struct policy_text){ "host", r->origin };
	if (r->mode == MODE_MAXIMUM)
		p->model = (struct policy_text){ "max", r->origin };
	if (r->hidden || r->hypervisor_off) {
		p->hypervisor_given = true;
		p->hypervisor = CPU_HYPERVISOR_NONE;
	}
	if (r->hidden && !r->hypervisor_off)
		losses_add(r->losses, "kvm hidden: hides the hypervisor bit (CPUID 0x1 ECX bit 31) "
				      "as well as KVM's leaves");
	if (r->hypervisor_off && !r->hidden)
		losses_add(
			r->losses, "feature hypervisor off: hides KVM's leaves 0x4000xxxx as well");
	return check_topology(r);
}

static int parse(struct reader *r, const char *text, size_t n)
{
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	if (XML_Parse(r->parser, text, (int)n, 1) == XML_STATUS_ERROR && r->rc == 0) {
		enum XML_Error code = XML_GetErrorCode(r->parser);
		if (code == XML_ERROR_NO_MEMORY)
			return err_set(r->e, -ENOMEM, "out of memory");
		fail(r, "%s", XML_ErrorString(code));
	}
	return r->rc ? r->rc : finish(r);
}

int libvirt_cpu_read(const char *text, size_t n, const char *name, struct policy_doc **ret_doc,
	struct losses *losses, struct err *e)
{
	*ret_doc = NULL;
	if (n > CONVERT_MAX_BYTES)
		return input_fail(e, "%s: longer than 1 MiB", name);
	struct reader *r = calloc(1, sizeof(*r));
	int rc = -ENOMEM;
	if (!r)
		goto out;
	*r = (struct reader){ .name = name, .losses = losses, .e = e };
	/* UTF-8 alone: other encodings are a way round what was checked before. */
	r->parser = XML_ParserCreate("UTF-8");
	r->doc = policy_doc_create();
	r->origin = r->doc ? policy_doc_string(r->doc, name, strlen(name)) : NULL;
	if (!r->parser || !r->origin)
		goto out;
	rc = parse(r, text, n);
	if (rc == 0) {
		*ret_doc = r->doc;
		r->doc = NULL;
	}
out:
	if (rc == -ENOMEM)
		(void)err_set(e, rc, "out of memory");
	if (r) {
		if (r->parser)
			XML_ParserFree(r->parser);
		policy_doc_destroy(r->doc);
	}
	free(r);
	return rc;
}
