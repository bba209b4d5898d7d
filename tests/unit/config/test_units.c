/* SPDX-License-Identifier: MIT */
#include "config_test.h"

#include "config/units.h"

#include <errno.h>

struct sample {
	const char *text;
	uint64_t value;
};

static void size_parse__every_unit__exact(void **state)
{
	(void)state;
	static const struct sample good[] = {
		{ "0", 0 },
		{ "4096", 4096 },
		{ "1K", 1024 },
		{ "1KiB", 1024 },
		{ "1kB", 1000 },
		{ "3M", 3 << 20 },
		{ "3MiB", 3 << 20 },
		{ "3 MiB", 3 << 20 },
		{ "3MB", 3000000 },
		{ "2G", UINT64_C(2) << 30 },
		{ "2GiB", UINT64_C(2) << 30 },
		{ "2GB", UINT64_C(2000000000) },
		{ "1T", UINT64_C(1) << 40 },
		{ "1TiB", UINT64_C(1) << 40 },
		{ "1TB", UINT64_C(1000000000000) },
		{ "18446744073709551615", UINT64_MAX },
		{ "007K", 7168 },
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint64_t v = 1;
		assert_int_equal(units_parse_size(good[i].text, &v), 0);
		assert_true(v == good[i].value);
	}
}

static void size_parse__not_a_size__refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", " ", "M", "-1M", "+1M", " 1M", "1  M", "1 ", "1m",
		"1KB", "1kb", "1KIB", "1B", "1.5G", "1,5G", "1MM", "1M ", "0x10", "1e3", "1P" };
	uint64_t v = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(units_parse_size(bad[i], &v), -EINVAL);
	assert_int_equal(v, 7);
}

static void size_parse__beyond_64_bits__out_of_range(void **state)
{
	(void)state;
	static const char *const bad[] = { "18446744073709551616", "16777216T",
		"99999999999999999999M", "18014398509481984K",
		"340282366920938463463374607431768211456" };
	uint64_t v = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(units_parse_size(bad[i], &v), -ERANGE);
	assert_int_equal(v, 7);
}

static void duration_parse__every_unit__milliseconds(void **state)
{
	(void)state;
	static const struct sample good[] = { { "0", 0 }, { "30", 30000 }, { "500ms", 500 },
		{ "30s", 30000 }, { "30 s", 30000 }, { "2m", 120000 }, { "1h", 3600000 } };
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint64_t v = 1;
		assert_int_equal(units_parse_duration(good[i].text, &v), 0);
		assert_true(v == good[i].value);
	}
}

static void duration_parse__not_a_duration__refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "s", "1S", "1sec", "1min", "1d", "-1s", "1.5s",
		"1us", "1m30s" };
	uint64_t v = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(units_parse_duration(bad[i], &v), -EINVAL);
	assert_int_equal(units_parse_duration("18446744073709551615s", &v), -ERANGE);
	assert_int_equal(v, 7);
}

static void size_format__value__reads_back_and_is_short(void **state)
{
	(void)state;
	static const struct sample samples[] = { { "0", 0 }, { "1", 1 }, { "4095", 4095 },
		{ "4K", 4096 }, { "256M", 256 << 20 }, { "257M", 257 << 20 },
		{ "1G", UINT64_C(1) << 30 }, { "1T", UINT64_C(1) << 40 },
		{ "18446744073709551615", UINT64_MAX } };
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		char text[UNITS_TEXT_BYTES];
		uint64_t v = 1;
		units_format_size(text, samples[i].value);
		assert_string_equal(text, samples[i].text);
		assert_int_equal(units_parse_size(text, &v), 0);
		assert_true(v == samples[i].value);
	}
}

static void duration_format__value__reads_back_and_is_short(void **state)
{
	(void)state;
	static const struct sample samples[] = { { "0ms", 0 }, { "1ms", 1 }, { "1500ms", 1500 },
		{ "30s", 30000 }, { "90s", 90000 }, { "2m", 120000 }, { "24h", 86400000 } };
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		char text[UNITS_TEXT_BYTES];
		uint64_t v = 1;
		units_format_duration(text, samples[i].value);
		assert_string_equal(text, samples[i].text);
		assert_int_equal(units_parse_duration(text, &v), 0);
		assert_true(v == samples[i].value);
	}
}

