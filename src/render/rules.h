/* SPDX-License-Identifier: MIT */
/* The rules by which the engine, the enlightenments and nesting decide, as `nestor cpuid explain
 * --rules` shows them. */
#ifndef NESTOR_RENDER_RULES_H
#define NESTOR_RENDER_RULES_H

#include <jansson.h>
#include <stdio.h>

void rules_text(FILE *out);

/* NULL: memory is out. */
json_t *rules_json(void);

#endif
