/* SPDX-License-Identifier: MIT */
/*
 * Nothing is lost without a word: each word that a format's own schema has (tests/schemas) has a
 * row in the tables of src/formats/data, each row is a word of its schema, and the readers do what
 * the rows say: a word is carried over, or named as lost, or says nothing, or is refused.
 */
#include "config/keys.h"
#include "formats/words.h"
#include "nesting/hyperv.h"
#include "policies.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_ROWS 640

/* A fixture of tests/schemas: the columns of its rows. */
struct schema {
	char *text;
	struct {
		char *word;
		const char *second, *values;
	} rows[MAX_ROWS];
	size_t nr;
};

static char *cut(char *at)
{
	char *tab = strchr(at, '\t');
	if (!tab)
		return NULL;
	*tab = '\0';
	return tab + 1;
}

static void schema_load(struct schema *s, const char *name)
{
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/tests/schemas/%s.tsv", NESTOR_SOURCE_DIR, name);
	FILE *in = fopen(path, "re");
	if (!in)
		fail_msg("%s cannot be opened", path);
	*s = (struct schema){ .text = calloc(1, 1 << 18) };
	assert_non_null(s->text);
	size_t n = fread(s->text, 1, (1 << 18) - 1, in);
	assert_true(n > 0 && n < (1 << 18) - 1);
	(void)fclose(in);
	for (char *line = s->text; *line != '\0';) {
		char *end = strchr(line, '\n');
		assert_non_null(end);
		*end = '\0';
		if (*line != '#') {
			assert_true(s->nr < MAX_ROWS);
			char *second = cut(line), *values = second ? cut(second) : NULL;
			assert_non_null(second);
			s->rows[s->nr].word = line;
			s->rows[s->nr].second = second;
			s->rows[s->nr++].values = values ? values : "-";
		}
		line = end + 1;
	}
}

/* As QEMU's own parser, which takes either for the other. */
static void dashes(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '_')
			*text = '-';
	}
}

static bool schema_has(const struct schema *s, const char *word)
{
	size_t n = strlen(word);
	bool pattern = n > 0 && word[n - 1] == '*';
	for (size_t i = 0; i < s->nr; i++) {
		if (pattern ? strncmp(s->rows[i].word, word, n - 1) == 0
			    : strcmp(s->rows[i].word, word) == 0)
			return true;
	}
	return false;
}

/* What a text becomes: a TOML text and lines, or an error. */
struct outcome {
	char *toml; /* NULL: refused */
	struct losses losses;
};

static void outcome_of(struct outcome *o, policy_reader *reader, const char *text)
{
	struct err e = ERR_INIT;
	struct policy_doc *doc = NULL;
	*o = (struct outcome){ 0 };
	if (reader(text, strlen(text), "test", &doc, &o->losses, &e) == 0)
		o->toml = policy_toml(policy_doc_policy(doc));
	else
		assert_int_equal(e.kind, ERR_CONFIG);
	policy_doc_destroy(doc);
}

static void outcome_done(struct outcome *o)
{
	free(o->toml);
	losses_done(&o->losses);
}

static bool is_refused(const struct outcome *o)
{
	return !o->toml;
}

static bool says_more(const struct outcome *o, const struct outcome *base)
{
	return o->losses.nr_lines + o->losses.nr_open >
	       base->losses.nr_lines + base->losses.nr_open;
}

static bool is_other(const struct outcome *o, const struct outcome *base)
{
	return o->toml && base->toml && strcmp(o->toml, base->toml) != 0;
}

static bool names(const struct outcome *o, const char *part)
{
	for (size_t i = 0; i < o->losses.nr_lines; i++) {
		if (strstr(o->losses.lines[i], part))
			return true;
	}
	return false;
}

/* How a word with a value is to be dealt with, by its row. lost: how the loss begins or is called.
 */
