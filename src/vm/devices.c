/* SPDX-License-Identifier: MIT */
/* Every chip of the machine: the plan says which, at what addresses and interrupts. */
#include "vm/internal.h"

#include "devices/debug_console.h"
#include "devices/debug_exit.h"
#include "devices/i8042.h"
#include "devices/post_code.h"
#include "devices/pvpanic.h"
#include "host/guest_clock.h"
#include "plan/interrupts.h"

#include <errno.h>
#include <stdio.h>

static void on_request(void *ctx, enum machine_request what, uint32_t value)
{
	static const enum machine_end ends[] = {
		[MACHINE_POWER_OFF] = MACHINE_END_POWER_OFF,
		[MACHINE_RESET] = MACHINE_END_REBOOT,
		[MACHINE_DEBUG_EXIT] = MACHINE_END_DEBUG_EXIT,
		[MACHINE_PANIC] = MACHINE_END_PANIC,
	};
	machine_end(ctx, ends[what], value, /* error */ NULL);
}

static struct machine_control control(struct machine *m)
{
	return (struct machine_control){ .request = on_request, .ctx = m };
}

static uint16_t port_of(const struct plan_device *plan, unsigned region)
{
	return (uint16_t)plan->regions[region].range.base;
}

/*
 * Takes dev into the machine's list, also where it fails, and claims its regions. Who asked the
 * plan to be run has been told of an overlap (plan_devices_check); of a port of the user's choice
 * it would still be the user's to mend.
 */
static int adopt(struct machine *m, const struct plan_device *plan, struct device *dev,
	const char *id, struct err *e)
{
	int rc = device_list_add(&m->devices, dev, id, e);
	if (rc)
		return rc;
	rc = bus_claim(&m->bus, dev, e);
	if (rc == 0 || rc == -ENOMEM || !plan->key)
		return rc;
	if (e)
		e->kind = ERR_CONFIG;
	return err_wrap(e, rc, "%s", plan->key);
}

static int add_serial(struct machine *m, const struct plan_device *plan, struct err *e)
{
	unsigned i = plan->id;
	char name[16], id[DEVICE_ID_BYTES];
	(void)snprintf(name, sizeof(name), "COM%u", i + 1);
	(void)snprintf(id, sizeof(id), "serial%u", i);
	int rc = host_output_create(&m->serial_output[i], m->options.io.serial_out[i], m->stop_fd,
		name, m->options.reporter, e);
	if (rc)
		return rc;
	host_output_hold(m->serial_output[i], m->pause.fd);
	struct ns16550_config config = {
		.port = port_of(plan, 0),
		.irq = machine_irq_line(m, (unsigned)plan->gsi),
		.output = { .write = host_output_write, .ctx = m->serial_output[i] },
		.input = m->options.serial_input[i],
	};
	rc = ns16550_create(&m->serials[i], &config, e);
	return rc ? rc : adopt(m, plan, ns16550_device(m->serials[i]), id, e);
}

static int add_rtc(struct machine *m, const struct plan_device *plan, struct err *e)
{
	const struct machine_plan *all = m->options.plan;
	struct mc146818_config config = {
		.port = port_of(plan, 0),
		.irq = machine_irq_line(m, (unsigned)plan->gsi),
		.clock = machine_clock(m),
		.timers = machine_timers(m),
		.ram_below_4g_bytes = all->ram[0].size_bytes,
		.ram_above_4g_bytes = all->nr_ram > 1 ? all->ram[1].size_bytes : 0,
	};
	struct mc146818 *rtc;
	int rc = mc146818_create(&rtc, &config, e);
	return rc ? rc : adopt(m, plan, mc146818_device(rtc), "rtc", e);
}

static int add_acpi_pm(struct machine *m, const struct plan_device *plan, struct err *e)
{
	struct acpi_pm_config config = {
		.event_port = port_of(plan, 0),
		.control_port = port_of(plan, 1),
		.timer_port = port_of(plan, 2),
		.reset_port = PLAN_PORT_RESET, /* within the fourth, PCI's four */
		.s5_slp_typ = PLAN_SLP_TYP_S5,
		.timer_32bit = true,
		.sci = machine_irq_line(m, (unsigned)plan->gsi),
		.clock = machine_clock(m),
		.timers = machine_timers(m),
		.machine = control(m),
		.reporter = m->options.reporter,
	};
	int rc = acpi_pm_create(&m->acpi_pm, &config, e);
	return rc ? rc : adopt(m, plan, acpi_pm_device(m->acpi_pm), "acpi-pm", e);
}

