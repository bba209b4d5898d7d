/* SPDX-License-Identifier: MIT */
#include "policy/policy_file.h"

#include "base/text_buf.h"
#include "config/text.h"
#include "cpuid/baseline.h"
#include "formats/hostfile.h"

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
	return err_set_config(
		e, -ELOOP, "%s: cpu.model: model files go round in a circle: %s", origin, chain);
}

static int load_model(struct policy_file *f, const char *path, const char *origin, struct err *e)
{
	char shown[256];
	(void)text_printable(shown, sizeof(shown), path, strlen(path));
	if (f->nr_models == CPU_MAX_MODEL_FILES)
		return err_set_config(e, -E2BIG,
			"%s: cpu.model: %s would be one model file too many; at most %d stand on "
			"one "
			"another",
			origin, shown, CPU_MAX_MODEL_FILES);
	char *resolved = realpath(path, NULL);
	if (!resolved) {
		int code = -errno;
		int rc = err_set_errno(e, code, "%s: cpu.model: cannot read %s", origin, shown);
		if (e)
			e->kind = ERR_CONFIG;
		return rc;
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
		rc = hostfile_read(path, host, e);
		if (rc == 0 && host->kind == HOSTFILE_GUEST)
			rc = err_set_config(
				e, -EINVAL, "%s is what a guest sees, not a host", shown);
		if (rc == 0) {
			rc = cpu_baseline_add(f->cluster, &host->facts, e);
			if (rc)
				(void)err_wrap(e, rc, "%s", shown);
		}
		if (rc)
			(void)err_wrap(e, rc, "%s: cpu.migration_cluster", files->items[i].origin);
		if (rc && rc != -ENOMEM && e)
			e->kind = ERR_CONFIG;
	}
	free(host);
	return rc;
}

static int finish(struct policy_file *f, enum policy_file_use use, struct err *e)
{
	int rc = use == POLICY_FILE_RUN ? config_finish(f->config, &f->vm, e)
					: config_finish_policy(f->config, &f->vm, e);
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

int policy_file_load(struct policy_file **ret_file, const struct config_source *source,
	enum policy_file_use use, struct err *e)
{
	struct policy_file *f = NULL;
	int rc = create(&f, e);
	if (rc)
		return rc;
	rc = config_load(f->config, source, e);
	if (rc == 0)
		rc = finish(f, use, e);
	if (rc) {
		policy_file_destroy(f);
		return rc;
	}
	*ret_file = f;
	return 0;
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
