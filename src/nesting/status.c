/* SPDX-License-Identifier: MIT */
#include "nesting/status.h"

#include "base/text_buf.h"
#include "cpuid/engine.h"
#include "nesting/below.h"
#include "nesting/nesting.h"
#include "nesting/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct nesting_parameter parameters[] = {
#include "nesting/parameters.inc"
};

struct range8 {
	unsigned first, last;
};

static const struct generation {
	enum cpuid_vendor vendor;
	unsigned family;
	struct range8 models[8];
	unsigned nr_models;
	struct range8 steppings;
	char name[32];
} generations[] = {
#include "nesting/generations.inc"
};

const struct nesting_parameter *nesting_parameters(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(parameters);
	return parameters;
}

static bool within(struct range8 r, unsigned value)
{
	return value >= r.first && value <= r.last;
}

const char *nesting_generation(
	enum cpuid_vendor vendor, unsigned family, unsigned model, unsigned stepping)
{
	for (size_t i = 0; i < ARRAY_SIZE(generations); i++) {
		const struct generation *g = &generations[i];
		if (g->vendor != vendor || g->family != family || !within(g->steppings, stepping))
			continue;
		for (unsigned k = 0; k < g->nr_models; k++) {
			if (within(g->models[k], model))
				return g->name;
		}
	}
	return NULL;
}

const char *nesting_parameter_value(
	const struct machine_module *module, const struct nesting_parameter *parameter)
{
	for (unsigned i = 0; i < module->nr_parameters; i++) {
		const struct machine_parameter *p = &module->parameters[i];
		for (size_t k = 0; k < ARRAY_SIZE(parameter->names); k++) {
			if (parameter->names[k][0] && strcmp(parameter->names[k], p->name) == 0)
				return p->value;
		}
	}
	return NULL;
}

static bool processor_msr(const struct nesting_host *host, uint32_t index, uint64_t *ret_value)
{
	for (unsigned i = 0; i < host->nr_msrs; i++) {
		if (host->msrs[i].index == index) {
			*ret_value = host->msrs[i].value;
			return true;
		}
	}
	return false;
}

/* --- who the host is --- */

static void read_brand(const struct cpuid_table *table, char ret_brand[49])
{
	uint32_t words[12];
	for (unsigned i = 0; i < 12; i++)
		words[i] = cpuid_value(table, 0x80000002 + i / 4, 0, (enum cpuid_reg)(i % 4));
	char text[sizeof(words) + 1] = "";
	memcpy(text, words, sizeof(words));
	size_t start = strspn(text, " "), end = strlen(text);
	while (end > start && text[end - 1] == ' ')
		end--;
	(void)snprintf(ret_brand, 49, "%.*s", (int)(end - start), text + start);
}

/* kvm_intel or kvm_amd, by the vendor where both are there; else any that stands in for them. */
static const struct machine_module *find_module(
	const struct machine_facts *machine, enum cpuid_vendor vendor)
{
	const struct machine_module *found = NULL;
	for (unsigned i = 0; i < machine->nr_modules; i++) {
		const struct machine_module *m = &machine->modules[i];
		if (strcmp(m->name, vendor == CPUID_VENDOR_AMD ? "kvm_amd" : "kvm_intel") == 0)
			return m;
		if (strcmp(m->name, "kvm") != 0 && !found)
			found = m;
	}
	return found;
}

static void identify(const struct nesting_host *host, struct nesting_host_status *s)
{
	const struct cpuid_table *p = host->processor;
	s->vendor = cpuid_vendor(p);
	cpu_signature_unpack(cpuid_value(p, 1, 0, CPUID_EAX), &s->family, &s->model, &s->stepping);
	s->generation = nesting_generation(s->vendor, s->family, s->model, s->stepping);
	read_brand(p, s->brand);
	s->extensions = cpuid_has_vmx(p) ? "vmx" : cpuid_has_svm(p) ? "svm" : "none";
	s->kvm_offers = host->kvm ? nesting_support(host->kvm).extensions : "none";
	s->module = find_module(host->machine, s->vendor);
	kernel_identify(host->machine, &s->kernel);
	s->records = kernel_records();
	nesting_below(host, s);
}

