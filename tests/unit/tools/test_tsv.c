/* SPDX-License-Identifier: MIT */
/* The reader of tables, and the writer of C. */
#include "fake/cmocka.h"

#include <stdio.h>
#include <stdlib.h>

#include "tsv/cycle.h"
#include "tsv/names.h"
#include "tsv/output.h"

struct fixture {
	struct arena arena;
	struct faults faults;
};

static const struct tsv *parse(struct fixture *f, const char *text, size_t bytes)
{
	*f = (struct fixture){ .faults = { .arena = &f->arena } };
	return tsv_parse(&f->faults, "t.tsv", "one two", text, bytes);
}

static void assert_fault(
	const struct fixture *f, size_t i, unsigned line, unsigned column, const char *text)
{
	assert_true(i < f->faults.nr);
	assert_string_equal(f->faults.list[i].path, "t.tsv");
	assert_string_equal(f->faults.list[i].text, text);
	assert_int_equal(f->faults.list[i].line, line);
	assert_int_equal(f->faults.list[i].column, column);
}

static void refuse(
	const char *text, size_t bytes, unsigned line, unsigned column, const char *expected)
{
	struct fixture f;
	(void)parse(&f, text, bytes);
	assert_int_equal(f.faults.nr, 1);
	assert_fault(&f, 0, line, column, expected);
	arena_free(&f.arena);
}
#define REFUSE(text, ...) refuse(text, sizeof(text) - 1, __VA_ARGS__)

static void tsv__rows__have_cells_with_their_places(void **state)
{
	(void)state;
	static const char text[] = "# of what\n\n# one\ttwo\na b\t-\n\n# more\n#\n\"x\\\tlast\n";
	struct fixture f;
	const struct tsv *t = parse(&f, text, sizeof(text) - 1);
	assert_int_equal(f.faults.nr, 0);
	assert_int_equal(t->nr_rows, 2);
	assert_string_equal(t->rows[0].cell[0].text, "a b");
	assert_int_equal(t->rows[0].cell[0].line, 4);
	assert_int_equal(t->rows[0].cell[0].column, 1);
	assert_true(cell_none(&t->rows[0].cell[1]));
	assert_int_equal(t->rows[0].cell[1].column, 5);
	assert_string_equal(t->rows[1].cell[0].text, "\"x\\");
	assert_int_equal(t->rows[1].cell[1].line, 8);
	assert_string_equal(t->rows[1].cell[1].text, "last");
	arena_free(&f.arena);
}

#define HEAD "# one\ttwo\n"

static void tsv__bytes_that_are_no_table__are_refused(void **state)
{
	(void)state;
	REFUSE("\xef\xbb\xbf" HEAD "a\tb\n", 1, 1, "expected no byte order mark");
	REFUSE(HEAD "a\tb\r\n", 2, 4, "expected the line to end with LF alone, found CR LF");
	REFUSE(HEAD "a\rb\tc\n", 2, 2, "expected plain ASCII text, found the byte 0x0d");
	REFUSE(HEAD "a\t\303\251\n", 2, 3, "expected plain ASCII text, found the byte 0xc3");
	REFUSE(HEAD "a\tb\0c\n", 2, 4, "expected plain ASCII text, found the byte 0x00");
	REFUSE(HEAD "a\tb\x7f\n", 2, 4, "expected plain ASCII text, found the byte 0x7f");
	REFUSE(HEAD "a\tb", 2, 4, "expected a newline at the end of the file");
	REFUSE(HEAD "a\tb\n# end", 3, 6, "expected a newline at the end of the file");
}

