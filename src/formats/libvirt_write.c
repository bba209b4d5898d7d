/* SPDX-License-Identifier: MIT */
/*
 * What nestor's guest sees as libvirt's <cpu> element; where that has no word and the rest of a
 * domain has one (<features>, <clock>), as a <domain> of no more than these.
 */
#include "base/markup.h"
#include "formats/input.h"
#include "formats/qemu_need.h"
#include "formats/shared_losses.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char target[] = "libvirt's <cpu>";

struct writer {
	const struct qemu_need *n;
	const struct fold *f;
	struct losses *losses;
	FILE *out;                    /* <cpu> */
	FILE *features, *kvm, *clock; /* what stands in <features>, its <kvm>, and <clock> */
};

static const char *on_off(bool on)
{
	return on ? "on" : "off";
}

static void write_model(const struct writer *w)
{
	const struct cpu_policy *p = w->n->policy;
	const char *id = p->vendor.text ? cpuid_vendor_id(p->vendor.text) : NULL;
	if (id && (!w->n->model || strlen(id) != 12 || strchr(id, ','))) {
		losses_add(w->losses,
			"vendor = \"%s\": libvirt has it with a named model alone, 12 characters "
			"without a comma (leaves 0x0 and 0x80000000)",
			id);
		shared_cover_leaf(w->losses, 0);
		shared_cover_leaf(w->losses, 0x80000000);
		id = NULL;
	}
	if (!w->n->model)
		return;
	(void)fprintf(w->out, "  <model fallback='forbid'");
	if (id) {
		(void)fputs(" vendor_id='", w->out);
		markup_put_text(w->out, id);
		(void)fputc('\'', w->out);
	}
	(void)fputc('>', w->out);
	markup_put_text(w->out, w->n->model_name);
	(void)fputs("</model>\n", w->out);
}

static void write_host_vendor(const struct writer *w)
{
	static const struct {
		const char *id, *name;
	} vendors[] = { { "GenuineIntel", "Intel" }, { "AuthenticAMD", "AMD" },
		{ "HygonGenuine", "Hygon" } };
	const char *text = w->n->policy->host_vendor.text;
	const char *id = text ? cpuid_vendor_id(text) : NULL;
	for (size_t i = 0; id && i < ARRAY_SIZE(vendors); i++) {
		if (strcmp(vendors[i].id, id) != 0)
			continue;
		(void)fprintf(w->out, "  <vendor>%s</vendor>\n", vendors[i].name);
		return;
	}
	if (id)
		losses_add(w->losses, "host_vendor = \"%s\": libvirt has no name for it", text);
}

static void write_cache(const struct writer *w)
{
	const struct cpu_policy *p = w->n->policy;
	static const char leaves[] = SHARED_CACHE_LEAVES;
	if (w->n->model || !w->n->host_caches)
		shared_cover_caches(w->losses);
	if (w->n->host_caches && !w->n->model) {
		(void)fputs("  <cache mode='passthrough'/>\n", w->out);
	} else if (w->n->host_caches) {
		losses_add(w->losses,
			"cache = \"host\": with a named model libvirt's guests see made-up caches "
			"(%s)",
			leaves);
	} else if (p->cache == CPU_CACHE_NONE) {
		(void)fputs("  <cache mode='disable'/>\n", w->out);
		losses_add(w->losses,
			"cache = \"none\": libvirt's guests see the first two levels all the same "
			"(%s)",
			leaves);
	} else {
		(void)fputs("  <cache level='3' mode='emulate'/>\n", w->out);
		if (!w->n->subject->of_qemu)
			losses_add(w->losses,
				"cache = \"emulate\": QEMU makes up other caches (%s)", leaves);
	}
}

static void write_shape(const struct writer *w)
{
	const struct policy_topology *t = &w->n->policy->topology;
	if (t->sockets > 1 || t->dies > 1 || t->cores > 1 || t->threads > 1)
		(void)fprintf(w->out,
			"  <topology sockets='%u' dies='%u' cores='%u' threads='%u'/>\n",
			t->sockets, t->dies, t->cores, t->threads);
	write_cache(w);
	if (w->n->width == QEMU_WIDTH_HOST)
		(void)fputs("  <maxphysaddr mode='passthrough'/>\n", w->out);
	if (w->n->width == QEMU_WIDTH_NUMBER)
		(void)fprintf(
			w->out, "  <maxphysaddr mode='emulate' bits='%u'/>\n", w->n->width_value);
}