/* --- what forbids --- */

static const char *vendor_module(const struct nesting_host_status *s)
{
	return s->vendor == CPUID_VENDOR_AMD ? "kvm_amd" : "kvm_intel";
}

static void check_extensions(const struct nesting_host *host, struct nesting_host_status *s)
{
	uint64_t value;
	if (strcmp(s->extensions, "none") == 0) {
		nesting_below_no_extensions(s);
		return;
	}
	/* SDM vol. 3, IA32_FEATURE_CONTROL: bit 0 lock, bit 2 VMX outside SMX. */
	if (cpuid_has_vmx(host->processor) &&
		processor_msr(host, MSR_IA32_FEATURE_CONTROL, &value) && (value & 5) == 1) {
		findings_say(&s->findings, FINDING_FORBIDS, "firmware-lock",
			"the firmware has locked VMX off (IA32_FEATURE_CONTROL is %#llx)",
			(unsigned long long)value);
		findings_fix(&s->findings, "turn VT-x on in the firmware's set-up");
	}
	/* APM vol. 2, VM_CR: bit 4 SVMDIS. */
	if (cpuid_has_svm(host->processor) && processor_msr(host, MSR_VM_CR, &value) &&
		(value & 0x10)) {
		findings_say(&s->findings, FINDING_FORBIDS, "firmware-lock",
			"the firmware has disabled SVM (VM_CR.SVMDIS is set)");
		findings_fix(&s->findings, "turn SVM on in the firmware's set-up");
	}
}

static void check_device(const struct nesting_host *host, struct nesting_host_status *s)
{
	int error = host->machine->kvm_device_error;
	if (error == ENOENT || error == ENODEV || error == ENXIO) {
		findings_say(&s->findings, FINDING_FORBIDS, "no-kvm",
			"there is no usable /dev/kvm: %s",
			s->module ? "the module is there, but the device is not"
				  : "neither kvm_intel nor kvm_amd is loaded");
		if (s->module)
			findings_fix(&s->findings,
				"make the device in this container or chroot (udev does, "
				"outside)");
		else
			findings_fix(&s->findings, "modprobe %s nested=1", vendor_module(s));
	} else if (error == EACCES || error == EPERM) {
		findings_say(&s->findings, FINDING_FORBIDS, "kvm-denied",
			"/dev/kvm is there, but this user may not open it");
		findings_fix(&s->findings,
			"join the group that owns it (usermod -aG kvm USER, and log in again); in "
			"a container, its device rules must allow it");
	} else if (error) {
		findings_say(&s->findings, FINDING_FORBIDS, "kvm-error",
			"/dev/kvm cannot be opened: %s", strerror(error));
	} else if (!host->kvm) {
		findings_say(&s->findings, FINDING_FORBIDS, "kvm-error", "KVM cannot be used: %s",
			host->kvm_error ? host->kvm_error : "unknown");
		if (host->kvm_hint && host->kvm_hint[0])
			findings_fix(&s->findings, "%s", host->kvm_hint);
	}
}

static void fix_parameter(
	struct nesting_host_status *s, const struct nesting_parameter *row, const char *name)
{
	const char *where = row->level == FINDING_FORBIDS || row->feature[0]
				    ? ""
				    : " (no use where the processor lacks it)";
	if (s->module->builtin)
		findings_fix(&s->findings, "boot the kernel with %s.%s=1%s", s->module->name, name,
			where);
	else
		findings_fix(&s->findings,
			"stop all VMs; modprobe -r %s; modprobe %s %s=1; to keep it, write "
			"\"options %s %s=1\" to /etc/modprobe.d/kvm.conf%s",
			s->module->name, s->module->name, name, s->module->name, name, where);
}

