/* SPDX-License-Identifier: MIT */
/*
 * Reads what the kernel says of the machine, and MSRs: files only, below a root, so that a test can
 * give a tree of its own.
 */
#ifndef NESTOR_HOST_MACHINE_FACTS_H
#define NESTOR_HOST_MACHINE_FACTS_H

#include "base/err.h"
#include "base/machine.h"

/* root: "" for this machine, or a folder with sys, proc and dev in it. What cannot be read is left
 * empty or unknown; nothing is an error. */
void machine_facts_read(const char *root, struct machine_facts *ret_facts);

/* Of CPU 0, by the module msr. *ret_fd is the caller's to close. -errno, with what to do about it.
 */
int machine_msr_open(const char *root, int *ret_fd, struct err *e) MUST_CHECK;

/* One MSR of 64 bits; -errno (-EIO: the processor has no such MSR, or #GP for another reason). */
int machine_msr_read(int fd, uint32_t index, uint64_t *ret_value) MUST_CHECK;

#endif
