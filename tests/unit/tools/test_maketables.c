/* SPDX-License-Identifier: MIT */
/* maketables on small tables: good ones, everything that it refuses and where, and damaged ones. */
#include "fake/cmocka.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "maketables/make.h"
#include "unit/tools/tables.h"

#define TEXT_BYTES 8192

static void write_file(const char *path, const char *text, size_t bytes)
{
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, bytes, f), bytes);
	assert_int_equal(fclose(f), 0);
}

static void write_text(const char *path, const char *text)
{
	write_file(path, text, strlen(text));
}

/* src/PATH of a table; static until the next call. */
static const char *source_path(const char *path)
{
	static char text[256];
	(void)snprintf(text, sizeof(text), "src/%s", path);
	return text;
}

/* In an empty folder: src/ with the good tables, and out/. */
static int enter_folder(void **state)
{
	char *folder = strdup("/tmp/nestor-maketables-XXXXXX");
	assert_non_null(folder);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	static const char *const folders[] = { "src", "src/cpuid", "src/cpuid/data", "src/nesting",
		"src/nesting/data", "src/nesting/profiles", "src/formats", "src/formats/data",
		"out", "out/cpuid", "out/nesting", "out/formats", "out/acpi" };
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		assert_int_equal(mkdir(folders[i], 0700), 0);
	for (size_t i = 0; i < nr_good_tables; i++)
		write_text(source_path(good_tables[i].path), good_tables[i].text);
	*state = folder;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int leave_folder(void **state)
{
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(*state);
	return 0;
}

static const char *const profiles[] = { "kvm", "xen" };

/* What a table at that path is for. */
static void run(struct make *m, const char *path)
{
	make_init(m, "src", "out");
	if (strncmp(path, "cpuid/", 6) == 0)
		make_cpuid(m);
	else if (strncmp(path, "formats/", 8) == 0)
		make_formats(m);
	else
		make_nesting(m, profiles, 2);
}

static void assert_made(const char *name, const char *expected)
{
	char path[256], *text = calloc(1, TEXT_BYTES);
	assert_non_null(text);
	(void)snprintf(path, sizeof(path), "out/%s", name);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	assert_true(fread(text, 1, TEXT_BYTES - 1, f) > 0);
	(void)fclose(f);
	if (!strstr(text, expected))
		fail_msg("%s has no %s:\n%s", path, expected, text);
	free(text);
}

/* clang-format off: a line a line */
static const struct {
	const char *name, *text;
} made[] = {
	{ "cpuid/feature_ids.h", "/* Generated from the tables of features by tools/maketables; do "
				 "not edit. */\n#ifndef " },
	{ "cpuid/feature_ids.h", "#define FEATURE_NR_WORDS 7\n#define FEATURE_COUNT 7\n" },
	{ "cpuid/feature_ids.h", "\tFEATURE_ID_b_c = 95,\n" },
	{ "cpuid/features.inc",
		"\n{ .name = \"a\", .aliases = \"a_1\", .note = \"says \\\"a\\\\b\\\"\", .id = "
		"FEATURE_ID_a, "
		".vendor = FEATURE_ANY, .attributes = FEATURE_MANAGED | FEATURE_HINT },\n" },
	{ "cpuid/features.inc",
		"\n{ .name = \"v\", .aliases = \"v-2\", .note = \"note\", .id = FEATURE_ID_v, "
		".vendor = FEATURE_INTEL, .attributes = FEATURE_VMX_CONTROL },\n" },
	{ "cpuid/feature_index.inc", "[FEATURE_ID_a] = 1,\n[FEATURE_ID_b_c] = 2,\n" },
	{ "cpuid/feature_words.inc", "{ .kind = FEATURE_WORD_CPUID, .leaf = 0x7, .subleaf = 0x0, "
				     ".subleaf_matters = true, "
				     ".reg = CPUID_EDX, .named = 0x80000000 },\n" },
	{ "cpuid/feature_words.inc",
		".msr = 0x10a, .shift = 32, .inverted = false, .named = 0x00000100 },\n" },
	{ "cpuid/feature_names.inc",
		"{ .name = \"a\", .index = 0 },\n{ .name = \"a-1\", .index = 0 },\n" },
	{ "cpuid/requires.inc", "{ .feature = FEATURE_ID_v, .required = FEATURE_ID_a, .why = \"SDM "
				"vol. 3, checks" },
	{ "cpuid/requires.inc",
		"{ .feature = FEATURE_ID_v, .required = FEATURE_ID_vmx, .why = \"SDM vol. 3, VMX" },
	{ "cpuid/models.inc", "{ .name = \"M\", .vendor = CPUID_VENDOR_INTEL, .vendor_id = "
			      "\"GenuineIntel\", .base = \"\", "
			      ".source = \"test\",\n  .has_signature = true, .family = 6, .numbers "
			      "= { 1, 2 }, .nr_numbers = 2, "
			      ".stepping_low = 5, .stepping_high = 7,\n"
			      "  .features = { .w = { [0] = 0x00000001, [6] = 0x00000002, } },\n"
			      "  .qemu_extra = { .w = { [5] = 0x00000100, } } },\n" },
	{ "cpuid/models.inc", ".base = \"M\", .source = \"test\",\n  .has_signature = false, "
			      ".family = 0, .numbers = { 0 }, "
			      ".nr_numbers = 0, .stepping_low = 0, .stepping_high = 15,\n" },
	{ "cpuid/minimum.inc", "\n{ .w = { [0] = 0x00000001, } }\n" },
	{ "cpuid/fields.inc", "{ .leaf = 0x1, .subleaf = -1, .reg = CPUID_EAX, .low = 1, .high = "
			      "7, .name = \"field\",\n"
			      "  .kind = CPUID_FIELD_OTHER, .combine = CPUID_COMBINE_MIN, "
			      ".requires = FEATURE_ID_a, .note = \"\" },\n" },
	{ "cpuid/leaves.inc",
		"{ .leaf = 0x7, .subleaf = -1, .has_subleaves = true, .title = \"seven\" },\n"
		"{ .leaf = 0x7, .subleaf = 0x1, .has_subleaves = false, .title = \"one of seven\" "
		"},\n" },
	{ "cpuid/cpu_rules.inc",
		"\n{ .id = \"CPU-01\", .title = \"title\", .text = \"text\" },\n" },
	{ "cpuid/msr_names.inc", "\n{ 0x00000010, MSR_WRITE_REFUSE, \"IA32_TSC\", \"why\" },\n"
				 "{ 0x00000400, MSR_WRITE_FAULT, \"MC0_CTL\", \"\" },\n{ "
				 "0x00000404, MSR_WRITE_FAULT, \"MC1_CTL\", \"\" },\n"
				 "{ 0xc0000082, MSR_WRITE_HOST, \"LSTAR\", \"\" },\n" },
	{ "nesting/rules.inc",
		"\n{ .id = \"NEST-01\", .kind = NESTING_RULE_BIT, .first = 0x1, .reg = CPUID_ECX, "
		".bit = 5, "
		".why = \"why\" },\n{ .id = \"NEST-02\", .kind = NESTING_RULE_LEAF, .first = "
		"0x8000000a, .why = \"\\\"w\\\\hy\\\"\" },\n"
		"{ .id = \"NEST-03\", .kind = NESTING_RULE_MSR, .first = 0x3a, .last = 0x480, "
		".extensions = \"vmx\", .why = \"why\" },\n"
		"{ .id = \"NEST-04\", .kind = NESTING_RULE_NOTE, .why = \"why\" },\n" },
	{ "nesting/hyperv_features.inc",
		"{ .name = \"hv-a\", .aliases = \"\", .kind = HYPERV_PLAIN, .nr_places = 1, "
		".places = { { 0x40000003, CPUID_EAX, 0x00000202, 0x00000202 } },\n"
		"\t.recommended = HYPERV_ON_ANY, .note = \"note\", .nr_requires = 0 },\n" },
	{ "nesting/hyperv_features.inc",
		".places = { { 0x40000004, CPUID_EAX, 0x00004000, 0x00004000 }, "
		"{ 0x4000000a, CPUID_EBX, 0x0000ffff, 0x00000101 } },\n"
		"\t.recommended = HYPERV_ON_INTEL, .note = \"note\", .nr_requires = 2,\n"
		"\t.requires = { { 0, HYPERV_ON_ANY }, { 0, HYPERV_ON_AMD } } },\n" },
	{ "nesting/hyperv_features.inc", "{ 0x40000004, CPUID_EBX, 0xffffffff, 0xffffffff }" },
	{ "nesting/hyperv_ids.inc", "\nID_HV_A,\nID_HV_B,\nID_HV_E,\nID_HV_F,\nID_HV_G,\n" },
	{ "nesting/hyperv_rules.inc", "\n{ \"HV-01\", \"title\", \"a \\\"text\\\"\" },\n" },
	{ "nesting/generations.inc",
		"\n{ CPUID_VENDOR_INTEL, 0x6, { { 0x1a, 0x1a }, { 0x30, 0x3f }, }, 2, { 0, 255 }, "
		"\"Nehalem\" },\n"
		"{ CPUID_VENDOR_AMD, 0x17, { { 0, 255 }, }, 1, { 3, 3 }, \"any\" },\n" },
	{ "nesting/hypervisors.inc", "\n{ \"KVMKVMKVM\", \"KVM\", \"nested=1\" },\n" },
	{ "nesting/parameters.inc", "\n{ \"kvm_amd\", { \"npt\", \"nested_paging\" }, true, "
				    "FINDING_WEAKENS, \"npt\", \"text\" },\n"
				    "{ \"kvm\", { \"ignore_msrs\", \"\" }, false, "
				    "FINDING_NOTE, \"\", \"\" },\n" },
	{ "nesting/kernel_problems.inc",
		"\n{ \"CVE-1\", CPUID_VENDOR_OTHER, NESTING_HARM_ESCAPE, { 2, 6, 36, "
		"KERNEL_RELEASED }, "
		"{ { 6, 12, 95, KERNEL_RELEASED }, { 7, 1, 2, KERNEL_RELEASED }, { 7, 2, 0, 1 }, "
		"}, 3, \"summary\", \"source\" },\n" },
	{ "nesting/kernel_records.inc", "\n{ \"2026-09-25\", \"all of them\" },\n" },
	{ "nesting/profiles.inc", "\nstatic const struct nesting_profile_row rows_kvm[] = {\n"
				  "{ .feature = FEATURE_ID_v, .level = NESTING_WANTED, .vendor = "
				  "CPUID_VENDOR_INTEL, .reason = \"why\" },\n"
				  "{ .feature = FEATURE_ID_a, .level = NESTING_REQUIRED, .vendor = "
				  "CPUID_VENDOR_OTHER, .reason = \"why (so)\" },\n};\n" },
	{ "nesting/profiles.inc", "\nstatic const struct nesting_profile profiles[] = {\n"
				  "{ .name = \"kvm\", .title = \"Linux KVM\", .memory_mib = 512, "
				  ".rows = rows_kvm, .nr_rows = 2 },\n"
				  "{ .name = \"xen\", .title = \"Xen\", .memory_mib = 0, .rows = "
				  "rows_xen, .nr_rows = 1 },\n};\n" },
	{ "formats/qemu_models.inc",
		"\n{ \"M\", \"a \\\"brand\\\"\", 6, 1, 5, 0xd, 0x80000008, "
		"\"7.2\", \"9.0\", \"a\" },\n"
		"{ \"N\", \"\", 0, 255, 0, 0x1, 0x0, \"10.0\", \"\", \"\" },\n" },
	{ "formats/names_since.inc", "\n{ FEATURE_ID_a, true, false },\n"
				     "{ FEATURE_ID_vmx, true, true },\n" },
	{ "formats/words_qemu.inc", "\n{ \"hv-*\", WORD_CARRIED, \"\", \"a key\" },\n"
				    "{ \"l3-cache\", WORD_LOST, \"on auto\", \"\" },\n" },
	{ "formats/words_libvirt.inc", "\n{ \"cpu@mode\", WORD_SAME, \"\", \"\" },\n" },
	{ "formats/words_firecracker.inc", "\n{ \"reg\", WORD_REFUSED, \"\", \"of Arm\" },\n" },
	{ "formats/words_toml.inc", "\n{ \"*\", WORD_SAME, \"\", \"\" },\n" },
};
/* clang-format on */

static void maketables__good_tables__become_these_lines_of_c(void **state)
{
	(void)state;
	static const char *const rooms[] = { "cpuid/", "nesting/", "formats/" };
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		struct make m;
		run(&m, rooms[i]);
		faults_print(&m.faults, stderr);
		assert_int_equal(m.faults.nr, 0);
		assert_true(outputs_write(&m.outputs));
		make_done(&m);
	}
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		assert_made(made[i].name, made[i].text);
}

