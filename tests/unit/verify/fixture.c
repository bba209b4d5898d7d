/* SPDX-License-Identifier: MIT */
#include "fake/msr_filter.h"
#include "unit/verify/fixture.h"

#include <stdlib.h>

static const struct fake_step at_end = {
	.kind = FAKE_OUT, .addr = GUEST_PORT, .size = 1, .data = "\0"
};

static struct guest_request *list_of(const struct fixture *f)
{
	return (struct guest_request *)(uintptr_t)(f->fake->slots[f->fake->nr_slots - 1]
							   .userspace_addr +
						   GUEST_LIST);
}

static bool is_lie(const struct player *p, const struct guest_request *r)
{
	const struct lie *lie = &p->f->lie;
	uint32_t index = r->op == GUEST_CPUID ? r->eax : r->ecx;
	return lie->op == r->op && lie->vcpu == p->vcpu && lie->leaf == index &&
	       (r->op != GUEST_CPUID || lie->subleaf == r->ecx);
}

static void answer_cpuid(const struct player *p, struct guest_request *r)
{
	const struct cpuid_vcpu_state state = { .apic_enabled = true, .xcr0 = 1 };
	const struct lie *lie = &p->f->lie;
	cpuid_execute(&p->f->fake->vcpus[p->vcpu]->cpuid, &state, r->eax, r->ecx, r->reg);
	if (is_lie(p, r))
		r->reg[lie->reg] ^= (uint32_t)lie->flip;
	r->status = GUEST_DONE;
}

/* The last value that the vCPU was given; NULL: an MSR that this KVM does not know. */
static struct kvm_msr_entry *find_msr(const struct player *p, uint32_t index)
{
	struct fake_vcpu *vcpu = p->f->fake->vcpus[p->vcpu];
	for (unsigned i = vcpu->nr_msrs; i-- > 0;) {
		if (vcpu->msrs[i].index == index)
			return &vcpu->msrs[i];
	}
	return NULL;
}

/* The end of an MSR access: a fault, or a value (which writes drop). */
static void finish_msr(const struct player *p, struct guest_request *r, bool fault, uint64_t value)
{
	const struct lie *lie = &p->f->lie;
	if (is_lie(p, r)) {
		fault ^= lie->fault;
		value ^= lie->flip;
	}
	r->status = fault ? GUEST_FAULT : GUEST_DONE;
	r->reg[CPUID_EAX] = (uint32_t)value;
	r->reg[CPUID_EDX] = (uint32_t)(value >> 32);
}

static void answer_msr_in_kvm(const struct player *p, struct guest_request *r)
{
	struct kvm_msr_entry *msr = find_msr(p, r->ecx);
	if (msr && r->op == GUEST_WRMSR)
		msr->data = (uint64_t)r->edx << 32 | r->eax;
	finish_msr(p, r, !msr, msr ? msr->data : 0);
}

/* Makes the access an exit of KVM_RUN. */
static void exit_msr(struct player *p, const struct guest_request *r)
{
	struct kvm_run *run = p->f->fake->vcpus[p->vcpu]->run;
	bool write = r->op == GUEST_WRMSR;
	memset(&run->msr, 0, sizeof(run->msr));
	run->msr.reason = KVM_MSR_EXIT_REASON_FILTER;
	run->msr.index = r->ecx;
	run->msr.data = write ? (uint64_t)r->edx << 32 | r->eax : 0;
	p->waits_for_answer = true;
	p->script[1] = (struct fake_step){ .kind = FAKE_EXIT,
		.value = write ? KVM_EXIT_X86_WRMSR : KVM_EXIT_X86_RDMSR };
}

