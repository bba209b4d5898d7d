/* SPDX-License-Identifier: MIT */
/* Names of MSRs, and what their writes come to: the table of data/msrs.tsv. */
#include "cpuid/msr.h"

#include <inttypes.h>
#include <stdio.h>

struct msr_row {
	uint32_t index;
	enum msr_write_log write;
	char name[40], reason[64]; /* in place: nothing to relocate, nothing made private */
};

static const struct msr_row rows[] = {
#include "cpuid/msr_names.inc"
};

/* The number of the first row whose index is not below; ARRAY_SIZE(rows) where none is. */
static size_t lower_bound(uint64_t index)
{
	size_t low = 0, high = ARRAY_SIZE(rows);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (rows[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct msr_row *find(uint32_t index)
{
	size_t i = lower_bound(index);
	return i < ARRAY_SIZE(rows) && rows[i].index == index ? &rows[i] : NULL;
}

const char *msr_name(uint32_t index)
{
	const struct msr_row *row = find(index);
	return row ? row->name : NULL;
}

char *msr_label(char text[MSR_LABEL_BYTES], uint32_t index)
{
	const char *name = msr_name(index);
	if (name)
		(void)snprintf(text, MSR_LABEL_BYTES, "%#" PRIx32 " (%s)", index, name);
	else
		(void)snprintf(text, MSR_LABEL_BYTES, "%#" PRIx32, index);
	return text;
}

enum msr_write_log msr_write_log(uint32_t index, const char **ret_reason)
{
	const struct msr_row *row = find(index);
	*ret_reason = row ? row->reason : "nestor does not know this MSR";
	return row ? row->write : MSR_WRITE_REFUSE;
}

bool msr_write_log_next(uint64_t from, uint32_t *ret_index)
{
	for (size_t i = lower_bound(from); i < ARRAY_SIZE(rows); i++) {
		if (rows[i].write == MSR_WRITE_REFUSE)
			continue;
		*ret_index = rows[i].index;
		return true;
	}
	return false;
}
