/* SPDX-License-Identifier: MIT */
#include "render/nest_status.h"

#include "render/json_out.h"
#include "render/nest_show.h"

#include <string.h>

static json_t *json_tristate(enum machine_tristate value)
{
	return value == MACHINE_UNKNOWN ? json_null() : json_boolean(value == MACHINE_YES);
}

static json_t *json_modules(const struct machine_facts *m)
{
	json_t *modules = json_object();
	for (unsigned i = 0; i < m->nr_modules; i++) {
		json_t *parameters = json_object();
		for (unsigned k = 0; k < m->modules[i].nr_parameters; k++) {
			const struct machine_parameter *q = &m->modules[i].parameters[k];
			(void)json_object_set_new(parameters, q->name, json_text(q->value));
		}
		json_t *module = json_pack(
			"{s:b, s:o}", "builtin", m->modules[i].builtin, "parameters", parameters);
		(void)json_object_set_new(modules, m->modules[i].name, module);
	}
	return modules;
}

/* null: the kernel does not say. */
static json_t *json_known(uint64_t bytes)
{
	return bytes ? json_integer((json_int_t)bytes) : json_null();
}

static json_t *json_memory(const struct machine_facts *m)
{
	json_t *pages = json_array();
	for (unsigned i = 0; i < m->nr_hugepages; i++)
		(void)json_array_append_new(
			pages, json_pack("{s:I, s:I, s:I}", "size_bytes",
				       (json_int_t)m->hugepages[i].size_bytes, "total",
				       (json_int_t)m->hugepages[i].total, "free",
				       (json_int_t)m->hugepages[i].free));
	return json_pack("{s:o, s:o, s:o}", "total_bytes", json_known(m->memory_bytes),
		"available_bytes", json_known(m->available_bytes), "hugepages", pages);
}

static json_t *json_processor(const struct nest_status *s)
{
	const struct nesting_host_status *h = &s->host;
	static const char *const vendors[] = { "other", "intel", "amd" };
	return json_pack("{s:s, s:o, s:i, s:i, s:i, s:o, s:s}", "vendor",
		vendors[h->vendor <= CPUID_VENDOR_AMD ? h->vendor : 0], "brand",
		json_text(h->brand), "family", (int)h->family, "model", (int)h->model, "stepping",
		(int)h->stepping, "generation", json_text(h->generation), "extensions",
		h->extensions);
}

static json_t *json_kvm(const struct nest_status *s)
{
	const struct machine_facts *m = &s->facts->machine;
	return json_pack("{s:o, s:o, s:o, s:s, s:b}", "module",
		json_text(s->host.module ? s->host.module->name : NULL), "modules", json_modules(m),
		"device_error",
		json_text(m->kvm_device_error ? strerror(m->kvm_device_error) : NULL), "offers",
		s->host.kvm_offers, "nested_state",
		s->facts->has_kvm && s->facts->kvm.nested_state);
}

static json_t *json_level(const struct nesting_host_status *h, const struct machine_facts *m)
{
	static const char *const partitions[] = { NULL, "guest", "root" };
	return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:b, s:b}", "vm", h->in_vm, "signature",
		json_text(h->signature), "hypervisor", json_text(h->hypervisor), "depth_below",
		h->depth_known ? json_integer((json_int_t)h->depth) : json_null(),
		"hyperv_partition", json_text(partitions[h->hyperv]), "hyperv_nested_features",
		h->hyperv_nested ? json_integer((json_int_t)h->hyperv_nested) : json_null(), "mshv",
		m->mshv, "xen_control_domain", h->xen_control);
}

static json_t *json_host(const struct nest_status *s)
{
	const struct machine_facts *m = &s->facts->machine;
	const struct nesting_host_status *h = &s->host;
	json_t *vulnerabilities = json_object();
	for (unsigned i = 0; i < m->nr_vulnerabilities; i++)
		(void)json_object_set_new(vulnerabilities, m->vulnerabilities[i].name,
			json_text(m->vulnerabilities[i].value));
	json_t *kernel =
		json_pack("{s:o, s:o, s:o, s:o, s:s, s:s}", "release", json_text(m->kernel_release),
			"version", json_text(m->kernel_version), "distribution",
			json_text(h->kernel.distribution), "package", json_text(h->kernel.package),
			"faults_until", h->records->until, "faults_records", h->records->records);
	return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "can_nest",
		!h->findings.forbidden, "processor", json_processor(s), "kvm", json_kvm(s), "level",
		json_level(h, m), "kernel", kernel, "memory", json_memory(m), "secure_boot",
		json_tristate(m->secure_boot), "lockdown", json_text(m->lockdown), "system_vendor",
		json_text(m->system_vendor), "product", json_text(m->product), "vulnerabilities",
		vulnerabilities, "findings", nest_json_findings(&h->findings));
}

static json_t *json_vm(const struct nest_vm *vm)
{
	return json_pack("{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "file", json_text(vm->path),
		"name", json_text(vm->name), "can_nest", !vm->findings.forbidden, "exposed",
		vm->read ? json_boolean(vm->exposed) : json_null(), "profile",
		json_text(vm->profile), "memory_bytes",
		vm->read ? json_integer((json_int_t)vm->memory_bytes) : json_null(), "extensions",
		json_text(vm->extensions), "findings", nest_json_findings(&vm->findings));
}

json_t *nest_status_json(const struct nest_status *s)
{
	json_t *vms = json_array();
	for (size_t i = 0; i < s->nr_vms; i++)
		(void)json_array_append_new(vms, json_vm(&s->vms[i]));
	return json_pack("{s:o, s:o}", "host", json_host(s), "vms", vms);
}
