/* SPDX-License-Identifier: MIT */
/* libvirt's own schemas (RELAX NG): what a domain may say of its processor. */
#ifndef NESTOR_TESTS_COMPARE_SCHEMA_RNG_H
#define NESTOR_TESTS_COMPARE_SCHEMA_RNG_H

#include <stdbool.h>

/* An element or attribute as in tests/schemas/libvirt.tsv ("cpu/topology@dies"); value: NULL, or
 * one that it may have, "<string>" for a type of XML Schema's or of libvirt's own. Words come more
 * than once. */
typedef void schema_rng_word(void *ctx, const char *word, const char *value);

/* All words of <cpu>, <features> and <clock>, from the schemas in a folder. False, with a message
 * on stderr: they cannot be read. */
bool schema_rng_walk(const char *folder, schema_rng_word *word, void *ctx);

#endif
