/* SPDX-License-Identifier: MIT */
#include "host/memory_limits.h"

#include "host/cgroup.h"
#include "host/kernel_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define PAGE_TABLE_SHARE                                                                           \
	512 /* a page of entries for so many pages; huge ones keep one in store                    \
	     */
#define MAPPING_SLACK (2 * MIB) /* guest RAM begins at a huge page */

/* What allows the least of all that allows too little. */
struct search {
	const char *root;
	const struct memory_need *need;
	bool found;
	uint64_t available;
	char what[512];
	char hint[512];
};

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* True where available is less than wanted and than whatever was found before: the caller then says
 * what it is. */
static bool is_tightest(struct search *s, uint64_t available, uint64_t wanted)
{
	if (available >= wanted || (s->found && available >= s->available))
		return false;
	s->found = true;
	s->available = available;
	return true;
}

static void __attribute__((format(printf, 2, 3))) say(struct search *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(s->what, sizeof(s->what), fmt, ap);
	va_end(ap);
}

static void __attribute__((format(printf, 2, 3))) advise(struct search *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(s->hint, sizeof(s->hint), fmt, ap);
	va_end(ap);
}

/* A line of a file in kB; UINT64_MAX where there is none. */
static uint64_t kib_of(const struct search *s, const char *path, const char *name)
{
	uint64_t kib;
	return kernel_text_find(s->root, path, name, &kib) ? kernel_text_times(kib, KIB)
							   : UINT64_MAX;
}

/* Of a limit of the process, in bytes. */
static void check_rlimit(struct search *s, const char *line, const char *used_line,
	const char *name, const char *flag, const char *unit)
{
	uint64_t limit;
	if (!kernel_text_find(s->root, "/proc/self/limits", line, &limit) || limit == UINT64_MAX)
		return;
	uint64_t used = kib_of(s, "/proc/self/status", used_line);
	if (used == UINT64_MAX)
		used = 0;
	if (!is_tightest(s, minus(limit, used), plus(s->need->bytes, MAPPING_SLACK)))
		return;
	say(s, "%s of this process is %" PRIu64 " MiB, of which %" PRIu64 " MiB are in use", name,
		limit / MIB, used / MIB);
	advise(s, "raise that limit (ulimit %s, or %s= of a systemd unit)", flag, unit);
}

/* Where the host promises no more than it has. */
static void check_commit(struct search *s)
{
	uint64_t mode = 0;
	if (!kernel_text_find(s->root, "/proc/sys/vm/overcommit_memory", "", &mode) || mode != 2)
		return;
	uint64_t limit = kib_of(s, "/proc/meminfo", "CommitLimit:");
	uint64_t used = kib_of(s, "/proc/meminfo", "Committed_AS:");
	if (limit == UINT64_MAX || used == UINT64_MAX ||
		!is_tightest(s, minus(limit, used), plus(s->need->bytes, MAPPING_SLACK)))
		return;
	say(s,
		"vm.overcommit_memory is 2, and %" PRIu64 " MiB of this host's CommitLimit of "
		"%" PRIu64 " MiB are committed already",
		used / MIB, limit / MIB);
	advise(s, "raise vm.overcommit_ratio or add swap, or set vm.overcommit_memory to 0 or 1");
}

static void check_host(struct search *s, uint64_t wanted, uint64_t swap_free)
{
	uint64_t available = kib_of(s, "/proc/meminfo", "MemAvailable:");
	if (available == UINT64_MAX || !is_tightest(s, plus(available, swap_free), wanted))
		return;
	say(s, "that is all of this host's memory and swap that is free (MemAvailable and SwapFree "
	       "of /proc/meminfo)");
	advise(s, "stop what uses it");
}

static void say_cgroup(
	struct search *s, const struct cgroup *c, const char *file, uint64_t limit, uint64_t used)
{
	say(s, "%s/%s is %" PRIu64 " MiB, of which %" PRIu64 " MiB are in use", cgroup_name(c),
		file, limit / MIB, used / MIB);
	advise(s, "raise that limit (of a systemd unit or container it is among the settings)");
}

