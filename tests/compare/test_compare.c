/* SPDX-License-Identifier: MIT */
/* Whether the comparison notices what it is for: made-up models, tables and versions. */
#include "fake/cmocka.h"

#include "compare.h"
#include "libvirt_map.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* "Theirs" starts as what the engine makes of two models, so that nothing differs. */
static const char *const names[] = { "EPYC", "Nehalem" };

/* Models of ours that theirs lacks. */
#define ROW_MODELS "*\tmodel\tyes\tno\t-\tnot part of this test\n"

struct fixture {
	char dir[64];
	struct their_data theirs;
	struct differences found;
	char differences[128], recorded[128];
};

static void write_file(const char *dir, const char *name, const char *text, char ret_path[128])
{
	(void)snprintf(ret_path, 128, "%s/%s", dir, name);
	FILE *file = fopen(ret_path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/nestor-compare.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->theirs = (struct their_data){ .program = "other", .version = "1.5.0" };
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++)
		f->theirs.known.w[i] = feature_word(i)->named;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct our_model ours;
		struct their_model *m = their_model_add(&f->theirs, names[i]);
		const struct cpu_model *model = cpu_model_find(names[i]);
		assert_true(compare_ours(model, model->vendor, &ours));
		m->has = ours.has;
		(void)snprintf(m->vendor, sizeof(m->vendor), "%s", ours.vendor);
		m->level = ours.level;
		m->signatures[m->nr_signatures++] = (struct compare_signature){ ours.family,
			ours.model, ours.stepping, ours.stepping };
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	(void)unlink(f->differences);
	(void)unlink(f->recorded);
	(void)rmdir(f->dir);
	differences_done(&f->found);
	their_data_done(&f->theirs);
	free(f);
	return 0;
}

/* recorded.tsv as for version 1.5.0 with the models as they are now. */
static void record(struct fixture *f)
{
	char text[1024] = "# program\tversion\tmodel\thash\n";
	for (size_t i = 0; i < f->theirs.nr_models; i++) {
		struct their_model *m = &f->theirs.models[i];
		size_t used = strlen(text);
		their_model_set_hash(m);
		(void)snprintf(text + used, sizeof(text) - used, "other\t1.5.0\t%s\t%016llx\n",
			m->name, (unsigned long long)m->hash);
	}
	write_file(f->dir, "recorded.tsv", text, f->recorded);
}

/* Compares, with a table of these rows; returns the exit status. */
static int judge(struct fixture *f, const char *rows, enum compare_mode mode)
{
	const struct compare_tables tables = { f->differences, f->recorded };
	write_file(f->dir, "differences.tsv", rows, f->differences);
	for (size_t i = 0; i < f->theirs.nr_models; i++)
		their_model_set_hash(&f->theirs.models[i]);
	assert_true(compare_all(&f->theirs, &f->found));
	return compare_verdict(&f->theirs, &f->found, &tables, mode);
}

static struct their_model *theirs_of(struct fixture *f, const char *name)
{
	struct their_model *m = their_model_find(&f->theirs, name);
	assert_non_null(m);
	return m;
}

static void verdict__nothing_differs__passes(void **state)
{
	struct fixture *f = *state;
	record(f);
	assert_int_equal(judge(f, ROW_MODELS, COMPARE_STRICT), 0);
}

static void verdict__feature_not_listed__fails(void **state)
{
	struct fixture *f = *state;
	feature_set_add(&theirs_of(f, "Nehalem")->has, FEATURE_ID_avx);
	record(f);
	assert_int_equal(judge(f, ROW_MODELS, COMPARE_STRICT), 1);
}

static void verdict__feature_listed__passes(void **state)
{
	struct fixture *f = *state;
	feature_set_add(&theirs_of(f, "Nehalem")->has, FEATURE_ID_avx);
	record(f);
	assert_int_equal(
		judge(f, ROW_MODELS "Nehalem\tavx\tno\tyes\t-\ta reason\n", COMPARE_STRICT), 0);
}

static void verdict__feature_listed_the_other_way__fails(void **state)
{
	struct fixture *f = *state;
	feature_set_add(&theirs_of(f, "Nehalem")->has, FEATURE_ID_avx);
	record(f);
	assert_int_equal(
		judge(f, ROW_MODELS "Nehalem\tavx\tyes\tno\t-\ta reason\n", COMPARE_STRICT), 1);
}

static void verdict__pattern_fits_a_model_that_does_not_differ__fails(void **state)
{
	struct fixture *f = *state;
	feature_set_add(&theirs_of(f, "Nehalem")->has, FEATURE_ID_xsavec);
	record(f);
	assert_int_equal(
		judge(f, ROW_MODELS "*\txsavec\tno\tyes\t-\ta reason\n", COMPARE_STRICT), 1);
}

