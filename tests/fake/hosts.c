/* SPDX-License-Identifier: MIT */
#include "fake/hosts.h"

#include <string.h>

static void add(struct host_facts *f, uint32_t leaf, uint32_t subleaf, bool matters, uint32_t eax,
	uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	f->supported.entries[f->supported.nr_entries++] = (struct cpuid_entry){
		.leaf = leaf,
		.subleaf = subleaf,
		.subleaf_matters = matters,
		.reg = { eax, ebx, ecx, edx },
	};
}

/* Leaf 0 or 0x80000000: highest leaf, and the vendor's name in EBX, EDX, ECX. */
static void add_vendor(struct host_facts *f, uint32_t leaf, uint32_t last, const char *name)
{
	uint32_t words[3];
	memcpy(words, name, sizeof(words));
	add(f, leaf, 0, false, last, words[0], words[2], words[1]);
}

static void start(struct host_facts *f)
{
	*f = (struct host_facts){
		.max_vcpus = 1024,
		.max_vcpu_id = 4096,
		.nr_memslots = 32764,
		.tsc_deadline_timer = true,
		.split_irqchip = true,
		.nested_state = true,
		.user_space_msr = true,
		.tsc_scaling = true,
	};
}

/* Cache leaves of one core type: L1d, L1i, L2, L3, and the end of the list. */
static void add_caches(struct host_facts *f, uint32_t leaf, uint32_t cores_field)
{
	const uint32_t eax[] = { 0x4121, 0x4122, 0x4143, 0x3c163 };
	for (uint32_t i = 0; i < ARRAY_SIZE(eax); i++)
		add(f, leaf, i, true, eax[i] | cores_field, 0x01c0003f, 0x3f, 0);
	add(f, leaf, ARRAY_SIZE(eax), true, 0, 0, 0, 0);
}

void host_intel(struct host_facts *ret_facts, bool vmx)
{
	struct host_facts *f = ret_facts;
	start(f);
	add_vendor(f, 0, 0x1f, "GenuineIntel");
	/* ECX: SSE3, VMX, SMX, SSSE3, OSXSAVE, as a host in use has them. EBX: the host's APIC ID.
	 */
	add(f, 1, 0, false, 0x000606a6, 0x05200800, 0x08000201 | (vmx ? 0x60 : 0), 0x0f8bfbff);
	add_caches(f, 4, 0x1c000000);
	add(f, 7, 0, true, 1, 0x000007a9, 0, 0);
	add(f, 0xb, 0, true, 1, 2, 0x100, 5);
	add(f, 0xb, 1, true, 6, 32, 0x201, 5);
	add(f, 0x1f, 0, true, 1, 2, 0x100, 5);
	add_vendor(f, 0x80000000, 0x80000008, "\0\0\0\0\0\0\0\0\0\0\0\0");
	add(f, 0x80000001, 0, false, 0, 0, 0x121, 0x2c100800);
	add(f, 0x80000008, 0, false, 0x302e, 0, 0, 0);
	add(f, 0x40000000, 0, false, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d);
}

void host_amd(struct host_facts *ret_facts, bool svm)
{
	struct host_facts *f = ret_facts;
	start(f);
	add_vendor(f, 0, 0x10, "AuthenticAMD");
	add(f, 1, 0, false, 0x00a20f10, 0x05200800, 0x08000201, 0x178bfbff);
	add(f, 7, 0, true, 0, 0x219c97a9, 0, 0);
	add(f, 0xb, 0, true, 1, 2, 0x100, 5);
	add_vendor(f, 0x80000000, 0x8000001f, "AuthenticAMD");
	/* ECX: LAHF, CmpLegacy, and with SVM also SKINIT. */
	add(f, 0x80000001, 0, false, 0x00a20f10, 0, 0x123 | (svm ? 0x1004 : 0), 0x2fd3fbff);
	add(f, 0x80000008, 0, false, 0x3030, 0x1000, 0x500f, 0);
	if (svm)
		add(f, 0x8000000a, 0, false, 1, 8, 0, 0x119b9cff);
	add_caches(f, 0x8000001d, 0); /* AMD keeps EAX 31:26 reserved */
	add(f, 0x8000001e, 0, false, 5, 0x102, 0x300, 0);
	add(f, 0x8000001f, 0, false, 0x1f, 0x16f, 0x1fd, 1);
}

uint32_t host_random_next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

void host_random(struct host_facts *ret_facts, uint32_t seed)
{
	static const uint32_t leaves[] = { 1, 4, 7, 0xb, 0xd, 0x1f, 0x80000001, 0x80000008,
		0x8000000a, 0x8000001d, 0x8000001e, 0x8000001f, 0x40000000, 0x12345678 };
	struct host_facts *f = ret_facts;
	uint32_t state = seed * 2654435761u + 1;
	start(f);
	add_vendor(f, 0, host_random_next(&state) % 0x40,
		host_random_next(&state) % 2 ? "GenuineIntel" : "AuthenticAMD");
	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++) {
		uint32_t subleaves = host_random_next(&state) % 5;
		for (uint32_t j = 0; j < subleaves; j++)
			add(f, leaves[i], j, subleaves > 1, host_random_next(&state),
				host_random_next(&state), host_random_next(&state),
				host_random_next(&state));
	}
}
