/* SPDX-License-Identifier: MIT */
#include "cli/kernel_file.h"

#include "boot/boot.h"

int kernel_file_read(struct input_file *ret, const char *path, struct err *e)
{
	int rc = input_file_open(ret, path, BOOT_MAX_FILE_BYTES, e);
	if (rc == 0)
		rc = boot_check_head(&(struct boot_file){ path, ret->data, ret->read }, e);
	return rc < 0 ? rc : input_file_rest(ret, e);
}
