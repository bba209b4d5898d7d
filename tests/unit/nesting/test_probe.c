/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"
#include "fake/hosts.h"

#include "nesting/probe.h"

#include <stdlib.h>

static struct host_facts *new_host(bool intel, bool extension)
{
	struct host_facts *h = calloc(1, sizeof(*h));
	assert_non_null(h);
	if (intel)
		host_intel(h, extension);
	else
		host_amd(h, extension);
	return h;
}

/* VMX MSRs of a made-up processor: every control may be 1, every capability is there. */
static unsigned all_vmx(struct msr_value msrs[24], bool true_ctls)
{
	unsigned n = 0;
	msrs[n++] = (struct msr_value){ 0x3a, 5 };
	for (uint32_t i = 0x480; i <= 0x493; i++)
		msrs[n++] = (struct msr_value){ i, UINT64_MAX << 32 };
	msrs[1].value = 0x13 | UINT64_C(0x1000) << 32 | UINT64_C(6) << 50 |
			(true_ctls ? UINT64_C(1) << 55 : 0);
	msrs[6].value = 0x5 | 4 << 16 | UINT64_C(1) << 25; /* MISC */
	msrs[11].value = 0x2a;                             /* VMCS_ENUM */
	return n;
}

static void set_msr(struct msr_value *msrs, unsigned n, uint32_t index, uint64_t value)
{
	for (unsigned i = 0; i < n; i++) {
		if (msrs[i].index == index)
			msrs[i].value = value;
	}
}

static const struct feature *named(const char *name)
{
	const struct feature *f = feature_find(name);
	assert_non_null(f);
	return f;
}

static bool has(const struct nesting_probe *p, const char *name)
{
	return feature_set_has(&p->features, named(name)->id);
}

static void probe__svm__revision_asids_and_features(void **state)
{
	(void)state;
	struct host_facts *h = new_host(false, true);
	struct nesting_probe p;
	const struct msr_value msrs[] = { { MSR_EFER, 0xd01 }, { MSR_VM_CR, 0x8 } };
	nesting_probe_make(&h->supported, msrs, 2, NULL, &p);
	assert_true(p.svm);
	assert_false(p.vmx);
	assert_int_equal(p.svm_revision, 1);
	assert_int_equal(p.nr_asids, 8);
	assert_true(has(&p, "npt"));
	assert_true(p.efer_known && p.efer == 0xd01);
	assert_true(p.vm_cr_known && p.vm_cr == 8);
	assert_int_equal(p.source, NESTING_PROBE_NONE);
	assert_int_equal(p.phys_bits, 48);
	free(h);
}

/* What a hypervisor below leaves behind of a leaf that it hides is nothing to use. */
static void probe__svm_hidden__its_leaf_says_nothing(void **state)
{
	(void)state;
	struct host_facts *h = new_host(false, true);
	struct nesting_probe p;
	cpuid_find(&h->supported, 0x80000001, 0)->reg[CPUID_ECX] &= ~UINT32_C(4);
	nesting_probe_make(&h->supported, NULL, 0, NULL, &p);
	assert_false(p.svm);
	assert_false(has(&p, "npt"));
	assert_int_equal(p.nr_asids, 0);
	struct feature_set all;
	nesting_probe_capabilities(&p, &all);
	assert_true(feature_set_has(&all, named("npt")->id));
	assert_false(feature_set_has(&all, named("vmx-ept")->id));
	free(h);
}

static void probe__vmx__numbers_of_its_msrs(void **state)
{
	(void)state;
	struct host_facts *h = new_host(true, true);
	struct nesting_probe p;
	struct msr_value msrs[24];
	unsigned n = all_vmx(msrs, true);
	nesting_probe_make(&h->supported, msrs, n, NULL, &p);
	assert_int_equal(p.source, NESTING_PROBE_MSRS);
	assert_int_equal(p.vmcs_revision, 0x13);
	assert_int_equal(p.vmcs_bytes, 0x1000);
	assert_int_equal(p.vmcs_memory_type, 6);
	assert_int_equal(p.timer_shift, 5);
	assert_int_equal(p.cr3_targets, 4);
	assert_int_equal(p.msr_list_max, 1024);
	assert_int_equal(p.vmcs_field_max, 0x15);
	assert_true(p.feature_control_known && p.feature_control == 5);
	assert_true(has(&p, "vmx-ept"));
	set_msr(msrs, n, 0x48b, (UINT64_MAX << 32) & ~(UINT64_C(1) << 33));
	nesting_probe_make(&h->supported, msrs, n, NULL, &p);
	assert_false(has(&p, "vmx-ept"));
	assert_true(has(&p, "vmx-unrestricted-guest"));
	free(h);
}

