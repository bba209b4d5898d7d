/* SPDX-License-Identifier: MIT */
/* What the differences that were found mean, by the tables of listed differences and of hashes. */
#include "compare.h"

#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ROWS 1024
#define MAX_RECORDED 2048
#define LINE_BYTES 8192

/* A row of a table of differences. */
struct row {
	char *text; /* the line, cut at its tabs; owned */
	char *subjects, *what, *ours, *theirs, *versions, *reason;
	unsigned line;
};

struct recorded {
	char program[16], version[40], model[COMPARE_NAME_BYTES];
	uint64_t hash;
};

enum standing {
	AS_RECORDED,
	CHANGED,    /* the other program's model is another than recorded */
	UNRECORDED, /* it is new there */
};

struct verdict {
	const struct their_data *theirs;
	struct differences *found;
	const char *path; /* of the table of differences */
	struct row rows[MAX_ROWS];
	size_t nr_rows;
	struct recorded recorded[MAX_RECORDED];
	size_t nr_recorded;
	char base[40]; /* the recorded version that theirs is held against */
	bool exact;    /* theirs is that version */
	unsigned faults, news;
};

/* Cuts a line in place; returns the number of fields, at most max. */
static unsigned cut(char *line, char **fields, unsigned max)
{
	unsigned n = 0;
	line[strcspn(line, "\n")] = '\0';
	for (char *at = line; n < max;) {
		fields[n++] = at;
		at = strchr(at, '\t');
		if (!at)
			break;
		*at++ = '\0';
	}
	return n;
}

static bool bad_line(const char *path, unsigned line, const char *why)
{
	(void)fprintf(stderr, "%s:%u: %s\n", path, line, why);
	return false;
}

static bool read_row(struct verdict *v, char *line, unsigned number)
{
	char *f[7];
	struct row *r = &v->rows[v->nr_rows];
	if (v->nr_rows == MAX_ROWS)
		return bad_line(v->path, number, "too many rows");
	char *text = strdup(line);
	if (!text)
		return bad_line(v->path, number, "out of memory");
	*r = (struct row){ .text = text, .line = number };
	v->nr_rows++;
	if (cut(text, f, 7) != 6)
		return bad_line(v->path, number, "expected six columns");
	for (unsigned i = 0; i < 6; i++) {
		if (f[i][0] == '\0' || strchr(f[i], '?'))
			return bad_line(v->path, number, "a column is empty, or has a ?");
	}
	r->subjects = f[0];
	r->what = f[1];
	r->ours = f[2];
	r->theirs = f[3];
	r->versions = f[4];
	r->reason = f[5];
	return true;
}

static bool read_recorded(struct verdict *v, const char *path, char *line, unsigned number)
{
	char *f[5], *end = NULL;
	struct recorded *r = &v->recorded[v->nr_recorded];
	if (v->nr_recorded == MAX_RECORDED)
		return bad_line(path, number, "too many rows");
	if (cut(line, f, 5) != 4)
		return bad_line(path, number, "expected four columns");
	errno = 0;
	*r = (struct recorded){ .hash = strtoull(f[3], &end, 16) };
	if (errno || !end || *end || end == f[3])
		return bad_line(path, number, "expected a hash of hexadecimal digits");
	(void)snprintf(r->program, sizeof(r->program), "%s", f[0]);
	(void)snprintf(r->version, sizeof(r->version), "%s", f[1]);
	(void)snprintf(r->model, sizeof(r->model), "%s", f[2]);
	if (strcmp(r->program, v->theirs->program) == 0)
		v->nr_recorded++;
	return true;
}

/* Rows, without comments and empty lines, to one of the readers above. */
static bool read_table(struct verdict *v, const char *path, bool differences)
{
	static const size_t bytes = LINE_BYTES;
	FILE *file = fopen(path, "re");
	char *line = malloc(bytes);
	bool ok = file && line;
	if (!file)
		(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
	for (unsigned number = 1; ok && fgets(line, (int)bytes, file); number++) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (!strchr(line, '\n'))
			ok = bad_line(path, number, "the line is too long, or has no end");
		else if (differences)
			ok = read_row(v, line, number);
		else
			ok = read_recorded(v, path, line, number);
	}
	free(line);
	if (file)
		(void)fclose(file);
	return ok;
}

/* As strverscmp, by which "10.0.2" comes after "7.2.22". The greatest recorded version that is not
 * after theirs; where there is none, the smallest. */
