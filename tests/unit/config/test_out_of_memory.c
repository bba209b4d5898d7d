/* SPDX-License-Identifier: MIT */
/* Reading, setting, checking and editing a config with each allocation failing in turn. */
#include "config_test.h"

#include "config/edit.h"
#include "fake/allocation.h"

#include <errno.h>

static const char text[] =
	"name = \"all\"\n"
	"[memory]\nsize = \"256M\"\n"
	"[cpu]\nvcpus = 2\nmodel = \"EPYC-Rome\"\npinning = [0, 1]\n"
	"features = [\"-sse4a\", \"+pcid\"]\n"
	"[[cpu.leaves]]\nleaf = 6\nregister = \"eax\"\n"
	"mask = \"xxxxxxxx_xxxxxxxx_xxxxxxxx_xxxxxxx0\"\n"
	"[[msr.rules]]\nindex = 0x8b\naction = \"read-as\"\nvalue = 1\n"
	"[[msr.rules]]\nfirst = 0x1d9\nlast = 0x1de\naction = \"deny\"\n"
	"[nesting]\nexpose_virtualization_extensions = true\n"
	"features = [\"-vmx-pml\"]\n"
	"[boot]\nkernel = \"k\"\nmodules = [{ path = \"a\" }, { path = \"b\" }]\n"
	"[[serial]]\nmode = \"file\"\npath = \"log\"\n";

static int load_and_finish(struct config *c, struct err *e)
{
	const struct vm_config *vm;
	int rc = config_load_text(c, text, strlen(text), "vm.toml", "/dir", e);
	if (rc == 0)
		rc = config_set(c, "cpu.features=[\"+pku\"]", "--set", e);
	if (rc == 0)
		rc = config_set_text(c, "boot.cmdline", "quiet", "--append", e);
	return rc ? rc : config_finish_policy(c, &vm, e);
}

static void try_load(void *ctx)
{
	struct err e = ERR_INIT;
	struct config *c = config_create();
	int rc = c ? load_and_finish(c, &e) : -ENOMEM;
	bool failed = allocation_has_failed();
	(void)ctx;
	if (rc != (failed ? -ENOMEM : 0))
		fail_msg("%d with%s an allocation that failed: %s", rc, failed ? "" : "out", e.msg);
	if (c && rc)
		assert_true(e.msg[0] != '\0');
	config_destroy(c);
}

static void config_load__allocation_n_fails__error_and_nothing_leaks(void **state)
{
	(void)state;
	assert_true(allocation_fail_each(try_load, NULL) > 30);
}

static void try_refused(void *ctx)
{
	static const char bad[] = "[cpu]\nfeatures = [\"-sse4a\", 7]\nmodel = \"a\"\nmodell = 1\n"
				  "[[serial]]\nmode = \"fiel\"\n[boot]\nmodules = [{ pth = 1 }]\n";
	struct err e = ERR_INIT;
	struct config *c = config_create();
	int rc = c ? config_load_text(c, bad, strlen(bad), "vm.toml", "/dir", &e) : -ENOMEM;
	(void)ctx;
	assert_int_equal(rc, allocation_has_failed() ? -ENOMEM : -EINVAL);
	config_destroy(c);
}

static void config_load__of_what_is_wrong_allocation_n_fails__nothing_leaks(void **state)
{
	(void)state;
	assert_true(allocation_fail_each(try_refused, NULL) > 5);
}

static void try_edit(void *ctx)
{
	struct err e = ERR_INIT;
	char *out = NULL;
	size_t n = 0;
	int rc = toml_edit_set(text, strlen(text), "memory.size", "\"1G\"", &out, &n, &e);
	(void)ctx;
	assert_int_equal(rc, allocation_has_failed() ? -ENOMEM : 0);
	free(out);
}

static void try_remove(void *ctx)
{
	struct err e = ERR_INIT;
	char *out = NULL;
	size_t n = 0;
	int rc = toml_edit_remove_item(text, strlen(text), "cpu.features", 1, &out, &n, &e);
	(void)ctx;
	assert_int_equal(rc, allocation_has_failed() ? -ENOMEM : 0);
	free(out);
}

static void toml_edit__allocation_n_fails__error_and_nothing_leaks(void **state)
{
	(void)state;
	assert_true(allocation_fail_each(try_edit, NULL) > 0);
	assert_true(allocation_fail_each(try_remove, NULL) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_load__allocation_n_fails__error_and_nothing_leaks),
		cmocka_unit_test(config_load__of_what_is_wrong_allocation_n_fails__nothing_leaks),
		cmocka_unit_test(toml_edit__allocation_n_fails__error_and_nothing_leaks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
