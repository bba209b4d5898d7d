/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"
#include "fake/hosts.h"

#include "nesting/probe.h"
#include "nesting/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* A host on which nothing is wrong, which tests then spoil. */
struct fixture {
	struct machine_facts machine;
	struct host_facts kvm;
	struct cpuid_table processor;
	struct msr_value msrs[4];
	struct nesting_host host;
	struct nesting_host_status status;
};

static struct machine_module *add_module(struct fixture *f, const char *name)
{
	struct machine_module *m = &f->machine.modules[f->machine.nr_modules++];
	*m = (struct machine_module){ 0 };
	(void)snprintf(m->name, sizeof(m->name), "%s", name);
	return m;
}

static void set_parameter(struct machine_module *m, const char *name, const char *value)
{
	unsigned i = 0;
	while (i < m->nr_parameters && strcmp(m->parameters[i].name, name) != 0)
		i++;
	if (i == m->nr_parameters)
		m->nr_parameters++;
	(void)snprintf(m->parameters[i].name, sizeof(m->parameters[i].name), "%s", name);
	(void)snprintf(m->parameters[i].value, sizeof(m->parameters[i].value), "%s", value);
}

/* Every parameter that is better on, on. */
static struct machine_module *add_vendor_module(struct fixture *f, const char *name)
{
	struct machine_module *m = add_module(f, name);
	size_t n;
	const struct nesting_parameter *rows = nesting_parameters(&n);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].module, name) == 0 && rows[i].wanted)
			set_parameter(m, rows[i].names[0], "Y");
	}
	return m;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	*state = f;
	f->machine.memory_bytes = 8 * GIB;
	f->machine.available_bytes = 4 * GIB;
	(void)snprintf(f->machine.kernel_release, sizeof(f->machine.kernel_release), "9.9.9");
	(void)add_module(f, "kvm");
	f->host = (struct nesting_host){
		.machine = &f->machine, .processor = &f->processor, .kvm = &f->kvm
	};
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	nesting_host_status_done(&f->status);
	free(f);
	return 0;
}

static struct machine_module *amd(struct fixture *f)
{
	host_amd(&f->kvm, true);
	f->kvm.nested_state = true;
	f->processor = f->kvm.supported;
	cpuid_find(&f->processor, 1, 0)->reg[CPUID_ECX] &= ~UINT32_C(0x80000000);
	return add_vendor_module(f, "kvm_amd");
}

static struct machine_module *intel(struct fixture *f)
{
	host_intel(&f->kvm, true);
	f->kvm.nested_state = true;
	f->processor = f->kvm.supported;
	cpuid_find(&f->processor, 1, 0)->reg[CPUID_ECX] &= ~UINT32_C(0x80000000);
	return add_vendor_module(f, "kvm_intel");
}

static const struct nesting_host_status *judge(struct fixture *f)
{
	nesting_status_of_host(&f->host, &f->status);
	return &f->status;
}

static const struct finding *finding(const struct nesting_host_status *s, const char *id)
{
	for (unsigned i = 0; i < s->findings.n; i++) {
		if (strcmp(s->findings.items[i].id, id) == 0)
			return &s->findings.items[i];
	}
	return NULL;
}

static void assert_finding(const struct nesting_host_status *s, const char *id,
	enum finding_level level, const char *text, const char *fix)
{
	const struct finding *item = finding(s, id);
	if (!item)
		fail_msg("no finding %s", id);
	assert_int_equal(item->level, level);
	assert_contains(item->text, text);
	assert_contains(item->fix ? item->fix : "", fix);
	if (level == FINDING_FORBIDS)
		assert_true(s->findings.forbidden);
}

static void host__good_amd__yes_without_findings(void **state)
{
	struct fixture *f = *state;
	(void)amd(f);
	const struct nesting_host_status *s = judge(f);
	assert_int_equal(s->findings.n, 0);
	assert_false(s->findings.forbidden);
	assert_string_equal(s->extensions, "svm");
	assert_string_equal(s->kvm_offers, "svm");
	assert_string_equal(s->generation, "Zen 3");
	assert_string_equal(s->module->name, "kvm_amd");
	assert_false(s->in_vm);
}

