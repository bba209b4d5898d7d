/* SPDX-License-Identifier: MIT */
/* nestor nest status: whether this host, and VMs, can nest. YES or NO, with every reason. */
#include "cli/nest.h"

#include "base/text_buf.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cpuid/engine.h"
#include "nesting/status.h"
#include "policy/nest_vm.h"
#include "render/nest_show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FILES 256

struct status_args {
	struct config_args config; /* --set, for every file */
	const char *files[MAX_FILES];
	size_t nr_files;
	bool json;
};

/* All that is printed, gathered first, so that text and JSON cannot differ. */
struct status_report {
	struct nest_facts *facts;
	struct nesting_host_status host;
	struct nest_vm *vms;
	size_t nr_vms;
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct status_args *args = state->input;
	switch (option) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->config;
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (args->nr_files == MAX_FILES) {
			argp_error(state, "more than %d files", MAX_FILES);
			return EINVAL;
		}
		args->files[args->nr_files++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (args->nr_files == 0 && args->config.nr_overrides > 0)
			argp_error(state, "--set is for a VM's file, and none is given");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ 0 },
};
static const struct argp_child children[] = { { &policy_argp, 0, NULL, 0 }, { 0 } };
static const struct argp argp = {
	.options = options,
	.children = children,
	.parser = parse,
	.args_doc = "[vm.toml...]",
	.doc = "Say whether this host can expose virtualization extensions to VMs, and whether "
	       "each VM may and can be a hypervisor: YES or NO, with every reason and its fix."
	       "\vThe exit status is 0 where every answer is YES, and 1 where one is NO.",
};

/* --- for people --- */

static const char *extension_name(const char *extension)
{
	return strcmp(extension, "vmx") == 0   ? "VMX"
	       : strcmp(extension, "svm") == 0 ? "SVM"
					       : "neither VMX nor SVM";
}

static void show_processor(const struct paint *p, const struct status_report *r)
{
	const struct nesting_host_status *h = &r->host;
	nest_show_fact(p, "processor", "%s%s%s; family %#x, model %#x, stepping %#x",
		h->brand[0] ? h->brand : "unknown", h->generation ? ": " : "",
		h->generation ? h->generation : "", h->family, h->model, h->stepping);
	/* What the processor itself has; of VMX, that takes its MSRs. */
	static const char *const shown[] = { "npt", "nrip-save", "vgif", "v-vmsave-vmload", "avic",
		"vnmi", "lbrv", "tsc-scale", "pause-filter", "flushbyasid", "decodeassists",
		"vmx-ept", "vmx-vpid", "vmx-unrestricted-guest", "vmx-shadow-vmcs", "vmx-apicv-vid",
		"vmx-posted-intr", "vmx-flexpriority", "vmx-preemption-timer", "vmx-eptad",
		"vmx-pml", "vmx-vmfunc" };
	struct feature_set has;
	char list[400];
	struct text_buf all = TEXT_BUF(list);
	cpu_features_of(&r->facts->processor, r->facts->msrs, r->facts->nr_msrs, &has);
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		const struct feature *f = feature_find(shown[i]);
		if (f && feature_set_has(&has, f->id))
			(void)text_buf_item(&all, ", ", "%s", shown[i]);
	}
	bool hidden = strcmp(h->extensions, "vmx") == 0 && r->facts->nr_msrs == 0;
	nest_show_fact(p, "hardware", "%s%s%s%s", extension_name(h->extensions),
		list[0] ? ": " : "", list,
		hidden ? " (its MSRs cannot be read; `nestor nest probe` says more)" : "");
}

static void show_kvm(const struct paint *p, const struct status_report *r)
{
	const struct machine_module *m = r->host.module;
	char list[600];
	struct text_buf all = TEXT_BUF(list);
	size_t n;
	const struct nesting_parameter *rows = nesting_parameters(&n);
	for (size_t i = 0; m && i < n; i++) {
		const char *value = strcmp(rows[i].module, m->name) == 0
					    ? nesting_parameter_value(m, &rows[i])
					    : NULL;
		if (value)
			(void)text_buf_item(&all, " ", "%s=%s", rows[i].names[0], value);
	}
	int error = r->facts->machine.kvm_device_error;
	nest_show_fact(p, "kvm", "%s%s; /dev/kvm %s; offers guests %s",
		m ? m->name : "neither kvm_intel nor kvm_amd is loaded",
		m && m->builtin ? " (built in)" : "",
		error == ENOENT                     ? "is not there"
		: error == EACCES || error == EPERM ? "may not be opened"
		: error                             ? "cannot be opened"
						    : "can be opened",
		extension_name(r->host.kvm_offers));
	if (list[0])
		nest_show_fact(p, "", "%s", list);
}

