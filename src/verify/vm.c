/* SPDX-License-Identifier: MIT */
/*
 * A VM of the plan's vCPUs with 64 KiB of RAM and no devices, an 8254 neither, built in the
 * machine's own order (setup/), whose vCPUs take turns on the calling thread.
 */
#include "verify/internal.h"

#include "base/analyzer.h"
#include "kvm/hyperv.h"
#include "kvm/msr_exit.h"
#include "verify/watchdog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A request exits once at the most (an MSR access that the filter stops); the list ends with one
 * exit; and there may be some for no reason of the guest's. */
#define EXITS_PER_REQUEST 1
#define EXITS_BESIDES 64

struct verify_vm {
	const struct machine_plan *plan; /* borrowed, as is reporter */
	const struct reporter *reporter;
	struct ram *ram;
	struct setup *setup;
	struct setup_processor **processors; /* plan->nr_vcpus */
};

static int create_ram(struct verify_vm *vm, struct x86_state *ret_state, struct err *e)
{
	const struct ram_bank bank = { gpa(0), GUEST_RAM_BYTES };
	const struct ram_options options = { 0 };
	int rc = ram_create(&vm->ram, &bank, 1, &options, vm->reporter, e);
	if (rc)
		return rc;
	return guest_load(ram_guest_memory(vm->ram), ret_state, e);
}

static int create_setup(struct verify_vm *vm, struct kvm *kvm, struct err *e)
{
	const struct setup_options options = {
		.kvm = kvm,
		.ram = ram_guest_memory(vm->ram),
		.split_irqchip = vm->plan->split_irqchip,
		.reporter = vm->reporter,
		.plan = vm->plan,
	};
	return setup_create(&vm->setup, &options, e);
}

/* Every vCPU is made to run at once, which only the boot vCPU of a machine does. */
static int create_vcpu(
	struct verify_vm *vm, unsigned i, const struct x86_state *state, struct err *e)
{
	ANALYZER_MISTAKEN("-Wanalyzer-malloc-leak"); /* vm->processors has it, and frees it */
	vm->processors[i] = malloc(sizeof(*vm->processors[i]));
	if (!vm->processors[i])
		return err_set(e, -ENOMEM, "out of memory");
	ANALYZER_END;
	/* What KVM does not keep is for the guest to find. */
	int rc = setup_vcpu(vm->setup, vm->plan, i, vm->processors[i], e);
	if (rc == 0)
		rc = kvm_vcpu_make_runnable(setup_kvm_vcpu(vm->setup, i), e);
	if (rc == 0)
		rc = kvm_vcpu_set_state(setup_kvm_vcpu(vm->setup, i), state, e);
	return rc;
}

static int create_vcpus(struct verify_vm *vm, const struct x86_state *state, struct err *e)
{
	vm->processors = calloc(vm->plan->nr_vcpus, sizeof(vm->processors[0]));
	int rc = vm->processors ? 0 : err_set(e, -ENOMEM, "out of memory");
	for (unsigned i = 0; rc == 0 && i < vm->plan->nr_vcpus; i++)
		rc = create_vcpu(vm, i, state, e);
	return rc;
}

int verify_vm_create(struct verify_vm **ret_vm, struct kvm *kvm, const struct machine_plan *plan,
	const struct reporter *reporter, struct err *e)
{
	struct x86_state state = { 0 };
	struct verify_vm *vm = calloc(1, sizeof(*vm));
	if (!vm)
		return err_set(e, -ENOMEM, "out of memory");
	vm->plan = plan;
	vm->reporter = reporter;
	int rc = create_ram(vm, &state, e);
	if (rc == 0)
		rc = create_setup(vm, kvm, e);
	if (rc == 0)
		rc = create_vcpus(vm, &state, e);
	if (rc) {
		verify_vm_destroy(vm);
		return rc;
	}
	*ret_vm = vm;
	return 0;
}

void verify_vm_destroy(struct verify_vm *vm)
{
	if (!vm)
		return;
	for (unsigned i = 0; vm->processors && i < vm->plan->nr_vcpus; i++)
		free(vm->processors[i]);
	free(vm->processors);
	setup_destroy(vm->setup);
	ram_destroy(vm->ram);
	free(vm);
}

const struct setup_processor *verify_vm_processor(const struct verify_vm *vm, unsigned i)
{
	return vm->processors[i];
}

/* items[0] to items[n - 1], as the guest takes them. */
static void write_list(struct guest_request *list, const struct verify_request *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct verify_request *from = &items[i];
		struct guest_request r = { .op = from->op };
		if (from->op == GUEST_CPUID) {
			r.eax = from->index;
			r.ecx = from->subleaf;
		} else {
			r.ecx = from->index;
			r.eax = (uint32_t)from->write_value;
			r.edx = (uint32_t)(from->write_value >> 32);
		}
		list[i] = r;
	}
	list[n] = (struct guest_request){ .op = GUEST_END };
}

/* The number of requests that the guest is done with. */
static size_t count_reached(const struct guest_request *list, size_t n)
{
	size_t reached = 0;
	while (reached < n && list[reached].status != GUEST_NOT_REACHED)
		reached++;
	return reached;
}