/* SDM vol. 3, appendix A.2: without the true MSRs the basic ones say it. */
static void probe__no_true_controls__basic_ones_stand_in(void **state)
{
	(void)state;
	struct host_facts *h = new_host(true, true);
	struct nesting_probe p;
	struct msr_value msrs[24];
	unsigned n = all_vmx(msrs, false);
	set_msr(msrs, n, 0x48e, 0);
	nesting_probe_make(&h->supported, msrs, n, NULL, &p);
	assert_true(has(&p, "vmx-secondary-ctls"));
	set_msr(msrs, n, 0x482, 0);
	set_msr(msrs, n, 0x48e, UINT64_MAX << 32);
	nesting_probe_make(&h->supported, msrs, n, NULL, &p);
	assert_false(has(&p, "vmx-secondary-ctls"));
	free(h);
}

static void probe__no_msrs__kvm_stands_in_or_nothing_is_known(void **state)
{
	(void)state;
	struct host_facts *h = new_host(true, true);
	struct host_facts *kvm = new_host(true, true);
	struct nesting_probe p;
	struct msr_value msrs[24];
	kvm->nr_feature_msrs = all_vmx(msrs, true);
	memcpy(kvm->feature_msrs, msrs, sizeof(msrs));
	nesting_probe_make(&h->supported, NULL, 0, kvm, &p);
	assert_int_equal(p.source, NESTING_PROBE_KVM);
	assert_true(has(&p, "vmx-ept"));
	assert_false(p.feature_control_known);
	kvm->nr_feature_msrs = 0;
	nesting_probe_make(&h->supported, NULL, 0, kvm, &p);
	assert_int_equal(p.source, NESTING_PROBE_NONE);
	const char *reason;
	assert_false(nesting_probe_can_host(&p, nesting_profile_find("minimal"), &reason));
	assert_contains(reason, "could not be read");
	free(h);
	free(kvm);
}

/* MSRs that say VMX where CPUID does not are not believed. */
static void probe__vmx_hidden__msrs_are_not_taken(void **state)
{
	(void)state;
	struct host_facts *h = new_host(true, false);
	struct nesting_probe p;
	struct msr_value msrs[24];
	unsigned n = all_vmx(msrs, true);
	nesting_probe_make(&h->supported, msrs, n, NULL, &p);
	assert_false(p.vmx);
	assert_false(has(&p, "vmx-ept"));
	const char *reason;
	assert_false(nesting_probe_can_host(&p, nesting_profile_find("minimal"), &reason));
	assert_contains(reason, "neither VMX nor SVM");
	free(h);
}

static void can_host__locked_off__no(void **state)
{
	(void)state;
	struct host_facts *h = new_host(true, true);
	struct nesting_probe p;
	struct msr_value msrs[24];
	const char *reason;
	unsigned n = all_vmx(msrs, true);
	set_msr(msrs, n, 0x3a, 1);
	nesting_probe_make(&h->supported, msrs, n, NULL, &p);
	assert_false(nesting_probe_can_host(&p, nesting_profile_find("minimal"), &reason));
	assert_contains(reason, "locked off");
	set_msr(msrs, n, 0x3a, 0);
	nesting_probe_make(&h->supported, msrs, n, NULL, &p);
	assert_true(nesting_probe_can_host(&p, nesting_profile_find("minimal"), &reason));
	assert_string_equal(reason, "");
	free(h);
	h = new_host(false, true);
	const struct msr_value vm_cr = { MSR_VM_CR, 0x18 };
	nesting_probe_make(&h->supported, &vm_cr, 1, NULL, &p);
	assert_false(nesting_probe_can_host(&p, nesting_profile_find("minimal"), &reason));
	assert_contains(reason, "SVMDIS");
	free(h);
}

