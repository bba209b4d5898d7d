/* SPDX-License-Identifier: MIT */
/* nestor's JSON host files. The raw text is in test_hostfile_raw.c. */
#include "fake/cmocka.h"
#include "fake/hosts.h"
#include "formats/hostfile.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define HEAD "{\"format\": \"nestor-cpuid\", \"version\": 1, \"kind\": \"kvm\""
#define ENTRY                                                                                      \
	"{\"leaf\": \"0x1\", \"eax\": \"0x1\", \"ebx\": \"0x2\", \"ecx\": \"0x3\", \"edx\": "      \
	"\"0x4\"}"

static struct hostfile *parse(const char *text)
{
	struct hostfile *f = calloc(1, sizeof(*f));
	struct err e = ERR_INIT;
	assert_non_null(f);
	if (hostfile_parse(text, strlen(text), "host.json", f, &e))
		fail_msg("not read: %s", e.msg);
	return f;
}

static void refused(const char *text, size_t n, const char *message)
{
	struct hostfile *f = calloc(1, sizeof(*f));
	struct err e = ERR_INIT;
	assert_non_null(f);
	assert_int_equal(hostfile_parse(text, n, "host.json", f, &e), -EINVAL);
	assert_string_equal(e.msg, message);
	assert_int_equal(e.kind, ERR_CONFIG);
	free(f);
}

