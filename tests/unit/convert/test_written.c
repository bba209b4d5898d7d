/* SPDX-License-Identifier: MIT */
/* Conversions as users ask for them: what is written, word for word, and what is named as lost. */
#include "unit/convert/conversions.h"

#include "fake/hosts_everything.h"

#include <errno.h>
#include <stdlib.h>

static void assert_converts(
	enum convert_format from, const char *text, enum convert_format to, const char *expected)
{
	struct losses l = { 0 };
	char *result = converted(from, text, to, NULL, &l);
	assert_string_equal(result, expected);
	assert_nothing_lost(&l);
	free(result);
	losses_done(&l);
}

/* What libvirt itself runs, where its model and QEMU's of that name have other features. */
static void libvirt_to_qemu__model__is_its_name(void **state)
{
	static const char *const models[] = { "Haswell", "Broadwell-noTSX-IBRS", "Skylake-Server",
		"EPYC", "EPYC-Milan", "Opteron_G5", "Nehalem", "qemu64", "pentium3" };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		char xml[128], expected[64];
		(void)snprintf(xml, sizeof(xml), "<cpu><model>%s</model></cpu>", models[i]);
		(void)snprintf(expected, sizeof(expected), "%s\n", models[i]);
		assert_converts(CONVERT_LIBVIRT, xml, CONVERT_QEMU, expected);
	}
}

static void libvirt_to_qemu__elements__are_its_words(void **state)
{
	(void)state;
	assert_converts(CONVERT_LIBVIRT,
		"<domain><vcpu>1</vcpu><features><hyperv><relaxed state='on'/><spinlocks "
		"state='on' "
		"retries='8191'/></hyperv><pvspinlock state='on'/><apic eoi='off'/>"
		"<kvm><hint-dedicated state='on'/></kvm></features>"
		"<cpu check='full'><model>Haswell</model><maxphysaddr mode='passthrough'/>"
		"<feature policy='require' name='vmx'/><feature policy='disable' name='rtm'/></cpu>"
		"<clock offset='utc'><timer name='kvmclock' present='no'/><timer "
		"name='hypervclock' "
		"present='yes'/><timer name='tsc' frequency='2500000000'/></clock></domain>",
		CONVERT_QEMU,
		"Haswell,+kvm-pv-unhalt,-kvm-pv-eoi,+kvm-hint-dedicated,-rtm,-kvmclock,+vmx,"
		"host-phys-bits=on,tsc-frequency=2500000000,enforce=on,hv-relaxed=on,hv-time=on,"
		"hv-spinlocks=0x1fff\n");
}

static void qemu_to_libvirt__words__are_its_elements(void **state)
{
	(void)state;
	assert_converts(CONVERT_QEMU,
		"Broadwell-noTSX-IBRS,vmx=on,hv-time=on,hv-spinlocks=0x1fff,hv-vpindex,hv-synic,"
		"hv-stimer,hv-stimer-direct,kvmclock=off",
		CONVERT_LIBVIRT,
		"<domain type='kvm'>\n"
		"  <vcpu>1</vcpu>\n"
		"  <features>\n"
		"    <hyperv mode='custom'>\n"
		"      <vpindex state='on'/>\n"
		"      <synic state='on'/>\n"
		"      <stimer state='on'><direct state='on'/></stimer>\n"
		"      <spinlocks state='on' retries='8191'/>\n"
		"    </hyperv>\n"
		"  </features>\n"
		"  <cpu mode='custom' match='exact' check='none'>\n"
		"    <model fallback='forbid'>Broadwell-noTSX-IBRS</model>\n"
		"    <cache level='3' mode='emulate'/>\n"
		"    <feature policy='require' name='vmx'/>\n"
		"  </cpu>\n"
		"  <clock offset='utc'>\n"
		"    <timer name='hypervclock' present='yes'/>\n"
		"    <timer name='kvmclock' present='no'/>\n"
		"  </clock>\n"
		"</domain>\n");
	assert_converts(CONVERT_QEMU, "EPYC,+svm,vendor=KVMKVMKVMKVM,phys-bits=44,enforce",
		CONVERT_LIBVIRT,
		"<cpu mode='custom' match='exact' check='partial'>\n"
		"  <model fallback='forbid' vendor_id='KVMKVMKVMKVM'>EPYC</model>\n"
		"  <cache level='3' mode='emulate'/>\n"
		"  <maxphysaddr mode='emulate' bits='44'/>\n"
		"  <feature policy='require' name='svm'/>\n"
		"</cpu>\n");
}

