/* SPDX-License-Identifier: MIT */
/* What allows a VM less memory than it wants: each kind of limit, in trees of files. */
#include "fake/cmocka.h"
#include "fake/tree.h"

#include "host/cgroup.h"
#include "host/memory_limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB/"

struct fixture {
	char root[64];
	struct err e;
};

static void put(const struct fixture *f, const char *path, const char *text)
{
	tree_put(f->root, path, text, strlen(text));
}

static void put_mib(const struct fixture *f, const char *path, uint64_t mib)
{
	char text[32];
	(void)snprintf(text, sizeof(text), "%" PRIu64 "\n", mib * MIB);
	put(f, path, text);
}

static void put_limits(const struct fixture *f, const char *address_space, const char *data)
{
	char text[512];
	(void)snprintf(text, sizeof(text),
		"Limit                     Soft Limit           Hard Limit           Units     \n"
		"Max cpu time              unlimited            unlimited            seconds   \n"
		"Max data size             %-20s unlimited            bytes     \n"
		"Max address space         %-20s unlimited            bytes     \n",
		data, address_space);
	put(f, "/proc/self/limits", text);
}

static void put_meminfo(const struct fixture *f, unsigned available_mib, unsigned swap_mib,
	unsigned commit_limit_mib, unsigned committed_mib)
{
	char text[512];
	(void)snprintf(text, sizeof(text),
		"MemTotal:       67108864 kB\nMemFree:          102400 kB\n"
		"MemAvailable:   %u kB\nSwapTotal:       8388608 kB\nSwapFree:        %u kB\n"
		"CommitLimit:    %u kB\nCommitted_AS:    %u kB\n",
		available_mib * 1024, swap_mib * 1024, commit_limit_mib * 1024,
		committed_mib * 1024);
	put(f, "/proc/meminfo", text);
}

/* A host of 32 GiB without any limit, and a process of 100 MiB. */
static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	*state = f;
	(void)snprintf(f->root, sizeof(f->root), "/tmp/nestor-limits-XXXXXX");
	if (!mkdtemp(f->root))
		return -1;
	put_meminfo(f, 32768, 0, 49152, 1024);
	put_limits(f, "unlimited", "unlimited");
	put(f, "/proc/self/status", "Name:\tnestor\nVmSize:\t  102400 kB\nVmData:\t   51200 kB\n");
	put(f, "/proc/sys/vm/overcommit_memory", "0\n");
	put(f, "/proc/self/cgroup", "0::/\n");
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int rc = tree_remove(f->root);
	free(f);
	return rc;
}

static struct memory_need need_of(uint64_t mib)
{
	return (struct memory_need){ .bytes = mib * MIB, .is_touched = true };
}

static void allows(struct fixture *f, const struct memory_need *need)
{
	f->e = (struct err)ERR_INIT;
	if (memory_limits_check(f->root, need, &f->e) < 0)
		fail_msg("%s", f->e.msg);
}

static void refuses(
	struct fixture *f, const struct memory_need *need, const char *text, const char *hint)
{
	f->e = (struct err)ERR_INIT;
	assert_int_equal(memory_limits_check(f->root, need, &f->e), -ENOMEM);
	assert_int_equal(f->e.kind, ERR_HOST);
	assert_contains(f->e.msg, text);
	assert_contains(f->e.hint, "lower memory.size, or ");
	assert_contains(f->e.hint, hint);
	assert_null(strstr(f->e.msg, f->root));
	assert_int_equal(memory_limits_check(f->root, need, NULL), -ENOMEM);
}

static void no_limit__whatever_is_wanted__allowed(void **state)
{
	struct fixture *f = *state;
	struct memory_need need = need_of(32000);
	allows(f, &need);
	need = (struct memory_need){ .bytes = UINT64_C(1) << 50 };
	allows(f, &need);
}

/* Without /proc nothing is known, and so nothing refused. */
static void nothing_there__whatever_is_wanted__allowed(void **state)
{
	struct fixture *f = *state;
	char root[128];
	(void)snprintf(root, sizeof(root), "%s/absent", f->root);
	struct memory_need need = { .bytes = UINT64_MAX, .is_touched = true };
	assert_int_equal(memory_limits_check(root, &need, NULL), 0);
	need.hugepage_bytes = GIB;
	assert_int_equal(memory_limits_check(root, &need, NULL), 0);
}