/* Memory that the kernel takes back before it ends a process: pages of files. */
static uint64_t reclaimable(const struct cgroup *c)
{
	const char *prefix = c->version == 1 ? "total_" : "";
	uint64_t sum = 0;
	for (int i = 0; i < 2; i++) {
		char key[32];
		(void)snprintf(key, sizeof(key), "%s%s_file", prefix, i ? "active" : "inactive");
		sum = plus(sum, cgroup_stat(c, "memory.stat", key));
	}
	return sum;
}

static void check_memory_v2(
	struct search *s, const struct cgroup *c, uint64_t wanted, uint64_t swap_free)
{
	uint64_t max, used, swap_max, swap_used;
	if (!cgroup_number(c, "memory.max", &max) || max == UINT64_MAX ||
		!cgroup_number(c, "memory.current", &used))
		return;
	uint64_t swap = swap_free;
	if (cgroup_number(c, "memory.swap.max", &swap_max) && swap_max != UINT64_MAX &&
		cgroup_number(c, "memory.swap.current", &swap_used) &&
		minus(swap_max, swap_used) < swap)
		swap = minus(swap_max, swap_used);
	uint64_t fixed = minus(used, reclaimable(c));
	if (is_tightest(s, plus(minus(max, fixed), swap), wanted))
		say_cgroup(s, c, "memory.max", max, fixed);
}

static void check_memory_v1(
	struct search *s, const struct cgroup *c, uint64_t wanted, uint64_t swap_free)
{
	uint64_t max, used;
	uint64_t files = reclaimable(c);
	if (cgroup_number(c, "memory.limit_in_bytes", &max) && max != UINT64_MAX &&
		cgroup_number(c, "memory.usage_in_bytes", &used) &&
		is_tightest(s, plus(minus(max, minus(used, files)), swap_free), wanted))
		say_cgroup(s, c, "memory.limit_in_bytes", max, minus(used, files));
	if (cgroup_number(c, "memory.memsw.limit_in_bytes", &max) && max != UINT64_MAX &&
		cgroup_number(c, "memory.memsw.usage_in_bytes", &used) &&
		is_tightest(s, minus(max, minus(used, files)), wanted))
		say_cgroup(s, c, "memory.memsw.limit_in_bytes", max, minus(used, files));
}

/* Version 1 may leave the cgroups above out. */
static bool go_up(struct cgroup *c)
{
	uint64_t hierarchical;
	if (!cgroup_up(c))
		return false;
	return c->version != 1 || !cgroup_number(c, "memory.use_hierarchy", &hierarchical) ||
	       hierarchical != 0;
}

static void check_memory_cgroups(
	struct search *s, struct cgroup *c, uint64_t wanted, uint64_t swap_free)
{
	if (c->version == 0)
		return;
	do {
		if (c->version == 2)
			check_memory_v2(s, c, wanted, swap_free);
		else
			check_memory_v1(s, c, wanted, swap_free);
	} while (go_up(c));
}

/* "hugetlb.2MB.max"; what is mapped counts at once (rsvd), what is used as it is used. */
static void check_hugetlb_cgroup(struct search *s, const struct cgroup *c)
{
	const char *size = s->need->hugepage_bytes == GIB ? "1GB" : "2MB";
	for (int reserved = 0; reserved < 2; reserved++) {
		char file[64], used_file[64];
		uint64_t max, used;
		const char *middle = reserved ? "rsvd." : "";
		(void)snprintf(file, sizeof(file), "hugetlb.%s.%s%s", size, middle,
			c->version == 2 ? "max" : "limit_in_bytes");
		(void)snprintf(used_file, sizeof(used_file), "hugetlb.%s.%s%s", size, middle,
			c->version == 2 ? "current" : "usage_in_bytes");
		if (cgroup_number(c, file, &max) && max != UINT64_MAX &&
			cgroup_number(c, used_file, &used) &&
			is_tightest(s, minus(max, used), s->need->bytes))
			say_cgroup(s, c, file, max, used);
	}
}