static void verdict__pattern_without_that_model__passes(void **state)
{
	struct fixture *f = *state;
	feature_set_add(&theirs_of(f, "Nehalem")->has, FEATURE_ID_xsavec);
	record(f);
	assert_int_equal(
		judge(f, ROW_MODELS "*,!EP*\txsavec\tno\tyes\t-\ta reason\n", COMPARE_STRICT), 0);
}

static void verdict__listed_but_not_so__fails(void **state)
{
	struct fixture *f = *state;
	record(f);
	assert_int_equal(
		judge(f, ROW_MODELS "EPYC\tavx\tyes\tno\t-\ta reason\n", COMPARE_STRICT), 1);
}

static void verdict__row_of_a_model_that_is_not_there__fails(void **state)
{
	struct fixture *f = *state;
	record(f);
	assert_int_equal(
		judge(f, ROW_MODELS "Epic\tavx\tyes\tno\t-\ta reason\n", COMPARE_STRICT), 1);
}

static void verdict__two_rows_for_one_difference__fails(void **state)
{
	struct fixture *f = *state;
	feature_set_remove(&theirs_of(f, "EPYC")->has, FEATURE_ID_avx);
	record(f);
	assert_int_equal(judge(f,
				 ROW_MODELS "EPYC\tavx\tyes\tno\t-\ta reason\n"
					    "EP*\tavx\tyes\tno\t-\tanother\n",
				 COMPARE_STRICT),
		1);
}

static void verdict__row_of_another_version__does_not_count(void **state)
{
	struct fixture *f = *state;
	record(f);
	assert_int_equal(judge(f,
				 ROW_MODELS "EPYC\tavx\tyes\tno\t1.4\tof the past\n"
					    "EPYC\tavx\tyes\tno\t1\tall of 1\n",
				 COMPARE_STRICT),
		1);
	differences_done(&f->found);
	assert_int_equal(
		judge(f, ROW_MODELS "EPYC\tavx\tyes\tno\t1.4\tof the past\n", COMPARE_STRICT), 0);
}

static void verdict__bad_tables__fail(void **state)
{
	static const char *const rows[] = {
		"EPYC\tavx\tyes\tno\t-\t\n",
		"EPYC\tavx\tyes\tno\t-\t?\n",
		"EPYC\tavx\tyes\tno\n",
		"EPYC\tavx\tyes\tno\t-\ta reason\tmore\n",
		"EPYC\tavx\tyes\tno\t-\tno end of line",
		"EPYC avx yes no - spaces\n",
	};
	struct fixture *f = *state;
	feature_set_remove(&theirs_of(f, "EPYC")->has, FEATURE_ID_avx);
	record(f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[512];
		differences_done(&f->found);
		(void)snprintf(text, sizeof(text), "%s%s", ROW_MODELS, rows[i]);
		assert_int_equal(judge(f, text, COMPARE_STRICT), 1);
	}
}

static void verdict__no_tables__fails(void **state)
{
	struct fixture *f = *state;
	const struct compare_tables tables = { "/nonexistent", "/nonexistent" };
	assert_int_equal(compare_verdict(&f->theirs, &f->found, &tables, COMPARE_STRICT), 1);
}

static void verdict__identity_differs__fails(void **state)
{
	struct fixture *f = *state;
	record(f);
	theirs_of(f, "EPYC")->signatures[0].model++;
	their_model_set_hash(theirs_of(f, "EPYC"));
	record(f);
	assert_int_equal(judge(f, ROW_MODELS, COMPARE_STRICT), 1);
	differences_done(&f->found);
	theirs_of(f, "EPYC")->nr_signatures = 0;
	theirs_of(f, "EPYC")->vendor[0] = 'X';
	record(f);
	assert_int_equal(judge(f, ROW_MODELS, COMPARE_STRICT), 1);
	differences_done(&f->found);
	theirs_of(f, "EPYC")->vendor[0] = '\0';
	theirs_of(f, "EPYC")->level = 1;
	record(f);
	assert_int_equal(judge(f, ROW_MODELS, COMPARE_STRICT), 1);
	differences_done(&f->found);
	theirs_of(f, "EPYC")->level = COMPARE_UNSAID;
	record(f);
	assert_int_equal(judge(f, ROW_MODELS, COMPARE_STRICT), 0);
}

static void verdict__removed_over_there__is_to_be_listed(void **state)
{
	struct fixture *f = *state;
	feature_set_add(&theirs_of(f, "Nehalem")->removed, FEATURE_ID_mpx);
	record(f);
	assert_int_equal(judge(f, ROW_MODELS, COMPARE_STRICT), 1);
	differences_done(&f->found);
	assert_int_equal(
		judge(f, ROW_MODELS "Nehalem\tmpx\tno\tremoved\t-\ta reason\n", COMPARE_STRICT), 0);
}

