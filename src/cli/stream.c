/* SPDX-License-Identifier: MIT */
#include "cli/stream.h"

#include <errno.h>

int stream_flush(FILE *file)
{
	if (fflush(file) != 0)
		return -errno;
	if (!ferror(file))
		return 0;
	clearerr(file);
	return putc('\n', file) == EOF || fflush(file) != 0 ? -errno : -EIO;
}