static char *write_json(const struct hostfile *f)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	assert_non_null(out);
	assert_int_equal(hostfile_write_json(f, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void assert_same_table(const struct cpuid_table *a, const struct cpuid_table *b)
{
	assert_int_equal(a->nr_entries, b->nr_entries);
	for (unsigned i = 0; i < a->nr_entries; i++) {
		assert_int_equal(a->entries[i].leaf, b->entries[i].leaf);
		assert_int_equal(a->entries[i].subleaf, b->entries[i].subleaf);
		assert_int_equal(a->entries[i].subleaf_matters, b->entries[i].subleaf_matters);
		assert_memory_equal(a->entries[i].reg, b->entries[i].reg, sizeof(uint32_t[4]));
	}
}

static void assert_same(const struct hostfile *a, const struct hostfile *b)
{
	const struct host_facts *x = &a->facts, *y = &b->facts;
	assert_int_equal(a->kind, b->kind);
	assert_string_equal(a->name, b->name);
	assert_same_table(&x->supported, &y->supported);
	assert_same_table(&x->emulated, &y->emulated);
	assert_int_equal(x->kept_known, y->kept_known);
	assert_same_table(&x->unkept, &y->unkept);
	assert_int_equal(x->nr_unkept_msrs, y->nr_unkept_msrs);
	for (unsigned i = 0; i < x->nr_unkept_msrs; i++) {
		assert_int_equal(x->unkept_msrs[i].index, y->unkept_msrs[i].index);
		assert_true(x->unkept_msrs[i].value == y->unkept_msrs[i].value);
	}
	assert_int_equal(x->nr_feature_msrs, y->nr_feature_msrs);
	for (unsigned i = 0; i < x->nr_feature_msrs; i++) {
		assert_int_equal(x->feature_msrs[i].index, y->feature_msrs[i].index);
		assert_true(x->feature_msrs[i].value == y->feature_msrs[i].value);
	}
	assert_memory_equal(x->brand, y->brand, sizeof(x->brand));
	assert_int_equal(x->threads_per_core, y->threads_per_core);
	assert_int_equal(x->max_vcpus, y->max_vcpus);
	assert_int_equal(x->max_vcpu_id, y->max_vcpu_id);
	assert_int_equal(x->nr_memslots, y->nr_memslots);
	assert_int_equal(x->tsc_khz, y->tsc_khz);
	assert_int_equal(x->tsc_scaling, y->tsc_scaling);
	assert_int_equal(x->tsc_deadline_timer, y->tsc_deadline_timer);
	assert_int_equal(x->split_irqchip, y->split_irqchip);
	assert_int_equal(x->nested_state, y->nested_state);
	assert_int_equal(x->user_space_msr, y->user_space_msr);
	assert_int_equal(x->nesting_limited, y->nesting_limited);
	assert_int_equal(x->nesting_depth, y->nesting_depth);
}

static void random_hostfile(struct hostfile *f, uint32_t seed)
{
	static const char *const names[] = { "", "host-1", "a \"quoted\" \\ name", "f\xc3\xa9" };
	uint32_t s = seed * 747796405u + 1;
	struct host_facts *facts = &f->facts;
	*f = (struct hostfile){ .kind = (enum hostfile_kind)(seed % 3) };
	host_random(facts, seed);
	(void)snprintf(f->name, sizeof(f->name), "%s", names[host_random_next(&s) % 4]);
	struct cpuid_entry *e = cpuid_put(&facts->emulated, 7, 0, true);
	e->reg[CPUID_EBX] = host_random_next(&s);
	facts->nr_feature_msrs = host_random_next(&s) % HOST_MAX_FEATURE_MSRS;
	for (unsigned i = 0; i < facts->nr_feature_msrs; i++)
		facts->feature_msrs[i] = (struct msr_value){ 0x480 + i,
			(uint64_t)host_random_next(&s) << 32 | host_random_next(&s) };
	switch (seed % 4) {
	case 0:
		break;
	case 1:
		(void)memcpy(facts->brand, "Some \"CPU\" @ 2 GHz", 19);
		break;
	case 2: /* all 48 bytes */
		(void)memset(facts->brand, 'x', sizeof(facts->brand));
		break;
	default:
		for (unsigned i = 0; i < 12; i++)
			facts->brand[i] = host_random_next(&s);
	}
	facts->threads_per_core = host_random_next(&s) % 3;
	facts->max_vcpus = host_random_next(&s);
	facts->max_vcpu_id = host_random_next(&s);
	facts->nr_memslots = host_random_next(&s);
	facts->tsc_khz = host_random_next(&s);
	facts->tsc_scaling = host_random_next(&s) & 1;
	facts->tsc_deadline_timer = host_random_next(&s) & 1;
	facts->split_irqchip = host_random_next(&s) & 1;
	facts->nested_state = host_random_next(&s) & 1;
	facts->user_space_msr = host_random_next(&s) & 1;
	facts->nesting_limited = host_random_next(&s) & 1;
	facts->nesting_depth = facts->nesting_limited ? host_random_next(&s) : 0;
	facts->kept_known = host_random_next(&s) & 1;
	if (facts->kept_known) {
		facts->nr_unkept_msrs = host_random_next(&s) % HOST_MAX_FEATURE_MSRS;
		for (unsigned i = 0; i < facts->nr_unkept_msrs; i++)
			facts->unkept_msrs[i] =
				(struct msr_value){ 0x10a + i, host_random_next(&s) };
		e = cpuid_put(&facts->unkept, 7, 0, true);
		e->reg[CPUID_EDX] = host_random_next(&s);
	}
}

static void write_json__random_facts__are_read_back_equal(void **state)
{
	(void)state;
	struct hostfile *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	for (uint32_t seed = 1; seed <= 2000; seed++) {
		random_hostfile(f, seed);
		char *text = write_json(f);
		struct hostfile *again = parse(text);
		assert_same(f, again);
		free(again);
		free(text);
	}
	free(f);
}

static void write_json__full_table__is_read_back_equal(void **state)
{
	(void)state;
	struct hostfile *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	for (uint32_t i = 0; i < CPUID_MAX_ENTRIES; i++)
		assert_non_null(cpuid_put(&f->facts.supported, i, 0, false));
	char *text = write_json(f);
	struct hostfile *again = parse(text);
	assert_same(f, again);
	free(again);
	free(text);
	free(f);
}

static void write_json__an_entry__is_a_line_with_eight_digits(void **state)
{
	(void)state;
	struct hostfile *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	host_intel(&f->facts, true);
	char *text = write_json(f);
	assert_contains(text, "    { \"leaf\": \"0x7\", \"subleaf\": \"0x0\", \"eax\": "
			      "\"0x00000001\", \"ebx\": \"0x000007a9\", \"ecx\": "
			      "\"0x00000000\", \"edx\": \"0x00000000\" },\n");
	assert_contains(text, "    { \"leaf\": \"0x1\", \"eax\": \"0x000606a6\",");
	free(text);
	free(f);
}

static void parse__least_file__gets_the_defaults(void **state)
{
	(void)state;
	struct hostfile *f = parse(HEAD ", \"cpuid\": [" ENTRY "]}");
	assert_int_equal(f->kind, HOSTFILE_KVM);
	assert_string_equal(f->name, "");
	assert_int_equal(f->facts.supported.nr_entries, 1);
	assert_int_equal(f->facts.supported.entries[0].reg[CPUID_EDX], 4);
	assert_false(f->facts.supported.entries[0].subleaf_matters);
	assert_int_equal(f->facts.max_vcpus, 1024);
	assert_int_equal(f->facts.max_vcpu_id, 4096);
	assert_int_equal(f->facts.nr_memslots, 32764);
	assert_int_equal(f->facts.threads_per_core, 0);
	assert_true(f->facts.tsc_scaling && f->facts.tsc_deadline_timer && f->facts.split_irqchip &&
		    f->facts.nested_state && f->facts.user_space_msr);
	free(f);
}

static void parse__no_brand_but_its_leaves__takes_it_from_them(void **state)
{
	(void)state;
	struct hostfile *f = parse(HEAD
		", \"cpuid\": [{\"leaf\": \"0x80000002\", \"eax\": \"0x61\", \"ebx\": \"0x0\", "
		"\"ecx\": \"0x0\", \"edx\": \"0x62\"}]}");
	assert_int_equal(f->facts.brand[0], 0x61);
	assert_int_equal(f->facts.brand[3], 0x62);
	assert_int_equal(f->facts.brand[4], 0);
	free(f);
	f = parse(HEAD ", \"brand\": \"own\", \"cpuid\": [{\"leaf\": \"0x80000002\", \"eax\": "
		       "\"0x61\", \"ebx\": \"0x0\", \"ecx\": \"0x0\", \"edx\": \"0x62\"}]}");
	assert_memory_equal(f->facts.brand, "own\0\0\0\0\0", 8);
	assert_int_equal(f->facts.brand[3], 0);
	free(f);
}

/* Members after "cpuid": [ENTRY], and what is said of them. */
static const struct {
	const char *members, *message;
} bad_members[] = {
	{ "\"limit\": {}", "host.json: limit: unknown member" },
	{ "\"limits\": {\"max_vcpu\": 1}", "host.json: limits.max_vcpu: unknown member" },
	{ "\"limits\": []", "host.json: limits: expected an object" },
	{ "\"limits\": {\"max_vcpus\": -1}",
		"host.json: limits.max_vcpus: expected a number from 0 to 4294967295" },
	{ "\"limits\": {\"tsc_khz\": 4294967296}",
		"host.json: limits.tsc_khz: expected a number from 0 to 4294967295" },
	{ "\"limits\": {\"memslots\": 1.5}",
		"host.json: limits.memslots: expected a whole number" },
	{ "\"limits\": {\"nesting_depth\": -1}",
		"host.json: limits.nesting_depth: expected a number from 0 to 4294967295" },
	{ "\"capabilities\": {\"tsc_scaling\": 1}",
		"host.json: capabilities.tsc_scaling: expected true or false" },
	{ "\"capabilities\": {\"x\": true}", "host.json: capabilities.x: unknown member" },
	{ "\"name\": 1", "host.json: name: expected a string" },
	{ "\"name\": \"a\\u001b[0m\"", "host.json: name: has characters that cannot be shown" },
	{ "\"brand\": \"\xc3\xa9\"",
		"host.json: brand: not printable ASCII: give 12 words instead" },
	{ "\"brand\": \"0123456789012345678901234567890123456789012345678\"",
		"host.json: brand: longer than 48 characters" },
	{ "\"brand\": [\"0x1\"]",
		"host.json: brand: expected a string, or 12 strings such as \"0x65746e49\"" },
	{ "\"brand\": [1,1,1,1,1,1,1,1,1,1,1,1]",
		"host.json: brand[0]: expected a string such as \"0x1f\"" },
	{ "\"kept\": {}", "host.json: kept: expected an array of objects" },
	{ "\"kept\": [7]",
		"host.json: kept[0]: expected an object with leaf, eax, ebx, ecx and edx" },
	{ "\"kept_msrs\": {}", "host.json: kept_msrs: expected an array of objects" },
	{ "\"kept_msrs\": [7]",
		"host.json: kept_msrs[0]: expected an object with index and value" },
	{ "\"kept_msrs\": [{\"index\": \"0x1\"}]",
		"host.json: kept_msrs[0]: lacks the member \"value\"" },
	{ "\"emulated\": {}", "host.json: emulated: expected an array of objects" },
	{ "\"emulated\": [7]",
		"host.json: emulated[0]: expected an object with leaf, eax, ebx, ecx and edx" },
	{ "\"emulated\": [" ENTRY "," ENTRY "]",
		"host.json: emulated[1]: leaf 0x1, subleaf 0 was given before" },
	{ "\"emulated\": [{\"leaf\": \"0x1\"}]",
		"host.json: emulated[0]: lacks the member \"eax\"" },
	{ "\"emulated\": [{\"Leaf\": \"0x1\"}]", "host.json: emulated[0].Leaf: unknown member" },
	{ "\"emulated\": [{\"leaf\": 1}]",
		"host.json: emulated[0].leaf: expected a string such as \"0x1f\"" },
	{ "\"emulated\": [{\"leaf\": \"1\"}]",
		"host.json: emulated[0].leaf: expected a string such as \"0x1f\"" },
	{ "\"emulated\": [{\"leaf\": \"0x100000000\"}]",
		"host.json: emulated[0].leaf: more than 32 bits" },
	{ "\"msrs\": [{\"index\": \"0x1\", \"value\": \"0x10000000000000000\"}]",
		"host.json: msrs[0].value: more than 64 bits" },
	{ "\"msrs\": [{\"index\": \"0x1\"}]", "host.json: msrs[0]: lacks the member \"value\"" },
	{ "\"msrs\": [{\"index\": \"0x1\", \"value\": \"0x1\"}, {\"index\": \"0x1\", \"value\": "
	  "\"0x1\"}]",
		"host.json: msrs[1]: this MSR was given before" },
	{ "\"msrs\": [{\"index\": \"0x1\", \"val\": \"0x1\"}]",
		"host.json: msrs[0].val: unknown member" },
	{ "\"evil\\u001b[2J\": 1", "host.json: evil?[2J: unknown member" },
};

static void parse__bad_member__is_refused_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_members); i++) {
		char text[1024];
		(void)snprintf(text, sizeof(text), "%s, \"cpuid\": [%s], %s}", HEAD, ENTRY,
			bad_members[i].members);
		refused(text, strlen(text), bad_members[i].message);
	}
}

