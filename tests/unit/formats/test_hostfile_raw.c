/* SPDX-License-Identifier: MIT */
/* Host files in the words of cpuid(1). */
#include "cpuid/fields.h"
#include "fake/cmocka.h"
#include "fake/hosts.h"
#include "formats/hostfile.h"

#include <errno.h>
#include <stdlib.h>

#define LEAF_0 "   0x00000000 0x00: eax=0x00000016 ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69\n"
#define LEAF_4_0 "   0x00000004 0x00: eax=0x1c004121 ebx=0x01c0003f ecx=0x0000003f edx=0x00000000\n"
#define LEAF_4_1 "   0x00000004 0x01: eax=0x1c004122 ebx=0x01c0003f ecx=0x0000003f edx=0x00000000\n"
#define BRAND                                                                                      \
	"   0x80000002 0x00: eax=0x65746e49 ebx=0x2952286c ecx=0x726f4320 edx=0x4d542865\n"        \
	"   0x80000003 0x00: eax=0x37692029 ebx=0x3030362d ecx=0x00000000 edx=0x00000000\n"        \
	"   0x80000004 0x00: eax=0x00000000 ebx=0x00000000 ecx=0x00000000 edx=0x00000000\n"

static struct hostfile *parse(const char *text)
{
	struct hostfile *f = calloc(1, sizeof(*f));
	struct err e = ERR_INIT;
	assert_non_null(f);
	if (hostfile_parse(text, strlen(text), "host.txt", f, &e))
		fail_msg("not read: %s", e.msg);
	return f;
}

static void refused(const char *text, const char *message)
{
	struct hostfile *f = calloc(1, sizeof(*f));
	struct err e = ERR_INIT;
	assert_non_null(f);
	assert_int_equal(hostfile_parse(text, strlen(text), "host.txt", f, &e), -EINVAL);
	assert_string_equal(e.msg, message);
	assert_int_equal(e.kind, ERR_CONFIG);
	free(f);
}

static void parse__output_of_the_cpuid_tool__is_read(void **state)
{
	(void)state;
	struct hostfile *f = parse("CPU 0:\n" LEAF_0 LEAF_4_0 LEAF_4_1 BRAND);
	const struct cpuid_table *t = &f->facts.supported;
	assert_int_equal(f->kind, HOSTFILE_PROCESSOR);
	assert_int_equal(t->nr_entries, 6);
	assert_int_equal(cpuid_vendor(t), CPUID_VENDOR_INTEL);
	assert_false(cpuid_get(t, 0, 0)->subleaf_matters);
	assert_true(cpuid_get(t, 4, 0)->subleaf_matters);
	assert_int_equal(cpuid_value(t, 4, 1, CPUID_EAX), 0x1c004122);
	assert_memory_equal(f->facts.brand, "Intel(R) Core(TM) i7-600", 25);
	assert_int_equal(f->facts.max_vcpus, 1024);
	free(f);
}

static void parse__several_processors__what_all_of_them_have(void **state)
{
	(void)state;
	struct hostfile *f = parse("CPU 0:\n" LEAF_0 "CPU 1:\n" LEAF_0 LEAF_4_0 "CPU 2:\n" LEAF_0
				   "msr 0x10a: 0xc0000000000004c\n");
	uint64_t value = 0;
	assert_int_equal(f->facts.supported.nr_entries, 1);
	assert_true(host_feature_msr(&f->facts, 0x10a, &value));
	assert_true(value == UINT64_C(0xc0000000000004c));
	free(f);
}

static void parse__header_of_one_processor_comments_and_crlf__are_read(void **state)
{
	(void)state;
	struct hostfile *f = parse("# the lab's first machine\r\n\r\nCPU:\r\n"
				   "0x00000001 0x00: eax=0x1 ebx=0x2 ecx=0x3 edx=0x4\r\n"
				   "\tmsr 0x345:\t0x0  \r\n# end");
	assert_int_equal(cpuid_value(&f->facts.supported, 1, 0, CPUID_EDX), 4);
	assert_int_equal(f->facts.nr_feature_msrs, 1);
	free(f);
}

static void parse__unknown_leaf_with_subleaves__they_matter(void **state)
{
	(void)state;
	struct hostfile *f = parse("0x12345678 0x00: eax=0x1 ebx=0x0 ecx=0x0 edx=0x0\n"
				   "0x12345678 0x05: eax=0x2 ebx=0x0 ecx=0x0 edx=0x0\n"
				   "0x12345679 0x00: eax=0x3 ebx=0x0 ecx=0x0 edx=0x0\n");
	const struct cpuid_table *t = &f->facts.supported;
	assert_int_equal(cpuid_value(t, 0x12345678, 0, CPUID_EAX), 1);
	assert_int_equal(cpuid_value(t, 0x12345678, 5, CPUID_EAX), 2);
	assert_int_equal(cpuid_value(t, 0x12345678, 1, CPUID_EAX), 0);
	assert_int_equal(cpuid_value(t, 0x12345679, 9, CPUID_EAX), 3);
	free(f);
}

