/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"
#include "formats/dialect.h"

#include <stdio.h>
#include <stdlib.h>

static const char *qemu(const char *name)
{
	const struct feature *f = feature_find(name);
	assert_non_null(f);
	return dialect_feature(DIALECT_QEMU, f);
}

static const char *libvirt(const char *name)
{
	const struct feature *f = feature_find(name);
	assert_non_null(f);
	return dialect_feature(DIALECT_LIBVIRT, f);
}

static void qemu_name__spelt_otherwise__is_the_one_that_qemu_shows(void **state)
{
	(void)state;
	assert_string_equal(qemu("lahf_lm"), "lahf-lm");
	assert_string_equal(qemu("fxsr_opt"), "fxsr-opt");
	assert_string_equal(qemu("ds_cpl"), "ds-cpl");
	assert_string_equal(qemu("pclmuldq"), "pclmulqdq");
	assert_string_equal(qemu("pni"), "pni");
	assert_string_equal(qemu("sse4.1"), "sse4.1");
	assert_string_equal(qemu("kvmclock2"), "kvmclock");
	assert_string_equal(qemu("avx512f"), "avx512f");
}

static void qemu_name__not_qemus__is_null(void **state)
{
	(void)state;
	assert_null(qemu("cmt"));
	assert_null(qemu("cet-ss")); /* newer than QEMU 10.0 */
	assert_null(qemu("mbm_total"));
	assert_null(qemu("osxsave"));
	assert_null(qemu("amd-ppin"));
	assert_null(qemu("vmx-ept-wb"));
}

static void libvirt_name__own_names__and_none_for_others(void **state)
{
	(void)state;
	assert_string_equal(libvirt("lahf-lm"), "lahf_lm");
	assert_string_equal(libvirt("pclmulqdq"), "pclmuldq");
	assert_string_equal(libvirt("cmt"), "cmt");
	assert_null(libvirt("kvm-pv-eoi"));
	assert_null(libvirt("amd-ppin"));
	assert_null(libvirt("xcrypt"));
}

static void recent__names_of_debian_13__are_told_from_older_ones(void **state)
{
	(void)state;
	assert_true(dialect_is_recent(DIALECT_QEMU, feature_find("auto-ibrs")));
	assert_true(dialect_is_recent(DIALECT_LIBVIRT, feature_find("vmx-ept")));
	assert_false(dialect_is_recent(DIALECT_QEMU, feature_find("vmx-ept")));
	assert_false(dialect_is_recent(DIALECT_LIBVIRT, feature_find("avx2")));
}

static void models__by_program__are_known_or_not(void **state)
{
	(void)state;
	assert_true(dialect_has_model(DIALECT_QEMU, cpu_model_find("Haswell-noTSX-IBRS")));
	assert_true(dialect_has_model(DIALECT_LIBVIRT, cpu_model_find("cpu64-rhel6")));
	assert_false(dialect_has_model(DIALECT_QEMU, cpu_model_find("cpu64-rhel6")));
	assert_false(dialect_has_model(DIALECT_QEMU, cpu_model_find("x86-64-v3")));
	assert_false(dialect_has_model(DIALECT_LIBVIRT, cpu_model_find("x86-64-v3")));
	assert_false(dialect_has_model(DIALECT_LIBVIRT, cpu_model_find("YongFeng")));
}

static void extra__of_every_model__can_be_named_and_is_not_in_it(void **state)
{
	(void)state;
	const struct cpu_model *m;
	for (size_t i = 0; (m = cpu_model_at(i)); i++) {
		struct feature_set extra, common;
		dialect_qemu_extra(m, /* exposed */ false, &extra);
		common = extra;
		feature_set_and(&common, &m->features);
		assert_true(feature_set_is_empty(&common));
		assert_false(feature_set_has(&extra, FEATURE_ID_svm));
		assert_false(feature_set_has(&extra, FEATURE_ID_monitor));
		assert_false(feature_set_has(&extra, FEATURE_ID_npt));
	}
	struct feature_set broadwell;
	dialect_qemu_extra(cpu_model_find("Broadwell"), /* exposed */ false, &broadwell);
	assert_true(feature_set_has(&broadwell, FEATURE_ID_abm));
	assert_int_equal(feature_set_count(&broadwell), 6);
}

static void qemu_model__of_both_programs__is_known_to_both(void **state)
{
	(void)state;
	const struct cpu_model *m;
	unsigned nr = 0;
	for (size_t i = 0; (m = cpu_model_at(i)); i++) {
		const struct qemu_model *q = dialect_qemu_model(m);
		if (!q)
			continue;
		assert_true(dialect_has_model(DIALECT_QEMU, m));
		if (dialect_has_model(DIALECT_LIBVIRT, m) != (q->libvirt[0] != '\0'))
			fail_msg("libvirt has %s, or has not", m->name);
		nr++;
	}
	assert_true(nr > 140);
}

/* Each name that the QEMU of this machine shows is the one that is written for that feature. */
static void qemu_name__what_this_machines_qemu_recognizes__is_what_is_written(void **state)
{
	(void)state;
	FILE *help = popen("qemu-system-x86_64 -cpu help 2>/dev/null", "r");
	assert_non_null(help);
	char word[128];
	unsigned nr = 0;
	bool flags = false;
	while (fscanf(help, "%127s", word) == 1) {
		if (strcmp(word, "flags:") == 0) {
			flags = true;
			continue;
		}
		if (!flags)
			continue;
		const struct feature *f = feature_find(word);
		if (!f)
			fail_msg("QEMU's %s is not known", word);
		if (strstr(f->note, "newer than QEMU 10.0"))
			continue;
		assert_non_null(dialect_feature(DIALECT_QEMU, f));
		assert_string_equal(dialect_feature(DIALECT_QEMU, f), word);
		nr++;
	}
	(void)pclose(help);
	if (nr == 0)
		skip();
	assert_true(nr > 200);
}

/* And each model of libvirt's that QEMU is said to have: those that this version has not are newer.
 */
static void qemu_models__what_this_machines_qemu_has__are_not_said_to_be_absent(void **state)
{
	(void)state;
	FILE *help = popen("qemu-system-x86_64 -cpu help 2>/dev/null", "r");
	assert_non_null(help);
	char line[512], name[128];
	unsigned nr = 0;
	while (fgets(line, sizeof(line), help)) {
		if (sscanf(line, "x86 %127s", name) != 1)
			continue;
		const struct cpu_model *m = cpu_model_find(name);
		nr++;
		if (!m && strcmp(name, "host") != 0 && strcmp(name, "max") != 0 &&
			strcmp(name, "base") != 0)
			fail_msg("QEMU's model %s is not known", name);
		if (m)
			assert_true(dialect_has_model(DIALECT_QEMU, m));
	}
	(void)pclose(help);
	if (nr == 0)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu_name__spelt_otherwise__is_the_one_that_qemu_shows),
		cmocka_unit_test(qemu_name__not_qemus__is_null),
		cmocka_unit_test(libvirt_name__own_names__and_none_for_others),
		cmocka_unit_test(recent__names_of_debian_13__are_told_from_older_ones),
		cmocka_unit_test(models__by_program__are_known_or_not),
		cmocka_unit_test(qemu_model__of_both_programs__is_known_to_both),
		cmocka_unit_test(extra__of_every_model__can_be_named_and_is_not_in_it),
		cmocka_unit_test(qemu_name__what_this_machines_qemu_recognizes__is_what_is_written),
		cmocka_unit_test(
			qemu_models__what_this_machines_qemu_has__are_not_said_to_be_absent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
