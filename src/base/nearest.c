/* SPDX-License-Identifier: MIT */
#include "base/nearest.h"

#include <string.h>

size_t text_distance(const char *a, const char *b)
{
	size_t na = strnlen(a, NEAREST_TEXT_BYTES), nb = strnlen(b, NEAREST_TEXT_BYTES);
	if (na == NEAREST_TEXT_BYTES || nb == NEAREST_TEXT_BYTES)
		return SIZE_MAX;
	size_t rows[3][NEAREST_TEXT_BYTES] = { { 0 } };
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	for (size_t j = 0; j <= nb; j++)
		last[j] = j;
	for (size_t i = 1; i <= na; i++) {
		now[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		size_t *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[nb];
}

/* False where text is too long. */
static bool put_folded(char ret_text[NEAREST_TEXT_BYTES], const char *text)
{
	for (size_t i = 0; i < NEAREST_TEXT_BYTES; i++) {
		char c = text[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		ret_text[i] = (char)(c == '_' ? '-' : c);
		if (c == '\0')
			return true;
	}
	return false;
}

void nearest_start(struct nearest *n, const char *text)
{
	*n = (struct nearest){ .name = NULL };
	if (!put_folded(n->text, text)) {
		n->text[0] = '\0';
		return;
	}
	/* A third of the letters wrong is still a misspelling; more is another word. */
	size_t length = strlen(n->text);
	n->cost = (length < 4 ? 1 : length / 3) + 1;
}

void nearest_consider(struct nearest *n, const char *name)
{
	char folded[NEAREST_TEXT_BYTES];
	size_t length = strlen(n->text);
	if (length == 0 || !put_folded(folded, name))
		return;
	size_t cost = text_distance(n->text, folded);
	if (cost < n->cost) {
		n->name = name;
		n->cost = cost;
	}
	/* One or two letters begin too many names to mean one. */
	if (length > 2 && strncmp(folded, n->text, length) == 0 &&
		(!n->longer || strlen(name) < strlen(n->longer)))
		n->longer = name;
}

const char *nearest_result(const struct nearest *n)
{
	return n->longer && !(n->name && n->cost <= 1) ? n->longer : n->name;
}
