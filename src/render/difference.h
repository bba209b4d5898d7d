/* SPDX-License-Identifier: MIT */
/* A difference as `nestor cpuid diff` shows it. What could not be written, out itself keeps. */
#ifndef NESTOR_RENDER_DIFFERENCE_H
#define NESTOR_RENDER_DIFFERENCE_H

#include "policy/cpuid_difference.h"

#include <jansson.h>
#include <stdio.h>

void difference_text(const struct difference *d, FILE *out);
/* NULL: memory is out. */
json_t *difference_json(const struct difference *d);
void difference_html(const struct difference *d, FILE *out);

#endif