static void to_toml__knob_hyperv_and_vendor__have_their_tables(void **state)
{
	(void)state;
	assert_converts(CONVERT_QEMU, "EPYC-Rome,+svm,-pause-filter,hv-relaxed,hv-spinlocks=0x1fff",
		CONVERT_TOML,
		"[cpu]\nmodel = \"EPYC-Rome\"\nfeatures = [\"+xsaves\", \"+topoext\"]\n"
		"brand = \"AMD EPYC-Rome Processor\"\nphys_bits = 40\non_missing = \"warn\"\n"
		"cache = \"emulate\"\n\n[nesting]\nexpose_virtualization_extensions = true\n"
		"extensions = \"svm\"\nfeatures = [\"-pause-filter\"]\n\n[hyperv]\n"
		"features = [\"+hv-relaxed\"]\nspinlock_retries = 0x1fff\n");
	assert_converts(CONVERT_LIBVIRT,
		"<cpu match='exact'><model>pentium3</model><vendor>AMD</vendor></cpu>",
		CONVERT_TOML,
		"[cpu]\nmodel = \"pentium3\"\nhost_vendor = \"amd\"\nphys_bits = 36\n"
		"cache = \"emulate\"\n");
}

/* Hidden extensions are not there in any output; exposed ones are, in each. */
static void toml_out__knob__is_in_every_format(void **state)
{
	static const struct {
		const char *model, *knob, *qemu, *libvirt;
	} rows[] = {
		{ "EPYC", "false", ",-svm", "disable' name='svm'" },
		{ "host", "false", ",-svm", "disable' name='svm'" },
		{ "host", "false", ",-vmx", "disable' name='vmx'" },
		{ "EPYC", "true", ",+svm", "require' name='svm'" },
		{ "Haswell", "true", ",+vmx", "require' name='vmx'" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct losses l = { 0 };
		char toml[256];
		(void)snprintf(toml, sizeof(toml),
			"[cpu]\nmodel = \"%s\"\n[nesting]\nexpose_virtualization_extensions = %s\n",
			rows[i].model, rows[i].knob);
		char *text = written(toml, CONVERT_QEMU, NULL, &l);
		assert_contains(text, rows[i].qemu);
		free(text);
		text = written(toml, CONVERT_LIBVIRT, NULL, &l);
		assert_contains(text, rows[i].libvirt);
		free(text);
		losses_done(&l);
	}
}

/* The bitmap of a register in a template, of bits 31 to 0; "" where there is none. */
static void bitmap_of(const char *text, const char *leaf, const char *reg, char ret[33])
{
	char what[64];
	ret[0] = '\0';
	(void)snprintf(what, sizeof(what), "\"leaf\": \"%s\"", leaf);
	const char *at = strstr(text, what);
	const char *next = at ? strstr(at + 1, "\"leaf\"") : NULL;
	(void)snprintf(what, sizeof(what), "\"register\": \"%s\", \"bitmap\": \"0b", reg);
	at = at ? strstr(at, what) : NULL;
	if (at && (!next || at < next))
		(void)snprintf(ret, 33, "%.32s", at + strlen(what));
}

static void toml_to_firecracker__hidden_extensions__are_taken_away(void **state)
{
	static const struct {
		const char *model, *leaf;
		unsigned bit;
	} rows[] = { { "EPYC", "0x80000001", 2 }, { "Haswell", "0x1", 5 }, { "host", "0x1", 5 },
		{ "host", "0x80000001", 2 } };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct losses l = { 0 };
		char toml[64], bits[33];
		(void)snprintf(toml, sizeof(toml), "[cpu]\nmodel = \"%s\"\n", rows[i].model);
		char *text = written(toml, CONVERT_FIRECRACKER, NULL, &l);
		bitmap_of(text, rows[i].leaf, "ecx", bits);
		assert_int_equal(bits[31 - rows[i].bit], '0');
		free(text);
		losses_done(&l);
	}
}