/* The good table of that path. */
static const char *good_text(const char *path)
{
	for (size_t i = 0; i < nr_good_tables; i++) {
		if (strcmp(good_tables[i].path, path) == 0)
			return good_tables[i].text;
	}
	fail_msg("no good table %s", path);
	return "";
}

/* Builds the bad table; its place is where ^ was. */
static void bad_text(char text[TEXT_BYTES], const struct bad_table *bad, unsigned *ret_line,
	unsigned *ret_column)
{
	const char *good = good_text(bad->path);
	size_t keep = bad->kind == MORE ? strlen(good) : strcspn(good, "\n") + 1;
	(void)snprintf(text, TEXT_BYTES, "%.*s%s\n", (int)keep, good, bad->rows);
	*ret_line = *ret_column = 1;
	char *at = text;
	for (; *at != '^'; at++) {
		assert_int_not_equal(*at, '\0');
		(*ret_column)++;
		if (*at == '\n') {
			(*ret_line)++;
			*ret_column = 1;
		}
	}
	memmove(at, at + 1, strlen(at));
}

static void maketables__bad_rows__are_refused_at_their_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < nr_bad_tables; i++) {
		const struct bad_table *bad = &bad_tables[i];
		char text[TEXT_BYTES];
		unsigned line = 0, column = 0;
		bad_text(text, bad, &line, &column);
		write_text(source_path(bad->path), text);
		struct make m;
		run(&m, bad->path);
		if (m.faults.nr == 0)
			fail_msg("%s: taken: %s", bad->path, bad->rows);
		const struct fault *fault = &m.faults.list[0];
		if (strcmp(fault->path, source_path(bad->path)) != 0 || fault->line != line ||
			fault->column != column || !strstr(fault->text, bad->expected))
			fail_msg("%s: '%s' is refused as %s:%u:%u: %s, expected %u:%u: %s",
				bad->path, bad->rows, fault->path, fault->line, fault->column,
				fault->text, line, column, bad->expected);
		make_done(&m);
		write_text(source_path(bad->path), good_text(bad->path));
	}
}

