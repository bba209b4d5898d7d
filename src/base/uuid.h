/* SPDX-License-Identifier: MIT */
/* Universally unique identifiers (RFC 9562) as text. */
#ifndef NESTOR_BASE_UUID_H
#define NESTOR_BASE_UUID_H

#include "base/types.h"

#define UUID_BYTES 16
#define UUID_TEXT_CHARACTERS 36

/*
 * "01234567-89ab-cdef-0123-456789abcdef", letters in either case, to its 16 bytes in that order.
 * False where text is anything else.
 */
bool uuid_parse(const char *text, uint8_t ret_uuid[UUID_BYTES]);

#endif