/* What needs a feature that is taken away goes with it, in every output. */
static void toml_out__dependants__go_with_what_they_need(void **state)
{
	static const char toml[] = "[cpu]\nmodel = \"Skylake-Server\"\nfeatures = [\"-avx512f\"]\n";
	static const struct {
		const char *name;
		unsigned bit; /* of leaf 7 EBX */
	} gone[] = { { "avx512f", 16 }, { "avx512dq", 17 }, { "avx512cd", 28 }, { "avx512bw", 30 },
		{ "avx512vl", 31 } };
	(void)state;
	for (int to = CONVERT_QEMU; to < CONVERT_FORMATS; to++) {
		struct losses l = { 0 };
		char *text = written(toml, (enum convert_format)to, NULL, &l), word[64], bits[33];
		for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
			if (to == CONVERT_FIRECRACKER) {
				bitmap_of(text, "0x7", "ebx", bits);
				assert_int_equal(bits[31 - gone[i].bit], '0');
				continue;
			}
			(void)snprintf(word, sizeof(word),
				to == CONVERT_QEMU ? ",-%s" : "disable' name='%s'", gone[i].name);
			assert_contains(text, word);
		}
		free(text);
		losses_done(&l);
	}
}

/* The width of addresses: the host's is asked for, as QEMU's own is 40 bits. */
static void toml_out__width__is_said(void **state)
{
	struct losses l = { 0 };
	char *text = written("[cpu]\nmodel = \"Haswell\"\n", CONVERT_QEMU, NULL, &l);
	(void)state;
	assert_contains(text, ",host-phys-bits=on");
	free(text);
	text = written("[cpu]\nmodel = \"Haswell\"\nphys_bits = 40\n", CONVERT_QEMU, NULL, &l);
	assert_null(strstr(text, "phys-bits"));
	free(text);
	text = written("[cpu]\nmodel = \"Haswell\"\nphys_bits = 42\n", CONVERT_QEMU, NULL, &l);
	assert_contains(text, ",phys-bits=42");
	free(text);
	text = written("[cpu]\nmodel = \"Haswell\"\n", CONVERT_LIBVIRT, NULL, &l);
	assert_contains(text, "<maxphysaddr mode='passthrough'/>");
	free(text);
	losses_done(&l);
}

/* Model host for QEMU: the caches, the width and invtsc as nestor's guest has them. */
static void toml_to_qemu__host__is_the_host_as_it_is(void **state)
{
	struct losses l = { 0 };
	(void)state;
	char *text = written("[cpu]\nmodel = \"host\"\n", CONVERT_QEMU, NULL, &l);
	assert_contains(text, "host,");
	assert_contains(text, ",host-cache-info=on,migratable=off,enforce=on\n");
	assert_nothing_lost(&l);
	free(text);
	text = written(
		"[cpu]\nmodel = \"host\"\nfeatures = [\"-invtsc\"]\n", CONVERT_QEMU, NULL, &l);
	/* With migratable=on QEMU would leave out what it has no name for, too. */
	assert_contains(text, ",-invtsc");
	assert_contains(text, ",migratable=off");
	assert_nothing_lost(&l);
	free(text);
	text = written("[cpu]\nmodel = \"Haswell\"\n", CONVERT_QEMU, NULL, &l);
	assert_null(strstr(text, "host-cache-info"));
	assert_null(strstr(text, "migratable"));
	assert_loss(&l,
		"cache = \"host\": QEMU has the host's caches with the models host and max alone");
	free(text);
	losses_done(&l);
}

static void toml_to_qemu__model_of_neither_program__is_qemu64_with_its_features(void **state)
{
	struct losses l = { 0 };
	(void)state;
	char *text = written("[cpu]\nmodel = \"x86-64-v3\"\n", CONVERT_QEMU, NULL, &l);
	assert_contains(text, "qemu64,");
	assert_contains(text, ",+avx2");
	assert_contains(text, ",-svm");
	assert_loss(&l, "model x86-64-v3: QEMU has none of that name");
	free(text);
	losses_done(&l);
	text = written("[cpu]\nmodel = \"x86-64-v2\"\n", CONVERT_LIBVIRT, NULL, &l);
	assert_contains(text, ">qemu64</model>");
	assert_contains(text, "<feature policy='require' name='sse4.2'/>");
	assert_loss(&l, "model x86-64-v2: libvirt has none of that name");
	free(text);
	losses_done(&l);
}