static void hold_to_row(const struct word *row, const char *value, const char *text,
	const struct outcome *with, const struct outcome *without, const char *lost)
{
	bool nothing = word_is_nothing(row, value);
	bool ok = false;
	switch (row->fate) {
	case WORD_CARRIED:
		return; /* of all values together */
	case WORD_LOST:
		ok = nothing ? !says_more(with, without) && !is_other(with, without) &&
				       !is_refused(with)
			     : is_refused(with) || names(with, lost);
		break;
	case WORD_SAME:
		ok = !is_refused(with) && !says_more(with, without) && !is_other(with, without);
		break;
	case WORD_REFUSED:
		ok = is_refused(with);
		break;
	}
	if (!ok)
		fail_msg("%s is %s, but not so in %s", row->name, word_fate_name(row->fate), text);
}

/* --- QEMU --- */

static const char *const *values_of_type(const char *type)
{
	static const char *const bools[] = { "on", "off", NULL },
				 *const autos[] = { "on", "off", "auto", NULL },
				 *const numbers[] = { "0", "1", "5", "36", "-1", "4294967295",
					 NULL },
				 *const texts[] = { "GenuineIntel", "1000000", NULL };
	if (strcmp(type, "bool") == 0)
		return bools;
	if (strcmp(type, "OnOffAuto") == 0)
		return autos;
	return strstr(type, "int") ? numbers : texts;
}

/* Each of a property's values on a base; true: one of them was carried over. */
static bool try_property(
	const char *base, const char *property, const char *type, const struct word *row)
{
	struct outcome without;
	bool any = false;
	outcome_of(&without, qemu_cpu_read, base);
	assert_non_null(without.toml);
	for (const char *const *v = values_of_type(type); *v; v++) {
		char text[256], lost[128];
		struct outcome with;
		(void)snprintf(text, sizeof(text), "%s,%s=%s", base, property, *v);
		(void)snprintf(lost, sizeof(lost), "%s=%s: ", property, *v);
		outcome_of(&with, qemu_cpu_read, text);
		any |= is_other(&with, &without) || says_more(&with, &without);
		if (row)
			hold_to_row(row, *v, text, &with, &without, lost);
		outcome_done(&with);
	}
	outcome_done(&without);
	return any;
}

static void qemu__every_property__is_dealt_with(void **state)
{
	struct schema *s = malloc(sizeof(*s));
	(void)state;
	assert_non_null(s);
	schema_load(s, "qemu");
	assert_true(s->nr > 490);
	for (size_t i = 0; i < s->nr; i++) {
		char *p = s->rows[i].word;
		const struct feature *f = feature_find(p);
		dashes(p);
		const struct word *row = f ? NULL : word_find(WORDS_QEMU, p);
		if (!f && !row)
			fail_msg("QEMU's property %s has no row", p);
		/* What both extensions need is there, and then what else may be. */
		bool any = try_property("host,+vmx,+svm,hv-relaxed", p, s->rows[i].values, row);
		any |= try_property("Skylake-Server,kvm=off", p, s->rows[i].values, row);
		if (!any && (f || row->fate == WORD_CARRIED))
			fail_msg("QEMU's property %s goes without a word", p);
	}
	free(s->text);
	free(s);
}

/* Of QEMUs before 7.2, between the two, or after 10.0; and what its lists leave out for its name.
 */
static bool is_not_listed(const char *word)
{
	static const char *const names[] = { "tsc-freq", "kvm-no-smi-migration",
		"amd-topoext-features-only", "intel-pt-auto-level", "arch-cap-always-on",
		"legacy-cache", "legacy-multi-node", "realized" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], word) == 0)
			return true;
	}
	return false;
}

/* What is written is a name that QEMU 10.0 has, and 7.2 where it is not said to be newer. */
static void qemu__every_name_that_is_written__is_a_property(void **state)
{
	struct schema *s = malloc(sizeof(*s));
	(void)state;
	assert_non_null(s);
	schema_load(s, "qemu");
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at(i);
		const char *name = dialect_feature(DIALECT_QEMU, f), *versions = NULL;
		for (size_t k = 0; name && k < s->nr; k++) {
			if (strcmp(s->rows[k].word, name) == 0)
				versions = s->rows[k].second;
		}
		if (name && (!versions || !strstr(versions, "10.0")))
			fail_msg("QEMU 10.0 has no property %s", name);
		if (name && dialect_is_recent(DIALECT_QEMU, f) != !strstr(versions, "7.2"))
			fail_msg("QEMU 7.2 has %s, or has not", name);
	}
	free(s->text);
	free(s);
}