static void host__good_intel__yes_without_findings(void **state)
{
	struct fixture *f = *state;
	(void)intel(f);
	const struct nesting_host_status *s = judge(f);
	assert_int_equal(s->findings.n, 0);
	assert_string_equal(s->extensions, "vmx");
	assert_string_equal(s->module->name, "kvm_intel");
}

static void host__no_extensions__says_firmware_or_hypervisor(void **state)
{
	struct fixture *f = *state;
	(void)amd(f);
	host_amd(&f->kvm, false);
	f->processor = f->kvm.supported;
	cpuid_find(&f->processor, 1, 0)->reg[CPUID_ECX] &= ~UINT32_C(0x80000000);
	assert_finding(
		judge(f), "no-extensions", FINDING_FORBIDS, "neither VMX nor SVM", "firmware");
	cpuid_find(&f->processor, 1, 0)->reg[CPUID_ECX] |= UINT32_C(0x80000000);
	assert_finding(judge(f), "no-extensions", FINDING_FORBIDS, "neither VMX nor SVM",
		"expose_virtualization_extensions = true");
}

static void host__firmware_locks__forbid(void **state)
{
	struct fixture *f = *state;
	(void)intel(f);
	f->msrs[0] = (struct msr_value){ 0x3a, 1 };
	f->host.msrs = f->msrs;
	f->host.nr_msrs = 1;
	assert_finding(judge(f), "firmware-lock", FINDING_FORBIDS, "locked VMX off", "VT-x");
	f->msrs[0].value = 5;
	assert_null(finding(judge(f), "firmware-lock"));
	f->msrs[0].value = 0; /* KVM locks it itself */
	assert_null(finding(judge(f), "firmware-lock"));
	f->machine.nr_modules = 1;
	(void)amd(f);
	f->msrs[0] = (struct msr_value){ MSR_VM_CR, 0x18 };
	assert_finding(judge(f), "firmware-lock", FINDING_FORBIDS, "SVMDIS", "firmware");
}

static void host__no_module_and_device__says_modprobe(void **state)
{
	struct fixture *f = *state;
	(void)intel(f);
	f->machine.nr_modules = 1;
	f->machine.kvm_device_error = ENOENT;
	f->host.kvm = NULL;
	assert_finding(judge(f), "no-kvm", FINDING_FORBIDS, "neither kvm_intel nor kvm_amd",
		"modprobe kvm_intel nested=1");
	assert_null(f->status.module);
	assert_string_equal(f->status.kvm_offers, "none");
}

static void host__device_missing_or_denied__said_apart(void **state)
{
	struct fixture *f = *state;
	(void)amd(f);
	f->host.kvm = NULL;
	f->machine.kvm_device_error = ENOENT;
	assert_finding(judge(f), "no-kvm", FINDING_FORBIDS, "the module is there", "container");
	f->machine.kvm_device_error = EACCES;
	assert_finding(judge(f), "kvm-denied", FINDING_FORBIDS, "may not open it", "group");
	f->machine.kvm_device_error = EBUSY;
	assert_finding(judge(f), "kvm-error", FINDING_FORBIDS, "cannot be opened", "");
	f->machine.kvm_device_error = 0;
	f->host.kvm_error = "lacks KVM_CAP_X";
	f->host.kvm_hint = "a newer kernel";
	assert_finding(judge(f), "kvm-error", FINDING_FORBIDS, "lacks KVM_CAP_X", "a newer kernel");
}

/* Every row of the table that is better on, off in turn; and its other name. */
static void parameters__each_off__found_with_its_level_and_fix(void **state)
{
	struct fixture *f = *state;
	size_t n;
	const struct nesting_parameter *rows = nesting_parameters(&n);
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].wanted)
			continue;
		f->machine.nr_modules = 1;
		struct machine_module *m =
			strcmp(rows[i].module, "kvm_amd") == 0 ? amd(f) : intel(f);
		if (strcmp(rows[i].module, "kvm_amd") == 0)
			cpuid_find(&f->processor, 0x8000000a, 0)->reg[CPUID_EDX] = UINT32_MAX;
		set_parameter(m, rows[i].names[0], i % 2 ? "N" : "0");
		char fix[64];
		(void)snprintf(fix, sizeof(fix), "modprobe %s %s=1", m->name, rows[i].names[0]);
		assert_finding(judge(f), "module-parameter", rows[i].level, rows[i].text, fix);
		assert_int_equal(f->status.findings.forbidden, rows[i].level == FINDING_FORBIDS);
		m->builtin = true;
		(void)snprintf(fix, sizeof(fix), "%s.%s=1", m->name, rows[i].names[0]);
		assert_finding(judge(f), "module-parameter", rows[i].level, rows[i].text, fix);
	}
}

