/* SPDX-License-Identifier: MIT */
/* What `nestor nest enable` and disable say of a file, by its name. */
#ifndef NESTOR_RENDER_NEST_CHANGES_H
#define NESTOR_RENDER_NEST_CHANGES_H

#include "policy/nest_changes.h"

#include <jansson.h>
#include <stdio.h>

/* The list, with the lines before and after; enable: which of the two commands asks. */
void nest_changes_text(const struct nest_changes *c, const char *file, bool enable, FILE *out);

/* enabled: how the knob is now; written: whether the file was changed. NULL: memory is out. */
json_t *nest_changes_json(
	const struct nest_changes *c, const char *file, bool enabled, bool written);

#endif
