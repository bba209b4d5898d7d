/* SPDX-License-Identifier: MIT */
/*
 * Allocations that fail, one chosen by its number, and what is in use: for tests that every error
 * path gives back what it had. Such a test is linked with nestor_fail_allocations() (tests/unit);
 * what shared libraries allocate cannot be made to fail, and is counted all the same.
 */
#ifndef NESTOR_TESTS_FAKE_ALLOCATION_H
#define NESTOR_TESTS_FAKE_ALLOCATION_H

#include <stdbool.h>
#include <stddef.h>

/* Allocation n from now on, of this thread, fails; 0: none does. */
void allocation_fail_at(unsigned n);

/* Whether it has failed since; switches it off. */
bool allocation_has_failed(void);

/*
 * Bytes of the heap and of its mappings in use, what the allocator keeps at hand included: which
 * is a little at first: what is tried leaks where this still grows after ALLOCATION_ROUNDS of it.
 * Under a sanitizer, which finds leaks itself, always the same.
 */
#define ALLOCATION_ROUNDS 12 /* glibc's cache keeps 7 blocks of a size, and calloc takes none */
size_t allocation_in_use(void);

#endif
