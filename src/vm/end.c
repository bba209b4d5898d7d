/* SPDX-License-Identifier: MIT */
/* How a run comes to its end, whoever ends it: the guest, a vCPU that fails, or the user. */
#include "vm/internal.h"

#include "host/guest_clock.h"

#include <unistd.h>

void machine_end(struct machine *m, enum machine_end end, uint32_t status, const struct err *error)
{
	int running = 0;
	if (!atomic_compare_exchange_strong(&m->ended, &running, 1 + (int)end))
		return;
	m->end_status = status;
	if (error)
		m->run_error = *error;
	loop_stop(m->options.loop);
}

/* The vCPUs have been joined: nobody else looks. */
void machine_begin_again(struct machine *m)
{
	uint64_t count;
	ssize_t done = read(m->stop_fd, &count, sizeof(count));
	(void)done;
	atomic_store(&m->stopping, false);
	atomic_store(&m->crashed, false);
	atomic_store(&m->ended, 0);
	for (unsigned i = 0; i < CONFIG_MAX_SERIALS; i++)
		host_output_restart(m->serial_output[i]);
	host_output_restart(m->debug_output);
	/* It may have been paused when it ended. */
	m->clocks = (struct machine_clocks){ 0 };
	device_list_resume(&m->devices);
	guest_clock_start(m->clock);
}

void machine_stop(struct machine *m)
{
	machine_end(m, MACHINE_END_STOPPED, 0, /* error */ NULL);
}
