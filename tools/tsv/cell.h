/* SPDX-License-Identifier: MIT */
/*
 * What a single cell holds. Each function adds a fault at the cell's place where it holds something
 * else, and returns a value to go on with, so that all faults of a table are found at once: only
 * without faults is what was read of use.
 */
#ifndef NESTOR_TSV_CELL_H
#define NESTOR_TSV_CELL_H

#include <stdbool.h>
#include <stdint.h>

#include "tsv/tsv.h"

void cell_fault(const struct cell *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "expected WHAT, found TEXT". */
void cell_expected(const struct cell *c, const char *what);

/* Whether it is "-". */
bool cell_none(const struct cell *c);

/* A number of 32 bits like 0x3a: hexadecimal, small letters, no zeros before it. */
uint32_t cell_hex32(const struct cell *c);

/* A decimal number in that range, without zeros before it. */
unsigned cell_number(const struct cell *c, unsigned min, unsigned max);

/* The number, from 0, of the word that it is; words have one space between. */
unsigned cell_choice(const struct cell *c, const char *words);

/* Its text, "" where it is "-", of at most so many bytes. */
const char *cell_text(const struct cell *c, size_t max_bytes);

/* As cell_text(), but "-" is refused: the column must say something. */
const char *cell_said(const struct cell *c, size_t max_bytes);

/* A name of letters, digits, . _ and -, of at most 47 bytes. */
const char *cell_name(const struct cell *c);

/* An id such as CPU-01, of that prefix and two digits. */
const char *cell_rule_id(const struct cell *c, const char *prefix);

struct cells {
	struct cell *cell;
	unsigned nr;
};

/* The parts of a cell between separators, each with its place; none of "-". More than max are a
 * fault; empty ones are left to whoever reads them. */
struct cells cell_split(const struct cell *c, char separator, unsigned max);

/* Bits like 3 or 0-7, from 0 to 31; false where they are something else. */
bool cell_bits(const struct cell *c, unsigned *ret_low, unsigned *ret_high);

#endif
