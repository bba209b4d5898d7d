/* SPDX-License-Identifier: MIT */
/* What the elements of a libvirt domain mean for the CPU. */
#include "base/text_buf.h"
#include "formats/input.h"
#include "formats/libvirt_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define USUAL_LEVEL "3" /* of a cache that QEMU makes up */

static bool number(struct libvirt_reader *r, const char *what, const char *text, uint64_t min,
	uint64_t max, uint64_t *ret_value)
{
	if (input_number(text, strlen(text), max, ret_value) == 0 && *ret_value >= min)
		return true;
	libvirt_fail(
		r, "%s: %s is not a number from %" PRIu64 " to %" PRIu64, what, text, min, max);
	return false;
}

/* The position of value in words, which ends with NULL; -1, and a fault, where it is none. */
static int word(
	struct libvirt_reader *r, const char *what, const char *value, const char *const *words)
{
	char list[128];
	struct text_buf all = TEXT_BUF(list);
	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], value) == 0)
			return i;
		(void)text_buf_item(&all, ", ", "%s", words[i]);
	}
	libvirt_fail(r, "%s: %s is none of %s", what, value, list);
	return -1;
}

static const char *keep(struct libvirt_reader *r, const char *text)
{
	const char *copy = policy_doc_string(r->doc, text, strlen(text));
	if (!copy)
		libvirt_no_memory(r);
	return copy;
}

/* state='on' and state='off'; -1: neither, which is a fault where it is there at all. */
static int state(struct libvirt_reader *r, const XML_Char **a)
{
	static const char *const words[] = { "off", "on", NULL };
	const char *text = libvirt_attribute(a, "state");
	return text ? word(r, r->path, text, words) : -1;
}

static void set_on_missing(struct libvirt_reader *r, enum cpu_on_missing value)
{
	struct cpu_policy *p = policy_doc_edit(r->doc);
	p->on_missing_given = true;
	p->on_missing = value;
}

/*
 * check: "none" is QEMU's own way, which warns; "partial", and nothing said, is a look that libvirt
 * takes before it starts QEMU; "full" looks at what QEMU made of it.
 */
static void take_check(struct libvirt_reader *r, const char *check)
{
	static const char *const checks[] = { "none", "partial", "full", NULL };
	int i = check ? word(r, "<cpu check>", check, checks) : 1;
	policy_doc_set_checked_before(r->doc, i == 1);
	if (check)
		set_on_missing(r, i == 0 ? CPU_MISSING_WARN : CPU_MISSING_ERROR);
}

static void start_cpu(struct libvirt_reader *r, const XML_Char **a)
{
	static const char *const modes[] = { "custom", "host-passthrough", "host-model", "maximum",
		NULL };
	static const char *const matches[] = { "exact", "minimum", "strict", NULL };
	static const char *const switches[] = { "on", "off", NULL };
	const char *mode = libvirt_attribute(a, "mode"), *match = libvirt_attribute(a, "match");
	const char *migratable = libvirt_attribute(a, "migratable");
	if (r->has_cpu)
		libvirt_fail(r, "a second <cpu>");
	r->has_cpu = true;
	int i = mode ? word(r, "<cpu mode>", mode, modes) : -1;
	r->mode = i < 0 ? LIBVIRT_MODE_NONE : (enum libvirt_mode)(LIBVIRT_MODE_CUSTOM + i);
	take_check(r, libvirt_attribute(a, "check"));
	i = match ? word(r, "<cpu match>", match, matches) : 0;
	if (i == 1)
		losses_add(r->losses, "cpu match='minimum': features of the host beyond the "
				      "model's are not added");
	if (i == 2) {
		set_on_missing(r, CPU_MISSING_ERROR);
		losses_add(r->losses, "cpu match='strict': a host that has more is not refused");
	}
	i = migratable ? word(r, "<cpu migratable>", migratable, switches) : -1;
	r->guest.migratable = i == 0 ? QEMU_ON : i == 1 ? QEMU_OFF : QEMU_UNSAID;
}

static void start_model(struct libvirt_reader *r, const XML_Char **a)
{
	static const char *const fallbacks[] = { "allow", "forbid", NULL };
	const char *fallback = libvirt_attribute(a, "fallback");
	const char *id = libvirt_attribute(a, "vendor_id");
	if (fallback && word(r, "<model fallback>", fallback, fallbacks) < 0)
		return;
	if (id && strlen(id) != 12)
		libvirt_fail(r, "<model vendor_id>: %s has not 12 characters", id);
	else if (id)
		policy_doc_edit(r->doc)->vendor =
			(struct policy_text){ keep(r, id), r->guest.origin };
}

