/* SPDX-License-Identifier: MIT */
#include "policy/nest_status.h"

#include <errno.h>
#include <stdlib.h>

static int judge(
	struct nest_status *s, const struct config_source *sources, size_t n, struct err *e)
{
	int rc = nest_facts_create(&s->facts, e);
	if (rc)
		return rc;
	const struct nesting_host host = {
		.machine = &s->facts->machine,
		.processor = &s->facts->processor,
		.msrs = s->facts->msrs,
		.nr_msrs = s->facts->nr_msrs,
		.kvm = s->facts->has_kvm ? &s->facts->kvm : NULL,
		.kvm_error = s->facts->kvm_error.msg,
		.kvm_hint = s->facts->kvm_error.hint,
	};
	nesting_status_of_host(&host, &s->host);
	if (s->host.findings.out_of_memory)
		return err_set(e, -ENOMEM, "out of memory");
	s->vms = n > 0 ? calloc(n, sizeof(*s->vms)) : NULL;
	if (n > 0 && !s->vms)
		return err_set(e, -ENOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = nest_vm_judge(&sources[i], s->facts, &s->host, &s->vms[i], e);
		s->nr_vms = i + 1;
	}
	return rc;
}

int nest_status_create(struct nest_status **ret_status, const struct config_source *sources,
	size_t n, struct err *e)
{
	struct nest_status *s = calloc(1, sizeof(*s));
	int rc = s ? judge(s, sources, n, e) : err_set(e, -ENOMEM, "out of memory");
	if (rc) {
		nest_status_destroy(s);
		return rc;
	}
	*ret_status = s;
	return 0;
}

void nest_status_destroy(struct nest_status *s)
{
	if (s) {
		for (size_t i = 0; i < s->nr_vms; i++)
			nest_vm_done(&s->vms[i]);
		nesting_host_status_done(&s->host);
		nest_facts_destroy(s->facts);
		free(s->vms);
	}
	free(s);
}

bool nest_status_is_yes(const struct nest_status *s)
{
	bool yes = !s->host.findings.forbidden;
	for (size_t i = 0; i < s->nr_vms; i++)
		yes = yes && !s->vms[i].findings.forbidden;
	return yes;
}