static void check_hugetlb_cgroups(struct search *s, struct cgroup *c)
{
	cgroup_find(s->root, "hugetlb", c);
	if (c->version == 0)
		return;
	do {
		check_hugetlb_cgroup(s, c);
	} while (cgroup_up(c));
}

/* A number in the folder of the pool; 0 where it is not there. */
static uint64_t pool_number(const struct search *s, const char *name)
{
	char path[128];
	uint64_t value = 0;
	(void)snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/%s",
		s->need->hugepage_bytes / KIB, name);
	return kernel_text_find(s->root, path, "", &value) ? value : 0;
}

static void check_pool(struct search *s)
{
	uint64_t size = s->need->hugepage_bytes, total;
	char path[128];
	(void)snprintf(path, sizeof(path),
		"/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/nr_hugepages", size / KIB);
	if (!kernel_text_find(s->root, path, "", &total))
		return;
	uint64_t free_pages =
		minus(pool_number(s, "free_hugepages"), pool_number(s, "resv_hugepages"));
	uint64_t more = minus(
		pool_number(s, "nr_overcommit_hugepages"), pool_number(s, "surplus_hugepages"));
	uint64_t pages = plus(free_pages, more);
	uint64_t wanted = (s->need->bytes + size - 1) / size;
	if (!is_tightest(s, kernel_text_times(pages, size), s->need->bytes))
		return;
	say(s,
		"of this host's %" PRIu64 " huge pages of %" PRIu64 " KiB %" PRIu64
		" are free and not promised; %" PRIu64 " are wanted",
		total, size / KIB, pages, wanted);
	advise(s,
		"reserve %" PRIu64 " more (echo %" PRIu64 " > %s), or set memory.hugepages = false",
		wanted - pages, total + (wanted - pages), path);
}

static void search(struct search *s)
{
	const struct memory_need *need = s->need;
	uint64_t wanted = plus(need->bytes, need->bytes / PAGE_TABLE_SHARE);
	struct cgroup c;
	uint64_t swap_free = kib_of(s, "/proc/meminfo", "SwapFree:");
	if (swap_free == UINT64_MAX)
		swap_free = 0;
	check_rlimit(s, "Max address space", "VmSize:", "the address space (RLIMIT_AS)", "-v",
		"LimitAS");
	if (need->hugepage_bytes) {
		check_pool(s);
		check_hugetlb_cgroups(s, &c);
		cgroup_find(s->root, "memory", &c);
		if (need->is_touched && c.counts_hugetlb)
			check_memory_cgroups(s, &c, need->bytes, /* swap_free */ 0);
		return;
	}
	if (!need->is_shared)
		check_rlimit(s, "Max data size", "VmData:", "the data size (RLIMIT_DATA)", "-d",
			"LimitDATA");
	check_commit(s);
	if (!need->is_touched)
		return;
	check_host(s, wanted, swap_free);
	cgroup_find(s->root, "memory", &c);
	check_memory_cgroups(s, &c, wanted, swap_free);
}

int memory_limits_check(const char *root, const struct memory_need *need, struct err *e)
{
	struct search s = { .root = root, .need = need };
	search(&s);
	if (!s.found)
		return 0;
	(void)err_set(e, -ENOMEM,
		"%sguest RAM is %" PRIu64 " MiB, but only %" PRIu64 " MiB can be had: %s",
		need->is_touched ? "memory.prealloc: " : "", need->bytes / MIB, s.available / MIB,
		s.what);
	return err_hint(e, -ENOMEM, "lower memory.size, or %s%s", s.hint,
		need->is_touched && !need->hugepage_bytes ? "; or set memory.prealloc = false"
							  : "");
}
