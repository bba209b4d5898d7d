/* SPDX-License-Identifier: MIT */
/* What nestor's own guest of the policy is. */
#include "convert/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void convert_view_done(struct convert_view *v)
{
	if (v->plan)
		machine_plan_done(v->plan);
	free(v->plan);
	free(v->vcpu);
	free(v->made);
	*v = (struct convert_view){ 0 };
}

int convert_view_make(struct convert_view *ret, const struct vm_config *vm,
	const struct cpu_policy *policy, struct err *e)
{
	ret->plan = calloc(1, sizeof(*ret->plan));
	ret->vcpu = malloc(sizeof(*ret->vcpu));
	if (!ret->plan || !ret->vcpu)
		return err_set(e, -ENOMEM, "out of memory");
	int rc = plan_machine(vm, policy, ret->host, /* trace */ NULL, ret->plan, e);
	return rc ? rc : plan_vcpu_cpuid(ret->plan, 0, ret->vcpu, e);
}

/* What of another program's words no host could give. Of a VM's own file that is no news. */
static void name_notes(const struct convert *c, const struct cpu_result *r, struct losses *losses)
{
	char text[CPU_NOTE_BYTES];
	for (unsigned i = 0; i < r->nr_notes; i++) {
		const struct cpu_note *note = &r->notes[i];
		if (note->kind == CPU_NOTE_REMARK)
			losses_note(losses, "%s", cpu_note_text(text, note));
		else if (note->kind == CPU_NOTE_MISSING && c->host_given)
			losses_add(losses, "%s", cpu_note_text(text, note));
		else if (note->kind == CPU_NOTE_MISSING && note->has_feature) {
			char label[FEATURE_PLACE_BYTES];
			losses_add(losses, "%s: no such processor has it",
				feature_label(label, note->feature));
		} else if (note->kind != CPU_NOTE_MISSING) {
			losses_add(losses, "%s", cpu_note_text(text, note));
		}
	}
}

static int plan_on(
	struct convert *c, struct host_facts *made, const struct host_facts *host, struct err *e)
{
	struct convert_view *v = &c->views[c->nr_views];
	*v = (struct convert_view){ .made = made, .host = host };
	int rc = convert_view_make(v, c->vm, c->policy, e);
	if (rc)
		convert_view_done(v);
	else
		c->nr_views++;
	return rc;
}

static int plan_assumed(struct convert *c, struct err *e)
{
	struct err last = ERR_INIT;
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < CONVERT_MAX_GUESTS; i++) {
		struct host_facts *made = malloc(sizeof(*made));
		if (!made)
			return err_set(e, -ENOMEM, "out of memory");
		if (!convert_assume_host(c->policy, i, made)) {
			free(made);
			break;
		}
		struct err why = ERR_INIT;
		rc = plan_on(c, made, made, &why);
		if (rc && why.kind == ERR_HOST && rc != -ENOMEM) {
			last = why;
			rc = 0;
		} else if (rc && e) {
			*e = why;
		}
	}
	if (rc || c->nr_views > 0)
		return rc;
	return err_set_config(e, -EINVAL, "no host could run it: %s",
		last.msg[0] ? last.msg : "no processor of that vendor is known");
}

int convert_plan(
	struct convert *c, const struct host_facts *host, struct losses *losses, struct err *e)
{
	c->host_given = host != NULL;
	int rc = host ? plan_on(c, NULL, host, e) : plan_assumed(c, e);
	if (rc == 0 && c->from != CONVERT_TOML && c->nr_views == 1)
		name_notes(c, &c->views[0].plan->cpu, losses);
	return rc;
}
