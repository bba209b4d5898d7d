/* SPDX-License-Identifier: MIT */
/* Named models as `nestor cpuid models` shows them; fit is NULL where there is no host to ask. */
#ifndef NESTOR_RENDER_MODELS_H
#define NESTOR_RENDER_MODELS_H

#include "cpuid/models.h"
#include "policy/host_fit.h"
#include "render/paint.h"

#include <jansson.h>

/* A list; runs heads the column that says which of them run. */
void models_text_head(const char *runs, const struct paint *p);
void models_text_row(const struct cpu_model *m, const struct host_fit *fit, const struct paint *p);

/* All of one; host is the name of that of the fit. */
void model_text(const struct cpu_model *m, const struct host_fit *fit, const char *host,
	const struct paint *p);

/* features: with their names. NULL: memory is out. */
json_t *model_json(const struct cpu_model *m, const struct host_fit *fit, bool features);

#endif
