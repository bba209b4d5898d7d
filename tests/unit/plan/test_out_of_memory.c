/* SPDX-License-Identifier: MIT */
/* From a config to a policy and a plan with each allocation failing in turn. */
#include "fake/allocation.h"
#include "fake/cmocka.h"
#include "fake/hosts.h"
#include "nested.h"

#include "config/config.h"
#include "plan/plan.h"
#include "plan/policy.h"

#include <errno.h>
#include <stdlib.h>

struct fixture {
	struct nested *n;
	struct config *config;
	const struct vm_config *vm;
};

static const char text[] = "[memory]\nsize = \"256M\"\n"
			   "[cpu]\nvcpus = 2\nfeatures = [\"-sse4a\", \"+pcid\"]\n"
			   "on_missing = \"drop\"\n"
			   "[[cpu.leaves]]\nleaf = 6\nregister = \"eax\"\nmask = "
			   "\"xxxxxxxx_xxxxxxxx_xxxxxxxx_xxxxxxx0\"\n"
			   "[[msr.rules]]\nindex = 0x8b\naction = \"read-as\"\nvalue = 1\n"
			   "[[msr.rules]]\nfirst = 0x1d9\nlast = 0x1de\naction = \"deny\"\n"
			   "[nesting]\nexpose_virtualization_extensions = true\nprofile = \"kvm\"\n"
			   "features = [\"-vmx-pml\"]\nmax_depth = 2\n"
			   "[hyperv]\nfeatures = [\"+hv-relaxed\", \"+hv-vapic\"]\n";

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err e = ERR_INIT;
	if (!f)
		return -1;
	*state = f;
	f->n = nested_create(CPUID_VENDOR_INTEL);
	f->config = config_create();
	host_give_hyperv(&f->n->host, true);
	if (!f->n || !f->config ||
		config_load_text(f->config, text, strlen(text), "vm.toml", "/", &e) ||
		config_finish_policy(f->config, &f->vm, &e)) {
		print_error("%s\n", e.msg);
		return -1;
	}
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	nested_destroy(f->n);
	config_destroy(f->config);
	free(f);
	return 0;
}

static void try_plan(void *ctx)
{
	struct fixture *f = ctx;
	struct vm_policy *policy = NULL;
	struct machine_plan *plan = &f->n->plan;
	struct err e = ERR_INIT;
	int rc = vm_policy_create(
		&policy, f->config, f->vm, /* base */ NULL, /* cluster */ NULL, &f->n->host, &e);
	*plan = (struct machine_plan){ 0 };
	if (rc == 0)
		rc = plan_machine(f->vm, vm_policy_get(policy), &f->n->host, NULL, plan, &e);
	if (rc != (allocation_has_failed() ? -ENOMEM : 0))
		fail_msg("%d: %s", rc, e.msg);
	assert_int_equal(rc != 0, e.msg[0] != '\0');
	machine_plan_done(plan);
	vm_policy_destroy(policy);
}

static void plan_machine__allocation_n_fails__error_and_nothing_leaks(void **state)
{
	assert_true(allocation_fail_each(try_plan, *state) > 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			plan_machine__allocation_n_fails__error_and_nothing_leaks, set_up,
			tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
