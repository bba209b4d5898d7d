/* SPDX-License-Identifier: MIT */
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
	expect_number("boot.kaslr", "false", KASLR_OFF);
	expect_number("boot.kaslr", "auto", KASLR_AUTO);
	expect_number("boot.kaslr", "true", KASLR_ON);
	expect_number("machine.irqchip", "kernel", IRQCHIP_KERNEL);
	expect_number("machine.irqchip", "split", IRQCHIP_SPLIT);
	expect_number("serial[].mode", "stdio", SERIAL_STDIO);
	expect_number("serial[].mode", "file", SERIAL_FILE);
	expect_number("serial[].mode", "null", SERIAL_NULL);
	expect_number("lifecycle.on_reboot", "restart", ON_REBOOT_RESTART);
	expect_number("lifecycle.on_reboot", "exit", ON_REBOOT_EXIT);
	expect_number("lifecycle.pause_clock", "stop", PAUSE_CLOCK_STOP);
	expect_number("lifecycle.pause_clock", "run", PAUSE_CLOCK_RUN);
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

static void value_from_text__policy_numbers__converted(void **state)
{
	(void)state;
	expect_number("cpu.tsc_frequency", "2.5GHz", 2500000);
	expect_number("cpu.tsc_frequency", "100000", 100);
	expect_number("cpu.leaves[].leaf", "0xffffffff", UINT32_MAX);
	expect_number("cpu.leaves[].leaf", "4294967295", UINT32_MAX);
	expect_number("msr.rules[].value", "18446744073709551615", UINT64_MAX);
	expect_number("msr.rules[].value", "0xFFFFffffFFFFffff", UINT64_MAX);
	expect_number("cpu.stepping", "0", 0);
	expect_number("cpu.family", "270", 270);
	expect_number("cpu.hw_thread_count_per_core", "0", 0);
	refuse_text("cpu.leaves[].leaf", "0x100000000");
	refuse_text("msr.rules[].value", "18446744073709551616");
	refuse_text("cpu.tsc_frequency", "99kHz");
	refuse_text("cpu.tsc_frequency", "100.000001GHz");
	refuse_text("cpu.family", "271");
	refuse_text("cpu.phys_bits", "31");
}

static void value_from_text__policy_words__are_their_enums(void **state)
{
	(void)state;
	expect_number("cpu.hypervisor", "kvm", HYPERVISOR_KVM);
	expect_number("cpu.hypervisor", "hyperv", HYPERVISOR_HYPERV);
	expect_number("cpu.hypervisor", "none", HYPERVISOR_NONE);
	expect_number("cpu.on_missing", "error", ON_MISSING_ERROR);
	expect_number("cpu.on_missing", "warn", ON_MISSING_WARN);
	expect_number("cpu.on_missing", "drop", ON_MISSING_DROP);
	expect_number("cpu.cache", "host", CACHE_HOST);
	expect_number("cpu.cache", "emulate", CACHE_EMULATE);
	expect_number("cpu.cache", "none", CACHE_NONE);
	expect_number("cpu.compatibility_for_migration_mode", "minimum_feature_set",
		MIGRATION_MINIMUM_FEATURE_SET);
	expect_number("cpu.compatibility_for_migration_mode", "common_cluster_feature_set",
		MIGRATION_COMMON_CLUSTER_FEATURE_SET);
	expect_number("cpu.leaves[].register", "eax", REGISTER_EAX);
	expect_number("cpu.leaves[].register", "ebx", REGISTER_EBX);
	expect_number("cpu.leaves[].register", "ecx", REGISTER_ECX);
	expect_number("cpu.leaves[].register", "edx", REGISTER_EDX);
	expect_number("msr.default", "kvm", MSR_DEFAULT_KVM);
	expect_number("msr.default", "deny", MSR_DEFAULT_DENY);
	expect_number("msr.rules[].action", "allow", MSR_ACTION_ALLOW);
	expect_number("msr.rules[].action", "deny", MSR_ACTION_DENY);
	expect_number("msr.rules[].action", "read-as", MSR_ACTION_READ_AS);
	expect_number("msr.rules[].action", "ignore-write", MSR_ACTION_IGNORE_WRITE);
	expect_number("msr.rules[].action", "log", MSR_ACTION_LOG);
}