static void host__less_available__refused(void **state)
{
	struct fixture *f = *state;
	struct memory_need need = need_of(2048);
	put_meminfo(f, 1024, 512, 49152, 1024);
	refuses(f, &need,
		"memory.prealloc: guest RAM is 2048 MiB, but only 1536 MiB can be had: that is all "
		"of this host's memory and swap that is free (MemAvailable and SwapFree of "
		"/proc/meminfo)",
		"set memory.prealloc = false");
	need.is_touched = false;
	allows(f, &need);
	/* Page tables take their part. */
	need = need_of(1536);
	refuses(f, &need, "only 1536 MiB can be had", "memory.prealloc = false");
	need = need_of(1533);
	allows(f, &need);
}

static void process__address_space_or_data_limited__refused(void **state)
{
	struct fixture *f = *state;
	struct memory_need need = need_of(1024);
	put_limits(f, "1073741824", "unlimited");
	refuses(f, &need,
		"only 924 MiB can be had: the address space (RLIMIT_AS) of this process is 1024 "
		"MiB, of which 100 MiB are in use",
		"raise that limit (ulimit -v, or LimitAS= of a systemd unit)");
	need.is_touched = false;
	need.is_shared = true;
	refuses(f, &need, "guest RAM is 1024 MiB, but only 924 MiB", "ulimit -v");
	assert_null(strstr(f->e.msg, "prealloc"));
	assert_null(strstr(f->e.hint, "prealloc"));
	need = need_of(900);
	allows(f, &need);
	put_limits(f, "unlimited", "536870912");
	refuses(f, &need,
		"only 462 MiB can be had: the data size (RLIMIT_DATA) of this process is 512 MiB, "
		"of "
		"which 50 MiB are in use",
		"ulimit -d, or LimitDATA=");
	need.is_shared = true; /* no data of the process */
	allows(f, &need);
	/* The tightest is named. */
	put_limits(f, "629145600", "536870912");
	need.is_shared = false;
	refuses(f, &need, "RLIMIT_DATA", "ulimit -d");
	put_limits(f, "536870912", "536870912");
	refuses(f, &need, "only 412 MiB can be had: the address space", "ulimit -v");
}

static void host__promises_no_more_than_it_has__refused(void **state)
{
	struct fixture *f = *state;
	struct memory_need need = { .bytes = 2 * GIB };
	put_meminfo(f, 32768, 0, 4096, 3072);
	allows(f, &need);
	put(f, "/proc/sys/vm/overcommit_memory", "1\n");
	allows(f, &need);
	put(f, "/proc/sys/vm/overcommit_memory", "2\n");
	refuses(f, &need,
		"only 1024 MiB can be had: vm.overcommit_memory is 2, and 3072 MiB of this host's "
		"CommitLimit of 4096 MiB are committed already",
		"vm.overcommit_ratio");
	need.bytes = 1000 * MIB;
	allows(f, &need);
}

static void put_v2(const struct fixture *f, const char *cgroup, const char *mount_root)
{
	char text[1024];
	(void)snprintf(text, sizeof(text), "0::%s\n", cgroup);
	put(f, "/proc/self/cgroup", text);
	(void)snprintf(text, sizeof(text),
		"23 28 0:21 / /proc rw,nosuid - proc proc rw\n"
		"30 23 0:26 %s /sys/fs/cgroup rw,nosuid,nodev shared:9 - cgroup2 cgroup2 "
		"rw,nsdelegate\n",
		mount_root);
	put(f, "/proc/self/mountinfo", text);
}

static void cgroup_v2__limit_on_any_level__refused_naming_it(void **state)
{
	static const char *const levels[] = { "/sys/fs/cgroup/a.slice/b.service/c",
		"/sys/fs/cgroup/a.slice/b.service", "/sys/fs/cgroup/a.slice" };
	struct fixture *f = *state;
	struct memory_need need = need_of(512);
	put_v2(f, "/a.slice/b.service/c", "/");
	for (size_t limited = 0; limited < ARRAY_SIZE(levels); limited++) {
		char path[256], expected[400];
		for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
			(void)snprintf(path, sizeof(path), "%s/memory.max", levels[i]);
			put(f, path, "max\n");
			(void)snprintf(path, sizeof(path), "%s/memory.current", levels[i]);
			put_mib(f, path, 100);
		}
		allows(f, &need);
		(void)snprintf(path, sizeof(path), "%s/memory.max", levels[limited]);
		put_mib(f, path, 256);
		(void)snprintf(expected, sizeof(expected),
			"only 156 MiB can be had: %s is 256 MiB, of which 100 MiB are in use",
			path);
		refuses(f, &need, expected, "raise that limit");
	}
}