/* Adds where the guest is to an error of its run. */
static int at_request(int code, unsigned vcpu, const struct guest_request *list,
	const struct verify_request *items, size_t n, struct err *e)
{
	size_t at = count_reached(list, n);
	if (at == n)
		return err_wrap(e, code, "vCPU %u, after all %zu requests", vcpu, n);
	const struct verify_request *r = &items[at];
	if (r->op == GUEST_CPUID)
		return err_wrap(e, code, "vCPU %u, at CPUID %#x.%u (request %zu of %zu)", vcpu,
			r->index, r->subleaf, at + 1, n);
	return err_wrap(e, code, "vCPU %u, at %s of MSR %#x (request %zu of %zu)", vcpu,
		r->op == GUEST_WRMSR ? "WRMSR" : "RDMSR", r->index, at + 1, n);
}

enum step { STEP_RESUME, STEP_END };

static int on_io(const struct kvm_exit *x, enum step *ret_step, struct err *e)
{
	*ret_step = STEP_END;
	if (!x->io.out || x->io.port != GUEST_PORT || x->io.size_bytes != 1)
		return err_set(e, -EPROTO, "the guest %s port %#x, which it does not know",
			x->io.out ? "writes" : "reads", x->io.port);
	if (x->io.data[0] != 0)
		return err_set(e, -EPROTO, "the guest met an exception that is not #GP");
	return 0;
}

static int handle_exit(struct verify_vm *vm, unsigned i, const struct kvm_exit *x,
	enum step *ret_step, struct err *e)
{
	*ret_step = STEP_RESUME;
	switch (x->kind) {
	case KVM_EXIT_KIND_IO:
		return on_io(x, ret_step, e);
	case KVM_EXIT_KIND_MSR:
		(void)kvm_vcpu_answer_msr(setup_kvm_vcpu(vm->setup, i), x, &vm->plan->cpu.msrs);
		return 0;
	case KVM_EXIT_KIND_HYPERV:
		if (kvm_vcpu_answer_hyperv(x))
			return 0;
		break;
	case KVM_EXIT_KIND_INTR:
		return 0;
	case KVM_EXIT_KIND_SHUTDOWN:
		return err_set(e, -EPROTO, "KVM_EXIT_SHUTDOWN: the guest met a triple fault");
	case KVM_EXIT_KIND_FAIL_ENTRY:
		return err_set(e, -EPROTO, "KVM_EXIT_FAIL_ENTRY, hardware reason %#" PRIx64,
			x->fail_entry.reason);
	case KVM_EXIT_KIND_INTERNAL_ERROR:
		return err_set(
			e, -EPROTO, "KVM_EXIT_INTERNAL_ERROR, suberror %u", x->internal.suberror);
	case KVM_EXIT_KIND_DEAD:
		return err_set(e, -EPROTO, "KVM gave the VM up");
	case KVM_EXIT_KIND_MMIO:
	case KVM_EXIT_KIND_HLT:
	case KVM_EXIT_KIND_SYSTEM_EVENT:
	case KVM_EXIT_KIND_IOAPIC_EOI:
	case KVM_EXIT_KIND_OTHER:
	case KVM_EXIT_KIND_COUNT:
		break;
	}
	return err_set(
		e, -EPROTO, "KVM exit reason %u, which the guest gives no cause for", x->reason);
}

/* Runs until the guest is through with its list of n requests. */
static int run_list(
	struct verify_vm *vm, unsigned i, size_t n, const struct watchdog *dog, struct err *e)
{
	size_t most = n * EXITS_PER_REQUEST + EXITS_BESIDES;
	for (size_t exits = 0; exits < most;) {
		int rc = kvm_vcpu_run(setup_kvm_vcpu(vm->setup, i), e);
		if (rc == -EINTR) {
			if (watchdog_expired(dog))
				return err_set(e, -ETIMEDOUT,
					"the guest did not come back within %u ms", dog->ms);
			continue;
		}
		if (rc)
			return rc;
		exits++;
		struct kvm_exit x;
		enum step step;
		kvm_vcpu_exit(setup_kvm_vcpu(vm->setup, i), &x);
		rc = handle_exit(vm, i, &x, &step, e);
		if (rc || step == STEP_END)
			return rc;
	}
	return err_set(e, -EPROTO, "more than %zu exits for %zu requests", most, n);
}

/* Takes the answers; each request must have one. */
static int read_list(
	const struct guest_request *list, struct verify_request *items, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].status != GUEST_DONE && list[i].status != GUEST_FAULT)
			return err_set(e, -EPROTO, "the guest came back without an answer");
		items[i].seen_fault = list[i].status == GUEST_FAULT;
		memcpy(items[i].seen_reg, list[i].reg, sizeof(items[i].seen_reg));
	}
	return 0;
}

int verify_vm_answer(struct verify_vm *vm, unsigned i, struct request_list *list, unsigned list_ms,
	struct err *e)
{
	struct guest_request *shared = guest_memory_borrow(ram_guest_memory(vm->ram),
		gpa(GUEST_LIST), (GUEST_MAX_REQUESTS + 1) * sizeof(*shared));
	if (!shared)
		return err_set(e, -EFAULT, "the guest's RAM has no room for its requests");
	for (size_t at = 0; at < list->nr;) {
		struct verify_request *items = list->items + at;
		size_t n = list->nr - at < GUEST_MAX_REQUESTS ? list->nr - at : GUEST_MAX_REQUESTS;
		struct watchdog dog;
		write_list(shared, items, n);
		int rc = watchdog_start(&dog, list_ms, e);
		if (rc)
			return rc;
		rc = run_list(vm, i, n, &dog, e);
		watchdog_stop(&dog);
		if (rc == 0)
			rc = read_list(shared, items, n, e);
		if (rc)
			return at_request(rc, i, shared, items, n, e);
		at += n;
	}
	return 0;
}
