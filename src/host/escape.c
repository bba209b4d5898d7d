/* SPDX-License-Identifier: MIT */
#include "host/escape.h"

enum escape_action escape_feed(struct escape *esc, uint8_t byte, uint8_t *ret_byte)
{
	if (!esc->pending) {
		if (byte == ESCAPE_KEY) {
			esc->pending = true;
			return ESCAPE_NOTHING;
		}
		*ret_byte = byte;
		return ESCAPE_BYTE;
	}
	esc->pending = false;
	switch (byte) {
	case 'd':
		return ESCAPE_DETACH;
	case 'p':
		return ESCAPE_POWER;
	case 'x':
		return ESCAPE_STOP;
	case '?':
	case 'h':
		return ESCAPE_HELP;
	case ']':
	case ESCAPE_KEY:
		*ret_byte = ESCAPE_KEY;
		return ESCAPE_BYTE;
	default:
		return ESCAPE_NOTHING;
	}
}
