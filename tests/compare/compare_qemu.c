/* SPDX-License-Identifier: MIT */
/* The engine against QEMU's CPU models: ctest compare/qemu, compare/qemu-new,
 * compare/qemu-installed. */
#include "qemu_child.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"Usage: compare_qemu [--new | --list | --record] [--differences FILE] [--recorded FILE] "
	"[WHERE]\n"
	"\n"
	"Compares the engine's models with those of a QEMU, as TCG expands them (QMP,\n"
	"query-cpu-model-expansion). WHERE: a folder as tests/compare/fetch-models makes it\n"
	"(default: build/lab/models/qemu of the source tree), or \"installed\" for the\n"
	"system's QEMU.\n"
	"\n"
	"  --new     tell what QEMU has that the tables were not compared with\n"
	"  --list    print a row for each difference that is not listed\n"
	"  --record  print the rows of recorded.tsv\n"
	"\n"
	"Exit status: 0 as listed, 1 not so, 2 usage error, 77 no QEMU; with --new 77 for news.\n";

/* All properties of a model with some of them set before; the caller owns the result. */
static json_t *expand(struct qemu_child *q, const char *name, bool vmx)
{
	json_t *model = vmx ? json_pack("{s:s, s:{s:b}}", "name", name, "props", "vmx", 1)
			    : json_pack("{s:s}", "name", name);
	json_t *answer = qemu_child_ask(q, "query-cpu-model-expansion",
		json_pack("{s:s, s:o}", "type", "full", "model", model), false);
	json_t *props = json_incref(json_object_get(json_object_get(answer, "model"), "props"));
	json_decref(answer);
	return props;
}

static long integer(const json_t *props, const char *name)
{
	const json_t *value = json_object_get(props, name);
	double number = json_is_number(value) ? json_number_value(value) : -1;
	return number >= 0 && number <= UINT32_MAX ? (long)number : COMPARE_UNSAID;
}

static void set_identity(struct their_model *m, const json_t *props)
{
	const char *vendor = json_string_value(json_object_get(props, "vendor"));
	long family = integer(props, "family"), model = integer(props, "model"),
	     stepping = integer(props, "stepping");
	(void)snprintf(m->vendor, sizeof(m->vendor), "%s", vendor ? vendor : "");
	m->level = integer(props, "level");
	m->xlevel = integer(props, "xlevel");
	m->avx10 = integer(props, "avx10-version");
	if (family < 0 || model < 0 || stepping < 0)
		return;
	m->signatures[m->nr_signatures++] = (struct compare_signature){
		.family = (unsigned)family,
		.model = (unsigned)model,
		.stepping_low = (unsigned)stepping,
		.stepping_high = (unsigned)stepping,
	};
}

/* Properties that are features; VMX controls where vmx, all others where not. */
static void set_features(struct their_data *data, struct their_model *m, json_t *props, bool vmx)
{
	const char *name;
	json_t *value;
	json_object_foreach(props, name, value)
	{
		const struct feature *f = json_is_boolean(value) ? feature_find(name) : NULL;
		if (!f || compare_is_vmx(f->id) != vmx)
			continue;
		feature_set_add(&data->known, f->id);
		if (json_is_true(value))
			feature_set_add(&m->has, f->id);
	}
}

static bool is_identity(const char *name)
{
	static const char *const names[] = { "vendor", "family", "model", "stepping", "level",
		"xlevel", "avx10-version" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* Properties that are neither features of ours nor compared otherwise. Each model has them all. */
static void note_other_properties(struct their_data *data, json_t *props)
{
	const char *name;
	json_t *value;
	json_object_foreach(props, name, value)
	{
		bool known =
			json_is_boolean(value) ? feature_find(name) != NULL : is_identity(name);
		if (!known)
			differences_add(&data->names, "-", name, "unknown", "name");
	}
}

static bool read_model(struct qemu_child *q, struct their_data *data, const char *name)
{
	struct their_model *m = their_model_add(data, name);
	json_t *plain = expand(q, name, false), *vmx = expand(q, name, true);
	if (plain && vmx) {
		set_identity(m, plain);
		set_features(data, m, plain, false);
		set_features(data, m, vmx, true);
		their_model_set_hash(m);
		if (data->nr_models == 1)
			note_other_properties(data, plain);
	}
	bool ok = plain && vmx;
	json_decref(plain);
	json_decref(vmx);
	return ok;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct their_model *)a)->name, ((const struct their_model *)b)->name);
}

