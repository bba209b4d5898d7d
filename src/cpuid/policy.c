/* SPDX-License-Identifier: MIT */
#include "cpuid/policy.h"

const struct policy_text *cpu_policy_text(const struct cpu_policy *policy, size_t offset)
{
	for (const struct cpu_policy *p = policy; p; p = p->base) {
		const char *at = (const char *)p + offset;
		const struct policy_text *text = (const struct policy_text *)(const void *)at;
		if (text->text)
			return text;
	}
	return NULL;
}

const struct policy_number *cpu_policy_number(const struct cpu_policy *policy, size_t offset)
{
	for (const struct cpu_policy *p = policy; p; p = p->base) {
		const char *at = (const char *)p + offset;
		const struct policy_number *number = (const struct policy_number *)(const void *)at;
		if (number->given)
			return number;
	}
	return NULL;
}
