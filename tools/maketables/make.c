/* SPDX-License-Identifier: MIT */
#include "maketables/make.h"

void make_init(struct make *m, const char *source, const char *target)
{
	*m = (struct make){ .source = source, .target = target };
	m->faults.arena = &m->arena;
	m->outputs.faults = &m->faults;
}

void make_done(struct make *m)
{
	outputs_free(&m->outputs);
	arena_free(&m->arena);
}

const char *make_source_path(struct make *m, const char *name)
{
	return arena_printf(&m->arena, "%s/%s", m->source, name);
}

FILE *make_begin(struct make *m, const char *name, const char *made_from)
{
	FILE *f = output_begin(&m->outputs, arena_printf(&m->arena, "%s/%s", m->target, name));
	(void)fprintf(f, "/* Generated from %s by tools/maketables; do not edit. */\n", made_from);
	return f;
}
