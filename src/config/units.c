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
