/* SPDX-License-Identifier: MIT */
/* libvirt's <cpu>, and what else of a domain makes a guest's processor, as a policy. */
#include "policies.h"

#include <stdlib.h>

static void read__custom_model__is_taken_with_its_features(void **state)
{
	(void)state;
	static const char xml[] = "<?xml version='1.0' encoding='UTF-8'?>\n"
				  "<!-- as virsh edit shows it -->\n"
				  "<cpu mode='custom' match='exact' check='partial'>\n"
				  "  <model fallback='forbid'>Skylake-Server-IBRS</model>\n"
				  "  <vendor>Intel</vendor>\n"
				  "  <topology sockets='1' dies='2' cores='4' threads='2'/>\n"
				  "  <cache level='3' mode='emulate'/>\n"
				  "  <maxphysaddr mode='emulate' bits='42'/>\n"
				  "  <feature policy='require' name='pcid'/>\n"
				  "  <feature policy='disable' name='avx512-vnni-x'/>\n"
				  "</cpu>\n";
	assert_refused(libvirt_cpu_read, xml,
		"file:10:3: <feature>: unknown feature avx512-vnni-x, did you mean "
		"avx512-vnni?");
	char text[4096];
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(libvirt_cpu_read,
		"<cpu mode='custom' match='exact' check='partial'>\n"
		"  <model fallback='forbid'> Skylake-Server-IBRS\n</model>\n"
		"  <vendor>Intel</vendor>\n"
		"  <topology sockets='1' dies='2' cores='4' threads='2'/>\n"
		"  <cache mode='emulate'/>\n"
		"  <maxphysaddr mode='emulate' bits='42'/>\n"
		"  <feature policy='require' name='pcid'/>\n"
		"  <feature policy='disable' name='avx512f'/>\n"
		"  <feature name='lahf_lm'/>\n"
		"</cpu>\n",
		&l);
	const struct cpu_policy *p = policy_doc_policy(doc);
	assert_string_equal(p->model.text, "Skylake-Server-IBRS");
	/* Which hosts of another vendor are refused for anyway. */
	assert_null(p->host_vendor.text);
	assert_null(p->vendor.text);
	(void)policy_features(p, text);
	assert_memory_equal(text, "+pcid -avx512f +lahf_lm ", 24);
	assert_int_equal(p->topology.dies, 2);
	assert_int_equal(p->topology.cores, 4);
	assert_int_equal(p->topology.threads, 2);
	assert_int_equal(p->cache, CPU_CACHE_EMULATE);
	assert_int_equal(p->phys_bits.value, 42);
	assert_int_equal(p->on_missing, CPU_MISSING_ERROR);
	assert_no_losses(&l);
	policy_doc_destroy(doc);
}

