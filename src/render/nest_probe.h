/* SPDX-License-Identifier: MIT */
/* What `nestor nest probe` says, for people and as JSON. */
#ifndef NESTOR_RENDER_NEST_PROBE_H
#define NESTOR_RENDER_NEST_PROBE_H

#include "policy/nest_probe.h"

#include <jansson.h>
#include <stdio.h>

void nest_probe_text(const struct nest_probe *r, FILE *out);

/* NULL: memory is out. */
json_t *nest_probe_json(const struct nest_probe *r);

#endif
