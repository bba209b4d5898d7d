/* SPDX-License-Identifier: MIT */
/* Flags and --set: one assignment at a time. */
#include "config/load.h"
#include "config/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHERE_BYTES 160

/* What an assignment is to: a name in the table's spelling, and the array that it lies in. */
struct target {
	char name[KEY_PATH_BYTES];
	unsigned index;
	const struct key *key;         /* NULL: a section, an array or an element */
	const struct key_array *array; /* whose element must exist first; or NULL */
};

static bool find_target(struct target *t, const char *path)
{
	if (key_parse_path(path, t->name, &t->index) < 0)
		return false;
	t->key = key_find(t->name);
	t->array = NULL;
	const char *open = strstr(t->name, "[]");
	if (!open)
		return t->key || key_array_find(t->name) || key_is_section(t->name);
	char array[KEY_PATH_BYTES];
	(void)snprintf(array, sizeof(array), "%.*s", (int)(open - t->name), t->name);
	t->array = key_array_find(array);
	return t->array && (t->key || open[2] == '\0');
}

/* True where a text that is not TOML stands for itself. */
static bool takes_bare_text(const struct key *key)
{
	return key && key->type != KEY_BOOLEAN && key->type != KEY_INTEGER &&
	       key->type != KEY_PORT && key->type != KEY_INTEGERS;
}

/*
 * True where the text must not even be tried as TOML, because it could be a number there by
 * chance: the model 486, a serial number, or a mask that begins with "0x".
 */
static bool is_never_toml(const struct key *key, const char *text)
{
	if (!key)
		return false;
	bool is_array = key_holds_texts(key);
	if (!is_array && key->type != KEY_MODEL && key->type != KEY_MASK &&
		key->type != KEY_ASCII && key->type != KEY_UUID)
		return false;
	text += strspn(text, " \t");
	return is_array ? text[0] != '[' : text[0] != '"' && text[0] != '\'';
}

static int read_value(const char *text, struct toml_value *ret_root, struct toml_fault *ret_fault)
{
	char *document = NULL;
	int n = asprintf(&document, "v = %s", text);
	if (n < 0)
		return -ENOMEM;
	int ret = toml_read(document, (size_t)n, ret_root, ret_fault);
	free(document);
	/* A newline in the text could have begun a second key, or a table. */
	if (ret == 0 && ret_root->nr_items != 1) {
		toml_value_done(ret_root);
		(void)snprintf(ret_fault->text, sizeof(ret_fault->text), "more than one value");
		return -EINVAL;
	}
	return ret;
}

static void set_value(const struct load *l, const char *path, const char *text)
{
	struct target t;
	struct toml_value root = { 0 };
	struct toml_fault syntax = { 0 };
	if (!find_target(&t, path)) {
		load_fault_unknown(l, 0, 0, path, 0);
		return;
	}
	if (t.array && !load_element(l, t.array, t.index))
		return;
	if (is_never_toml(t.key, text)) {
		load_text(l, t.key, t.index, text);
		return;
	}
	int ret = read_value(text, &root, &syntax);
	if (ret == 0) {
		load_value(l, t.name, t.index, &root.items[0]);
	} else if (ret == -ENOMEM) {
		l->faults->out_of_memory = true;
	} else if (takes_bare_text(t.key)) {
		load_text(l, t.key, t.index, text);
	} else {
		char shown[KEY_PATH_BYTES], reason[160], why[400];
		char expects[200] = "a TOML value";
		if (t.key)
			(void)key_expects(expects, sizeof(expects), t.key);
		(void)text_printable(reason, sizeof(reason), syntax.text, strlen(syntax.text));
		(void)snprintf(why, sizeof(why), "expected %s (%s)", expects, reason);
		load_fault(l, 0, 0, key_format_path(shown, t.name, t.index), why);
	}
	toml_value_done(&root);
}

/* "--set memory.sise=512M", one printable line. */
static const char *describe(char where[WHERE_BYTES], const char *origin, const char *text)
{
	size_t used = strlen(text_printable(where, WHERE_BYTES / 4, origin, strlen(origin)));
	where[used++] = ' ';
	(void)text_printable(where + used, WHERE_BYTES - used, text, strlen(text));
	return where;
}

int config_set(struct config *c, const char *assignment, const char *origin, struct err *e)
{
	char where[WHERE_BYTES];
	char printable_origin[KEY_PATH_BYTES];
	struct faults faults = faults_of(e);
	const struct load l = {
		.config = c,
		.faults = &faults,
		.where = describe(where, origin, assignment),
		.origin = text_printable(
			printable_origin, sizeof(printable_origin), origin, strlen(origin)),
	};
	const char *equals = strchr(assignment, '=');
	if (!equals)
		return err_set_config(e, -EINVAL, "%s: expected KEY=VALUE", where);
	char *path = strndup(assignment, (size_t)(equals - assignment));
	if (path)
		set_value(&l, path, equals + 1);
	else
		faults.out_of_memory = true;
	free(path);
	return faults_result(&faults, e);
}

int config_set_text(
	struct config *c, const char *path, const char *value, const char *origin, struct err *e)
{
	char where[WHERE_BYTES];
	char printable_origin[KEY_PATH_BYTES];
	struct faults faults = faults_of(e);
	struct target t;
	const struct load l = {
		.config = c,
		.faults = &faults,
		.where = describe(where, origin, value),
		.origin = text_printable(
			printable_origin, sizeof(printable_origin), origin, strlen(origin)),
	};
	if (!find_target(&t, path) || !t.key)
		load_fault_unknown(&l, 0, 0, path, 0);
	else if (!t.array || load_element(&l, t.array, t.index))
		load_text(&l, t.key, t.index, value);
	return faults_result(&faults, e);
}
