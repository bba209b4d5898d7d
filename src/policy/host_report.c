/* SPDX-License-Identifier: MIT */
#include "policy/host_report.h"

#include "host/machine_facts.h"
#include "setup/setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_of_processor(const struct machine_module *m)
{
	return strcmp(m->name, "kvm_intel") == 0 || strcmp(m->name, "kvm_amd") == 0;
}

static void take_module(struct host_report *r, const struct machine_module *m)
{
	for (unsigned i = 0; i < m->nr_parameters; i++) {
		const struct machine_parameter *p = &m->parameters[i];
		if (strcmp(p->name, "nested") != 0 || !p->value[0])
			continue;
		bool on = p->value[0] == '1' || p->value[0] == 'Y';
		(void)snprintf(r->module, sizeof(r->module), "%s", m->name);
		(void)snprintf(r->module_nested, sizeof(r->module_nested), "%s", on ? "on" : "off");
	}
}

void host_report_module(struct host_report *r, const struct machine_facts *machine)
{
	(void)snprintf(r->module, sizeof(r->module), "unknown");
	r->module_nested[0] = '\0';
	for (unsigned i = 0; i < machine->nr_modules; i++) {
		if (is_of_processor(&machine->modules[i]))
			take_module(r, &machine->modules[i]);
	}
}

static int find_module(struct host_report *r, struct err *e)
{
	struct machine_facts *machine = calloc(1, sizeof(*machine));
	if (!machine)
		return err_set(e, -ENOMEM, "out of memory");
	machine_facts_read("", machine);
	host_report_module(r, machine);
	free(machine);
	return 0;
}

static int ask(struct host_report *r, struct err *e)
{
	struct kvm *kvm = NULL;
	int rc = kvm_open(&kvm, &kvm_calls_real, KVM_DEVICE_PATH, e);
	if (rc == 0)
		rc = kvm_host_facts(kvm, &r->facts, e);
	if (rc) {
		kvm_close(kvm);
		return rc;
	}
	r->kept_error = (struct err)ERR_INIT;
	if (setup_host_kept(kvm, &r->facts, &r->kept_error) == 0)
		cpu_kept_of_host(&r->facts, &r->kept);
	r->api_version = kvm_api_version(kvm);
	r->caps = kvm_capabilities(&r->nr_caps);
	for (size_t i = 0; i < r->nr_caps && i < ARRAY_SIZE(r->cap_values); i++)
		r->cap_values[i] = kvm_check_extension(kvm, r->caps[i].number);
	kvm_close(kvm);
	r->nesting = nesting_support(&r->facts);
	rc = find_module(r, e);
	if (rc)
		return rc;
	if (uname(&r->kernel) < 0)
		return err_set_errno(e, -errno, "uname");
	return 0;
}

int host_report_create(struct host_report **ret_report, struct err *e)
{
	struct host_report *r = calloc(1, sizeof(*r));
	int rc = r ? ask(r, e) : err_set(e, -ENOMEM, "out of memory");
	if (rc)
		free(r);
	else
		*ret_report = r;
	return rc;
}