static void choose_base(struct verdict *v)
{
	const char *best = NULL, *smallest = NULL;
	for (size_t i = 0; i < v->nr_recorded; i++) {
		const char *version = v->recorded[i].version;
		if (!smallest || strverscmp(version, smallest) < 0)
			smallest = version;
		if (strverscmp(version, v->theirs->version) <= 0 &&
			(!best || strverscmp(version, best) > 0))
			best = version;
	}
	best = best ? best : smallest ? smallest : v->theirs->version;
	(void)snprintf(v->base, sizeof(v->base), "%s", best);
	v->exact = strcmp(v->base, v->theirs->version) == 0;
}

static const struct recorded *find_recorded(const struct verdict *v, const char *model)
{
	for (size_t i = 0; i < v->nr_recorded; i++) {
		const struct recorded *r = &v->recorded[i];
		if (strcmp(r->version, v->base) == 0 && strcmp(r->model, model) == 0)
			return r;
	}
	return NULL;
}

static void model_of(const char *subject, char ret_model[COMPARE_NAME_BYTES])
{
	(void)snprintf(ret_model, COMPARE_NAME_BYTES, "%.*s", (int)strcspn(subject, "@"), subject);
}

static enum standing standing_of(const struct verdict *v, const char *subject)
{
	char model[COMPARE_NAME_BYTES];
	model_of(subject, model);
	const struct recorded *r = find_recorded(v, model);
	const struct their_model *m = their_model_find(v->theirs, model);
	if (!r)
		return UNRECORDED;
	return m && m->hash == r->hash ? AS_RECORDED : CHANGED;
}

/* subjects: patterns with commas between them; one with ! takes away what came before. */
static bool fits(const char *subjects, const char *subject)
{
	char pattern[COMPARE_NAME_BYTES];
	bool fit = false;
	for (const char *at = subjects; *at;) {
		size_t n = strcspn(at, ",");
		bool without = at[0] == '!';
		(void)snprintf(pattern, sizeof(pattern), "%.*s", (int)(n - (without ? 1 : 0)),
			at + (without ? 1 : 0));
		if (fnmatch(pattern, subject, 0) == 0)
			fit = !without;
		at += n + (at[n] == ',');
	}
	return fit;
}

static bool row_applies(const struct verdict *v, const struct row *r)
{
	size_t n = strlen(r->versions);
	if (strcmp(r->versions, "-") == 0)
		return true;
	/* "7.2" stands for 7.2.22 as well. */
	return strncmp(r->versions, v->base, n) == 0 && (v->base[n] == '.' || v->base[n] == '\0');
}

static void fault(struct verdict *v, const struct row *r, const struct difference *d,
	const char *subject, const char *text)
{
	v->faults++;
	if (r)
		(void)printf("%s:%u: %s: %s: ours %s, theirs %s: %s\n", v->path, r->line, subject,
			r->what, r->ours, r->theirs, text);
	else
		(void)printf("%s: %s: ours %s, theirs %s: %s\n", subject, d->what, d->ours,
			d->theirs, text);
}

static bool same(const struct row *r, const struct difference *d, bool pattern)
{
	bool what = pattern ? fnmatch(r->what, d->what, 0) == 0 : strcmp(r->what, d->what) == 0;
	return what && strcmp(r->ours, d->ours) == 0 && strcmp(r->theirs, d->theirs) == 0;
}

static void explain(struct verdict *v, const struct row *r, struct difference *d)
{
	if (d->explained)
		fault(v, r, d, d->subject, "two rows list this difference");
	d->explained = true;
}

/* Rows about names (subject "-") and about models that only one side has: each explains at least
 * one difference. */
static void apply_to_names(struct verdict *v, const struct row *r)
{
	bool names = strcmp(r->subjects, "-") == 0, any = false;
	for (size_t i = 0; i < v->found->n; i++) {
		struct difference *d = &v->found->items[i];
		bool about_names = strcmp(d->subject, "-") == 0;
		if (names != about_names || !same(r, d, names) || !fits(r->subjects, d->subject))
			continue;
		explain(v, r, d);
		any = true;
	}
	if (!any && v->exact)
		fault(v, r, NULL, r->subjects, "listed, but not so");
}