static void same_version__model_is_not_as_recorded__fails(void **state)
{
	struct fixture *f = *state;
	record(f);
	theirs_of(f, "EPYC")->avx10 = 0; /* as ours; not said before */
	assert_int_equal(judge(f, ROW_MODELS, COMPARE_STRICT), 1);
}

static void same_version__new_model__fails(void **state)
{
	struct fixture *f = *state;
	record(f);
	(void)their_model_add(&f->theirs, "Brand-New");
	assert_int_equal(judge(f, ROW_MODELS, COMPARE_STRICT), 1);
}

static void newer_version__model_changed_there__is_news(void **state)
{
	struct fixture *f = *state;
	record(f);
	feature_set_add(&theirs_of(f, "Nehalem")->has, FEATURE_ID_avx);
	(void)snprintf(f->theirs.version, sizeof(f->theirs.version), "1.10.0");
	assert_int_equal(judge(f, ROW_MODELS, COMPARE_STRICT), 0);
	differences_done(&f->found);
	assert_int_equal(judge(f, ROW_MODELS, COMPARE_NEW), COMPARE_SKIP);
}

static void newer_version__model_as_before__is_strict(void **state)
{
	struct fixture *f = *state;
	feature_set_add(&theirs_of(f, "Nehalem")->has, FEATURE_ID_avx);
	record(f);
	(void)snprintf(f->theirs.version, sizeof(f->theirs.version), "1.10.0");
	assert_int_equal(judge(f, ROW_MODELS, COMPARE_STRICT), 1);
	differences_done(&f->found);
	assert_int_equal(judge(f, ROW_MODELS "Nehalem\tavx\tno\tyes\t-\tx\n", COMPARE_STRICT), 0);
	differences_done(&f->found);
	assert_int_equal(judge(f, ROW_MODELS "EPYC\tavx\tyes\tno\t-\tx\n", COMPARE_STRICT), 1);
}

static void newer_version__nothing_new__is_no_news(void **state)
{
	struct fixture *f = *state;
	record(f);
	(void)snprintf(f->theirs.version, sizeof(f->theirs.version), "2.0.0");
	assert_int_equal(judge(f, ROW_MODELS, COMPARE_NEW), 0);
}

static void newer_version__new_models_and_names__are_news(void **state)
{
	struct fixture *f = *state;
	record(f);
	(void)their_model_add(&f->theirs, "Brand-New");
	differences_add(&f->theirs.names, "-", "brand-new", "unknown", "name");
	(void)snprintf(f->theirs.version, sizeof(f->theirs.version), "2.0.0");
	assert_int_equal(judge(f, ROW_MODELS, COMPARE_STRICT), 0);
	differences_done(&f->found);
	assert_int_equal(judge(f, ROW_MODELS, COMPARE_NEW), COMPARE_SKIP);
}

static void newer_version__a_bit_is_elsewhere__fails(void **state)
{
	struct fixture *f = *state;
	record(f);
	differences_add(&f->theirs.names, "-", "avx", "CPUID 0x1 ECX bit 28", "0x1.0 ecx 0x1");
	(void)snprintf(f->theirs.version, sizeof(f->theirs.version), "2.0.0");
	assert_int_equal(judge(f, ROW_MODELS, COMPARE_STRICT), 1);
}

