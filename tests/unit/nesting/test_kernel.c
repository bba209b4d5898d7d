/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "nesting/kernel.h"

#include <stdio.h>

static struct kernel_identity identify(const char *release, const char *version)
{
	struct machine_facts m = { 0 };
	struct kernel_identity k;
	(void)snprintf(m.kernel_release, sizeof(m.kernel_release), "%s", release);
	(void)snprintf(m.kernel_version, sizeof(m.kernel_version), "%s", version);
	kernel_identify(&m, &k);
	return k;
}

static const char *text_of(const struct kernel_identity *k)
{
	static char text[KERNEL_VERSION_BYTES];
	return k->known ? kernel_version_text(text, &k->version) : "unknown";
}

static const struct kernel_problem *problem(const char *id)
{
	size_t n;
	const struct kernel_problem *all = kernel_problems(&n);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(all[i].id, id) == 0)
			return &all[i];
	}
	fail_msg("%s is not in the table", id);
	return NULL;
}

static void release__forms__are_understood(void **state)
{
	(void)state;
	static const struct {
		const char *release, *version;
		bool plain;
	} rows[] = {
		{ "6.12.95", "6.12.95", true },
		{ "7.2.0-rc1", "7.2-rc1", true },
		{ "7.2-rc12", "7.2-rc12", true },
		{ "6.12.0", "6.12", true },
		{ "6.18.44-fc-v769", "6.18.44", false },
		{ "6.12.95+deb13-amd64", "6.12.95", false },
		{ "5.14.0-503.11.1.el9_5.x86_64", "5.14", false },
		{ "6.8.0-134-generic", "6.8", false },
		{ "7.2.0-rc1-00001-gabc", "7.2-rc1", false },
		{ "6.12.95-rc1", "6.12.95", false },
		{ "6.12.95+", "6.12.95", false },
		{ "6.12.", "6.12", false },
		{ "", "unknown", false },
		{ "garbage", "unknown", false },
		{ "6", "unknown", false },
		{ "6.", "unknown", false },
		{ "-6.1", "unknown", false },
		{ "99999999999.1.1", "unknown", false },
		{ "6.12.99999999999", "unknown", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kernel_identity k = identify(rows[i].release, "");
		assert_string_equal(text_of(&k), rows[i].version);
		assert_int_equal(k.plain, rows[i].plain);
	}
}

#define DEBIAN_12                                                                                  \
	"Linux version 6.1.0-37-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian "           \
	"12.2.0-14+deb12u1) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) #1 SMP "                \
	"PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)"

static void debian__package__gives_the_upstream_version(void **state)
{
	(void)state;
	struct kernel_identity k = identify("6.1.0-37-amd64", DEBIAN_12);
	assert_string_equal(text_of(&k), "6.1.140");
	assert_false(k.plain);
	assert_string_equal(k.distribution, "Debian");
	assert_string_equal(k.package, "6.1.140-1");
}

/* Debian's compiler, which somebody's own kernel may be built with, says nothing of the kernel. */
static void debian__compiler_alone__says_nothing(void **state)
{
	(void)state;
	struct kernel_identity k = identify("6.6.1",
		"Linux version 6.6.1 (me@here) (gcc (Debian 12.2.0-14) 12.2.0) #3 SMP Mon Jan 1");
	assert_string_equal(text_of(&k), "6.6.1");
	assert_true(k.plain);
	assert_string_equal(k.distribution, "");
}

static void debian__package_of_another_series__is_not_believed(void **state)
{
	(void)state;
	struct kernel_identity k =
		identify("6.1.0-37-amd64", "Linux #1 SMP Debian 7.9.1-1 (2025-05-22)");
	assert_string_equal(text_of(&k), "6.1");
	assert_string_equal(k.package, "");
}

static void ubuntu__signature__gives_the_upstream_version(void **state)
{
	(void)state;
	struct machine_facts m = { .kernel_release = "6.8.0-134-generic",
		.kernel_signature = "Ubuntu 6.8.0-134.134-generic 6.8.12" };
	struct kernel_identity k;
	kernel_identify(&m, &k);
	assert_string_equal(text_of(&k), "6.8.12");
	assert_string_equal(k.distribution, "Ubuntu");
	assert_string_equal(k.package, "6.8.0-134.134-generic");
}

/* Each of the records of 2024 to 2026, one release before its fix and at it, as the records say. */
static void table__records__one_release_makes_the_difference(void **state)
{
	(void)state;
	static const struct {
		const char *id, *affected, *fixed;
	} rows[] = {
		{ "CVE-2024-26990", "6.6.28", "6.6.29" },
		{ "CVE-2024-26990", "6.8.7", "6.8.8" },
		{ "CVE-2024-26990", "6.4", "6.3" }, /* older than the fault */
		{ "CVE-2025-23141", "6.1.134", "6.1.135" },
		{ "CVE-2026-45987", "6.12.85", "6.12.86" },
		{ "CVE-2026-46032", "7.0.3", "7.0.4" },
		{ "CVE-2026-46032", "6.18.90", "7.1-rc1" }, /* 6.18 has no fix */
		{ "CVE-2026-46032", "5.9", "5.8.9" },
		{ "CVE-2026-46131", "6.12.87", "6.12.88" },
		{ "CVE-2026-46131", "6.2", "6.1.9" },
		{ "CVE-2026-46131", "7.1-rc2", "7.1-rc3" },
		{ "CVE-2026-72287", "7.0.1", "6.18.9" },
		{ "CVE-2026-74516", "6.6.150", "6.6.151" },
		{ "CVE-2026-89930", "7.2.4", "7.2.5" },
		{ "nSVM-NextRIP", "6.18.26", "6.18.27" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct kernel_version *fix;
		struct kernel_identity bad = identify(rows[i].affected, "");
		struct kernel_identity good = identify(rows[i].fixed, "");
		assert_int_equal(kernel_judge(&bad, problem(rows[i].id), &fix), KERNEL_AFFECTED);
		assert_int_equal(kernel_judge(&good, problem(rows[i].id), &fix), KERNEL_FIXED);
	}
}

/* No row is of a later year than the day until which the records were looked through. */
static void table__day_of_the_last_look__is_not_before_a_row(void **state)
{
	(void)state;
	size_t n;
	const struct kernel_problem *all = kernel_problems(&n);
	const struct kernel_records *records = kernel_records();
	assert_int_equal(strlen(records->until), 10);
	for (size_t i = 0; i < n; i++) {
		if (strncmp(all[i].id, "CVE-", 4) == 0)
			assert_true(strncmp(all[i].id + 4, records->until, 4) <= 0);
	}
}

/* The known case: fixed in 6.1.177, 6.6.144, 6.12.95, 6.18.38, 7.1.3 and 7.2-rc1. */
static void judge__plain_kernels__exactly_by_series(void **state)
{
	(void)state;
	static const struct {
		const char *release;
		enum kernel_verdict verdict;
		const char *fix;
	} rows[] = {
		{ "6.6.143", KERNEL_AFFECTED, "6.6.144" }, { "6.6.144", KERNEL_FIXED, NULL },
		{ "6.6.145", KERNEL_FIXED, NULL }, { "6.12.94", KERNEL_AFFECTED, "6.12.95" },
		{ "6.12.95", KERNEL_FIXED, NULL }, { "6.18.37", KERNEL_AFFECTED, "6.18.38" },
		{ "6.18.38", KERNEL_FIXED, NULL }, { "6.12.0-rc3", KERNEL_AFFECTED, "6.12.95" },
		/* A series that ended before: its number is higher than that of a fix. */
		{ "6.19.9", KERNEL_AFFECTED, NULL }, { "5.10.250", KERNEL_AFFECTED, NULL },
		{ "7.1.2", KERNEL_AFFECTED, "7.1.3" }, { "7.1.3", KERNEL_FIXED, NULL },
		{ "7.2.0-rc1", KERNEL_FIXED, NULL }, { "7.2.0", KERNEL_FIXED, NULL },
		{ "7.3.1", KERNEL_FIXED, NULL }, { "8.0.0", KERNEL_FIXED, NULL },
		{ "2.6.35", KERNEL_FIXED, NULL }, /* older than the fault */
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct kernel_version *fix;
		char text[KERNEL_VERSION_BYTES] = "";
		struct kernel_identity k = identify(rows[i].release, "");
		assert_int_equal(
			kernel_judge(&k, problem("CVE-2026-53359"), &fix), rows[i].verdict);
		assert_int_equal(fix != NULL, rows[i].fix != NULL);
		if (fix)
			assert_string_equal(kernel_version_text(text, fix), rows[i].fix);
	}
}

static void judge__candidates__by_their_number(void **state)
{
	(void)state;
	const struct kernel_version *fix;
	struct kernel_identity before = identify("7.2.0-rc4", ""), with = identify("7.2.0-rc5", "");
	/* Fixed in 7.2-rc5. */
	assert_int_equal(kernel_judge(&before, problem("CVE-2026-64561"), &fix), KERNEL_AFFECTED);
	assert_int_equal(kernel_judge(&with, problem("CVE-2026-64561"), &fix), KERNEL_FIXED);
}

/* A distribution's number clears, but does not convict. */
static void judge__distribution__could_be_at_worst(void **state)
{
	(void)state;
	const struct kernel_version *fix;
	const struct kernel_problem *p = problem("CVE-2026-53359");
	struct kernel_identity old = identify("6.1.0-37-amd64", DEBIAN_12);
	assert_int_equal(kernel_judge(&old, p, &fix), KERNEL_COULD_BE);
	assert_int_equal(fix->sublevel, 177);
	struct kernel_identity fixed = identify("6.12.95+deb13-amd64",
		"Linux version 6.12.95+deb13-amd64 #1 SMP Debian 6.12.95-1 (2026-07-05)");
	assert_int_equal(kernel_judge(&fixed, p, &fix), KERNEL_FIXED);
	struct kernel_identity rhel = identify("5.14.0-503.11.1.el9_5.x86_64", "");
	assert_int_equal(kernel_judge(&rhel, p, &fix), KERNEL_COULD_BE);
	assert_null(fix);
	struct kernel_identity unknown = identify("", "");
	assert_int_equal(kernel_judge(&unknown, p, &fix), KERNEL_COULD_BE);
}

static void table__each_row__is_in_order(void **state)
{
	(void)state;
	size_t n;
	const struct kernel_problem *all = kernel_problems(&n);
	assert_true(n >= 10);
	for (size_t i = 0; i < n; i++) {
		assert_true(all[i].nr_fixes >= 1 && all[i].nr_fixes <= KERNEL_MAX_FIXES);
		assert_true(all[i].summary[0] && all[i].source[0]);
		assert_true(kernel_compare(&all[i].introduced, &all[i].fixes[0]) < 0);
		for (unsigned k = 1; k < all[i].nr_fixes; k++)
			assert_true(kernel_compare(&all[i].fixes[k - 1], &all[i].fixes[k]) < 0);
	}
}

/* Fixed once, always fixed, within a series and from the mainline's fix on. */
static void judge__every_problem__is_monotone_in_a_series(void **state)
{
	(void)state;
	size_t n;
	const struct kernel_problem *all = kernel_problems(&n);
	for (size_t i = 0; i < n; i++) {
		for (unsigned minor = 0; minor < 21; minor++) {
			bool fixed = false;
			for (unsigned sub = 0; sub < 300; sub++) {
				struct kernel_identity k = { .known = true,
					.plain = true,
					.version = { 6, minor, sub, KERNEL_RELEASED } };
				const struct kernel_version *fix;
				bool now = kernel_judge(&k, &all[i], &fix) == KERNEL_FIXED;
				assert_true(now || !fixed);
				fixed = now;
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(release__forms__are_understood),
		cmocka_unit_test(debian__package__gives_the_upstream_version),
		cmocka_unit_test(debian__compiler_alone__says_nothing),
		cmocka_unit_test(debian__package_of_another_series__is_not_believed),
		cmocka_unit_test(ubuntu__signature__gives_the_upstream_version),
		cmocka_unit_test(judge__plain_kernels__exactly_by_series),
		cmocka_unit_test(table__records__one_release_makes_the_difference),
		cmocka_unit_test(table__day_of_the_last_look__is_not_before_a_row),
		cmocka_unit_test(judge__candidates__by_their_number),
		cmocka_unit_test(judge__distribution__could_be_at_worst),
		cmocka_unit_test(table__each_row__is_in_order),
		cmocka_unit_test(judge__every_problem__is_monotone_in_a_series),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
