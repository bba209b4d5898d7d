/* SPDX-License-Identifier: MIT */
/* Host files in the words of other tools, and machines whose processors differ. */
#include "fake/cmocka.h"
#include "formats/hostfile.h"

#include <errno.h>
#include <stdlib.h>

static struct hostfile *parse(const char *text)
{
	struct hostfile *f = calloc(1, sizeof(*f));
	struct err e = ERR_INIT;
	assert_non_null(f);
	if (hostfile_parse(text, strlen(text), "host", f, &e))
		fail_msg("not read: %s", e.msg);
	return f;
}

static void refused_bytes(const char *text, size_t n, const char *message)
{
	struct hostfile *f = calloc(1, sizeof(*f));
	struct err e = ERR_INIT;
	assert_non_null(f);
	assert_int_equal(hostfile_parse(text, n, "host", f, &e), -EINVAL);
	assert_string_equal(e.msg, message);
	free(f);
}

static void refused(const char *text, const char *message)
{
	refused_bytes(text, strlen(text), message);
}

static uint32_t value(const struct hostfile *f, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg)
{
	return cpuid_value(&f->facts.supported, leaf, subleaf, reg);
}

#define AIDA_HEAD "------[ Versions ]------\r\n\r\nProgram Version : AIDA64\r\n\r\n"
#define AIDA_CPU(n) "------[ CPUID Registers / Logical CPU #" #n " ]------\r\n\r\n"
#define AIDA_LEAVES                                                                                \
	"allcpu: Package 0 / Core 0 / Thread 0: Valid\r\n"                                         \
	"CPUID 00000000: 0000000D-756E6547-6C65746E-49656E69 [GenuineIntel]\r\n"                   \
	"CPUID 00000001: 000306F2-00200800-7FFEFBFF-BFEBFBFF\r\n"

static void parse__aida64_text__registers_in_order_and_subleaves(void **state)
{
	(void)state;
	struct hostfile *f = parse(AIDA_HEAD "CPUID Manufacturer : GenuineIntel\r\n" AIDA_CPU(
		0) AIDA_LEAVES "CPUID 00000007: 00000002-00000001-00000004-00000008 [SL 00]\r\n"
			       "CPUID 00000007: 00000010-00000000-00000000-00000000 [SL 01]\r\n"
			       "CPUID 0000000D: 00000040-000000C0-00000002-00000000 [SL 17]\r\n"
			       "------[ MSR Registers ]------\r\n\r\n"
			       "MSR 0000001B: 0000-0000-FEE0-0900\r\n"
			       "MSR 0000010A: 0000-0001-0000-0C05\r\n"
			       "MSR 00000480: < FAILED >\r\n");
	uint64_t msr = 0;
	assert_int_equal(f->kind, HOSTFILE_PROCESSOR);
	assert_int_equal(cpuid_vendor(&f->facts.supported), CPUID_VENDOR_INTEL);
	assert_int_equal(value(f, 1, 0, CPUID_EAX), 0x306f2);
	assert_int_equal(value(f, 1, 0, CPUID_EBX), 0x200800);
	assert_int_equal(value(f, 1, 0, CPUID_ECX), 0x7ffefbff);
	assert_true(value(f, 1, 0, CPUID_EDX) == UINT32_C(0xbfebfbff));
	assert_int_equal(value(f, 7, 0, CPUID_EDX), 8);
	assert_int_equal(value(f, 7, 1, CPUID_EAX), 0x10);
	assert_int_equal(value(f, 0xd, 17, CPUID_EBX), 0xc0);
	assert_int_equal(f->facts.nr_feature_msrs, 1);
	assert_true(host_feature_msr(&f->facts, 0x10a, &msr));
	assert_true(msr == UINT64_C(0x100000c05));
	assert_string_equal(f->note, "");
	free(f);
}

