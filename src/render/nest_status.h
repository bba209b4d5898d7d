/* SPDX-License-Identifier: MIT */
/* What `nestor nest status` says, for people and as JSON. */
#ifndef NESTOR_RENDER_NEST_STATUS_H
#define NESTOR_RENDER_NEST_STATUS_H

#include "policy/nest_status.h"

#include <jansson.h>
#include <stdio.h>

void nest_status_text(const struct nest_status *s, FILE *out);

/* { "host": …, "vms": […] }; NULL: memory is out. */
json_t *nest_status_json(const struct nest_status *s);

#endif
