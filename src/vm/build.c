/* SPDX-License-Identifier: MIT */
/*
 * Building a machine, in numbered steps, and taking it down in reverse. KVM's order rules are the
 * reasons given at each step; a step that fails leaves a half-built machine, which machine_destroy
 * takes down as well. Steps 1 to 7 need no plan: they can be done while KVM still says what it has.
 * Steps 8 and 9 are KVM's alone, and 10 and 11 ask nothing of it: so a worker can do the former and
 * the caller the latter at the same time. The worker has boot_vcpu, vcpus and what machine_settle
 * says (vm/internal.h) to itself until machine_settled.
 */
#include "vm/internal.h"

#include "base/fd.h"
#include "host/guest_clock.h"
#include "kvm/settle.h"
#include "plan/interrupts.h"
#include "plan/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>

/* The files before KVM is asked for anything: one that is absent costs no VM. */
static int step_1_files(struct machine *m, struct err *e)
{
	return machine_open_files(m, e);
}

static int step_2_guest_ram(struct machine *m, struct err *e)
{
	return machine_create_ram(m, e);
}

static int step_3_vm(struct machine *m, struct err *e)
{
	int rc = kvm_vm_create(&m->kvm_vm, m->options.kvm, e);
	/* TSS and identity map pages: before the first vCPU (KVM API, KVM_SET_IDENTITY_MAP_ADDR),
	 * and before the irqchip, as the first may be a memory slot. Only Intel uses them; KVM
	 * takes them on AMD, too, and whose processor it is, nobody has said yet. */
	if (rc == 0)
		rc = kvm_vm_set_intel_pages(
			m->kvm_vm, gpa(PLAN_TSS_BASE), gpa(PLAN_IDENTITY_MAP_BASE), e);
	return rc;
}

/*
 * MSR filter, and exits for what it stops: before any guest code can run. Before the memory slots
 * and the irqchip, as it waits for an SRCU grace period, and does not take milliseconds for that
 * only where it is the VM's first. Here where it can be foreseen; step 8 has the plan's word.
 */
static int step_4_filter(struct machine *m, struct err *e)
{
	int rc = plan_foresee_filter(m->options.config, &m->filter, &m->filter_set, e);
	return rc || !m->filter_set ? rc : kvm_vm_set_msr_filter(m->kvm_vm, &m->filter, e);
}

/*
 * Memory slots before the irqchip: KVM makes slots visible by an SRCU grace period, which waits for
 * the one that creating the irqchip and its timer starts, some milliseconds long.
 */
static int step_5_memslots(struct machine *m, struct err *e)
{
	const struct guest_memory *mem = ram_guest_memory(m->ram);
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < mem->nr_regions; i++)
		rc = kvm_vm_set_memslot(m->kvm_vm, i, mem->regions[i].base,
			mem->regions[i].size_bytes, mem->regions[i].hva, e);
	return rc ? rc : machine_add_smram(m, e);
}

/* The irqchip: before the first vCPU, which gets its local APIC at birth. */
static int step_6_irqchip(struct machine *m, struct err *e)
{
	int rc = m->options.config->machine.irqchip == IRQCHIP_SPLIT
			 ? kvm_vm_create_split_irqchip(m->kvm_vm, PLAN_NR_GSIS, e)
			 : kvm_vm_create_irqchip(m->kvm_vm, e);
	m->irqchip_made = rc == 0;
	return rc;
}

static int create_boot_vcpu(struct machine *m, struct err *e)
{
	int rc = kvm_vcpu_create(&m->boot_vcpu, m->kvm_vm, PLAN_BOOT_APIC_ID, e);
	/* Its local APIC's pins; CPUID decides its version and its timer's modes, and nothing here.
	 */
	return rc ? rc : kvm_vcpu_set_lint(m->boot_vcpu, e);
}

/* The boot vCPU, where all is there that comes before vCPUs: the irqchip, 32-bit APIC IDs. */
static int step_7_boot_vcpu(struct machine *m, struct err *e)
{
	bool early = m->irqchip_made && plan_foresee_short_ids(m->options.config);
	return early ? create_boot_vcpu(m, e) : 0;
}

