/* SPDX-License-Identifier: MIT */
#include "compare.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void *grow(void *items, size_t n, size_t *capacity, size_t size)
{
	if (n < *capacity)
		return items;
	*capacity = *capacity ? *capacity * 2 : 64;
	items = reallocarray(items, *capacity, size);
	if (!items) {
		fputs("compare: out of memory\n", stderr);
		exit(1);
	}
	return items;
}

void differences_add(struct differences *list, const char *subject, const char *what,
	const char *ours, const char *theirs)
{
	list->items = grow(list->items, list->n, &list->capacity, sizeof(*list->items));
	struct difference *d = &list->items[list->n++];
	*d = (struct difference){ .explained = false };
	(void)snprintf(d->subject, sizeof(d->subject), "%s", subject);
	(void)snprintf(d->what, sizeof(d->what), "%s", what);
	(void)snprintf(d->ours, sizeof(d->ours), "%s", ours);
	(void)snprintf(d->theirs, sizeof(d->theirs), "%s", theirs);
}

void differences_done(struct differences *list)
{
	free(list->items);
	*list = (struct differences){ .items = NULL };
}

struct their_model *their_model_find(const struct their_data *data, const char *name)
{
	for (size_t i = 0; i < data->nr_models; i++) {
		if (strcmp(data->models[i].name, name) == 0)
			return &data->models[i];
	}
	return NULL;
}

struct their_model *their_model_add(struct their_data *data, const char *name)
{
	data->models = grow(data->models, data->nr_models, &data->capacity, sizeof(*data->models));
	struct their_model *m = &data->models[data->nr_models++];
	*m = (struct their_model){
		.level = COMPARE_UNSAID, .xlevel = COMPARE_UNSAID, .avx10 = COMPARE_UNSAID
	};
	(void)snprintf(m->name, sizeof(m->name), "%s", name);
	return m;
}

void their_data_done(struct their_data *data)
{
	free(data->models);
	data->models = NULL;
	data->nr_models = data->capacity = 0;
	differences_done(&data->names);
}

uint64_t compare_hash(uint64_t hash, const char *text)
{
	for (const char *c = text; *c; c++)
		hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
	return (hash ^ 0xff) * UINT64_C(0x100000001b3); /* the end of the text counts, too */
}

void their_model_set_hash(struct their_model *m)
{
	uint64_t hash = compare_hash(COMPARE_HASH_START, m->vendor);
	char text[96];
	for (unsigned i = 0; i < m->nr_signatures; i++) {
		const struct compare_signature *s = &m->signatures[i];
		(void)snprintf(text, sizeof(text), "%u %u %u-%u", s->family, s->model,
			s->stepping_low, s->stepping_high);
		hash = compare_hash(hash, text);
	}
	/* By name, so that words and bits may be renumbered. */
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at(i);
		if (feature_set_has(&m->has, f->id))
			hash = compare_hash(hash, f->name);
		if (feature_set_has(&m->removed, f->id))
			hash = compare_hash(compare_hash(hash, "removed"), f->name);
	}
	(void)snprintf(text, sizeof(text), "%ld %ld %ld", m->level, m->xlevel, m->avx10);
	m->hash = compare_hash(hash, text);
}

void compare_upstream_version(const char *package, char *ret_version, size_t size)
{
	const char *colon = strchr(package, ':');
	const char *from = colon ? colon + 1 : package;
	size_t n = strspn(from, "0123456789.");
	(void)snprintf(ret_version, size, "%.*s", (int)n, from);
}