static void upstream_version__debian_versions__epoch_and_revision_go(void **state)
{
	static const struct {
		const char *debian, *upstream;
	} cases[] = {
		{ "11.3.0-2~bpo12+1\n", "11.3.0" },
		{ "1:10.0.2+ds-2+deb13u1~bpo12+1", "10.0.2" },
		{ "9.0.0-4", "9.0.0" },
		{ "", "" },
		{ "x", "" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char version[40];
		compare_upstream_version(cases[i].debian, version, sizeof(version));
		assert_string_equal(version, cases[i].upstream);
	}
}

/* A map of one feature, as libvirt writes them, and a file of models. */
static bool read_map(struct fixture *f, const char *features, const char *models)
{
	char path[3][128];
	write_file(f->dir, "index.xml",
		"<cpus><arch name='arm'><include filename='none.xml'/></arch>"
		"<arch name='x86'><include filename='f.xml'/><include filename='m.xml'/>"
		"</arch></cpus>",
		path[0]);
	write_file(f->dir, "f.xml", features, path[1]);
	write_file(f->dir, "m.xml", models, path[2]);
	their_data_done(&f->theirs);
	bool ok = libvirt_map_read(f->dir, &f->theirs);
	for (size_t i = 0; i < ARRAY_SIZE(path); i++)
		(void)unlink(path[i]);
	return ok;
}

#define MAP_FEATURES                                                                               \
	"<cpus><vendor name='Intel' string='GenuineIntel'/>"                                       \
	"<feature name='avx'><cpuid eax_in='0x01' ecx='0x10000000'/></feature>"                    \
	"<feature name='vmx-ept'><msr index='0x48b' eax='0x2' edx='0'/></feature></cpus>"

static void map__as_libvirt_writes_it__is_read(void **state)
{
	struct fixture *f = *state;
	assert_true(read_map(f, MAP_FEATURES,
		"<cpus><model name='a'><signature family='6' model='85' stepping='0-4'/>"
		"<signature family='6' model='86'/><vendor name='Intel'/><feature name='avx'/>"
		"<feature name='mpx' removed='yes'/><feature name='vmx-ept' added='yes'/></model>"
		"<model name='b'><model name='a'/><signature family='6' model='1' stepping='3'/>"
		"</model></cpus>"));
	const struct their_model *a = theirs_of(f, "a"), *b = theirs_of(f, "b");
	assert_int_equal(f->theirs.names.n, 0);
	assert_int_equal(f->theirs.nr_models, 2);
	assert_string_equal(a->vendor, "GenuineIntel");
	assert_int_equal(a->nr_signatures, 2);
	assert_int_equal(a->signatures[0].stepping_high, 4);
	assert_int_equal(a->signatures[1].stepping_high, 15);
	assert_true(feature_set_has(&a->has, FEATURE_ID_vmx_ept));
	assert_true(feature_set_has(&a->removed, FEATURE_ID_mpx));
	assert_false(feature_set_has(&a->has, FEATURE_ID_mpx));
	assert_memory_equal(&a->has, &b->has, sizeof(a->has));
	assert_int_equal(b->nr_signatures, 1);
	assert_int_equal(b->signatures[0].stepping_low, 3);
	assert_true(feature_set_has(&f->theirs.known, FEATURE_ID_avx));
}

static void map__a_bit_is_elsewhere__is_a_difference(void **state)
{
	struct fixture *f = *state;
	assert_true(read_map(f,
		"<cpus><feature name='avx'><cpuid eax_in='0x01' ecx='0x20000000'/></feature>"
		"<feature name='rsba'><msr index='0x10a' eax='0x4' edx='0x1'/></feature>"
		"<feature name='newest'><cpuid eax_in='0x01' ecx='0x2'/></feature></cpus>",
		"<cpus><model name='a'><feature name='newest'/></model></cpus>"));
	assert_int_equal(f->theirs.names.n, 3);
	assert_string_equal(f->theirs.names.items[0].theirs, "0x1.0 ecx 0x20000000");
	assert_string_equal(f->theirs.names.items[1].what, "rsba");
	assert_string_equal(f->theirs.names.items[2].theirs, "name");
}

static void map__not_as_libvirt_writes_it__is_refused(void **state)
{
	static const char *const models[] = {
		"<cpus><model name='a'>",
		"",
		"<cpus/>",
		"<cpus><model name='a'><model name='b'/></model></cpus>",
		"<cpus><model name='a'><vendor name='Nobody'/></model></cpus>",
		"<cpus><model name='a'><signature family='x' model='1'/></model></cpus>",
		"<model name='a'><signature family='6' model='1' stepping='1-'/></model>",
		"<cpus><include filename='../m.xml'/><model name='a'/></cpus>",
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(models); i++)
		assert_false(read_map(f, MAP_FEATURES, models[i]));
	assert_false(libvirt_map_read("/nonexistent", &f->theirs));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(verdict__nothing_differs__passes),
		TEST(verdict__feature_not_listed__fails),
		TEST(verdict__feature_listed__passes),
		TEST(verdict__feature_listed_the_other_way__fails),
		TEST(verdict__pattern_fits_a_model_that_does_not_differ__fails),
		TEST(verdict__pattern_without_that_model__passes),
		TEST(verdict__listed_but_not_so__fails),
		TEST(verdict__row_of_a_model_that_is_not_there__fails),
		TEST(verdict__two_rows_for_one_difference__fails),
		TEST(verdict__row_of_another_version__does_not_count),
		TEST(verdict__bad_tables__fail),
		TEST(verdict__no_tables__fails),
		TEST(verdict__identity_differs__fails),
		TEST(verdict__removed_over_there__is_to_be_listed),
		TEST(same_version__model_is_not_as_recorded__fails),
		TEST(same_version__new_model__fails),
		TEST(newer_version__model_changed_there__is_news),
		TEST(newer_version__model_as_before__is_strict),
		TEST(newer_version__nothing_new__is_no_news),
		TEST(newer_version__new_models_and_names__are_news),
		TEST(newer_version__a_bit_is_elsewhere__fails),
		TEST(upstream_version__debian_versions__epoch_and_revision_go),
		TEST(map__as_libvirt_writes_it__is_read),
		TEST(map__a_bit_is_elsewhere__is_a_difference),
		TEST(map__not_as_libvirt_writes_it__is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
