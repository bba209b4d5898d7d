/* SPDX-License-Identifier: MIT */
/* The map of rooms: what is a map, which #include it allows, and the table in README. */
#include "fake/cmocka.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkrooms/rooms.h"

#define HEAD "# room\tmay_include\twhat\n"
#define MAP HEAD "base\t-\tlow\nplan\tbase\ta plan\nplan/pci\tbase\tbuses\nvm\tbase plan\tall\n"

struct fixture {
	struct arena arena;
	struct faults faults;
	struct rooms rooms;
};

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* In an empty folder: src/ with a source in each room of MAP. */
static int enter_folder(void **state)
{
	char *folder = strdup("/tmp/nestor-checkrooms-XXXXXX");
	assert_non_null(folder);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	static const char *const folders[] = { "src", "src/base", "src/base/data", "src/plan",
		"src/plan/pci", "src/vm" };
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		assert_int_equal(mkdir(folders[i], 0700), 0);
	write_text("src/base/err.c", "#include \"base/err.h\"\n");
	write_text("src/base/data/no-source.tsv", "#include \"vm/vm.h\"\n");
	write_text("src/plan/plan.cpp", "#include \"base/err.h\"\n");
	write_text("src/plan/pci/pci.h", "#include \"plan/pci/pci.h\"\n");
	write_text("src/vm/vm.c", "#include \"plan/plan.h\"\n");
	*state = folder;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int leave_folder(void **state)
{
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(*state);
	return 0;
}

static void read_map(struct fixture *f, const char *map)
{
	write_text("src/rooms.tsv", map);
	*f = (struct fixture){ .faults = { .arena = &f->arena } };
	rooms_read(&f->rooms, &f->faults, "src");
}

static void assert_fault(
	const struct fixture *f, const char *path, unsigned line, unsigned column, const char *text)
{
	assert_int_equal(f->faults.nr, 1);
	const struct fault *fault = &f->faults.list[0];
	assert_string_equal(fault->path, path);
	if (fault->line != line || fault->column != column || !strstr(fault->text, text))
		fail_msg("expected %u:%u: %s, found %u:%u: %s", line, column, text, fault->line,
			fault->column, fault->text);
}

static void map__good_one__says_who_may_include_whom(void **state)
{
	(void)state;
	struct fixture f;
	read_map(&f, MAP);
	assert_int_equal(f.faults.nr, 0);
	assert_int_equal(f.rooms.nr, 4);
	const struct room *r = f.rooms.list;
	static const bool may[4][4] = { { true, false, false, false }, { true, true, false, false },
		{ true, false, true, false }, { true, true, false, true } };
	for (size_t i = 0; i < 4; i++) {
		for (size_t j = 0; j < 4; j++)
			assert_int_equal(room_may_include(&r[i], &r[j]), may[i][j]);
	}
	arena_free(&f.arena);
}

static void map__bad_one__is_refused_at_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *map;
		unsigned line, column;
		const char *text;
	} bad[] = {
		{ HEAD "base\tplan\tlow\nplan\t-\ta plan\n", 2, 6,
			"a room of a row above, found plan" },
		{ HEAD "base\tbase\tlow\n", 2, 6, "a room of a row above, found base" },
		{ HEAD "base\t-\tlow\nplan\tbase bass\ta plan\n", 3, 11,
			"a room of a row above, found bass" },
		{ HEAD "base\t-\tlow\nplan\tbase base\ta plan\n", 3, 11,
			"a room once, found base" },
		{ HEAD "base\t-\tlow\nplan\tbase,base\ta\n", 3, 6,
			"a room of a row above, found base,base" },
		{ HEAD "base\t-\tlow\nbase\t-\tagain\n", 3, 1, "another room than base" },
		{ HEAD "base\t-\t-\n", 2, 8, "a text, found -" },
		{ HEAD "base\t-\tone | two\n", 2, 8, "a text without |" },
		{ HEAD "/base\t-\tlow\n", 2, 1, "the name of a folder below src/" },
		{ HEAD "base/\t-\tlow\n", 2, 1, "the name of a folder below src/" },
		{ HEAD "../base\t-\tlow\n", 2, 1, "the name of a folder below src/" },
		{ HEAD "base\t-\n", 2, 7, "3 columns, found 2: no `what`" },
		{ "base\t-\tlow\n", 1, 1, "a heading with the names of the columns" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fixture f;
		read_map(&f, bad[i].map);
		assert_fault(&f, "src/rooms.tsv", bad[i].line, bad[i].column, bad[i].text);
		arena_free(&f.arena);
	}
}

/* A source of the room plan, which may include base alone. column 0: it is allowed. */
static void judge(const char *text, unsigned line, unsigned column, const char *expected)
{
	struct fixture f;
	read_map(&f, MAP);
	rooms_judge_source(&f.rooms, &f.rooms.list[1], "src/plan/x.c", text, strlen(text));
	if (column == 0 && f.faults.nr > 0)
		fail_msg("'%s': %s", text, f.faults.list[0].text);
	if (column > 0 && f.faults.nr == 0)
		fail_msg("'%s' is allowed", text);
	if (column > 0)
		assert_fault(&f, "src/plan/x.c", line, column, expected);
	arena_free(&f.arena);
}

