/* SPDX-License-Identifier: MIT */
/* What holds for every profile, every host from Nehalem to today's, and whatever is asked by name.
 */
#include "fake/cmocka.h"
#include "fake/hosts.h"
#include "fake/hosts_everything.h"
#include "nested.h"

#include "cpuid/engine.h"
#include "formats/hostfile.h"
#include "nesting/nesting.h"
#include "nesting/profile.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 4000

static enum cpuid_vendor vendor_of(const struct nested *n)
{
	return cpuid_has_vmx(&n->host.supported) ? CPUID_VENDOR_INTEL : CPUID_VENDOR_AMD;
}

/* Of a plan that was made: rows are as the profile says, as far as the host goes. */
static void check_profile(const struct nested *n, const struct nesting_profile *p)
{
	struct feature_set can;
	cpu_features_of_host(&n->host, false, &can);
	for (size_t i = 0; i < p->nr_rows; i++) {
		const struct nesting_profile_row *row = &p->rows[i];
		if (row->vendor != CPUID_VENDOR_OTHER && row->vendor != vendor_of(n))
			continue;
		bool has = feature_set_has(&n->plan.cpu.features, row->feature);
		if (row->level == NESTING_HIDDEN && has)
			fail_msg("profile %s: %s is hidden, and there", p->name,
				feature_by_id(row->feature)->name);
		/* What the host has and the guest has not went with a requirement. */
		if (row->level == NESTING_HIDDEN || has || !feature_set_has(&can, row->feature))
			continue;
		struct feature_set with = n->plan.cpu.features;
		feature_set_add(&with, row->feature);
		feature_set_close(&with, NULL, NULL);
		if (feature_set_has(&with, row->feature))
			fail_msg("profile %s: %s is on the host, and not there", p->name,
				feature_by_id(row->feature)->name);
	}
}

/* A plan that was refused: by the host, for features that it truly lacks. */
static void check_refusal(const struct nested *n)
{
	struct feature_set can;
	unsigned missing = 0;
	cpu_features_of_host(&n->host, false, &can);
	assert_int_equal(n->e.kind, ERR_HOST);
	for (unsigned i = 0; i < n->plan.cpu.nr_notes; i++) {
		const struct cpu_note *note = &n->plan.cpu.notes[i];
		if (note->kind != CPU_NOTE_MISSING)
			continue;
		missing++;
		assert_true(note->has_feature);
		if (feature_set_has(&can, note->feature))
			fail_msg("%s is missing, and on the host",
				feature_by_id(note->feature)->name);
	}
	assert_true(missing > 0);
}

static void check_profiles(struct nested *n, const char *model)
{
	size_t count = 0;
	const struct nesting_profile *profiles = nesting_profiles(&count);
	n->policy.model = (struct policy_text){ model, NULL };
	for (size_t i = 0; i < count; i++) {
		n->config.nesting.profile = (enum config_nesting_profile)i;
		n->config.nesting.require = false;
		n->policy.on_missing = CPU_MISSING_DROP;
		if (nested_plan(n))
			fail_msg("%s, profile %s: %s", model ? model : "host", profiles[i].name,
				n->e.msg);
		nested_check_laws(n);
		check_profile(n, &profiles[i]);
		unsigned missing = n->plan.cpu.nr_missing;
		n->policy.on_missing = CPU_MISSING_ERROR;
		int rc = nested_plan(n);
		assert_int_equal(rc != 0, missing > 0);
		if (rc)
			check_refusal(n);
		n->config.nesting.require = true;
		n->policy.on_missing = CPU_MISSING_DROP;
		rc = nested_plan(n);
		if (rc == 0) {
			nested_check_laws(n);
			continue;
		}
		assert_int_equal(n->e.kind, ERR_HOST);
		assert_contains(n->e.msg, "nesting.require = true");
		assert_contains(n->e.msg, "this host lacks");
	}
}

static void plan_machine__every_profile_on_every_models_host__runs_or_names_what_is_lacking(
	void **state)
{
	(void)state;
	struct nested *n = nested_create(CPUID_VENDOR_INTEL);
	unsigned hosts = 0;
	const struct cpu_model *m;
	for (size_t i = 0; (m = cpu_model_at(i)) != NULL; i++) {
		if (!nested_host_of_model(n, m))
			continue;
		hosts++;
		check_profiles(n, NULL);
		check_profiles(n, m->name);
	}
	assert_true(hosts > 50);
	nested_destroy(n);
}

static void plan_machine__every_profile_on_a_host_with_everything__is_met(void **state)
{
	(void)state;
	static const enum cpuid_vendor vendors[] = { CPUID_VENDOR_INTEL, CPUID_VENDOR_AMD };
	for (size_t v = 0; v < ARRAY_SIZE(vendors); v++) {
		struct nested *n = nested_create(vendors[v]);
		size_t count = 0;
		const struct nesting_profile *profiles = nesting_profiles(&count);
		n->config.nesting.require = true;
		n->policy.on_missing = CPU_MISSING_ERROR;
		for (size_t i = 0; i < count; i++) {
			n->config.nesting.profile = (enum config_nesting_profile)i;
			if (nested_plan(n))
				fail_msg("profile %s: %s", profiles[i].name, n->e.msg);
			nested_check_laws(n);
			check_profile(n, &profiles[i]);
		}
		nested_destroy(n);
	}
}

