/* SPDX-License-Identifier: MIT */
#include "cpuid/nestor_leaf.h"

#include <string.h>

static const char signature[12] = { 'N', 'e', 's', 't', 'o', 'r', 'N', 'e', 's', 't', 'o', 'r' };

void nestor_leaf_sign(uint32_t ret_reg[4])
{
	ret_reg[CPUID_EAX] = NESTOR_LEAF_DEPTH;
	(void)memcpy(&ret_reg[CPUID_EBX], signature, sizeof(signature));
}

bool nestor_leaf_is_signed(const uint32_t reg[4])
{
	return reg[CPUID_EAX] >= NESTOR_LEAF_DEPTH &&
	       reg[CPUID_EAX] < NESTOR_LEAF_SIGNATURE + 0x100 &&
	       memcmp(&reg[CPUID_EBX], signature, sizeof(signature)) == 0;
}
