/* SPDX-License-Identifier: MIT */
/* What a format cannot say: collected, a line each, and shown to the user; never silently dropped.
 */
#ifndef NESTOR_FORMATS_LOSSES_H
#define NESTOR_FORMATS_LOSSES_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits of CPUID registers, or of an MSR (in reg[0] and, its upper half, reg[1]), that a line is
 * about: what is compared later need not name them again. */
struct loss_place {
	bool is_msr;
	uint32_t leaf, subleaf; /* or the MSR, and 0 */
	uint32_t reg[4];
};

/* Zero-initialised by its owner; losses_done frees. */
struct losses {
	struct loss_place *places;
	size_t nr_places, places_capacity;
	char **lines, **notes, **open;
	size_t nr_lines, nr_notes, nr_open, capacity, notes_capacity, open_capacity;
	int error; /* 0 or -ENOMEM: a line could not be kept */
};

void losses_add(struct losses *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* What a user should know, though nothing is lost. */
void losses_note(struct losses *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* What a text leaves open, and is otherwise in nestor's guest. losses_settle makes such lines
 * losses, or forgets them where what is written leaves the same open. */
void losses_open(struct losses *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
void losses_settle(struct losses *l, bool stays_open);
/* Says that the lines are about these bits, too. */
void losses_cover(struct losses *l, const struct loss_place *place);
/* The bits of a place that no line is about yet. */
struct loss_place losses_uncovered(const struct losses *l, const struct loss_place *place);

void losses_done(struct losses *l);

#endif
