/* SPDX-License-Identifier: MIT */
/* Which module of KVM's a machine uses, by what its kernel says. */
#include "fake/cmocka.h"

#include "policy/host_report.h"

#include <stdio.h>
#include <stdlib.h>

struct fixture {
	struct machine_facts machine;
	struct host_report report;
};

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

/* A module with one parameter; value NULL: it has none. */
static void add(struct fixture *f, const char *name, const char *parameter, const char *value)
{
	struct machine_module *m = &f->machine.modules[f->machine.nr_modules++];
	(void)snprintf(m->name, sizeof(m->name), "%s", name);
	if (!value)
		return;
	m->nr_parameters = 1;
	(void)snprintf(m->parameters[0].name, sizeof(m->parameters[0].name), "%s", parameter);
	(void)snprintf(m->parameters[0].value, sizeof(m->parameters[0].value), "%s", value);
}

static void expect(struct fixture *f, const char *module, const char *nested)
{
	host_report_module(&f->report, &f->machine);
	assert_string_equal(f->report.module, module);
	assert_string_equal(f->report.module_nested, nested);
	f->machine = (struct machine_facts){ .nr_modules = 0 };
}

static void module__of_each_vendor__with_its_parameter(void **state)
{
	struct fixture *f = *state;
	add(f, "kvm", "ignore_msrs", "N");
	add(f, "kvm_intel", "nested", "Y");
	expect(f, "kvm_intel", "on");
	add(f, "kvm_intel", "nested", "N");
	expect(f, "kvm_intel", "off");
	add(f, "kvm_amd", "nested", "1");
	expect(f, "kvm_amd", "on");
	add(f, "kvm_amd", "nested", "0");
	expect(f, "kvm_amd", "off");
}

static void module__none_that_says_so__unknown(void **state)
{
	struct fixture *f = *state;
	expect(f, "unknown", "");
	add(f, "kvm", "nested", "Y");
	add(f, "kvm_pvm", "nested", "Y");
	expect(f, "unknown", "");
	add(f, "kvm_amd", "npt", "Y");
	expect(f, "unknown", "");
	add(f, "kvm_intel", "nested", "");
	expect(f, "unknown", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			module__of_each_vendor__with_its_parameter, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			module__none_that_says_so__unknown, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