/* KVM prints booleans as Y or N, numbers (nested of kvm_amd) as they are. */
static bool is_off(const char *value)
{
	return value[0] == 'N' || value[0] == 'n' || (value[0] == '0' && !value[1]);
}

static void check_parameters(const struct nesting_host *host, struct nesting_host_status *s)
{
	struct feature_set has;
	cpu_features_of(host->processor, NULL, 0, &has);
	for (size_t i = 0; s->module && i < ARRAY_SIZE(parameters); i++) {
		const struct nesting_parameter *row = &parameters[i];
		if (!row->wanted || strcmp(row->module, s->module->name) != 0)
			continue;
		const char *value = nesting_parameter_value(s->module, row);
		if (!value || !is_off(value))
			continue;
		const struct feature *feature = row->feature[0] ? feature_find(row->feature) : NULL;
		bool lacks = feature && !feature_set_has(&has, feature->id);
		findings_say(&s->findings, row->level, "module-parameter", "%s%s", row->text,
			lacks ? "; this processor lacks it" : "");
		if (!lacks)
			fix_parameter(s, row, row->names[0]);
	}
}

static void check_kvm(const struct nesting_host *host, struct nesting_host_status *s)
{
	if (s->module && strcmp(s->module->name, "kvm_intel") != 0 &&
		strcmp(s->module->name, "kvm_amd") != 0 && strcmp(s->kvm_offers, "none") == 0) {
		findings_say(&s->findings, FINDING_FORBIDS, "other-module",
			"KVM runs by %s here, which gives guests neither VMX nor SVM",
			s->module->name);
		findings_fix(&s->findings, "use a host whose KVM runs by kvm_intel or kvm_amd");
	}
	if (host->kvm && strcmp(s->kvm_offers, "none") == 0 && !s->findings.forbidden) {
		findings_say(&s->findings, FINDING_FORBIDS, "kvm-offers-none",
			"KVM offers guests neither VMX nor SVM (KVM_GET_SUPPORTED_CPUID)");
		findings_fix(&s->findings, "modprobe -r %s; modprobe %s nested=1", vendor_module(s),
			vendor_module(s));
	}
	if (host->kvm && strcmp(s->kvm_offers, "none") != 0 && !host->kvm->nested_state) {
		findings_say(&s->findings, FINDING_WEAKENS, "no-nested-state",
			"this KVM cannot save the state of nested guests "
			"(KVM_CAP_NESTED_STATE)");
		findings_fix(&s->findings, "Linux from 4.20 on Intel, from 5.8 on AMD");
	}
}

/* --- what is dangerous, and what weakens --- */

static const char *harm_text(enum nesting_harm harm)
{
	switch (harm) {
	case NESTING_HARM_ESCAPE:
		return "a guest can escape into the host";
	case NESTING_HARM_LEAK:
		return "a guest can read what is not its own";
	case NESTING_HARM_CRASH:
		return "a guest can crash the host";
	case NESTING_HARM_STATE:
		return "state of guests is corrupted";
	}
	return "";
}

static void fix_problem(struct nesting_host_status *s, const struct kernel_problem *p,
	enum kernel_verdict verdict, const struct kernel_version *fix)
{
	char in[KERNEL_VERSION_BYTES];
	(void)kernel_version_text(in, fix ? fix : &p->fixes[p->nr_fixes - 1]);
	const char *series = fix ? "update the kernel: its series has the fix from"
				 : "its series got no fix: update to Linux";
	if (verdict == KERNEL_AFFECTED)
		findings_fix(&s->findings, "%s %s on", series, in);
	else if (strcmp(s->kernel.distribution, "Debian") == 0 && strncmp(p->id, "CVE-", 4) == 0)
		findings_fix(&s->findings,
			"%s %s on, or see https://security-tracker.debian.org/tracker/%s for this "
			"package",
			series, in, p->id);
	else
		findings_fix(&s->findings,
			"%s %s on, or find out whether this kernel's maker has put the fix in",
			series, in);
}