/* A user of an older QEMU is told which names that lacks. */
static void out__model_that_older_versions_lack__is_noted(void **state)
{
	struct losses l = { 0 };
	(void)state;
	free(converted(CONVERT_QEMU, "SapphireRapids-v3", CONVERT_QEMU, NULL, &l));
	assert_int_equal(l.nr_lines, 0);
	assert_int_equal(l.nr_notes, 1);
	assert_contains(l.notes[0], "QEMU 10.0 has it, QEMU 7.2 has not");
	losses_done(&l);
	l = (struct losses){ 0 };
	free(converted(CONVERT_QEMU, "Haswell-v2", CONVERT_LIBVIRT, NULL, &l));
	assert_int_equal(l.nr_notes, 1);
	assert_contains(l.notes[0], "libvirt 11.3 has it, libvirt 9.0 has not");
	losses_done(&l);
	l = (struct losses){ 0 };
	free(converted(CONVERT_QEMU, "Haswell", CONVERT_QEMU, NULL, &l));
	assert_int_equal(l.nr_notes, 0);
	losses_done(&l);
}

/* What QEMU and libvirt take from the host is open in both; elsewhere nestor decides, and says so.
 */
static void model_host__what_qemu_leaves_to_the_host__is_named_where_it_is_not(void **state)
{
	struct losses l = { 0 };
	(void)state;
	assert_converts(CONVERT_LIBVIRT, "<cpu mode='host-passthrough'/>", CONVERT_QEMU, "host\n");
	assert_converts(CONVERT_QEMU, "host,migratable=off", CONVERT_LIBVIRT,
		"<cpu mode='host-passthrough' check='none' migratable='off'>\n"
		"  <cache level='3' mode='emulate'/>\n</cpu>\n");
	free(converted(CONVERT_QEMU, "host", CONVERT_TOML, NULL, &l));
	assert_loss(&l, "model host: VMX or SVM");
	assert_loss(&l, "model host: a feature that QEMU has no name for");
	assert_int_equal(l.nr_lines, 2);
	losses_done(&l);
}

/* A user of Debian 12's QEMU or libvirt is told of names that it lacks. */
static void out__feature_that_older_versions_lack__is_noted(void **state)
{
	struct losses l = { 0 };
	(void)state;
	free(converted(CONVERT_QEMU, "EPYC,+auto-ibrs", CONVERT_QEMU, NULL, &l));
	assert_int_equal(l.nr_notes, 1);
	assert_string_equal(l.notes[0], "QEMU 7.2 does not know, and QEMU 10.0 does: auto-ibrs");
	losses_done(&l);
	l = (struct losses){ 0 };
	free(converted(CONVERT_QEMU, "host,-vmx,+svm,-vnmi", CONVERT_LIBVIRT, NULL, &l));
	assert_contains(l.notes[0], "libvirt 9.0 does not know, and libvirt 11.3 does: vnmi");
	losses_done(&l);
}

static const char everything[] =
	"[cpu]\nmodel = \"host\"\nvendor = \"comma,vendor\"\nfamily = 6\nmodel_number = "
	"1\nstepping = 1\n"
	"brand = \"a,b\"\ncache = \"none\"\non_missing = \"drop\"\ntsc_frequency = \"1GHz\"\n"
	"features = [\"+kvmclock\", \"-kvmclock2\"]\nsockets = 2\ncores = 4\nthreads = 2\n"
	"host_vendor = \"intel\"\n"
	"[[cpu.leaves]]\nleaf = 0x14\nsubleaf = 1\nregister = \"ebx\"\n"
	"mask = \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1\"\n"
	"[msr]\ndefault = \"deny\"\n[[msr.rules]]\nindex = 0x1a0\naction = \"allow\"\n"
	"[[msr.rules]]\nfirst = 0x10\nlast = 0x20\naction = \"allow\"\n"
	"[nesting]\nexpose_virtualization_extensions = true\nmax_depth = 2\n";

