/* SPDX-License-Identifier: MIT */
/* What the readers of host files share with who chooses between them. */
#include "formats/hostfile_internal.h"

#include <string.h>

bool hostfile_clashes(const struct cpuid_table *table, const struct cpuid_entry *entry)
{
	for (unsigned i = 0; i < table->nr_entries; i++) {
		const struct cpuid_entry *other = &table->entries[i];
		if (other->leaf == entry->leaf &&
			(!other->subleaf_matters || !entry->subleaf_matters ||
				other->subleaf == entry->subleaf))
			return true;
	}
	return false;
}

bool hostfile_next_line(
	const char **text, const char *end, const char **ret_line, const char **ret_stop)
{
	const char *line = *text;
	if (line == end)
		return false;
	const char *newline = memchr(line, '\n', (size_t)(end - line));
	const char *stop = newline ? newline : end;
	*text = newline ? newline + 1 : end;
	*ret_line = line;
	*ret_stop = stop > line && stop[-1] == '\r' ? stop - 1 : stop;
	return true;
}

bool hostfile_has_line(const char *text, size_t n, const char *word)
{
	const char *end = text + n, *line, *stop;
	const size_t length = strlen(word);
	while (hostfile_next_line(&text, end, &line, &stop)) {
		while (line < stop && (*line == ' ' || *line == '\t'))
			line++;
		if ((size_t)(stop - line) >= length && memcmp(line, word, length) == 0)
			return true;
	}
	return false;
}
