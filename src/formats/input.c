/* SPDX-License-Identifier: MIT */
#include "formats/input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The length of the UTF-8 sequence at s, which has n bytes; 0 where there is none. */
static size_t sequence(const unsigned char *s, size_t n)
{
	if (s[0] < 0x80)
		return 1;
	size_t len = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
		     : (s[0] & 0xf0) == 0xe0        ? 3
		     : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
						    : 0;
	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	/* No overlong forms, no surrogates, nothing above U+10FFFF. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

void input_clean(char *text)
{
	unsigned char *s = (unsigned char *)text;
	size_t n = strlen(text);
	for (size_t i = 0; i < n;) {
		size_t len = sequence(s + i, n - i);
		/* U+0080 to U+009F are control characters as well. */
		bool bad = len == 0 || (s[i] < 0x20 && s[i] != '\n') || s[i] == 0x7f ||
			   (len == 2 && s[i] == 0xc2 && s[i + 1] < 0xa0);
		len = len ? len : 1;
		if (bad)
			(void)memset(s + i, '?', len);
		i += len;
	}
}

bool input_is_utf8(const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = sequence((const unsigned char *)s + i, n - i);
		if (len == 0 || s[i] == '\0')
			return false;
		i += len;
	}
	return true;
}

int input_fail(struct err *e, const char *fmt, ...)
{
	char msg[sizeof(e->msg)];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	input_clean(msg);
	return err_set_config(e, -EINVAL, "%s", msg);
}

int input_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int input_number(const char *s, size_t n, uint64_t max, uint64_t *ret_value)
{
	uint64_t base = 10, value = 0;
	if (n > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
		n -= 2;
	}
	if (n == 0)
		return -EINVAL;
	bool large = false;
	for (size_t i = 0; i < n; i++) {
		int d = input_digit(s[i]);
		if (d < 0 || (uint64_t)d >= base)
			return -EINVAL;
		large = large || value > (UINT64_MAX - (uint64_t)d) / base;
		value = value * base + (uint64_t)d;
	}
	if (large || value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int input_bitmap(const char *text, unsigned width, uint64_t *ret_set, uint64_t *ret_clear)
{
	uint64_t set = 0, clear = 0;
	unsigned nr = 0;
	if (strncmp(text, "0b", 2) != 0)
		return -EINVAL;
	for (const char *p = text + 2; *p != '\0'; p++) {
		if (*p == '_')
			continue;
		if (*p != '0' && *p != '1' && *p != 'x')
			return -EINVAL;
		if (nr++ == width)
			return -ERANGE;
		set = set << 1 | (*p == '1');
		clear = clear << 1 | (*p == '0');
	}
	if (nr == 0)
		return -ENODATA;
	*ret_set = set;
	*ret_clear = clear;
	return 0;
}