static void parameters__newer_name_or_absent__taken_as_such(void **state)
{
	struct fixture *f = *state;
	struct machine_module m = { .name = "kvm_intel" };
	size_t n;
	const struct nesting_parameter *rows = nesting_parameters(&n);
	unsigned seconds = 0;
	for (size_t i = 0; i < n; i++) {
		assert_null(nesting_parameter_value(&m, &rows[i]));
		if (!rows[i].names[1][0])
			continue;
		set_parameter(&m, rows[i].names[1], "Y");
		assert_string_equal(nesting_parameter_value(&m, &rows[i]), "Y");
		m.nr_parameters = 0;
		seconds++;
	}
	assert_true(seconds > 0);
	/* A module that says nothing is not off. */
	amd(f)->nr_parameters = 0;
	assert_int_equal(judge(f)->findings.n, 0);
}

static void parameters__processor_lacks_it__no_fix(void **state)
{
	struct fixture *f = *state;
	set_parameter(amd(f), "vgif", "0");
	cpuid_find(&f->processor, 0x8000000a, 0)->reg[CPUID_EDX] &= ~(UINT32_C(1) << 16);
	assert_finding(judge(f), "module-parameter", FINDING_NOTE, "this processor lacks it", "");
	assert_null(finding(&f->status, "module-parameter")->fix);
}

static void kvm__another_module__forbids(void **state)
{
	struct fixture *f = *state;
	(void)intel(f);
	f->machine.nr_modules = 1;
	(void)add_module(f, "kvm_other");
	host_intel(&f->kvm, false);
	assert_finding(
		judge(f), "other-module", FINDING_FORBIDS, "kvm_other", "kvm_intel or kvm_amd");
}

static void kvm__offers_none_for_no_reason__forbids(void **state)
{
	struct fixture *f = *state;
	(void)amd(f);
	host_amd(&f->kvm, false);
	assert_finding(judge(f), "kvm-offers-none", FINDING_FORBIDS, "neither", "nested=1");
}

static void kvm__no_nested_state__weakens(void **state)
{
	struct fixture *f = *state;
	(void)amd(f);
	f->kvm.nested_state = false;
	assert_finding(judge(f), "no-nested-state", FINDING_WEAKENS, "cannot save", "5.8");
	assert_false(f->status.findings.forbidden);
}

static void put_hypervisor(struct fixture *f, uint32_t leaf, const char *signature)
{
	uint32_t words[3] = { 0 };
	memcpy(words, signature, strnlen(signature, sizeof(words)));
	struct cpuid_entry *e = cpuid_put(&f->processor, leaf, 0, false);
	memcpy(&e->reg[CPUID_EBX], words, sizeof(words));
	cpuid_find(&f->processor, 1, 0)->reg[CPUID_ECX] |= UINT32_C(0x80000000);
}

static void level__signatures__are_named(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *signature, *name;
	} rows[] = { { "KVMKVMKVM", "KVM" }, { "XenVMMXenVMM", "Xen" },
		{ "VMwareVMware", "VMware" }, { "TCGTCGTCGTCG", "TCG" },
		{ "Microsoft Hv", "Hyper-V" }, { "bhyve bhyve ", "bhyve" },
		{ "VBoxVBoxVBox", "VirtualBox" }, { " lrpepyh  vr", "Parallels" },
		{ "QNXQVMBSQG", "QNX" }, { "ACRNACRNACRN", "ACRN" },
		{ "Linux KVM Hv", "KVM with Hyper-V" } };
	(void)amd(f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put_hypervisor(f, 0x40000000, rows[i].signature);
		assert_finding(judge(f), "in-vm", FINDING_NOTE, rows[i].name, "");
		assert_true(f->status.in_vm);
		assert_string_equal(f->status.signature, rows[i].signature);
	}
	put_hypervisor(f, 0x40000000, "Who?\033[31mAmI");
	assert_finding(judge(f), "in-vm", FINDING_NOTE, "not known", "");
	put_hypervisor(f, 0x40000000, "Microsoft Hv");
	put_hypervisor(f, 0x40000100, "KVMKVMKVM");
	assert_finding(judge(f), "in-vm", FINDING_NOTE, "KVM with Hyper-V", "");
}

