/* Sockets, cores and threads to APIC IDs, and the CPUID leaves that say so to each vCPU. */
#ifndef NESTOR_CPUID_TOPOLOGY_H
#define NESTOR_CPUID_TOPOLOGY_H

#include "cpuid/cpuid.h"

struct cpu_topology {
	unsigned sockets, cores, threads; /* per VM, per socket, per core; each at least 1 */
	unsigned core_shift;              /* APIC ID bits of the thread number */
	unsigned package_shift;           /* APIC ID bits of thread and core number */
};

/* Where vCPU number i sits. */
struct cpu_place {
	unsigned socket, core, thread;
	uint32_t apic_id;
};

/* Computes the shifts: each level gets the fewest bits that hold its numbers (SDM vol. 3, APIC ID).
 */
struct cpu_topology cpu_topology_make(unsigned sockets, unsigned cores, unsigned threads);

/* Places vCPU i: threads vary fastest, then cores, then sockets. */
struct cpu_place cpu_topology_place(const struct cpu_topology *t, unsigned i);

/*
 * Rewrites the topology leaves of table (1, 4, 0xB, 0x1F, 0x80000001, 0x80000008, 0x8000001D,
 * 0x8000001E) for the vCPU at place. Adds leaf 0xB where the table reaches it and KVM gave none.
 * Returns 0, or -E2BIG where the table is full.
 */
int cpu_topology_apply(const struct cpu_topology *t, const struct cpu_place *place,
	struct cpuid_table *table, struct err *e) MUST_CHECK;

#endif
