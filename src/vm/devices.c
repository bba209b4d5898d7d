/* SPDX-License-Identifier: MIT */
/* Every chip of the machine, in one list; the addresses and interrupts come from the plan. */
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

/* Takes dev into the machine's list, also where it fails, and claims its regions. */
static int adopt(struct machine *m, struct device *dev, const char *id, struct err *e)
{
	int rc = device_list_add(&m->devices, dev, id, e);
	return rc ? rc : bus_claim(&m->bus, dev, e);
}

static int add_serial(struct machine *m, unsigned i, struct err *e)
{
	const struct plan_serial *plan = &m->options.plan->serials[i];
	char name[16], id[DEVICE_ID_BYTES];
	(void)snprintf(name, sizeof(name), "COM%u", i + 1);
	(void)snprintf(id, sizeof(id), "serial%u", i);
	int rc = host_output_create(&m->serial_output[i], m->options.io.serial_out[i], m->stop_fd,
		name, m->options.reporter, e);
	if (rc)
		return rc;
	host_output_hold(m->serial_output[i], m->pause.fd);
	struct ns16550_config config = {
		.port = plan->port,
		.irq = machine_irq_line(m, plan->gsi),
		.output = { .write = host_output_write, .ctx = m->serial_output[i] },
		.input = m->options.serial_input[i],
	};
	rc = ns16550_create(&m->serials[i], &config, e);
	return rc ? rc : adopt(m, ns16550_device(m->serials[i]), id, e);
}

static int add_rtc(struct machine *m, struct err *e)
{
	const struct machine_plan *plan = m->options.plan;
	struct mc146818_config config = {
		.port = PLAN_PORT_RTC,
		.irq = machine_irq_line(m, PLAN_GSI_RTC),
		.clock = machine_clock(m),
		.timers = machine_timers(m),
		.ram_below_4g_bytes = plan->ram[0].size_bytes,
		.ram_above_4g_bytes = plan->nr_ram > 1 ? plan->ram[1].size_bytes : 0,
	};
	struct mc146818 *rtc;
	int rc = mc146818_create(&rtc, &config, e);
	return rc ? rc : adopt(m, mc146818_device(rtc), "rtc", e);
}

static int add_acpi_pm(struct machine *m, struct err *e)
{
	struct acpi_pm_config config = {
		.event_port = PLAN_PORT_PM1A_EVENT,
		.control_port = PLAN_PORT_PM1A_CONTROL,
		.timer_port = PLAN_PORT_PM_TIMER,
		.reset_port = PLAN_PORT_RESET,
		.s5_slp_typ = PLAN_SLP_TYP_S5,
		.timer_32bit = true,
		.sci = machine_irq_line(m, PLAN_GSI_SCI),
		.clock = machine_clock(m),
		.timers = machine_timers(m),
		.machine = control(m),
		.reporter = m->options.reporter,
	};
	int rc = acpi_pm_create(&m->acpi_pm, &config, e);
	return rc ? rc : adopt(m, acpi_pm_device(m->acpi_pm), "acpi-pm", e);
}

static int add_ioapic(struct machine *m, struct err *e)
{
	struct ioapic_config config = {
		.base = gpa(PLAN_IOAPIC_BASE),
		.id = plan_ioapic_id(m->options.plan),
		.msi = machine_msi_sink(m),
		.routes_changed = machine_update_routes,
		.routes_ctx = m,
	};
	int rc = ioapic_create(&m->ioapic, &config, e);
	return rc ? rc : adopt(m, ioapic_device(m->ioapic), "ioapic0", e);
}

static int add_small_chips(struct machine *m, struct err *e)
{
	struct i8042_config i8042 = {
		.data_port = PLAN_PORT_I8042_DATA,
		.command_port = PLAN_PORT_I8042_COMMAND,
		.fast_a20_port = I8042_PORT_FAST_A20,
		.machine = control(m),
	};
	struct pvpanic_config pvpanic = {
		.port = PLAN_PORT_PVPANIC, .machine = control(m), .reporter = m->options.reporter
	};
	struct device *dev;
	int rc = i8042_create(&dev, &i8042, e);
	if (rc == 0)
		rc = adopt(m, dev, "i8042", e);
	if (rc == 0)
		rc = pvpanic_create(&dev, &pvpanic, e);
	if (rc == 0)
		rc = adopt(m, dev, "pvpanic", e);
	if (rc == 0)
		rc = post_code_create(&dev, POST_CODE_PORT, e);
	if (rc == 0)
		rc = adopt(m, dev, "post-code", e);
	return rc;
}

/* A port of the user's choice that cannot be claimed is the user's to change. */
static int adopt_at_users_port(
	struct machine *m, struct device *dev, const char *id, const char *key, struct err *e)
{
	int rc = adopt(m, dev, id, e);
	if (rc == 0)
		return 0;
	if (e && rc != -ENOMEM)
		e->kind = ERR_CONFIG;
	return err_wrap(e, rc, "%s", key);
}

static int add_debug_ports(struct machine *m, struct err *e)
{
	const struct machine_plan *plan = m->options.plan;
	struct device *dev;
	int rc = 0;
	if (plan->debug_exit) {
		struct debug_exit_config config = { .port = plan->debug_exit_port,
			.machine = control(m) };
		rc = debug_exit_create(&dev, &config, e);
		if (rc == 0)
			rc = adopt_at_users_port(m, dev, "debug-exit", "debug_exit.port", e);
		if (rc)
			return rc;
	}
	if (plan->debug_console) {
		rc = host_output_create(&m->debug_output, m->options.io.debug_console_out,
			m->stop_fd, "debug console", m->options.reporter, e);
		if (rc)
			return rc;
		host_output_hold(m->debug_output, m->pause.fd);
		struct debug_console_config config = {
			.port = plan->debug_console_port,
			.output = { .write = host_output_write, .ctx = m->debug_output },
		};
		rc = debug_console_create(&dev, &config, e);
		if (rc == 0)
			rc = adopt_at_users_port(m, dev, "debug-console", "debug_console.port", e);
	}
	return rc;
}

int machine_add_devices(struct machine *m, struct err *e)
{
	/* The order is that of the claims alone: no device knows another. The I/O APIC comes first
	 * because interrupt lines end there. */
	int rc = guest_clock_create(&m->clock, m->options.loop, e);
	if (rc == 0 && m->options.plan->split_irqchip)
		rc = add_ioapic(m, e);
	for (unsigned i = 0; rc == 0 && i < m->options.plan->nr_serials; i++)
		rc = add_serial(m, i, e);
	if (rc == 0)
		rc = add_rtc(m, e);
	if (rc == 0)
		rc = add_acpi_pm(m, e);
	if (rc == 0)
		rc = add_small_chips(m, e);
	/* Last: their ports are the user's choice, so a conflict is theirs to mend. */
	if (rc == 0)
		rc = add_debug_ports(m, e);
	return rc;
}
