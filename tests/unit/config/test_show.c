#include "config_test.h"

#include "config_equal.h"

#include <errno.h>
#include <jansson.h>

static char *show(const struct config *c, bool json)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	assert_non_null(out);
	assert_int_equal(config_show(c, out, json), 0);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(strlen(text), n);
	return text;
}

static void expect_line(const char *text, const char *line)
{
	char *found = NULL;
	char *whole = NULL;
	assert_true(asprintf(&whole, "\n%s\n", line) > 0);
	found = strstr(text, whole);
	free(whole);
	if (!found)
		fail_msg("no line \"%s\" in:\n%s", line, text);
}

static void show_toml__values__with_their_origins(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	load_good(c, "name = 'x'\n[boot]\nkernel = 'k'\nmodules = [{ path = 'm' }]\n");
	set_good(c, "cpu.pinning=[1, 2]");
	set_good(c, "debug_exit.port=0x10");
	assert_int_equal(config_set_text(c, "memory.size", "1G", "--memory", &e), 0);
	char *text = show(c, false);
	assert_memory_equal(text, "name = \"x\" # vm.toml:1:8\n", 25);
	expect_line(text, "[memory]\nsize = \"1G\" # --memory");
	expect_line(text, "hugepages = false # default");
	expect_line(text, "# vcpus is not given");
	expect_line(text, "pinning = [1, 2] # --set");
	expect_line(text, "kernel = \"/dir/k\" # vm.toml:3:10");
	expect_line(text, "[[boot.modules]]\npath = \"/dir/m\" # vm.toml:4:21");
	expect_line(text, "# cmdline is not given");
	expect_line(text, "protocol = \"auto\" # default");
	expect_line(text, "[[serial]]\nmode = \"stdio\" # default");
	expect_line(text, "port = 0x10 # --set");
	expect_line(text, "stop_timeout = \"30s\" # default");
	free(text);
}

static void expect_round_trip(const struct config *c)
{
	char *text = show(c, false);
	struct config *again = config_create();
	assert_non_null(again);
	load_good(again, text);
	assert_true(config_equal(c, again));
	config_destroy(again);
	free(text);
}

static void show_toml__nothing_given__loads_again(void **state)
{
	expect_round_trip(*state);
}

static void show_toml__empty_serial__loads_again(void **state)
{
	set_good(*state, "serial=[]");
	expect_round_trip(*state);
}

static void show_toml__every_ascii_character__loads_again(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	char text[140];
	for (int i = 0; i < 127; i++)
		text[i] = (char)(i + 1);
	(void)memcpy(text + 127, "\xc2\x85\xe4\xb8\xad", 6);
	assert_int_equal(config_set_text(c, "boot.cmdline", text, "--cmdline", &e), 0);
	assert_int_equal(config_set_text(c, "boot.kernel", text, "--kernel\n\"", &e), 0);
	assert_string_equal(c->vm.boot.cmdline, text);
	expect_round_trip(c);
}

static void show_json__values_and_origins__parse(void **state)
{
	struct config *c = *state;
	load_good(c, "[boot]\nkernel = '/k'\nmodules = [{ path = '/m' }]\n[cpu]\npinning = [7]\n");
	char *text = show(c, true);
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	assert_non_null(root);
	const char *kernel = NULL, *path = NULL, *at = NULL, *timeout = NULL, *size_from = NULL;
	json_int_t size = 0, pin = 0;
	int hugepages = 1;
	json_t *initrd = NULL;
	int ret = json_unpack(root,
		"{s:{s:{s:s, s:o, s:[{s:s}]}, s:{s:I, s:b}, s:{s:[I]}, s:{s:s}}, s:{s:s, s:s}}",
		"config", "boot", "kernel", &kernel, "initrd", &initrd, "modules", "path", &path,
		"memory", "size", &size, "hugepages", &hugepages, "cpu", "pinning", &pin,
		"lifecycle", "stop_timeout", &timeout, "origins", "boot.modules[0].path", &at,
		"memory.size", &size_from);
	assert_int_equal(ret, 0);
	assert_string_equal(kernel, "/k");
	assert_string_equal(path, "/m");
	assert_string_equal(at, "vm.toml:3:21");
	assert_string_equal(timeout, "30s");
	assert_string_equal(size_from, "default");
	assert_int_equal(size, 256 * MIB);
	assert_int_equal(pin, 7);
	assert_int_equal(hugepages, 0);
	assert_true(json_is_null(initrd));
	assert_int_equal(json_object_size(json_object_get(root, "config")), 9 + 1);
	json_decref(root);
}

static void show__full_device__error(void **state)
{
	for (int json = 0; json < 2; json++) {
		FILE *out = fopen("/dev/full", "we");
		assert_non_null(out);
		assert_true(config_show(*state, out, json == 1) < 0);
		(void)fclose(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIG_TEST(show_toml__values__with_their_origins),
		CONFIG_TEST(show_toml__nothing_given__loads_again),
		CONFIG_TEST(show_toml__empty_serial__loads_again),
		CONFIG_TEST(show_toml__every_ascii_character__loads_again),
		CONFIG_TEST(show_json__values_and_origins__parse),
		CONFIG_TEST(show__full_device__error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
