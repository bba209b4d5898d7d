/* SPDX-License-Identifier: MIT */
#include "devices/calendar.h"

#define SECONDS_PER_DAY 86400
#define DAYS_PER_400_YEARS 146097
#define MONTHS_PER_400_YEARS INT64_C(4800)
#define DAYS_0000_TO_1970 719528

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Days from the first of a 400-year cycle, a leap year, to the first of its year y (0 to 400). */
static int64_t days_before_year(int64_t y)
{
	return 365 * y + (y + 3) / 4 - (y + 99) / 100 + (y + 399) / 400;
}

static int days_in_month(int64_t year_of_cycle, int month)
{
	static const int days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t y = year_of_cycle;

	return days[month - 1] + (month == 2 && y % 4 == 0 && (y % 100 != 0 || y == 0));
}

struct calendar_time calendar_from_seconds(int64_t seconds)
{
	int64_t day = floor_div(seconds, SECONDS_PER_DAY);
	int of_day = (int)(seconds - day * SECONDS_PER_DAY);
	int64_t since_0000 = day + DAYS_0000_TO_1970;
	int64_t cycle = floor_div(since_0000, DAYS_PER_400_YEARS);
	int64_t of_cycle = since_0000 - cycle * DAYS_PER_400_YEARS;
	int64_t year = of_cycle / 366; /* too small by one or so at most */
	struct calendar_time t = {
		.month = 1,
		/* 1970-01-01 was a Thursday. */
		.weekday = (int)(day + 4 - floor_div(day + 4, 7) * 7),
		.hour = of_day / 3600,
		.minute = of_day / 60 % 60,
		.second = of_day % 60,
	};
	int left;

	while (days_before_year(year + 1) <= of_cycle)
		year++;
	left = (int)(of_cycle - days_before_year(year));
	while (left >= days_in_month(year, t.month))
		left -= days_in_month(year, t.month++);
	t.year = cycle * 400 + year;
	t.day = left + 1;
	return t;
}

int64_t calendar_to_seconds(const struct calendar_time *t)
{
	int64_t months = t->year * 12 + (t->month - 1);
	int64_t cycle = floor_div(months, MONTHS_PER_400_YEARS);
	int64_t year = (months - cycle * MONTHS_PER_400_YEARS) / 12;
	int64_t day = cycle * DAYS_PER_400_YEARS + days_before_year(year) - DAYS_0000_TO_1970;
	int month = (int)(months - cycle * MONTHS_PER_400_YEARS) % 12;

	for (int m = 1; m <= month; m++)
		day += days_in_month(year, m);
	day += t->day - 1;
	return day * SECONDS_PER_DAY + (int64_t)t->hour * 3600 + (int64_t)t->minute * 60 +
	       t->second;
}