static void put_depth(struct fixture *f, uint32_t depth);

/* Each hypervisor that is known, with the processor's extensions hidden: what to do there. */
static void level__no_extensions__says_what_the_one_below_needs(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *signature, *fix;
	} rows[] = { { "KVMKVMKVM", "nested=1" },
		{ "Microsoft Hv",
			"Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true" },
		{ "VMwareVMware", "vhv.enable = \"TRUE\"" }, { "XenVMMXenVMM", "nestedhvm = 1" },
		{ "VBoxVBoxVBox", "--nested-hw-virt on" }, { " lrpepyh  vr", "--nested-virt on" },
		{ " prl hyperv ", "--nested-virt on" }, { "bhyve bhyve ", "neither VMX nor SVM" },
		{ "QNXQVMBSQG", "neither VMX nor SVM" },
		{ "ACRNACRNACRN", "GUEST_FLAG_NVMX_ENABLED" }, { "TCGTCGTCGTCG", "SVM alone" } };
	(void)amd(f);
	host_amd(&f->kvm, false);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		f->processor = f->kvm.supported;
		put_hypervisor(f, 0x40000000, rows[i].signature);
		assert_finding(judge(f), "no-extensions", FINDING_FORBIDS, "neither VMX nor SVM",
			rows[i].fix);
		assert_finding(
			&f->status, "no-extensions", FINDING_FORBIDS, "", f->status.hypervisor);
	}
	put_hypervisor(f, 0x40000000, "WhoAmI");
	assert_finding(judge(f), "no-extensions", FINDING_FORBIDS, "", "the hypervisor below");
	put_hypervisor(f, 0x40000000, "Microsoft Hv");
	put_hypervisor(f, 0x40000100, "XenVMMXenVMM");
	assert_finding(judge(f), "no-extensions", FINDING_FORBIDS, "",
		"(Xen with Hyper-V's interface) must expose them: make this VM an HVM guest");
	put_depth(f, 1);
	assert_finding(judge(f), "no-extensions", FINDING_FORBIDS, "",
		"(nestor) must expose them: nesting.expose_virtualization_extensions = true");
}

/* Leaves as Hyper-V has them: last is the highest; privileges, EBX of 0x40000003. */
static void put_hyperv(struct fixture *f, uint32_t last, uint32_t privileges, uint32_t nested)
{
	put_hypervisor(f, 0x40000000, "Microsoft Hv");
	cpuid_find(&f->processor, 0x40000000, 0)->reg[CPUID_EAX] = last;
	cpuid_put(&f->processor, 0x40000003, 0, false)->reg[CPUID_EBX] = privileges;
	cpuid_put(&f->processor, 0x4000000a, 0, false)->reg[CPUID_EAX] = nested;
}

static void level__hyperv__guest_or_root_partition(void **state)
{
	struct fixture *f = *state;
	static const struct {
		uint32_t last, privileges, nested;
		enum hyperv_partition partition;
		uint32_t nested_features;
	} rows[] = {
		{ 0x4000000b, 0x003a1c90, 0x000e0101, HYPERV_ROOT, 0x000e0101 },
		{ 0x4000000b, 0x00000030, 0x000e0101, HYPERV_GUEST, 0x000e0101 },
		{ 0x40000009, 0x00000030, 0x000e0101, HYPERV_GUEST, 0 }, /* the leaf is not there */
		{ 0x4000000c, 0x00400000 | 1u << 12, 0, HYPERV_GUEST, 0 }, /* an isolated VM */
		{ 0x40000002, 1u << 12, 0, HYPERV_GUEST, 0 }, /* nor are the privileges */
	};
	(void)intel(f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put_hyperv(f, rows[i].last, rows[i].privileges, rows[i].nested);
		const struct nesting_host_status *s = judge(f);
		assert_int_equal(s->hyperv, rows[i].partition);
		assert_int_equal(s->hyperv_nested, rows[i].nested_features);
		assert_true(s->in_vm);
		assert_string_equal(s->hypervisor, "Hyper-V");
		/* With the extensions there, either is as good as any. */
		assert_false(s->findings.forbidden);
		bool root = rows[i].partition == HYPERV_ROOT;
		assert_true((finding(s, "in-control") != NULL) == root);
		assert_true((finding(s, "in-vm") != NULL) == !root);
	}
	/* KVM with Hyper-V's interface is no Hyper-V. */
	put_hyperv(f, 0x4000000b, 1u << 12, 0x000e0101);
	put_hypervisor(f, 0x40000100, "KVMKVMKVM");
	assert_int_equal(judge(f)->hyperv, HYPERV_NONE);
	assert_int_equal(f->status.hyperv_nested, 0);
}

