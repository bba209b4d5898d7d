/* SPDX-License-Identifier: MIT */
#include "fake/allocation.h"

#include "fake/cmocka.h"

#include <malloc.h>

static _Thread_local unsigned until_failure;
static _Thread_local bool failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);

static bool fails_now(void)
{
	if (until_failure == 0 || --until_failure > 0)
		return false;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails_now() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *text)
{
	return fails_now() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n)
{
	return fails_now() ? NULL : __real_strndup(text, n);
}

void allocation_fail_at(unsigned n)
{
	failed = false;
	until_failure = n;
}

bool allocation_has_failed(void)
{
	until_failure = 0;
	return failed;
}

void *allocation_sure(size_t size)
{
	return __real_malloc(size);
}

/* glibc's cache keeps 7 blocks of a size, and calloc takes none of them. */
#define ROUNDS 20
#define ENOUGH 2 /* of these that take nothing */

static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

bool allocation_leaks(void (*fn)(void *ctx), void *ctx)
{
	unsigned same = 0;
	for (unsigned i = 0; i < ROUNDS && same < ENOUGH; i++) {
		size_t before = in_use();
		fn(ctx);
		same += in_use() <= before;
	}
	return same < ENOUGH;
}

/* One of allocation_fail_each's calls. */
struct attempt {
	void (*fn)(void *ctx);
	void *ctx;
	unsigned n;
};

static void attempt(void *ctx)
{
	const struct attempt *a = ctx;
	allocation_fail_at(a->n);
	a->fn(a->ctx);
}

unsigned allocation_fail_each(void (*fn)(void *ctx), void *ctx)
{
	for (struct attempt a = { fn, ctx, 1 };; a.n++) {
		if (allocation_leaks(attempt, &a))
			fail_msg("with allocation %u failing, memory is lost", a.n);
		if (!allocation_has_failed())
			return a.n - 1;
	}
}