static void toml_out__what_a_format_cannot_say__is_named(void **state)
{
	static const struct {
		enum convert_format to;
		const char *losses[20];
	} rows[] = {
		{ CONVERT_QEMU,
			{ "+kvmclock: QEMU has one name for it and kvmclock2",
				"-kvmclock2: QEMU has one name", "vendor = \"comma,vendor\"",
				"model-id: QEMU's -cpu cannot have a comma", "cache = \"none\"",
				"leaf rule for 0x14.1 ebx", "rule for MSR 0x1a0",
				"rule for MSRs 0x10 to 0x20", "msr.default = \"deny\"",
				"nesting.max_depth = 2", "host_vendor = \"intel\"",
				"topology of 2 sockets" } },
		{ CONVERT_LIBVIRT, { "vendor = \"comma,vendor\"", "family = 6", "model_number = 1",
					   "stepping = 1", "brand = \"a,b\"",
					   "on_missing = \"drop\"", "cache = \"none\"",
					   "leaf rule for 0x14.1 ebx", "rule for MSR 0x1a0",
					   "msr.default = \"deny\"", "nesting.max_depth = 2" } },
		{ CONVERT_FIRECRACKER,
			{ "vendor = \"comma,vendor\"", "brand:", "cache = \"none\"", "on_missing",
				"tsc_frequency of 1000000 kHz", "topology:", "rule for MSR 0x1a0",
				"msr.default = \"deny\"", "nesting.max_depth = 2",
				"host_vendor = \"intel\"" } },
	};
	struct host_facts *host = malloc(sizeof(*host));
	(void)state;
	assert_non_null(host);
	host_everything(CPUID_VENDOR_INTEL, host);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct losses l = { 0 };
		free(written(everything, rows[i].to, host, &l));
		for (size_t k = 0; rows[i].losses[k]; k++)
			assert_loss(&l, rows[i].losses[k]);
		losses_done(&l);
	}
	free(host);
}

/* What comes in is read back by nestor before it goes out. */
static void in__what_no_vms_file_can_say__is_refused(void **state)
{
	static const struct {
		enum convert_format from;
		const char *text, *message;
	} rows[] = {
		{ CONVERT_LIBVIRT,
			"<domain><vcpu>300</vcpu><cpu mode='host-passthrough'/></domain>",
			"test, as a VM's file:5:11: cpu.sockets: expected an integer from 1 to "
			"255" },
		{ CONVERT_LIBVIRT,
			"<cpu><model>Haswell</model><topology sockets='9' dies='9' cores='9' "
			"threads='9'/></cpu>",
			"test, as a VM's file" },
		{ CONVERT_QEMU, "host,hv-stimer", "+hv-stimer needs hv-synic" },
		{ CONVERT_QEMU, "host,hv-spinlocks=1", "spinlock_retries" },
		{ CONVERT_LIBVIRT,
			"<cpu match='exact'><model>EPYC</model><vendor>Intel</vendor></cpu>",
			"<vendor> asks for a host of another vendor" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int to = 0; to < CONVERT_FORMATS; to++) {
			struct losses l = { 0 };
			struct err e = ERR_INIT;
			char *text = NULL;
			assert_int_equal(convert_text(rows[i].from, rows[i].text,
						 (enum convert_format)to, NULL, &text, &l, &e),
				-EINVAL);
			assert_int_equal(e.kind, ERR_CONFIG);
			assert_contains(e.msg, rows[i].message);
			assert_null(text);
			losses_done(&l);
		}
	}
}

/* Of enlightenments that nestor does not offer, or not to this guest, a line tells. */
static void in__enlightenments_that_are_not_offered__are_named(void **state)
{
	struct losses l = { 0 };
	(void)state;
	char *text = converted(CONVERT_QEMU, "Haswell,hv-vapic,hv-evmcs,hv-syndbg,hv-passthrough",
		CONVERT_TOML, NULL, &l);
	assert_contains(text, "features = [\"+hv-vapic\"]");
	assert_loss(&l, "hv-evmcs: for a guest hypervisor, but VMX and SVM are hidden");
	assert_loss(&l, "hv-syndbg");
	assert_loss(&l, "hv-passthrough");
	free(text);
	losses_done(&l);
}