static void refused_text(const char *text, const char *message)
{
	refused(text, strlen(text), message);
}

static void parse__another_kind_of_file__is_refused(void **state)
{
	(void)state;
	refused_text("", "host.json: the file is empty");
	refused_text(" \n\t", "host.json: the file is empty");
	refused_text("{}", "host.json: lacks the member \"format\": this is no host file");
	refused_text("{\"format\": \"x\"}",
		"host.json: format: expected \"nestor-cpuid\": this is no host file");
	refused_text("{\"format\": \"nestor-cpuid\"}", "host.json: lacks the member \"version\"");
	refused_text("{\"format\": \"nestor-cpuid\", \"version\": 2}",
		"host.json: version: only version 1 is known; a newer nestor may know this one");
	refused_text("{\"format\": \"nestor-cpuid\", \"version\": 1, \"kind\": \"KVM\"}",
		"host.json: kind: expected \"kvm\", \"processor\" or \"guest\"");
	refused_text(HEAD "}", "host.json: lacks the member \"cpuid\"");
}

static void parse__truncated_anywhere__is_refused(void **state)
{
	(void)state;
	struct hostfile *f = calloc(1, sizeof(*f));
	struct hostfile *got = calloc(1, sizeof(*got));
	assert_non_null(f);
	assert_non_null(got);
	random_hostfile(f, 5);
	char *text = write_json(f);
	for (size_t n = strlen(text) - 2; n > 0; n--) {
		struct err e = ERR_INIT;
		assert_int_equal(hostfile_parse(text, n, "host.json", got, &e), -EINVAL);
		assert_contains(e.msg, "host.json:");
	}
	free(text);
	free(got);
	free(f);
}

