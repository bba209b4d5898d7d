/* SPDX-License-Identifier: MIT */
/* Who has which port and address, and what is refused of them. */
#include "fake/cmocka.h"

#include "base/finding.h"
#include "plan/devices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct fixture {
	struct config *config;
	struct plan_device devices[PLAN_MAX_DEVICES];
	unsigned n;
	struct findings found;
	struct err e;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	f->config = config_create();
	f->e.findings = &f->found;
	*state = f;
	return f->config ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	findings_done(&f->found);
	config_destroy(f->config);
	free(f);
	return 0;
}

static int check(struct fixture *f, const char *text)
{
	struct err e = ERR_INIT;
	if (config_load_text(f->config, text, strlen(text), "vm.toml", NULL, &e))
		fail_msg("%s", e.msg);
	f->n = plan_devices(config_view(f->config), f->devices);
	return plan_devices_check(f->devices, f->n, f->config, &f->e);
}

static const struct plan_device *find(
	const struct fixture *f, enum plan_device_kind kind, unsigned id)
{
	for (unsigned i = 0; i < f->n; i++) {
		if (f->devices[i].kind == kind && f->devices[i].id == id)
			return &f->devices[i];
	}
	return NULL;
}

static void plan_devices__defaults__do_not_overlap_and_share_no_gsi(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(check(f, "[[serial]]\n[[serial]]\nmode = \"null\"\n[[serial]]\n"
				  "mode = \"null\"\n[[serial]]\nmode = \"null\"\n"),
		0);
	assert_true(f->n > 12);
	for (unsigned i = 0; i < f->n; i++) {
		char name[PLAN_DEVICE_NAME_BYTES];
		assert_true(f->devices[i].nr_regions > 0);
		assert_true(plan_device_name(name, &f->devices[i])[0] != '\0');
		for (unsigned k = 0; k < i; k++)
			assert_true(
				f->devices[i].gsi < 0 || f->devices[i].gsi != f->devices[k].gsi);
	}
	assert_string_equal(find(f, PLAN_SERIAL, 3)->key, "serial[3]");
	assert_string_equal(find(f, PLAN_DEBUG_EXIT, 0)->key, "debug_exit.port");
}

static void plan_devices__split_irqchip__has_an_io_apic_of_ours_and_no_8259(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(check(f, "[machine]\nirqchip = \"split\"\n"), 0);
	assert_null(find(f, PLAN_PIC, 0));
	assert_null(find(f, PLAN_PIT, 0));
	assert_null(find(f, PLAN_KVM_IOAPIC, 0));
	assert_false(find(f, PLAN_IOAPIC, 0)->of_kvm);
	assert_int_equal(find(f, PLAN_IOAPIC, 0)->regions[0].range.base, PLAN_IOAPIC_BASE);
	assert_true(find(f, PLAN_LAPIC, 0)->of_kvm);
}

static void plan_devices__switched_off__are_not_there(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(check(f, "[debug_exit]\nenabled = false\nport = 0x70\n"), 0);
	assert_null(find(f, PLAN_DEBUG_EXIT, 0));
	assert_non_null(find(f, PLAN_DEBUG_CONSOLE, 0));
}

/* Every port that something has refuses the debug ports, and no other does. */
static void plan_devices_check__every_port__refused_where_it_is_taken(void **state)
{
	struct fixture *f = *state;
	struct plan_device others[PLAN_MAX_DEVICES];
	unsigned nr_others, taken = 0;
	assert_int_equal(check(f, "[debug_exit]\nenabled = false\n[[serial]]\n"), 0);
	nr_others = f->n;
	(void)memcpy(others, f->devices, sizeof(others));
	for (uint64_t port = 0; port <= 0xffff; port++) {
		const struct plan_device *last = &others[nr_others];
		bool free_port = true;
		others[nr_others] = (struct plan_device){ .kind = PLAN_DEBUG_EXIT,
			.key = "debug_exit.port",
			.regions = { { PLAN_PIO, { port, 1 } } },
			.nr_regions = 1,
			.gsi = -1 };
		for (unsigned i = 0; i < nr_others; i++) {
			for (unsigned k = 0; k < others[i].nr_regions; k++)
				free_port &= others[i].regions[k].space != PLAN_PIO ||
					     !range_overlaps(others[i].regions[k].range,
						     last->regions[0].range);
		}
		struct err e = ERR_INIT;
		int rc = plan_devices_check(others, nr_others + 1, NULL, &e);
		assert_int_equal(rc, free_port ? 0 : -EINVAL);
		taken += !free_port;
		if (!free_port)
			assert_contains(e.msg, "debug_exit.port: port ");
	}
	/* 8259s and their ELCR 6, 8254 4, speaker 1, COM1 8, RTC 2, ACPI 14, i8042 3, others 3 */
	assert_int_equal(taken, 6 + 4 + 1 + 8 + 2 + 14 + 3 + 3);
}

static void plan_devices_check__past_the_last_port__refused(void **state)
{
	struct fixture *f = *state;
	const struct plan_device device = { .kind = PLAN_SERIAL,
		.key = "serial[0]",
		.regions = { { PLAN_PIO, { 0xfffc, 8 } } },
		.nr_regions = 1 };
	assert_int_equal(plan_devices_check(&device, 1, NULL, &f->e), -EINVAL);
	assert_string_equal(
		f->e.msg, "serial[0]: ports 0xfffc to 0x10003: the last port is 0xffff");
}

static void plan_devices_check__an_address_of_kvms__refused(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(check(f, ""), 0);
	f->devices[f->n++] = (struct plan_device){ .kind = PLAN_IOAPIC,
		.key = "x",
		.regions = { { PLAN_MMIO, { PLAN_TSS_BASE + 0x2fff, 1 } } },
		.nr_regions = 1 };
	assert_int_equal(plan_devices_check(f->devices, f->n, f->config, &f->e), -EINVAL);
	assert_contains(f->e.msg, "x: address 0xfffbffff is taken: KVM's pages for real mode");
}

/* A port that is given is to go elsewhere, not one that is by default. */
static void plan_devices_check__one_of_two_is_given__that_one_is_at_fault(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(check(f, "[debug_exit]\nport = 0xe9\n"), -EINVAL);
	assert_int_equal(f->found.n, 1);
	assert_string_equal(f->found.items[0].key, "debug_exit.port");
	assert_string_equal(f->found.items[0].file, "vm.toml");
	assert_int_equal(f->found.items[0].line, 2);
	assert_contains(f->found.items[0].text, "by debug_console.port");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(plan_devices__defaults__do_not_overlap_and_share_no_gsi),
		TEST(plan_devices__split_irqchip__has_an_io_apic_of_ours_and_no_8259),
		TEST(plan_devices__switched_off__are_not_there),
		TEST(plan_devices_check__every_port__refused_where_it_is_taken),
		TEST(plan_devices_check__past_the_last_port__refused),
		TEST(plan_devices_check__an_address_of_kvms__refused),
		TEST(plan_devices_check__one_of_two_is_given__that_one_is_at_fault),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
