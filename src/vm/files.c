/* SPDX-License-Identifier: MIT */
#include "vm/files.h"

#include "base/fd.h"
#include "base/input_file.h"

static int open_modules(struct guest_files *files, const struct vm_config *config, struct err *e)
{
	for (size_t i = 0; i < config->boot.nr_modules; i++) {
		int rc = input_fd_open(config->boot.modules[i].path, &files->modules[i], e);
		if (rc < 0)
			return err_wrap(e, rc, "boot.modules[%zu].path", i);
	}
	return 0;
}

int guest_files_open(struct guest_files *ret_files, const struct vm_config *config, struct err *e)
{
	struct guest_files *files = ret_files;
	files->kernel = files->initrd = -1;
	for (size_t i = 0; i < ARRAY_SIZE(files->modules); i++)
		files->modules[i] = -1;
	int rc = input_fd_open(config->boot.kernel, &files->kernel, e);
	if (rc < 0)
		return err_wrap(e, rc, "boot.kernel");
	if (config->boot.initrd)
		rc = input_fd_open(config->boot.initrd, &files->initrd, e);
	if (rc < 0)
		return err_wrap(e, rc, "boot.initrd");
	return open_modules(files, config, e);
}

void guest_files_close(struct guest_files *files)
{
	files->kernel = fd_close(files->kernel);
	files->initrd = fd_close(files->initrd);
	for (size_t i = 0; i < ARRAY_SIZE(files->modules); i++)
		files->modules[i] = fd_close(files->modules[i]);
}
