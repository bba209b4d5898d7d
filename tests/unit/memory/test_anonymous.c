/* SPDX-License-Identifier: MIT */
/* Pages that a loader made become guest RAM without a copy. */
#include "fake/cmocka.h"

#include "memory/anonymous.h"
#include "memory/ram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RAM_BYTES (8 * MIB)
#define AT (2 * MIB)
#define MOVED_BYTES (2 * MIB + 12 * KIB)

struct fixture {
	struct ram *ram;
	const struct guest_memory *mem;
	uint8_t *src;
	struct err e;
};

static void make(struct fixture *f, bool shared)
{
	const struct ram_bank bank = { gpa(0), RAM_BYTES };
	const struct ram_options options = { .shared = shared };
	f->e = (struct err)ERR_INIT;
	if (ram_create(&f->ram, &bank, 1, &options, NULL, &f->e))
		fail_msg("%s", f->e.msg);
	f->mem = ram_guest_memory(f->ram);
	f->src = anonymous_map(MOVED_BYTES);
	assert_true(f->src != MAP_FAILED);
	assert_int_equal((uintptr_t)f->src % (2 * MIB), 0);
	for (size_t i = 0; i < MOVED_BYTES; i++)
		f->src[i] = (uint8_t)(i / 4096 + i);
}

static void done(struct fixture *f)
{
	(void)munmap(f->src, MOVED_BYTES);
	ram_destroy(f->ram);
}

static void assert_moved(const struct fixture *f, uint64_t at)
{
	const uint8_t *p = guest_memory_borrow(f->mem, gpa(at), MOVED_BYTES);
	assert_non_null(p);
	for (size_t i = 0; i < MOVED_BYTES; i++) {
		if (p[i] != (uint8_t)(i / 4096 + i))
			fail_msg("byte %zu is %#x", i, p[i]);
	}
}

static void assert_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], 0);
}

static void move__private_ram__has_the_pages_and_the_source_is_zero(void **state)
{
	(void)state;
	struct fixture f;
	make(&f, false);
	assert_int_equal(anonymous_move(f.mem, gpa(AT), f.src, MOVED_BYTES, &f.e), 1);
	assert_moved(&f, AT);
	assert_zero(f.src, MOVED_BYTES);
	/* The neighbours stay. */
	assert_zero(guest_memory_borrow(f.mem, gpa(0), AT), AT);
	assert_zero(guest_memory_borrow(f.mem, gpa(AT + MOVED_BYTES), RAM_BYTES - AT - MOVED_BYTES),
		RAM_BYTES - AT - MOVED_BYTES);
	done(&f);
}

/* At another place within a huge page than the source's, as small segments lie. */
static void move__to_any_page__the_same(void **state)
{
	(void)state;
	struct fixture f;
	make(&f, false);
	assert_int_equal(
		anonymous_move(f.mem, gpa(3 * MIB + 20 * KIB), f.src, MOVED_BYTES, &f.e), 1);
	assert_moved(&f, 3 * MIB + 20 * KIB);
	done(&f);
}

static void move__written_before__replaced_and_writable(void **state)
{
	(void)state;
	struct fixture f;
	make(&f, false);
	uint8_t *p = guest_memory_borrow(f.mem, gpa(AT), MOVED_BYTES);
	(void)memset(p, 0xee, MOVED_BYTES);
	assert_int_equal(anonymous_move(f.mem, gpa(AT), f.src, MOVED_BYTES, &f.e), 1);
	assert_moved(&f, AT);
	p[0] = 1;
	f.src[0] = 2;
	assert_int_equal(p[0], 1);
	done(&f);
}

/* Others may have it mapped: it must stay what it is. */
static void move__shared_ram__cannot_and_nothing_changes(void **state)
{
	(void)state;
	struct fixture f;
	make(&f, true);
	uint8_t *p = guest_memory_borrow(f.mem, gpa(AT), MOVED_BYTES);
	p[5] = 7;
	assert_int_equal(anonymous_move(f.mem, gpa(AT), f.src, MOVED_BYTES, &f.e), 0);
	assert_int_equal(p[5], 7);
	assert_int_equal(f.src[4096], 1);
	done(&f);
}

static void move__not_ram__refused(void **state)
{
	(void)state;
	struct fixture f;
	make(&f, false);
	assert_int_equal(
		anonymous_move(f.mem, gpa(RAM_BYTES - MIB), f.src, MOVED_BYTES, &f.e), -EFAULT);
	assert_int_equal(f.src[4096], 1);
	done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(move__private_ram__has_the_pages_and_the_source_is_zero),
		cmocka_unit_test(move__to_any_page__the_same),
		cmocka_unit_test(move__written_before__replaced_and_writable),
		cmocka_unit_test(move__shared_ram__cannot_and_nothing_changes),
		cmocka_unit_test(move__not_ram__refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
