/* SPDX-License-Identifier: MIT */
#ifndef NESTOR_CLI_KERNEL_FILE_H
#define NESTOR_CLI_KERNEL_FILE_H

#include "base/input_file.h"

/* Reads the kernel at path, unless its first bytes say that it is none. Close it, failed or not. */
int kernel_file_read(struct input_file *ret, const char *path, struct err *e) MUST_CHECK;

#endif