static void expect_mask(const char *key, const char *text, uint64_t set, uint64_t clear)
{
	struct value v;
	char why[VALUE_WHY_BYTES];
	assert_int_equal(value_from_text(key_find(key), text, NULL, &v, why), 0);
	assert_true(v.mask.set == set && v.mask.clear == clear);
	value_done(&v);
}

static void value_from_text__masks__most_significant_first(void **state)
{
	(void)state;
	expect_mask("cpu.leaves[].mask", "1xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0", 0x80000000, 1);
	expect_mask("cpu.leaves[].mask", "0111_1111  1111_1111 1111__1111 1111_1110", 0x7ffffffe,
		0x80000001);
	expect_mask("cpu.leaves[].mask", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 0, 0);
	expect_mask("msr.bits[].mask",
		"1111111111111111111111111111111111111111111111111111111111111111", UINT64_MAX, 0);
	expect_mask("msr.bits[].mask",
		"0xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1", 1,
		UINT64_C(1) << 63);
}

static void value_from_text__no_masks__refused(void **state)
{
	(void)state;
	char longest[1001];
	(void)memset(longest, '1', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	refuse_text("cpu.leaves[].mask", longest);
	refuse_text("cpu.leaves[].mask", "");
	refuse_text("cpu.leaves[].mask", " ");
	refuse_text("cpu.leaves[].mask", "0x00000001");
	refuse_text("cpu.leaves[].mask", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	refuse_text("cpu.leaves[].mask", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	refuse_text("cpu.leaves[].mask", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xff");
	refuse_text("msr.bits[].mask", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

static void expect_text(const char *key, const char *text, const char *expected)
{
	struct value v;
	char why[VALUE_WHY_BYTES];
	assert_int_equal(value_from_text(key_find(key), text, "/base", &v, why), 0);
	assert_string_equal(v.text, expected);
	value_done(&v);
}

static void value_from_text__models__names_and_paths_told_apart(void **state)
{
	(void)state;
	expect_text("cpu.model", "host", "host");
	expect_text("cpu.model", "Skylake-Client-noTSX-IBRS", "Skylake-Client-noTSX-IBRS");
	expect_text("cpu.model", "Opteron_G5", "Opteron_G5");
	expect_text("cpu.model", "486", "486");
	expect_text("cpu.model", "farm.toml", "/base/farm.toml");
	expect_text("cpu.model", ".toml", "/base/.toml");
	expect_text("cpu.model", "../farm", "/base/../farm");
	expect_text("cpu.model", "/host", "/host");
	expect_text("cpu.model", "toml", "toml");
	expect_text("cpu.model", "farm.tom", "farm.tom");
	refuse_text("cpu.model", "");
	refuse_text("cpu.model", "host,+pcid");
	refuse_text("cpu.model", "-host");
	refuse_text("cpu.model", "h\xc3\xb6st");
	refuse_text("cpu.model", "h\xff/st");
}

static void value_from_text__ascii__limits_exact(void **state)
{
	(void)state;
	expect_text("cpu.vendor", "~", "~");
	expect_text("cpu.vendor", " Shanghai  x", " Shanghai  x");
	expect_text("cpu.brand", "", "");
	expect_text("cpu.brand", "12345678901234567890123456789012345678901234567",
		"12345678901234567890123456789012345678901234567");
	refuse_text("cpu.vendor", "");
	refuse_text("cpu.vendor", "1234567890123");
	refuse_text("cpu.vendor", "a\x7f");
	refuse_text("cpu.vendor", "\x1f");
	refuse_text("cpu.brand", "123456789012345678901234567890123456789012345678");
	refuse_text("cpu.brand", "\xc3\xa4");
}

static void value_from_text__features__split_at_commas(void **state)
{
	(void)state;
	struct value v;
	char why[VALUE_WHY_BYTES];
	const struct key *key = key_find("cpu.features");
	assert_int_equal(value_from_text(key, "+pcid,-avx512f,+3dnow", NULL, &v, why), 0);
	assert_int_equal(v.texts.n, 3);
	assert_string_equal(v.texts.items[0].text, "+pcid");
	assert_string_equal(v.texts.items[1].text, "-avx512f");
	assert_string_equal(v.texts.items[2].text, "+3dnow");
	value_done(&v);
	assert_int_equal(v.texts.n, 0);
	refuse_text("cpu.features", "");
	refuse_text("cpu.features", "pcid");
	refuse_text("cpu.features", "+pcid,");
	refuse_text("cpu.features", ",+pcid");
	refuse_text("cpu.features", "+pcid, +avx");
	refuse_text("cpu.features", "++pcid");
	refuse_text("cpu.features", "+.");
	refuse_text("cpu.features", "+\xff");
}

static void value_from_text__too_many_features__refused(void **state)
{
	(void)state;
	struct value v;
	char why[VALUE_WHY_BYTES];
	char text[3 * (CONFIG_MAX_FEATURES + 1) + 1];
	for (size_t i = 0; i <= CONFIG_MAX_FEATURES; i++)
		(void)memcpy(text + 3 * i, "+a,", 4);
	text[sizeof(text) - 2] = '\0';
	refuse_text("cpu.features", text);
	text[sizeof(text) - 5] = '\0';
	assert_int_equal(value_from_text(key_find("cpu.features"), text, NULL, &v, why), 0);
	assert_int_equal(v.texts.n, CONFIG_MAX_FEATURES);
	value_done(&v);
}

static void value_from_toml__element_at_fault__is_numbered(void **state)
{
	(void)state;
	struct value v;
	char why[VALUE_WHY_BYTES];
	char good[] = "+pcid", bad[] = "pcid";
	struct toml_value items[] = {
		{ .type = TOML_STRING, .string = good, .string_bytes = 5 },
		{ .type = TOML_STRING, .string = bad, .string_bytes = 4 },
	};
	const struct toml_value toml = { .type = TOML_ARRAY, .items = items, .nr_items = 2 };
	assert_int_equal(value_from_toml(key_find("cpu.features"), &toml, NULL, &v, why), -EINVAL);
	assert_int_equal(v.bad_item, 2);
	assert_int_equal(v.texts.n, 0);
	assert_null(v.texts.items);
}

static void value_from_toml__hex__integer_or_marked_string(void **state)
{
	(void)state;
	struct value v;
	char why[VALUE_WHY_BYTES];
	char marked[] = "0x8000000000000000", bare[] = "10";
	const struct key *key = key_find("msr.rules[].value");
	const struct toml_value number = { .type = TOML_INTEGER, .integer = INT64_MAX };
	const struct toml_value text = {
		.type = TOML_STRING, .string = marked, .string_bytes = 18
	};
	const struct toml_value other = { .type = TOML_STRING, .string = bare, .string_bytes = 2 };
	assert_int_equal(value_from_toml(key, &number, NULL, &v, why), 0);
	assert_true(v.number == INT64_MAX);
	assert_int_equal(value_from_toml(key, &text, NULL, &v, why), 0);
	assert_true(v.number == UINT64_C(1) << 63);
	assert_int_equal(value_from_toml(key, &other, NULL, &v, why), -EINVAL);
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
		cmocka_unit_test(value_from_text__policy_numbers__converted),
		cmocka_unit_test(value_from_text__policy_words__are_their_enums),
		cmocka_unit_test(value_from_text__masks__most_significant_first),
		cmocka_unit_test(value_from_text__no_masks__refused),
		cmocka_unit_test(value_from_text__models__names_and_paths_told_apart),
		cmocka_unit_test(value_from_text__ascii__limits_exact),
		cmocka_unit_test(value_from_text__features__split_at_commas),
		cmocka_unit_test(value_from_text__too_many_features__refused),
		cmocka_unit_test(value_from_toml__element_at_fault__is_numbered),
		cmocka_unit_test(value_from_toml__hex__integer_or_marked_string),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
