/* SPDX-License-Identifier: MIT */
#include "policy/cpuid_view.h"

#include "config/text.h"
#include "setup/setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static void name_this_host(struct hostfile *host)
{
	struct utsname u;
	if (uname(&u) == 0)
		(void)text_printable(
			host->name, sizeof(host->name), u.nodename, strlen(u.nodename));
}

static int load_kvm(struct hostfile *ret_host, const struct reporter *reporter, struct err *e)
{
	struct kvm *kvm = NULL;
	struct err untried = ERR_INIT;
	*ret_host = (struct hostfile){ .kind = HOSTFILE_KVM };
	name_this_host(ret_host);
	int rc = kvm_open(&kvm, &kvm_calls_real, KVM_DEVICE_PATH, e);
	if (rc == 0)
		rc = kvm_host_facts(kvm, &ret_host->facts, e);
	/* Where that cannot be tried, the file does not say. */
	if (rc == 0 && setup_host_kept(kvm, &ret_host->facts, &untried))
		report(reporter, REPORT_WARN, "what KVM keeps of its CPUID is not known: %s",
			untried.msg);
	kvm_close(kvm);
	return rc;
}

void cpuid_processor_load(struct hostfile *ret_host)
{
	*ret_host = (struct hostfile){ .kind = HOSTFILE_PROCESSOR };
	name_this_host(ret_host);
	kvm_processor_cpuid(&ret_host->facts.supported);
}

static const char *shown_path(char *text, size_t size, const char *path)
{
	return text_printable(text, size, path, strlen(path));
}

int cpuid_host_read(const char *operand, const struct reporter *reporter, struct hostfile *ret_host,
	struct err *e)
{
	char shown[256];
	if (!operand || strcmp(operand, "kvm") == 0)
		return load_kvm(ret_host, reporter, e);
	int rc = hostfile_read(operand, ret_host, e);
	if (rc == 0 && ret_host->kind == HOSTFILE_GUEST)
		rc = err_set_config(e, -EINVAL,
			"%s is what a guest sees; expected a host (nestor cpuid dump --json)",
			shown_path(shown, sizeof(shown), operand));
	return rc;
}

void cpuid_host_note(
	const char *operand, const struct reporter *reporter, const struct hostfile *host)
{
	char shown[256];
	if (host->note[0])
		report(reporter, REPORT_WARN, "%s: %s", shown_path(shown, sizeof(shown), operand),
			host->note);
}

int cpuid_host_load(const char *operand, const struct reporter *reporter, struct hostfile *ret_host,
	struct err *e)
{
	char shown[256];
	int rc = cpuid_host_read(operand, reporter, ret_host, e);
	if (rc == 0)
		cpuid_host_note(operand, reporter, ret_host);
	if (rc == 0 && ret_host->kind == HOSTFILE_PROCESSOR)
		report(reporter, REPORT_WARN,
			"%s is a processor's own CPUID; what KVM makes of it may be less",
			shown_path(shown, sizeof(shown), operand));
	return rc;
}

static int compute(struct cpuid_vm *vm, enum cpuid_vm_how how, struct err *e)
{
	const struct vm_config *config = policy_file_vm(vm->policy_file);
	const struct host_facts *facts = &vm->host->facts;
	int rc = policy_file_for_host(vm->policy_file, facts, &vm->policy, e);
	if (rc)
		return rc;
	rc = plan_machine(config, vm->policy, facts, &vm->trace, &vm->plan, &vm->why);
	if (rc && vm->why.kind == ERR_HOST && rc != -ENOMEM && how == CPUID_VM_ANYWAY) {
		vm->cannot_run = true;
		vm->as_dropped = *vm->policy;
		vm->as_dropped.on_missing_given = true;
		vm->as_dropped.on_missing = CPU_MISSING_DROP;
		vm->policy = &vm->as_dropped;
		machine_plan_done(&vm->plan);
		cpu_trace_done(&vm->trace);
		memset(&vm->plan, 0, sizeof(vm->plan));
		rc = plan_machine(config, vm->policy, facts, &vm->trace, &vm->plan, e);
		return rc;
	}
	if (rc && e)
		*e = vm->why;
	return rc;
}