/* Interrupt lines end there, so it is the first of the plan's. */
static int add_ioapic(struct machine *m, const struct plan_device *plan, struct err *e)
{
	struct ioapic_config config = {
		.base = gpa(plan->regions[0].range.base),
		.id = plan_ioapic_id(m->options.plan),
		.msi = machine_msi_sink(m),
		.routes_changed = machine_update_routes,
		.routes_ctx = m,
	};
	int rc = ioapic_create(&m->ioapic, &config, e);
	return rc ? rc : adopt(m, plan, ioapic_device(m->ioapic), "ioapic0", e);
}

static int add_i8042(struct machine *m, const struct plan_device *plan, struct err *e)
{
	struct i8042_config config = {
		.data_port = port_of(plan, 0),
		.command_port = port_of(plan, 1),
		.fast_a20_port = port_of(plan, 2),
		.machine = control(m),
	};
	struct device *dev;
	int rc = i8042_create(&dev, &config, e);
	return rc ? rc : adopt(m, plan, dev, "i8042", e);
}

static int add_pvpanic(struct machine *m, const struct plan_device *plan, struct err *e)
{
	struct pvpanic_config config = {
		.port = port_of(plan, 0), .machine = control(m), .reporter = m->options.reporter
	};
	struct device *dev;
	int rc = pvpanic_create(&dev, &config, e);
	return rc ? rc : adopt(m, plan, dev, "pvpanic", e);
}

static int add_post_code(struct machine *m, const struct plan_device *plan, struct err *e)
{
	struct device *dev;
	int rc = post_code_create(&dev, port_of(plan, 0), e);
	return rc ? rc : adopt(m, plan, dev, "post-code", e);
}

static int add_debug_exit(struct machine *m, const struct plan_device *plan, struct err *e)
{
	struct debug_exit_config config = { .port = port_of(plan, 0), .machine = control(m) };
	struct device *dev;
	int rc = debug_exit_create(&dev, &config, e);
	return rc ? rc : adopt(m, plan, dev, "debug-exit", e);
}

static int add_debug_console(struct machine *m, const struct plan_device *plan, struct err *e)
{
	int rc = host_output_create(&m->debug_output, m->options.io.debug_console_out, m->stop_fd,
		"debug console", m->options.reporter, e);
	if (rc)
		return rc;
	host_output_hold(m->debug_output, m->pause.fd);
	struct debug_console_config config = {
		.port = port_of(plan, 0),
		.output = { .write = host_output_write, .ctx = m->debug_output },
	};
	struct device *dev;
	rc = debug_console_create(&dev, &config, e);
	return rc ? rc : adopt(m, plan, dev, "debug-console", e);
}

/* Who makes the chips of a kind. What is KVM's own has no row; it is made in build.c. */
static int (*const makers[])(struct machine *m, const struct plan_device *plan, struct err *e) = {
	[PLAN_IOAPIC] = add_ioapic,
	[PLAN_SERIAL] = add_serial,
	[PLAN_RTC] = add_rtc,
	[PLAN_ACPI_PM] = add_acpi_pm,
	[PLAN_I8042] = add_i8042,
	[PLAN_PVPANIC] = add_pvpanic,
	[PLAN_POST_CODE] = add_post_code,
	[PLAN_DEBUG_EXIT] = add_debug_exit,
	[PLAN_DEBUG_CONSOLE] = add_debug_console,
};

int machine_add_devices(struct machine *m, struct err *e)
{
	const struct machine_plan *plan = m->options.plan;
	int rc = guest_clock_create(&m->clock, m->options.loop, e);
	for (unsigned i = 0; rc == 0 && i < plan->nr_devices; i++) {
		const struct plan_device *device = &plan->devices[i];
		if (!device->of_kvm)
			rc = makers[device->kind](m, device, e);
	}
	return rc;
}