static void include__of_an_allowed_room__is_allowed(void **state)
{
	(void)state;
	static const char *const good[] = {
		"",
		"#include \"base/err.h\"\n#include \"plan/plan.h\"\n#include <linux/kvm.h>\n",
		"#include <stdio.h>\n#  include <sys/types.h>",
		"// #include \"vm/vm.h\"\n",
		"/*\n#include \"vm/vm.h\"\n*/\n",
		"/* \\*/ /* \"*/ /* #include \"vm/vm.h\" */\n",
		"const char *t = \"/*\"; /*\n#include \"vm/vm.h\"\n*/\n",
		"const char *t = \"\\\"\\\n#include \\\"vm/vm.h\\\"\";\n",
		"const char *t = \" #include \\\"vm/vm.h\\\"\";\n",
		"int c = '\"'; /*\n#include \"vm/vm.h\"\n*/ int d = '\\'';\n",
		"// a comment that goes on \\\n#include \"vm/vm.h\"\n",
		"#define INCLUDE #include\n",
		"#if __has_include(\"vm/vm.h\")\n#endif\n",
		"#includes \"vm/vm.h\"\n",
		"x = a # include;\n",
		"'",
		"\"",
		"/",
		"/*",
		"#",
		"#include \"base/err.h",
		"a \\",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		judge(good[i], 0, 0, "");
}

static void include__of_another_room__is_refused_at_its_place(void **state)
{
	(void)state;
	static const char expected[] =
		"rooms that src/plan may look into (src/rooms.tsv), found vm/vm.h";
	judge("#include \"vm/vm.h\"\n", 1, 11, expected);
	judge("#include \"vm/vm.h\"", 1, 11, expected);
	judge("#include <vm/vm.h>\n", 1, 11, expected);
	judge("\n\t#\tinclude\t\"vm/vm.h\" // why\n", 2, 13, expected);
	judge("#include_next \"vm/vm.h\"\n", 1, 16, expected);
	judge("#import \"vm/vm.h\"\n", 1, 10, expected);
	judge("%:include \"vm/vm.h\"\n", 1, 12, expected);
	judge("/* why */ # /* so */ include /* now */ \"vm/vm.h\"\n", 1, 41, expected);
	judge("#inc\\\nlude \\\n  \"vm/vm.h\"\n", 3, 4, expected);
	judge("\\\n#include \"vm/vm.h\"\n", 2, 11, expected);
	judge("#if 0\n#include \"vm/vm.h\"\n#endif\n", 2, 11, expected);
	judge("/* a\n * b */\n#include \"vm/vm.h\"\n", 3, 11, expected);
	judge("const char *t = \"//\";\n#include \"vm/vm.h\"\n", 2, 11, expected);
	judge("const char *t = \"/*\";\n#include \"vm/vm.h\"\n", 2, 11, expected);
	judge("int c = '\"';\n#include \"vm/vm.h\"\n", 2, 11, expected);
	judge("int c = 1'000;\n#include \"vm/vm.h\"\n", 2, 11, expected);
	judge("#include \"base/err.h\"\n#include \"vm/vm.h\"\n", 2, 11, expected);
	judge("#include \"plan/pci/pci.h\"\n", 1, 11, "found plan/pci/pci.h");
}

static void include__that_cannot_be_judged__is_refused(void **state)
{
	(void)state;
	judge("#include \"err.h\"\n", 1, 11,
		"expected \"ROOM/FILE\", of a room of src/rooms.tsv, found err.h");
	judge("#include \"../vm/vm.h\"\n", 1, 11, "expected \"ROOM/FILE\"");
	judge("#include \"base/../vm/vm.h\"\n", 1, 11, "expected \"ROOM/FILE\"");
	judge("#include <base/../vm/vm.h>\n", 1, 11, "expected \"ROOM/FILE\"");
	judge("#include \"./vm/vm.h\"\n", 1, 11, "expected \"ROOM/FILE\"");
	judge("#include \"/usr/include/stdio.h\"\n", 1, 11, "expected \"ROOM/FILE\"");
	judge("#include \"other/x.h\"\n", 1, 11, "expected \"ROOM/FILE\"");
	judge("#include HEADER\n", 1, 10, "the name of a header");
	judge("#include\n", 1, 9, "the name of a header");
}

static void sources__of_a_good_tree__are_allowed(void **state)
{
	(void)state;
	struct fixture f;
	read_map(&f, MAP);
	rooms_judge_sources(&f.rooms);
	faults_print(&f.faults, stderr);
	assert_int_equal(f.faults.nr, 0);
	arena_free(&f.arena);
}

static void sources__of_a_bad_tree__are_refused(void **state)
{
	(void)state;
	struct fixture f;
	write_text("src/plan/pci/pci.h", "\n#include \"plan/plan.h\"\n");
	read_map(&f, MAP);
	rooms_judge_sources(&f.rooms);
	assert_fault(&f, "src/plan/pci/pci.h", 2, 11, "found plan/plan.h");
	arena_free(&f.arena);
	write_text("src/plan/pci/pci.h", "");

	write_text("src/base/data/x.inc", "");
	read_map(&f, MAP);
	rooms_judge_sources(&f.rooms);
	assert_fault(&f, "src/base/data/x.inc", 0, 0, "a row for the room of this source");
	arena_free(&f.arena);
	assert_int_equal(unlink("src/base/data/x.inc"), 0);

	write_text("src/x.h", "");
	read_map(&f, MAP);
	rooms_judge_sources(&f.rooms);
	assert_fault(&f, "src/x.h", 0, 0, "a row for the room of this source");
	arena_free(&f.arena);
	assert_int_equal(unlink("src/x.h"), 0);

	assert_int_equal(unlink("src/vm/vm.c"), 0);
	read_map(&f, MAP);
	rooms_judge_sources(&f.rooms);
	assert_fault(&f, "src/rooms.tsv", 5, 1, "a room that has sources, found vm");
	arena_free(&f.arena);

	assert_int_equal(rmdir("src/vm"), 0);
	read_map(&f, MAP);
	rooms_judge_sources(&f.rooms);
	assert_fault(&f, "src/rooms.tsv", 5, 1, "the name of a folder below src/, found vm");
	arena_free(&f.arena);
}

#define README_HEAD "# Title\n\n| room | what is in it | may look into |\n|---|---|---|\n"
#define README_ROWS                                                                                \
	"| `base/` | low | - |\n| `plan/` | a plan | base |\n| `plan/pci/` | buses | base |\n"     \
	"| `vm/` | all | base, plan |\n"
#define README_END "\nMore, and | a table |\n"

static void readme__with_the_table__stays_as_it_is(void **state)
{
	(void)state;
	struct fixture f;
	unsigned line = 9;
	read_map(&f, MAP);
	const char *text = README_HEAD README_ROWS README_END;
	assert_string_equal(rooms_readme(&f.rooms, "README.md", text, &line), text);
	assert_int_equal(line, 0);
	arena_free(&f.arena);
}

static void readme__with_another_table__gets_this_one(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned line;
	} others[] = {
		{ README_HEAD README_END, 5 },
		{ README_HEAD "| `base/` | low | - |\n| `plan/` | a plan | - |\n" README_END, 6 },
		{ README_HEAD README_ROWS "| `more/` | more | - |\n" README_END, 9 },
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct fixture f;
		unsigned line = 0;
		read_map(&f, MAP);
		assert_string_equal(rooms_readme(&f.rooms, "README.md", others[i].text, &line),
			README_HEAD README_ROWS README_END);
		assert_int_equal(line, others[i].line);
		assert_int_equal(f.faults.nr, 0);
		arena_free(&f.arena);
	}
}

