#include "config_test.h"

#include "config/value.h"

#include <errno.h>
#include <unistd.h>

static void expect_number(const char *key, const char *text, uint64_t number)
{
	struct value v;
	char why[VALUE_WHY_BYTES];
	assert_int_equal(value_from_text(key_find(key), text, NULL, &v, why), 0);
	assert_true(v.number == number);
	value_done(&v);
}

static void refuse_text(const char *key, const char *text)
{
	struct value v;
	char why[VALUE_WHY_BYTES];
	assert_int_equal(value_from_text(key_find(key), text, NULL, &v, why), -EINVAL);
	assert_true(why[0] != '\0');
	assert_null(v.text);
	assert_null(v.list);
}

static void value_from_text__numbers__converted(void **state)
{
	(void)state;
	expect_number("memory.size", "512M", 512 << 20);
	expect_number("memory.size", "16777216", 16 << 20);
	expect_number("memory.size", "1T", UINT64_C(1) << 40);
	expect_number("cpu.vcpus", "1", 1);
	expect_number("cpu.vcpus", "255", 255);
	expect_number("debug_exit.port", "0xF4", 0xf4);
	expect_number("debug_exit.port", "65535", 65535);
	expect_number("lifecycle.stop_timeout", "500ms", 500);
	expect_number("lifecycle.stop_timeout", "30", 30000);
	expect_number("memory.shared", "true", 1);
	expect_number("memory.shared", "false", 0);
	expect_number("memory.hugepages", "false", HUGEPAGES_OFF);
	expect_number("memory.hugepages", "1G", HUGEPAGES_1G);
}

static void value_from_text__every_word__is_its_enum(void **state)
{
	(void)state;
	expect_number("memory.hugepages", "2M", HUGEPAGES_2M);
	expect_number("boot.protocol", "auto", PROTOCOL_AUTO);
	expect_number("boot.protocol", "linux64", PROTOCOL_LINUX64);
	expect_number("boot.protocol", "linux32", PROTOCOL_LINUX32);
	expect_number("boot.protocol", "pvh", PROTOCOL_PVH);
	expect_number("boot.protocol", "multiboot", PROTOCOL_MULTIBOOT);
	expect_number("boot.decompress", "auto", DECOMPRESS_AUTO);
	expect_number("boot.decompress", "host", DECOMPRESS_HOST);
	expect_number("boot.decompress", "guest", DECOMPRESS_GUEST);
	expect_number("machine.irqchip", "kernel", IRQCHIP_KERNEL);
	expect_number("machine.irqchip", "split", IRQCHIP_SPLIT);
	expect_number("serial[].mode", "stdio", SERIAL_STDIO);
	expect_number("serial[].mode", "file", SERIAL_FILE);
	expect_number("serial[].mode", "null", SERIAL_NULL);
	expect_number("lifecycle.on_reboot", "restart", ON_REBOOT_RESTART);
	expect_number("lifecycle.on_reboot", "exit", ON_REBOOT_EXIT);
}

static void value_from_text__wrong__refused(void **state)
{
	(void)state;
	refuse_text("memory.size", "");
	refuse_text("memory.size", "15M");
	refuse_text("memory.size", "2T");
	refuse_text("memory.size", "99999999999999999999");
	refuse_text("cpu.vcpus", "0");
	refuse_text("cpu.vcpus", "256");
	refuse_text("cpu.vcpus", "4K");
	refuse_text("cpu.vcpus", "-1");
	refuse_text("debug_exit.port", "65536");
	refuse_text("lifecycle.stop_timeout", "86400001ms");
	refuse_text("memory.shared", "yes");
	refuse_text("memory.shared", "");
	refuse_text("memory.hugepages", "true");
	refuse_text("boot.protocol", "");
	refuse_text("boot.protocol", "AUTO");
	refuse_text("name", "");
	refuse_text("name", "a b");
	refuse_text("name", ".hidden");
	refuse_text("boot.kernel", "");
	refuse_text("boot.cmdline", "\xff");
	refuse_text("boot.kernel", "/\xc0\x80");
}

static void value_from_text__lists__split_at_commas(void **state)
{
	(void)state;
	struct value v;
	char why[VALUE_WHY_BYTES];
	const struct key *key = key_find("cpu.pinning");
	assert_int_equal(value_from_text(key, "0,4095,0x10", NULL, &v, why), 0);
	assert_int_equal(v.nr_list, 3);
	assert_int_equal(v.list[0], 0);
	assert_int_equal(v.list[1], 4095);
	assert_int_equal(v.list[2], 16);
	value_done(&v);
	refuse_text("cpu.pinning", "");
	refuse_text("cpu.pinning", "1,");
	refuse_text("cpu.pinning", ",1");
	refuse_text("cpu.pinning", "1, 2");
	refuse_text("cpu.pinning", "0-3");
	refuse_text("cpu.pinning", "4096");
	refuse_text("cpu.pinning", "000000000000000000000000000000000000000001");
}