/* What the plan has for the VM as a whole. */
static int step_8_vm_settings(struct machine *m, const struct machine_plan *plan, struct err *e)
{
	int rc = 0;
	/* 32-bit APIC IDs: only where one needs them, since it also changes what ID 0xff means. */
	if (plan->vcpus[plan->nr_vcpus - 1].apic_id >= 0xff)
		rc = kvm_vm_enable_x2apic_ids(m->kvm_vm, e);
	if (rc == 0 && !msr_filter_same(&m->filter, &plan->filter))
		rc = kvm_vm_set_msr_filter(m->kvm_vm, &plan->filter, e);
	if (rc == 0 && !m->irqchip_made)
		rc = step_6_irqchip(m, e);
	if (rc == 0 && !plan->split_irqchip)
		rc = kvm_vm_set_ioapic_id(m->kvm_vm, plan_ioapic_id(plan), e);
	return rc;
}

/* A vCPU's own CPUID table, and what KVM keeps of it all: too large for the stack. */
struct tables {
	struct cpuid_table set;
	struct kvm_settled settled;
};

static int build_vcpu(struct machine *m, unsigned i, const struct machine_plan *plan,
	const struct cpu_policy *policy, struct tables *tables, struct err *e)
{
	const struct kvm_promise promise = { .tsc_khz = plan->tsc_khz,
		.hyperv = &plan->cpu.hyperv,
		.cpuid = &tables->set,
		.msrs = &plan->cpu.msrs };
	struct vcpu *vcpu = &m->vcpus[i];
	vcpu->machine = m;
	vcpu->index = i;
	int rc;
	if (i == 0) {
		rc = m->boot_vcpu ? 0 : create_boot_vcpu(m, e);
		vcpu->kvm = m->boot_vcpu;
		m->boot_vcpu = NULL;
	} else {
		rc = kvm_vcpu_create(&vcpu->kvm, m->kvm_vm, plan->vcpus[i].apic_id, e);
	}
	/* 1 The processor: TSC, CPUID, MSRs, in the order that kvm/settle.c gives reasons for. */
	if (rc == 0)
		rc = plan_vcpu_cpuid(plan, i, &tables->set, e);
	if (rc == 0)
		rc = kvm_vcpu_settle(vcpu->kvm, &promise, &tables->settled, e);
	/* 2 KVM's word for it: not every KVM keeps what it takes. */
	if (rc == 0)
		rc = vcpu_check_kept(vcpu, plan, policy, &tables->settled.kept, e);
	/* 3 Where it enters system management mode: an MSR, after those of the processor. */
	if (rc == 0)
		rc = vcpu_prepare_smm(vcpu, e);
	/* No registers: the boot vCPU gets them once the guest is loaded, and the others wait for
	 * INIT and SIPI. */
	return rc;
}

static int step_9_vcpus(struct machine *m, const struct machine_plan *plan,
	const struct cpu_policy *policy, struct err *e)
{
	unsigned n = plan->nr_vcpus;
	struct tables *tables = malloc(sizeof(*tables));
	m->vcpus = calloc(n, sizeof(*m->vcpus));
	int rc = m->vcpus && tables ? 0 : err_set(e, -ENOMEM, "out of memory");
	if (rc == 0)
		m->nr_vcpus = n;
	for (unsigned i = 0; rc == 0 && i < n; i++)
		rc = build_vcpu(m, i, plan, policy, tables, e);
	free(tables);
	return rc;
}

static int step_10_load_guest(struct machine *m, struct err *e)
{
	return machine_load_guest(m, &m->boot_state, e);
}

static int step_11_devices(struct machine *m, struct err *e)
{
	return machine_add_devices(m, e);
}

/*
 * The 8254, which needs the irqchip's 8259s, and which no vCPU needs before the guest runs. KVM
 * starts a thread for it and waits for that: so this comes as soon as the vCPUs are another's work.
 */
static int create_pit(struct machine *m, struct err *e)
{
	bool split = m->options.config->machine.irqchip == IRQCHIP_SPLIT;
	int rc = split ? 0 : kvm_vm_create_pit(m->kvm_vm, e);
	m->pit_made = rc == 0;
	return rc;
}

static int step_12_pit(struct machine *m, struct err *e)
{
	int rc = m->pit_made ? 0 : machine_settled(m, e); /* which made the irqchip */
	return rc || m->pit_made ? rc : create_pit(m, e);
}

static int settle(struct machine *m, const struct machine_plan *plan,
	const struct cpu_policy *policy, struct err *e)
{
	int rc = step_8_vm_settings(m, plan, e);
	return rc ? rc : step_9_vcpus(m, plan, policy, e);
}

