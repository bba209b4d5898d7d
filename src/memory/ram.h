/* SPDX-License-Identifier: MIT */
/*
 * Guest RAM: mapped, optionally populated. Lazily backed by default, so a guest may have more RAM
 * than the host. Fresh RAM reads as zero. Owner: the machine.
 *
 * Shared RAM and RAM of huge pages is one memfd. Private RAM is anonymous memory: the kernel makes
 * huge pages of that by itself, but as a rule none of a memfd's (shmem_enabled is "never"), and
 * each 4 KiB page costs a nested page fault, at every level.
 */
#ifndef NESTOR_MEMORY_RAM_H
#define NESTOR_MEMORY_RAM_H

#include "base/report.h"
#include "memory/guest.h"

struct ram_options {
	uint64_t hugepage_bytes; /* 0: the kernel's normal pages; else 2 MiB or 1 GiB */
	bool prealloc; /* the caller knows that there is so much: else the kernel may end the
			  process */
	bool shared;   /* keep a memfd open for helper processes; else none outlives ram_create */
};

struct ram_bank {
	struct gpa base;
	uint64_t size_bytes;
};

struct ram;

/*
 * banks: nr_banks (1 to GUEST_MEMORY_MAX_REGIONS) sorted ranges. Errors name the system call and
 * the size, with what to do where it is known (huge pages not reserved, too little memory).
 * Populating reports progress at REPORT_INFO.
 */
int ram_create(struct ram **ret_ram, const struct ram_bank *banks, unsigned nr_banks,
	const struct ram_options *options, const struct reporter *reporter,
	struct err *e) MUST_CHECK;
void ram_destroy(struct ram *ram);

/* Borrowed; valid until ram_destroy. */
const struct guest_memory *ram_guest_memory(const struct ram *ram);

/* The memfd, or -1 where it was not kept. Borrowed. */
int ram_fd(const struct ram *ram);

#endif
