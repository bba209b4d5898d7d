/* SPDX-License-Identifier: MIT */
/* Reading what was written gives the same policy, over random policies; seeds are in the names. */
#include "policies.h"

#include <stdlib.h>

#define NR_POLICIES 4000

static void check(
	policy_writer *writer, policy_reader *reader, const struct policy_kind *kind, bool qemu)
{
	for (uint32_t seed = 1; seed <= NR_POLICIES; seed++) {
		struct losses losses = { 0 };
		struct policy_doc *doc = policy_random(kind, seed);
		char *text = policy_write(writer, policy_doc_policy(doc), &losses);
		struct policy_doc *again = policy_read(reader, text, &losses);
		char *before = policy_normal(policy_doc_policy(doc), qemu);
		char *after = policy_normal(policy_doc_policy(again), qemu);
		if (strcmp(before, after) != 0)
			print_error("seed %u: %s\n", seed, text);
		assert_string_equal(before, after);
		assert_no_losses(&losses);
		free(before);
		free(after);
		free(text);
		policy_doc_destroy(doc);
		policy_doc_destroy(again);
		losses_done(&losses);
	}
}

static void qemu__random_policies__come_back_equal(void **state)
{
	(void)state;
	const struct policy_kind kind = { .dialect = DIALECT_QEMU,
		.identity = true,
		.brand = true,
		.tsc = true,
		.phys_bits = true,
		.ucode = true,
		.on_missing_warn = true,
		.hypervisor_none = true };
	check(qemu_cpu_write, qemu_cpu_read, &kind, true);
}

static void libvirt__random_policies__come_back_equal(void **state)
{
	(void)state;
	const struct policy_kind kind = { .dialect = DIALECT_LIBVIRT,
		.vendor_by_model = true,
		.topology = true,
		.phys_bits = true,
		.cache_none = true };
	check(libvirt_cpu_write, libvirt_cpu_read, &kind, false);
}

/* A vendor is among the losses, as no template has one. */
static int firecracker_write_quietly(
	const struct cpu_policy *policy, FILE *out, struct losses *losses, struct err *e)
{
	struct cpu_policy p = *policy;
	p.vendor.text = NULL;
	return firecracker_cpu_write(&p, out, losses, e);
}

static void firecracker__random_policies__come_back_equal(void **state)
{
	(void)state;
	const struct policy_kind kind = { .dialect = -1,
		.host_only = true,
		.identity = true,
		.phys_bits = true,
		.leaves = true,
		.msr_bits = true,
		.no_switches = true };
	for (uint32_t seed = 1; seed <= NR_POLICIES; seed++) {
		struct losses losses = { 0 };
		struct policy_doc *doc = policy_random(&kind, seed);
		policy_doc_edit(doc)->vendor.text = NULL;
		char *text =
			policy_write(firecracker_write_quietly, policy_doc_policy(doc), &losses);
		struct policy_doc *again = policy_read(firecracker_cpu_read, text, &losses);
		char *before = policy_normal(policy_doc_policy(doc), false);
		char *after = policy_normal(policy_doc_policy(again), false);
		if (strcmp(before, after) != 0)
			print_error("seed %u: %s\n", seed, text);
		assert_string_equal(before, after);
		assert_no_losses(&losses);
		free(before);
		free(after);
		free(text);
		policy_doc_destroy(doc);
		policy_doc_destroy(again);
		losses_done(&losses);
	}
}

/* Whatever a policy says, a writer's text can be read, and writing that again changes nothing. */
static void check_any(policy_writer *writer, policy_reader *reader)
{
	const struct policy_kind kind = { .dialect = -1,
		.identity = true,
		.brand = true,
		.tsc = true,
		.topology = true,
		.phys_bits = true,
		.ucode = true,
		.leaves = true,
		.msr_bits = true,
		.msr_rules = true,
		.modes = true,
		.on_missing_warn = true,
		.cache_none = true,
		.hypervisor_none = true,
		.hypervisor_hyperv = true };
	for (uint32_t seed = 1; seed <= NR_POLICIES / 2; seed++) {
		struct losses losses = { 0 };
		struct policy_doc *doc = policy_random(&kind, seed);
		char *first = policy_write(writer, policy_doc_policy(doc), &losses);
		struct policy_doc *read = policy_read(reader, first, &losses);
		char *second = policy_write(writer, policy_doc_policy(read), &losses);
		struct policy_doc *again = policy_read(reader, second, &losses);
		char *before = policy_normal(policy_doc_policy(read), true);
		char *after = policy_normal(policy_doc_policy(again), true);
		assert_string_equal(before, after);
		free(before);
		free(after);
		free(first);
		free(second);
		policy_doc_destroy(doc);
		policy_doc_destroy(read);
		policy_doc_destroy(again);
		losses_done(&losses);
	}
}

static void qemu__any_policy__is_readable_and_stable(void **state)
{
	(void)state;
	check_any(qemu_cpu_write, qemu_cpu_read);
}

static void libvirt__any_policy__is_readable_and_stable(void **state)
{
	(void)state;
	check_any(libvirt_cpu_write, libvirt_cpu_read);
}

static void firecracker__any_policy__is_readable_and_stable(void **state)
{
	(void)state;
	check_any(firecracker_cpu_write, firecracker_cpu_read);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu__random_policies__come_back_equal),
		cmocka_unit_test(libvirt__random_policies__come_back_equal),
		cmocka_unit_test(firecracker__random_policies__come_back_equal),
		cmocka_unit_test(qemu__any_policy__is_readable_and_stable),
		cmocka_unit_test(libvirt__any_policy__is_readable_and_stable),
		cmocka_unit_test(firecracker__any_policy__is_readable_and_stable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
