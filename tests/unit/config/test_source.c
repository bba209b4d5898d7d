/* SPDX-License-Identifier: MIT */
/* A config from values: a text that is held, and what is set over it. */
#include "config_test.h"
#include "fake/cmocka.h"

#include "config/source.h"
#include "config/store.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define TEXT "[memory]\nsize = \"64M\"\n[boot]\nkernel = \"vmlinuz\"\n"

static struct config_source source_of(const char *name, const char *text)
{
	return (struct config_source){ .name = name, .text = text, .n = text ? strlen(text) : 0 };
}

static void load__text__is_taken_and_no_file_is_read(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	const struct config_source source = source_of("/nonexistent/folder/vm.toml", TEXT);
	assert_int_equal(config_load(c, &source, &e), 0);
	assert_int_equal(c->vm.memory.size_bytes, 64 * MIB);
	assert_string_equal(c->vm.boot.kernel, "/nonexistent/folder/vmlinuz");
	assert_string_equal(config_origin(c, "memory.size"), "/nonexistent/folder/vm.toml:2:8");
}

static void load__text_of_a_folder_or_none__paths_are_relative_to_it(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	char here[4096], kernel[4200];
	const struct config_source root = source_of("/vm.toml", TEXT);
	assert_int_equal(config_load(c, &root, &e), 0);
	assert_string_equal(c->vm.boot.kernel, "/vmlinuz");
	const struct config_source plain = source_of("vm.toml", TEXT);
	assert_int_equal(config_load(c, &plain, &e), 0);
	assert_non_null(getcwd(here, sizeof(here)));
	(void)snprintf(kernel, sizeof(kernel), "%s/vmlinuz", here);
	assert_string_equal(c->vm.boot.kernel, kernel);
}

static void load__no_text__the_file_is_read(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	char path[] = "/tmp/nestor-test-source-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, TEXT, strlen(TEXT)), (ssize_t)strlen(TEXT));
	const struct config_source source = source_of(path, NULL);
	int rc = config_load(c, &source, &e);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rc, 0);
	assert_int_equal(c->vm.memory.size_bytes, 64 * MIB);
	assert_true(config_load(c, &source, &e) < 0);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_contains(e.msg, path);
}

static void load__overrides__over_the_text_in_their_order(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	const struct config_override overrides[] = {
		{ "memory.size", "32M", "--memory" },
		{ NULL, "memory.size=48M", "--set" },
		{ "boot.cmdline", "\"as it is\"", "--append" },
		{ NULL, "cpu.vcpus=3", "elsewhere" },
	};
	struct config_source source = source_of("vm.toml", TEXT);
	source.overrides = overrides;
	source.nr_overrides = ARRAY_SIZE(overrides);
	assert_int_equal(config_load(c, &source, &e), 0);
	assert_int_equal(c->vm.memory.size_bytes, 48 * MIB);
	assert_string_equal(config_origin(c, "memory.size"), "--set");
	assert_string_equal(c->vm.boot.cmdline, "\"as it is\"");
	assert_int_equal(c->vm.cpu.vcpus, 3);
	assert_string_equal(config_origin(c, "cpu.vcpus"), "elsewhere");
}

static void load__overrides_alone__need_no_file(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	const struct config_override one = { "memory.size", "32M", "--memory" };
	const struct config_source source = { .overrides = &one, .nr_overrides = 1 };
	assert_int_equal(config_load(c, &source, &e), 0);
	assert_int_equal(c->vm.memory.size_bytes, 32 * MIB);
}

static void load__bad_override__named_and_the_last(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	const struct config_override overrides[] = {
		{ "memory.sise", "32M", "a program" },
		{ "memory.size", "32M", "--memory" },
	};
	struct config_source source = source_of("vm.toml", TEXT);
	source.overrides = overrides;
	source.nr_overrides = 2;
	assert_int_equal(config_load(c, &source, &e), -EINVAL);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_contains(e.msg, "a program");
	assert_contains(e.msg, "memory.sise");
	assert_int_equal(c->vm.memory.size_bytes, 64 * MIB);
}

static void read__file__once_and_then_its_text(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	struct input_file file;
	char path[] = "/tmp/nestor-test-source-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, TEXT, strlen(TEXT)), (ssize_t)strlen(TEXT));
	assert_int_equal(close(fd), 0);
	struct config_source source = source_of(path, NULL);
	int rc = config_source_read(&source, &file, &e);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rc, 0);
	assert_int_equal(source.n, strlen(TEXT));
	assert_int_equal(config_load(c, &source, &e), 0);
	assert_int_equal(c->vm.memory.size_bytes, 64 * MIB);
	input_file_close(&file);
}

static void read__nothing_to_read__as_it_was(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct input_file file;
	struct config_source none = { .name = NULL };
	assert_int_equal(config_source_read(&none, &file, &e), 0);
	assert_null(none.text);
	input_file_close(&file);
	struct config_source text = source_of("/nonexistent/vm.toml", TEXT);
	assert_int_equal(config_source_read(&text, &file, &e), 0);
	assert_string_equal(text.text, TEXT);
	input_file_close(&file);
	struct config_source absent = source_of("/nonexistent/vm.toml", NULL);
	assert_true(config_source_read(&absent, &file, &e) < 0);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_null(absent.text);
	input_file_close(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIG_TEST(load__text__is_taken_and_no_file_is_read),
		CONFIG_TEST(load__text_of_a_folder_or_none__paths_are_relative_to_it),
		CONFIG_TEST(load__no_text__the_file_is_read),
		CONFIG_TEST(load__overrides__over_the_text_in_their_order),
		CONFIG_TEST(load__overrides_alone__need_no_file),
		CONFIG_TEST(load__bad_override__named_and_the_last),
		CONFIG_TEST(read__file__once_and_then_its_text),
		CONFIG_TEST(read__nothing_to_read__as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
