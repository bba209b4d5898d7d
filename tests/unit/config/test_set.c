/* SPDX-License-Identifier: MIT */
#include "config_test.h"

#include "config/store.h"

#include <errno.h>
#include <unistd.h>

static void set__toml_values__taken(void **state)
{
	struct config *c = *state;
	set_good(c, "memory.size=\"512M\"");
	assert_int_equal(c->vm.memory.size_bytes, 512 * MIB);
	set_good(c, "memory.size=0x40000000");
	assert_int_equal(c->vm.memory.size_bytes, GIB);
	set_good(c, "memory.shared=true # why not");
	assert_true(c->vm.memory.shared);
	set_good(c, "memory.hugepages=false");
	set_good(c, "cpu.pinning=[3, 1]");
	assert_int_equal(c->vm.cpu.nr_pinning, 2);
	assert_int_equal(c->vm.cpu.pinning[0], 3);
	set_good(c, "cpu.pinning=[]");
	assert_int_equal(c->vm.cpu.nr_pinning, 0);
	set_good(c, "boot.cmdline=\"\"");
	assert_string_equal(c->vm.boot.cmdline, "");
	set_good(c, "lifecycle.stop_timeout=5");
	assert_int_equal(c->vm.lifecycle.stop_timeout_ms, 5000);
}

static void set__bare_text__taken_where_the_key_is_text(void **state)
{
	struct config *c = *state;
	set_good(c, "memory.size=512M");
	assert_int_equal(c->vm.memory.size_bytes, 512 * MIB);
	set_good(c, "lifecycle.stop_timeout=500ms");
	assert_int_equal(c->vm.lifecycle.stop_timeout_ms, 500);
	set_good(c, "boot.protocol=pvh");
	assert_int_equal(c->vm.boot.protocol, PROTOCOL_PVH);
	set_good(c, "boot.kernel=/boot/vmlinuz");
	assert_string_equal(c->vm.boot.kernel, "/boot/vmlinuz");
	set_good(c, "boot.cmdline=console=ttyS0 a=\"b\" # c");
	assert_string_equal(c->vm.boot.cmdline, "console=ttyS0 a=\"b\" # c");
	set_good(c, "boot.cmdline=");
	assert_string_equal(c->vm.boot.cmdline, "");
	set_good(c, "name=web-1");
	assert_string_equal(c->vm.name, "web-1");
}

static void set__smbios__digits_stay_text_and_lists_split(void **state)
{
	struct config *c = *state;
	set_good(c, "smbios.serial=0012345");
	assert_string_equal(c->vm.smbios.serial, "0012345");
	set_good(c, "smbios.serial=\"0012345\"");
	assert_string_equal(c->vm.smbios.serial, "0012345");
	set_good(c, "smbios.sku=1e5");
	assert_string_equal(c->vm.smbios.sku, "1e5");
	set_good(c, "smbios.version=");
	assert_string_equal(c->vm.smbios.version, "");
	set_good(c, "smbios.uuid=01234567-89AB-cdef-0123-456789abcdef");
	assert_string_equal(c->vm.smbios.uuid, "01234567-89AB-cdef-0123-456789abcdef");
	set_good(c, "smbios.oem_strings=one,two=2");
	assert_int_equal(c->vm.smbios.oem_strings.n, 2);
	assert_string_equal(c->vm.smbios.oem_strings.items[1].text, "two=2");
	set_good(c, "smbios.oem_strings=[\"one, and\"]");
	assert_int_equal(c->vm.smbios.oem_strings.n, 1);
	assert_string_equal(c->vm.smbios.oem_strings.items[0].text, "one, and");
	set_bad(c, "smbios.oem_strings=one,,two",
		"--set smbios.oem_strings=one,,two: smbios.oem_strings: expected a string of 1 to "
		"4095 printable ASCII characters, found \"\"");
	set_bad(c, "smbios.uuid=0123",
		"--set smbios.uuid=0123: smbios.uuid: expected a UUID, 32 hexadecimal digits in "
		"groups of 8-4-4-4-12, neither all 0 nor all f, found \"0123\"");
	set_bad(c, "smbios.asset=tab\there",
		"--set smbios.asset=tab?here: smbios.asset: expected a string of 0 to 255 "
		"printable ASCII characters, found \"tab?here\"");
}

static void set__relative_path__starts_at_the_working_directory(void **state)
{
	struct config *c = *state;
	char *cwd = getcwd(NULL, 0);
	char *expected = NULL;
	assert_true(asprintf(&expected, "%s/vmlinuz", cwd) > 0);
	load_good(c, "boot.kernel = 'k'\n");
	assert_string_equal(c->vm.boot.kernel, "/dir/k");
	set_good(c, "boot.kernel=vmlinuz");
	assert_string_equal(c->vm.boot.kernel, expected);
	free(expected);
	free(cwd);
}