static void parse__bad_line__is_refused_with_its_place(void **state)
{
	(void)state;
	refused("CPU 0:\n" LEAF_0 "   0x00000001 0x00: eax=0x000906ea ebx=0x00",
		"host.txt:3:44: expected \"ecx=\"");
	refused("0x1 0x0 eax=0x1\n", "host.txt:1:8: expected \":\"");
	refused("0x1 0x0: eax=1 ebx=0x0 ecx=0x0 edx=0x0\n",
		"host.txt:1:14: expected a number such as 0x1f");
	refused("0x1 0x0: eax=0x1ffffffff ebx=0x0 ecx=0x0 edx=0x0\n",
		"host.txt:1:14: more than 32 bits");
	refused("0x1 0x0: eax=0x1 ebx=0x0 ecx=0x0 edx=0x0 esi=0x0\n",
		"host.txt:1:42: expected the end of the line");
	refused(LEAF_0 "\n" LEAF_0, "host.txt:3:4: this leaf and subleaf were given before");
	refused("msr 0x10a 0x1\n", "host.txt:1:10: expected \":\"");
	refused("msr 0x10a: 0x1\nmsr 0x10a: 0x1\n", "host.txt:2:5: this MSR was given before");
	refused("hello\n", "host.txt:1:1: expected a line of `cpuid -r`, \"msr 0x...: 0x...\" or "
			   "\"#\"");
	refused("CPU 0\n", "host.txt:1:6: expected \":\"");
	refused("CPU 0: x\n", "host.txt:1:8: expected the end of the line");
}

static void parse__no_cpuid_line__is_refused(void **state)
{
	(void)state;
	refused("# nothing\nmsr 0x10a: 0x1\n",
		"host.txt: no line of CPUID values, such as `cpuid -r` prints");
	refused("CPU 0:\n", "host.txt: no line of CPUID values, such as `cpuid -r` prints");
}

static void parse__too_many_lines__are_refused(void **state)
{
	(void)state;
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	assert_non_null(out);
	for (unsigned i = 0; i <= CPUID_MAX_ENTRIES; i++)
		(void)fprintf(out, "0x%x 0x0: eax=0x0 ebx=0x0 ecx=0x0 edx=0x0\n", 0x10000 + i);
	assert_int_equal(fclose(out), 0);
	refused(text, "host.txt:257:1: more than 256 lines for one processor");
	free(text);
}

/* What the text can say: whether a subleaf matters is known by the leaf, or by a second one. */
static void normalise(struct cpuid_table *t)
{
	for (unsigned i = 0; i < t->nr_entries; i++) {
		struct cpuid_entry *e = &t->entries[i];
		bool matters = e->subleaf != 0 || cpuid_leaf_has_subleaves(e->leaf);
		for (unsigned k = 0; k < t->nr_entries; k++)
			matters = matters || (k != i && t->entries[k].leaf == e->leaf);
		e->subleaf_matters = matters;
	}
}

static void write_raw__random_facts__are_read_back_equal(void **state)
{
	(void)state;
	struct hostfile *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	for (uint32_t seed = 1; seed <= 2000; seed++) {
		char *text = NULL;
		size_t n = 0;
		FILE *out = open_memstream(&text, &n);
		assert_non_null(out);
		*f = (struct hostfile){ 0 };
		host_random(&f->facts, seed);
		f->facts.nr_feature_msrs = seed % 3;
		for (unsigned i = 0; i < seed % 3; i++)
			f->facts.feature_msrs[i] =
				(struct msr_value){ 0x480 + i, UINT64_MAX / (seed + i) };
		assert_int_equal(hostfile_write_raw(f, out), 0);
		assert_int_equal(fclose(out), 0);
		struct hostfile *again = parse(text);
		normalise(&f->facts.supported);
		assert_int_equal(again->facts.supported.nr_entries, f->facts.supported.nr_entries);
		for (unsigned i = 0; i < f->facts.supported.nr_entries; i++) {
			const struct cpuid_entry *a = &f->facts.supported.entries[i];
			const struct cpuid_entry *b = &again->facts.supported.entries[i];
			assert_int_equal(a->leaf, b->leaf);
			assert_int_equal(a->subleaf, b->subleaf);
			assert_int_equal(a->subleaf_matters, b->subleaf_matters);
			assert_memory_equal(a->reg, b->reg, sizeof(a->reg));
		}
		assert_int_equal(again->facts.nr_feature_msrs, f->facts.nr_feature_msrs);
		for (unsigned i = 0; i < f->facts.nr_feature_msrs; i++)
			assert_true(again->facts.feature_msrs[i].value ==
				    f->facts.feature_msrs[i].value);
		free(again);
		free(text);
	}
	free(f);
}

static void write_raw__brand__is_a_comment(void **state)
{
	(void)state;
	char *text = NULL;
	size_t n = 0;
	struct hostfile *f = calloc(1, sizeof(*f));
	FILE *out = open_memstream(&text, &n);
	assert_non_null(f);
	assert_non_null(out);
	(void)memcpy(f->facts.brand, "A CPU", 6);
	assert_int_equal(hostfile_write_raw(f, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, "# A CPU\nCPU 0:\n");
	free(text);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__output_of_the_cpuid_tool__is_read),
		cmocka_unit_test(parse__several_processors__what_all_of_them_have),
		cmocka_unit_test(parse__header_of_one_processor_comments_and_crlf__are_read),
		cmocka_unit_test(parse__unknown_leaf_with_subleaves__they_matter),
		cmocka_unit_test(parse__bad_line__is_refused_with_its_place),
		cmocka_unit_test(parse__no_cpuid_line__is_refused),
		cmocka_unit_test(parse__too_many_lines__are_refused),
		cmocka_unit_test(write_raw__random_facts__are_read_back_equal),
		cmocka_unit_test(write_raw__brand__is_a_comment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
