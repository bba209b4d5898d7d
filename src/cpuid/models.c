/* SPDX-License-Identifier: MIT */
#include "cpuid/models.h"

#include "base/nearest.h"

#include <string.h>

static const struct cpu_model models[] = {
#include "cpuid/models.inc"
};

static const struct feature_set minimum =
#include "cpuid/minimum.inc"
	;

const struct cpu_model *cpu_model_at(size_t i)
{
	return i < ARRAY_SIZE(models) ? &models[i] : NULL;
}

const struct cpu_model *cpu_model_find(const char *name)
{
	size_t low = 0, high = ARRAY_SIZE(models);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, models[middle].name);
		if (order == 0)
			return &models[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const char *cpu_model_nearest(const char *name)
{
	struct nearest n;
	nearest_start(&n, name);
	nearest_consider(&n, "host");
	nearest_consider(&n, "max");
	for (size_t i = 0; i < ARRAY_SIZE(models); i++)
		nearest_consider(&n, models[i].name);
	return nearest_result(&n);
}

void cpu_minimum_features(struct feature_set *ret_set)
{
	*ret_set = minimum;
}

uint32_t cpu_signature_pack(unsigned family, unsigned model, unsigned stepping)
{
	unsigned base = family < 15 ? family : 15;
	unsigned extended = (family - base) & 0xff;
	return extended << 20 | (model >> 4 & 0xf) << 16 | base << 8 | (model & 0xf) << 4 |
	       (stepping & 0xf);
}

void cpu_signature_unpack(
	uint32_t eax, unsigned *ret_family, unsigned *ret_model, unsigned *ret_stepping)
{
	unsigned family = eax >> 8 & 0xf, model = eax >> 4 & 0xf;
	if (family == 15)
		family += eax >> 20 & 0xff;
	/* The manual has extended models in families 6 and 15; Zhaoxin has them in 7. */
	if (family >= 6)
		model |= (eax >> 16 & 0xf) << 4;
	*ret_family = family;
	*ret_model = model;
	*ret_stepping = eax & 0xf;
}