static void qemu__every_row__is_a_property(void **state)
{
	struct schema *s = malloc(sizeof(*s));
	const struct word *w;
	(void)state;
	assert_non_null(s);
	schema_load(s, "qemu");
	for (size_t i = 0; i < s->nr; i++)
		dashes(s->rows[i].word);
	for (size_t i = 0; (w = word_at(WORDS_QEMU, i)); i++) {
		if (!schema_has(s, w->name) && !is_not_listed(w->name))
			fail_msg("%s is no property of QEMU's", w->name);
	}
	free(s->text);
	free(s);
}

/* Enlightenments are of nestor's own table, with a row here where they are no more than a bit. */
static void qemu__every_enlightenment__is_known(void **state)
{
	struct schema *s = malloc(sizeof(*s));
	(void)state;
	assert_non_null(s);
	schema_load(s, "qemu");
	for (size_t i = 0; i < s->nr; i++) {
		if (strncmp(s->rows[i].word, "hv-", 3) == 0)
			assert_non_null(hyperv_feature_find(s->rows[i].word));
	}
	free(s->text);
	free(s);
}

/* --- libvirt --- */

/* What an element needs beside the attribute in question, and what stands in it. */
static const struct {
	const char *path, *attributes, *text;
} needs[] = {
	{ "cpu", "", "" },
	{ "cpu/model", "", "Skylake-Server" },
	{ "cpu/vendor", "", "Intel" },
	{ "cpu/arch", "", "x86_64" },
	{ "cpu/feature", "name='avx2'", "" },
	{ "cpu/topology", "sockets='1' cores='1' threads='1'", "" },
	{ "cpu/cache", "mode='emulate'", "" },
	{ "cpu/maxphysaddr", "mode='emulate'", "" },
	{ "clock", "offset='utc'", "" },
	{ "clock/timer", "name='tsc'", "" },
	{ "features/hyperv/spinlocks", "state='on' retries='4096'", "" },
	{ "features/hyperv/vendor_id", "state='on' value='me'", "" },
	{ "vcpu", "", "1" },
	{ "vcpus/vcpu", "id='0' enabled='yes'", "" },
};

/* The attributes of an element: those that it needs but the one in question, and that. */
static void write_attributes(FILE *out, size_t need, const char *attribute, const char *value)
{
	const char *at = need < ARRAY_SIZE(needs) ? needs[need].attributes : "";
	while (*at != '\0') {
		size_t n = strcspn(at, " "), name = strcspn(at, "=");
		if (!attribute || strlen(attribute) != name || strncmp(at, attribute, name) != 0)
			(void)fprintf(out, " %.*s", (int)n, at);
		at += n + (at[n] == ' ');
	}
	if (attribute)
		(void)fprintf(out, " %s='%s'", attribute, value);
}

/* A domain with the element at path, with an attribute of it (NULL: none) or a text (NULL: what it
 * needs). wrapped: the path without its last element. free() the result. */
