/* SPDX-License-Identifier: MIT */
#include "config/units.h"

#include "base/types.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* Where formatting may choose, the larger comes first. */
static const struct unit size_units[] = {
	{ "T", GIB * 1024 },
	{ "G", GIB },
	{ "M", MIB },
	{ "K", KIB },
	{ "", 1 },
	{ "TiB", GIB * 1024 },
	{ "GiB", GIB },
	{ "MiB", MIB },
	{ "KiB", KIB },
	{ "TB", UINT64_C(1000000000000) },
	{ "GB", UINT64_C(1000000000) },
	{ "MB", UINT64_C(1000000) },
	{ "kB", UINT64_C(1000) },
};
#define NR_SIZE_FORMATS 5

static const struct unit duration_units[] = {
	{ "h", 60 * 60 * 1000 },
	{ "m", 60 * 1000 },
	{ "s", 1000 },
	{ "ms", 1 },
	{ "", 1000 },
};
#define NR_DURATION_FORMATS 4

static int parse(const char *s, const struct unit *units, size_t nr_units, uint64_t *ret)
{
	uint64_t value = 0;
	if (*s < '0' || *s > '9')
		return -EINVAL;
	bool overflow = false;
	for (; *s >= '0' && *s <= '9'; s++) {
		overflow |= __builtin_mul_overflow(value, UINT64_C(10), &value);
		overflow |= __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value);
	}
	if (s[0] == ' ' && s[1] != '\0')
		s++;
	for (size_t i = 0; i < nr_units; i++) {
		if (strcmp(s, units[i].name) != 0)
			continue;
		if (overflow || __builtin_mul_overflow(value, units[i].factor, &value))
			return -ERANGE;
		*ret = value;
		return 0;
	}
	return -EINVAL;
}

static void format(char *text, const struct unit *units, size_t nr_units, uint64_t value)
{
	size_t i = 0;
	while (i + 1 < nr_units && (value == 0 || value % units[i].factor != 0))
		i++;
	(void)snprintf(
		text, UNITS_TEXT_BYTES, "%" PRIu64 "%s", value / units[i].factor, units[i].name);
}

int units_parse_size(const char *s, uint64_t *ret_bytes)
{
	return parse(s, size_units, ARRAY_SIZE(size_units), ret_bytes);
}

int units_parse_duration(const char *s, uint64_t *ret_ms)
{
	return parse(s, duration_units, ARRAY_SIZE(duration_units), ret_ms);
}

void units_format_size(char text[UNITS_TEXT_BYTES], uint64_t bytes)
{
	format(text, size_units, NR_SIZE_FORMATS, bytes);
}

void units_format_duration(char text[UNITS_TEXT_BYTES], uint64_t ms)
{
	format(text, duration_units, NR_DURATION_FORMATS, ms);
}

/*
 * Reads digits with at most one "." between two of them. The number is *ret_digits /
 * 10^*ret_places; zeros at the end of a fraction are not counted, so that they never make it too
 * large.
 */
static int parse_decimal(const char **p, uint64_t *ret_digits, unsigned *ret_places)
{
	const char *s = *p;
	const char *point = NULL;
	const char *end = s + strspn(s, "0123456789");
	if (end == s)
		return -EINVAL;
	if (*end == '.') {
		size_t n = strspn(end + 1, "0123456789");
		if (n == 0)
			return -EINVAL;
		point = end;
		end += 1 + n;
	}
	*p = end;
	while (point && end > point && (end[-1] == '0' || end[-1] == '.'))
		end--;
	*ret_digits = 0;
	*ret_places = 0;
	for (; s < end; s++) {
		if (*s == '.')
			continue;
		if (__builtin_mul_overflow(*ret_digits, UINT64_C(10), ret_digits) ||
			__builtin_add_overflow(*ret_digits, (uint64_t)(*s - '0'), ret_digits))
			return -ERANGE;
		*ret_places += point && s > point;
	}
	return 0;
}

int units_parse_frequency(const char *s, uint64_t *ret_khz)
{
	static const struct {
		const char *name;
		unsigned zeros; /* of the unit in Hz */
	} units[] = { { "", 0 }, { "Hz", 0 }, { "kHz", 3 }, { "MHz", 6 }, { "GHz", 9 } };
	uint64_t value = 0;
	unsigned places = 0;
	int ret = parse_decimal(&s, &value, &places);
	if (ret == -EINVAL)
		return ret;
	if (s[0] == ' ' && s[1] != '\0')
		s++;
	size_t unit = 0;
	while (unit < ARRAY_SIZE(units) && strcmp(s, units[unit].name) != 0)
		unit++;
	if (unit == ARRAY_SIZE(units))
		return -EINVAL;
	if (ret < 0)
		return ret;
	unsigned down = places + 3; /* 10^3 Hz are a kHz */
	unsigned up = units[unit].zeros;
	for (; down < up; up--) {
		if (__builtin_mul_overflow(value, UINT64_C(10), &value))
			return -ERANGE;
	}
	for (; down > up; down--) {
		if (value % 10 != 0)
			return -EINVAL;
		value /= 10;
	}
	*ret_khz = value;
	return 0;
}

void units_format_frequency(char text[UNITS_TEXT_BYTES], uint64_t khz)
{
	const char *unit = khz >= 1000000 ? "GHz" : khz >= 1000 ? "MHz" : "kHz";
	uint64_t factor = khz >= 1000000 ? 1000000 : khz >= 1000 ? 1000 : 1;
	uint64_t rest = khz % factor;
	int places = factor == 1000000 ? 6 : 3;
	if (rest == 0) {
		(void)snprintf(text, UNITS_TEXT_BYTES, "%" PRIu64 "%s", khz / factor, unit);
		return;
	}
	while (rest % 10 == 0) {
		rest /= 10;
		places--;
	}
	(void)snprintf(text, UNITS_TEXT_BYTES, "%" PRIu64 ".%0*" PRIu64 "%s", khz / factor, places,
		rest, unit);
}
