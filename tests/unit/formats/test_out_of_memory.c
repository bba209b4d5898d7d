/* SPDX-License-Identifier: MIT */
/* Readers and writers of every format with each allocation failing in turn. */
#include "policies.h"

#include "fake/allocation.h"
#include "fake/cmocka.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

struct format {
	policy_reader *reader;
	policy_writer *writer;
	const char *text; /* as the writer writes it, what is lost included */
	const struct cpu_policy *policy;
	FILE *null;
};

static void try_read(void *ctx)
{
	const struct format *f = ctx;
	struct policy_doc *doc = NULL;
	struct losses losses = { 0 };
	struct err e = ERR_INIT;
	int rc = f->reader(f->text, strlen(f->text), "it", &doc, &losses, &e);
	/* A loss that could not be written down is told by the list itself. */
	if (allocation_has_failed() && losses.error == 0)
		assert_int_equal(rc, -ENOMEM);
	else
		assert_int_equal(rc, 0);
	assert_int_equal(rc == 0, doc != NULL);
	policy_doc_destroy(doc);
	losses_done(&losses);
}

static void try_write(void *ctx)
{
	const struct format *f = ctx;
	struct losses losses = { 0 };
	struct err e = ERR_INIT;
	int rc = f->writer(f->policy, f->null, &losses, &e);
	if (allocation_has_failed() && losses.error == 0)
		assert_int_equal(rc, -ENOMEM);
	else
		assert_int_equal(rc, 0);
	losses_done(&losses);
}

static void format__allocation_n_fails__error_and_nothing_leaks(
	policy_reader *reader, policy_writer *writer)
{
	const struct policy_kind kind = { .dialect = -1, .leaves = true };
	for (uint32_t seed = 1; seed <= 3; seed++) {
		struct policy_doc *doc = policy_random(&kind, seed);
		struct losses losses = { 0 };
		struct format f = {
			.reader = reader, .writer = writer, .policy = policy_doc_policy(doc)
		};
		char *text = policy_write(writer, f.policy, &losses);
		losses_done(&losses);
		f.text = text;
		f.null = fopen("/dev/null", "we");
		assert_non_null(f.null);
		assert_true(allocation_fail_each(try_read, &f) > 0);
		(void)allocation_fail_each(try_write, &f);
		(void)fclose(f.null);
		free(text);
		policy_doc_destroy(doc);
	}
}

static void qemu__allocation_n_fails__error_and_nothing_leaks(void **state)
{
	(void)state;
	format__allocation_n_fails__error_and_nothing_leaks(qemu_cpu_read, qemu_cpu_write);
}

static void libvirt__allocation_n_fails__error_and_nothing_leaks(void **state)
{
	(void)state;
	format__allocation_n_fails__error_and_nothing_leaks(libvirt_cpu_read, libvirt_cpu_write);
}

static void firecracker__allocation_n_fails__error_and_nothing_leaks(void **state)
{
	(void)state;
	json_set_alloc_funcs(allocation_sure, free);
	format__allocation_n_fails__error_and_nothing_leaks(
		firecracker_cpu_read, firecracker_cpu_write);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu__allocation_n_fails__error_and_nothing_leaks),
		cmocka_unit_test(libvirt__allocation_n_fails__error_and_nothing_leaks),
		cmocka_unit_test(firecracker__allocation_n_fails__error_and_nothing_leaks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
