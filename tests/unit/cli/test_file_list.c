/* SPDX-License-Identifier: MIT */
#include "cli/file_list.h"

#include "fake/cmocka.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char dir[32];
	char path[128];
	struct file_list list;
	struct err e;
};

static const char *in_dir(struct fixture *f, const char *name)
{
	(void)snprintf(f->path, sizeof(f->path), "%s/%s", f->dir, name);
	return f->path;
}

static void write_file(struct fixture *f, const char *name, const void *bytes, size_t n)
{
	FILE *out = fopen(in_dir(f, name), "we");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, n, out), n);
	assert_int_equal(fclose(out), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/nestor-list-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "b.json", "a.json", ".hidden", "list", "below" };
	struct fixture *f = *state;
	file_list_done(&f->list);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)remove(in_dir(f, names[i]));
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static void file_list__folder__gives_its_files_in_order(void **state)
{
	struct fixture *f = *state;
	write_file(f, "b.json", "", 0);
	write_file(f, "a.json", "", 0);
	write_file(f, ".hidden", "", 0);
	assert_int_equal(mkdir(in_dir(f, "below"), 0777), 0);
	assert_int_equal(file_list_add(&f->list, f->dir, &f->e), 0);
	assert_int_equal(f->list.nr_files, 2);
	assert_string_equal(f->list.paths[0], in_dir(f, "a.json"));
	assert_string_equal(f->list.paths[1], in_dir(f, "b.json"));
}

static void file_list__absent_file__is_kept_for_its_reader(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(file_list_add(&f->list, "/nonexistent/x", &f->e), 0);
	assert_int_equal(f->list.nr_files, 1);
	assert_string_equal(f->list.paths[0], "/nonexistent/x");
}

static void file_list__lines__empty_ones_do_not_count(void **state)
{
	struct fixture *f = *state;
	static const char lines[] = "\none\n\n two \nthree";
	write_file(f, "list", lines, sizeof(lines) - 1);
	assert_int_equal(file_list_add_from(&f->list, in_dir(f, "list"), &f->e), 0);
	assert_int_equal(f->list.nr_files, 3);
	assert_string_equal(f->list.paths[1], " two ");
	assert_string_equal(f->list.paths[2], "three");
}

static void file_list__nul_in_line__is_refused(void **state)
{
	struct fixture *f = *state;
	write_file(f, "list", "a\nb\0c\n", 6);
	assert_int_equal(file_list_add_from(&f->list, in_dir(f, "list"), &f->e), -EINVAL);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_non_null(strstr(f->e.msg, "list:2: not the name of a file"));
}

static void file_list__line_longer_than_a_path__is_refused(void **state)
{
	struct fixture *f = *state;
	char line[5000];
	memset(line, 'x', sizeof(line));
	write_file(f, "list", line, sizeof(line));
	assert_int_equal(file_list_add_from(&f->list, in_dir(f, "list"), &f->e), -EINVAL);
}

static void file_list__list_is_absent_or_a_folder__is_refused(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(file_list_add_from(&f->list, in_dir(f, "absent"), &f->e), -ENOENT);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_int_equal(file_list_add_from(&f->list, f->dir, &f->e), -EISDIR);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg, "is a directory; expected a file with the names of files in it");
	assert_contains(f->e.hint, "give the directory itself as an argument");
	assert_int_equal(f->list.nr_files, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			file_list__folder__gives_its_files_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(
			file_list__absent_file__is_kept_for_its_reader, setup, teardown),
		cmocka_unit_test_setup_teardown(
			file_list__lines__empty_ones_do_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(
			file_list__nul_in_line__is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			file_list__line_longer_than_a_path__is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			file_list__list_is_absent_or_a_folder__is_refused, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