static void apply_to_subject(struct verdict *v, const struct row *r, const char *subject)
{
	for (size_t i = 0; i < v->found->n; i++) {
		struct difference *d = &v->found->items[i];
		if (strcmp(d->subject, subject) == 0 && same(r, d, false)) {
			explain(v, r, d);
			return;
		}
	}
	if (standing_of(v, subject) == AS_RECORDED)
		fault(v, r, NULL, subject, "listed, but not so");
}

/* Every subject that the row fits must have the difference. */
static void apply_to_models(struct verdict *v, const struct row *r)
{
	static const char *const hosts[] = { "@intel", "@amd" };
	char subject[COMPARE_NAME_BYTES];
	bool any = false;
	for (size_t i = 0; cpu_model_at(i); i++) {
		const struct cpu_model *m = cpu_model_at(i);
		if (!their_model_find(v->theirs, m->name))
			continue;
		for (size_t k = 0; k < (m->vendor_id[0] ? 1 : ARRAY_SIZE(hosts)); k++) {
			(void)snprintf(subject, sizeof(subject), "%s%s", m->name,
				m->vendor_id[0] ? "" : hosts[k]);
			if (!fits(r->subjects, subject))
				continue;
			any = true;
			apply_to_subject(v, r, subject);
		}
	}
	if (!any && v->exact)
		fault(v, r, NULL, r->subjects, "no model has that name");
}

static void apply_rows(struct verdict *v)
{
	for (size_t i = 0; i < v->nr_rows; i++) {
		const struct row *r = &v->rows[i];
		if (!row_applies(v, r))
			continue;
		if (strcmp(r->subjects, "-") == 0 || strcmp(r->what, "model") == 0)
			apply_to_names(v, r);
		else
			apply_to_models(v, r);
	}
}

static void news(struct verdict *v, bool print, const char *subject, const char *text)
{
	v->news++;
	if (print)
		(void)printf("new in %s %s: %s: %s\n", v->theirs->program, v->theirs->version,
			subject, text);
}

/* What is left, unexplained. */
static void judge_rest(struct verdict *v, bool print_news)
{
	for (size_t i = 0; i < v->found->n; i++) {
		const struct difference *d = &v->found->items[i];
		if (d->explained)
			continue;
		bool about_name = strcmp(d->subject, "-") == 0;
		/* Bits do not move; names are added. */
		bool strict = v->exact || standing_of(v, d->subject) == AS_RECORDED ||
			      (about_name && strcmp(d->theirs, "name") != 0);
		/* A model of ours that the recorded version had is gone; else it never was there.
		 */
		if (!about_name && strcmp(d->what, "model") == 0 && strcmp(d->ours, "yes") == 0)
			strict = v->exact || !find_recorded(v, d->subject);
		if (strict)
			fault(v, NULL, d, d->subject, "not listed");
		else if (about_name)
			news(v, print_news, d->what, "a name that the tables do not know");
		else if (strcmp(d->what, "model") == 0 && strcmp(d->ours, "yes") == 0)
			news(v, print_news, d->subject, "no such model");
	}
}

/* Of one model, not listed. */
static unsigned count_unexplained(const struct verdict *v, const char *model)
{
	char of[COMPARE_NAME_BYTES];
	unsigned n = 0;
	for (size_t i = 0; i < v->found->n; i++) {
		model_of(v->found->items[i].subject, of);
		n += !v->found->items[i].explained && strcmp(of, model) == 0;
	}
	return n;
}

/* Where theirs is the recorded version, each of its models is recorded as it is. */
static void judge_recorded(struct verdict *v, bool print_news)
{
	unsigned stale = 0;
	for (size_t i = 0; i < v->theirs->nr_models; i++) {
		const char *name = v->theirs->models[i].name;
		enum standing s = standing_of(v, name);
		if (s == AS_RECORDED)
			continue;
		char text[96];
		(void)snprintf(text, sizeof(text),
			s == CHANGED ? "another than before, with %u differences not listed"
				     : "a new model",
			count_unexplained(v, name));
		if (v->exact)
			(void)printf("%s: recorded.tsv %s\n", name,
				s == CHANGED ? "has another hash" : "does not have it");
		else
			news(v, print_news, name, text);
		stale += v->exact;
	}
	for (size_t i = 0; i < v->nr_recorded; i++) {
		const struct recorded *r = &v->recorded[i];
		if (!v->exact || strcmp(r->version, v->base) != 0 ||
			their_model_find(v->theirs, r->model))
			continue;
		(void)printf("%s: in recorded.tsv, but not there\n", r->model);
		stale++;
	}
	if (stale)
		(void)printf("recorded.tsv does not fit %s %s; README.md beside it says how to "
			     "make it anew\n",
			v->theirs->program, v->theirs->version);
	v->faults += stale;
}

