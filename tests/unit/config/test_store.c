/* SPDX-License-Identifier: MIT */
#include "config_test.h"

#include "config/store.h"

static void config_create__nothing_given__documented_defaults(void **state)
{
	const struct vm_config *vm = &((struct config *)*state)->vm;
	assert_string_equal(vm->name, "vm");
	assert_int_equal(vm->memory.size_bytes, 256 * MIB);
	assert_int_equal(vm->memory.hugepages, HUGEPAGES_OFF);
	assert_false(vm->memory.prealloc || vm->memory.shared);
	assert_int_equal(vm->cpu.sockets + vm->cpu.cores + vm->cpu.threads, 0);
	assert_int_equal(vm->cpu.nr_pinning, 0);
	assert_null(vm->boot.kernel);
	assert_null(vm->boot.initrd);
	assert_null(vm->boot.cmdline);
	assert_int_equal(vm->boot.protocol, PROTOCOL_AUTO);
	assert_int_equal(vm->boot.decompress, DECOMPRESS_AUTO);
	assert_int_equal(vm->boot.kaslr, KASLR_AUTO);
	assert_false(vm->boot.device_tree);
	assert_int_equal(vm->boot.nr_modules, 0);
	assert_int_equal(vm->machine.irqchip, IRQCHIP_KERNEL);
	assert_int_equal(vm->nr_serials, 1);
	assert_int_equal(vm->serials[0].mode, SERIAL_STDIO);
	assert_null(vm->serials[0].path);
	assert_true(vm->debug_exit.enabled && vm->debug_console.enabled);
	assert_int_equal(vm->debug_exit.port, 0xf4);
	assert_int_equal(vm->debug_console.port, 0xe9);
	assert_null(vm->debug_console.path);
	assert_int_equal(vm->lifecycle.on_reboot, ON_REBOOT_RESTART);
	assert_int_equal(vm->lifecycle.stop_timeout_ms, 30000);
	assert_int_equal(vm->lifecycle.pause_clock, PAUSE_CLOCK_STOP);
	assert_false(vm->nesting.expose_virtualization_extensions);
}

static void config_destroy__null__nothing(void **state)
{
	(void)state;
	config_destroy(NULL);
}

static void store_put__text_twice__frees_the_first(void **state)
{
	struct config *c = *state;
	const struct key *key = key_find("boot.modules[].cmdline");
	assert_int_equal(store_append(c, key->array, "a"), 0);
	assert_int_equal(store_append(c, key->array, "b"), 0);
	for (int i = 0; i < 2; i++) {
		struct value v = { .text = strdup("text") };
		assert_int_equal(store_put(c, key, 1, &v, "here"), 0);
		assert_null(v.text);
	}
	assert_string_equal(store_text(c, key, 1), "text");
	assert_string_equal(c->vm.boot.modules[1].cmdline, "text");
	assert_null(store_text(c, key, 0));
	assert_string_equal(config_origin(c, "boot.modules[1].cmdline"), "here");
	assert_string_equal(config_origin(c, "boot.modules.0.cmdline"), "default");
}

static void store_clear__elements__gone_with_their_origins(void **state)
{
	struct config *c = *state;
	const struct key_array *serial = key_array_find("serial");
	struct value v = { .number = SERIAL_FILE };
	assert_int_equal(store_put(c, key_find("serial[].mode"), 0, &v, "x"), 0);
	store_clear(c, serial);
	assert_int_equal(store_count(c, serial), 0);
	assert_string_equal(config_origin(c, "serial[0].mode"), "default");
	assert_int_equal(store_append(c, serial, NULL), 0);
	assert_int_equal(store_number(c, key_find("serial[].mode"), 0), SERIAL_STDIO);
}

static void store_has_value__by_kind__right(void **state)
{
	struct config *c = *state;
	assert_true(store_has_value(c, key_find("debug_exit.port"), 0));
	assert_true(store_has_value(c, key_find("memory.shared"), 0));
	assert_false(store_has_value(c, key_find("cpu.cores"), 0));
	assert_false(store_has_value(c, key_find("cpu.pinning"), 0));
	assert_false(store_has_value(c, key_find("boot.kernel"), 0));
}

static void config_origin__no_such_key__default(void **state)
{
	struct config *c = *state;
	assert_string_equal(config_origin(c, ""), "default");
	assert_string_equal(config_origin(c, "no.such"), "default");
	assert_string_equal(config_origin(c, "serial[99].mode"), "default");
	assert_string_equal(config_origin(c, "serial[].mode"), "default");
	assert_string_equal(config_origin(c, "memory"), "default");
}

static void config_origin__each_source__named(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	load_good(c, "[memory]\nsize = '1G'\n[[serial]]\nmode = 'null'\n[cpu]\nvcpus = 2\n");
	set_good(c, "serial.0.mode=stdio");
	assert_int_equal(config_set_text(c, "cpu.vcpus", "4", "--vcpus", &e), 0);
	assert_string_equal(config_origin(c, "memory.size"), "vm.toml:2:8");
	assert_string_equal(config_origin(c, "serial[0].mode"), "--set");
	assert_string_equal(config_origin(c, "cpu.vcpus"), "--vcpus");
	assert_string_equal(config_origin(c, "memory.shared"), "default");
}

