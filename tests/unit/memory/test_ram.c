/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "memory/ram.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct ram_bank banks[] = {
	{ { 0 }, 2 * MIB },
	{ { 4 * GIB }, MIB },
};

/* Descriptors of this process. */
static unsigned count_fds(void)
{
	unsigned n = 0;
	DIR *dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

/* Mappings of this process that are guest RAM. */
static unsigned count_mappings(void)
{
	unsigned n = 0;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, "nestor-ram") != NULL;
	(void)fclose(f);
	return n;
}

static void ram_create__two_banks__are_fresh_and_apart(void **state)
{
	(void)state;
	struct ram_options options = { 0 };
	struct ram *ram = NULL;
	struct err e = ERR_INIT;
	uint64_t value = 1;
	unsigned fds = count_fds();
	assert_int_equal(ram_create(&ram, banks, 2, &options, NULL, &e), 0);
	const struct guest_memory *mem = ram_guest_memory(ram);
	assert_int_equal(mem->nr_regions, 2);
	assert_int_equal(mem->regions[1].base.v, 4 * GIB);
	assert_int_equal(guest_memory_read(mem, gpa(0), &value, 8, &e), 0);
	assert_int_equal(value, 0);
	assert_int_equal(guest_memory_write(mem, gpa(4 * GIB + MIB - 8), "abcdefgh", 8, &e), 0);
	assert_int_equal(guest_memory_read(mem, gpa(MIB - 8), &value, 8, &e), 0);
	assert_int_equal(value, 0);
	assert_int_equal(count_mappings(), 0); /* no memfd … */
	assert_int_equal(count_fds(), fds);    /* … that another process could map */
	assert_int_equal(ram_fd(ram), -1);
	ram_destroy(ram);
}

static void ram_create__private__is_aligned_for_huge_pages_and_unmapped_by_destroy(void **state)
{
	(void)state;
	struct ram_options options = { 0 };
	struct ram *ram = NULL;
	struct err e = ERR_INIT;
	unsigned char in_core;
	assert_int_equal(ram_create(&ram, banks, 2, &options, NULL, &e), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal((uintptr_t)ram_guest_memory(ram)->regions[i].hva % (2 * MIB), 0);
	uint8_t *first = ram_guest_memory(ram)->regions[0].hva;
	assert_int_equal(mincore(first, 4096, &in_core), 0);
	ram_destroy(ram);
	assert_int_equal(mincore(first, 4096, &in_core), -1);
}

static void ram_create__shared__keeps_a_sealed_memfd_with_the_banks_in_it(void **state)
{
	(void)state;
	struct ram_options options = { .shared = true };
	struct ram *ram = NULL;
	struct err e = ERR_INIT;
	struct stat st;
	char text[3] = { 0 };
	unsigned fds = count_fds();
	assert_int_equal(ram_create(&ram, banks, 2, &options, NULL, &e), 0);
	int fd = ram_fd(ram);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 3 * MIB);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	assert_int_equal(ftruncate(fd, 4096), -1);
	assert_int_equal(ftruncate(fd, 4 * (off_t)MIB), -1);
	assert_int_equal(guest_memory_write(ram_guest_memory(ram), gpa(4 * GIB), "hi", 2, &e), 0);
	assert_int_equal(pread(fd, text, 2, 2 * (off_t)MIB), 2);
	assert_string_equal(text, "hi");
	ram_destroy(ram);
	assert_int_equal(count_fds(), fds);
}

static void ram_destroy__null__does_nothing(void **state)
{
	(void)state;
	ram_destroy(NULL);
}

static void ram_create__no_or_too_many_banks__refused(void **state)
{
	(void)state;
	struct ram_bank many[GUEST_MEMORY_MAX_REGIONS + 1] = { 0 };
	struct ram_options options = { 0 };
	struct ram *ram = NULL;
	struct err e = ERR_INIT;
	assert_int_equal(ram_create(&ram, banks, 0, &options, NULL, &e), -EINVAL);
	assert_int_equal(
		ram_create(&ram, many, GUEST_MEMORY_MAX_REGIONS + 1, &options, NULL, &e), -EINVAL);
	assert_null(ram);
}

