/* SPDX-License-Identifier: MIT */
/* What `nestor host` says, for people and as JSON. */
#ifndef NESTOR_RENDER_HOST_REPORT_H
#define NESTOR_RENDER_HOST_REPORT_H

#include "policy/host_report.h"

#include <jansson.h>
#include <stdio.h>

void host_report_text(const struct host_report *r, FILE *out);

/* NULL: memory is out. */
json_t *host_report_json(const struct host_report *r);

#endif
