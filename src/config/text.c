/* SPDX-License-Identifier: MIT */
#include "config/text.h"

#include <errno.h>
#include <string.h>

/* Bytes of the well-formed character at s, of which n bytes are there; 0 where there is none. */
static size_t utf8_bytes(const unsigned char *s, size_t n)
{
	if (s[0] < 0x80)
		return 1;
	size_t len = 0;
	unsigned char low = 0x80, high = 0xbf; /* range of the second byte */
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		len = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (len == 0 || len > n || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	}
	return len;
}

bool text_is_utf8(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	while (n > 0) {
		size_t len = utf8_bytes(p, n);
		if (len == 0)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

/* C0, DEL and C1 (U+0080 to U+009F), which terminals may obey. */
static bool is_control(const unsigned char *s)
{
	return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

char *text_printable(char *dst, size_t capacity, const char *src, size_t n)
{
	const unsigned char *p = (const unsigned char *)src;
	size_t used = 0;
	size_t fits = 0; /* where "..." can still be put */
	while (n > 0) {
		size_t len = utf8_bytes(p, n);
		bool replace = len == 0 || is_control(p);
		size_t take = len == 0 ? 1 : len;
		size_t put = replace ? 1 : len;
		if (used + put >= capacity) {
			(void)memcpy(dst + fits, "...", 4);
			return dst;
		}
		if (replace)
			dst[used] = '?';
		else
			(void)memcpy(dst + used, p, len);
		used += put;
		if (used + 4 <= capacity)
			fits = used;
		p += take;
		n -= take;
	}
	dst[used] = '\0';
	return dst;
}

int text_parse_integer(const char *s, uint64_t *ret_value)
{
	unsigned base = 10;
	uint64_t value = 0;
	if (s[0] == '0' && s[1] == 'x') {
		base = 16;
		s += 2;
	}
	if (*s == '\0')
		return -EINVAL;
	for (; *s != '\0'; s++) {
		unsigned digit = 16;
		if (*s >= '0' && *s <= '9')
			digit = (unsigned)(*s - '0');
		else if (*s >= 'a' && *s <= 'f')
			digit = (unsigned)(*s - 'a') + 10;
		else if (*s >= 'A' && *s <= 'F')
			digit = (unsigned)(*s - 'A') + 10;
		if (digit >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(value, base, &value) ||
			__builtin_add_overflow(value, digit, &value))
			return -ERANGE;
	}
	*ret_value = value;
	return 0;
}