/* Goes on with the list until its end or an exit; the step behind this one is then that exit. */
static void play(void *ctx)
{
	struct player *p = ctx;
	struct guest_request *list = list_of(p->f);
	const struct kvm_run *run = p->f->fake->vcpus[p->vcpu]->run;
	if (p->waits_for_answer) {
		struct guest_request *r = &list[p->at++];
		finish_msr(p, r, run->msr.error, run->msr.data);
		p->waits_for_answer = false;
	}
	for (; list[p->at].op != GUEST_END; p->at++) {
		struct guest_request *r = &list[p->at];
		bool write = r->op == GUEST_WRMSR;
		bool unfiltered = p->f->lie.unfiltered && p->f->lie.leaf == r->ecx;
		if (r->op == GUEST_CPUID) {
			answer_cpuid(p, r);
		} else if (unfiltered || msr_filter_passes(&p->f->plan.filter, r->ecx, write)) {
			answer_msr_in_kvm(p, r);
		} else if (p->f->plan.filter.exits) {
			exit_msr(p, r);
			return;
		} else {
			finish_msr(p, r, /* fault */ true, 0);
		}
	}
	p->at = 0;
	p->script[1] = at_end;
}

static void plan_by_hand(struct machine_plan *plan, const struct host_facts *facts)
{
	*plan = (struct machine_plan){ .nr_vcpus = FIXTURE_VCPUS };
	plan->cpu.topology = (struct cpu_topology){ .sockets = 1,
		.dies = 1,
		.cores = FIXTURE_VCPUS,
		.threads = 1,
		.core_shift = 1,
		.die_shift = 3,
		.package_shift = 3 };
	for (unsigned i = 0; i < FIXTURE_VCPUS; i++)
		plan->vcpus[i] = (struct plan_vcpu){ .apic_id = 2 * i, .core = i };
	plan->cpu.vendor = CPUID_VENDOR_INTEL;
	plan->cpu.table = facts->supported;
	plan->cpu.msrs.set[0] = (struct msr_value){ MSR_IA32_MISC_ENABLE, 1 };
	plan->cpu.msrs.set[1] = (struct msr_value){ MSR_IA32_UCODE_REV, UINT64_C(0x1234) << 32 };
	plan->cpu.msrs.nr_set = 2;
}

int fixture_set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	*state = f;
	host_intel(&f->facts, true);
	plan_by_hand(&f->plan, &f->facts);
	f->fake = fake_kvm_create(&f->facts);
	if (!f->fake || kvm_open(&f->kvm, &f->fake->calls, "fake", &f->e))
		return -1;
	for (unsigned i = 0; i < FIXTURE_VCPUS; i++) {
		struct player *p = &f->players[i];
		p->f = f;
		p->vcpu = i;
		p->script[0] = (struct fake_step){ .kind = FAKE_CALL, .fn = play, .fn_ctx = p };
		p->script[2] = (struct fake_step){ .kind = FAKE_REPEAT };
		f->fake->scripts[i] = p->script;
	}
	return 0;
}

int fixture_tear_down(void **state)
{
	struct fixture *f = *state;
	verify_result_done(&f->result);
	msr_filter_done(&f->plan.filter);
	kvm_close(f->kvm);
	bool clean = fake_kvm_is_clean(f->fake);
	fake_kvm_destroy(f->fake);
	free(f);
	return clean ? 0 : -1;
}

void fixture_rule(struct fixture *f, uint32_t first, uint32_t last, enum msr_action read,
	enum msr_action write, uint64_t value)
{
	const struct msr_rule rule = { .first = first,
		.last = last,
		.read = read,
		.write = write,
		.value = value,
		.id = "T" };
	assert_int_equal(msr_policy_add(&f->plan.cpu.msrs, &rule, &f->e), 0);
	msr_filter_done(&f->plan.filter);
	assert_int_equal(msr_filter_compile(&f->plan.cpu.msrs, /* user_space_msr */ true,
				 &f->plan.filter, &f->e),
		0);
}

int fixture_run(struct fixture *f)
{
	return verify_run_bounded(f->kvm, &f->plan, /* reporter */ NULL, 60000, &f->result, &f->e);
}