/* Cyrix III by VIA: EBX and ECX are what they were before the instruction. */
static void parse__registers_that_were_not_written__are_no_features(void **state)
{
	(void)state;
	struct hostfile *f = parse("CPUID 00000000: 00000001-746E6543-736C7561-48727561\n"
				   "CPUID 00000001: 00000660-C1704000-C1705F8C-008031B5\n"
				   "CPUID 80000000: 80000005-C1704000-C1705F8C-00000010\n"
				   "CPUID 80000001: 00000660-C1704000-C1705F8C-808031B5\n"
				   "CPUID 80000005: 80000005-08800880-40040120-40040120\n");
	assert_int_equal(value(f, 1, 0, CPUID_ECX), 0);
	assert_int_equal(value(f, 0x80000001, 0, CPUID_ECX), 0);
	assert_true(value(f, 0x80000001, 0, CPUID_EDX) == UINT32_C(0x808031b5));
	assert_int_equal(value(f, 0x80000005, 0, CPUID_EBX), 0x08800880);
	assert_contains(f->note, "leaves EBX and ECX of leaf 1 as they were");
	free(f);
	/* AMD's have the vendor there, Intel's 0; and leaf 1 something else. */
	f = parse("CPUID 00000000: 00000001-68747541-444D4163-69746E65\n"
		  "CPUID 00000001: 00000F4A-00000800-00000001-078BFBFF\n"
		  "CPUID 80000000: 80000018-68747541-444D4163-69746E65\n");
	assert_int_equal(value(f, 1, 0, CPUID_ECX), 1);
	assert_string_equal(f->note, "");
	free(f);
}

static void parse__aida64_subleaf_with_a_letter__those_behind_are_hexadecimal(void **state)
{
	(void)state;
	struct hostfile *f =
		parse(AIDA_LEAVES "CPUID 00000004: 00000001-00000000-00000000-00000000 [SL 09]\n"
				  "CPUID 00000004: 00000002-00000000-00000000-00000000 [SL 0A]\n"
				  "CPUID 00000004: 00000003-00000000-00000000-00000000 [SL 10]\n");
	assert_int_equal(value(f, 4, 9, CPUID_EAX), 1);
	assert_int_equal(value(f, 4, 10, CPUID_EAX), 2);
	assert_int_equal(value(f, 4, 16, CPUID_EAX), 3);
	free(f);
}

/* Each of the three ways in which a second processor begins. */
static void parse__aida64_processors_that_differ__common_part_and_a_note(void **state)
{
	(void)state;
	static const char *const headers[] = { AIDA_CPU(1), "CPU#001 AffMask: 0x0000000000000002\n",
		"" };
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		char text[2048];
		(void)snprintf(text, sizeof(text),
			"%s%sCPUID 00000007: 00000000-20000020-00000000-00000000 [SL 00]\n%s%s"
			"CPUID 00000007: 00000000-00000020-00000000-00000000 [SL 00]\n",
			i == 0 ? AIDA_CPU(0) : "", AIDA_LEAVES, headers[i], AIDA_LEAVES);
		struct hostfile *f = parse(text);
		assert_int_equal(value(f, 7, 0, CPUID_EBX), 0x20);
		assert_string_equal(f->note,
			"1 of its 2 processors differs from the first in sha-ni; what all of them "
			"have is taken");
		free(f);
	}
}

static void parse__aida64_line_cut_short__refused_with_its_place(void **state)
{
	(void)state;
	refused("CPUID 00000000: 0000000D-756E6547-6C65746E\n",
		"host:1:16: expected four registers such as 000306F2-00100800-…");
}

static void parse__libvirt_cpudata__cpuid_and_msrs(void **state)
{
	(void)state;
	struct hostfile *f = parse(
		"<!-- a machine -->\n<cpudata arch='x86'>\n"
		"  <cpuid eax_in='0x00000000' ecx_in='0x00' eax='0x0000000d' ebx='0x756e6547' "
		"ecx='0x6c65746e' edx='0x49656e69'/>\n"
		"  <cpuid eax_in='0x00000007' ecx_in='0x01' eax='0x00000010' ebx='0x0' ecx='0x0' "
		"edx='0x0'/>\n"
		"  <msr index='0x10a' edx='0x00000001' eax='0x0000002b'/>\n"
		"</cpudata>\n");
	uint64_t msr = 0;
	assert_int_equal(value(f, 7, 1, CPUID_EAX), 0x10);
	assert_true(host_feature_msr(&f->facts, 0x10a, &msr));
	assert_true(msr == UINT64_C(0x10000002b));
	free(f);
}

