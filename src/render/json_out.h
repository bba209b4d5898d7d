/* SPDX-License-Identifier: MIT */
/* JSON that subcommands print: text of unknown origin, numbers that JSON cannot hold exactly. */
#ifndef NESTOR_RENDER_JSON_OUT_H
#define NESTOR_RENDER_JSON_OUT_H

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A string; null where text is NULL or "". Broken UTF-8 and control characters become '?'. */
json_t *json_text(const char *text);

/* "0x1f" */
json_t *json_hex(uint64_t value);

/* Writes value and a newline, and drops it. One line, unless pretty. value NULL: memory was out.
 * Returns 0, -ENOMEM or -EIO. */
int json_out(json_t *value, bool pretty, FILE *out) MUST_CHECK;

#endif
