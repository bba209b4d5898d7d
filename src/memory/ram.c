/* SPDX-License-Identifier: MIT */
#include "memory/ram.h"

#include "base/fd.h"
#include "memory/anonymous.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/memfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#define POPULATE_STEP GIB

struct ram {
	struct guest_memory mem; /* each region's hva is a mapping of its own */
	int fd;
};

static int make_memfd(
	const struct ram_options *options, uint64_t size_bytes, int *ret_fd, struct err *e)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	if (options->hugepage_bytes == 2 * MIB)
		flags |= MFD_HUGETLB | MFD_HUGE_2MB;
	else if (options->hugepage_bytes == GIB)
		flags |= MFD_HUGETLB | MFD_HUGE_1GB;
	FD_LOCAL fd = memfd_create("nestor-ram", flags);
	if (fd < 0) {
		int code = -errno;
		(void)err_set_errno(e, code, "memfd_create for guest RAM, flags %#x", flags);
		if (options->hugepage_bytes)
			return err_hint(e, code,
				"this kernel may lack huge pages of that size; see "
				"memory.hugepages");
		return code;
	}
	if (ftruncate(fd, (off_t)size_bytes) < 0)
		return err_set_errno(
			e, -errno, "ftruncate of guest RAM to %" PRIu64 " bytes", size_bytes);
	/* Nobody may shrink it: a page that vanishes under the guest would be SIGBUS for nestor. */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return err_set_errno(e, -errno, "F_ADD_SEALS on guest RAM");
	*ret_fd = fd_take(&fd);
	return 0;
}

static void *map_memfd(
	int fd, uint64_t size_bytes, uint64_t file_offset, const struct ram_options *options)
{
	/* Huge pages are reserved by the mapping itself: else the first touch of one that the host
	 * does not have would be SIGBUS for nestor. */
	int flags = options->hugepage_bytes ? MAP_SHARED : MAP_SHARED | MAP_NORESERVE;
	return mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, flags, fd, (off_t)file_offset);
}

/* Of reserved huge pages there is nothing to choose. */
static void advise_reserved(uint8_t *p, uint64_t size_bytes)
{
	(void)madvise(p, size_bytes, MADV_DONTFORK);
	(void)madvise(p, size_bytes, MADV_DONTDUMP);
}

static int map_bank(struct ram *ram, const struct ram_bank *bank, uint64_t file_offset,
	const struct ram_options *options, struct err *e)
{
	void *p = ram->fd >= 0 ? map_memfd(ram->fd, bank->size_bytes, file_offset, options)
			       : anonymous_map(bank->size_bytes);
	if (p == MAP_FAILED) {
		int code = -errno;
		(void)err_set_errno(
			e, code, "mmap of %" PRIu64 " bytes of guest RAM", bank->size_bytes);
		if (options->hugepage_bytes)
			return err_hint(e, code,
				"reserve %" PRIu64 " huge pages of %" PRIu64
				" KiB (/sys/kernel/mm/hugepages/), or set memory.hugepages = false",
				bank->size_bytes / options->hugepage_bytes,
				options->hugepage_bytes / KIB);
		return err_hint(
			e, code, "lower memory.size, or raise the address space limit (ulimit -v)");
	}
	ram->mem.regions[ram->mem.nr_regions++] = (struct guest_region){ .base = bank->base,
		.size_bytes = bank->size_bytes,
		.hva = p,
		.is_private = ram->fd < 0 };
	if (!options->hugepage_bytes)
		anonymous_advise(p, bank->base, bank->size_bytes);
	else
		advise_reserved(p, bank->size_bytes);
	return 0;
}

static int populate(
	const struct ram *ram, uint64_t total, const struct reporter *reporter, struct err *e)
{
	uint64_t done = 0;
	for (unsigned i = 0; i < ram->mem.nr_regions; i++) {
		const struct guest_region *r = &ram->mem.regions[i];
		for (uint64_t at = 0; at < r->size_bytes; at += POPULATE_STEP) {
			uint64_t n = r->size_bytes - at < POPULATE_STEP ? r->size_bytes - at
									: POPULATE_STEP;
			if (madvise(r->hva + at, n, MADV_POPULATE_WRITE) < 0) {
				int code = -errno;
				(void)err_set_errno(e, code,
					"madvise(MADV_POPULATE_WRITE) of %" PRIu64
					" bytes of guest RAM",
					n);
				return err_hint(e, code,
					"memory.prealloc needs Linux 5.14 or later and enough free "
					"memory or reserved huge pages");
			}
			done += n;
			if (total > POPULATE_STEP)
				report(reporter, REPORT_INFO,
					"guest RAM: %" PRIu64 " of %" PRIu64 " MiB allocated",
					done / MIB, total / MIB);
		}
	}
	return 0;
}

int ram_create(struct ram **ret_ram, const struct ram_bank *banks, unsigned nr_banks,
	const struct ram_options *options, const struct reporter *reporter, struct err *e)
{
	if (nr_banks < 1 || nr_banks > GUEST_MEMORY_MAX_REGIONS)
		return err_set(e, -EINVAL, "%u banks of guest RAM, expected 1 to %u", nr_banks,
			GUEST_MEMORY_MAX_REGIONS);
	struct ram *ram = calloc(1, sizeof(*ram));
	if (!ram)
		return err_set(e, -ENOMEM, "out of memory");
	ram->fd = -1;
	uint64_t total = 0;
	for (unsigned i = 0; i < nr_banks; i++)
		total += banks[i].size_bytes;
	bool memfd = options->shared || options->hugepage_bytes;
	int rc = memfd ? make_memfd(options, total, &ram->fd, e) : 0;
	uint64_t offset = 0;
	for (unsigned i = 0; rc == 0 && i < nr_banks; i++) {
		rc = map_bank(ram, &banks[i], offset, options, e);
		offset += banks[i].size_bytes;
	}
	if (rc == 0 && options->prealloc)
		rc = populate(ram, total, reporter, e);
	if (rc) {
		ram_destroy(ram);
		return rc;
	}
	if (!options->shared)
		ram->fd = fd_close(ram->fd);
	*ret_ram = ram;
	return 0;
}

void ram_destroy(struct ram *ram)
{
	if (!ram)
		return;
	for (unsigned i = 0; i < ram->mem.nr_regions; i++)
		(void)munmap(ram->mem.regions[i].hva, ram->mem.regions[i].size_bytes);
	(void)fd_close(ram->fd);
	free(ram);
}

const struct guest_memory *ram_guest_memory(const struct ram *ram)
{
	return &ram->mem;
}

int ram_fd(const struct ram *ram)
{
	return ram->fd;
}