static void parse__other_xml__refused_by_what_it_is(void **state)
{
	(void)state;
	refused("<cpu mode='custom'><model>Haswell</model></cpu>",
		"host:1:1: expected <cpudata>: libvirt's CPUID data; a <cpu> or <domain> names "
		"features, not CPUID values (nestor cpuid convert reads it)");
	refused("<cpudata/>", "host: no element <cpuid>");
	refused("<cpudata><cpuid eax_in='0'/></cpudata>",
		"host:1:10: expected the attribute ecx_in with a 32-bit number");
	refused("<cpudata>", "host:1:10: no element found");
	refused("<!DOCTYPE x [<!ENTITY a 'b'>]><cpudata/>",
		"host:1:13: a document type declaration: not read");
}

static void parse__firecracker_fingerprint__a_guests_view(void **state)
{
	(void)state;
	struct hostfile *f = parse(
		"{\"firecracker_version\": \"1.9.0\", \"kernel_version\": \"6.1\","
		"\"microcode_version\": \"0x1\", \"bios_version\": \"1\", \"bios_revision\": \"1\","
		"\"guest_cpu_config\": {\"kvm_capabilities\": [], \"cpuid_modifiers\": ["
		"{\"leaf\": \"0x7\", \"subleaf\": \"0x1\", \"flags\": 1, \"modifiers\": ["
		"{\"register\": \"eax\", \"bitmap\": \"0b00000000000000000000000000010000\"},"
		"{\"register\": \"edx\", \"bitmap\": \"0b1\"}]}],"
		"\"msr_modifiers\": [{\"addr\": \"0x10a\", \"bitmap\": \"0b101\"},"
		"{\"addr\": \"0x10\", \"bitmap\": \"0b1\"}]}}");
	uint64_t msr = 0;
	assert_int_equal(f->kind, HOSTFILE_GUEST);
	assert_int_equal(value(f, 7, 1, CPUID_EAX), 0x10);
	assert_int_equal(value(f, 7, 1, CPUID_EDX), 1);
	assert_true(host_feature_msr(&f->facts, 0x10a, &msr));
	assert_int_equal(msr, 5);
	assert_int_equal(f->facts.nr_feature_msrs, 1);
	free(f);
}

static void parse__bad_fingerprint__refused_with_its_place(void **state)
{
	(void)state;
	refused("{\"guest_cpu_config\": {}}", "host: guest_cpu_config: expected cpuid_modifiers: a "
					      "fingerprint of another kind of "
					      "processor?");
	refused("{\"guest_cpu_config\": {\"cpuid_modifiers\": [{\"leaf\": 7}]}}",
		"host: guest_cpu_config.cpuid_modifiers[0]: expected leaf, subleaf and modifiers "
		"of "
		"registers, with bitmaps");
}

static void parse__byte_order_mark__is_skipped(void **state)
{
	(void)state;
	struct hostfile *f = parse("\xef\xbb\xbf"
				   "CPU 0:\n0x00000001 0x00: eax=0x1 ebx=0x2 ecx=0x3 edx=0x4\n");
	assert_int_equal(value(f, 1, 0, CPUID_EDX), 4);
	free(f);
	refused_bytes("\xff\xfe{\0", 4, "host: this is text in UTF-16; save it as UTF-8");
	refused("\xef\xbb\xbf \n", "host: the file is empty");
}

static void parse__raw_text_in_capitals__as_good(void **state)
{
	(void)state;
	struct hostfile *f = parse("cpu 0:\n0X0000000D 0X00: EAX=0X7 EBX=0XAB ECX=0X3 EDX=0X0\n"
				   "MSR 0x10A: 0xF\n");
	assert_int_equal(value(f, 0xd, 0, CPUID_EBX), 0xab);
	assert_int_equal(f->facts.nr_feature_msrs, 1);
	free(f);
}