static void check_kernel(const struct nesting_host *host, struct nesting_host_status *s)
{
	if (!s->kernel.known) {
		findings_say(&s->findings, FINDING_WEAKENS, "kernel-version",
			"the kernel's version \"%s\" is not understood, so that known faults "
			"cannot be looked up",
			host->machine->kernel_release);
		return;
	}
	size_t n;
	const struct kernel_problem *all = kernel_problems(&n);
	for (size_t i = 0; i < n; i++) {
		const struct kernel_version *fix;
		if (all[i].vendor != CPUID_VENDOR_OTHER && all[i].vendor != s->vendor)
			continue;
		enum kernel_verdict verdict = kernel_judge(&s->kernel, &all[i], &fix);
		if (verdict == KERNEL_FIXED)
			continue;
		findings_say(&s->findings, FINDING_DANGER, all[i].id,
			"this kernel %s %s: %s through nesting (%s)",
			verdict == KERNEL_AFFECTED ? "has" : "could have", all[i].id,
			harm_text(all[i].harm), all[i].summary);
		fix_problem(s, &all[i], verdict, fix);
	}
}

static void check_vulnerabilities(const struct nesting_host *host, struct nesting_host_status *s)
{
	char list[400];
	struct text_buf names = TEXT_BUF(list);
	for (unsigned i = 0; i < host->machine->nr_vulnerabilities; i++) {
		const struct machine_vulnerability *v = &host->machine->vulnerabilities[i];
		/* Documentation/admin-guide/hw-vuln: the word of the whole, and KVM's own. */
		if (strncmp(v->value, "Vulnerable", 10) != 0 &&
			!strstr(v->value, "KVM: Vulnerable") &&
			!strstr(v->value, "VMX: vulnerable"))
			continue;
		(void)text_buf_item(&names, ", ", "%s", v->name);
	}
	if (names.used == 0)
		return;
	findings_say(&s->findings, FINDING_WEAKENS, "vulnerabilities",
		"the kernel says that nothing guards this processor against %s; guests can read "
		"what is not their own",
		list);
	findings_fix(&s->findings,
		"update microcode and kernel, and boot without mitigations=off (see "
		"/sys/devices/system/cpu/vulnerabilities)");
}

#define LITTLE_MEMORY (512 * MIB)

static void check_machine(const struct nesting_host *host, struct nesting_host_status *s)
{
	const struct machine_facts *m = host->machine;
	if (m->available_bytes && m->available_bytes < LITTLE_MEMORY) {
		findings_say(&s->findings, FINDING_WEAKENS, "memory",
			"%llu MiB of memory are available, which is little for a VM with VMs in "
			"it",
			(unsigned long long)(m->available_bytes / MIB));
		findings_fix(&s->findings, "stop other programs, or give the host more memory");
	}
	if (m->lockdown[0] && strcmp(m->lockdown, "none") != 0)
		findings_say(&s->findings, FINDING_NOTE, "lockdown",
			"kernel lockdown is on (%s): only signed modules load", m->lockdown);
}

void nesting_host_status_done(struct nesting_host_status *status)
{
	findings_done(&status->findings);
	*status = (struct nesting_host_status){ 0 };
}

void nesting_status_of_host(const struct nesting_host *host, struct nesting_host_status *ret_status)
{
	struct nesting_host_status *s = ret_status;
	nesting_host_status_done(s);
	identify(host, s);
	check_extensions(host, s);
	check_device(host, s);
	check_parameters(host, s);
	check_kvm(host, s);
	nesting_below_level(host, s);
	check_kernel(host, s);
	check_vulnerabilities(host, s);
	check_machine(host, s);
}