static void show_level(const struct paint *p, const struct status_report *r)
{
	const struct nesting_host_status *h = &r->host;
	char depth[80] = "";
	if (h->depth_known)
		(void)snprintf(depth, sizeof(depth), "; %u more level%s of VMs may be hypervisors",
			h->depth, h->depth == 1 ? "" : "s");
	char enlightened[40] = "";
	if (h->hyperv_nested & 0xff)
		(void)snprintf(enlightened, sizeof(enlightened), "; it offers enlightened VMCS %u",
			h->hyperv_nested & 0xff);
	if (h->hyperv == HYPERV_ROOT || h->xen_control)
		nest_show_fact(p, "level", "0: this host is the %s, which is below it",
			h->xen_control ? "control domain of Xen" : "root partition of Hyper-V");
	else if (h->in_vm)
		nest_show_fact(p, "level", "1 or deeper: this host is a VM of %s%s%s",
			h->hypervisor     ? h->hypervisor
			: h->signature[0] ? h->signature
					  : "a hypervisor that does not say its name",
			enlightened, depth);
	else
		nest_show_fact(p, "level", "0: no hypervisor shows itself");
	const struct machine_facts *m = &r->facts->machine;
	if (m->system_vendor[0] || m->product[0])
		nest_show_fact(p, "machine", "%s %s", m->system_vendor, m->product);
}

static const char *tristate(enum machine_tristate value)
{
	switch (value) {
	case MACHINE_YES:
		return "on";
	case MACHINE_NO:
		return "off";
	case MACHINE_UNKNOWN:
		break;
	}
	return "not known";
}

/* Without /proc the kernel does not say. */
static void show_memory(const struct paint *p, const struct machine_facts *m, const char *pages)
{
	char total[40] = "not known", available[60] = ", how much of it is available is not known";
	if (m->memory_bytes)
		(void)snprintf(total, sizeof(total), "%" PRIu64 " MiB", m->memory_bytes / MIB);
	if (m->available_bytes)
		(void)snprintf(available, sizeof(available), ", %" PRIu64 " MiB available",
			m->available_bytes / MIB);
	nest_show_fact(p, "memory", "%s%s; %s", total, m->memory_bytes ? available : "",
		pages[0] ? pages : "no huge pages");
}

static void show_machine(const struct paint *p, const struct status_report *r)
{
	const struct machine_facts *m = &r->facts->machine;
	const struct kernel_identity *k = &r->host.kernel;
	char pages[200];
	struct text_buf all = TEXT_BUF(pages);
	nest_show_fact(p, "kernel", "Linux %s%s%s%s%s%s", m->kernel_release,
		k->distribution[0] ? " (" : "", k->distribution, k->distribution[0] ? " " : "",
		k->package, k->distribution[0] ? ")" : "");
	for (unsigned i = 0; i < m->nr_hugepages; i++) {
		if (m->hugepages[i].total)
			(void)text_buf_item(&all, ", ",
				"%" PRIu64 " of %" PRIu64 " huge pages of %" PRIu64 " MiB free",
				m->hugepages[i].free, m->hugepages[i].total,
				m->hugepages[i].size_bytes / MIB);
	}
	nest_show_fact(p, "faults", "known ones of Linux until %s (%s)", r->host.records->until,
		r->host.records->records);
	show_memory(p, m, pages);
	nest_show_fact(p, "security", "Secure Boot %s; lockdown %s", tristate(m->secure_boot),
		m->lockdown[0] ? m->lockdown : "not known");
}

static void show_vm(const struct paint *p, const struct nest_vm *vm)
{
	bool yes = !vm->findings.forbidden;
	paint_end(p);
	if (!vm->read)
		nest_show_answer(p, yes, "%s", vm->path);
	else
		nest_show_answer(p, yes, "%s (%s): %s", vm->path, vm->name,
			yes ? "can be a hypervisor" : "cannot be a hypervisor");
	if (vm->read)
		nest_show_fact(p, "profile", "%s; %" PRIu64 " MiB%s%s", vm->profile,
			vm->memory_bytes / MIB, vm->planned ? "; gets " : "",
			!vm->planned  ? ""
			: vm->exposed ? extension_name(vm->extensions)
				      : "nothing now");
	nest_show_findings(p, &vm->findings);
}

static int print_text(const struct status_report *r)
{
	struct paint p = paint_to(stdout);
	bool yes = !r->host.findings.forbidden;
	nest_show_answer(&p, yes, "this host %s virtualization extensions to VMs%s%s",
		yes ? "can expose" : "cannot expose", yes ? ": " : "",
		yes ? extension_name(r->host.kvm_offers) : "");
	show_processor(&p, r);
	show_kvm(&p, r);
	show_level(&p, r);
	show_machine(&p, r);
	nest_show_findings(&p, &r->host.findings);
	for (size_t i = 0; i < r->nr_vms; i++)
		show_vm(&p, &r->vms[i]);
	return 0;
}