struct progress {
	unsigned reports;
};

static void hear(void *ctx, enum report_level level, const char *text)
{
	struct progress *p = ctx;
	assert_int_equal(level, REPORT_INFO);
	assert_contains(text, "MiB");
	p->reports++;
}

static void ram_create__prealloc__populates_without_noise_when_small(void **state)
{
	(void)state;
	struct progress p = { 0 };
	struct reporter reporter = { .fn = hear, .ctx = &p };
	struct ram_options options = { .prealloc = true, .shared = true };
	struct ram *ram = NULL;
	struct err e = ERR_INIT;
	struct stat st;
	assert_int_equal(ram_create(&ram, banks, 2, &options, &reporter, &e), 0);
	assert_int_equal(fstat(ram_fd(ram), &st), 0);
	assert_int_equal(st.st_blocks * 512, 3 * MIB);
	assert_int_equal(p.reports, 0);
	ram_destroy(ram);
}

static void ram_create__lazy__takes_no_memory_before_use(void **state)
{
	(void)state;
	const struct ram_bank big[] = { { { 0 }, 64 * GIB } };
	struct ram_options options = { .shared = true };
	struct ram *ram = NULL;
	struct err e = ERR_INIT;
	struct stat st;
	assert_int_equal(ram_create(&ram, big, 1, &options, NULL, &e), 0);
	assert_int_equal(fstat(ram_fd(ram), &st), 0);
	assert_int_equal(st.st_blocks, 0);
	ram_destroy(ram);
}

/* More huge pages than any host has reserved: must fail now, not by SIGBUS at the first touch. */
static void check_no_huge_pages(uint64_t hugepage_bytes)
{
	const struct ram_bank huge[] = { { { 0 }, 64 * 1024 * GIB } };
	struct ram_options options = { .hugepage_bytes = hugepage_bytes };
	struct ram *ram = NULL;
	struct err e = ERR_INIT;
	unsigned fds = count_fds();
	assert_true(ram_create(&ram, huge, 1, &options, NULL, &e) < 0);
	assert_int_equal(e.kind, ERR_HOST);
	assert_contains(e.hint, "memory.hugepages");
	assert_null(ram);
	assert_int_equal(count_fds(), fds);
	assert_int_equal(count_mappings(), 0);
}

static void ram_create__huge_pages_not_reserved__refused_with_a_hint(void **state)
{
	(void)state;
	check_no_huge_pages(2 * MIB);
	check_no_huge_pages(GIB);
}

static void ram_create__address_space_limit__refused_with_a_hint(void **state)
{
	(void)state;
	struct rlimit before, limit;
	struct ram_options options = { 0 };
	struct ram *ram = NULL;
	struct err e = ERR_INIT;
	const struct ram_bank big[] = { { { 0 }, 64 * 1024 * GIB } };
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	limit = before;
	limit.rlim_cur = 32 * 1024 * GIB; /* sanitizers have mapped up to 20 TiB already */
	assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
	int rc = ram_create(&ram, big, 1, &options, NULL, &e);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	assert_int_equal(rc, -ENOMEM);
	assert_contains(e.msg, "mmap of");
	assert_contains(e.hint, "ulimit -v");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ram_create__two_banks__are_fresh_and_apart),
		cmocka_unit_test(
			ram_create__private__is_aligned_for_huge_pages_and_unmapped_by_destroy),
		cmocka_unit_test(ram_create__shared__keeps_a_sealed_memfd_with_the_banks_in_it),
		cmocka_unit_test(ram_destroy__null__does_nothing),
		cmocka_unit_test(ram_create__no_or_too_many_banks__refused),
		cmocka_unit_test(ram_create__prealloc__populates_without_noise_when_small),
		cmocka_unit_test(ram_create__lazy__takes_no_memory_before_use),
		cmocka_unit_test(ram_create__huge_pages_not_reserved__refused_with_a_hint),
		cmocka_unit_test(ram_create__address_space_limit__refused_with_a_hint),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