static void config_create__no_policy_given__documented_defaults(void **state)
{
	const struct vm_config *vm = &((struct config *)*state)->vm;
	assert_null(vm->cpu.model);
	assert_null(vm->cpu.vendor);
	assert_null(vm->cpu.brand);
	assert_int_equal(vm->cpu.features.n + vm->cpu.migration_cluster.n + vm->cpu.nr_leaves, 0);
	assert_int_equal(vm->cpu.hypervisor, HYPERVISOR_KVM);
	assert_int_equal(vm->cpu.on_missing, ON_MISSING_ERROR);
	assert_int_equal(vm->cpu.cache, CACHE_HOST);
	assert_int_equal(vm->cpu.phys_bits + vm->cpu.tsc_khz + vm->cpu.dies, 0);
	assert_false(vm->cpu.threads_of_host);
	assert_false(vm->cpu.compatibility_for_migration_enabled);
	assert_false(vm->cpu.compatibility_for_older_operating_systems);
	assert_int_equal(vm->cpu.compatibility_for_migration_mode, MIGRATION_MINIMUM_FEATURE_SET);
	assert_int_equal(vm->msr.fallback, MSR_DEFAULT_KVM);
	assert_int_equal(vm->msr.nr_rules + vm->msr.nr_bits, 0);
}

static void store_append__to_the_limit__keeps_what_was_there(void **state)
{
	struct config *c = *state;
	const struct key *key = key_find("cpu.leaves[].leaf");
	for (unsigned i = 0; i < CONFIG_MAX_LEAVES; i++) {
		struct value v = { .number = i + 1 };
		assert_int_equal(store_append(c, key->array, NULL), 0);
		assert_int_equal(store_put(c, key, i, &v, i % 2 ? "odd" : NULL), 0);
	}
	for (unsigned i = 0; i < CONFIG_MAX_LEAVES; i++) {
		assert_int_equal(c->vm.cpu.leaves[i].leaf, i + 1);
		assert_int_equal(store_number(c, key, i), i + 1);
		assert_int_equal(store_origin(c, key->name, i) != NULL, i % 2);
	}
	store_clear(c, key->array);
	assert_null(c->vm.cpu.leaves);
	assert_null(store_origin(c, key->name, 1));
}

static void store_origins__nothing_given__take_no_memory(void **state)
{
	const struct config *c = *state;
	for (size_t k = 0; k < key_count; k++)
		assert_int_equal(c->origins[k].n, 0);
	for (size_t i = 0; i < KEY_NR_ARRAYS; i++)
		assert_int_equal(c->element_origins[i].n, 0);
}

static void config_given__zero_and_default__told_apart(void **state)
{
	struct config *c = *state;
	load_good(c,
		"cpu.stepping = 0\ncpu.features = ['+a', '-b']\n[[cpu.leaves]]\n[[cpu.leaves]]\n"
		"subleaf = 0\n");
	assert_string_equal(config_given(c, "cpu.stepping"), "vm.toml:1:16");
	assert_null(config_given(c, "cpu.family"));
	assert_null(config_given(c, "cpu.hypervisor"));
	assert_string_equal(config_given(c, "cpu.leaves[1].subleaf"), "vm.toml:5:11");
	assert_string_equal(config_given(c, "cpu.leaves.1.subleaf"), "vm.toml:5:11");
	assert_null(config_given(c, "cpu.leaves[0].subleaf"));
	assert_null(config_given(c, "cpu.leaves[9999].subleaf"));
	assert_string_equal(config_given(c, "cpu.leaves[0]"), "vm.toml:3:1");
	assert_null(config_given(c, "cpu.leaves[2]"));
	assert_string_equal(config_given(c, "cpu.features"), "vm.toml:2:16");
	assert_string_equal(config_given(c, "cpu.features[1]"), "vm.toml:2:23");
	assert_null(config_given(c, "cpu.features[2]"));
	assert_null(config_given(c, "cpu.pinning[0]"));
	assert_null(config_given(c, "cpu.model[0]"));
	assert_null(config_given(c, "cpu"));
	assert_null(config_given(c, ""));
	assert_null(config_given(c, "[0]"));
	assert_string_equal(config_origin(c, "cpu.features[1]"), "vm.toml:2:23");
	assert_string_equal(config_origin(c, "cpu.family"), "default");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIG_TEST(config_create__nothing_given__documented_defaults),
		CONFIG_TEST(config_destroy__null__nothing),
		CONFIG_TEST(store_put__text_twice__frees_the_first),
		CONFIG_TEST(store_clear__elements__gone_with_their_origins),
		CONFIG_TEST(store_has_value__by_kind__right),
		CONFIG_TEST(config_origin__no_such_key__default),
		CONFIG_TEST(config_origin__each_source__named),
		CONFIG_TEST(config_create__no_policy_given__documented_defaults),
		CONFIG_TEST(store_append__to_the_limit__keeps_what_was_there),
		CONFIG_TEST(store_origins__nothing_given__take_no_memory),
		CONFIG_TEST(config_given__zero_and_default__told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
