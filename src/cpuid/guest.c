#include "cpuid/guest.h"

#include <string.h>

/* KVM gives the brand string as zeros, and Linux shows a processor without a name. */
static void fill_brand(const struct host_facts *host, struct cpuid_table *table)
{
	for (unsigned i = 0; i < 3; i++) {
		struct cpuid_entry *e = cpuid_find(table, 0x80000002 + i, 0);
		bool empty = e && !(e->reg[0] | e->reg[1] | e->reg[2] | e->reg[3]);
		if (empty)
			memcpy(e->reg, &host->brand[4 * i], sizeof(e->reg));
	}
}

void cpuid_guest_base(const struct host_facts *host, struct cpuid_table *ret_table)
{
	*ret_table = host->supported;

	struct cpuid_entry *e = cpuid_find(ret_table, 1, 0);
	if (e) {
		uint32_t *ecx = &e->reg[CPUID_ECX];
		*ecx |= UINT32_C(1) << 31; /* a hypervisor is present: leaf 0x40000000 is valid */
		*ecx &= ~(UINT32_C(1)
			  << 27); /* OSXSAVE mirrors CR4.OSXSAVE, clear at reset; KVM sets it */
		/* Older KVM leaves the TSC-deadline timer out of the supported leaves and has a
		 * capability for it (KVM API, KVM_GET_SUPPORTED_CPUID). */
		if (host->tsc_deadline_timer)
			*ecx |= UINT32_C(1) << 24;
	}
	/* Memory encryption belongs to the host: no guest of ours is an SEV guest or starts one. */
	e = cpuid_find(ret_table, 0x8000001f, 0);
	if (e)
		memset(e->reg, 0, sizeof(e->reg));
	fill_brand(host, ret_table);
}