static void readme__room_of_almost_all__says_all_above(void **state)
{
	(void)state;
	struct fixture f;
	unsigned line = 0;
	read_map(&f, HEAD
		"a\t-\tx\nb\t-\tx\nc\t-\tx\nd\t-\tx\ne\t-\tx\nf\ta b c d e\tx\ng\ta b d e\tx\n");
	const char *text = rooms_readme(&f.rooms, "README.md", README_HEAD, &line);
	assert_int_equal(f.faults.nr, 0);
	assert_non_null(
		strstr(text, "| `f/` | x | all above |\n| `g/` | x | all above but c, f |\n"));
	arena_free(&f.arena);
}

static void readme__without_a_table__is_refused(void **state)
{
	(void)state;
	struct fixture f;
	unsigned line = 0;
	read_map(&f, MAP);
	assert_null(rooms_readme(&f.rooms, "README.md", "# Title\n", &line));
	assert_fault(&f, "README.md", 0, 0, "expected the table of the map");
	arena_free(&f.arena);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(map__good_one__says_who_may_include_whom),
		IN_FOLDER(map__bad_one__is_refused_at_its_place),
		IN_FOLDER(include__of_an_allowed_room__is_allowed),
		IN_FOLDER(include__of_another_room__is_refused_at_its_place),
		IN_FOLDER(include__that_cannot_be_judged__is_refused),
		IN_FOLDER(sources__of_a_good_tree__are_allowed),
		IN_FOLDER(sources__of_a_bad_tree__are_refused),
		IN_FOLDER(readme__with_the_table__stays_as_it_is),
		IN_FOLDER(readme__with_another_table__gets_this_one),
		IN_FOLDER(readme__room_of_almost_all__says_all_above),
		IN_FOLDER(readme__without_a_table__is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
