/* SPDX-License-Identifier: MIT */
#ifndef NESTOR_RENDER_FINDINGS_JSON_H
#define NESTOR_RENDER_FINDINGS_JSON_H

#include "base/finding.h"

#include <jansson.h>

/* An object: id, level, key, file, line, column, text, fix; null where there is none. NULL: out of
 * memory. */
json_t *finding_json(const struct finding *f);

/* An array of them. */
json_t *findings_json(const struct findings *f);

#endif
