/* SPDX-License-Identifier: MIT */
#include "policy/cpuid_difference.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static int add_row(struct difference *d, const struct difference_row *row)
{
	if (d->nr_rows == d->capacity) {
		size_t capacity = d->capacity ? 2 * d->capacity : 64;
		struct difference_row *grown = reallocarray(d->rows, capacity, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		d->rows = grown;
		d->capacity = capacity;
	}
	d->rows[d->nr_rows++] = *row;
	return 0;
}

/* Of one register, fields and nameless bits; features are compared as sets. */
static int compare_register(
	struct difference *d, const struct bits_place *place, uint32_t a, uint32_t b)
{
	/* Words of features are in the sets bit for bit, nameless bits too. */
	bool in_sets = feature_word_of_cpuid(place->leaf, place->subleaf, place->reg) >= 0;
	uint32_t nameless = 0;
	struct difference_row row = { .place = *place, .a_has = true, .b_has = true };
	for (unsigned bit = 0; bit < 32; bit = row.item.high + 1) {
		bits_item_at(place, bit, &row.item);
		row.a = bits_of(&row.item, a);
		row.b = bits_of(&row.item, b);
		if (row.a == row.b)
			continue;
		if (row.item.kind == BITS_PLAIN && !in_sets)
			nameless |= UINT32_C(1) << bit;
		row.named = row.item.kind == BITS_FIELD;
		if (row.named && add_row(d, &row))
			return -ENOMEM;
	}
	row.named = false;
	row.a = a & nameless;
	row.b = b & nameless;
	return nameless ? add_row(d, &row) : 0;
}

static int compare_entry(struct difference *d, uint32_t leaf, uint32_t subleaf)
{
	for (unsigned r = 0; r < 4; r++) {
		const struct bits_place place = {
			.leaf = leaf, .subleaf = subleaf, .reg = (enum cpuid_reg)r
		};
		int rc = compare_register(d, &place,
			cpuid_value(&d->a->facts.supported, leaf, subleaf, place.reg),
			cpuid_value(&d->b->facts.supported, leaf, subleaf, place.reg));
		if (rc)
			return rc;
	}
	return 0;
}

static bool has_entry(const struct cpuid_table *table, const struct cpuid_entry *entry)
{
	for (unsigned i = 0; i < table->nr_entries; i++) {
		if (table->entries[i].leaf == entry->leaf &&
			table->entries[i].subleaf == entry->subleaf)
			return true;
	}
	return false;
}

static int compare_msrs(struct difference *d)
{
	const struct host_facts *a = &d->a->facts, *b = &d->b->facts;
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < a->nr_feature_msrs + b->nr_feature_msrs; i++) {
		bool from_a = i < a->nr_feature_msrs;
		uint32_t index = from_a ? a->feature_msrs[i].index
					: b->feature_msrs[i - a->nr_feature_msrs].index;
		struct difference_row row = { .place = { .is_msr = true, .leaf = index } };
		row.a_has = host_feature_msr(a, index, &row.a);
		row.b_has = host_feature_msr(b, index, &row.b);
		if ((from_a || !row.a_has) &&
			(row.a_has != row.b_has || (row.a_has && row.a != row.b)))
			rc = add_row(d, &row);
	}
	return rc;
}

static int compare_rows(const void *x, const void *y)
{
	const struct difference_row *a = x, *b = y;
	if (a->place.is_msr != b->place.is_msr)
		return a->place.is_msr ? 1 : -1;
	if (a->place.leaf != b->place.leaf)
		return a->place.leaf < b->place.leaf ? -1 : 1;
	if (a->place.subleaf != b->place.subleaf)
		return a->place.subleaf < b->place.subleaf ? -1 : 1;
	if (a->place.reg != b->place.reg)
		return (int)a->place.reg - (int)b->place.reg;
	if (a->named != b->named)
		return a->named ? -1 : 1;
	return (int)a->item.low - (int)b->item.low;
}

int difference_make(struct difference *ret, const struct hostfile *a, const char *a_name,
	const struct hostfile *b, const char *b_name, struct err *e)
{
	const struct cpuid_table *ta = &a->facts.supported, *tb = &b->facts.supported;
	*ret = (struct difference){ .a = a, .b = b, .a_name = a_name, .b_name = b_name };
	cpu_features_of(ta, a->facts.feature_msrs, a->facts.nr_feature_msrs, &ret->a_features);
	cpu_features_of(tb, b->facts.feature_msrs, b->facts.nr_feature_msrs, &ret->b_features);
	ret->only_a = ret->a_features;
	feature_set_subtract(&ret->only_a, &ret->b_features);
	ret->only_b = ret->b_features;
	feature_set_subtract(&ret->only_b, &ret->a_features);
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < ta->nr_entries; i++)
		rc = compare_entry(ret, ta->entries[i].leaf, ta->entries[i].subleaf);
	for (unsigned i = 0; rc == 0 && i < tb->nr_entries; i++) {
		if (!has_entry(ta, &tb->entries[i]))
			rc = compare_entry(ret, tb->entries[i].leaf, tb->entries[i].subleaf);
	}
	if (rc == 0)
		rc = compare_msrs(ret);
	if (rc) {
		difference_done(ret);
		return err_set(e, rc, "out of memory");
	}
	if (ret->nr_rows > 0)
		qsort(ret->rows, ret->nr_rows, sizeof(*ret->rows), compare_rows);
	return 0;
}

void difference_done(struct difference *d)
{
	free(d->rows);
	*d = (struct difference){ 0 };
}

bool difference_is_none(const struct difference *d)
{
	return d->nr_rows == 0 && feature_set_is_empty(&d->only_a) &&
	       feature_set_is_empty(&d->only_b);
}

char *difference_name(char text[DIFFERENCE_NAME_BYTES], const struct difference_row *row)
{
	char where[BITS_PLACE_BYTES];
	const char *name = row->named ? row->item.field->name : "without a name";
	if (row->place.is_msr)
		name = msr_name(row->place.leaf);
	(void)snprintf(text, DIFFERENCE_NAME_BYTES, "%s%s%s", bits_place_text(where, &row->place),
		name ? " " : "", name ? name : "");
	return text;
}

char *difference_value(char text[BITS_VALUE_BYTES], const struct difference_row *row, bool of_b)
{
	uint64_t value = of_b ? row->b : row->a;
	if (row->named)
		return bits_value(text, &row->item, value << row->item.low);
	if (of_b ? row->b_has : row->a_has)
		(void)snprintf(text, BITS_VALUE_BYTES, "0x%" PRIx64, value);
	else
		(void)snprintf(text, BITS_VALUE_BYTES, "-");
	return text;
}