static void set__array_elements__changed_and_added(void **state)
{
	struct config *c = *state;
	set_good(c, "serial.0.mode=null");
	set_good(c, "serial[1].mode=file");
	set_good(c, "serial.1.path=/tmp/log");
	set_good(c, "serial.2={mode=\"null\"}");
	assert_int_equal(c->vm.nr_serials, 3);
	assert_int_equal(c->vm.serials[0].mode, SERIAL_NULL);
	assert_int_equal(c->vm.serials[1].mode, SERIAL_FILE);
	assert_string_equal(c->vm.serials[1].path, "/tmp/log");
	assert_int_equal(c->vm.serials[2].mode, SERIAL_NULL);
	set_good(c, "serial=[]");
	assert_int_equal(c->vm.nr_serials, 0);
	set_good(c, "boot.modules=[{path=\"/x\"}, {path=\"/y\", cmdline=\"z\"}]");
	assert_int_equal(c->vm.boot.nr_modules, 2);
	assert_string_equal(c->vm.boot.modules[1].cmdline, "z");
	set_good(c, "memory={size=\"1G\", shared=true}");
	assert_int_equal(c->vm.memory.size_bytes, GIB);
}

static void set__array_index__out_of_reach_refused(void **state)
{
	struct config *c = *state;
	set_bad(c, "serial.2.mode=null",
		"--set serial.2.mode=null: serial[2]: the next one that can be added is number 1");
	set_bad(c, "serial.4.mode=null",
		"--set serial.4.mode=null: serial[4]: there are at most 4 of these");
	set_bad(c, "serial[9999]={}",
		"--set serial[9999]={}: serial[9999]: there are at most 4 of these");
	assert_int_equal(c->vm.nr_serials, 1);
	for (int i = 0; i < CONFIG_MAX_MODULES; i++) {
		char text[64];
		(void)snprintf(text, sizeof(text), "boot.modules.%d.path=/m", i);
		set_good(c, text);
	}
	set_bad(c, "boot.modules.16.path=/m",
		"--set boot.modules.16.path=/m: boot.modules[16]: there are at most 16 of these");
}

static void set__unknown_key__nearest_named(void **state)
{
	struct config *c = *state;
	set_bad(c, "memory.sise=512M",
		"--set memory.sise=512M: memory.sise: unknown key, did you mean memory.size?");
	set_bad(c, "vcpus=2", "--set vcpus=2: vcpus: unknown key, did you mean cpu.vcpus?");
	set_bad(c, "=2", "--set =2: : unknown key");
	set_bad(c, "serial[].mode=null",
		"--set serial[].mode=null: serial[0].mode: unknown key, did you mean "
		"serial[].mode?");
	set_bad(c, "memory.0.size=1",
		"--set memory.0.size=1: memory.0.size: unknown key, "
		"did you mean memory.size?");
	set_bad(c, "memory={sise=1}",
		"--set memory={sise=1}: memory.sise: unknown key, did you mean memory.size?");
}

static void set__wrong_value__key_and_expectation_named(void **state)
{
	struct config *c = *state;
	set_bad(c, "cpu.vcpus=300",
		"--set cpu.vcpus=300: cpu.vcpus: expected an integer from 1 to 255, found 300");
	set_bad(c, "cpu.vcpus=four",
		"--set cpu.vcpus=four: cpu.vcpus: expected an integer from 1 to 255 (error while "
		"parsing "
		"boolean: expected 'false', saw 'fo')");
	set_bad(c, "boot.device_tree=\"true\"",
		"--set boot.device_tree=\"true\": boot.device_tree: expected true or false, found "
		"the "
		"string \"true\"");
	set_bad(c, "boot.cmdline=5",
		"--set boot.cmdline=5: boot.cmdline: expected a string of at most 4095 bytes, "
		"found 5");
	set_bad(c, "boot.protocol=bios",
		"--set boot.protocol=bios: boot.protocol: expected \"auto\", \"linux64\", "
		"\"linux32\", "
		"\"pvh\" or \"multiboot\", found \"bios\"");
	set_bad(c, "memory", "--set memory: expected KEY=VALUE");
	set_bad(c, "", "--set : expected KEY=VALUE");
}

