/* SPDX-License-Identifier: MIT */
/* The words of other programs' CPU policies against the lists of tests/schemas, and what QEMU's
 * models are besides their features against qemu-models.tsv: ctest compare/words-…. */
#include "qemu_child.h"
#include "schema_rng.h"

#include "formats/dialect.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"Usage: compare_words qemu [WHERE] | libvirt [WHERE]\n"
	"\n"
	"Compares the words that a program has for a CPU policy with those of tests/schemas,\n"
	"and what QEMU's models are with src/formats/data/qemu-models.tsv. WHERE: a folder as\n"
	"scripts/fetch-models makes it (default: that of the source tree), or \"installed\".\n"
	"\n"
	"Exit status: 0 the same, 1 not so, 2 usage error, 77 not there, or a version that\n"
	"the lists are not of and that has other words.\n";

/* A list of tests/schemas, as text with its first columns ended. */
struct list {
	char *text;
	size_t size;
};

static bool list_load(struct list *l, const char *name)
{
	char path[1024];
	(void)snprintf(path, sizeof(path), "%s/tests/schemas/%s.tsv", NESTOR_SOURCE_DIR, name);
	FILE *in = fopen(path, "re");
	l->text = calloc(1, 1 << 18);
	l->size = in && l->text ? fread(l->text, 1, (1 << 18) - 1, in) : 0;
	if (in)
		(void)fclose(in);
	return l->size > 0;
}

/* The line of a word, behind its first tab; NULL: there is none. */
static const char *list_find(const struct list *l, const char *word)
{
	size_t n = strlen(word);
	for (const char *line = l->text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, n) == 0 && line[n] == '\t')
			return line + n + 1;
	}
	return NULL;
}

struct check {
	struct list list;
	unsigned nr, other;
};

static void check_word(struct check *c, const char *word)
{
	c->nr++;
	if (list_find(&c->list, word))
		return;
	c->other++;
	(void)printf("%s: in no list\n", word);
}

/* --- QEMU --- */

static void check_number(
	struct check *c, const char *model, const json_t *props, const char *name, uint32_t ours)
{
	const json_t *value = json_object_get(props, name);
	double theirs = json_is_number(value) ? json_number_value(value) : -1;
	c->nr++;
	if (theirs == (double)ours)
		return;
	c->other++;
	(void)printf("%s: %s is %#x in the table, %#x in QEMU\n", model, name, ours,
		theirs < 0 ? 0 : (uint32_t)theirs);
}

static void check_model(struct qemu_child *q, struct check *c, const struct cpu_model *m,
	const struct qemu_model *row, bool identity_only)
{
	json_t *answer = qemu_child_ask(q, "query-cpu-model-expansion",
		json_pack("{s:s, s:{s:s}}", "type", "full", "model", "name", m->name), true);
	const json_t *props = json_object_get(json_object_get(answer, "model"), "props");
	const char *brand = json_string_value(json_object_get(props, "model-id"));
	if (props && !identity_only) {
		check_number(c, m->name, props, "level", row->level);
		check_number(c, m->name, props, "xlevel", row->xlevel);
	}
	if (props) {
		check_number(c, m->name, props, "family", row->family);
		check_number(c, m->name, props, "model", row->model);
		check_number(c, m->name, props, "stepping", row->stepping);
		c->nr++;
		if (brand && row->brand[0] && strncmp(brand, row->brand, 48) != 0) {
			c->other++;
			(void)printf("%s: \"%s\" in the table, \"%s\" in QEMU\n", m->name,
				row->brand, brand);
		}
		if (row->lacks[0] && json_is_true(json_object_get(props, row->lacks))) {
			c->other++;
			(void)printf("%s: has %s in QEMU\n", m->name, row->lacks);
		}
	}
	json_decref(answer);
}

