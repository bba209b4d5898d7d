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

/* For what a library allocates that tells no more of it than "invalid": never fails by choice. */
void *allocation_sure(size_t size);

/*
 * Whether fn(ctx) loses memory: the heap, what the allocator keeps at hand included, grows whenever
 * it is called, as often as that is. Under a sanitizer, which finds leaks itself, never.
 */
bool allocation_leaks(void (*fn)(void *ctx), void *ctx);

/*
 * Calls fn(ctx) with allocation 1, 2 … failing, a few times each, until there are fewer; how
 * many there are. fn begins with what may fail, asks allocation_has_failed() where that is done,
 * and gives back all. Fails the test where memory gets lost.
 */
unsigned allocation_fail_each(void (*fn)(void *ctx), void *ctx);

#endif