static void read__modes__are_models(void **state)
{
	(void)state;
	static const struct {
		const char *xml, *model, *loss;
	} cases[] = {
		{ "<cpu mode='host-passthrough' check='none' migratable='on'/>", "host", NULL },
		{ "<cpu mode='host-passthrough'><feature policy='require' name='vmx'/></cpu>",
			"host", NULL },
		{ "<cpu mode='maximum'/>", "max", NULL },
		{ "<cpu mode='host-model'/>", "host", "mode='host-model'" },
		{ "<cpu><model>Nehalem</model></cpu>", "Nehalem", NULL },
		{ "<cpu><topology sockets='1' cores='2' threads='1'/></cpu>", "qemu64", NULL },
		{ "<domain/>", "qemu64", NULL },
		{ "<cpu mode='host-model'><model fallback='allow'/></cpu>", "host",
			"mode='host-model'" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct losses l = { 0 };
		struct policy_doc *doc = policy_read(libvirt_cpu_read, cases[i].xml, &l);
		assert_string_equal(policy_doc_policy(doc)->model.text, cases[i].model);
		if (cases[i].loss)
			assert_loss(&l, cases[i].loss);
		else
			assert_no_losses(&l);
		policy_doc_destroy(doc);
		losses_done(&l);
	}
}

static void read__whole_domain__gives_its_cpu(void **state)
{
	(void)state;
	char text[4096];
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(libvirt_cpu_read,
		"<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"
		"  <name>win</name>\n"
		"  <vcpu placement='static' current='4'>8</vcpu>\n"
		"  <os><type arch='x86_64' machine='pc-q35-9.0'>hvm</type></os>\n"
		"  <features>\n"
		"    <acpi/>\n"
		"    <hyperv mode='custom'><relaxed state='on'/><spinlocks state='on' "
		"retries='8191'/><vpindex state='off'/><synic state='on'/><stimer state='on'>"
		"<direct state='on'/></stimer><vendor_id state='on' value='me'/></hyperv>\n"
		"    <kvm><hidden state='on'/><poll-control state='on'/></kvm>\n"
		"    <pvspinlock state='off'/><apic eoi='off'/><pmu state='off'/>\n"
		"  </features>\n"
		"  <cpu mode='host-passthrough'>\n"
		"    <feature policy='disable' name='hypervisor'/>\n"
		"    <feature policy='disable' name='vmx'/>\n"
		"    <feature policy='require' name='topoext'/>\n"
		"    <numa><cell id='0' cpus='0-7' memory='4' unit='GiB'/></numa>\n"
		"  </cpu>\n"
		"  <clock offset='localtime'><timer name='tsc' present='yes' "
		"frequency='2400000000'/><timer name='hpet' present='no'/>"
		"<timer name='kvmclock' present='no'/><timer name='hypervclock' present='yes'/>"
		"</clock>\n"
		"  <devices><disk><source file='/x'/></disk></devices>\n"
		"</domain>\n",
		&l);
	const struct cpu_policy *p = policy_doc_policy(doc);
	static const struct {
		const char *name;
		bool on;
	} enlightenments[] = { { "hv-relaxed", true }, { "hv-vpindex", false },
		{ "hv-synic", true }, { "hv-stimer", true }, { "hv-stimer-direct", true },
		{ "hv-time", true } };
	assert_string_equal(p->model.text, "host");
	assert_string_equal(policy_features(p, text),
		"+kvm-poll-control -kvm-pv-unhalt -kvm-pv-eoi +topoext -kvmclock -kvmclock2 "
		"-invtsc "
		"-pdcm -perfctr_core -perfctr_nb -perfmon-v2 -arch-perfmon-ext");
	assert_int_equal(p->hypervisor, CPU_HYPERVISOR_NONE);
	assert_int_equal(p->tsc_khz.value, 2400000);
	assert_int_equal(p->topology.sockets, 8);
	assert_int_equal(p->nr_hyperv_features, ARRAY_SIZE(enlightenments));
	for (size_t i = 0; i < ARRAY_SIZE(enlightenments); i++) {
		assert_string_equal(p->hyperv_features[i].name, enlightenments[i].name);
		assert_int_equal(p->hyperv_features[i].on, enlightenments[i].on);
	}
	assert_int_equal(p->hyperv_spinlock_retries.value, 8191);
	assert_string_equal(p->hyperv_vendor_id.text, "me");
	assert_loss(&l, "cpu/numa: nestor's machines have one node");
	assert_loss(&l, "clock offset='localtime'");
	assert_loss(&l, "vcpu current='4'");
	assert_int_equal(l.nr_lines, 3);
	policy_doc_destroy(doc);
	losses_done(&l);
}

/* <vendor> asks for the host's; a named model of that vendor does so anyway. */
static void read__vendor__is_demanded_of_the_host(void **state)
{
	(void)state;
	static const struct {
		const char *xml, *vendor;
	} cases[] = {
		{ "<cpu match='exact'><model>pentium3</model><vendor>AMD</vendor></cpu>", "amd" },
		{ "<cpu match='exact'><model>qemu64</model><vendor>Hygon</vendor></cpu>", "hygon" },
		{ "<cpu match='exact'><model>EPYC</model><vendor>AMD</vendor></cpu>", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct losses l = { 0 };
		struct policy_doc *doc = policy_read(libvirt_cpu_read, cases[i].xml, &l);
		const char *vendor = policy_doc_policy(doc)->host_vendor.text;
		if (cases[i].vendor)
			assert_string_equal(vendor, cases[i].vendor);
		else
			assert_null(vendor);
		assert_no_losses(&l);
		policy_doc_destroy(doc);
	}
}

static void read__width__is_what_libvirt_runs(void **state)
{
	(void)state;
	static const struct {
		const char *xml;
		uint64_t bits; /* 0: the host's */
	} cases[] = {
		{ "<cpu><model>Haswell</model></cpu>", 40 },
		{ "<cpu><model>Haswell</model><maxphysaddr mode='emulate'/></cpu>", 40 },
		{ "<cpu><model>Haswell</model><maxphysaddr mode='emulate' bits='42'/></cpu>", 42 },
		{ "<cpu><model>Haswell</model><maxphysaddr mode='passthrough'/></cpu>", 0 },
		{ "<cpu mode='host-passthrough'><maxphysaddr mode='emulate' bits='42'/></cpu>",
			42 },
		{ "<cpu mode='host-passthrough'/>", 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct losses l = { 0 };
		struct policy_doc *doc = policy_read(libvirt_cpu_read, cases[i].xml, &l);
		assert_int_equal(policy_doc_policy(doc)->phys_bits.value, cases[i].bits);
		policy_doc_destroy(doc);
		losses_done(&l);
	}
}

/* What libvirt looks at before it starts QEMU, which then has no word for it. */
static void read__check__is_on_missing(void **state)
{
	(void)state;
	static const struct {
		const char *xml;
		enum cpu_on_missing on_missing;
		bool before;
	} cases[] = {
		{ "<cpu check='none'><model>Haswell</model></cpu>", CPU_MISSING_WARN, false },
		{ "<cpu check='partial'><model>Haswell</model></cpu>", CPU_MISSING_ERROR, true },
		{ "<cpu><model>Haswell</model></cpu>", CPU_MISSING_ERROR, true },
		{ "<cpu check='full'><model>Haswell</model></cpu>", CPU_MISSING_ERROR, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct losses l = { 0 };
		struct policy_doc *doc = policy_read(libvirt_cpu_read, cases[i].xml, &l);
		const struct cpu_policy *p = policy_doc_policy(doc);
		assert_int_equal(p->on_missing_given ? p->on_missing : CPU_MISSING_ERROR,
			cases[i].on_missing);
		assert_int_equal(policy_doc_checked_before(doc), cases[i].before);
		assert_no_losses(&l);
		policy_doc_destroy(doc);
	}
}

static void read__nuances__are_named_among_the_losses(void **state)
{
	(void)state;
	struct losses l = { 0 };
	struct policy_doc *doc = policy_read(libvirt_cpu_read,
		"<cpu mode='custom' match='strict'>"
		"<model vendor_id='KVMKVMKVMKVM'>EPYC</model><vendor>AMD</vendor>"
		"<topology sockets='1' dies='1' clusters='2' cores='2' threads='1'/>"
		"<cache level='3' mode='passthrough'/>"
		"<maxphysaddr mode='passthrough' limit='39'/>"
		"<feature policy='force' name='svm'/><feature policy='optional' name='avx2'/>"
		"<feature policy='forbid' name='sse4a'/></cpu>",
		&l);
	const struct cpu_policy *p = policy_doc_policy(doc);
	assert_string_equal(p->vendor.text, "KVMKVMKVMKVM");
	assert_int_equal(p->topology.cores, 4);
	assert_int_equal(p->on_missing, CPU_MISSING_ERROR);
	assert_false(p->phys_bits.given);
	/* Another vendor is shown, so the model does not say whose the host is. */
	assert_string_equal(p->host_vendor.text, "amd");
	assert_loss(&l, "match='strict'");
	assert_loss(&l, "clusters='2'");
	assert_loss(&l, "cache level='3'");
	assert_loss(&l, "maxphysaddr limit='39'");
	assert_loss(&l, "policy='force' for svm");
	assert_loss(&l, "policy='optional' for avx2");
	assert_loss(&l, "policy='forbid' for sse4a");
	assert_int_equal(l.nr_lines, 7);
	policy_doc_destroy(doc);
	losses_done(&l);
}

static void read__faults__are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "", "file:1:1: no element found" },
		{ "cpu", "file:1:1: syntax error" },
		{ "<cpu>", "file:1:6: no element found" },
		{ "<cpu></domain>", "file:1:8: mismatched tag" },
		{ "<capabilities/>", "file:1:1: expected <cpu> or <domain>, found <capabilities>" },
		{ "<domain><cpu mode='maximum'/><cpu/></domain>", "file:1:30: a second <cpu>" },
		{ "<cpu mode='custom'/>", "file: <cpu mode='custom'> lacks <model>" },
		{ "<cpu mode='hosts'/>", "file:1:1: <cpu mode>: hosts is none of custom, "
					 "host-passthrough, host-model, maximum" },
		{ "<cpu check='some'/>",
			"file:1:1: <cpu check>: some is none of none, partial, full" },
		{ "<cpu kind='x'/>", "file:1:1: <cpu>: unknown attribute kind" },
		{ "<cpu><models/></cpu>", "file:1:6: unknown element <models>" },
		{ "<cpu><model>Haswel</model></cpu>",
			"file:1:19: unknown model Haswel, did you mean Haswell?" },
		{ "<cpu><model vendor_id='x'>n270</model></cpu>",
			"file:1:6: <model vendor_id>: x has not 12 characters" },
		{ "<cpu><vendor>VIA</vendor></cpu>",
			"file:1:17: <vendor>: VIA is none of Intel, AMD, Hygon" },
		{ "<cpu><model>EPYC</model><vendor>Intel</vendor></cpu>",
			"file: <vendor> asks for a host of another vendor than that of model EPYC, "
			"AuthenticAMD" },
		{ "<cpu><arch>aarch64</arch></cpu>",
			"file:1:19: <arch>: aarch64 is no x86 processor" },
		{ "<cpu><topology sockets='0' cores='1' threads='1'/></cpu>",
			"file:1:6: <topology>: 0 is not a number from 1 to 65536" },
		{ "<cpu><topology sockets='-2' cores='1' threads='1'/></cpu>",
			"file:1:6: <topology>: -2 is not a number from 1 to 65536" },
		{ "<cpu><topology sockets='65536' cores='65536' threads='65536'/></cpu>",
			"file:1:6: <topology>: more than 65536 vCPUs" },
		{ "<cpu><topology cores='1' threads='1'/></cpu>",
			"file:1:6: <topology>: lacks sockets" },
		{ "<cpu><cache/></cpu>", "file:1:6: <cache>: lacks mode" },
		{ "<cpu><maxphysaddr mode='emulate' bits='64'/></cpu>",
			"file:1:6: <maxphysaddr bits>: 64 is not a number from 32 to 52" },
		{ "<cpu><feature policy='require'/></cpu>", "file:1:6: <feature>: lacks name" },
		{ "<cpu><feature policy='maybe' name='avx'/></cpu>",
			"file:1:6: <feature policy>: maybe is none of require, force, optional, "
			"disable, forbid" },
		{ "<cpu><feature name='avx513f'/></cpu>",
			"file:1:6: <feature>: unknown feature avx513f, did you mean avx512f?" },
		{ "<cpu><feature name='sse4.1'/><feature name='sse4-1' policy='disable'/></cpu>",
			"file:1:30: <feature>: sse4.1 was given before" },
		{ "<domain><vcpu>4</vcpu><cpu mode='maximum'><topology sockets='1' cores='3' "
		  "threads='1'/></cpu></domain>",
			"file: <topology> has 3 vCPUs, but <vcpu> says 4" },
		{ "<domain><vcpu>many</vcpu><cpu mode='maximum'/></domain>",
			"file:1:19: <vcpu>: many is not a number from 1 to 65536" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_refused(libvirt_cpu_read, cases[i].text, cases[i].message);
}

static void read__document_type_with_entities__is_refused(void **state)
{
	(void)state;
	assert_refused(libvirt_cpu_read,
		"<!DOCTYPE cpu [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>\n"
		"<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]><cpu><model>&c;</model></cpu>",
		"file:1:15: a document type declaration is not allowed");
	assert_refused(libvirt_cpu_read,
		"<!DOCTYPE cpu SYSTEM 'file:///etc/passwd'><cpu mode='maximum'/>",
		"file:1:42: a document type declaration is not allowed");
	assert_refused(
		libvirt_cpu_read, "<cpu><model>&x;</model></cpu>", "file:1:13: undefined entity");
}

static void read__deep_or_long__is_refused(void **state)
{
	(void)state;
	char deep[1024] = "<domain>", longer[600] = "<cpu><model>";
	for (unsigned i = 0; i < 64; i++)
		(void)snprintf(deep + strlen(deep), sizeof(deep) - strlen(deep), "<a>");
	assert_refused(libvirt_cpu_read, deep,
		"file:1:198: elements inside one another more than 64 deep");
	(void)memset(longer + strlen(longer), 'x', 400);
	assert_refused(libvirt_cpu_read, longer, "file:1:13: a text of more than 255 bytes");
	struct err e = ERR_INIT;
	struct losses l = { 0 };
	struct policy_doc *doc = NULL;
	char *large = calloc(1, CONVERT_MAX_BYTES + 1);
	assert_non_null(large);
	assert_int_equal(libvirt_cpu_read(large, CONVERT_MAX_BYTES + 1, "file", &doc, &l, &e), -22);
	assert_string_equal(e.msg, "file: longer than 1 MiB");
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read__custom_model__is_taken_with_its_features),
		cmocka_unit_test(read__modes__are_models),
		cmocka_unit_test(read__whole_domain__gives_its_cpu),
		cmocka_unit_test(read__vendor__is_demanded_of_the_host),
		cmocka_unit_test(read__width__is_what_libvirt_runs),
		cmocka_unit_test(read__check__is_on_missing),
		cmocka_unit_test(read__nuances__are_named_among_the_losses),
		cmocka_unit_test(read__faults__are_refused),
		cmocka_unit_test(read__document_type_with_entities__is_refused),
		cmocka_unit_test(read__deep_or_long__is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