static char *domain_with(
	const char *path, const char *attribute, const char *value, const char *text, bool host)
{
	char *xml = NULL;
	size_t size = 0;
	const char *ends[8];
	size_t depth = 0;
	FILE *out = open_memstream(&xml, &size);
	assert_non_null(out);
	(void)fprintf(out, "<domain>");
	for (const char *at = path; *at != '\0';) {
		size_t n = strcspn(at, "/"), need = 0, all = (size_t)(at - path) + n;
		bool last = at[n] == '\0';
		while (need < ARRAY_SIZE(needs) &&
			(strlen(needs[need].path) != all ||
				strncmp(needs[need].path, path, all) != 0))
			need++;
		(void)fprintf(out, "<%.*s", (int)n, at);
		write_attributes(out, need, last ? attribute : NULL, value);
		if (all == 3 && strncmp(path, "cpu", 3) == 0 && host &&
			!(last && attribute && strcmp(attribute, "mode") == 0))
			(void)fprintf(out, " mode='host-passthrough'");
		(void)fputc('>', out);
		if (all == 3 && strncmp(path, "cpu", 3) == 0 && !host &&
			strncmp(path, "cpu/model", 9) != 0)
			(void)fprintf(out, "<model>Skylake-Server</model>");
		if (last && (text || need < ARRAY_SIZE(needs)))
			(void)fprintf(out, "%s", text ? text : needs[need].text);
		assert_true(depth < ARRAY_SIZE(ends));
		ends[depth++] = at;
		at += n + !last;
	}
	while (depth > 0) {
		const char *at = ends[--depth];
		(void)fprintf(out, "</%.*s>", (int)strcspn(at, "/"), at);
	}
	/* The virtualization extensions are spoken of, so that nothing is said of them. */
	if (strncmp(path, "cpu", 3) != 0)
		(void)fprintf(out, "<cpu%s",
			host ? " mode='host-passthrough'><feature name='vmx'/></cpu>"
			     : "><model>Skylake-Server</model></cpu>");
	(void)fprintf(out, "</domain>");
	assert_int_equal(fclose(out), 0);
	return xml;
}

static const char *sample_of(const char *value)
{
	static const struct {
		const char *type, *sample;
	} samples[] = { { "<text>", "x" }, { "<string>", "avx" }, { "<countCPU>", "2" },
		{ "<cpuset>", "0-1" }, { "<PortNumber>", "1" } };
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		if (strcmp(samples[i].type, value) == 0)
			return samples[i].sample;
	}
	return value[0] == '<' ? "38" : value;
}

/* Values apart by '|': next. */
static bool next_value(const char **at, char value[64])
{
	size_t n = strcspn(*at, "|");
	if (**at == '\0')
		return false;
	assert_true(n < 64);
	(void)memcpy(value, *at, n);
	value[n] = '\0';
	*at += n + ((*at)[n] == '|');
	return true;
}

/* How many of an attribute's values say nothing, of a row that is carried. */
static unsigned try_attribute(const char *path, const char *attribute, const char *values,
	const struct word *row, bool host)
{
	char value[64];
	unsigned silent = 0;
	struct outcome without;
	char *base = domain_with(path, NULL, NULL, NULL, host);
	outcome_of(&without, libvirt_cpu_read, base);
	for (const char *at = values; next_value(&at, value);) {
		const char *sample = sample_of(value);
		char *xml = domain_with(path, attribute, sample, NULL, host), lost[128];
		struct outcome with;
		outcome_of(&with, libvirt_cpu_read, xml);
		(void)snprintf(lost, sizeof(lost), "%s='%s'", attribute, sample);
		hold_to_row(row, sample, xml, &with, &without, lost);
		silent += !is_refused(&with) && !is_other(&with, &without) &&
			  !says_more(&with, &without);
		outcome_done(&with);
		free(xml);
	}
	outcome_done(&without);
	free(base);
	return silent;
}

static void check_attribute(const char *word, const char *values, const struct word *row)
{
	char path[128];
	const char *at = strchr(word, '@');
	(void)snprintf(path, sizeof(path), "%.*s", (int)(at - word), word);
	unsigned nr = 1;
	for (const char *c = values; *c != '\0'; c++)
		nr += *c == '|';
	unsigned named = try_attribute(path, at + 1, values, row, false);
	unsigned host = try_attribute(path, at + 1, values, row, true);
	/* One of them may be how it is anyway. */
	unsigned silent = named < host ? named : host;
	/* A timer's name alone asks for nothing. */
	bool name = strcmp(word, "clock/timer@name") == 0;
	if (row->fate == WORD_CARRIED && silent > 1 && !name)
		fail_msg("%s: %u of %u values go without a word", word, silent, nr);
	if (row->fate == WORD_CARRIED && nr == 1 && silent)
		fail_msg("%s goes without a word", word);
}