static void tsv__rows_of_other_columns__are_refused(void **state)
{
	(void)state;
	REFUSE(HEAD "a\n", 2, 2, "expected 2 columns, found 1: no `two`");
	REFUSE(HEAD "a b\n", 2, 4, "expected 2 columns, found 1: no `two`");
	REFUSE(HEAD "a\tb\tc\td\n", 2, 5, "expected 2 columns, found 4: more after `two`");
	REFUSE(HEAD "a\tb\t\n", 2, 5, "expected 2 columns, found 3: more after `two`");
	REFUSE(HEAD "\tb\n", 2, 1, "expected text in the column `one`, found none; - means none");
	REFUSE(HEAD "a\t\n", 2, 3, "expected text in the column `two`, found none; - means none");
	REFUSE(HEAD " a\tb\n", 2, 1,
		"expected no space at the ends of the column `one`, found \" a\"");
	REFUSE(HEAD "a\tb \n", 2, 3,
		"expected no space at the ends of the column `two`, found \"b \"");
	REFUSE(HEAD " \n", 2, 2, "expected 2 columns, found 1: no `two`");
}

static void tsv__heading__must_name_the_columns(void **state)
{
	(void)state;
	static const char expected[] = "expected a heading with the names of the columns, "
				       "\"# one\ttwo\", before the first row";
	REFUSE("a\tb\n", 1, 1, expected);
	REFUSE("# one two\na\tb\n", 1, 1, expected);
	REFUSE("# one\ttwo\tthree\na\tb\n", 1, 1, expected);
	REFUSE("# two\tone\na\tb\n", 1, 1, expected);
	REFUSE("# one\ttwo\n# Not the heading.\na\tb\n", 2, 1, expected);
	REFUSE("# one\ttwo \na\tb\n", 1, 1, expected);
}

static void tsv__table_without_rows__is_refused(void **state)
{
	(void)state;
	REFUSE("", 1, 1, "expected a row, found the end of the file");
	REFUSE("\n\n", 3, 1, "expected a row, found the end of the file");
	REFUSE(HEAD, 2, 1, "expected a row, found the end of the file");
}

static void tsv__many_faults__are_all_found_and_some_printed(void **state)
{
	(void)state;
	char text[1024] = HEAD;
	for (unsigned i = 0; i < 25; i++)
		(void)strcat(text, "a\n");
	struct fixture f;
	(void)parse(&f, text, strlen(text));
	assert_int_equal(f.faults.nr, 25);
	char *printed = NULL;
	size_t bytes = 0;
	FILE *stream = open_memstream(&printed, &bytes);
	assert_non_null(stream);
	faults_print(&f.faults, stream);
	assert_int_equal(fclose(stream), 0);
	assert_memory_equal(printed, "t.tsv:2:2: expected 2 columns, found 1: no `two`\n", 49);
	assert_non_null(strstr(printed, "\nt.tsv:21:2: "));
	assert_null(strstr(printed, "\nt.tsv:22:2: "));
	assert_string_equal(printed + bytes - 11, "and 5 more\n");
	free(printed);
	arena_free(&f.arena);
}

/* Cells at line 2, from column 1 and on. */
static const struct cell *cells_of(struct fixture *f, const char *one, const char *two)
{
	char text[256];
	(void)snprintf(text, sizeof(text), HEAD "%s\t%s\n", one, two);
	const struct tsv *t = parse(f, text, strlen(text));
	assert_int_equal(t->nr_rows, 1);
	return t->rows[0].cell;
}

static void cell__values__are_read(void **state)
{
	(void)state;
	struct fixture f;
	const struct cell *c = cells_of(&f, "0xffffffff", "4294967");
	assert_int_equal(cell_hex32(&c[0]), UINT32_MAX);
	assert_int_equal(cell_number(&c[1], 4294967, 4294967), 4294967);
	arena_free(&f.arena);
	c = cells_of(&f, "0x0", "0");
	assert_int_equal(cell_hex32(&c[0]), 0);
	assert_int_equal(cell_number(&c[1], 0, 0), 0);
	assert_int_equal(f.faults.nr, 0);
	arena_free(&f.arena);
	c = cells_of(&f, "b", "0-31");
	unsigned low = 1, high = 1;
	assert_int_equal(cell_choice(&c[0], "a b c"), 1);
	assert_true(cell_bits(&c[1], &low, &high));
	assert_int_equal(low, 0);
	assert_int_equal(high, 31);
	assert_int_equal(f.faults.nr, 0);
	arena_free(&f.arena);
}

