/* SPDX-License-Identifier: MIT */
/* cmocka with the headers that it wants first. */
#ifndef NESTOR_TESTS_FAKE_CMOCKA_H
#define NESTOR_TESTS_FAKE_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* text contains part; the whole text is shown where it does not. */
#define assert_contains(text, part) assert_contains_at((text), (part), __FILE__, __LINE__)

static inline void assert_contains_at(
	const char *text, const char *part, const char *file, int line)
{
	if (strstr(text, part))
		return;
	print_error("\"%s\" does not contain \"%s\"\n", text, part);
	_fail(file, line);
}

#endif