/* A named model has the properties of max, but for two. */
static void check_named(struct qemu_child *q, struct check *c, const json_t *of_max)
{
	json_t *named = qemu_child_ask(q, "device-list-properties",
		json_pack("{s:s}", "typename", "Haswell-x86_64-cpu"), false);
	const json_t *item;
	size_t i;
	json_array_foreach(of_max, i, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));
		const json_t *other;
		size_t k;
		bool has = false;
		json_array_foreach(named, k, other)
		{
			const char *its = json_string_value(json_object_get(other, "name"));
			has |= name && its && strcmp(name, its) == 0;
		}
		bool ours = name && strcmp(name, "host-cache-info") != 0 &&
			    strcmp(name, "migratable") != 0;
		c->nr++;
		if (has == ours)
			continue;
		c->other++;
		(void)printf("%s: a named model has it, or has it not\n", name);
	}
	json_decref(named);
}

/* Names that are said to be newer than an older version. */
static void check_recent(struct check *c, enum dialect d,
	bool (*has)(const void *ctx, const char *), const void *ctx, bool older)
{
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at(i);
		const char *name = dialect_feature(d, f);
		bool expected = !older || !dialect_is_recent(d, f);
		c->nr += name != NULL;
		if (!name || has(ctx, name) == expected)
			continue;
		c->other++;
		(void)printf("%s: is %s\n", name, expected ? "absent" : "there");
	}
}

static bool json_has(const void *ctx, const char *name)
{
	const json_t *item;
	size_t i;
	json_array_foreach((const json_t *)ctx, i, item)
	{
		const char *its = json_string_value(json_object_get(item, "name"));
		if (its && strcmp(its, name) == 0)
			return true;
	}
	return false;
}

static bool check_qemu(struct qemu_child *q, struct check *c, bool older)
{
	json_t *list = qemu_child_ask(q, "device-list-properties",
		json_pack("{s:s}", "typename", "max-x86_64-cpu"), false);
	const json_t *item;
	size_t i;
	const struct cpu_model *m;
	json_array_foreach(list, i, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));
		if (name)
			check_word(c, name);
	}
	check_named(q, c, list);
	check_recent(c, DIALECT_QEMU, json_has, list, older);
	for (i = 0; (m = cpu_model_at(i)); i++) {
		const struct qemu_model *row = dialect_qemu_model(m);
		/* The oldest is the first with just that model; it had other levels. */
		if (row)
			check_model(q, c, m, row, older);
	}
	bool ok = json_array_size(list) > 100;
	json_decref(list);
	return ok;
}

static int compare_qemu(const char *where)
{
	struct qemu_paths paths = { .program = "/usr/bin/qemu-system-x86_64" };
	struct qemu_child q;
	struct check c = { .nr = 0 };
	char version[64];
	if (strcmp(where, "installed") != 0) {
		(void)snprintf(
			paths.program, sizeof(paths.program), "%s/qemu-system-x86_64", where);
		(void)snprintf(paths.libraries, sizeof(paths.libraries), "%s/lib", where);
		(void)snprintf(paths.modules, sizeof(paths.modules), "%s/modules", where);
	}
	if (access(paths.program, X_OK) != 0) {
		(void)printf("skipped: no %s\n", paths.program);
		return COMPARE_SKIP;
	}
	bool ok = list_load(&c.list, "qemu") &&
		  qemu_child_start(&q, &paths, version, sizeof(version));
	if (!ok)
		return 1;
	bool known = strncmp(version, "7.2.", 4) == 0 || strncmp(version, "10.0.", 5) == 0;
	ok = check_qemu(&q, &c, strncmp(version, "10.0.", 5) != 0);
	qemu_child_stop(&q);
	free(c.list.text);
	(void)printf("QEMU %s: %u looked at, %u other than listed\n", version, c.nr, c.other);
	if (ok && c.other > 0 && !known)
		return COMPARE_SKIP;
	return ok && c.other == 0 ? 0 : 1;
}

/* --- libvirt --- */

