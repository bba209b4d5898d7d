#include "cpuid/msr.h"

#include <errno.h>

int msr_policy_deny(struct msr_policy *p, uint32_t first, uint32_t last, struct err *e)
{
	if (first > last)
		return err_set(e, -EINVAL, "MSR range %#x to %#x is empty", first, last);
	if (p->nr_deny == MSR_POLICY_MAX_DENY)
		return err_set(e, -E2BIG, "more than %u MSR ranges to deny", MSR_POLICY_MAX_DENY);
	p->deny[p->nr_deny++] = (struct msr_range){ first, last };
	return 0;
}

int msr_policy_set(struct msr_policy *p, uint32_t index, uint64_t value, struct err *e)
{
	if (p->nr_set == MSR_POLICY_MAX_SET)
		return err_set(e, -E2BIG, "more than %u MSRs to set", MSR_POLICY_MAX_SET);
	p->set[p->nr_set++] = (struct msr_value){ index, value };
	return 0;
}

int msr_policy_firmware(struct msr_policy *p, struct err *e)
{
	/* SDM vol. 4: IA32_MISC_ENABLE bit 0, fast strings. */
	int rc = msr_policy_set(p, MSR_IA32_MISC_ENABLE, 1, e);
	/* SDM vol. 3, IA32_MTRR_DEF_TYPE: bit 11 enables, type 6 is write-back. With MTRRs off,
	 * Linux turns PAT off too. */
	return rc ? rc : msr_policy_set(p, MSR_IA32_MTRR_DEF_TYPE, 1u << 11 | 6, e);
}
