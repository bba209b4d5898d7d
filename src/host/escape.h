/* SPDX-License-Identifier: MIT */
/* The console's escape key: a pure state machine over the bytes that the user types. */
#ifndef NESTOR_HOST_ESCAPE_H
#define NESTOR_HOST_ESCAPE_H

#include <stdbool.h>
#include <stdint.h>

#define ESCAPE_KEY 0x1d /* Ctrl-] */

enum escape_action {
	ESCAPE_BYTE,    /* the byte goes to the guest */
	ESCAPE_NOTHING, /* swallowed */
	ESCAPE_DETACH,  /* d */
	ESCAPE_POWER,   /* p: press the power button */
	ESCAPE_STOP,    /* x: stop at once */
	ESCAPE_HELP,    /* ? or h */
};

struct escape {
	bool pending; /* the escape key was the last byte */
};

/* Takes one byte. ESCAPE_BYTE: *ret_byte is for the guest (Ctrl-] twice, or ], sends one Ctrl-]).
 */
enum escape_action escape_feed(struct escape *esc, uint8_t byte, uint8_t *ret_byte);

#endif
