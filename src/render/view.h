/* SPDX-License-Identifier: MIT */
#ifndef NESTOR_RENDER_VIEW_H
#define NESTOR_RENDER_VIEW_H

#include "formats/hostfile.h"

#include <stdio.h>

/* A host, or what a guest sees, as `nestor cpuid dump` prints it: each register bit by bit. */
void view_text(const struct hostfile *view, FILE *out);

#endif