/* Rows for the differences that are not listed, those alike together. */
static void print_rows(struct verdict *v)
{
	for (size_t i = 0; i < v->found->n; i++) {
		struct difference *d = &v->found->items[i];
		if (d->explained)
			continue;
		(void)printf("%s", d->subject);
		for (size_t k = i + 1; k < v->found->n; k++) {
			struct difference *o = &v->found->items[k];
			bool alike = !o->explained && strcmp(d->what, o->what) == 0 &&
				     strcmp(d->ours, o->ours) == 0 &&
				     strcmp(d->theirs, o->theirs) == 0;
			if (!alike)
				continue;
			o->explained = true;
			(void)printf(",%s", o->subject);
		}
		(void)printf("\t%s\t%s\t%s\t-\t?\n", d->what, d->ours, d->theirs);
	}
}

static void print_recorded(const struct their_data *theirs)
{
	for (size_t i = 0; i < theirs->nr_models; i++) {
		const struct their_model *m = &theirs->models[i];
		(void)printf("%s\t%s\t%s\t%016" PRIx64 "\n", theirs->program, theirs->version,
			m->name, m->hash);
	}
}

static int report(const struct verdict *v, enum compare_mode mode)
{
	const struct their_data *t = v->theirs;
	size_t strict = 0;
	for (size_t i = 0; i < t->nr_models; i++)
		strict += standing_of(v, t->models[i].name) == AS_RECORDED;
	(void)printf("%s %s: %zu of %zu models are as in %s, the version of the tables; %zu "
		     "differences, %u faults, %u news\n",
		t->program, t->version, strict, t->nr_models, v->base, v->found->n, v->faults,
		v->news);
	if (mode == COMPARE_NEW && v->news > 0) {
		(void)printf("%s %s has news; tests/compare/README.md says how to take them in\n",
			t->program, t->version);
		return COMPARE_SKIP;
	}
	if (mode == COMPARE_NEW)
		return 0;
	return v->faults ? 1 : 0;
}

int compare_verdict(const struct their_data *theirs, struct differences *found,
	const struct compare_tables *tables, enum compare_mode mode)
{
	if (mode == COMPARE_RECORD) {
		print_recorded(theirs);
		return 0;
	}
	struct verdict *v = calloc(1, sizeof(*v));
	int status = 1;
	if (!v)
		return 1;
	v->theirs = theirs;
	v->found = found;
	v->path = tables->differences;
	if (read_table(v, tables->differences, true) && read_table(v, tables->recorded, false)) {
		choose_base(v);
		apply_rows(v);
		if (mode == COMPARE_LIST) {
			print_rows(v);
			status = 0;
		} else {
			judge_rest(v, mode == COMPARE_NEW);
			judge_recorded(v, mode == COMPARE_NEW);
			status = report(v, mode);
		}
	}
	for (size_t i = 0; i < v->nr_rows; i++)
		free(v->rows[i].text);
	free(v);
	return status;
}

int compare_parse_args(
	int argc, char **argv, const char *usage, const char *differences, struct compare_args *ret)
{
	static const struct option options[] = {
		{ "new", no_argument, NULL, 'n' },
		{ "list", no_argument, NULL, 'l' },
		{ "record", no_argument, NULL, 'r' },
		{ "differences", required_argument, NULL, 'd' },
		{ "recorded", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	*ret = (struct compare_args){
		.tables = { differences, NESTOR_SOURCE_DIR "/tests/compare/recorded.tsv" },
	};
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (c) {
		case 'n':
			ret->mode = COMPARE_NEW;
			break;
		case 'l':
			ret->mode = COMPARE_LIST;
			break;
		case 'r':
			ret->mode = COMPARE_RECORD;
			break;
		case 'd':
			ret->tables.differences = optarg;
			break;
		case 'c':
			ret->tables.recorded = optarg;
			break;
		case 'h':
			(void)fputs(usage, stdout);
			return 0;
		default:
			return 2;
		}
	}
	if (optind < argc)
		ret->where = argv[optind++];
	return optind < argc ? 2 : -1;
}