static void cell__texts__are_measured(void **state)
{
	(void)state;
	struct fixture f;
	const struct cell *c = cells_of(&f, "abc", "-");
	assert_string_equal(cell_text(&c[0], 3), "abc");
	assert_string_equal(cell_text(&c[1], 3), "");
	assert_string_equal(cell_said(&c[0], 3), "abc");
	assert_int_equal(f.faults.nr, 0);
	(void)cell_said(&c[1], 3);
	assert_fault(&f, 0, 2, 5, "expected a text, found -");
	(void)cell_text(&c[0], 2);
	assert_fault(&f, 1, 2, 1, "expected at most 2 characters, found 3");
	arena_free(&f.arena);
}

static void cell__other_values__are_refused(void **state)
{
	(void)state;
	static const char *const no_numbers[] = { "32", "01", "+1", "-1", "1.0", "0x1", "1 2", "-",
		"4294967296", "18446744073709551617" };
	static const char *const no_hex[] = { "1", "0X1", "0x", "0x01", "0x1g", "0xA",
		"0x123456789", "-0x1", "x1" };
	struct fixture f;
	for (size_t i = 0; i < sizeof(no_numbers) / sizeof(no_numbers[0]); i++) {
		const struct cell *c = cells_of(&f, "x", no_numbers[i]);
		(void)cell_number(&c[1], 1, 31);
		assert_int_equal(f.faults.nr, 1);
		assert_int_equal(f.faults.list[0].column, 3);
		arena_free(&f.arena);
	}
	for (size_t i = 0; i < sizeof(no_hex) / sizeof(no_hex[0]); i++) {
		const struct cell *c = cells_of(&f, "x", no_hex[i]);
		(void)cell_hex32(&c[1]);
		assert_int_equal(f.faults.nr, 1);
		arena_free(&f.arena);
	}
}

static void cell__word_that_only_begins_alike__is_refused(void **state)
{
	(void)state;
	struct fixture f;
	const struct cell *c = cells_of(&f, "am", "amdx");
	(void)cell_choice(&c[0], "intel amd");
	(void)cell_choice(&c[1], "intel amd");
	(void)cell_choice(&c[1], "amd");
	assert_fault(&f, 0, 2, 1, "expected one of intel amd, found am");
	assert_fault(&f, 1, 2, 4, "expected one of intel amd, found amdx");
	assert_fault(&f, 2, 2, 4, "expected amd, found amdx");
	arena_free(&f.arena);
}

static void cell__parts__have_their_own_places(void **state)
{
	(void)state;
	struct fixture f;
	const struct cell *c = cells_of(&f, "x", "ab,,c");
	struct cells parts = cell_split(&c[1], ',', 3);
	assert_int_equal(f.faults.nr, 0);
	assert_int_equal(parts.nr, 3);
	assert_string_equal(parts.cell[1].text, "");
	assert_string_equal(parts.cell[2].text, "c");
	assert_int_equal(parts.cell[2].column, 7);
	(void)cell_name(&parts.cell[1]);
	assert_fault(&f, 0, 2, 6, "expected a name of letters, digits, . _ and -, found nothing");
	assert_int_equal(cell_split(&c[1], ',', 2).nr, 2);
	assert_fault(&f, 1, 2, 7, "expected at most 2 parts, found 3");
	arena_free(&f.arena);
}

static void names__many__are_found_again(void **state)
{
	(void)state;
	struct fixture f;
	const struct cell *c = cells_of(&f, "cell", "n100");
	struct names n = { .what = "thing" };
	int values[500];
	for (unsigned i = 0; i < 500; i++)
		assert_true(names_add(&n, arena_printf(&f.arena, "n%u", i), &c[0], &values[i]));
	for (unsigned i = 0; i < 500; i++)
		assert_ptr_equal(
			names_find(&n, arena_printf(&f.arena, "n%u", i))->value, &values[i]);
	assert_null(names_find(&n, "n500"));
	assert_ptr_equal(names_known(&n, &c[1])->value, &values[100]);
	assert_int_equal(f.faults.nr, 0);
	assert_false(names_add(&n, "n7", &c[0], NULL));
	assert_fault(&f, 0, 2, 1, "expected another thing than n7, which is also in t.tsv:2");
	arena_free(&f.arena);
}