static void level__hyperv_root_without_extensions__kvm_cannot_be_used(void **state)
{
	struct fixture *f = *state;
	(void)intel(f);
	host_amd(&f->kvm, false);
	f->processor = f->kvm.supported;
	put_hyperv(f, 0x4000000b, 0x003a1c90, 0);
	assert_finding(judge(f), "no-extensions", FINDING_FORBIDS,
		"the root partition of Hyper-V, which runs below it and keeps VMX or SVM",
		"boot this kernel without Hyper-V below");
	assert_finding(&f->status, "no-extensions", FINDING_FORBIDS, "", "Set-VMProcessor");
	assert_null(finding(&f->status, "mshv"));
	f->machine.mshv = true;
	assert_finding(judge(f), "mshv", FINDING_NOTE, "/dev/mshv", "");
}

static void level__xen_control_domain__kvm_cannot_be_used(void **state)
{
	struct fixture *f = *state;
	(void)intel(f);
	host_amd(&f->kvm, false);
	f->processor = f->kvm.supported;
	cpuid_find(&f->processor, 1, 0)->reg[CPUID_ECX] &= ~UINT32_C(0x80000000);
	(void)snprintf(f->machine.hypervisor, sizeof(f->machine.hypervisor), "xen");
	f->machine.xen_control = true;
	/* Its CPUID may be the processor's own. */
	assert_finding(judge(f), "no-extensions", FINDING_FORBIDS,
		"the control domain of Xen, which runs below it", "without Xen below");
	assert_finding(judge(f), "in-control", FINDING_NOTE, "control domain of Xen", "");
	assert_string_equal(f->status.hypervisor, "Xen");
	assert_true(f->status.in_vm);
	f->machine.xen_control = false;
	assert_finding(judge(f), "no-extensions", FINDING_FORBIDS, "neither", "nestedhvm = 1");
	assert_finding(judge(f), "in-vm", FINDING_NOTE, "(Xen)", "");
	/* Of another machine's Xen nothing is said. */
	f->machine.hypervisor[0] = '\0';
	f->machine.xen_control = true;
	assert_false(judge(f)->xen_control);
	assert_false(f->status.in_vm);
}

static void put_depth(struct fixture *f, uint32_t depth)
{
	put_hypervisor(f, 0x40000200, "NestorNestor");
	cpuid_find(&f->processor, 0x40000200, 0)->reg[CPUID_EAX] = 0x40000201;
	cpuid_put(&f->processor, 0x40000201, 0, false)->reg[CPUID_EAX] = depth;
}

static void level__nestor_below__says_how_deep(void **state)
{
	struct fixture *f = *state;
	(void)amd(f);
	put_depth(f, 2);
	const struct nesting_host_status *s = judge(f);
	assert_true(s->depth_known);
	assert_int_equal(s->depth, 2);
	assert_string_equal(s->hypervisor, "nestor");
	assert_false(s->findings.forbidden);
	put_depth(f, 0);
	assert_finding(judge(f), "depth", FINDING_FORBIDS, "allows no VM", "max_depth");
}