/* KVM's own features are switches of a domain, as far as libvirt has them. */
static bool write_switch(const struct writer *w, const struct feature *f, bool on)
{
	static const char *const of_kvm[] = { "hint-dedicated", "poll-control", "pv-ipi" };
	const struct feature *twin = dialect_qemu_twin(f);
	if (f->id == FEATURE_ID_kvm_pv_unhalt) {
		(void)fprintf(w->features, "    <pvspinlock state='%s'/>\n", on_off(on));
		return true;
	}
	if (f->id == FEATURE_ID_kvm_pv_eoi) {
		(void)fprintf(w->features, "    <apic eoi='%s'/>\n", on_off(on));
		return true;
	}
	if (f->id == FEATURE_ID_kvmclock || f->id == FEATURE_ID_kvmclock2) {
		if (!twin || feature_set_has(on ? &w->n->on : &w->n->off, twin->id) == false)
			return false;
		if (f->id == FEATURE_ID_kvmclock)
			(void)fprintf(w->clock, "    <timer name='kvmclock' present='%s'/>\n",
				on ? "yes" : "no");
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(of_kvm); i++) {
		if (strncmp(f->name, "kvm-", 4) == 0 && strcmp(f->name + 4, of_kvm[i]) == 0) {
			(void)fprintf(w->kvm, "      <%s state='%s'/>\n", of_kvm[i], on_off(on));
			return true;
		}
	}
	return false;
}

static void write_feature(const struct writer *w, feature_id id)
{
	const struct feature *f = feature_by_id(id);
	const char *name = f ? dialect_feature(DIALECT_LIBVIRT, f) : NULL;
	bool on = feature_set_has(&w->n->on, id);
	char place[FEATURE_PLACE_BYTES];
	if (!f || write_switch(w, f, on))
		return;
	if (name)
		(void)fprintf(w->out, "  <feature policy='%s' name='%s'/>\n",
			on ? "require" : "disable", name);
	if (name)
		return;
	losses_add(w->losses, "%c%s: libvirt 11.3 has no name for it (%s)", on ? '+' : '-', f->name,
		feature_place(place, id));
	shared_cover_feature(w->losses, id);
}

static void write_features(const struct writer *w)
{
	struct feature_set rest = w->n->on, done = { { 0 } };
	const struct cpu_policy *p = w->f->policy;
	feature_set_or(&rest, &w->n->off);
	if (p->hypervisor_given && p->hypervisor == CPU_HYPERVISOR_NONE) {
		(void)fputs("  <feature policy='disable' name='hypervisor'/>\n", w->out);
		(void)fputs("      <hidden state='on'/>\n", w->kvm);
	}
	for (size_t i = 0; i < p->nr_features; i++) {
		const struct feature *f = feature_find(p->features[i].name);
		if (!f || !feature_set_has(&rest, f->id) || feature_set_has(&done, f->id))
			continue;
		feature_set_add(&done, f->id);
		write_feature(w, f->id);
	}
	feature_set_subtract(&rest, &done);
	for (feature_id id = feature_set_next(&rest, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&rest, (feature_id)(id + 1)))
		write_feature(w, id);
}

/* libvirt's elements for QEMU's names; the inner ones stand in the row before. */
static const struct {
	char name[20], element[20];
	bool inner;
} enlightenments[] = {
	{ "hv-relaxed", "relaxed", false },
	{ "hv-vapic", "vapic", false },
	{ "hv-vpindex", "vpindex", false },
	{ "hv-runtime", "runtime", false },
	{ "hv-synic", "synic", false },
	{ "hv-stimer", "stimer", false },
	{ "hv-stimer-direct", "direct", true },
	{ "hv-reset", "reset", false },
	{ "hv-frequencies", "frequencies", false },
	{ "hv-reenlightenment", "reenlightenment", false },
	{ "hv-tlbflush", "tlbflush", false },
	{ "hv-tlbflush-direct", "direct", true },
	{ "hv-tlbflush-ext", "extended", true },
	{ "hv-ipi", "ipi", false },
	{ "hv-evmcs", "evmcs", false },
	{ "hv-avic", "avic", false },
	{ "hv-emsr-bitmap", "emsr_bitmap", false },
	{ "hv-xmm-input", "xmm_input", false },
};

/* What the policy says of one; NULL: nothing. */
static const struct policy_feature *asked(const struct cpu_policy *p, const char *name)
{
	for (size_t i = 0; i < p->nr_hyperv_features; i++) {
		if (strcmp(p->hyperv_features[i].name, name) == 0)
			return &p->hyperv_features[i];
	}
	return NULL;
}

