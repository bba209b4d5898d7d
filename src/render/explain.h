/* SPDX-License-Identifier: MIT */
/* An explanation as `nestor cpuid explain` shows it. What could not be written, out itself keeps.
 */
#ifndef NESTOR_RENDER_EXPLAIN_H
#define NESTOR_RENDER_EXPLAIN_H

#include "policy/cpuid_explanation.h"

#include <jansson.h>
#include <stdio.h>

void explain_text(const struct explanation *x, const struct explain_question *q, FILE *out);
/* NULL: memory is out. */
json_t *explain_json(const struct explanation *x, const struct explain_question *q);
void explain_html(const struct explanation *x, FILE *out);

#endif
