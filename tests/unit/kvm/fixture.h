/* SPDX-License-Identifier: MIT */
/* An opened fake KVM with a VM and a vCPU. */
#ifndef NESTOR_TESTS_UNIT_KVM_FIXTURE_H
#define NESTOR_TESTS_UNIT_KVM_FIXTURE_H

#include "fake/cmocka.h"
#include "fake/hosts.h"
#include "fake/kvm.h"

#include "kvm/kvm.h"

#include <errno.h>
#include <stdlib.h>

struct fixture {
	struct host_facts facts;
	struct fake_kvm *fake;
	struct kvm *kvm;
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
	struct err e;
};

/* Fails the next call with a code. */
static inline void fail_next(struct fixture *f, int code)
{
	f->fake->fail_at = f->fake->nr_calls + 1;
	f->fake->fail_code = code;
}

static inline int set_up_fake(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	host_intel(&f->facts, true);
	f->fake = fake_kvm_create(&f->facts);
	*state = f;
	return f->fake ? 0 : -1;
}

static inline int set_up_vcpu(void **state)
{
	if (set_up_fake(state))
		return -1;
	struct fixture *f = *state;
	if (kvm_open(&f->kvm, &f->fake->calls, "fake", &f->e) ||
		kvm_vm_create(&f->vm, f->kvm, &f->e) || kvm_vcpu_create(&f->vcpu, f->vm, 7, &f->e))
		return -1;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	kvm_vcpu_destroy(f->vcpu);
	kvm_vm_destroy(f->vm);
	kvm_close(f->kvm);
	int rc = fake_kvm_is_clean(f->fake) ? 0 : -1;
	fake_kvm_destroy(f->fake);
	free(f);
	return rc;
}

#endif