static void write_enlightenments(const struct writer *w)
{
	const struct cpu_policy *p = w->n->policy;
	for (size_t i = 0; i < ARRAY_SIZE(enlightenments); i++) {
		const struct policy_feature *a = asked(p, enlightenments[i].name);
		bool inner = false;
		if (enlightenments[i].inner)
			continue;
		for (size_t k = i + 1; k < ARRAY_SIZE(enlightenments) && enlightenments[k].inner;
			k++)
			inner |= asked(p, enlightenments[k].name) != NULL;
		if (!a && !inner)
			continue;
		(void)fprintf(w->features, "      <%s state='%s'%s", enlightenments[i].element,
			on_off(a && a->on), inner ? ">" : "/>");
		for (size_t k = i + 1; k < ARRAY_SIZE(enlightenments) && enlightenments[k].inner;
			k++) {
			a = asked(p, enlightenments[k].name);
			if (a)
				(void)fprintf(w->features, "<%s state='%s'/>",
					enlightenments[k].element, on_off(a->on));
		}
		if (inner)
			(void)fprintf(w->features, "</%s>", enlightenments[i].element);
		(void)fputc('\n', w->features);
	}
}

static bool has_element(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(enlightenments); i++) {
		if (strcmp(name, enlightenments[i].name) == 0)
			return true;
	}
	return strcmp(name, "hv-time") == 0;
}

static void write_hyperv(const struct writer *w)
{
	const struct cpu_policy *p = w->n->policy;
	const struct policy_feature *time = asked(p, "hv-time");
	for (size_t i = 0; i < p->nr_hyperv_features; i++) {
		if (!has_element(p->hyperv_features[i].name) && p->hyperv_features[i].on)
			losses_add(w->losses, "+%s: libvirt has no word for it",
				p->hyperv_features[i].name);
	}
	if (p->hypervisor_given && p->hypervisor == CPU_HYPERVISOR_HYPERV && !w->n->enlightened) {
		losses_add(w->losses, "hypervisor = \"hyperv\": QEMU shows Hyper-V's leaves where "
				      "an enlightenment is on, and KVM's behind them (leaves "
				      "0x40000000 to 0x4000001f and 0x40000100 to 0x4000011f)");
		shared_cover_hypervisor(w->losses);
	}
	if (time)
		(void)fprintf(w->clock, "    <timer name='hypervclock' present='%s'/>\n",
			time->on ? "yes" : "no");
	if (p->nr_hyperv_features == (time ? 1u : 0u) && !p->hyperv_spinlock_retries.given &&
		!p->hyperv_vendor_id.text)
		return;
	(void)fputs("    <hyperv mode='custom'>\n", w->features);
	write_enlightenments(w);
	if (p->hyperv_spinlock_retries.given)
		(void)fprintf(w->features, "      <spinlocks state='on' retries='%" PRIu64 "'/>\n",
			p->hyperv_spinlock_retries.value);
	if (p->hyperv_vendor_id.text) {
		(void)fputs("      <vendor_id state='on' value='", w->features);
		markup_put_text(w->features, p->hyperv_vendor_id.text);
		(void)fputs("'/>\n", w->features);
	}
	(void)fputs("    </hyperv>\n", w->features);
}

/* Leaf 1 EAX, of which AMD has a copy. */
static void lose_signature(const struct writer *w, const char *name, unsigned value, uint32_t bits)
{
	losses_add(w->losses, "%s = %u: no part of %s (CPUID 0x1 EAX, and its copy in 0x80000001)",
		name, value, target);
	shared_cover(w->losses, 1, 0, CPUID_EAX, bits);
	shared_cover(w->losses, 0x80000001, 0, CPUID_EAX, bits);
}

/* A lower one hides leaves that libvirt's guests see. */
static bool cover_above(const struct writer *w, uint32_t leaf, uint32_t value)
{
	const struct convert_subject *subject = w->n->subject;
	bool any = false;
	for (unsigned i = 0; i < subject->nr_guests; i++) {
		const struct cpuid_table *t = &subject->guests[i].host->supported;
		for (unsigned k = 0; k < t->nr_entries; k++) {
			uint32_t its = t->entries[k].leaf;
			if (its < leaf || its - leaf >= 0x1000 || its <= value)
				continue;
			shared_cover_leaf(w->losses, its);
			any = true;
		}
	}
	return any;
}

static void lose_level(const struct writer *w, uint32_t leaf, uint32_t value)
{
	bool above = cover_above(w, leaf, value);
	losses_add(w->losses,
		"highest leaf %#" PRIx32 ": no part of %s (CPUID 0x%" PRIx32 " EAX%s)", value,
		target, leaf, above ? ", and what is in the leaves above it" : "");
	shared_cover(w->losses, leaf, 0, CPUID_EAX, UINT32_MAX);
}

static void name_losses(const struct writer *w)
{
	const struct qemu_need *n = w->n;
	if (n->family)
		lose_signature(w, "family", n->family_value, 0x0ff00f00);
	if (n->number)
		lose_signature(w, "model_number", n->number_value, 0x000f00f0);
	if (n->stepping)
		lose_signature(w, "stepping", n->stepping_value, 0xf);
	if (n->brand[0]) {
		losses_add(w->losses,
			"brand = \"%s\": no part of %s (leaves 0x80000002, 0x80000003, 0x80000004)",
			n->brand, target);
		for (uint32_t i = 2; i <= 4; i++)
			shared_cover_leaf(w->losses, 0x80000000 + i);
	}
	if (n->level)
		lose_level(w, 0, n->level_value);
	if (n->xlevel)
		lose_level(w, 0x80000000, n->xlevel_value);
}

