/* SPDX-License-Identifier: MIT */
#include "config/source.h"

#include "config/load.h"
#include "config/toml_reader.h"

#include <errno.h>

int config_source_read(struct config_source *source, struct input_file *ret_file, struct err *e)
{
	*ret_file = (struct input_file){ 0 };
	if (source->text || !source->name)
		return 0;
	int rc = input_file_read(ret_file, source->name, TOML_MAX_BYTES, e);
	if (rc)
		return rc;
	source->text = ret_file->data ? (const char *)ret_file->data : "";
	source->n = ret_file->size;
	return 0;
}

static int set(struct config *c, const struct config_override *o, struct err *e)
{
	return o->key ? config_set_text(c, o->key, o->text, o->origin, e)
		      : config_set(c, o->text, o->origin, e);
}

int config_load(struct config *c, const struct config_source *source, struct err *e)
{
	int rc = 0;
	if (source->text)
		rc = load_text_of(c, source->name, source->text, source->n, e);
	else if (source->name)
		rc = config_load_file(c, source->name, e);
	/* Where faults are collected, what is said over the file still counts. */
	bool all = e && e->findings;
	for (size_t i = 0; (rc == 0 || (rc == -EINVAL && all)) && i < source->nr_overrides; i++) {
		int more = set(c, &source->overrides[i], e);
		rc = rc ? rc : more;
	}
	return rc;
}