/* Each required row of each profile, taken away in turn: the answer is NO. */
static void can_host__any_required_missing__no(void **state)
{
	(void)state;
	size_t n;
	const struct nesting_profile *all = nesting_profiles(&n);
	struct nesting_probe *p = calloc(1, sizeof(*p));
	assert_non_null(p);
	unsigned tried = 0;
	for (size_t k = 0; k < n * 2; k++) {
		const struct nesting_profile *profile = &all[k / 2];
		p->vendor = k % 2 ? CPUID_VENDOR_AMD : CPUID_VENDOR_INTEL;
		p->svm = k % 2;
		p->vmx = !p->svm;
		p->source = NESTING_PROBE_MSRS;
		memset(&p->features, 0xff, sizeof(p->features));
		const char *reason;
		assert_true(nesting_probe_can_host(p, profile, &reason));
		for (size_t i = 0; i < profile->nr_rows; i++) {
			const struct nesting_profile_row *row = &profile->rows[i];
			if (row->level != NESTING_REQUIRED ||
				nesting_probe_row(p, row) == NESTING_PROBE_OTHER)
				continue;
			feature_set_remove(&p->features, row->feature);
			assert_int_equal(nesting_probe_row(p, row), NESTING_PROBE_LACKS);
			assert_false(nesting_probe_can_host(p, profile, &reason));
			feature_set_add(&p->features, row->feature);
			tried++;
		}
	}
	assert_true(tried > 10);
	free(p);
}

static void row__hidden_and_wanted__are_told_apart(void **state)
{
	(void)state;
	struct nesting_probe p = { .vendor = CPUID_VENDOR_AMD, .svm = true };
	struct nesting_profile_row row = { .feature = named("vgif")->id, .level = NESTING_HIDDEN };
	assert_int_equal(nesting_probe_row(&p, &row), NESTING_PROBE_AGREES);
	feature_set_add(&p.features, row.feature);
	assert_int_equal(nesting_probe_row(&p, &row), NESTING_PROBE_HAS);
	row.level = NESTING_WANTED;
	assert_int_equal(nesting_probe_row(&p, &row), NESTING_PROBE_AGREES);
	feature_set_remove(&p.features, row.feature);
	assert_int_equal(nesting_probe_row(&p, &row), NESTING_PROBE_LACKS);
	row.vendor = CPUID_VENDOR_INTEL;
	assert_int_equal(nesting_probe_row(&p, &row), NESTING_PROBE_OTHER);
}

static void depth__leaves__only_nestors_own(void **state)
{
	(void)state;
	struct cpuid_table t = { .nr_entries = 0 };
	unsigned depth = 77;
	struct cpuid_entry *first = cpuid_put(&t, 0x40000200, 0, false);
	first->reg[CPUID_EAX] = 0x40000201;
	memcpy(&first->reg[CPUID_EBX], "NestorNestor", 12);
	assert_false(nesting_probe_depth(&t, &depth));
	cpuid_put(&t, 0x40000201, 0, false)->reg[CPUID_EAX] = 3;
	assert_true(nesting_probe_depth(&t, &depth));
	assert_int_equal(depth, 3);
	depth = 77;
	memcpy(&first->reg[CPUID_EBX], "NestorNestoR", 12);
	assert_false(nesting_probe_depth(&t, &depth));
	assert_int_equal(depth, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probe__svm__revision_asids_and_features),
		cmocka_unit_test(probe__svm_hidden__its_leaf_says_nothing),
		cmocka_unit_test(probe__vmx__numbers_of_its_msrs),
		cmocka_unit_test(probe__no_true_controls__basic_ones_stand_in),
		cmocka_unit_test(probe__no_msrs__kvm_stands_in_or_nothing_is_known),
		cmocka_unit_test(probe__vmx_hidden__msrs_are_not_taken),
		cmocka_unit_test(can_host__locked_off__no),
		cmocka_unit_test(can_host__any_required_missing__no),
		cmocka_unit_test(row__hidden_and_wanted__are_told_apart),
		cmocka_unit_test(depth__leaves__only_nestors_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
