/* SPDX-License-Identifier: MIT */
/* Whether a host runs a VM, as `nestor cpuid check` shows it. */
#ifndef NESTOR_RENDER_HOST_FIT_H
#define NESTOR_RENDER_HOST_FIT_H

#include "formats/hostfile.h"
#include "policy/host_fit.h"
#include "render/paint.h"

#include <jansson.h>

/* A line; path is the host's file. verbose: every loss is named. */
void host_fit_text(const struct host_fit *fit, const struct hostfile *host, const char *path,
	bool verbose, const struct paint *p);

/* NULL: memory is out. */
json_t *host_fit_json(
	const struct host_fit *fit, const struct hostfile *host, const char *path, bool verbose);

#endif