static void write_cpu(const struct writer *w)
{
	const struct qemu_need *n = w->n;
	const struct cpu_policy *p = n->policy;
	const char *mode = n->model                            ? "custom"
			   : strcmp(n->model_name, "max") == 0 ? "maximum"
							       : "host-passthrough";
	bool strict = !p->on_missing_given || p->on_missing == CPU_MISSING_ERROR;
	(void)fprintf(w->out, "<cpu mode='%s'%s check='%s'%s>\n", mode,
		n->model ? " match='exact'" : "", strict ? "partial" : "none",
		n->migratable_off ? " migratable='off'" : "");
	if (p->on_missing_given && p->on_missing == CPU_MISSING_DROP)
		losses_add(w->losses, "on_missing = \"drop\": QEMU warns of what it leaves out");
	write_model(w);
	write_host_vendor(w);
	write_shape(w);
	write_features(w);
	(void)fputs("</cpu>\n", w->out);
}

/* A text that is written before it is known what goes around it. */
struct part {
	FILE *file;
	char *text;
	size_t size;
};

static bool part_open(struct part *p)
{
	p->file = open_memstream(&p->text, &p->size);
	return p->file != NULL;
}

static bool part_close(struct part *p)
{
	bool ok = p->file && fclose(p->file) == 0;
	p->file = NULL;
	return ok;
}

static void write_indented(FILE *out, const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		(void)fprintf(out, "  %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void write_domain(const struct writer *w, FILE *out, const struct part parts[4])
{
	const struct part *cpu = &parts[0], *features = &parts[1], *kvm = &parts[2];
	const struct part *clock = &parts[3];
	const struct policy_topology *t = &w->n->policy->topology;
	if (features->size + kvm->size + clock->size == 0) {
		(void)fputs(cpu->text, out);
		return;
	}
	(void)fprintf(out, "<domain type='kvm'>\n  <vcpu>%u</vcpu>\n",
		t->sockets * t->dies * t->cores * t->threads);
	if (features->size + kvm->size) {
		(void)fprintf(out, "  <features>\n%s", features->text);
		if (kvm->size)
			(void)fprintf(out, "    <kvm>\n%s    </kvm>\n", kvm->text);
		(void)fputs("  </features>\n", out);
	}
	write_indented(out, cpu->text);
	if (clock->size)
		(void)fprintf(out, "  <clock offset='utc'>\n%s  </clock>\n", clock->text);
	(void)fputs("</domain>\n", out);
}

static void write_parts(struct writer *w)
{
	const struct cpu_policy *p = w->n->policy;
	write_hyperv(w);
	if (w->n->pmu_off)
		(void)fputs("    <pmu state='off'/>\n", w->features);
	if (p->tsc_khz.given)
		(void)fprintf(w->clock, "    <timer name='tsc' frequency='%" PRIu64 "'/>\n",
			p->tsc_khz.value * 1000);
	write_cpu(w);
}

static int write_all(struct writer *w, FILE *out)
{
	struct part parts[4] = { { 0 } };
	bool ok = true;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		ok &= part_open(&parts[i]);
	w->out = parts[0].file;
	w->features = parts[1].file;
	w->kvm = parts[2].file;
	w->clock = parts[3].file;
	if (w->out && w->features && w->kvm && w->clock)
		write_parts(w);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		ok &= part_close(&parts[i]);
	if (ok)
		write_domain(w, out, parts);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		free(parts[i].text);
	return ok ? 0 : -ENOMEM;
}

int libvirt_cpu_write(
	const struct convert_subject *subject, FILE *out, struct losses *losses, struct err *e)
{
	struct fold f;
	struct qemu_need n;
	struct writer w = { .n = &n, .f = &f, .losses = losses };
	int rc = fold_init(&f, subject->policy, e);
	if (rc == 0)
		rc = qemu_need_make(&n, &f, subject, DIALECT_LIBVIRT, target, losses, e);
	if (rc == 0 && write_all(&w, out))
		rc = err_set(e, -ENOMEM, "out of memory");
	if (rc == 0) {
		name_losses(&w);
		shared_losses(losses, &f, target,
			SAYS_TOPOLOGY | SAYS_TSC | SAYS_HYPERV | SAYS_LEVELS | SAYS_IDENTITY |
				SAYS_BRAND | SAYS_HOST_VENDOR | (n.pmu_off ? SAYS_PMU : 0));
		if (fflush(out) != 0 || ferror(out))
			rc = err_set_config(e, -EIO, "cannot write the <cpu> element");
	}
	fold_done(&f);
	return rc;
}