static void parse__syntax_error__names_line_and_column(void **state)
{
	(void)state;
	refused_text("{\n  \"format\": nestor\n}", "host.json:2:18: invalid token near 'nestor'");
	refused_text(HEAD ", \"cpuid\": [], \"cpuid\": []}",
		"host.json:1:76: duplicate object key near '\"cpuid\"'");
}

static void parse__nul_bytes__are_refused(void **state)
{
	(void)state;
	static const char text[] = "{\n\"format\": \"nestor-cpuid\0\"}";
	refused(text, sizeof(text) - 1, "host.json:2: a NUL byte: this is no host file");
	refused_text(HEAD ", \"cpuid\": [], \"name\": \"a\\u0000b\"}",
		"host.json:1:87: a NUL character in a string");
}

static void parse__deep_nesting__is_refused(void **state)
{
	(void)state;
	const size_t depth = 100000;
	char *text = malloc(depth + 6);
	struct err e = ERR_INIT;
	struct hostfile *f = calloc(1, sizeof(*f));
	assert_non_null(text);
	assert_non_null(f);
	(void)memcpy(text, "{\"a\":", 5);
	(void)memset(text + 5, '[', depth);
	assert_int_equal(hostfile_parse(text, depth + 5, "host.json", f, &e), -EINVAL);
	assert_contains(e.msg, "host.json:1:");
	assert_contains(e.msg, "depth");
	free(f);
	free(text);
}