/* Of the hosts in a folder, how many offer extensions; check gets a VM on each. */
static unsigned each_saved_host(
	const char *folder, void (*check)(struct nested *n, const char *host))
{
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/tests/%s", NESTOR_SOURCE_DIR, folder);
	DIR *dir = opendir(path);
	struct hostfile *file = calloc(1, sizeof(*file));
	unsigned hosts = 0;
	assert_non_null(dir);
	assert_non_null(file);
	for (const struct dirent *d; (d = readdir(dir));) {
		struct err e = ERR_INIT;
		const char *dot = strrchr(d->d_name, '.');
		if (!dot || strcmp(dot, ".json") != 0)
			continue;
		(void)snprintf(
			path, sizeof(path), "%s/tests/%s/%s", NESTOR_SOURCE_DIR, folder, d->d_name);
		if (hostfile_read(path, file, &e))
			fail_msg("%s", e.msg);
		if (!nesting_support(&file->facts).supported)
			continue;
		struct nested *n = nested_create(CPUID_VENDOR_INTEL);
		n->host = file->facts;
		check(n, d->d_name);
		nested_destroy(n);
		hosts++;
	}
	free(file);
	(void)closedir(dir);
	return hosts;
}

static void check_all_profiles(struct nested *n, const char *host)
{
	(void)host;
	check_profiles(n, NULL);
}

static void plan_machine__every_profile_on_saved_hosts__runs_or_names_what_is_lacking(void **state)
{
	(void)state;
	assert_true(each_saved_host("hosts", check_all_profiles) > 0);
	assert_true(each_saved_host("nested-hosts", check_all_profiles) >= 20);
}

/* All that KVM, Xen and Hyper-V require, KVM offers on processors since 2008. */
static void check_met(struct nested *n, const char *host)
{
	static const enum config_nesting_profile profiles[] = { CONFIG_PROFILE_FULL,
		CONFIG_PROFILE_KVM, CONFIG_PROFILE_XEN, CONFIG_PROFILE_HYPERV,
		CONFIG_PROFILE_MINIMAL };
	n->config.nesting.require = true;
	n->policy.on_missing = CPU_MISSING_ERROR;
	for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
		n->config.nesting.profile = profiles[i];
		if (nested_plan(n))
			fail_msg("%s, profile %d: %s", host, (int)profiles[i], n->e.msg);
		nested_check_laws(n);
	}
}

static void plan_machine__required_profiles_from_nehalem_to_today__are_met(void **state)
{
	(void)state;
	assert_true(each_saved_host("nested-hosts", check_met) >= 20);
}

/* KVM offers it since Linux 6.8, or on processors whose model has it. */
static void check_vmware(struct nested *n, const char *host)
{
	struct feature_set can;
	cpu_features_of_host(&n->host, false, &can);
	bool met =
		cpuid_has_vmx(&n->host.supported) || feature_set_has(&can, FEATURE_ID_flushbyasid);
	n->config.nesting.require = true;
	n->config.nesting.profile = CONFIG_PROFILE_VMWARE;
	int rc = nested_plan(n);
	if ((rc == 0) != met)
		fail_msg("%s: %s", host, n->e.msg);
	if (rc)
		assert_contains(n->e.msg, "flushbyasid, which this host lacks");
}

static void plan_machine__profile_vmware_on_amd__needs_flushbyasid(void **state)
{
	(void)state;
	assert_true(each_saved_host("nested-hosts", check_vmware) >= 20);
}

/* Everything that needs id, at whatever distance. */
static void dependants_of(feature_id id, struct feature_set *ret_set)
{
	size_t count = 0;
	const struct feature_requirement *rows = feature_requirements(&count);
	*ret_set = (struct feature_set){ { 0 } };
	feature_set_add(ret_set, id);
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < count; i++) {
			if (feature_set_has(ret_set, rows[i].required) &&
				!feature_set_has(ret_set, rows[i].feature)) {
				feature_set_add(ret_set, rows[i].feature);
				more = true;
			}
		}
	}
}