static void kernel__dangerous__named_with_the_release_that_mends_it(void **state)
{
	struct fixture *f = *state;
	(void)amd(f);
	(void)snprintf(f->machine.kernel_release, sizeof(f->machine.kernel_release), "6.12.94");
	assert_finding(judge(f), "CVE-2026-53359", FINDING_DANGER,
		"this kernel has CVE-2026-53359: a guest can escape", "6.12.95");
	assert_false(f->status.findings.forbidden);
	(void)snprintf(f->machine.kernel_version, sizeof(f->machine.kernel_version),
		"Linux version x #1 SMP Debian 6.12.94-1 (2026-06-01)");
	assert_finding(judge(f), "CVE-2026-53359", FINDING_DANGER,
		"this kernel could have CVE-2026-53359", "security-tracker.debian.org");
	(void)snprintf(f->machine.kernel_release, sizeof(f->machine.kernel_release), "6.19.3");
	assert_finding(judge(f), "CVE-2026-53359", FINDING_DANGER, "has CVE",
		"its series got no fix: update to Linux 7.2-rc1");
}

static void kernel__other_vendors_problems__are_not_told(void **state)
{
	struct fixture *f = *state;
	(void)intel(f);
	(void)snprintf(f->machine.kernel_release, sizeof(f->machine.kernel_release), "5.10.1");
	assert_null(finding(judge(f), "CVE-2021-3653"));
	assert_non_null(finding(&f->status, "CVE-2022-2196"));
	f->machine.nr_modules = 1;
	(void)amd(f);
	assert_non_null(finding(judge(f), "CVE-2021-3653"));
	assert_null(finding(&f->status, "CVE-2022-2196"));
}

static void kernel__no_version__is_said(void **state)
{
	struct fixture *f = *state;
	(void)amd(f);
	(void)snprintf(f->machine.kernel_release, sizeof(f->machine.kernel_release), "plan9");
	assert_finding(judge(f), "kernel-version", FINDING_WEAKENS, "plan9", "");
}

static void machine__vulnerable_memory_lockdown__are_said(void **state)
{
	struct fixture *f = *state;
	(void)amd(f);
	f->machine.nr_vulnerabilities = 4;
	f->machine.vulnerabilities[0] = (struct machine_vulnerability){ "good", "Not affected" };
	f->machine.vulnerabilities[1] =
		(struct machine_vulnerability){ "itlb_multihit", "KVM: Vulnerable" };
	f->machine.vulnerabilities[2] = (struct machine_vulnerability){ "l1tf",
		"Mitigation: PTE Inversion; VMX: conditional cache flushes, SMT vulnerable" };
	f->machine.vulnerabilities[3] = (struct machine_vulnerability){ "vmscape", "Vulnerable" };
	f->machine.available_bytes = 100 * MIB;
	(void)snprintf(f->machine.lockdown, sizeof(f->machine.lockdown), "integrity");
	assert_finding(judge(f), "vulnerabilities", FINDING_WEAKENS,
		"against itlb_multihit, vmscape;", "mitigations=off");
	assert_finding(&f->status, "memory", FINDING_WEAKENS, "100 MiB", "");
	assert_finding(&f->status, "lockdown", FINDING_NOTE, "integrity", "");
	f->machine.available_bytes = 0; /* not known */
	assert_null(finding(judge(f), "memory"));
}

