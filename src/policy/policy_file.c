/* SPDX-License-Identifier: MIT */
#include "policy/policy_file.h"

#include "base/text_buf.h"
#include "config/faults.h"
#include "config/text.h"
#include "cpuid/baseline.h"
#include "formats/hostfile.h"
#include "plan/check.h"
#include "plan/devices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A model file; the one that it stands on has the next number. */
struct model_file {
	char *path; /* resolved, to tell two names of one file */
	struct config *config;
	const struct vm_config *vm;
	struct vm_policy *policy;
};

struct policy_file {
	struct config *config;
	const struct vm_config *vm;
	struct model_file models[CPU_MAX_MODEL_FILES];
	unsigned nr_models;
	struct cpu_baseline *cluster; /* NULL: none named */
	struct vm_policy *policy;     /* for the host asked last */
};

/* "a.toml, which names b.toml, which names a.toml" */
static int fail_cycle(
	const struct policy_file *f, const char *path, const char *origin, struct err *e)
{
	char chain[900], shown[128];
	struct text_buf names = TEXT_BUF(chain);
	for (unsigned i = 0; i <= f->nr_models; i++) {
		const char *name = i < f->nr_models ? f->models[i].path : path;
		(void)text_buf_item(&names, ", which names ", "%s",
			text_printable(shown, sizeof(shown), name, strlen(name)));
	}
	return err_fault(e, -ELOOP, &(struct fault){ "model-file", "cpu.model", origin, NULL },
		"model files go round in a circle: %s", chain);
}

static int load_model(struct policy_file *f, const char *path, const char *origin, struct err *e)
{
	char shown[256];
	(void)text_printable(shown, sizeof(shown), path, strlen(path));
	const struct fault what = { "model-file", "cpu.model", origin, NULL };
	if (f->nr_models == CPU_MAX_MODEL_FILES)
		return err_fault(e, -E2BIG, &what,
			"%s would be one model file too many; at most %d stand on one another",
			shown, CPU_MAX_MODEL_FILES);
	char *resolved = realpath(path, NULL);
	if (!resolved) {
		int code = -errno;
		struct err why = ERR_INIT;
		(void)err_set_errno(&why, code, "cannot read %s", shown);
		return err_fault(e, code, &what, "%s", why.msg);
	}
	for (unsigned i = 0; i < f->nr_models; i++) {
		if (strcmp(f->models[i].path, resolved) != 0)
			continue;
		int rc = fail_cycle(f, resolved, origin, e);
		free(resolved);
		return rc;
	}
	struct model_file *m = &f->models[f->nr_models++];
	m->path = resolved;
	m->config = config_create();
	if (!m->config)
		return err_set(e, -ENOMEM, "out of memory");
	int rc = config_load_file(m->config, path, e);
	if (rc == 0)
		rc = config_finish_model(m->config, &m->vm, e);
	return rc;
}

static bool is_path(const char *model)
{
	return model && strchr(model, '/');
}

static int load_models(struct policy_file *f, struct err *e)
{
	const struct config *config = f->config;
	const struct vm_config *vm = f->vm;
	while (is_path(vm->cpu.model)) {
		char origin[512];
		(void)snprintf(origin, sizeof(origin), "%s", config_origin(config, "cpu.model"));
		int rc = load_model(f, vm->cpu.model, origin, e);
		if (rc)
			return rc;
		config = f->models[f->nr_models - 1].config;
		vm = f->models[f->nr_models - 1].vm;
	}
	/* Those that others stand on come first. */
	const struct cpu_policy *base = NULL;
	for (unsigned i = f->nr_models; i-- > 0;) {
		struct model_file *m = &f->models[i];
		int rc = vm_policy_create(&m->policy, m->config, m->vm, base, /* cluster */ NULL,
			/* host */ NULL, e);
		if (rc)
			return rc;
		base = vm_policy_get(m->policy);
	}
	return 0;
}