static void parse__too_many_entries__are_refused(void **state)
{
	(void)state;
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	assert_non_null(out);
	(void)fputs(HEAD ", \"cpuid\": [", out);
	for (unsigned i = 0; i <= CPUID_MAX_ENTRIES; i++)
		(void)fprintf(out, "%s{}", i ? "," : "");
	(void)fputs("]}", out);
	assert_int_equal(fclose(out), 0);
	refused(text, n, "host.json: cpuid: more than 256 entries");
	free(text);
}

static void parse__larger_than_the_limit__is_refused(void **state)
{
	(void)state;
	size_t n = HOSTFILE_MAX_BYTES + 1;
	char *text = malloc(n);
	assert_non_null(text);
	(void)memset(text, ' ', n);
	refused(text, n, "host.json: longer than 16 MiB, the most that a host file may have");
	free(text);
}

static void read__file__is_parsed_and_its_absence_said(void **state)
{
	(void)state;
	char path[] = "/tmp/nestor-hostfile-XXXXXX";
	int fd = mkstemp(path);
	struct hostfile *f = calloc(1, sizeof(*f));
	struct err e = ERR_INIT;
	assert_true(fd >= 0);
	assert_non_null(f);
	static const char text[] = HEAD ", \"cpuid\": [" ENTRY "], \"name\": \"lab 1\"}";
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	(void)close(fd);
	assert_int_equal(hostfile_read(path, f, &e), 0);
	assert_string_equal(f->name, "lab 1");
	(void)unlink(path);
	assert_int_equal(hostfile_read(path, f, &e), -ENOENT);
	assert_contains(e.msg, path);
	assert_int_equal(e.kind, ERR_CONFIG);
	free(f);
}

static void write__full_device__is_eio(void **state)
{
	(void)state;
	struct hostfile *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	FILE *out = fopen("/dev/full", "we");
	assert_non_null(out);
	assert_int_equal(hostfile_write_json(f, out), -EIO);
	(void)fclose(out);
	out = fopen("/dev/full", "we");
	assert_non_null(out);
	assert_int_equal(hostfile_write_raw(f, out), -EIO);
	(void)fclose(out);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(write_json__random_facts__are_read_back_equal),
		cmocka_unit_test(write_json__full_table__is_read_back_equal),
		cmocka_unit_test(write_json__an_entry__is_a_line_with_eight_digits),
		cmocka_unit_test(parse__least_file__gets_the_defaults),
		cmocka_unit_test(parse__no_brand_but_its_leaves__takes_it_from_them),
		cmocka_unit_test(parse__bad_member__is_refused_by_name),
		cmocka_unit_test(parse__another_kind_of_file__is_refused),
		cmocka_unit_test(parse__truncated_anywhere__is_refused),
		cmocka_unit_test(parse__syntax_error__names_line_and_column),
		cmocka_unit_test(parse__nul_bytes__are_refused),
		cmocka_unit_test(parse__deep_nesting__is_refused),
		cmocka_unit_test(parse__too_many_entries__are_refused),
		cmocka_unit_test(parse__larger_than_the_limit__is_refused),
		cmocka_unit_test(read__file__is_parsed_and_its_absence_said),
		cmocka_unit_test(write__full_device__is_eio),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
