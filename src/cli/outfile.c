/* SPDX-License-Identifier: MIT */
#include "cli/outfile.h"

#include "config/text.h"

#include <errno.h>
#include <string.h>

int outfile_open(struct outfile *ret_out, const char *path, struct err *e)
{
	*ret_out = (struct outfile){ .file = stdout };
	if (!path || strcmp(path, "-") == 0)
		return 0;
	char shown[256];
	ret_out->path = path;
	ret_out->file = fopen(path, "we");
	if (!ret_out->file)
		return err_set_errno(e, -errno, "cannot write %s",
			text_printable(shown, sizeof(shown), path, strlen(path)));
	return 0;
}

int outfile_close(struct outfile *out, int rc, struct err *e)
{
	FILE *file = out->file;
	const char *path = out->path;
	*out = (struct outfile){ 0 };
	if (!file)
		return rc;
	errno = 0;
	int code = fflush(file) != 0 || ferror(file) ? -(errno ? errno : EIO) : 0;
	if (path && fclose(file) != 0 && code == 0)
		code = -errno;
	if (rc || code == 0)
		return rc;
	char shown[256] = "standard output";
	if (path)
		(void)text_printable(shown, sizeof(shown), path, strlen(path));
	return err_set_errno(e, code, "cannot write %s", shown);
}