/* The models that the table says this version has, as its map has them. */
static void check_map(struct check *c, const char *where, const char *version)
{
	const struct cpu_model *m;
	bool newer = strncmp(version, "9.0.", 4) != 0;
	for (size_t i = 0; (m = cpu_model_at(i)); i++) {
		const struct qemu_model *row = dialect_qemu_model(m);
		char path[1200];
		(void)snprintf(path, sizeof(path), "%s/cpu_map/x86_%s.xml", where, m->name);
		if (!row)
			continue;
		bool listed = strcmp(row->libvirt, "9.0") == 0 ||
			      (newer && strcmp(row->libvirt, "11.3") == 0);
		c->nr++;
		if (listed == (access(path, R_OK) == 0))
			continue;
		c->other++;
		(void)printf("%s: is %s in the table\n", m->name, listed ? "there" : "absent");
	}
}

static void on_word(void *ctx, const char *word, const char *value)
{
	struct check *c = ctx;
	const char *row = list_find(&c->list, word);
	if (!value) {
		check_word(c, word);
		return;
	}
	/* Of an enumeration each value, between bars. */
	const char *values = row ? strchr(row, '\t') : NULL;
	size_t n = strlen(value);
	c->nr++;
	for (const char *at = values; at && *at != '\n' && *at != '\0'; at++) {
		if ((*at == '\t' || *at == '|') && strncmp(at + 1, value, n) == 0 &&
			strchr("|\n", at[n + 1]))
			return;
	}
	c->other++;
	(void)printf("%s: the value %s is in no list\n", word, value);
}

/* A feature in the text of libvirt's map of them. */
static bool map_has(const void *ctx, const char *name)
{
	char text[128];
	(void)snprintf(text, sizeof(text), "<feature name='%s'", name);
	return strstr(ctx, text) != NULL;
}

static void check_features(struct check *c, const char *where, const char *version)
{
	char path[1200], *text = calloc(1, 1 << 18);
	(void)snprintf(path, sizeof(path), "%s/cpu_map/x86_features.xml", where);
	FILE *in = fopen(path, "re");
	if (in && text && fread(text, 1, (1 << 18) - 1, in) > 0) {
		check_recent(c, DIALECT_LIBVIRT, map_has, text, strncmp(version, "9.0.", 4) == 0);
	} else {
		c->other++;
		(void)printf("%s: cannot be read\n", path);
	}
	if (in)
		(void)fclose(in);
	free(text);
}

static int compare_libvirt(const char *where)
{
	struct check c = { .nr = 0 };
	char folder[1024], version[64] = "of another version", path[1100];
	bool installed = strcmp(where, "installed") == 0;
	(void)snprintf(
		folder, sizeof(folder), "%s/schemas", installed ? "/usr/share/libvirt" : where);
	(void)snprintf(path, sizeof(path), "%s/version", where);
	FILE *in = installed ? NULL : fopen(path, "re");
	if (in && !fgets(version, sizeof(version), in))
		version[0] = '\0';
	if (in)
		(void)fclose(in);
	version[strcspn(version, "\n")] = '\0';
	if (access(folder, R_OK) != 0) {
		(void)printf("skipped: no %s\n", folder);
		return COMPARE_SKIP;
	}
	bool ok = list_load(&c.list, "libvirt") && schema_rng_walk(folder, on_word, &c);
	if (!installed) {
		check_map(&c, where, version);
		check_features(&c, where, version);
	}
	free(c.list.text);
	(void)printf("libvirt %s: %u looked at, %u other than listed\n", version, c.nr, c.other);
	bool known = strncmp(version, "9.0.", 4) == 0 || strncmp(version, "11.3.", 5) == 0;
	if (ok && c.other > 0 && !known)
		return COMPARE_SKIP;
	return ok && c.nr > 200 && c.other == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	bool qemu = argc >= 2 && strcmp(argv[1], "qemu") == 0;
	bool libvirt = argc >= 2 && strcmp(argv[1], "libvirt") == 0;
	if (argc > 3 || (!qemu && !libvirt)) {
		(void)fputs(usage, stderr);
		return 2;
	}
	if (qemu)
		return compare_qemu(
			argc > 2 ? argv[2] : NESTOR_SOURCE_DIR "/build/lab/models/qemu");
	return compare_libvirt(argc > 2 ? argv[2] : NESTOR_SOURCE_DIR "/build/lab/models/libvirt");
}