/* No table is passed over, and no column is read that is not named. */
static void maketables__every_table__needs_its_own_heading_and_newline(void **state)
{
	(void)state;
	for (size_t i = 0; i < nr_good_tables; i++) {
		const struct good_table *good = &good_tables[i];
		struct make m;
		write_file(source_path(good->path), good->text, strlen(good->text) - 1);
		run(&m, good->path);
		assert_int_equal(m.faults.nr, 1);
		assert_string_equal(m.faults.list[0].path, source_path(good->path));
		assert_non_null(strstr(m.faults.list[0].text, "a newline at the end of the file"));
		make_done(&m);

		char text[TEXT_BYTES];
		(void)snprintf(text, sizeof(text), "# other\t%s", good->text + 2);
		write_text(source_path(good->path), text);
		run(&m, good->path);
		assert_int_equal(m.faults.nr, 1);
		assert_non_null(strstr(m.faults.list[0].text, "a heading with the names"));
		make_done(&m);

		assert_int_equal(unlink(source_path(good->path)), 0);
		run(&m, good->path);
		assert_int_equal(m.faults.nr, 1);
		assert_string_equal(m.faults.list[0].path, source_path(good->path));
		assert_int_equal(m.faults.list[0].line, 0);
		assert_non_null(strstr(m.faults.list[0].text, "cannot be read: No such file"));
		make_done(&m);
		write_text(source_path(good->path), good->text);
	}
}

