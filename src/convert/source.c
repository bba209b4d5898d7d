/* SPDX-License-Identifier: MIT */
/* What comes in: another program's text as a VM's file, which nestor reads itself. */
#include "convert/internal.h"
#include "nesting/hyperv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void convert_config_done(struct convert_config *c)
{
	vm_policy_destroy(c->policy);
	config_destroy(c->config);
	*c = (struct convert_config){ 0 };
}

int convert_config_read(
	struct convert_config *ret, const char *toml, size_t n, const char *name, struct err *e)
{
	*ret = (struct convert_config){ .config = config_create() };
	if (!ret->config)
		return err_set(e, -ENOMEM, "out of memory");
	int rc = config_load_text(ret->config, toml, n, name, /* base_dir */ NULL, e);
	if (rc == 0)
		rc = config_finish_policy(ret->config, &ret->vm, e);
	if (rc == 0)
		rc = vm_policy_create(&ret->policy, ret->config, ret->vm, /* base */ NULL,
			/* cluster */ NULL, /* host */ NULL, e);
	if (rc)
		convert_config_done(ret);
	return rc;
}

int convert_config_of(
	struct convert_config *ret, const struct policy_doc *doc, const char *name, struct err *e)
{
	char *toml = NULL, as_toml[128];
	size_t n = 0;
	FILE *out = open_memstream(&toml, &n);
	*ret = (struct convert_config){ 0 };
	if (!out)
		return err_set(e, -ENOMEM, "out of memory");
	int rc = toml_cpu_write(policy_doc_policy(doc), out, e);
	if (fclose(out) != 0 && rc == 0)
		rc = err_set(e, -ENOMEM, "out of memory");
	/* Lines are those of a file that nobody sees unless all is well. */
	(void)snprintf(as_toml, sizeof(as_toml), "%.64s, as a VM's file", name);
	if (rc == 0)
		rc = convert_config_read(ret, toml, n, as_toml, e);
	free(toml);
	return rc;
}

/* Enlightenments that nestor does not offer, or not to this guest, are named and left out. */
static int keep_enlightenments(struct policy_doc *doc, struct losses *losses)
{
	struct cpu_policy *p = policy_doc_edit(doc);
	size_t nr = p->nr_hyperv_features;
	struct policy_feature *all = calloc(nr + 1, sizeof(*all));
	int rc = all ? 0 : -ENOMEM;
	for (size_t i = 0; rc == 0 && i < nr; i++)
		all[i] = p->hyperv_features[i];
	p->nr_hyperv_features = 0;
	for (size_t i = 0; rc == 0 && i < nr; i++) {
		const struct hyperv_feature *f = hyperv_feature_find(all[i].name);
		bool nested =
			f && f->kind == HYPERV_NESTED && p->nesting.knob != POLICY_KNOB_EXPOSED;
		if (f && f->kind == HYPERV_REFUSED) {
			if (all[i].on)
				losses_add(losses, "%s: %s", all[i].name, f->note);
		} else if (nested) {
			if (all[i].on)
				losses_add(losses,
					"%s: for a guest hypervisor, but VMX and SVM are hidden",
					all[i].name);
		} else {
			rc = policy_doc_add_hyperv_feature(doc, &all[i]);
		}
	}
	free(all);
	return rc;
}

int convert_doc_read(struct policy_doc **ret, enum convert_format from, const char *text, size_t n,
	const char *name, struct losses *losses, struct err *e)
{
	int rc = -EINVAL;
	*ret = NULL;
	switch (from) {
	case CONVERT_QEMU:
		rc = qemu_cpu_read(text, n, name, ret, losses, e);
		break;
	case CONVERT_LIBVIRT:
		rc = libvirt_cpu_read(text, n, name, ret, losses, e);
		break;
	case CONVERT_FIRECRACKER:
		rc = firecracker_cpu_read(text, n, name, ret, losses, e);
		break;
	case CONVERT_TOML:
	case CONVERT_FORMATS:
		break;
	}
	if (rc == 0 && keep_enlightenments(*ret, losses)) {
		policy_doc_destroy(*ret);
		*ret = NULL;
		rc = err_set(e, -ENOMEM, "out of memory");
	}
	return rc;
}

int convert_read(struct convert **ret, enum convert_format from, const char *text, size_t n,
	const char *name, struct losses *losses, struct err *e)
{
	struct convert *c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(e, -ENOMEM, "out of memory");
	c->from = from;
	int rc = convert_doc_read(&c->doc, from, text, n, name, losses, e);
	if (rc == 0)
		rc = convert_config_of(&c->read, c->doc, name, e);
	if (rc) {
		convert_destroy(c);
		return rc;
	}
	c->vm = c->read.vm;
	c->policy = vm_policy_get(c->read.policy);
	*ret = c;
	return 0;
}

int convert_own(struct convert **ret, const struct vm_config *vm, const struct cpu_policy *policy,
	struct err *e)
{
	struct convert *c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(e, -ENOMEM, "out of memory");
	c->from = CONVERT_TOML;
	c->vm = vm;
	c->policy = policy;
	*ret = c;
	return 0;
}

void convert_destroy(struct convert *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->nr_views; i++)
		convert_view_done(&c->views[i]);
	convert_config_done(&c->read);
	policy_doc_destroy(c->doc);
	free(c);
}
