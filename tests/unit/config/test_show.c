/* SPDX-License-Identifier: MIT */
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

static void show_toml__text_of_many_dots__loads_again(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	char text[KEY_TEXT_MAX + 1];
	(void)memset(text, '.', KEY_TEXT_MAX);
	text[KEY_TEXT_MAX] = '\0';
	assert_int_equal(config_set_text(c, "boot.cmdline", text, "--cmdline", &e), 0);
	expect_round_trip(c);
	text[100] = '\0';
	assert_int_equal(config_set_text(c, "boot.kernel", text, "--kernel", &e), 0);
	expect_round_trip(c);
	char *shown = show(c, false);
	assert_non_null(strstr(shown, "\\u002E\\u002E"));
	free(shown);
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
	assert_int_equal(json_object_size(json_object_get(root, "config")), 12 + 1);
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

#define POLICY                                                                                     \
	"[cpu]\nmodel = 'm.toml'\nfeatures = ['+pcid',\n'-avx']\nvendor = 'a\"b'\nstepping = 0\n"  \
	"tsc_frequency = 2494141000\n[[cpu.leaves]]\nleaf = 7\nregister = 'ecx'\n"                 \
	"mask = '1xxxxxxx xxxxxxxx xxxxxxxx xxxxxx10'\n[[msr.rules]]\nindex = 0\n"                 \
	"action = 'read-as'\nvalue = '0xfffffffffffffffe'\n"

static void show_toml__policy__with_each_origin(void **state)
{
	struct config *c = *state;
	load_good(c, POLICY);
	char *text = show(c, false);
	expect_line(text, "model = \"/dir/m.toml\" # vm.toml:2:9");
	expect_line(text, "features = [\n\t\"+pcid\", # vm.toml:3:13\n\t\"-avx\", # vm.toml:4:1\n] "
			  "# vm.toml:3:12");
	expect_line(text, "vendor = \"a\\\"b\" # vm.toml:5:10");
	expect_line(text, "# family is not given");
	expect_line(text, "stepping = 0 # vm.toml:6:12");
	expect_line(text, "hypervisor = \"kvm\" # default");
	expect_line(text, "tsc_frequency = \"2.494141GHz\" # vm.toml:7:17");
	expect_line(text, "# migration_cluster is not given");
	expect_line(text, "[[cpu.leaves]]\nleaf = 0x7 # vm.toml:9:8\n# subleaf is not given\n"
			  "register = \"ecx\" # vm.toml:10:12\n"
			  "mask = \"1xxxxxxx_xxxxxxxx_xxxxxxxx_xxxxxx10\" # vm.toml:11:8\n\n[msr]");
	expect_line(text, "[[msr.rules]]\nindex = 0x0 # vm.toml:13:9\n# first is not given");
	expect_line(text, "value = \"0xfffffffffffffffe\" # vm.toml:15:9");
	free(text);
	expect_round_trip(c);
}

static void show_toml__text_that_looks_like_a_comment__loads_again(void **state)
{
	set_good(*state, "cpu.migration_cluster=[\"/a # b\", \"/c\\n]\", \"/\\\"\"]");
	expect_round_trip(*state);
}

static void show_toml__elements_without_values__load_again(void **state)
{
	load_good(*state, "cpu.leaves = [{}, {}]\nmsr = { rules = [{}], bits = [{}] }\n");
	expect_round_trip(*state);
}

static void show_json__policy__with_each_origin(void **state)
{
	struct config *c = *state;
	load_good(c, POLICY);
	char *text = show(c, true);
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	assert_non_null(root);
	const char *f0 = NULL, *f1 = NULL, *mask = NULL, *leaf = NULL, *value = NULL, *at = NULL;
	json_int_t hz = 0, stepping = 1;
	json_t *family = NULL, *subleaf = NULL;
	int ret = json_unpack(root,
		"{s:{s:{s:[ss], s:I, s:I, s:o, s:[{s:s, s:s, s:o}]}, s:{s:[{s:s}]}}, s:{s:s}}",
		"config", "cpu", "features", &f0, &f1, "tsc_frequency", &hz, "stepping", &stepping,
		"family", &family, "leaves", "mask", &mask, "leaf", &leaf, "subleaf", &subleaf,
		"msr", "rules", "value", &value, "origins", "cpu.features[1]", &at);
	assert_int_equal(ret, 0);
	assert_string_equal(f0, "+pcid");
	assert_string_equal(f1, "-avx");
	assert_int_equal(hz, 2494141000);
	assert_int_equal(stepping, 0);
	assert_true(json_is_null(family) && json_is_null(subleaf));
	assert_string_equal(mask, "1xxxxxxx_xxxxxxxx_xxxxxxxx_xxxxxx10");
	assert_string_equal(leaf, "0x7");
	assert_string_equal(value, "0xfffffffffffffffe");
	assert_string_equal(at, "vm.toml:4:1");
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIG_TEST(show_toml__values__with_their_origins),
		CONFIG_TEST(show_toml__nothing_given__loads_again),
		CONFIG_TEST(show_toml__empty_serial__loads_again),
		CONFIG_TEST(show_toml__every_ascii_character__loads_again),
		CONFIG_TEST(show_toml__text_of_many_dots__loads_again),
		CONFIG_TEST(show_json__values_and_origins__parse),
		CONFIG_TEST(show__full_device__error),
		CONFIG_TEST(show_toml__policy__with_each_origin),
		CONFIG_TEST(show_toml__text_that_looks_like_a_comment__loads_again),
		CONFIG_TEST(show_toml__elements_without_values__load_again),
		CONFIG_TEST(show_json__policy__with_each_origin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
