/* SPDX-License-Identifier: MIT */
#include "config/faults.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TAIL_BYTES 40 /* kept free for "and N more faults" */

struct faults faults_of(const struct err *e)
{
	return (struct faults){ .findings = e ? e->findings : NULL };
}

bool faults_full(const struct faults *f)
{
	return f->nr_hidden > 0 && !f->findings;
}

static void add_line(struct faults *f, const struct fault *what, const char *why)
{
	char line[sizeof(f->text) - TAIL_BYTES];
	if (f->nr_hidden > 0) {
		f->nr_hidden++;
		return;
	}
	(void)fault_line(line, sizeof(line), what, why);
	size_t n = strlen(line);
	size_t gap = f->used > 0 ? 1 : 0; /* the newline */
	if (f->used + gap + n >= sizeof(line) + gap) {
		f->nr_hidden++;
		return;
	}
	if (gap)
		f->text[f->used++] = '\n';
	(void)memcpy(f->text + f->used, line, n + 1);
	f->used += n;
}

void faults_add(struct faults *f, const struct fault *what, const char *fmt, ...)
{
	f->nr++;
	if (faults_full(f)) {
		f->nr_hidden++;
		return;
	}
	char why[sizeof(f->text)];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (f->findings)
		findings_add(f->findings, FINDING_ERROR, what, why);
	add_line(f, what, why);
}

int faults_result(const struct faults *f, struct err *e)
{
	if (f->out_of_memory)
		return err_set(e, -ENOMEM, "out of memory while reading the config");
	if (f->nr == 0)
		return 0;
	if (f->nr_hidden > 0)
		return err_set_config(e, -EINVAL, "%s\nand %u more fault%s", f->text, f->nr_hidden,
			f->nr_hidden == 1 ? "" : "s");
	return err_set_config(e, -EINVAL, "%s", f->text);
}
