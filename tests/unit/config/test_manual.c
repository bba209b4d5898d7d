/* SPDX-License-Identifier: MIT */
/* man/nestor.toml.5 against the key table: the same keys, and their words and defaults. */
#include "config_test.h"

#include "config/keys.h"

#define MANUAL NESTOR_SOURCE_DIR "/man/nestor.toml.5"
#define ITEM ".It Ic "

/* The manual's text from the .It line of a key up to the next .It line; to be freed. NULL: none. */
static char *entry_of(const char *name)
{
	char *entry = NULL;
	size_t bytes = 0, size = 0;
	char *line = NULL;
	bool inside = false, found = false;
	FILE *f = fopen(MANUAL, "re");
	FILE *out = open_memstream(&entry, &bytes);
	assert_true(f && out);
	while (getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, ".It", 3) == 0)
			inside = strncmp(line, ITEM, strlen(ITEM)) == 0 &&
				 strcmp(line + strlen(ITEM), name) == 0;
		if (inside)
			(void)fprintf(out, "%s\n", line);
		found |= inside;
	}
	free(line);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(fclose(out), 0);
	if (!found) {
		free(entry);
		entry = NULL;
	}
	return entry;
}

static void manual__every_key__has_an_entry(void **state)
{
	(void)state;
	for (size_t i = 0; config_key_name(i); i++) {
		char *entry = entry_of(config_key_name(i));
		if (!entry)
			fail_msg("%s has no entry for %s", MANUAL, config_key_name(i));
		free(entry);
	}
}

static void manual__every_entry__is_a_key(void **state)
{
	(void)state;
	size_t size = 0, nr = 0;
	char *line = NULL;
	FILE *f = fopen(MANUAL, "re");
	assert_non_null(f);
	while (getline(&line, &size, f) > 0) {
		if (strncmp(line, ITEM, strlen(ITEM)) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		nr++;
		if (!key_find(line + strlen(ITEM)))
			fail_msg("%s: \"%s\" is no key", MANUAL, line);
	}
	free(line);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(nr, key_count);
}

/* Each entry has a "Default:" line whose first word or string is the table's. */
static void manual__every_default__is_the_tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < key_count; i++) {
		char *entry = entry_of(key_table[i].name);
		assert_non_null(entry);
		const char *line = strstr(entry, "\nDefault: ");
		if (!line)
			fail_msg("%s: no default", key_table[i].name);
		line += strlen("\nDefault: ");
		line += *line == '"' ? 1 : 0;
		const char *initial = key_table[i].initial;
		if (initial && strncmp(line, initial, strlen(initial)) != 0)
			fail_msg("%s: the default is %s", key_table[i].name, initial);
		if (initial && strchr("\".,\n ", line[strlen(initial)]) == NULL)
			fail_msg("%s: the default is only %s", key_table[i].name, initial);
		if (!initial && strncmp(line, "none", 4) != 0 && strncmp(line, "1", 1) != 0)
			fail_msg("%s: there is no default", key_table[i].name);
		free(entry);
	}
}

static void manual__every_word__is_explained(void **state)
{
	(void)state;
	for (size_t i = 0; i < key_count; i++) {
		char *entry = entry_of(key_table[i].name);
		assert_non_null(entry);
		for (size_t w = 0; key_table[i].words && key_table[i].words[w]; w++) {
			if (!strstr(entry, key_table[i].words[w]))
				fail_msg("%s: \"%s\" is missing", key_table[i].name,
					key_table[i].words[w]);
		}
		free(entry);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manual__every_key__has_an_entry),
		cmocka_unit_test(manual__every_entry__is_a_key),
		cmocka_unit_test(manual__every_default__is_the_tables),
		cmocka_unit_test(manual__every_word__is_explained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