/* Bytes change, go and come: whatever it is, it is judged, and each fault has a place in a file. */
static void maketables__damaged_tables__are_judged_and_never_crash(void **state)
{
	(void)state;
	static const char pool[] = "\t\t\n\r-,. 0x9^\xff?\"\\#%@=:";
	uint32_t random = 1;
	unsigned refused = 0, taken = 0;
	for (unsigned round = 0; round < 1000; round++) {
		const struct good_table *good = &good_tables[round % nr_good_tables];
		char text[TEXT_BYTES];
		size_t bytes = strlen(good->text);
		memcpy(text, good->text, bytes);
		for (unsigned i = 0; i < 1 + round % 3; i++) {
			random = random * 1664525 + 1013904223;
			size_t at = (random >> 8) % bytes;
			if (random >> 30 == 0 && bytes > 1)
				memmove(text + at, text + at + 1, --bytes - at);
			else
				text[at] = pool[(random >> 16) % sizeof(pool)];
		}
		write_file(source_path(good->path), text, bytes);
		struct make m;
		run(&m, good->path);
		for (size_t i = 0; i < m.faults.nr; i++) {
			assert_memory_equal(m.faults.list[i].path, "src/", 4);
			assert_true(m.faults.list[i].line >= 1 && m.faults.list[i].column >= 1);
		}
		*(m.faults.nr > 0 ? &refused : &taken) += 1;
		make_done(&m);
		write_text(source_path(good->path), good->text);
	}
	assert_true(refused > 300 && taken > 30);
}