/* Pages of files go before anybody is killed; swap counts as far as the cgroup may have any. */
static void cgroup_v2__file_pages_and_swap__counted(void **state)
{
	struct fixture *f = *state;
	struct memory_need need = need_of(512);
	put_v2(f, "/vm", "/");
	put_mib(f, "/sys/fs/cgroup/vm/memory.max", 600);
	put_mib(f, "/sys/fs/cgroup/vm/memory.current", 300);
	refuses(f, &need, "only 300 MiB can be had", "");
	put(f, "/sys/fs/cgroup/vm/memory.stat",
		"anon 1048576\nfile 314572800\ninactive_file 209715200\nactive_file 52428800\n");
	allows(f, &need);
	put(f, "/sys/fs/cgroup/vm/memory.stat", "anon 1\n");
	put_meminfo(f, 32768, 4096, 49152, 1024);
	allows(f, &need);
	put_mib(f, "/sys/fs/cgroup/vm/memory.swap.max", 150);
	put_mib(f, "/sys/fs/cgroup/vm/memory.swap.current", 50);
	refuses(f, &need, "only 400 MiB can be had", "");
	put(f, "/sys/fs/cgroup/vm/memory.swap.max", "max\n");
	allows(f, &need);
}

/* In a container: the namespace's root is the container's own cgroup, and has its limit. */
static void cgroup_v2__namespace__its_root_counts(void **state)
{
	struct fixture *f = *state;
	struct memory_need need = need_of(512);
	put_v2(f, "/", "/");
	put_mib(f, "/sys/fs/cgroup/memory.max", 256);
	put_mib(f, "/sys/fs/cgroup/memory.current", 56);
	refuses(f, &need, "only 200 MiB can be had: /sys/fs/cgroup/memory.max is 256 MiB", "");
	/* A process from outside of the namespace of the mount. */
	put_v2(f, "/../other", "/");
	refuses(f, &need, "/sys/fs/cgroup/memory.max is 256 MiB", "");
}

/* A container without a namespace: the mount is of its own cgroup, the path is the host's. */
static void cgroup_v2__own_cgroup_mounted__found(void **state)
{
	struct fixture *f = *state;
	struct memory_need need = need_of(512);
	put_v2(f, "/docker/0123/inner", "/docker/0123");
	put_mib(f, "/sys/fs/cgroup/inner/memory.max", 256);
	put_mib(f, "/sys/fs/cgroup/inner/memory.current", 0);
	refuses(f, &need, "/sys/fs/cgroup/inner/memory.max is 256 MiB", "");
	put(f, "/sys/fs/cgroup/inner/memory.max", "max\n");
	put_mib(f, "/sys/fs/cgroup/memory.max", 300);
	put_mib(f, "/sys/fs/cgroup/memory.current", 0);
	refuses(f, &need, "/sys/fs/cgroup/memory.max is 300 MiB", "");
	/* "/docker/01234" is no part of "/docker/0123": what the mount has is all there is. */
	put_v2(f, "/docker/01234", "/docker/0123");
	refuses(f, &need, "/sys/fs/cgroup/memory.max is 300 MiB", "");
	/* A folder that this process does not see. */
	put_v2(f, "/docker/0123/gone", "/docker/0123");
	refuses(f, &need, "/sys/fs/cgroup/memory.max is 300 MiB", "");
}

static void put_v1(const struct fixture *f, const char *cgroup)
{
	char text[1024];
	(void)snprintf(text, sizeof(text),
		"12:pids:%s\n4:cpu,memory:%s\n1:name=systemd:%s\n0::/elsewhere\n", cgroup, cgroup,
		cgroup);
	put(f, "/proc/self/cgroup", text);
	put(f, "/proc/self/mountinfo",
		"31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
		"32 31 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
		"33 31 0:30 / /sys/fs/cgroup/memory\\040x rw,relatime - cgroup cgroup rw,memory\n"
		"34 31 0:31 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n");
}

