/* SPDX-License-Identifier: MIT */
/* Sockets, cores and threads to APIC IDs, and the CPUID leaves that say so to each vCPU. */
#ifndef NESTOR_CPUID_TOPOLOGY_H
#define NESTOR_CPUID_TOPOLOGY_H

#include "cpuid/edit.h"

struct cpu_topology {
	unsigned sockets, dies, cores, threads; /* per VM, socket, die, core; each at least 1 */
	unsigned core_shift;                    /* APIC ID bits of the thread number */
	unsigned die_shift;                     /* … of thread and core number */
	unsigned package_shift;                 /* … of thread, core and die number */
};

/* Where vCPU number i sits: each within the one before. */
struct cpu_place {
	unsigned socket, die, core, thread;
	uint32_t apic_id;
};

/* Computes the shifts: each level gets the fewest bits that hold its numbers (SDM vol. 3, APIC ID).
 */
struct cpu_topology cpu_topology_make(
	unsigned sockets, unsigned dies, unsigned cores, unsigned threads);

/* Places vCPU i: threads vary fastest, then cores, dies, sockets. */
struct cpu_place cpu_topology_place(const struct cpu_topology *t, unsigned i);

/*
 * Rewrites the topology leaves of edit's table (1, 4, 0xB, 0x1F, 0x80000001, 0x80000008,
 * 0x8000001D, 0x8000001E) for the vCPU at place. Leaves 0xB and 0x1F are there where the highest
 * leaf reaches them. Returns 0, or -E2BIG where the table is full.
 */
int cpu_topology_apply(const struct cpu_topology *t, const struct cpu_place *place,
	struct cpu_edit *edit, struct err *e) MUST_CHECK;

#endif