static void set__newline_in_value__adds_no_second_key(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	assert_int_equal(config_set(c, "cpu.vcpus=1\nx = 2", "--set", &e), -EINVAL);
	assert_non_null(strstr(e.msg, "more than one value"));
	assert_null(strchr(e.msg, '\n'));
	assert_int_equal(
		config_set(c, "memory.shared=true\n[memory]\nsize=1", "--set", &e), -EINVAL);
	assert_false(c->vm.memory.shared);
	set_good(c, "boot.cmdline=1\nx = 2");
	assert_string_equal(c->vm.boot.cmdline, "1\nx = 2");
}

static void set__hostile_text__message_is_printable(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	char *text = malloc(100001);
	assert_non_null(text);
	(void)memset(text, '\x1b', 100000);
	text[100000] = '\0';
	assert_int_equal(config_set(c, text, text, &e), -EINVAL);
	(void)memcpy(text, "name=", 5);
	assert_int_equal(config_set(c, text, text, &e), -EINVAL);
	assert_int_equal(config_set_text(c, text, text, text, &e), -EINVAL);
	assert_int_equal(config_set_text(c, "name", text, "--name", &e), -EINVAL);
	assert_null(strchr(e.msg, '\x1b'));
	(void)memset(text + 5, '[', 99995);
	assert_int_equal(config_set(c, text, "--set", &e), -EINVAL);
	free(text);
}

static void set_text__any_type__never_parsed_as_toml(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	assert_int_equal(config_set_text(c, "boot.cmdline", "\"quoted\"", "--cmdline", &e), 0);
	assert_string_equal(c->vm.boot.cmdline, "\"quoted\"");
	assert_int_equal(config_set_text(c, "cpu.vcpus", "2", "--vcpus", &e), 0);
	assert_int_equal(config_set_text(c, "cpu.pinning", "1,2", "--pin", &e), 0);
	assert_int_equal(config_set_text(c, "nesting.expose_virtualization_extensions", "true",
				 "--nested", &e),
		0);
	assert_int_equal(config_set_text(c, "serial.1.mode", "null", "--serial", &e), 0);
	assert_int_equal(c->vm.cpu.vcpus, 2);
	assert_int_equal(c->vm.cpu.pinning[1], 2);
	assert_true(c->vm.nesting.expose_virtualization_extensions);
	assert_int_equal(c->vm.nr_serials, 2);
	assert_string_equal(config_origin(c, "cpu.vcpus"), "--vcpus");
}

static void set_text__wrong__flag_named(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	assert_int_equal(config_set_text(c, "cpu.vcpus", "many", "--vcpus", &e), -EINVAL);
	assert_string_equal(e.msg,
		"--vcpus many: cpu.vcpus: expected an integer from 1 to 255, found \"many\"");
	assert_int_equal(config_set_text(c, "memory", "1G", "--memory", &e), -EINVAL);
	assert_int_equal(config_set_text(c, "serial[0]", "x", "--serial", &e), -EINVAL);
	assert_int_equal(config_set_text(c, "no.key", "x", "--x", NULL), -EINVAL);
}

static void set__policy__by_toml_or_bare_text(void **state)
{
	struct config *c = *state;
	set_good(c, "cpu.features=+pcid,-avx512f");
	assert_int_equal(c->vm.cpu.features.n, 2);
	assert_string_equal(c->vm.cpu.features.items[1].text, "-avx512f");
	assert_string_equal(c->vm.cpu.features.items[1].origin, "--set");
	set_good(c, "cpu.features=[\"+la57\"]");
	assert_int_equal(c->vm.cpu.features.n, 1);
	set_good(c, "cpu.features=[]");
	assert_int_equal(c->vm.cpu.features.n, 0);
	set_good(c, "cpu.model=host");
	assert_string_equal(c->vm.cpu.model, "host");
	set_good(c, "cpu.model=486");
	assert_string_equal(c->vm.cpu.model, "486");
	set_good(c, "cpu.model='/a model'");
	assert_string_equal(c->vm.cpu.model, "/a model");
	set_good(c, "cpu.tsc_frequency=2.5GHz");
	assert_int_equal(c->vm.cpu.tsc_khz, 2500000);
	set_good(c, "cpu.tsc_frequency=100000");
	assert_int_equal(c->vm.cpu.tsc_khz, 100);
	set_good(c, "cpu.migration_cluster=/a,/b");
	assert_int_equal(c->vm.cpu.migration_cluster.n, 2);
	set_good(c, "cpu.migration_cluster=[\"/a,b\"]");
	assert_string_equal(c->vm.cpu.migration_cluster.items[0].text, "/a,b");
	set_good(c, "cpu.compatibility_for_migration_mode=common_cluster_feature_set");
	set_good(c, "cpu.stepping=0");
	assert_string_equal(config_given(c, "cpu.stepping"), "--set");
	set_good(c, "msr.default=deny");
	assert_int_equal(c->vm.msr.fallback, MSR_DEFAULT_DENY);
}

