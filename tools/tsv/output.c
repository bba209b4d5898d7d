/* SPDX-License-Identifier: MIT */
#include "tsv/output.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

FILE *output_begin(struct outputs *o, const char *path)
{
	struct output *out = arena_alloc(o->faults->arena, sizeof(*out));
	out->path = path;
	out->stream = open_memstream(&out->text, &out->bytes);
	if (!out->stream) {
		(void)fprintf(stderr, "%s: no memory for its text: %s\n", path, strerror(errno));
		exit(1);
	}
	out->next = o->first;
	o->first = out;
	return out->stream;
}

static bool same_on_disk(const struct output *out)
{
	FILE *stream = fopen(out->path, "re");
	if (!stream)
		return false;
	size_t at = 0;
	char part[4096];
	bool same = true;
	for (;;) {
		size_t got = fread(part, 1, sizeof(part), stream);
		if (got == 0)
			break;
		same = got <= out->bytes - at && memcmp(part, out->text + at, got) == 0;
		if (!same)
			break;
		at += got;
	}
	same = same && !ferror(stream) && at == out->bytes;
	(void)fclose(stream);
	return same;
}

static char *part_path(const struct outputs *o, const struct output *out)
{
	return arena_printf(o->faults->arena, "%s.part", out->path);
}

static bool write_part(const struct outputs *o, struct output *out)
{
	FILE *stream = fopen(part_path(o, out), "we");
	out->part = stream != NULL;
	bool good = stream && fwrite(out->text, 1, out->bytes, stream) == out->bytes;
	if (stream && fclose(stream) != 0)
		good = false;
	if (!good)
		fault_add(o->faults, out->path, 0, 0, "cannot be written: %s", strerror(errno));
	return good;
}

bool outputs_write(struct outputs *o)
{
	bool good = true;
	for (struct output *out = o->first; out && good; out = out->next) {
		if (fflush(out->stream) != 0 || ferror(out->stream)) {
			fault_add(o->faults, out->path, 0, 0, "no memory for its text");
			good = false;
		}
	}
	for (struct output *out = o->first; out && good; out = out->next)
		good = same_on_disk(out) || write_part(o, out);
	for (struct output *out = o->first; out; out = out->next) {
		if (!out->part)
			continue;
		char *part = part_path(o, out);
		if (good && rename(part, out->path) != 0) {
			fault_add(o->faults, out->path, 0, 0, "cannot be written: %s",
				strerror(errno));
			good = false;
		}
		if (!good)
			(void)unlink(part);
	}
	return good;
}

void outputs_free(struct outputs *o)
{
	for (struct output *out = o->first; out; out = out->next) {
		(void)fclose(out->stream);
		free(out->text);
	}
	o->first = NULL;
}

const char *c_string(struct arena *a, const char *text)
{
	char *quoted = arena_alloc(a, 4 * strlen(text) + 3), *to = quoted;
	*to++ = '"';
	for (const char *c = text; *c; c++) {
		unsigned char byte = (unsigned char)*c;
		/* ??/ and its like would be trigraphs to some compilers. */
		if (byte == '"' || byte == '\\' || (byte == '?' && c > text && c[-1] == '?')) {
			*to++ = '\\';
			*to++ = *c;
		} else if (byte < ' ' || byte > '~') {
			*to++ = '\\';
			*to++ = (char)('0' + (byte >> 6));
			*to++ = (char)('0' + (byte >> 3 & 7));
			*to++ = (char)('0' + (byte & 7));
		} else {
			*to++ = *c;
		}
	}
	*to = '"';
	return quoted;
}

const char *c_identifier(struct arena *a, const char *name)
{
	char *identifier = arena_copy(a, name, strlen(name));
	for (char *c = identifier; *c; c++) {
		if (!isalnum((unsigned char)*c))
			*c = '_';
	}
	return identifier;
}

const char *c_constant(struct arena *a, const char *name)
{
	char *constant = arena_copy(a, name, strlen(name));
	for (char *c = constant; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return constant;
}
