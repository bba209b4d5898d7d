/* SPDX-License-Identifier: MIT */
/* A machine that stands: it runs, and those outside of it reach what the guest has. */
#include "vm/internal.h"

#include <errno.h>
#include <malloc.h>

int machine_run(struct machine *m, struct machine_result *ret_result, struct err *e)
{
	int rc = machine_start_vcpus(m, e);
	/* What reading, planning and loading freed goes back to the host: nearly half of all the
	 * memory that is ours alone. Only now, as the guest need not wait for it. */
	(void)malloc_trim(0);
	if (rc == 0)
		rc = loop_run(m->options.loop, e);
	machine_join_vcpus(m);
	if (rc)
		return rc;
	enum machine_end end = (enum machine_end)(atomic_load(&m->ended) - 1);
	if (end == MACHINE_END_ERROR) {
		if (e)
			*e = m->run_error;
		return -EIO;
	}
	*ret_result = (struct machine_result){ .end = end, .status = m->end_status };
	return 0;
}

bool machine_has_new_kernel(const struct machine *m)
{
	return m->has_new_kernel;
}

void machine_press_power_button(struct machine *m)
{
	for (unsigned i = 0; i < CONFIG_MAX_SERIALS; i++)
		host_output_hurry(m->serial_output[i]);
	host_output_hurry(m->debug_output);
	acpi_pm_press_power_button(m->acpi_pm);
}

bool machine_serial_ready(struct machine *m, unsigned i)
{
	return m->serials[i] && ns16550_input_ready(m->serials[i]);
}
