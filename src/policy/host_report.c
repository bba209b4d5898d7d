/* SPDX-License-Identifier: MIT */
#include "policy/host_report.h"

#include "setup/setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first word of a small file; "" where it cannot be read. */
static void read_word(const char *path, char *ret_word, size_t size)
{
	ret_word[0] = '\0';
	FILE *f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(ret_word, (int)size, f))
		ret_word[strcspn(ret_word, " \n")] = '\0';
	(void)fclose(f);
}

static void find_module(struct host_report *r)
{
	static const char *const modules[] = { "kvm_intel", "kvm_amd" };
	(void)snprintf(r->module, sizeof(r->module), "unknown");
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		char path[96], word[sizeof(r->module_nested)];
		(void)snprintf(path, sizeof(path), "/sys/module/%s/parameters/nested", modules[i]);
		read_word(path, word, sizeof(word));
		if (!word[0])
			continue;
		(void)snprintf(r->module, sizeof(r->module), "%s", modules[i]);
		(void)snprintf(r->module_nested, sizeof(r->module_nested), "%s",
			word[0] == '1' || word[0] == 'Y' ? "on" : "off");
	}
}

static int ask(struct host_report *r, struct err *e)
{
	struct kvm *kvm = NULL;
	int rc = kvm_open(&kvm, &kvm_calls_real, KVM_DEVICE_PATH, e);
	if (rc == 0)
		rc = kvm_host_facts(kvm, &r->facts, e);
	if (rc) {
		kvm_close(kvm);
		return rc;
	}
	r->kept_error = (struct err)ERR_INIT;
	if (setup_host_kept(kvm, &r->facts, &r->kept_error) == 0)
		cpu_kept_of_host(&r->facts, &r->kept);
	r->api_version = kvm_api_version(kvm);
	r->caps = kvm_capabilities(&r->nr_caps);
	for (size_t i = 0; i < r->nr_caps && i < ARRAY_SIZE(r->cap_values); i++)
		r->cap_values[i] = kvm_check_extension(kvm, r->caps[i].number);
	kvm_close(kvm);
	r->nesting = nesting_support(&r->facts);
	find_module(r);
	if (uname(&r->kernel) < 0)
		return err_set_errno(e, -errno, "uname");
	return 0;
}

int host_report_create(struct host_report **ret_report, struct err *e)
{
	struct host_report *r = calloc(1, sizeof(*r));
	int rc = r ? ask(r, e) : err_set(e, -ENOMEM, "out of memory");
	if (rc)
		free(r);
	else
		*ret_report = r;
	return rc;
}
