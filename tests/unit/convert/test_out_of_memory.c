/* SPDX-License-Identifier: MIT */
/* Conversions with each allocation failing in turn. */
#include "unit/convert/conversions.h"

#include "fake/allocation.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

struct conversion {
	enum convert_format from, to;
	const char *text;
	FILE *null;
};

static void try_convert(void *ctx)
{
	const struct conversion *c = ctx;
	struct convert *convert = NULL;
	struct losses losses = { 0 };
	struct err e = ERR_INIT;
	int rc = convert_read(&convert, c->from, c->text, strlen(c->text), "it", &losses, &e);
	assert_int_equal(rc == 0, convert != NULL);
	if (rc == 0)
		rc = convert_plan(convert, NULL, &losses, &e);
	if (rc == 0)
		rc = convert_write(convert, c->to, c->null, &losses, &e);
	/* A loss that could not be written down is told by the list itself. */
	if (allocation_has_failed() && losses.error == 0)
		assert_int_equal(rc, -ENOMEM);
	else
		assert_int_equal(rc, 0);
	convert_destroy(convert);
	losses_done(&losses);
}

static void check(enum convert_format from, const char *text, enum convert_format to)
{
	struct conversion c = { from, to, text, fopen("/dev/null", "we") };
	assert_non_null(c.null);
	assert_true(allocation_fail_each(try_convert, &c) > 0);
	(void)fclose(c.null);
}

static void qemu__allocation_n_fails__error_and_nothing_leaks(void **state)
{
	static const char text[] =
		"Broadwell,+vmx,-avx,model-id=x,hv-relaxed,l3-cache=off,ucode-rev=1";
	(void)state;
	check(CONVERT_QEMU, text, CONVERT_TOML);
	check(CONVERT_QEMU, text, CONVERT_LIBVIRT);
}

static void libvirt__allocation_n_fails__error_and_nothing_leaks(void **state)
{
	(void)state;
	check(CONVERT_LIBVIRT,
		"<domain><vcpu>2</vcpu><features><hyperv><relaxed state='on'/></hyperv></features>"
		"<cpu><model>EPYC</model><feature name='svm'/><numa/></cpu></domain>",
		CONVERT_FIRECRACKER);
}

static void firecracker__allocation_n_fails__error_and_nothing_leaks(void **state)
{
	(void)state;
	check(CONVERT_FIRECRACKER,
		"{\"kvm_capabilities\": [\"!56\"], \"cpuid_modifiers\": [{\"leaf\": \"0x7\", "
		"\"subleaf\": \"0x0\", \"flags\": 1, \"modifiers\": [{\"register\": \"ebx\", "
		"\"bitmap\": \"0b0xxxxx\"}]}], \"msr_modifiers\": [{\"addr\": \"0x10a\", "
		"\"bitmap\": \"0b1\"}]}",
		CONVERT_QEMU);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu__allocation_n_fails__error_and_nothing_leaks),
		cmocka_unit_test(libvirt__allocation_n_fails__error_and_nothing_leaks),
		cmocka_unit_test(firecracker__allocation_n_fails__error_and_nothing_leaks),
	};
	json_set_alloc_funcs(allocation_sure, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
