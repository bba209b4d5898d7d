/* SPDX-License-Identifier: MIT */
/* What goes out, read as the other program would, against what nestor's own guest sees. */
#include "convert/internal.h"
#include "formats/firecracker_guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const programs[CONVERT_FORMATS] = {
	[CONVERT_TOML] = "that file",
	[CONVERT_QEMU] = "QEMU",
	[CONVERT_LIBVIRT] = "libvirt",
	[CONVERT_FIRECRACKER] = "Firecracker",
};

static struct convert_sight sight_of(const struct convert_view *v)
{
	const struct msr_policy *p = &v->plan->cpu.msrs;
	return (struct convert_sight){ v->vcpu, p->set, p->nr_set, v->plan->tsc_khz };
}

/* By nestor's reader of that format, a VM's file, and a plan for the same host. */
static int verify_policy(const struct convert *c, enum convert_format to,
	const struct convert_config *config, struct losses *losses, struct err *e)
{
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < c->nr_views; i++) {
		struct err why = ERR_INIT;
		struct convert_view again = { .host = c->views[i].host };
		rc = convert_view_make(&again, config->vm, vm_policy_get(config->policy), &why);
		if (rc == 0) {
			struct convert_sight ours = sight_of(&c->views[i]),
					     theirs = sight_of(&again);
			convert_compare(&ours, &theirs, programs[to], NULL, losses);
		} else if (rc != -ENOMEM) {
			/* Its demands are others, and named as such. */
			losses_add(losses, "%s: what was written is not for the same hosts: %s",
				programs[to], why.msg);
			rc = 0;
		} else if (e) {
			*e = why;
		}
		convert_view_done(&again);
	}
	return rc;
}

static bool is_of_host(const struct cpu_policy *p)
{
	const char *model = p->model.text;
	return model && (strcmp(model, "host") == 0 || strcmp(model, "max") == 0);
}

/* What the words leave to others: QEMU's -cpu has no topology, which is named as lost; and what its
 * model host, unlike nestor's, shows of VMX or SVM where neither is named is up to the host. */
static void leave_open(const struct convert *c, enum convert_format to, struct cpu_policy *read)
{
	if (to == CONVERT_QEMU)
		read->topology = c->policy->topology;
	if (is_of_host(read) && !read->knob_origin)
		read->nesting = (struct policy_nesting){ .knob = c->policy->nesting.knob };
}

static int verify_words(const struct convert *c, enum convert_format to, const char *text, size_t n,
	struct losses *losses, struct err *e)
{
	struct losses ignored = { 0 };
	struct policy_doc *doc = NULL;
	struct convert_config config = { 0 };
	int rc = convert_doc_read(&doc, to, text, n, "what was written", &ignored, e);
	if (rc == 0 && ignored.error)
		rc = err_set(e, ignored.error, "out of memory");
	if (rc == 0)
		leave_open(c, to, policy_doc_edit(doc));
	if (rc == 0)
		rc = convert_config_of(&config, doc, "what was written", e);
	if (rc == 0)
		rc = verify_policy(c, to, &config, losses, e);
	convert_config_done(&config);
	policy_doc_destroy(doc);
	losses_done(&ignored);
	return rc;
}

static int verify_template(
	const struct convert *c, const char *text, size_t n, struct losses *losses, struct err *e)
{
	struct cpuid_table *table = malloc(sizeof(*table));
	struct msr_value msrs[FIRECRACKER_MAX_MSRS];
	int rc = table ? 0 : err_set(e, -ENOMEM, "out of memory");
	for (unsigned i = 0; rc == 0 && i < c->nr_views; i++) {
		const struct convert_view *v = &c->views[i];
		const struct msr_policy *p = &v->plan->cpu.msrs;
		unsigned nr = 0;
		rc = firecracker_guest(text, n, v->host, v->plan->nr_vcpus, table, msrs, &nr, e);
		if (rc)
			break;
		/* Whatever the template leaves alone is KVM's own, which the host's file tells. */
		for (unsigned k = 0; k < p->nr_set && nr < ARRAY_SIZE(msrs); k++) {
			uint64_t value = 0;
			bool there = false;
			for (unsigned j = 0; j < nr; j++)
				there |= msrs[j].index == p->set[k].index;
			if (!there && !host_feature_msr(v->host, p->set[k].index, &value) &&
				p->set[k].index != MSR_IA32_FEATURE_CONTROL)
				value = p->set[k].value;
			if (!there)
				msrs[nr++] = (struct msr_value){ p->set[k].index, value };
		}
		/* What KVM makes of other MSRs' values. */
		for (unsigned k = 0; k < nr; k++) {
			if (msr_follows_others(msrs[k].index))
				(void)msr_policy_get(p, msrs[k].index, &msrs[k].value);
		}
		struct convert_sight ours = sight_of(v);
		const struct convert_sight theirs = { table, msrs, nr, ours.tsc_khz };
		convert_compare(&ours, &theirs, programs[CONVERT_FIRECRACKER], firecracker_own_bits,
			losses);
	}
	free(table);
	return rc;
}

static bool has_cluster(const struct cpu_policy *policy)
{
	for (const struct cpu_policy *p = policy; p; p = p->base) {
		if (p->migration == CPU_MIGRATION_CLUSTER)
			return true;
	}
	return false;
}

int convert_verify(const struct convert *c, enum convert_format to, const char *text, size_t n,
	struct losses *losses, struct err *e)
{
	struct convert_config config = { 0 };
	int rc = 0;
	switch (to) {
	case CONVERT_TOML:
		if (has_cluster(c->policy)) {
			losses_add(losses,
				"cpu.migration_cluster: the names of its files are left to "
				"be filled in");
			return 0;
		}
		rc = convert_config_read(&config, text, n, "what was written", e);
		if (rc == 0)
			rc = verify_policy(c, to, &config, losses, e);
		convert_config_done(&config);
		return rc;
	case CONVERT_QEMU:
	case CONVERT_LIBVIRT:
		return verify_words(c, to, text, n, losses, e);
	case CONVERT_FIRECRACKER:
		return verify_template(c, text, n, losses, e);
	case CONVERT_FORMATS:
		break;
	}
	return 0;
}