/* --- JSON --- */

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

static json_t *json_processor(const struct status_report *r)
{
	const struct nesting_host_status *h = &r->host;
	static const char *const vendors[] = { "other", "intel", "amd" };
	return json_pack("{s:s, s:o, s:i, s:i, s:i, s:o, s:s}", "vendor",
		vendors[h->vendor <= CPUID_VENDOR_AMD ? h->vendor : 0], "brand",
		json_text(h->brand), "family", (int)h->family, "model", (int)h->model, "stepping",
		(int)h->stepping, "generation", json_text(h->generation), "extensions",
		h->extensions);
}

static json_t *json_kvm(const struct status_report *r)
{
	const struct machine_facts *m = &r->facts->machine;
	return json_pack("{s:o, s:o, s:o, s:s, s:b}", "module",
		json_text(r->host.module ? r->host.module->name : NULL), "modules", json_modules(m),
		"device_error",
		json_text(m->kvm_device_error ? strerror(m->kvm_device_error) : NULL), "offers",
		r->host.kvm_offers, "nested_state",
		r->facts->has_kvm && r->facts->kvm.nested_state);
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

static json_t *json_host(const struct status_report *r)
{
	const struct machine_facts *m = &r->facts->machine;
	const struct nesting_host_status *h = &r->host;
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
		!h->findings.forbidden, "processor", json_processor(r), "kvm", json_kvm(r), "level",
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

static int print_json(const struct status_report *r)
{
	json_t *vms = json_array();
	for (size_t i = 0; i < r->nr_vms; i++)
		(void)json_array_append_new(vms, json_vm(&r->vms[i]));
	return json_out(json_pack("{s:o, s:o}", "host", json_host(r), "vms", vms),
		/* pretty */ true, stdout);
}

/* --- */

static int check_files(const struct status_args *args, struct err *e)
{
	for (size_t i = 0; i < args->nr_files; i++) {
		if (access(args->files[i], R_OK) == 0)
			continue;
		int rc = err_set_errno(e, -errno, "cannot read %s", args->files[i]);
		if (e)
			e->kind = ERR_CONFIG;
		return rc;
	}
	return 0;
}

static int gather(struct status_args *args, struct status_report *r, struct err *e)
{
	int rc = check_files(args, e);
	if (rc == 0)
		rc = nest_facts_create(&r->facts, e);
	if (rc)
		return rc;
	struct nesting_host host = {
		.machine = &r->facts->machine,
		.processor = &r->facts->processor,
		.msrs = r->facts->msrs,
		.nr_msrs = r->facts->nr_msrs,
		.kvm = r->facts->has_kvm ? &r->facts->kvm : NULL,
		.kvm_error = r->facts->kvm_error.msg,
		.kvm_hint = r->facts->kvm_error.hint,
	};
	nesting_status_of_host(&host, &r->host);
	r->vms = args->nr_files ? calloc(args->nr_files, sizeof(*r->vms)) : NULL;
	if (args->nr_files && !r->vms)
		return err_set(e, -ENOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < args->nr_files; i++) {
		struct config_source source = config_args_source(&args->config);
		source.name = args->files[i];
		rc = nest_vm_judge(&source, r->facts, &r->host, &r->vms[i], e);
		r->nr_vms = i + 1;
	}
	return rc;
}

static int answer(const struct status_report *r)
{
	bool yes = !r->host.findings.forbidden;
	for (size_t i = 0; i < r->nr_vms; i++)
		yes = yes && !r->vms[i].findings.forbidden;
	return yes ? STATUS_OK : STATUS_NO;
}

int cmd_nest_status(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct status_args *args = calloc(1, sizeof(*args));
	struct status_report *r = calloc(1, sizeof(*r));
	int status = STATUS_CONFIG;
	if (!args || !r) {
		(void)err_set(&e, -ENOMEM, "out of memory");
		status = cli_fail(&e);
	} else if (args_parse(&argp, argc, argv, args) == 0) {
		int rc = gather(args, r, &e);
		if (rc == 0) {
			rc = args->json ? print_json(r) : print_text(r);
			if (rc == -ENOMEM)
				(void)err_set(&e, rc, "out of memory");
		}
		status = rc && rc != -EIO ? cli_fail(&e) : cli_flush(STATUS_OK);
		if (status == STATUS_OK)
			status = answer(r);
	}
	if (r) {
		nest_facts_destroy(r->facts);
		free(r->vms);
	}
	free(r);
	free(args);
	return status;
}