static void check_element(const char *path, const char *values, const struct word *row)
{
	char value[64], lost[160],
		without_it[] = "<domain><cpu><model>Skylake-Server</model></cpu></domain>";
	struct outcome base;
	outcome_of(&base, libvirt_cpu_read, without_it);
	for (const char *at = strcmp(values, "-") == 0 ? "" : values; next_value(&at, value);) {
		struct outcome with;
		char *xml = domain_with(path, NULL, NULL, sample_of(value), false);
		outcome_of(&with, libvirt_cpu_read, xml);
		hold_to_row(row, "-", xml, &with, &base, path);
		outcome_done(&with);
		free(xml);
	}
	if (strcmp(values, "-") == 0) {
		struct outcome with;
		char *xml = domain_with(path, NULL, NULL, NULL, false);
		(void)snprintf(lost, sizeof(lost), "%s: ", path);
		outcome_of(&with, libvirt_cpu_read, xml);
		if (row->fate != WORD_SAME || !strchr(path, '/'))
			hold_to_row(row, "-", xml, &with, &base, lost);
		outcome_done(&with);
		free(xml);
	}
	outcome_done(&base);
}

static void libvirt__every_word_of_the_schema__is_dealt_with(void **state)
{
	struct schema *s = malloc(sizeof(*s));
	(void)state;
	assert_non_null(s);
	schema_load(s, "libvirt");
	assert_true(s->nr > 290);
	for (size_t i = 0; i < s->nr; i++) {
		const char *word = s->rows[i].word;
		const struct word *row = word_find(WORDS_LIBVIRT, word);
		if (!row || strcmp(row->name, "*") == 0)
			fail_msg("libvirt's %s has no row", word);
		/* What is named with its element, or belongs to one that is no account. */
		if (row->fate == WORD_SAME && row->name[strlen(row->name) - 1] == '*')
			continue;
		if (strchr(word, '@') && strcmp(row->note, "named with the element") != 0)
			check_attribute(word, s->rows[i].values, row);
		else if (!strchr(word, '@'))
			check_element(word, s->rows[i].values, row);
	}
	free(s->text);
	free(s);
}

static void libvirt__every_row__is_a_word_of_the_schema(void **state)
{
	struct schema *s = malloc(sizeof(*s));
	const struct word *w;
	(void)state;
	assert_non_null(s);
	schema_load(s, "libvirt");
	for (size_t i = 0; (w = word_at(WORDS_LIBVIRT, i)); i++) {
		/* QEMU's own words have a schema of their own. */
		if (!schema_has(s, w->name) && strncmp(w->name, "qemu:", 5) != 0)
			fail_msg("%s is no word of libvirt's", w->name);
	}
	free(s->text);
	free(s);
}

/* --- Firecracker --- */

static void firecracker__schema_and_rows__are_the_same(void **state)
{
	struct schema *s = malloc(sizeof(*s));
	const struct word *w;
	size_t nr = 0;
	(void)state;
	assert_non_null(s);
	schema_load(s, "firecracker");
	for (size_t i = 0; i < s->nr; i++) {
		w = word_find(WORDS_FIRECRACKER, s->rows[i].word);
		if (!w || strcmp(w->name, s->rows[i].word) != 0)
			fail_msg("Firecracker's %s has no row", s->rows[i].word);
		assert_int_equal(w->fate == WORD_REFUSED, strcmp(s->rows[i].second, "arm") == 0);
	}
	while (word_at(WORDS_FIRECRACKER, nr))
		nr++;
	assert_int_equal(nr, s->nr);
	free(s->text);
	free(s);
}

#define LEAF(reg, flags)                                                                           \
	"{\"cpuid_modifiers\": [{\"leaf\": \"0x7\", \"subleaf\": \"0x0\", \"flags\": " flags       \
	", \"modifiers\": [{\"register\": \"" reg "\", \"bitmap\": \"0b100000\"}]}]}"

