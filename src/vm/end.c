/* SPDX-License-Identifier: MIT */
/* How a run comes to its end, whoever ends it: the guest, a vCPU that fails, or the user. */
#include "vm/internal.h"

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

void machine_stop(struct machine *m)
{
	machine_end(m, MACHINE_END_STOPPED, 0, /* error */ NULL);
}