static void cgroup_v1__limit_on_any_level__refused_naming_it(void **state)
{
	struct fixture *f = *state;
	struct memory_need need = need_of(512);
	put_v1(f, "/a/b");
	put(f, "/sys/fs/cgroup/memory x/a/b/memory.limit_in_bytes", "9223372036854771712\n");
	put_mib(f, "/sys/fs/cgroup/memory x/a/b/memory.usage_in_bytes", 100);
	allows(f, &need);
	put_mib(f, "/sys/fs/cgroup/memory x/a/b/memory.limit_in_bytes", 300);
	refuses(f, &need,
		"only 200 MiB can be had: /sys/fs/cgroup/memory x/a/b/memory.limit_in_bytes is 300 "
		"MiB, of which 100 MiB are in use",
		"raise that limit");
	put(f, "/sys/fs/cgroup/memory x/a/b/memory.limit_in_bytes", "9223372036854771712\n");
	put_mib(f, "/sys/fs/cgroup/memory x/a/memory.limit_in_bytes", 400);
	put_mib(f, "/sys/fs/cgroup/memory x/a/memory.usage_in_bytes", 200);
	refuses(f, &need, "only 200 MiB can be had: /sys/fs/cgroup/memory x/a/memory.limit", "");
	put(f, "/sys/fs/cgroup/memory x/a/memory.stat",
		"inactive_file 1\ntotal_inactive_file 104857600\ntotal_active_file 104857600\n");
	refuses(f, &need, "only 400 MiB can be had", "");
	/* Where the level above is not hierarchical, it has no say. */
	put(f, "/sys/fs/cgroup/memory x/a/memory.use_hierarchy", "0\n");
	allows(f, &need);
}

/* memory.memsw limits memory and swap together. */
static void cgroup_v1__memory_and_swap_limited__refused(void **state)
{
	struct fixture *f = *state;
	struct memory_need need = need_of(512);
	put_v1(f, "/a");
	put_meminfo(f, 32768, 4096, 49152, 1024);
	put_mib(f, "/sys/fs/cgroup/memory x/a/memory.limit_in_bytes", 300);
	put_mib(f, "/sys/fs/cgroup/memory x/a/memory.usage_in_bytes", 100);
	allows(f, &need);
	put_mib(f, "/sys/fs/cgroup/memory x/a/memory.memsw.limit_in_bytes", 500);
	put_mib(f, "/sys/fs/cgroup/memory x/a/memory.memsw.usage_in_bytes", 100);
	refuses(f, &need,
		"only 400 MiB can be had: /sys/fs/cgroup/memory x/a/memory.memsw.limit_in", "");
}

/* Half version 1: a controller that is not mounted so is version 2's. */
static void cgroup_hybrid__memory_in_version_2__found_there(void **state)
{
	struct fixture *f = *state;
	struct memory_need need = need_of(512);
	put(f, "/proc/self/cgroup", "12:pids:/x\n0::/vm\n");
	put(f, "/proc/self/mountinfo",
		"32 31 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
		"34 31 0:31 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n");
	put_mib(f, "/sys/fs/cgroup/unified/vm/memory.max", 256);
	put_mib(f, "/sys/fs/cgroup/unified/vm/memory.current", 0);
	refuses(f, &need, "/sys/fs/cgroup/unified/vm/memory.max is 256 MiB", "");
}

static struct memory_need huge_need(uint64_t mib)
{
	return (struct memory_need){
		.bytes = mib * MIB, .hugepage_bytes = 2 * MIB, .is_touched = true
	};
}

static void put_pool(const struct fixture *f, const char *total, const char *free_pages,
	const char *reserved, const char *overcommit, const char *surplus)
{
	put(f, POOL "nr_hugepages", total);
	put(f, POOL "free_hugepages", free_pages);
	put(f, POOL "resv_hugepages", reserved);
	put(f, POOL "nr_overcommit_hugepages", overcommit);
	put(f, POOL "surplus_hugepages", surplus);
}

