/* SPDX-License-Identifier: MIT */
#include "fake_services.h"

#include "devices/calendar.h"
#include "devices/ticks.h"

#include <time.h>

static void assert_same_as_libc(int64_t seconds)
{
	struct calendar_time t = calendar_from_seconds(seconds);
	time_t libc_seconds = (time_t)seconds;
	struct tm tm;

	assert_non_null(gmtime_r(&libc_seconds, &tm));
	assert_int_equal(t.year, tm.tm_year + 1900);
	assert_int_equal(t.month, tm.tm_mon + 1);
	assert_int_equal(t.day, tm.tm_mday);
	assert_int_equal(t.weekday, tm.tm_wday);
	assert_int_equal(t.hour, tm.tm_hour);
	assert_int_equal(t.minute, tm.tm_min);
	assert_int_equal(t.second, tm.tm_sec);
	assert_int_equal(calendar_to_seconds(&t), seconds);
}

static void calendar__every_day_of_1200_years__same_as_libc(void **state)
{
	(void)state;
	for (int64_t day = -600 * 365; day < 600 * 366; day++)
		assert_same_as_libc(day * 86400 + (day * 7919 % 86400 + 86400) % 86400);
}

static void calendar__far_random_times__same_as_libc(void **state)
{
	struct fake_random r = { 0x63616c656e646172ULL };

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		assert_same_as_libc((int64_t)(fake_random(&r) >> 24) - (INT64_C(1) << 39));
}

static void calendar__fields_out_of_range__carry_as_in_libc(void **state)
{
	struct fake_random r = { 0x6f75746f66726e67ULL };

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		struct calendar_time t = {
			.year = (int64_t)fake_random_below(&r, 16666),
			.month = (int)fake_random_below(&r, 256),
			.day = (int)fake_random_below(&r, 256),
			.hour = (int)fake_random_below(&r, 256),
			.minute = (int)fake_random_below(&r, 256),
			.second = (int)fake_random_below(&r, 256),
		};
		struct tm tm = {
			.tm_year = (int)t.year - 1900,
			.tm_mon = t.month - 1,
			.tm_mday = t.day,
			.tm_hour = t.hour,
			.tm_min = t.minute,
			.tm_sec = t.second,
		};

		assert_int_equal(calendar_to_seconds(&t), timegm(&tm));
	}
}

static void ticks__to_ns__first_nanosecond_of_the_tick(void **state)
{
	static const uint32_t frequencies[] = { 32768, 3579545, 1, 999999937 / 2 };
	struct fake_random r = { 0x7469636b73000001ULL };

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t hz = frequencies[i % ARRAY_SIZE(frequencies)];
		uint64_t ticks = fake_random_below(&r, UINT64_C(1000000000) * hz) + 1;
		uint64_t ns = ticks_to_ns(ticks, hz);

		assert_true(ticks_from_ns(ns, hz) >= ticks);
		assert_true(ticks_from_ns(ns - 1, hz) < ticks);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calendar__every_day_of_1200_years__same_as_libc),
		cmocka_unit_test(calendar__far_random_times__same_as_libc),
		cmocka_unit_test(calendar__fields_out_of_range__carry_as_in_libc),
		cmocka_unit_test(ticks__to_ns__first_nanosecond_of_the_tick),
	};

	return cmocka_run_group_tests_name("calendar", tests, NULL, NULL);
}