static void plan_machine__each_feature_removed_by_name__is_gone_with_its_dependants(void **state)
{
	(void)state;
	static const enum cpuid_vendor vendors[] = { CPUID_VENDOR_INTEL, CPUID_VENDOR_AMD };
	unsigned removed = 0;
	for (size_t v = 0; v < ARRAY_SIZE(vendors); v++) {
		struct nested *n = nested_create(vendors[v]);
		struct feature_set gone;
		assert_int_equal(nested_plan(n), 0);
		const struct feature_set all = n->plan.cpu.features;
		for (size_t i = 0; i < FEATURE_COUNT; i++) {
			const struct feature *f = feature_at(i);
			if (!nesting_extensions_of(f->id) || !feature_set_has(&all, f->id) ||
				f->id == FEATURE_ID_vmx || f->id == FEATURE_ID_svm)
				continue;
			n->config.nesting.features.n = 0;
			nested_ask(n, false, f->name);
			if (nested_plan(n))
				fail_msg("-%s: %s", f->name, n->e.msg);
			nested_check_laws(n);
			dependants_of(f->id, &gone);
			struct feature_set rest = all;
			feature_set_subtract(&rest, &n->plan.cpu.features);
			/* These, and no others. */
			feature_set_and(&gone, &all);
			assert_memory_equal(&rest, &gone, sizeof(rest));
			for (feature_id id = feature_set_next(&gone, 0); id < FEATURE_NR_WORDS * 32;
				id = feature_set_next(&gone, (feature_id)(id + 1)))
				assert_false(nested_shows(n, id));
			removed++;
		}
		nested_destroy(n);
	}
	assert_true(removed > 120);
}

/* One that belongs to the extensions, but not the extensions themselves. */
static const struct feature *random_feature(uint32_t *seed)
{
	for (;;) {
		const struct feature *f = feature_at(host_random_next(seed) % FEATURE_COUNT);
		if (nesting_extensions_of(f->id) && f->id != FEATURE_ID_vmx &&
			f->id != FEATURE_ID_svm)
			return f;
	}
}

static void random_names(struct nested *n, uint32_t *seed)
{
	struct feature_set named = { { 0 } };
	n->config.nesting.features.n = 0;
	for (unsigned count = host_random_next(seed) % 12; count > 0; count--) {
		const struct feature *f = random_feature(seed);
		bool on = host_random_next(seed) % 3 == 0;
		if (feature_set_has(&named, f->id))
			continue;
		feature_set_add(&named, f->id);
		nested_ask(n, on, f->name);
	}
}

static void plan_machine__random_policies_and_hosts__keep_the_laws(void **state)
{
	(void)state;
	uint32_t seed = 0x4e455354;
	unsigned planned = 0, refused = 0;
	uint32_t nr_models = 0;
	struct host_facts *all = calloc(1, sizeof(*all));
	struct nested *n = nested_create(CPUID_VENDOR_INTEL);
	assert_non_null(all);
	while (cpu_model_at(nr_models))
		nr_models++;
	for (unsigned i = 0; i < ROUNDS; i++) {
		nested_host_everything(i % 2 ? CPUID_VENDOR_AMD : CPUID_VENDOR_INTEL, all);
		host_random_subset(all, host_random_next(&seed), &n->host);
		if (!nesting_support(&n->host).supported)
			continue;
		n->config.nesting.profile = (enum config_nesting_profile)(
			host_random_next(&seed) % (CONFIG_PROFILE_MINIMAL + 1));
		n->config.nesting.require = host_random_next(&seed) % 8 == 0;
		n->policy.on_missing =
			host_random_next(&seed) % 4 == 0 ? CPU_MISSING_ERROR : CPU_MISSING_DROP;
		const struct cpu_model *m = cpu_model_at(host_random_next(&seed) % nr_models);
		bool named = host_random_next(&seed) % 2 == 0;
		n->policy.model = (struct policy_text){ named ? m->name : NULL, NULL };
		n->policy.max_depth = (struct policy_number){ host_random_next(&seed) % 2,
			1 + host_random_next(&seed) % 3, "vm.toml:5:13" };
		n->host.nesting_limited = host_random_next(&seed) % 2;
		n->host.nesting_depth = 1 + host_random_next(&seed) % 3;
		random_names(n, &seed);
		int rc = nested_plan(n);
		if (rc) {
			if (n->e.kind == ERR_BUG)
				fail_msg("%s", n->e.msg);
			assert_true(n->e.msg[0] != '\0');
			refused++;
			continue;
		}
		planned++;
		nested_check_laws(n);
		for (size_t k = 0; k < n->config.nesting.features.n; k++) {
			const char *text = n->texts[k].text;
			if (text[0] == '-')
				assert_false(nested_shows(n, feature_find(text + 1)->id));
		}
	}
	assert_true(planned > ROUNDS / 8 && refused > ROUNDS / 20);
	nested_destroy(n);
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			plan_machine__every_profile_on_every_models_host__runs_or_names_what_is_lacking),
		cmocka_unit_test(plan_machine__every_profile_on_a_host_with_everything__is_met),
		cmocka_unit_test(
			plan_machine__every_profile_on_saved_hosts__runs_or_names_what_is_lacking),
		cmocka_unit_test(plan_machine__required_profiles_from_nehalem_to_today__are_met),
		cmocka_unit_test(plan_machine__profile_vmware_on_amd__needs_flushbyasid),
		cmocka_unit_test(
			plan_machine__each_feature_removed_by_name__is_gone_with_its_dependants),
		cmocka_unit_test(plan_machine__random_policies_and_hosts__keep_the_laws),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