static void hugepages__pool_too_small__refused_with_how_many(void **state)
{
	struct fixture *f = *state;
	struct memory_need need = huge_need(512);
	put_meminfo(f, 1, 0, 1, 1); /* of normal pages nothing is wanted */
	put_pool(f, "300\n", "300\n", "0\n", "0\n", "0\n");
	allows(f, &need);
	put_pool(f, "300\n", "300\n", "100\n", "0\n", "0\n");
	refuses(f, &need,
		"only 400 MiB can be had: of this host's 300 huge pages of 2048 KiB 200 are free "
		"and "
		"not promised; 256 are wanted",
		"reserve 56 more (echo 356 > " POOL
		"nr_hugepages), or set memory.hugepages = false");
	assert_null(strstr(f->e.hint, "prealloc"));
	put_pool(f, "300\n", "300\n", "100\n", "100\n", "20\n");
	allows(f, &need);
	need.is_touched = false;
	put_pool(f, "0\n", "0\n", "0\n", "0\n", "0\n");
	refuses(f, &need, "guest RAM is 512 MiB, but only 0 MiB can be had", "reserve 256 more");
}

static void hugepages__cgroup_limited__refused(void **state)
{
	static const char *const files[][2] = { { "hugetlb.2MB.max", "hugetlb.2MB.current" },
		{ "hugetlb.2MB.rsvd.max", "hugetlb.2MB.rsvd.current" } };
	struct fixture *f = *state;
	struct memory_need need = huge_need(512);
	put_pool(f, "300\n", "300\n", "0\n", "0\n", "0\n");
	put_v2(f, "/vms/vm", "/");
	put_mib(f, "/sys/fs/cgroup/vms/vm/memory.max", 1); /* huge pages are not counted there */
	put_mib(f, "/sys/fs/cgroup/vms/vm/memory.current", 0);
	allows(f, &need);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[256], text[400];
		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/vms/%s", files[i][1]);
		put_mib(f, path, 56);
		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/vms/%s", files[i][0]);
		put_mib(f, path, 256);
		(void)snprintf(text, sizeof(text),
			"only 200 MiB can be had: %s is 256 MiB, of which 56 MiB are in use", path);
		refuses(f, &need, text, "raise that limit");
		put(f, path, "max\n");
		allows(f, &need);
	}
	/* Where the mount says so, they are counted. */
	put(f, "/proc/self/mountinfo",
		"30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 "
		"rw,nsdelegate,memory_hugetlb_accounting\n");
	refuses(f, &need, "/sys/fs/cgroup/vms/vm/memory.max is 1 MiB", "");
	need.is_touched = false;
	allows(f, &need);
	/* Version 1, pages of 1 GiB. */
	put(f, "/proc/self/cgroup", "7:hugetlb:/vm\n");
	put(f, "/proc/self/mountinfo",
		"33 31 0:30 / /sys/fs/cgroup/hugetlb rw - cgroup cgroup rw,hugetlb\n");
	put_mib(f, "/sys/fs/cgroup/hugetlb/vm/hugetlb.1GB.limit_in_bytes", 1024);
	put_mib(f, "/sys/fs/cgroup/hugetlb/vm/hugetlb.1GB.usage_in_bytes", 0);
	need = (struct memory_need){ .bytes = 2 * GIB, .hugepage_bytes = GIB };
	refuses(f, &need, "/sys/fs/cgroup/hugetlb/vm/hugetlb.1GB.limit_in_bytes is 1024 MiB", "");
}

/* Whatever the files say: no crash, and nothing is limited by what is no number. */
static void hostile_files__anything__no_limit(void **state)
{
	static const char *const texts[] = { "", "\n", "max", "-1\n", "99999999999999999999999\n",
		":::::", "x", "18446744073709551615\n", "\n\n\n" };
	struct fixture *f = *state;
	struct memory_need need = need_of(512);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put_v2(f, "/vm", "/");
		put(f, "/sys/fs/cgroup/vm/memory.max", texts[i]);
		put(f, "/sys/fs/cgroup/vm/memory.current", texts[i]);
		allows(f, &need);
		put(f, "/proc/self/mountinfo", texts[i]);
		put(f, "/proc/self/limits", texts[i]);
		allows(f, &need);
		put(f, "/proc/self/cgroup", texts[i]);
		put(f, "/proc/meminfo", texts[i]);
		allows(f, &need);
		put_limits(f, "unlimited", "unlimited");
	}
	put(f, "/proc/self/cgroup", "0::/vm\n");
	put(f, "/proc/self/mountinfo",
		"30 23 0:26 / /sys/fs/cgroup rw - cgroup2\n30 23 0:26 / /x\n - cgroup2 a b\n"
		"1 2 3 4 5 6 7 8 9\n30 23 0:26 / /sys/fs/cgroup - cgroup2 cgroup2\n");
	allows(f, &need);
}