static void start_topology(struct libvirt_reader *r, const XML_Char **a)
{
	static const char *const names[] = { "sockets", "dies", "clusters", "cores", "threads" };
	uint64_t n[5] = { 1, 1, 1, 1, 1 }, all = 1;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = libvirt_attribute(a, names[i]);
		if (!value && i != 1 && i != 2) {
			libvirt_fail(r, "<topology>: lacks %s", names[i]);
			return;
		}
		if (value && !number(r, "<topology>", value, 1, LIBVIRT_MAX_VCPUS, &n[i]))
			return;
		all *= n[i];
		if (all > LIBVIRT_MAX_VCPUS) {
			libvirt_fail(r, "<topology>: more than %d vCPUs", LIBVIRT_MAX_VCPUS);
			return;
		}
	}
	if (n[2] > 1)
		losses_add(r->losses,
			"cpu/topology clusters='%u': nestor has no clusters; their cores count as "
			"cores of the die",
			(unsigned)n[2]);
	r->has_topology = true;
	policy_doc_edit(r->doc)->topology = (struct policy_topology){ (unsigned)n[0],
		(unsigned)n[1], (unsigned)(n[2] * n[3]), (unsigned)n[4] };
}

static void start_cache(struct libvirt_reader *r, const XML_Char **a)
{
	static const char *const modes[] = { "passthrough", "emulate", "disable", NULL };
	const char *mode = libvirt_attribute(a, "mode"), *level = libvirt_attribute(a, "level");
	uint64_t n = 0;
	if (!mode) {
		libvirt_fail(r, "<cache>: lacks mode");
		return;
	}
	int i = word(r, "<cache mode>", mode, modes);
	if (i < 0 || (level && !number(r, "<cache level>", level, 1, 3, &n)))
		return;
	if (level && (i != 1 || strcmp(level, USUAL_LEVEL) != 0))
		losses_add(r->losses, "cpu/cache level='%s': nestor's setting is for all levels",
			level);
	struct cpu_policy *p = policy_doc_edit(r->doc);
	p->cache_given = true;
	p->cache = i == 0 ? CPU_CACHE_HOST : i == 1 ? CPU_CACHE_EMULATE : CPU_CACHE_NONE;
}

/* mode='emulate' without bits is QEMU's own width. */
static void start_maxphysaddr(struct libvirt_reader *r, const XML_Char **a)
{
	static const char *const modes[] = { "emulate", "passthrough", NULL };
	const char *mode = libvirt_attribute(a, "mode"), *bits = libvirt_attribute(a, "bits");
	uint64_t n = 0;
	if (!mode) {
		libvirt_fail(r, "<maxphysaddr>: lacks mode");
		return;
	}
	int i = word(r, "<maxphysaddr mode>", mode, modes);
	r->guest.host_phys_bits = i == 1 ? QEMU_ON : QEMU_OFF;
	if (i == 0 && bits && number(r, "<maxphysaddr bits>", bits, 32, 52, &n))
		policy_doc_edit(r->doc)->phys_bits =
			(struct policy_number){ true, n, r->guest.origin };
}