static void value_from_text__list_at_its_limit__exact(void **state)
{
	(void)state;
	struct value v;
	char why[VALUE_WHY_BYTES];
	char text[2 * 256 + 1];
	for (size_t i = 0; i < 256; i++)
		(void)memcpy(text + 2 * i, "7,", 3);
	text[2 * 256 - 1] = '\0';
	refuse_text("cpu.pinning", text);
	text[2 * 255 - 1] = '\0';
	assert_int_equal(value_from_text(key_find("cpu.pinning"), text, NULL, &v, why), 0);
	assert_int_equal(v.nr_list, 255);
	value_done(&v);
}

static void expect_path(const char *path, const char *base_dir, const char *expected)
{
	struct value v;
	char why[VALUE_WHY_BYTES];
	assert_int_equal(value_from_text(key_find("boot.kernel"), path, base_dir, &v, why), 0);
	assert_string_equal(v.text, expected);
	value_done(&v);
}

static void value_from_text__paths__made_absolute(void **state)
{
	(void)state;
	char *cwd = getcwd(NULL, 0);
	char *expected = NULL;
	assert_non_null(cwd);
	expect_path("/k", "/base", "/k");
	expect_path("k", "/base", "/base/k");
	expect_path("../k", "/base/", "/base/../k");
	expect_path("k", "/", "/k");
	assert_true(asprintf(&expected, "%s/base/k", cwd) > 0);
	expect_path("k", "base", expected);
	free(expected);
	assert_true(asprintf(&expected, "%s/k", cwd) > 0);
	expect_path("k", NULL, expected);
	expect_path("k", "", expected);
	free(expected);
	assert_int_equal(chdir("/"), 0);
	expect_path("k", NULL, "/k");
	assert_int_equal(chdir(cwd), 0);
	free(cwd);
}

static void value_from_text__path_limit__counts_what_is_added(void **state)
{
	(void)state;
	struct value v;
	char why[VALUE_WHY_BYTES];
	char path[KEY_TEXT_MAX + 1];
	(void)memset(path, 'p', sizeof(path) - 1);
	path[KEY_TEXT_MAX - 3] = '\0';
	assert_int_equal(value_from_text(key_find("boot.kernel"), path, "/a", &v, why), 0);
	assert_int_equal(strlen(v.text), KEY_TEXT_MAX);
	value_done(&v);
	assert_int_equal(value_from_text(key_find("boot.kernel"), path, "/ab", &v, why), -EINVAL);
	assert_string_equal(why, "the path is longer than 4095 bytes");
}

static void value_from_toml__reason__names_both_sides(void **state)
{
	(void)state;
	struct value v;
	char why[VALUE_WHY_BYTES];
	char text[] = "fo\nur";
	const struct toml_value toml = { .type = TOML_STRING, .string = text, .string_bytes = 5 };
	assert_int_equal(value_from_toml(key_find("cpu.vcpus"), &toml, NULL, &v, why), -EINVAL);
	assert_string_equal(why, "expected an integer from 1 to 255, found the string \"fo?ur\"");
}

static void value_from_toml__word_false__only_where_it_is_one(void **state)
{
	(void)state;
	struct value v;
	char why[VALUE_WHY_BYTES];
	const struct toml_value toml = { .type = TOML_BOOLEAN, .boolean = false };
	assert_int_equal(value_from_toml(key_find("memory.hugepages"), &toml, NULL, &v, why), 0);
	assert_int_equal(v.number, HUGEPAGES_OFF);
	assert_int_equal(value_from_toml(key_find("boot.protocol"), &toml, NULL, &v, why), -EINVAL);
}

static void value_from_toml__every_key_and_type__never_crashes(void **state)
{
	(void)state;
	char text[] = "\0\xff";
	const struct toml_value samples[] = {
		{ .type = TOML_NOTHING },
		{ .type = TOML_STRING, .string = text, .string_bytes = 2 },
		{ .type = TOML_STRING, .string = text, .string_bytes = 0 },
		{ .type = TOML_INTEGER, .integer = INT64_MIN },
		{ .type = TOML_INTEGER, .integer = INT64_MAX },
		{ .type = TOML_FLOAT, .real = 1.0 },
		{ .type = TOML_BOOLEAN, .boolean = true },
		{ .type = TOML_TIME },
		{ .type = TOML_TABLE },
	};
	for (size_t k = 0; k < key_count; k++) {
		for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
			struct value v;
			char why[VALUE_WHY_BYTES];
			int ret = value_from_toml(&key_table[k], &samples[i], "/", &v, why);
			assert_true(ret == 0 || (ret == -EINVAL && why[0] != '\0'));
			value_done(&v);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(value_from_text__numbers__converted),
		cmocka_unit_test(value_from_text__every_word__is_its_enum),
		cmocka_unit_test(value_from_text__wrong__refused),
		cmocka_unit_test(value_from_text__lists__split_at_commas),
		cmocka_unit_test(value_from_text__list_at_its_limit__exact),
		cmocka_unit_test(value_from_text__paths__made_absolute),
		cmocka_unit_test(value_from_text__path_limit__counts_what_is_added),
		cmocka_unit_test(value_from_toml__reason__names_both_sides),
		cmocka_unit_test(value_from_toml__word_false__only_where_it_is_one),
		cmocka_unit_test(value_from_toml__every_key_and_type__never_crashes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
