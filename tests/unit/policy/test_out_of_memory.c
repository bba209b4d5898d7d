/* SPDX-License-Identifier: MIT */
/* A file that is wrong in many ways is checked with each allocation failing in turn. */
#include "fake/allocation.h"
#include "fake/cmocka.h"

#include "policy/policy_file.h"

#include <errno.h>

static const char text[] = "nam = \"x\"\n[cpu]\nmodel = \"EPYC-Roma\"\nvcpus = 3\nsockets = 2\n"
			   "features = [\"+pcdi\", \"+svm\"]\n"
			   "[hyperv]\nfeatures = [\"+hv-relaxd\", \"+hv-stimer\"]\n"
			   "[debug_exit]\nport = 0x21\n"
			   "[[msr.rules]]\nindex = 0x830\naction = \"deny\"\n";
#define NR_FAULTS 11

static void try_check(void *ctx)
{
	const struct config_source source = {
		.name = "vm.toml", .text = text, .n = sizeof(text) - 1
	};
	struct findings found = { 0 };
	struct err e = ERR_INIT;
	(void)ctx;
	int rc = policy_file_check(&source, POLICY_FILE_ASK, /* more */ NULL, &found, &e);
	/* All is said, also where what failed was for something that is not said after all. */
	if (rc != 0 && (rc != -ENOMEM || !allocation_has_failed()))
		fail_msg("%d: %s", rc, e.msg);
	assert_int_equal(rc != 0, e.msg[0] != '\0');
	if (rc == 0)
		assert_int_equal(found.n, NR_FAULTS);
	findings_done(&found);
}

static void policy_file_check__allocation_n_fails__error_and_nothing_leaks(void **state)
{
	assert_true(allocation_fail_each(try_check, *state) > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_file_check__allocation_n_fails__error_and_nothing_leaks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