int cpuid_vm_create(struct cpuid_vm **ret_vm, struct policy_file *policy_file,
	const struct hostfile *host, unsigned vcpu, enum cpuid_vm_how how, struct err *e)
{
	struct cpuid_vm *vm = calloc(1, sizeof(*vm));
	if (!vm)
		return err_set(e, -ENOMEM, "out of memory");
	vm->policy_file = policy_file;
	vm->host = host;
	vm->vcpu = vcpu;
	int rc = compute(vm, how, e);
	if (rc == 0 && vcpu >= vm->plan.nr_vcpus)
		rc = err_set_config(e, -EINVAL, "--vcpu %u: the VM's last vCPU is number %u", vcpu,
			vm->plan.nr_vcpus - 1);
	if (rc == 0)
		rc = plan_vcpu_cpuid_traced(&vm->plan, vcpu, &vm->trace, &vm->table, e);
	if (rc == 0 && vm->trace.out_of_memory)
		rc = err_set(e, -ENOMEM, "out of memory");
	if (rc) {
		cpuid_vm_destroy(vm);
		return rc;
	}
	*ret_vm = vm;
	return 0;
}

void cpuid_vm_destroy(struct cpuid_vm *vm)
{
	if (!vm)
		return;
	machine_plan_done(&vm->plan);
	cpu_trace_done(&vm->trace);
	free(vm);
}

void cpuid_vm_view(const struct cpuid_vm *vm, struct hostfile *ret_view)
{
	const char *name = policy_file_vm(vm->policy_file)->name;
	const struct msr_policy *msrs = &vm->plan.cpu.msrs;
	*ret_view = (struct hostfile){ .kind = HOSTFILE_GUEST };
	(void)text_printable(ret_view->name, sizeof(ret_view->name), name, strlen(name));
	ret_view->facts.supported = vm->table;
	ret_view->facts.tsc_khz = vm->plan.tsc_khz;
	for (unsigned i = 0; i < msrs->nr_set; i++) {
		if (ret_view->facts.nr_feature_msrs == HOST_MAX_FEATURE_MSRS)
			break;
		ret_view->facts.feature_msrs[ret_view->facts.nr_feature_msrs++] = msrs->set[i];
	}
}

int cpuid_vm_load_view(const struct config_source *source, const char *host_operand, unsigned vcpu,
	const struct reporter *reporter, struct hostfile *ret_view, struct err *e)
{
	struct policy_file *policy_file = NULL;
	struct cpuid_vm *vm = NULL;
	struct hostfile *host = malloc(sizeof(*host));
	int rc = host ? 0 : err_set(e, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = policy_file_load(&policy_file, source, POLICY_FILE_ASK, e);
	if (rc == 0)
		rc = cpuid_host_load(host_operand, reporter, host, e);
	if (rc == 0)
		rc = cpuid_vm_create(&vm, policy_file, host, vcpu, CPUID_VM_STRICT, e);
	if (rc == 0)
		cpuid_vm_view(vm, ret_view);
	cpuid_vm_destroy(vm);
	policy_file_destroy(policy_file);
	free(host);
	return rc;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && strcmp(text + n - m, end) == 0;
}

int cpuid_operand_load(const char *operand, const char *host, unsigned vcpu,
	const struct reporter *reporter, struct hostfile *ret_view, struct err *e)
{
	if (strcmp(operand, "kvm") == 0)
		return load_kvm(ret_view, reporter, e);
	if (strcmp(operand, "host") == 0) {
		cpuid_processor_load(ret_view);
		return 0;
	}
	if (ends_with(operand, ".toml")) {
		const struct config_source source = { .name = operand };
		return cpuid_vm_load_view(&source, host, vcpu, reporter, ret_view, e);
	}
	return hostfile_read(operand, ret_view, e);
}

const char *cpuid_view_name(const struct hostfile *view)
{
	if (view->name[0])
		return view->name;
	switch (view->kind) {
	case HOSTFILE_KVM:
		return "a host's KVM";
	case HOSTFILE_PROCESSOR:
		return "a processor";
	case HOSTFILE_GUEST:
		break;
	}
	return "a guest";
}

const char *cpuid_why(struct err *copy, const struct err *why, unsigned nr_missing)
{
	*copy = *why;
	char *newline = strchr(copy->msg, '\n');
	for (; newline; newline = strchr(newline, '\n'))
		*newline = nr_missing > 0 ? '\0' : ';';
	size_t n = strlen(copy->msg);
	if (n > 0 && copy->msg[n - 1] == ':')
		copy->msg[n - 1] = '\0';
	return copy->msg;
}
