/* SPDX-License-Identifier: MIT */
/* A policy as libvirt's <cpu> element. */
#include "formats/convert.h"
#include "formats/dialect.h"
#include "formats/fold.h"
#include "formats/input.h"
#include "formats/shared_losses.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char target[] = "libvirt's <cpu>";

static void write_escaped(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '&':
			(void)fputs("&amp;", out);
			break;
		case '<':
			(void)fputs("&lt;", out);
			break;
		case '\'':
			(void)fputs("&apos;", out);
			break;
		default:
			(void)fputc(*text, out);
		}
	}
}

static int resolve_model(struct fold *f, struct losses *losses, struct err *e)
{
	if (!f->model || dialect_has_model(DIALECT_LIBVIRT, f->model))
		return 0;
	const struct cpu_model *to = cpu_model_find("qemu64");
	const char *name = f->model_name;
	if (!to)
		return input_fail(e, "libvirt has no model %s", name);
	losses_add(losses,
		"model %s: libvirt has none of that name; written as qemu64 with its features",
		name);
	return fold_rebase(f, to, e);
}

static void write_model(const struct fold *f, FILE *out, struct losses *losses)
{
	const struct cpu_policy *p = f->policy;
	const char *id = p->vendor.text ? cpuid_vendor_id(p->vendor.text) : NULL;
	if (id && (!f->model || strlen(id) != 12 || strchr(id, ','))) {
		losses_add(losses,
			"vendor = \"%s\": libvirt has it with a named model alone, 12 "
			"characters without a comma",
			id);
		id = NULL;
	}
	if (!f->model)
		return;
	(void)fputs("  <model fallback='forbid'", out);
	if (id) {
		(void)fputs(" vendor_id='", out);
		write_escaped(out, id);
		(void)fputc('\'', out);
	}
	(void)fputc('>', out);
	write_escaped(out, f->model_name);
	(void)fputs("</model>\n", out);
}

static void write_shape(const struct cpu_policy *p, FILE *out)
{
	static const char *const caches[] = { [CPU_CACHE_HOST] = "passthrough",
		[CPU_CACHE_EMULATE] = "emulate",
		[CPU_CACHE_NONE] = "disable" };
	const struct policy_topology *t = &p->topology;
	if (t->sockets > 1 || t->dies > 1 || t->cores > 1 || t->threads > 1)
		(void)fprintf(out, "  <topology sockets='%u' dies='%u' cores='%u' threads='%u'/>\n",
			t->sockets, t->dies, t->cores, t->threads);
	if (p->cache_given)
		(void)fprintf(out, "  <cache mode='%s'/>\n", caches[p->cache]);
	if (p->phys_bits.given)
		(void)fprintf(out, "  <maxphysaddr mode='emulate' bits='%" PRIu64 "'/>\n",
			p->phys_bits.value);
}

static void write_features(const struct fold *f, FILE *out, struct losses *losses)
{
	const struct cpu_policy *p = f->policy;
	bool none = p->hypervisor_given && p->hypervisor == CPU_HYPERVISOR_NONE;
	if (none) {
		(void)fputs("  <feature policy='disable' name='hypervisor'/>\n", out);
		losses_add(losses, "hypervisor = \"none\": KVM's leaves are hidden by <kvm><hidden "
				   "state='on'/> "
				   "in the domain's <features>, no part of <cpu>");
	}
	if (p->hypervisor_given && p->hypervisor == CPU_HYPERVISOR_HYPERV)
		losses_add(losses,
			"hypervisor = \"hyperv\": <hyperv> in the domain's <features> is "
			"no part of <cpu>");
	for (size_t i = 0; i < p->nr_features; i++) {
		const struct feature *feature = feature_find(p->features[i].name);
		const char *name = dialect_feature(DIALECT_LIBVIRT, feature);
		if (!name)
			losses_add(losses, "%c%s: libvirt's <cpu> has no name for it",
				p->features[i].on ? '+' : '-', feature->name);
		else if (!none || feature->id != FEATURE_ID_hypervisor)
			(void)fprintf(out, "  <feature policy='%s' name='%s'/>\n",
				p->features[i].on ? "require" : "disable", name);
	}
}

int libvirt_cpu_write(
	const struct cpu_policy *policy, FILE *out, struct losses *losses, struct err *e)
{
	struct fold f;
	int rc = fold_init(&f, policy, e);
	if (rc == 0)
		rc = resolve_model(&f, losses, e);
	if (rc == 0) {
		const struct cpu_policy *p = f.policy;
		const char *mode = f.model                            ? "custom"
				   : strcmp(f.model_name, "max") == 0 ? "maximum"
								      : "host-passthrough";
		bool strict = !p->on_missing_given || p->on_missing == CPU_MISSING_ERROR;
		(void)fprintf(out, "<cpu mode='%s'%s check='%s'>\n", mode,
			f.model ? " match='exact'" : "", strict ? "full" : "none");
		if (!strict && p->on_missing == CPU_MISSING_WARN)
			losses_add(losses, "on_missing = \"warn\": libvirt says nothing of what it "
					   "leaves out; written as check='none'");
		write_model(&f, out, losses);
		write_shape(p, out);
		write_features(&f, out, losses);
		(void)fputs("</cpu>\n", out);
		shared_losses(losses, &f, target, SAYS_TOPOLOGY);
		if (fflush(out) != 0 || ferror(out))
			rc = err_set_config(e, -EIO, "cannot write the <cpu> element");
	}
	fold_done(&f);
	return rc;
}
