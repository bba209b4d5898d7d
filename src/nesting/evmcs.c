/* SPDX-License-Identifier: MIT */
#include "nesting/evmcs.h"

/*
 * Linux 6.12, arch/x86/kvm/vmx/hyperv.c, nested_evmcs_filter_control_msr: all but what its lists
 * name, which is also what older ones took away by name. IA32_PERF_GLOBAL_CTRL has fields, which
 * KVM uses only with a bit of leaf 0x4000000A that is not offered.
 */
static const feature_id without_field[] = {
	FEATURE_ID_vmx_posted_intr,
	FEATURE_ID_vmx_preemption_timer,
	FEATURE_ID_vmx_tertiary_ctls,
	FEATURE_ID_vmx_apicv_xapic,
	FEATURE_ID_vmx_apicv_register,
	FEATURE_ID_vmx_apicv_vid,
	FEATURE_ID_vmx_ple,
	FEATURE_ID_vmx_vmfunc,
	FEATURE_ID_vmx_shadow_vmcs,
	FEATURE_ID_vmx_pml,
	FEATURE_ID_vmx_ept_violation_ve,
	FEATURE_ID_vmx_ept_sub_page_write,
	FEATURE_ID_vmx_pasid_translation,
	FEATURE_ID_vmx_mbec,
	FEATURE_ID_vmx_tsc_scaling,
	FEATURE_ID_vmx_pconfig,
	FEATURE_ID_vmx_enclv_exit,
	FEATURE_ID_vmx_epc_virt,
	FEATURE_ID_vmx_exit_load_perf_global_ctrl,
	FEATURE_ID_vmx_exit_save_perf_global_ctrl,
	FEATURE_ID_vmx_exit_save_preemption_timer,
	FEATURE_ID_vmx_exit_clear_lbr_ctl,
	FEATURE_ID_vmx_exit_clear_uinv,
	FEATURE_ID_vmx_exit_save_cet,
	FEATURE_ID_vmx_exit_load_pkrs,
	FEATURE_ID_vmx_exit_secondary_ctls,
	FEATURE_ID_vmx_entry_load_perf_global_ctrl,
	FEATURE_ID_vmx_entry_load_uinv,
	FEATURE_ID_vmx_entry_load_cet,
	FEATURE_ID_vmx_entry_load_lbr_ctl,
	FEATURE_ID_vmx_entry_load_pkrs,
	FEATURE_ID_vmx_entry_load_fred,
};

_Static_assert(ARRAY_SIZE(without_field) <= EVMCS_MAX_WITHDRAWALS, "no room for all");

size_t evmcs_withdrawals(const char *origin, struct policy_withdrawal *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(without_field); i++)
		ret[i] = (struct policy_withdrawal){ without_field[i], "HV-13", origin,
			"hv-evmcs, whose VMCS has no field for it" };
	return ARRAY_SIZE(without_field);
}
