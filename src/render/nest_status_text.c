/* SPDX-License-Identifier: MIT */
#include "render/nest_status.h"

#include "base/text_buf.h"
#include "cpuid/engine.h"
#include "render/nest_show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *extension_name(const char *extension)
{
	return strcmp(extension, "vmx") == 0   ? "VMX"
	       : strcmp(extension, "svm") == 0 ? "SVM"
					       : "neither VMX nor SVM";
}

static void show_processor(const struct paint *p, const struct nest_status *s)
{
	const struct nesting_host_status *h = &s->host;
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
	cpu_features_of(&s->facts->processor, s->facts->msrs, s->facts->nr_msrs, &has);
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		const struct feature *f = feature_find(shown[i]);
		if (f && feature_set_has(&has, f->id))
			(void)text_buf_item(&all, ", ", "%s", shown[i]);
	}
	bool hidden = strcmp(h->extensions, "vmx") == 0 && s->facts->nr_msrs == 0;
	nest_show_fact(p, "hardware", "%s%s%s%s", extension_name(h->extensions),
		list[0] ? ": " : "", list,
		hidden ? " (its MSRs cannot be read; `nestor nest probe` says more)" : "");
}

static void show_kvm(const struct paint *p, const struct nest_status *s)
{
	const struct machine_module *m = s->host.module;
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
	int error = s->facts->machine.kvm_device_error;
	nest_show_fact(p, "kvm", "%s%s; /dev/kvm %s; offers guests %s",
		m ? m->name : "neither kvm_intel nor kvm_amd is loaded",
		m && m->builtin ? " (built in)" : "",
		error == ENOENT                     ? "is not there"
		: error == EACCES || error == EPERM ? "may not be opened"
		: error                             ? "cannot be opened"
						    : "can be opened",
		extension_name(s->host.kvm_offers));
	if (list[0])
		nest_show_fact(p, "", "%s", list);
}

static void show_level(const struct paint *p, const struct nest_status *s)
{
	const struct nesting_host_status *h = &s->host;
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
	const struct machine_facts *m = &s->facts->machine;
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

static void show_machine(const struct paint *p, const struct nest_status *s)
{
	const struct machine_facts *m = &s->facts->machine;
	const struct kernel_identity *k = &s->host.kernel;
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
	nest_show_fact(p, "faults", "known ones of Linux until %s (%s)", s->host.records->until,
		s->host.records->records);
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

void nest_status_text(const struct nest_status *s, FILE *out)
{
	struct paint p = paint_to(out);
	bool yes = !s->host.findings.forbidden;
	nest_show_answer(&p, yes, "this host %s virtualization extensions to VMs%s%s",
		yes ? "can expose" : "cannot expose", yes ? ": " : "",
		yes ? extension_name(s->host.kvm_offers) : "");
	show_processor(&p, s);
	show_kvm(&p, s);
	show_level(&p, s);
	show_machine(&p, s);
	nest_show_findings(&p, &s->host.findings);
	for (size_t i = 0; i < s->nr_vms; i++)
		show_vm(&p, &s->vms[i]);
}