static void cgroup_up__from_any_depth__ends_at_the_mount(void **state)
{
	struct fixture *f = *state;
	struct cgroup c;
	put_v2(f, "/a/b", "/");
	put(f, "/sys/fs/cgroup/a/b/memory.max", "max");
	cgroup_find(f->root, "memory", &c);
	assert_int_equal(c.version, 2);
	assert_string_equal(cgroup_name(&c), "/sys/fs/cgroup/a/b");
	assert_true(cgroup_up(&c));
	assert_string_equal(cgroup_name(&c), "/sys/fs/cgroup/a");
	assert_true(cgroup_up(&c));
	assert_string_equal(cgroup_name(&c), "/sys/fs/cgroup");
	assert_false(cgroup_up(&c));
	put_v2(f, "/a//b/", "/");
	cgroup_find(f->root, "memory", &c);
	assert_string_equal(cgroup_name(&c), "/sys/fs/cgroup/a//b/");
	assert_true(cgroup_up(&c));
	assert_string_equal(cgroup_name(&c), "/sys/fs/cgroup/a");
	assert_true(cgroup_up(&c));
	assert_string_equal(cgroup_name(&c), "/sys/fs/cgroup");
	assert_false(cgroup_up(&c));
	cgroup_find(f->root, "absent", &c);
	assert_int_equal(c.version, 2);
	/* Blanks, tabs and backslashes are octal; what is no three digits is itself. */
	put(f, "/proc/self/cgroup", "0::/\n");
	put(f, "/proc/self/mountinfo",
		"30 23 0:26 / /c\\134g\\011\\040\\x\\0 rw - cgroup2 cgroup2 rw\n");
	cgroup_find(f->root, "memory", &c);
	assert_string_equal(cgroup_name(&c), "/c\\g\t \\x\\0");
	put(f, "/proc/self/cgroup", "");
	cgroup_find(f->root, "memory", &c);
	assert_int_equal(c.version, 0);
}

#if defined(__has_feature)
#define HAS_TSAN __has_feature(thread_sanitizer)
#else
#define HAS_TSAN 0
#endif

/* This process, with a limit of its own; not where a sanitizer has taken more than that already. */
static void this_machine__address_space_limited__refused(void **state)
{
	struct fixture *f = *state;
	struct rlimit before = { 0 }, limit;
	struct memory_need need = { .bytes = UINT64_C(1) << 46 };
	if (HAS_TSAN || access("/proc/self/limits", R_OK) < 0 || getrlimit(RLIMIT_AS, &before) < 0)
		skip();
	limit = before;
	limit.rlim_cur = (rlim_t)1 << 45;
	if (before.rlim_cur != RLIM_INFINITY || setrlimit(RLIMIT_AS, &limit) < 0)
		skip();
	int rc = memory_limits_check("", &need, &f->e);
	(void)setrlimit(RLIMIT_AS, &before);
	assert_int_equal(rc, -ENOMEM);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(no_limit__whatever_is_wanted__allowed),
		TEST(nothing_there__whatever_is_wanted__allowed),
		TEST(host__less_available__refused),
		TEST(process__address_space_or_data_limited__refused),
		TEST(host__promises_no_more_than_it_has__refused),
		TEST(cgroup_v2__limit_on_any_level__refused_naming_it),
		TEST(cgroup_v2__file_pages_and_swap__counted),
		TEST(cgroup_v2__namespace__its_root_counts),
		TEST(cgroup_v2__own_cgroup_mounted__found),
		TEST(cgroup_v1__limit_on_any_level__refused_naming_it),
		TEST(cgroup_v1__memory_and_swap_limited__refused),
		TEST(cgroup_hybrid__memory_in_version_2__found_there),
		TEST(hugepages__pool_too_small__refused_with_how_many),
		TEST(hugepages__cgroup_limited__refused),
		TEST(hostile_files__anything__no_limit),
		TEST(cgroup_up__from_any_depth__ends_at_the_mount),
		TEST(this_machine__address_space_limited__refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
