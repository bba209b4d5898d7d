/* SPDX-License-Identifier: MIT */
/* The guest's files without a machine: what will be refused when they are loaded, wherever that is.
 */
#include "vm/internal.h"

#include "base/input_file.h"
#include "boot/boot.h"

#include <errno.h>
#include <stdio.h>

struct check {
	const struct config *config;
	struct findings *found;
};

/* What opening or reading a file said. */
static int add(const struct check *c, const char *key, int rc, const struct err *why)
{
	const struct fault what = { "file", key, config_given(c->config, key), why->hint };
	if (rc < 0 && rc != -ENOMEM)
		findings_add(c->found, FINDING_ERROR, &what, why->msg);
	return rc == -ENOMEM ? rc : 0;
}

static int check_kernel(const struct check *c, const struct vm_config *vm)
{
	static const char key[] = "boot.kernel";
	struct input_file in = { 0 };
	struct err why = ERR_INIT;
	if (!vm->boot.kernel || findings_has_key(c->found, key))
		return 0;
	int rc = input_file_open(&in, vm->boot.kernel, BOOT_MAX_FILE_BYTES, &why);
	if (rc == 0)
		rc = boot_check_head(
			&(struct boot_file){ vm->boot.kernel, in.data, in.read }, &why);
	if (rc == 0)
		rc = input_file_rest(&in, &why);
	if (rc == 0) {
		static const uint8_t some_tree[1];
		struct boot_request req = {
			.kernel = { vm->boot.kernel, in.data, in.size },
			.nr_modules = (unsigned)vm->boot.nr_modules,
			.decompress_required = vm->boot.decompress == DECOMPRESS_HOST,
			.device_tree = vm->boot.device_tree ? some_tree : NULL,
		};
		load_choose_protocol(vm, &req);
		rc = boot_check(&req, &why);
	}
	input_file_close(&in);
	return add(c, key, rc, &why);
}

/* Of an initrd or a module; path NULL: there is none, or the config is at fault already. */
static int check_content(const struct check *c, const char *key, const char *path)
{
	struct input_file in = { 0 };
	struct err why = ERR_INIT;
	if (!path || findings_has_key(c->found, key))
		return 0;
	int rc = input_file_open(&in, path, UINT64_MAX, &why);
	if (rc == 0 && in.size == 0)
		rc = err_set_config(&why, -EINVAL, "%s: the file is empty", path);
	input_file_close(&in);
	return add(c, key, rc, &why);
}

int machine_check_files(const struct config *config, struct findings *found, struct err *e)
{
	const struct vm_config *vm = config_view(config);
	const struct check c = { config, found };
	int rc = check_kernel(&c, vm);
	if (rc == 0)
		rc = check_content(&c, "boot.initrd", vm->boot.initrd);
	for (size_t i = 0; rc == 0 && i < vm->boot.nr_modules; i++) {
		char key[40];
		(void)snprintf(key, sizeof(key), "boot.modules[%zu].path", i);
		rc = check_content(&c, key, vm->boot.modules[i].path);
	}
	return rc || found->out_of_memory ? err_set(e, -ENOMEM, "out of memory") : 0;
}