static void frequency_parse__every_unit__kilohertz(void **state)
{
	(void)state;
	static const struct sample good[] = { { "0", 0 }, { "1000", 1 }, { "2500000000", 2500000 },
		{ "1000Hz", 1 }, { "100kHz", 100 }, { "2494.141MHz", 2494141 },
		{ "2494 MHz", 2494000 }, { "2.5GHz", 2500000 }, { "2.500 GHz", 2500000 },
		{ "0.000001GHz", 1 }, { "1000.0Hz", 1 },
		{ "1.00000000000000000000000000000000000GHz", 1000000 },
		{ "0000000000000000000000000000000000001kHz", 1 },
		{ "18446744073709551000Hz", UINT64_C(18446744073709551) },
		{ "18446744073709551615kHz", UINT64_MAX } };
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint64_t v = 77;
		assert_int_equal(units_parse_frequency(good[i].text, &v), 0);
		assert_true(v == good[i].value);
	}
}

static void frequency_parse__not_a_frequency__refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", " ", "GHz", ".", ".5GHz", "2.GHz", "2.5.1GHz",
		"-1GHz", "+1GHz", " 1GHz", "1  GHz", "1 ", "1ghz", "1KHz", "1mhz", "1THz", "1G",
		"2,5GHz", "1e9", "0x10", "1GHz ", "1Hz", "999", "1001", "1.0001kHz", "2.4941411MHz",
		"0.0000001GHz", "0.000000000000000000000000000000000001GHz" };
	uint64_t v = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(units_parse_frequency(bad[i], &v), -EINVAL);
	assert_int_equal(v, 7);
}

static void frequency_parse__beyond_64_bits__out_of_range(void **state)
{
	(void)state;
	static const char *const bad[] = { "18446744073709551616", "99999999999999999999kHz",
		"18446744073709552MHz", "1.8446744073709551616GHz" };
	uint64_t v = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(units_parse_frequency(bad[i], &v), -ERANGE);
	assert_int_equal(v, 7);
}

static void frequency_format__value__reads_back_and_is_short(void **state)
{
	(void)state;
	static const struct sample samples[] = { { "0kHz", 0 }, { "100kHz", 100 },
		{ "999kHz", 999 }, { "1MHz", 1000 }, { "1.001MHz", 1001 }, { "1.1MHz", 1100 },
		{ "999.999MHz", 999999 }, { "1GHz", 1000000 }, { "2.5GHz", 2500000 },
		{ "2.494141GHz", 2494141 }, { "1.000001GHz", 1000001 }, { "100GHz", 100000000 },
		{ "9007199254.740992GHz", UINT64_C(9007199254740992) } };
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		char text[UNITS_TEXT_BYTES];
		uint64_t v = 1;
		units_format_frequency(text, samples[i].value);
		assert_string_equal(text, samples[i].text);
		assert_int_equal(units_parse_frequency(text, &v), 0);
		assert_true(v == samples[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(size_parse__every_unit__exact),
		cmocka_unit_test(size_parse__not_a_size__refused),
		cmocka_unit_test(size_parse__beyond_64_bits__out_of_range),
		cmocka_unit_test(duration_parse__every_unit__milliseconds),
		cmocka_unit_test(duration_parse__not_a_duration__refused),
		cmocka_unit_test(size_format__value__reads_back_and_is_short),
		cmocka_unit_test(duration_format__value__reads_back_and_is_short),
		cmocka_unit_test(frequency_parse__every_unit__kilohertz),
		cmocka_unit_test(frequency_parse__not_a_frequency__refused),
		cmocka_unit_test(frequency_parse__beyond_64_bits__out_of_range),
		cmocka_unit_test(frequency_format__value__reads_back_and_is_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