static void firecracker__every_member__is_dealt_with(void **state)
{
	static const struct {
		const char *member, *with, *without;
	} cases[] = {
		{ "cpuid_modifiers", LEAF("ebx", "1"), "{}" },
		{ "cpuid_modifiers[].modifiers", LEAF("ebx", "1"),
			"{\"cpuid_modifiers\": [{\"leaf\": \"0x7\", \"subleaf\": \"0x0\", "
			"\"flags\": 1, "
			"\"modifiers\": []}]}" },
		{ "cpuid_modifiers[].modifiers[].register", LEAF("ecx", "1"), LEAF("ebx", "1") },
		{ "cpuid_modifiers[].flags", LEAF("ebx", "0"), LEAF("ebx", "1") },
		{ "kvm_capabilities", "{\"kvm_capabilities\": [\"!56\"]}", "{}" },
		{ "msr_modifiers",
			"{\"msr_modifiers\": [{\"addr\": \"0x10a\", \"bitmap\": \"0b1\"}]}", "{}" },
		{ "reg_modifiers", "{\"reg_modifiers\": []}", "{}" },
		{ "vcpu_features", "{\"vcpu_features\": []}", "{}" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct word *row = word_find(WORDS_FIRECRACKER, cases[i].member);
		struct outcome with, without;
		assert_non_null(row);
		outcome_of(&with, firecracker_cpu_read, cases[i].with);
		outcome_of(&without, firecracker_cpu_read, cases[i].without);
		hold_to_row(row, "", cases[i].with, &with, &without, cases[i].member);
		if (row->fate == WORD_CARRIED)
			assert_true(is_other(&with, &without));
		outcome_done(&with);
		outcome_done(&without);
	}
}

/* --- TOML --- */

static bool is_of_cpu(const char *key)
{
	return strncmp(key, "cpu.", 4) == 0 || strncmp(key, "msr.", 4) == 0 ||
	       strncmp(key, "nesting.", 8) == 0 || strncmp(key, "hyperv.", 7) == 0;
}

static void toml__keys_and_rows__are_the_same(void **state)
{
	const struct word *w;
	(void)state;
	for (size_t i = 0; i < key_count; i++) {
		w = word_find(WORDS_TOML, key_table[i].name);
		assert_non_null(w);
		if (is_of_cpu(key_table[i].name) && strcmp(w->name, key_table[i].name) != 0)
			fail_msg("the key %s has no row", key_table[i].name);
	}
	for (size_t i = 0; (w = word_at(WORDS_TOML, i)); i++) {
		if (strcmp(w->name, "*") != 0 && !key_find(w->name))
			fail_msg("%s is no key", w->name);
	}
}

/* --- the tables themselves --- */

static void find__name__is_its_row_or_the_longest_pattern(void **state)
{
	(void)state;
	assert_string_equal(word_find(WORDS_QEMU, "pmu")->name, "pmu");
	assert_string_equal(word_find(WORDS_QEMU, "hv-spinlocks")->name, "hv-spinlocks");
	assert_string_equal(word_find(WORDS_QEMU, "hv-relaxed")->name, "hv-*");
	assert_string_equal(word_find(WORDS_QEMU, "x-hv-max-vps")->name, "x-hv-max-vps");
	assert_string_equal(word_find(WORDS_QEMU, "x-other")->name, "x-*");
	assert_null(word_find(WORDS_QEMU, "no-such-thing"));
	assert_null(word_at(WORDS_QEMU, 10000));
	assert_null(word_at(WORDS_COUNT, 0));
	assert_true(word_is_nothing(word_find(WORDS_QEMU, "l3-cache"), "on"));
	assert_false(word_is_nothing(word_find(WORDS_QEMU, "l3-cache"), "o"));
	assert_false(word_is_nothing(word_find(WORDS_QEMU, "pmu"), ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu__every_property__is_dealt_with),
		cmocka_unit_test(qemu__every_name_that_is_written__is_a_property),
		cmocka_unit_test(qemu__every_row__is_a_property),
		cmocka_unit_test(qemu__every_enlightenment__is_known),
		cmocka_unit_test(libvirt__every_word_of_the_schema__is_dealt_with),
		cmocka_unit_test(libvirt__every_row__is_a_word_of_the_schema),
		cmocka_unit_test(firecracker__schema_and_rows__are_the_same),
		cmocka_unit_test(firecracker__every_member__is_dealt_with),
		cmocka_unit_test(toml__keys_and_rows__are_the_same),
		cmocka_unit_test(find__name__is_its_row_or_the_longest_pattern),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