static void start_feature(struct libvirt_reader *r, const XML_Char **a)
{
	static const char *const policies[] = { "require", "force", "optional", "disable", "forbid",
		NULL };
	static const char *const besides[] = { NULL, "what the host lacks cannot be forced",
		"on_missing is for all features", NULL, "a host that has it is not refused" };
	const char *policy = libvirt_attribute(a, "policy"), *name = libvirt_attribute(a, "name");
	if (!name) {
		libvirt_fail(r, "<feature>: lacks name");
		return;
	}
	int i = policy ? word(r, "<feature policy>", policy, policies) : 0;
	const struct feature *f = feature_find(name);
	if (!f) {
		const char *near = feature_nearest(name);
		libvirt_fail(r, "<feature>: unknown feature %s%s%s%s", name,
			near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
		return;
	}
	if (i < 0)
		return;
	if (qemu_guest_named(&r->guest, f->id)) {
		libvirt_fail(r, "<feature>: %s was given before", f->name);
		return;
	}
	if (besides[i])
		losses_add(r->losses, "cpu/feature policy='%s' for %s: taken as %s; %s",
			policies[i], f->name, i < 3 ? "require" : "disable", besides[i]);
	qemu_guest_name(&r->guest, f->id, i < 3);
}

/* A switch that stands for a feature, where <cpu> itself has no word on that. */
static void switch_feature(struct libvirt_reader *r, const char *name, int on)
{
	const struct feature *f = feature_find(name);
	if (f && on >= 0 && !qemu_guest_named(&r->guest, f->id))
		qemu_guest_name(&r->guest, f->id, on);
}

static void start_apic(struct libvirt_reader *r, const XML_Char **a)
{
	static const char *const words[] = { "off", "on", NULL };
	const char *eoi = libvirt_attribute(a, "eoi");
	if (eoi)
		switch_feature(r, "kvm-pv-eoi", word(r, "<apic eoi>", eoi, words));
}

static void start_pvspinlock(struct libvirt_reader *r, const XML_Char **a)
{
	switch_feature(r, "kvm-pv-unhalt", libvirt_attribute(a, "state") ? state(r, a) : 1);
}

static void start_pmu(struct libvirt_reader *r, const XML_Char **a)
{
	r->guest.pmu = state(r, a) == 0 ? QEMU_OFF : QEMU_ON;
}

static void start_hidden(struct libvirt_reader *r, const XML_Char **a)
{
	r->guest.kvm_hidden = state(r, a) == 1;
}

/* <features><kvm>: KVM's own features. */
static void start_kvm_feature(struct libvirt_reader *r, const XML_Char **a)
{
	char name[64];
	(void)snprintf(name, sizeof(name), "kvm-%s", strrchr(r->path, '/') + 1);
	switch_feature(r, name, state(r, a));
}

static void add_enlightenment(struct libvirt_reader *r, const char *name, bool on)
{
	const struct policy_feature f = { name, on, r->guest.origin };
	if (policy_doc_add_hyperv_feature(r->doc, &f))
		libvirt_no_memory(r);
}

static const struct {
	const char *path, *name; /* of QEMU */
} enlightenments[] = {
	{ "features/hyperv/avic", "hv-avic" },
	{ "features/hyperv/emsr_bitmap", "hv-emsr-bitmap" },
	{ "features/hyperv/evmcs", "hv-evmcs" },
	{ "features/hyperv/frequencies", "hv-frequencies" },
	{ "features/hyperv/ipi", "hv-ipi" },
	{ "features/hyperv/reenlightenment", "hv-reenlightenment" },
	{ "features/hyperv/relaxed", "hv-relaxed" },
	{ "features/hyperv/reset", "hv-reset" },
	{ "features/hyperv/runtime", "hv-runtime" },
	{ "features/hyperv/stimer", "hv-stimer" },
	{ "features/hyperv/stimer/direct", "hv-stimer-direct" },
	{ "features/hyperv/synic", "hv-synic" },
	{ "features/hyperv/tlbflush", "hv-tlbflush" },
	{ "features/hyperv/tlbflush/direct", "hv-tlbflush-direct" },
	{ "features/hyperv/tlbflush/extended", "hv-tlbflush-ext" },
	{ "features/hyperv/vapic", "hv-vapic" },
	{ "features/hyperv/vpindex", "hv-vpindex" },
	{ "features/hyperv/xmm_input", "hv-xmm-input" },
};

static void start_enlightenment(struct libvirt_reader *r, const XML_Char **a)
{
	int on = state(r, a);
	for (size_t i = 0; on >= 0 && i < ARRAY_SIZE(enlightenments); i++) {
		if (strcmp(enlightenments[i].path, r->path) == 0)
			add_enlightenment(r, enlightenments[i].name, on);
	}
}

static void start_spinlocks(struct libvirt_reader *r, const XML_Char **a)
{
	const char *retries = libvirt_attribute(a, "retries");
	int on = state(r, a);
	uint64_t n = 0;
	if (on == 0)
		add_enlightenment(r, "hv-spinlocks", false);
	if (on != 1)
		return;
	if (!retries)
		libvirt_fail(r, "<spinlocks>: lacks retries");
	else if (number(r, "<spinlocks retries>", retries, 0xfff, UINT32_MAX, &n))
		policy_doc_edit(r->doc)->hyperv_spinlock_retries =
			(struct policy_number){ true, n, r->guest.origin };
}

static void start_hyperv_vendor(struct libvirt_reader *r, const XML_Char **a)
{
	const char *value = libvirt_attribute(a, "value");
	if (state(r, a) != 1)
		return;
	if (!value || !*value || strlen(value) > 12)
		libvirt_fail(r, "<vendor_id>: expected a value of 1 to 12 characters");
	else
		policy_doc_edit(r->doc)->hyperv_vendor_id =
			(struct policy_text){ keep(r, value), r->guest.origin };
}

static void take_frequency(struct libvirt_reader *r, const char *frequency)
{
	uint64_t hz = 0;
	if (!number(r, "<timer frequency>", frequency, 1000, UINT64_C(4294967295000), &hz))
		return;
	if (hz % 1000)
		losses_add(r->losses, "clock/timer tsc frequency='%s': rounded down to kHz",
			frequency);
	policy_doc_edit(r->doc)->tsc_khz =
		(struct policy_number){ true, hz / 1000, r->guest.origin };
}

static void start_timer(struct libvirt_reader *r, const XML_Char **a)
{
	static const char *const words[] = { "no", "yes", NULL };
	static const char *const there[] = { "rtc", "pit", "tsc", NULL };
	static const char *const absent[] = { "hpet", "platform", "armvtimer", NULL };
	const char *present = libvirt_attribute(a, "present");
	const char *frequency = libvirt_attribute(a, "frequency");
	int on = present ? word(r, "<timer present>", present, words) : -1;
	if (frequency && strcmp(r->timer, "tsc") == 0)
		take_frequency(r, frequency);
	else if (frequency)
		losses_add(r->losses, "clock/timer %s frequency='%s': only the TSC's can be set",
			r->timer, frequency);
	if (strcmp(r->timer, "kvmclock") == 0) {
		switch_feature(r, "kvmclock", on);
		switch_feature(r, "kvmclock2", on);
		return;
	}
	if (strcmp(r->timer, "hypervclock") == 0) {
		add_enlightenment(r, "hv-time", on != 0);
		return;
	}
	for (size_t i = 0; there[i]; i++) {
		if (strcmp(there[i], r->timer) != 0)
			continue;
		if (on == 0)
			losses_add(r->losses, "clock/timer %s present='no': every VM has it",
				r->timer);
		return;
	}
	for (size_t i = 0; absent[i]; i++) {
		if (strcmp(absent[i], r->timer) == 0 && on == 0)
			return;
	}
	losses_add(r->losses, "clock/timer %s: no VM of nestor's has it", r->timer);
}

static void start_vcpu(struct libvirt_reader *r, const XML_Char **a)
{
	const char *current = libvirt_attribute(a, "current");
	if (current)
		(void)number(r, "<vcpu current>", current, 1, LIBVIRT_MAX_VCPUS, &r->current);
}

static const struct {
	const char *path;
	void (*start)(struct libvirt_reader *r, const XML_Char **attributes);
} handlers[] = {
	{ "clock/timer", start_timer },
	{ "cpu", start_cpu },
	{ "cpu/cache", start_cache },
	{ "cpu/feature", start_feature },
	{ "cpu/maxphysaddr", start_maxphysaddr },
	{ "cpu/model", start_model },
	{ "cpu/topology", start_topology },
	{ "features/apic", start_apic },
	{ "features/hyperv/spinlocks", start_spinlocks },
	{ "features/hyperv/vendor_id", start_hyperv_vendor },
	{ "features/kvm/hidden", start_hidden },
	{ "features/kvm/hint-dedicated", start_kvm_feature },
	{ "features/kvm/poll-control", start_kvm_feature },
	{ "features/kvm/pv-ipi", start_kvm_feature },
	{ "features/pmu", start_pmu },
	{ "features/pvspinlock", start_pvspinlock },
	{ "vcpu", start_vcpu },
};

void libvirt_start(struct libvirt_reader *r, const XML_Char **attributes)
{
	for (size_t i = 0; i < ARRAY_SIZE(handlers); i++) {
		if (strcmp(handlers[i].path, r->path) == 0) {
			handlers[i].start(r, attributes);
			return;
		}
	}
	start_enlightenment(r, attributes);
}

static void end_model(struct libvirt_reader *r)
{
	struct cpu_policy *p = policy_doc_edit(r->doc);
	if (r->nr_text == 0)
		return;
	if (r->mode != LIBVIRT_MODE_NONE && r->mode != LIBVIRT_MODE_CUSTOM) {
		losses_add(r->losses, "cpu/model %s: the mode of <cpu> says another one", r->text);
		return;
	}
	const struct cpu_model *m = cpu_model_find(r->text);
	if (!m) {
		const char *near = cpu_model_nearest(r->text);
		libvirt_fail(r, "unknown model %s%s%s%s", r->text, near ? ", did you mean " : "",
			near ? near : "", near ? "?" : "");
		return;
	}
	p->model = (struct policy_text){ m->name, r->guest.origin };
}

/* Of the host's processor, not of what the guest sees. */
static void end_vendor(struct libvirt_reader *r)
{
	static const char *const names[] = { "Intel", "AMD", "Hygon", NULL };
	static const char *const vendors[] = { "intel", "amd", "hygon" };
	int i = word(r, "<vendor>", r->text, names);
	if (i >= 0)
		policy_doc_edit(r->doc)->host_vendor =
			(struct policy_text){ vendors[i], r->guest.origin };
}

static bool is_at(const struct libvirt_reader *r, const char *path)
{
	return strcmp(r->path, path) == 0;
}

bool libvirt_has_text(const struct libvirt_reader *r)
{
	return is_at(r, "cpu/model") || is_at(r, "cpu/vendor") || is_at(r, "cpu/arch") ||
	       is_at(r, "vcpu");
}

void libvirt_end(struct libvirt_reader *r)
{
	if (is_at(r, "cpu/model"))
		end_model(r);
	else if (is_at(r, "cpu/vendor"))
		end_vendor(r);
	else if (is_at(r, "vcpu"))
		(void)number(r, "<vcpu>", r->text, 1, LIBVIRT_MAX_VCPUS, &r->vcpus);
	else if (is_at(r, "cpu/arch") && strcmp(r->text, "x86_64") != 0 &&
		 strcmp(r->text, "i686") != 0)
		libvirt_fail(r, "<arch>: %s is no x86 processor", r->text);
}

static int check_topology(struct libvirt_reader *r)
{
	struct policy_topology *t = &policy_doc_edit(r->doc)->topology;
	uint64_t all = (uint64_t)t->sockets * t->dies * t->cores * t->threads;
	if (r->current && r->current != r->vcpus)
		losses_add(r->losses,
			"vcpu current='%" PRIu64 "': nestor has all vCPUs from the start",
			r->current);
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

/* A model of some vendor's wants that vendor's hosts anyway, unless the guest is shown another. */
static int check_vendor(struct libvirt_reader *r)
{
	struct cpu_policy *p = policy_doc_edit(r->doc);
	const struct cpu_model *m = r->guest.model;
	if (!p->host_vendor.text || !m || !m->vendor_id[0] || p->vendor.text)
		return 0;
	if (strcmp(cpuid_vendor_id(p->host_vendor.text), m->vendor_id) != 0)
		return input_fail(r->e,
			"%s: <vendor> asks for a host of another vendor than that of model %s, %s",
			r->name, m->name, m->vendor_id);
	p->host_vendor = (struct policy_text){ 0 };
	return 0;
}

static int take_model(struct libvirt_reader *r)
{
	struct cpu_policy *p = policy_doc_edit(r->doc);
	if (!r->has_cpu)
		policy_doc_set_checked_before(r->doc, true);
	if (r->mode == LIBVIRT_MODE_CUSTOM && !p->model.text)
		return input_fail(r->e, "%s: <cpu mode='custom'> lacks <model>", r->name);
	if (r->mode == LIBVIRT_MODE_NONE && !p->model.text) {
		losses_note(r->losses, "no model is named: QEMU's default is taken, qemu64");
		p->model = (struct policy_text){ "qemu64", r->guest.origin };
	}
	if (r->mode == LIBVIRT_MODE_HOST_MODEL)
		losses_add(r->losses, "mode='host-model': taken as the host itself; libvirt takes "
				      "the named model that is nearest to it");
	if (r->mode == LIBVIRT_MODE_PASSTHROUGH || r->mode == LIBVIRT_MODE_HOST_MODEL)
		p->model = (struct policy_text){ "host", r->guest.origin };
	if (r->mode == LIBVIRT_MODE_MAXIMUM)
		p->model = (struct policy_text){ "max", r->guest.origin };
	r->guest.model = cpu_model_find(p->model.text);
	return 0;
}

int libvirt_finish(struct libvirt_reader *r)
{
	int rc = take_model(r);
	if (rc == 0)
		rc = check_vendor(r);
	if (rc == 0)
		rc = check_topology(r);
	return rc ? rc : qemu_guest_finish(&r->guest);
}