static bool read_models(struct qemu_child *q, struct their_data *data)
{
	json_t *list = qemu_child_ask(q, "query-cpu-definitions", NULL, false), *item;
	size_t i;
	bool ok = json_array_size(list) > 0;
	json_array_foreach(list, i, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));
		/* Those two are what the machine has, and no models. */
		if (!name || strcmp(name, "host") == 0 || strcmp(name, "max") == 0)
			continue;
		ok = ok && read_model(q, data, name);
	}
	json_decref(list);
	qsort(data->models, data->nr_models, sizeof(*data->models), by_name);
	return ok;
}

static bool find_qemu(const char *where, struct qemu_paths *ret)
{
	*ret = (struct qemu_paths){ .program = "/usr/bin/qemu-system-x86_64" };
	if (strcmp(where, "installed") != 0) {
		(void)snprintf(ret->program, sizeof(ret->program), "%s/qemu-system-x86_64", where);
		(void)snprintf(ret->libraries, sizeof(ret->libraries), "%s/lib", where);
		(void)snprintf(ret->modules, sizeof(ret->modules), "%s/modules", where);
	}
	return access(ret->program, X_OK) == 0;
}

/* The tables say what QEMU's model of a name has besides (qemu_extra); for the version that they
 * are from, that is all it has besides, and no more. */
static void compare_extra(const struct their_data *theirs, struct differences *ret)
{
	char subject[COMPARE_NAME_BYTES], what[COMPARE_NAME_BYTES];
	if (strncmp(theirs->version, "10.0.", 5) != 0)
		return;
	for (size_t i = 0; i < theirs->nr_models; i++) {
		const struct their_model *t = &theirs->models[i];
		const struct cpu_model *m = cpu_model_find(t->name);
		for (size_t k = 0; m && k < FEATURE_COUNT; k++) {
			const struct feature *f = feature_at(k);
			bool extra = feature_set_has(&t->has, f->id) &&
				     !feature_set_has(&m->features, f->id);
			bool ours = feature_set_has(&m->qemu_extra, f->id);
			if (extra == ours || !feature_set_has(&theirs->known, f->id) ||
				f->id == FEATURE_ID_hypervisor)
				continue;
			(void)snprintf(subject, sizeof(subject), "%s%s", m->name,
				m->vendor_id[0] ? "" : "@intel");
			(void)snprintf(what, sizeof(what), "qemu_extra:%s", f->name);
			differences_add(
				ret, subject, what, ours ? "yes" : "no", extra ? "yes" : "no");
		}
	}
}

int main(int argc, char **argv)
{
	struct compare_args args;
	struct their_data theirs = { .program = "qemu" };
	struct differences found = { 0 };
	struct qemu_child q;
	struct qemu_paths paths;
	int status = compare_parse_args(
		argc, argv, usage, NESTOR_SOURCE_DIR "/tests/compare/differences-qemu.tsv", &args);
	if (status >= 0)
		return status;
	const char *where = args.where ? args.where : NESTOR_SOURCE_DIR "/build/lab/models/qemu";
	if (!find_qemu(where, &paths)) {
		(void)printf(
			"skipped: no %s; run tests/compare/fetch-models, or scripts/install-deps "
			"lab for the installed one\n",
			paths.program);
		return COMPARE_SKIP;
	}
	bool ok = qemu_child_start(&q, &paths, theirs.version, sizeof(theirs.version)) &&
		  read_models(&q, &theirs);
	qemu_child_stop(&q);
	status = 1;
	if (ok && compare_all(&theirs, &found)) {
		compare_extra(&theirs, &found);
		status = compare_verdict(&theirs, &found, &args.tables, args.mode);
	}
	differences_done(&found);
	their_data_done(&theirs);
	return status;
}
