/* SPDX-License-Identifier: MIT */
/* A machine on the fake KVM: config, plan, a tiny kernel file, an event loop, a pipe as console. */
#ifndef NESTOR_TESTS_UNIT_VM_FIXTURE_H
#define NESTOR_TESTS_UNIT_VM_FIXTURE_H

#include "fake/cmocka.h"
#include "fake/hosts.h"
#include "fake/kvm.h"

#include "plan/plan.h"
#include "vm/machine.h"

#define FIXTURE_ENTRY 0x100030u         /* where the tiny kernel starts … */
#define FIXTURE_CODE "\xfa\xf4\xeb\xfd" /* … with cli; hlt; and back */

struct fixture {
	struct vm_config config;
	struct cpu_policy policy;
	const struct cpu_policy *given_policy; /* NULL, or &policy */
	struct host_facts facts;
	struct machine_plan plan;
	struct fake_kvm *fake;
	struct kvm *kvm;
	struct loop *loop;
	struct loop_call on_loop;          /* a test's, for its scripts to post */
	struct kernel_cache *kernel_cache; /* NULL: none; the test's own */
	struct guest_files files; /* open since fixture_set_up, and anew by fixture_create */
	bool files_opened;
	struct machine *machine;
	struct machine_options options;
	struct machine_result result;
	struct err e;
	struct reporter reporter;
	pthread_mutex_t report_lock;
	char reports[16384]; /* all reports, one after another */
	char kernel_path[64];
	int console[2]; /* a pipe; serial output and debug console go to [1] */
};

/* An Intel host, 16 MiB, one vCPU. The config may be changed until fixture_create. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);

/* The policy names model "host", at "vm.toml:2:9", and says what becomes of what is missing. */
void fixture_ask_for_host(struct fixture *f, enum cpu_on_missing on_missing);

/* Opens the files that the config names by now, and closes those of the last time. */
int fixture_open_files(struct fixture *f);

/* Opens the files, plans and creates the machine; the result of what fails, or of machine_create.
 */
int fixture_create(struct fixture *f);

/* fixture_create, then machine_run with the script on vCPU 0 (others wait); its result. */
int fixture_run(struct fixture *f, const struct fake_step *script);

/*
 * For a test that lets KVM call n fail, and then n + 1, until there are fewer: whether there was
 * such a call, after what it was in has returned rc. Where there was, that has failed with an error
 * that names it; else it has not failed.
 */
bool fixture_call_failed(struct fixture *f, unsigned n, int rc);

/* What the console got so far, as a string in buf. */
const char *fixture_console(struct fixture *f, char *buf, size_t size);

/* Descriptors that this process has open. */
unsigned fixture_count_fds(void);

#define FIXTURE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

#endif