static void names__misspelt__has_its_nearest_told(void **state)
{
	(void)state;
	struct fixture f;
	const struct cell *c = cells_of(&f, "vmx-epd", "zz-unlike");
	struct names n = { .what = "feature" };
	(void)names_add(&n, "vmx-ept", &c[0], NULL);
	assert_null(names_known(&n, &c[0]));
	assert_null(names_known(&n, &c[1]));
	assert_fault(&f, 0, 2, 1, "expected a feature (the nearest is vmx-ept), found vmx-epd");
	assert_fault(&f, 1, 2, 9, "expected a feature, found zz-unlike");
	arena_free(&f.arena);
}

static void cycle__found_behind_other_edges__is_told_alone(void **state)
{
	(void)state;
	struct fixture f;
	const struct cell *c = cells_of(&f, "x", "y");
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	const struct edge edges[] = { { 0, 1, &c[0] }, { 1, 2, &c[0] }, { 2, 3, &c[1] },
		{ 3, 2, &c[0] }, { 1, 4, &c[0] }, { 0, 4, &c[0] } };
	cycle_refuse(edges, 2, names, 5);
	cycle_refuse(edges, 3, names, 5);
	cycle_refuse(edges, 0, names, 5);
	assert_int_equal(f.faults.nr, 0);
	cycle_refuse(edges, 6, names, 5);
	assert_int_equal(f.faults.nr, 1);
	assert_non_null(strstr(f.faults.list[0].text, "found c -> d -> c"));
	arena_free(&f.arena);
}

static void c_string__any_bytes__are_what_c_reads(void **state)
{
	(void)state;
	static const struct {
		const char *text, *quoted;
	} cases[] = {
		{ "", "\"\"" },
		{ "plain 'text'", "\"plain 'text'\"" },
		{ "a \"b\"", "\"a \\\"b\\\"\"" },
		{ "\\n\\", "\"\\\\n\\\\\"" },
		{ "what?"
		  "?/ why?",
			"\"what?\\?/ why?\"" },
		{ "?"
		  "?"
		  "?",
			"\"?\\?\\?\"" },
		{ "100 %d", "\"100 %d\"" },
		{ "\n\t\x01"
		  "1",
			"\"\\012\\011\\0011\"" },
		{ "\xc3\xa9"
		  "9",
			"\"\\303\\2519\"" },
		{ "*/ // /*", "\"*/ // /*\"" },
	};
	struct arena arena = { 0 };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(c_string(&arena, cases[i].text), cases[i].quoted);
	assert_string_equal(c_identifier(&arena, "a-b.c_9"), "a_b_c_9");
	assert_string_equal(c_constant(&arena, "max_leaf"), "MAX_LEAF");
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tsv__rows__have_cells_with_their_places),
		cmocka_unit_test(tsv__bytes_that_are_no_table__are_refused),
		cmocka_unit_test(tsv__rows_of_other_columns__are_refused),
		cmocka_unit_test(tsv__heading__must_name_the_columns),
		cmocka_unit_test(tsv__table_without_rows__is_refused),
		cmocka_unit_test(tsv__many_faults__are_all_found_and_some_printed),
		cmocka_unit_test(cell__values__are_read),
		cmocka_unit_test(cell__texts__are_measured),
		cmocka_unit_test(cell__other_values__are_refused),
		cmocka_unit_test(cell__word_that_only_begins_alike__is_refused),
		cmocka_unit_test(cell__parts__have_their_own_places),
		cmocka_unit_test(names__many__are_found_again),
		cmocka_unit_test(names__misspelt__has_its_nearest_told),
		cmocka_unit_test(cycle__found_behind_other_edges__is_told_alone),
		cmocka_unit_test(c_string__any_bytes__are_what_c_reads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