static void generation__each_vendor__by_family_model_stepping(void **state)
{
	(void)state;
	static const struct {
		enum cpuid_vendor vendor;
		unsigned family, model, stepping;
		const char *name;
	} rows[] = {
		{ CPUID_VENDOR_INTEL, 6, 0x1a, 5, "Nehalem" },
		{ CPUID_VENDOR_INTEL, 6, 0x55, 4, "Skylake (server)" },
		{ CPUID_VENDOR_INTEL, 6, 0x55, 7, "Cascade Lake" },
		{ CPUID_VENDOR_INTEL, 6, 0x55, 11, "Cooper Lake" },
		{ CPUID_VENDOR_INTEL, 6, 0x8f, 8, "Sapphire Rapids" },
		{ CPUID_VENDOR_AMD, 0x10, 2, 3, "K10" },
		{ CPUID_VENDOR_AMD, 0x17, 1, 2, "Zen" },
		{ CPUID_VENDOR_AMD, 0x17, 8, 2, "Zen+" },
		{ CPUID_VENDOR_AMD, 0x17, 0x31, 0, "Zen 2" },
		{ CPUID_VENDOR_AMD, 0x19, 1, 1, "Zen 3" },
		{ CPUID_VENDOR_AMD, 0x19, 0x11, 1, "Zen 4" },
		{ CPUID_VENDOR_AMD, 0x1a, 2, 1, "Zen 5" },
		{ CPUID_VENDOR_INTEL, 0x19, 1, 1, NULL },
		{ CPUID_VENDOR_AMD, 6, 0x1a, 5, NULL },
		{ CPUID_VENDOR_OTHER, 6, 0x1a, 5, NULL },
		{ CPUID_VENDOR_AMD, 0xffff, 0xffff, 0xffff, NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *name = nesting_generation(
			rows[i].vendor, rows[i].family, rows[i].model, rows[i].stepping);
		assert_int_equal(name != NULL, rows[i].name != NULL);
		if (name)
			assert_string_equal(name, rows[i].name);
	}
}

/* Nothing that a table or a kernel says does harm. */
static void host__random_facts__are_judged(void **state)
{
	struct fixture *f = *state;
	for (uint32_t seed = 1; seed <= 300; seed++) {
		uint32_t random = seed;
		host_random(&f->kvm, seed);
		f->processor = f->kvm.supported;
		uint8_t *bytes = (uint8_t *)&f->machine;
		for (size_t i = 0; i < sizeof(f->machine); i++)
			bytes[i] = (uint8_t)(host_random_next(&random) % 95 + 32);
		f->machine.nr_modules = 1;
		f->machine.nr_vulnerabilities = 1;
		f->machine.nr_hugepages = 0;
		f->machine.kvm_device_error = 0;
		f->machine.uefi = f->machine.secure_boot = MACHINE_UNKNOWN;
		memset(&f->machine.modules, 0, sizeof(f->machine.modules));
		memset(&f->machine.vulnerabilities, 0, sizeof(f->machine.vulnerabilities));
		f->machine.kernel_release[sizeof(f->machine.kernel_release) - 1] = '\0';
		f->machine.kernel_version[sizeof(f->machine.kernel_version) - 1] = '\0';
		f->machine.kernel_signature[sizeof(f->machine.kernel_signature) - 1] = '\0';
		f->machine.lockdown[sizeof(f->machine.lockdown) - 1] = '\0';
		f->machine.hypervisor[sizeof(f->machine.hypervisor) - 1] = '\0';
		if (seed % 3 == 0)
			(void)snprintf(f->machine.hypervisor, sizeof(f->machine.hypervisor), "xen");
		/* No byte of what was random is a bool. */
		const bool xen_control = seed & 1, mshv = seed & 2;
		memcpy(&f->machine.xen_control, &xen_control, sizeof(xen_control));
		memcpy(&f->machine.mshv, &mshv, sizeof(mshv));
		const struct nesting_host_status *s = judge(f);
		assert_false(s->findings.out_of_memory);
		bool none = strcmp(s->kvm_offers, "none") == 0;
		assert_true(!none || s->findings.forbidden);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(host__good_amd__yes_without_findings),
		TEST(host__good_intel__yes_without_findings),
		TEST(host__no_extensions__says_firmware_or_hypervisor),
		TEST(host__firmware_locks__forbid),
		TEST(host__no_module_and_device__says_modprobe),
		TEST(host__device_missing_or_denied__said_apart),
		TEST(parameters__each_off__found_with_its_level_and_fix),
		TEST(parameters__newer_name_or_absent__taken_as_such),
		TEST(parameters__processor_lacks_it__no_fix),
		TEST(kvm__another_module__forbids),
		TEST(kvm__offers_none_for_no_reason__forbids),
		TEST(kvm__no_nested_state__weakens),
		TEST(level__signatures__are_named),
		TEST(level__no_extensions__says_what_the_one_below_needs),
		TEST(level__hyperv__guest_or_root_partition),
		TEST(level__hyperv_root_without_extensions__kvm_cannot_be_used),
		TEST(level__xen_control_domain__kvm_cannot_be_used),
		TEST(level__nestor_below__says_how_deep),
		TEST(kernel__dangerous__named_with_the_release_that_mends_it),
		TEST(kernel__other_vendors_problems__are_not_told),
		TEST(kernel__no_version__is_said),
		TEST(machine__vulnerable_memory_lockdown__are_said),
		TEST(generation__each_vendor__by_family_model_stepping),
		TEST(host__random_facts__are_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