/* A table as AML has it, of so many bytes, with the right sum. */
static void make_aml(unsigned char *table, size_t bytes)
{
	memset(table, 0x11, bytes);
	memcpy(table, "DSDT", 4);
	memcpy(table + 4, (const unsigned char[]){ (unsigned char)bytes, 0, 0, 0 }, 4);
	unsigned char sum = 0;
	table[9] = 0;
	for (size_t i = 0; i < bytes; i++)
		sum = (unsigned char)(sum + table[i]);
	table[9] = (unsigned char)-sum;
}

static void refuse_aml(const unsigned char *table, size_t bytes, const char *expected)
{
	write_file("dsdt.aml", (const char *)table, bytes);
	struct make m;
	make_init(&m, "dsdt.aml", "out");
	make_acpi(&m, m.source);
	assert_int_equal(m.faults.nr, 1);
	assert_string_equal(m.faults.list[0].path, "dsdt.aml");
	if (!strstr(m.faults.list[0].text, expected))
		fail_msg("expected %s, found %s", expected, m.faults.list[0].text);
	make_done(&m);
}

static void maketables__acpi_table__becomes_an_array(void **state)
{
	(void)state;
	unsigned char table[40];
	make_aml(table, sizeof(table));
	write_file("dsdt.aml", (const char *)table, sizeof(table));
	struct make m;
	make_init(&m, "dsdt.aml", "out");
	make_acpi(&m, m.source);
	assert_int_equal(m.faults.nr, 0);
	assert_true(outputs_write(&m.outputs));
	make_done(&m);
	assert_made("acpi/dsdt.c", "#include \"acpi/dsdt.h\"\n\nconst uint8_t acpi_dsdt[] = "
				   "{\n\t0x44, 0x53, 0x44, 0x54, 0x28, ");
	assert_made("acpi/dsdt.c", "0x11,\n\t0x11, 0x11, 0x11, 0x11,\n};\n\nconst size_t "
				   "acpi_dsdt_bytes = sizeof(acpi_dsdt);\n");
}

static void maketables__no_acpi_table__is_refused(void **state)
{
	(void)state;
	unsigned char table[41];
	make_aml(table, 40);
	table[40] = 0;
	refuse_aml(table, 41, "the length that its header has, 40 bytes, found 41");
	refuse_aml(table, 35, "a DSDT of at least 36 bytes");
	refuse_aml(table, 0, "a DSDT of at least 36 bytes");
	table[20]++;
	refuse_aml(table, 40, "bytes whose sum is 0, found 1");
	table[20]--;
	table[0] = 'S';
	refuse_aml(table, 40, "a DSDT of at least 36 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(maketables__good_tables__become_these_lines_of_c,
			enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(maketables__bad_rows__are_refused_at_their_place,
			enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(
			maketables__every_table__needs_its_own_heading_and_newline, enter_folder,
			leave_folder),
		cmocka_unit_test_setup_teardown(
			maketables__damaged_tables__are_judged_and_never_crash, enter_folder,
			leave_folder),
		cmocka_unit_test_setup_teardown(
			maketables__acpi_table__becomes_an_array, enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(
			maketables__no_acpi_table__is_refused, enter_folder, leave_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
