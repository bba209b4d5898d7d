/* SPDX-License-Identifier: MIT */
#include "fake/tree.h"
#include "unit/vm/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char *base_of(const struct fixture *f, char *base, size_t n)
{
	(void)snprintf(base, n, "%s.cache", f->kernel_path);
	return base;
}

/* The fixture's kernel, unpacked_bytes long and compressed as a whole; and an empty cache. */
static void set_up_cache(struct fixture *f, off_t unpacked_bytes)
{
	char command[512], base[96];
	assert_int_equal(truncate(f->kernel_path, unpacked_bytes), 0);
	(void)snprintf(command, sizeof(command), "gzip -1 <'%s' >'%s.gz' && mv '%s.gz' '%s'",
		f->kernel_path, f->kernel_path, f->kernel_path, f->kernel_path);
	FILE *shell = popen(command, "r");
	assert_non_null(shell);
	assert_int_equal(pclose(shell), 0);
	struct cache_place place = { .xdg_cache_home = base_of(f, base, sizeof(base)) };
	assert_int_equal(
		kernel_cache_create(&f->kernel_cache, &place, KERNEL_CACHE_MAX_BYTES, &f->e), 0);
	f->reporter.least = REPORT_DEBUG;
}

static int tear_down(void **state)
{
	char base[96];
	struct fixture *f = *state;
	kernel_cache_destroy(f->kernel_cache);
	(void)tree_remove(base_of(f, base, sizeof(base)));
	return fixture_tear_down(state);
}

/* Creates the machine anew; whether the kernel was new to the cache. */
static bool start(struct fixture *f)
{
	machine_destroy(f->machine);
	f->machine = NULL;
	f->reports[0] = '\0';
	assert_int_equal(fixture_create(f), 0);
	return machine_has_new_kernel(f->machine);
}

static size_t count_entries(struct fixture *f)
{
	struct kernel_cache_item *items;
	size_t nr = 0;
	assert_int_equal(kernel_cache_list(f->kernel_cache, &items, &nr, &f->e), 0);
	free(items);
	return nr;
}

static void machine_create__kernel_again_and_again__new_then_stored_then_used(void **state)
{
	struct fixture *f = *state;
	set_up_cache(f, 5 * MIB);
	assert_true(start(f));
	assert_int_equal(count_entries(f), 0);
	assert_false(start(f));
	assert_contains(f->reports, "was stored in");
	assert_int_equal(count_entries(f), 1);
	assert_false(start(f));
	assert_contains(f->reports, "the unpacked kernel was in");
}

static void machine_create__small_kernel__never_stored(void **state)
{
	struct fixture *f = *state;
	char base[96];
	set_up_cache(f, MIB);
	assert_false(start(f));
	assert_false(start(f));
	assert_int_equal(access(base_of(f, base, sizeof(base)), F_OK), -1);
}

static void machine_create__cache_may_not_be_used__starts_all_the_same(void **state)
{
	struct fixture *f = *state;
	char base[96];
	set_up_cache(f, 5 * MIB);
	assert_int_equal(mkdir(base_of(f, base, sizeof(base)), 0700), 0);
	assert_int_equal(chmod(base, 0777), 0);
	assert_false(start(f));
	assert_contains(f->reports, "others may write in");
	assert_false(start(f));
}

static void machine_create__no_cache__says_nothing_of_one(void **state)
{
	struct fixture *f = *state;
	set_up_cache(f, 5 * MIB);
	struct kernel_cache *cache = f->kernel_cache;
	f->kernel_cache = NULL;
	assert_false(start(f));
	assert_null(strstr(f->reports, "cache"));
	f->kernel_cache = cache;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(machine_create__kernel_again_and_again__new_then_stored_then_used),
		TEST(machine_create__small_kernel__never_stored),
		TEST(machine_create__cache_may_not_be_used__starts_all_the_same),
		TEST(machine_create__no_cache__says_nothing_of_one),
	};
	return cmocka_run_group_tests_name("vm/kernel_cache", tests, NULL, NULL);
}
