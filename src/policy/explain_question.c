/* SPDX-License-Identifier: MIT */
#include "policy/cpuid_explanation.h"

#include "config/text.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* Of the named ranges of the architecture; few enough to look at each. */
static bool find_msr(const char *name, uint32_t *ret_index)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = { { 0, 0x1fff }, { 0x40000000, 0x400001ff }, { 0x4b564d00, 0x4b564dff },
		{ 0xc0000000, 0xc0000fff }, { 0xc0010000, 0xc0011fff } };
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		for (uint32_t msr = ranges[i].first; msr <= ranges[i].last; msr++) {
			const char *known = msr_name(msr);
			if (known && strcasecmp(known, name) == 0) {
				*ret_index = msr;
				return true;
			}
		}
	}
	return false;
}

static int ask_msr(const char *text, struct explain_question *q, struct err *e)
{
	char shown[64];
	uint64_t index;
	q->kind = EXPLAIN_MSR;
	if (text_parse_integer(text, &index) == 0 && index <= UINT32_MAX) {
		q->leaf = (uint32_t)index;
		return 0;
	}
	if (find_msr(text, &q->leaf))
		return 0;
	return err_set_config(e, -EINVAL,
		"%s is no MSR; expected a number such as 0x10a, or a name such as "
		"IA32_ARCH_CAPABILITIES",
		text_printable(shown, sizeof(shown), text, strlen(text)));
}

/* "0x7", "0x7.1"; false where it is no such thing. */
static bool ask_leaf(const char *text, struct explain_question *q)
{
	char leaf_text[24];
	const char *dot = strchr(text, '.');
	size_t n = dot ? (size_t)(dot - text) : strlen(text);
	uint64_t leaf, subleaf = 0;
	if (n >= sizeof(leaf_text))
		return false;
	memcpy(leaf_text, text, n);
	leaf_text[n] = '\0';
	if (text_parse_integer(leaf_text, &leaf) || leaf > UINT32_MAX)
		return false;
	if (dot && (text_parse_integer(dot + 1, &subleaf) || subleaf > UINT32_MAX))
		return false;
	q->kind = EXPLAIN_LEAF;
	q->leaf = (uint32_t)leaf;
	q->any_subleaf = !dot;
	q->subleaf = (uint32_t)subleaf;
	return true;
}

int explain_question_parse(
	struct explain_question *ret, const char *const *words, size_t n, bool all, struct err *e)
{
	struct explain_question *q = ret;
	*q = (struct explain_question){ .kind = EXPLAIN_OVERVIEW, .all = all };
	if (n == 0)
		return 0;
	const char *word = words[0];
	char shown[128];
	(void)text_printable(shown, sizeof(shown), word, strlen(word));
	if (strcmp(word, "msr") == 0 && n == 2)
		return ask_msr(words[1], q, e);
	if (n >= 2)
		return err_set_config(
			e, -EINVAL, "expected one feature or leaf, or msr and a number");
	if (ask_leaf(word, q))
		return 0;
	q->kind = EXPLAIN_FEATURE;
	q->feature = feature_find(word);
	if (q->feature)
		return 0;
	const char *near = feature_nearest(word);
	return err_set_config(e, -EINVAL,
		"%s is neither a feature nor a leaf (such as 0x7 or 0x7.1)%s%s%s", shown,
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

bool explain_asks(const struct explain_question *q, const struct bits_place *place)
{
	switch (q->kind) {
	case EXPLAIN_LEAF:
		return !place->is_msr && place->leaf == q->leaf &&
		       (q->any_subleaf || place->subleaf == q->subleaf);
	case EXPLAIN_MSR:
		return place->is_msr && place->leaf == q->leaf;
	case EXPLAIN_OVERVIEW:
	case EXPLAIN_FEATURE:
		break;
	}
	return false;
}