static int load_cluster(struct policy_file *f, struct err *e)
{
	const struct config_texts *files = &f->vm->cpu.migration_cluster;
	if (files->n == 0)
		return 0;
	struct hostfile *host = malloc(sizeof(*host));
	f->cluster = calloc(1, sizeof(*f->cluster));
	int rc = host && f->cluster ? 0 : err_set(e, -ENOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < files->n; i++) {
		const char *path = files->items[i].text;
		char shown[256];
		(void)text_printable(shown, sizeof(shown), path, strlen(path));
		struct err why = ERR_INIT;
		rc = hostfile_read(path, host, &why);
		if (rc == 0 && host->kind == HOSTFILE_GUEST)
			rc = err_set_config(
				&why, -EINVAL, "%s is what a guest sees, not a host", shown);
		if (rc == 0) {
			rc = cpu_baseline_add(f->cluster, &host->facts, &why);
			if (rc)
				(void)err_wrap(&why, rc, "%s", shown);
		}
		const struct fault what = { "host-file", "cpu.migration_cluster",
			files->items[i].origin, why.hint };
		if (rc == -ENOMEM)
			(void)err_set(e, rc, "out of memory");
		else if (rc)
			(void)err_fault(e, rc, &what, "%s", why.msg);
		if (rc && why.hint[0])
			(void)err_hint(e, rc, "%s", why.hint);
	}
	free(host);
	return rc;
}

static int finish_config(struct policy_file *f, struct err *e)
{
	return config_finish(f->config, &f->vm, e);
}

static int finish_policy(struct policy_file *f, struct err *e)
{
	return config_finish_policy(f->config, &f->vm, e);
}

static int check_devices(const struct policy_file *f, struct err *e)
{
	struct plan_device devices[PLAN_MAX_DEVICES];
	return plan_devices_check(devices, plan_devices(f->vm, devices), f->config, e);
}

static int finish(struct policy_file *f, enum policy_file_use use, struct err *e)
{
	int rc = use == POLICY_FILE_RUN ? finish_config(f, e) : finish_policy(f, e);
	if (rc == 0 && use == POLICY_FILE_RUN)
		rc = check_devices(f, e);
	if (rc == 0)
		rc = load_models(f, e);
	return rc ? rc : load_cluster(f, e);
}

static int create(struct policy_file **ret_file, struct err *e)
{
	struct policy_file *f = calloc(1, sizeof(*f));
	if (f)
		f->config = config_create();
	if (!f || !f->config) {
		policy_file_destroy(f);
		return err_set(e, -ENOMEM, "out of memory");
	}
	*ret_file = f;
	return 0;
}

/* What was refused at one step may be wrong in more ways. */
static int fail_with_all(
	const struct config_source *source, enum policy_file_use use, int rc, struct err *e)
{
	struct findings found = { 0 };
	struct err why = ERR_INIT;
	if (e && e->kind == ERR_CONFIG && !e->findings &&
		policy_file_check(source, use, /* more */ NULL, &found, &why) == 0 && found.n > 1)
		rc = findings_result(&found, e);
	findings_done(&found);
	return rc;
}

int policy_file_load(struct policy_file **ret_file, const struct config_source *source,
	enum policy_file_use use, struct err *e)
{
	struct config_source read = *source;
	struct input_file text;
	struct policy_file *f = NULL;
	int rc = config_source_read(&read, &text, e);
	if (rc == 0)
		rc = create(&f, e);
	if (rc) {
		input_file_close(&text);
		return rc;
	}
	rc = config_load(f->config, &read, e);
	if (rc == 0)
		rc = finish(f, use, e);
	if (rc) {
		policy_file_destroy(f);
		rc = fail_with_all(&read, use, rc, e);
	} else {
		*ret_file = f;
	}
	input_file_close(&text);
	return rc;
}

int policy_file_faults(const struct policy_file *f, struct findings *found, struct err *e)
{
	/* A model file that cannot be used is a fault of its own, and no name of a model. */
	static const struct cpu_policy nothing = { .nr_features = 0 };
	const struct cpu_policy *base = is_path(f->vm->cpu.model) ? &nothing : NULL;
	if (f->nr_models && f->models[0].policy)
		base = vm_policy_get(f->models[0].policy);
	return plan_check(f->config, f->vm, base, f->cluster ? &f->cluster->facts : NULL, found, e);
}

