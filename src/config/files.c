/* SPDX-License-Identifier: MIT */
/* The files that a config names. */
#include "config/config.h"

#include "config/keys.h"
#include "config/store.h"

#include <string.h>

struct visit {
	int (*fn)(void *ctx, const struct config_file *file);
	void *ctx;
};

static int visit_path(
	const struct visit *v, const struct key *key, unsigned index, const char *path)
{
	char shown[KEY_PATH_BYTES];
	if (!path || (key->type == KEY_MODEL && !strchr(path, '/')))
		return 0;
	const struct config_file file = { .key = key_format_path(shown, key->name, index),
		.path = path,
		.output = key->is_output };
	return v->fn(v->ctx, &file);
}

static int visit_key(const struct config *c, const struct visit *v, const struct key *key)
{
	int rc = 0;
	if (key->type == KEY_PATHS) {
		const struct config_texts *texts = store_texts(c, key);
		for (size_t i = 0; rc == 0 && i < texts->n; i++)
			rc = visit_path(v, key, (unsigned)i, texts->items[i].text);
		return rc;
	}
	if (key->type != KEY_PATH && key->type != KEY_MODEL)
		return 0;
	size_t n = key->array ? store_count(c, key->array) : 1;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = visit_path(v, key, (unsigned)i, store_text(c, key, (unsigned)i));
	return rc;
}

int config_each_file(
	const struct config *c, int (*fn)(void *ctx, const struct config_file *file), void *ctx)
{
	const struct visit v = { fn, ctx };
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < key_count; i++)
		rc = visit_key(c, &v, &key_table[i]);
	return rc;
}
