/* SPDX-License-Identifier: MIT */
#include "base/uuid.h"

#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool has_dash_before(size_t byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

bool uuid_parse(const char *text, uint8_t ret_uuid[UUID_BYTES])
{
	if (strlen(text) != UUID_TEXT_CHARACTERS)
		return false;
	for (size_t i = 0; i < UUID_BYTES; i++) {
		if (has_dash_before(i) && *text++ != '-')
			return false;
		int high = hex_digit(text[0]), low = hex_digit(text[1]);
		if (high < 0 || low < 0)
			return false;
		ret_uuid[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return true;
}