static void set__rules__by_number(void **state)
{
	struct config *c = *state;
	set_good(c, "cpu.leaves.0.leaf=0x80000008");
	set_good(c, "cpu.leaves.0.register=ebx");
	/* 32 digits that would be the TOML integer 1. */
	set_good(c, "cpu.leaves.0.mask=0x000000000000000000000000000001");
	assert_int_equal(c->vm.cpu.leaves[0].mask.set, 1);
	assert_int_equal(c->vm.cpu.leaves[0].mask.clear, 0xbffffffe);
	set_good(c, "cpu.leaves[1]={leaf=7, subleaf=0, register=\"ecx\", "
		    "mask=\"1111111111111111_xxxxxxxxxxxxxxxx\"}");
	assert_int_equal(c->vm.cpu.nr_leaves, 2);
	assert_int_equal(c->vm.cpu.leaves[1].mask.set, 0xffff0000);
	set_good(c, "msr.rules=[{index=0x10, action=\"read-as\"}]");
	set_good(c, "msr.rules.0.value=0xffffffffffffffff");
	assert_true(c->vm.msr.rules[0].value == UINT64_MAX);
	set_good(c, "msr.rules.0.value=18446744073709551614");
	assert_true(c->vm.msr.rules[0].value == UINT64_MAX - 1);
	set_good(c, "msr.bits[0].index=\"0x10a\"");
	set_bad(c, "msr.bits.2.index=1",
		"--set msr.bits.2.index=1: msr.bits[2]: the next one that can be added is number "
		"1");
	set_bad(c, "msr.rules.128.index=1",
		"--set msr.rules.128.index=1: msr.rules[128]: there are at most 128 of these");
	set_good(c, "cpu.leaves=[]");
	assert_int_equal(c->vm.cpu.nr_leaves, 0);
}

static void set__policy_wrong__text_named(void **state)
{
	struct config *c = *state;
	set_bad(c, "cpu.features=pcid",
		"--set cpu.features=pcid: cpu.features: expected a sign and a feature's name of 1 "
		"to 40 "
		"letters, digits, \".\", \"_\" and \"-\", such as \"+pcid\" or \"-avx512f\", found "
		"\"pcid\"");
	set_bad(c, "cpu.features=[5]",
		"--set cpu.features=[5]: cpu.features: expected a sign and a feature's name of 1 "
		"to 40 "
		"letters, digits, \".\", \"_\" and \"-\", such as \"+pcid\" or \"-avx512f\", found "
		"5");
	set_bad(c, "cpu.tsc_frequency=2.5",
		"--set cpu.tsc_frequency=2.5: cpu.tsc_frequency: expected a frequency from "
		"\"100kHz\" to "
		"\"100GHz\", in Hz or with a unit (Hz, kHz, MHz, GHz), a whole number of kHz, "
		"found a "
		"float");
	set_bad(c, "cpu.leaves.0.leaf=xyz",
		"--set cpu.leaves.0.leaf=xyz: cpu.leaves[0].leaf: expected an integer or a string "
		"\"0x...\" from 0 to 0xffffffff, found \"xyz\"");
	set_bad(c, "cpu.features.0=+pcid",
		"--set cpu.features.0=+pcid: cpu.features.0: unknown key");
	set_bad(c, "cpu.model=host\nvcpus = 3",
		"--set cpu.model=host?vcpus = 3: cpu.model: expected a string: a CPU model's name "
		"of 1 to "
		"64 letters, digits, \".\", \"_\" and \"-\", or the path of a model file, with "
		"\"/\" or "
		"ending in \".toml\", found \"host?vcpus = 3\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIG_TEST(set__toml_values__taken),
		CONFIG_TEST(set__bare_text__taken_where_the_key_is_text),
		CONFIG_TEST(set__smbios__digits_stay_text_and_lists_split),
		CONFIG_TEST(set__relative_path__starts_at_the_working_directory),
		CONFIG_TEST(set__array_elements__changed_and_added),
		CONFIG_TEST(set__array_index__out_of_reach_refused),
		CONFIG_TEST(set__unknown_key__nearest_named),
		CONFIG_TEST(set__wrong_value__key_and_expectation_named),
		CONFIG_TEST(set__newline_in_value__adds_no_second_key),
		CONFIG_TEST(set__hostile_text__message_is_printable),
		CONFIG_TEST(set_text__any_type__never_parsed_as_toml),
		CONFIG_TEST(set_text__wrong__flag_named),
		CONFIG_TEST(set__policy__by_toml_or_bare_text),
		CONFIG_TEST(set__rules__by_number),
		CONFIG_TEST(set__policy_wrong__text_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