static void settle_on_worker(void *ctx)
{
	struct machine *m = ctx;
	if (*m->settle_plan)
		m->settle_rc = settle(m, *m->settle_plan, *m->settle_policy, &m->settle_error);
}

int machine_settle(struct machine *m, struct machine_plan *const *plan,
	const struct cpu_policy *const *policy, struct err *e)
{
	const bool pit_can_be = m->irqchip_made;
	m->settle_plan = plan;
	m->settle_policy = policy;
	m->settling = (struct work){ .run = settle_on_worker, .ctx = m };
	m->settling_given = true;
	worker_give(m->options.worker, &m->settling);
	return pit_can_be ? create_pit(m, e) : 0;
}

int machine_settled(struct machine *m, struct err *e)
{
	if (!m->settling_given)
		return 0;
	worker_await(m->options.worker, &m->settling);
	if (m->settle_rc && e)
		*e = m->settle_error;
	return m->settle_rc;
}

int machine_begin(
	struct machine **ret_machine, const struct machine_options *options, struct err *e)
{
	struct machine *m = calloc(1, sizeof(*m));
	if (!m)
		return err_set(e, -ENOMEM, "out of memory");
	m->options = *options;
	(void)pthread_mutex_init(&m->routes_lock, /* attr */ NULL);
	bus_init(&m->bus, /* reporter */ NULL);
	int rc = 0;
	m->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (m->stop_fd < 0)
		rc = err_set_errno(e, -errno, "eventfd for stopping vCPUs");
	if (rc == 0)
		rc = step_1_files(m, e);
	if (rc == 0)
		rc = step_2_guest_ram(m, e);
	if (rc == 0)
		rc = step_3_vm(m, e);
	if (rc == 0)
		rc = step_4_filter(m, e);
	if (rc == 0)
		rc = step_5_memslots(m, e);
	if (rc == 0 && m->filter_set)
		rc = step_6_irqchip(m, e);
	if (rc == 0)
		rc = step_7_boot_vcpu(m, e);
	if (rc) {
		machine_destroy(m);
		return rc;
	}
	*ret_machine = m;
	return 0;
}

/* All but what a worker may be looking at, and which is the same. */
static void take_options(struct machine *m, const struct machine_options *options)
{
	m->options.plan = options->plan;
	m->options.policy = options->policy;
	m->options.io = options->io;
	m->options.kept = options->kept;
	m->options.loop = options->loop;
	m->options.kernel_cache = options->kernel_cache;
	m->options.input_wanted = options->input_wanted;
	m->options.input_ctx = options->input_ctx;
	m->bus.reporter = options->reporter;
}

int machine_complete(struct machine *m, const struct machine_options *options, struct err *e)
{
	take_options(m, options);
	int rc = m->settling_given ? 0 : settle(m, options->plan, options->policy, e);
	if (rc == 0)
		rc = step_10_load_guest(m, e);
	if (rc == 0)
		rc = step_11_devices(m, e);
	if (rc == 0)
		rc = step_12_pit(m, e);
	if (rc == 0)
		machine_report_unlogged(m);
	return rc;
}

int machine_create(
	struct machine **ret_machine, const struct machine_options *options, struct err *e)
{
	struct machine *m = NULL;
	int rc = machine_begin(&m, options, e);
	if (rc == 0)
		rc = machine_complete(m, options, e);
	if (rc) {
		machine_destroy(m);
		return rc;
	}
	*ret_machine = m;
	return 0;
}

/* In reverse: vCPUs before the VM, devices before the outputs that they write to, RAM last. */
void machine_destroy(struct machine *m)
{
	if (!m)
		return;
	machine_join_vcpus(m);
	for (unsigned i = 0; i < m->nr_vcpus; i++)
		kvm_vcpu_destroy(m->vcpus[i].kvm);
	kvm_vcpu_destroy(m->boot_vcpu);
	free(m->vcpus);
	bus_done(&m->bus);
	device_list_destroy(&m->devices);
	guest_clock_destroy(m->clock);
	for (unsigned i = 0; i < CONFIG_MAX_SERIALS; i++)
		host_output_destroy(m->serial_output[i]);
	host_output_destroy(m->debug_output);
	kvm_vm_destroy(m->kvm_vm);
	ram_destroy(m->smram);
	ram_destroy(m->ram);
	machine_close_files(m);
	msr_filter_done(&m->filter);
	(void)fd_close(m->stop_fd);
	(void)pthread_mutex_destroy(&m->routes_lock);
	free(m);
}