/* Takes what later steps said; but not that a key is not given, where it was, and at fault. */
static void take(struct findings *found, struct findings *later, const struct err *why)
{
	findings_add_error(later, 0, why);
	for (size_t i = later->n; i-- > 0;) {
		const struct finding *l = &later->items[i];
		if (l->key && l->line == 0 && findings_has_key(found, l->key))
			findings_remove(later, i);
	}
	findings_merge(found, later);
	findings_done(later);
}

static int check_loaded(
	struct policy_file *f, enum policy_file_use use, struct findings *found, struct err *e)
{
	int (*const steps[])(struct policy_file * f, struct err * e) = {
		use == POLICY_FILE_RUN ? finish_config : finish_policy, load_models, load_cluster
	};
	struct findings later = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct err why = { .findings = &later };
		int rc = steps[i](f, &why);
		if (rc == -ENOMEM) {
			findings_done(&later);
			return err_set(e, rc, "out of memory");
		}
		take(found, &later, &why);
		if (!f->vm)
			f->vm = config_view(f->config);
	}
	return policy_file_faults(f, found, e);
}

static bool has_syntax_fault(const struct findings *found)
{
	for (size_t i = 0; i < found->n; i++) {
		if (strcmp(found->items[i].id, CONFIG_FAULT_SYNTAX) == 0)
			return true;
	}
	return false;
}

int policy_file_check(const struct config_source *source, enum policy_file_use use,
	int (*more)(const struct config *config, struct findings *found, struct err *e),
	struct findings *found, struct err *e)
{
	struct policy_file *f = NULL;
	struct err why = { .findings = found };
	int rc = create(&f, e);
	if (rc)
		return rc;
	rc = config_load(f->config, source, &why);
	if (rc == -ENOMEM || (rc && found->n == 0)) {
		*e = why; /* it cannot be read at all */
		e->findings = NULL;
	} else {
		bool known = !has_syntax_fault(found);
		rc = known ? check_loaded(f, use, found, e) : 0;
		if (rc == 0 && known && more)
			rc = more(f->config, found, e);
	}
	policy_file_destroy(f);
	findings_sort(found);
	return found->out_of_memory ? err_set(e, -ENOMEM, "out of memory") : rc;
}

void policy_file_destroy(struct policy_file *f)
{
	if (!f)
		return;
	vm_policy_destroy(f->policy);
	/* A model's policy borrows that of the file it stands on, which has the next number. */
	for (unsigned i = 0; i < f->nr_models; i++) {
		vm_policy_destroy(f->models[i].policy);
		config_destroy(f->models[i].config);
		free(f->models[i].path);
	}
	free(f->cluster);
	config_destroy(f->config);
	free(f);
}

const struct vm_config *policy_file_vm(const struct policy_file *f)
{
	return f->vm;
}

const struct config *policy_file_config(const struct policy_file *f)
{
	return f->config;
}

int policy_file_each_model(
	const struct policy_file *f, int (*fn)(void *ctx, const char *path), void *ctx)
{
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < f->nr_models; i++)
		rc = fn(ctx, f->models[i].path);
	return rc;
}

int policy_file_for_host(struct policy_file *f, const struct host_facts *host,
	const struct cpu_policy **ret_policy, struct err *e)
{
	if (!f->policy || f->vm->cpu.threads_of_host) {
		vm_policy_destroy(f->policy);
		f->policy = NULL;
		const struct cpu_policy *base =
			f->nr_models ? vm_policy_get(f->models[0].policy) : NULL;
		int rc = vm_policy_create(&f->policy, f->config, f->vm, base,
			f->cluster ? &f->cluster->facts : NULL, host, e);
		if (rc)
			return rc;
	}
	*ret_policy = vm_policy_get(f->policy);
	return 0;
}
