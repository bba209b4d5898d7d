/* SPDX-License-Identifier: MIT */
/* The Gregorian calendar, without time zones, leap seconds or the C library's global state. */
#ifndef NESTOR_DEVICES_CALENDAR_H
#define NESTOR_DEVICES_CALENDAR_H

#include <stdint.h>

struct calendar_time {
	int64_t year;
	int month;   /* 1 to 12 */
	int day;     /* 1 to 31 */
	int weekday; /* 0 is Sunday */
	int hour, minute, second;
};

/* The date and time at so many seconds after (or before) 1970-01-01 00:00:00. */
struct calendar_time calendar_from_seconds(int64_t seconds);

/*
 * The inverse; weekday is not looked at. Fields may be out of range (each at most some thousands
 * away) and then carry over into the next larger unit.
 */
int64_t calendar_to_seconds(const struct calendar_time *t);

#endif