/* The profile's enlightenments are words in the outputs. */
static void toml_out__profile_for_hyperv__is_its_enlightenments(void **state)
{
	static const char toml[] = "[cpu]\nmodel = \"Haswell\"\non_missing = \"drop\"\n"
				   "[nesting]\nexpose_virtualization_extensions = true\n"
				   "profile = \"hyperv\"\n";
	struct losses l = { 0 };
	(void)state;
	char *text = written(toml, CONVERT_QEMU, NULL, &l);
	assert_contains(text, ",hv-evmcs=on");
	assert_contains(text, ",hv-vapic=on");
	assert_contains(text, ",hv-time=on");
	free(text);
	text = written(toml, CONVERT_LIBVIRT, NULL, &l);
	assert_contains(text, "<evmcs state='on'/>");
	assert_contains(text, "<timer name='hypervclock' present='yes'/>");
	free(text);
	losses_done(&l);
}

/* A template for more than one kind of host has no bit that is another on one of them. */
static void toml_to_firecracker__any_host__has_no_bits_of_one_vendor(void **state)
{
	struct losses l = { 0 };
	(void)state;
	char *text = written("[cpu]\nmodel = \"host\"\n[nesting]\n"
			     "expose_virtualization_extensions = true\n",
		CONVERT_FIRECRACKER, NULL, &l);
	assert_null(strstr(text, "\"addr\": \"0x3a\""));
	assert_loss(&l, "MSR 0x3a");
	free(text);
	losses_done(&l);
	l = (struct losses){ 0 };
	text = written("[cpu]\nmodel = \"486\"\n", CONVERT_FIRECRACKER, NULL, &l);
	char bits[33];
	bitmap_of(text, "0x0", "ebx", bits);
	assert_string_equal(bits, "");
	free(text);
	losses_done(&l);
}

static void out__full_device__is_eio(void **state)
{
	static const enum convert_format formats[] = { CONVERT_TOML, CONVERT_QEMU, CONVERT_LIBVIRT,
		CONVERT_FIRECRACKER };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct losses l = { 0 };
		struct err e = ERR_INIT;
		struct convert *c = NULL;
		FILE *out = fopen("/dev/full", "we");
		assert_non_null(out);
		assert_int_equal(convert_read(&c, CONVERT_QEMU, "Haswell", 7, "test", &l, &e), 0);
		assert_int_equal(convert_plan(c, NULL, &l, &e), 0);
		assert_int_equal(convert_write(c, formats[i], out, &l, &e), -EIO);
		convert_destroy(c);
		(void)fclose(out);
		losses_done(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libvirt_to_qemu__model__is_its_name),
		cmocka_unit_test(libvirt_to_qemu__elements__are_its_words),
		cmocka_unit_test(qemu_to_libvirt__words__are_its_elements),
		cmocka_unit_test(to_toml__knob_hyperv_and_vendor__have_their_tables),
		cmocka_unit_test(toml_out__knob__is_in_every_format),
		cmocka_unit_test(toml_to_firecracker__hidden_extensions__are_taken_away),
		cmocka_unit_test(toml_out__dependants__go_with_what_they_need),
		cmocka_unit_test(toml_out__width__is_said),
		cmocka_unit_test(toml_to_qemu__host__is_the_host_as_it_is),
		cmocka_unit_test(
			toml_to_qemu__model_of_neither_program__is_qemu64_with_its_features),
		cmocka_unit_test(out__model_that_older_versions_lack__is_noted),
		cmocka_unit_test(
			model_host__what_qemu_leaves_to_the_host__is_named_where_it_is_not),
		cmocka_unit_test(out__feature_that_older_versions_lack__is_noted),
		cmocka_unit_test(toml_out__what_a_format_cannot_say__is_named),
		cmocka_unit_test(in__what_no_vms_file_can_say__is_refused),
		cmocka_unit_test(in__enlightenments_that_are_not_offered__are_named),
		cmocka_unit_test(toml_out__profile_for_hyperv__is_its_enlightenments),
		cmocka_unit_test(toml_to_firecracker__any_host__has_no_bits_of_one_vendor),
		cmocka_unit_test(out__full_device__is_eio),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