static void parse__raw_text_without_subleaves__numbered_as_they_come(void **state)
{
	(void)state;
	struct hostfile *f = parse("CPU 0:\n0x00000004: eax=0x21 ebx=0x0 ecx=0x0 edx=0x0\n"
				   "0x00000004: eax=0x22 ebx=0x0 ecx=0x0 edx=0x0\n"
				   "0x00000005: eax=0x5 ebx=0x0 ecx=0x0 edx=0x0\n"
				   "CPU 1:\n0x00000004: eax=0x21 ebx=0x0 ecx=0x0 edx=0x0\n"
				   "0x00000004: eax=0x22 ebx=0x0 ecx=0x0 edx=0x0\n"
				   "0x00000005: eax=0x5 ebx=0x0 ecx=0x0 edx=0x0\n");
	assert_int_equal(value(f, 4, 0, CPUID_EAX), 0x21);
	assert_int_equal(value(f, 4, 1, CPUID_EAX), 0x22);
	assert_int_equal(value(f, 5, 0, CPUID_EAX), 5);
	assert_int_equal(f->facts.supported.nr_entries, 3);
	free(f);
}

#define RAW_7(ebx) "0x00000007 0x00: eax=0x0 ebx=" ebx " ecx=0x0 edx=0x0\n"

static void parse__processors_that_differ_both_ways__what_all_have(void **state)
{
	(void)state;
	/* fsgsbase; sha-ni; the third is like the first. */
	struct hostfile *f = parse(
		"CPU 0:\n" RAW_7("0x21") "CPU 1:\n" RAW_7("0x20000020") "CPU 2:\n" RAW_7("0x21"));
	assert_int_equal(value(f, 7, 0, CPUID_EBX), 0x20);
	assert_true(strstr(f->note, "fsgsbase") && strstr(f->note, "sha-ni"));
	free(f);
}

/* APIC IDs are each processor's own: that is no difference. */
static void parse__processors_with_their_own_apic_ids__no_note(void **state)
{
	(void)state;
	struct hostfile *f = parse("CPU 0:\n0x00000001 0x00: eax=0x306f2 ebx=0x00200800 ecx=0x1 "
				   "edx=0x1\nCPU 1:\n0x00000001 0x00: eax=0x306f2 ebx=0x01200800 "
				   "ecx=0x1 edx=0x1\n");
	assert_string_equal(f->note, "");
	assert_int_equal(value(f, 1, 0, CPUID_ECX), 1);
	free(f);
}

static void parse__text_without_cpuid_values__refused_by_its_name(void **state)
{
	(void)state;
	refused("processor\t: 0\nvendor_id\t: GenuineIntel\n",
		"host: this is /proc/cpuinfo, which has no CPUID values; run `nestor cpuid dump "
		"--json` or `cpuid -r` on that host");
	refused("CPU 0:\n   vendor_id = \"GenuineIntel\"\n",
		"host: this is what cpuid(1) prints without -r; run `cpuid -r` on that host");
	refused("Architecture:   x86_64\nVendor ID:   GenuineIntel\n",
		"host: this is the output of lscpu, which has no CPUID values; run `nestor cpuid "
		"dump --json` or `cpuid -r` on that host");
	refused("version=0.5.1\nbasic_cpuid[0]=0000000b 756e6547 6c65746e 49656e69\n",
		"host: this is a raw dump of libcpuid; expected a form that nestor-cpuid(1) names, "
		"such as `cpuid -r`");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__aida64_text__registers_in_order_and_subleaves),
		cmocka_unit_test(parse__registers_that_were_not_written__are_no_features),
		cmocka_unit_test(parse__aida64_subleaf_with_a_letter__those_behind_are_hexadecimal),
		cmocka_unit_test(parse__aida64_processors_that_differ__common_part_and_a_note),
		cmocka_unit_test(parse__aida64_line_cut_short__refused_with_its_place),
		cmocka_unit_test(parse__libvirt_cpudata__cpuid_and_msrs),
		cmocka_unit_test(parse__other_xml__refused_by_what_it_is),
		cmocka_unit_test(parse__firecracker_fingerprint__a_guests_view),
		cmocka_unit_test(parse__bad_fingerprint__refused_with_its_place),
		cmocka_unit_test(parse__byte_order_mark__is_skipped),
		cmocka_unit_test(parse__raw_text_in_capitals__as_good),
		cmocka_unit_test(parse__raw_text_without_subleaves__numbered_as_they_come),
		cmocka_unit_test(parse__processors_that_differ_both_ways__what_all_have),
		cmocka_unit_test(parse__processors_with_their_own_apic_ids__no_note),
		cmocka_unit_test(parse__text_without_cpuid_values__refused_by_its_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
