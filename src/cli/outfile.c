/* SPDX-License-Identifier: MIT */
#include "cli/outfile.h"

#include "cli/stream.h"

#include "base/fd.h"
#include "cli/vm_lock.h"
#include "config/attributes.h"
#include "config/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse_inputs(
	const char *path, const char *const *inputs, size_t nr_inputs, struct err *e)
{
	struct stat out, in;
	char shown[256];
	if (stat(path, &out) < 0)
		return 0;
	for (size_t i = 0; i < nr_inputs; i++) {
		if (inputs[i] && strcmp(inputs[i], "-") != 0 && stat(inputs[i], &in) == 0 &&
			in.st_dev == out.st_dev && in.st_ino == out.st_ino)
			return err_set_config(e, -EINVAL, "%s is the file that is read",
				text_printable(shown, sizeof(shown), path, strlen(path)));
	}
	return 0;
}

static int fail_write(const char *path, int code, struct err *e)
{
	char shown[256];
	return err_set_errno(e, code, "cannot write %s",
		text_printable(shown, sizeof(shown), path, strlen(path)));
}

/* A device, a FIFO, a terminal. */
static int write_through(const char *path, const uint8_t *data, size_t size, struct err *e)
{
	FD_LOCAL fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int rc = fd < 0 ? -errno : fd_write_all(fd, data, size);
	return rc ? fail_write(path, rc, e) : 0;
}

/* What the file that is there has beside its bytes goes to the one that takes its place. */
static int give_attributes(const char *path, const struct stat *was, int fd, struct err *e)
{
	char shown[256];
	FD_LOCAL old = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (old < 0)
		return fail_write(path, -errno, e);
	return attributes_give(&replace_calls_real, old, was, fd,
		text_printable(shown, sizeof(shown), path, strlen(path)), e);
}

/* path is resolved: no link. was: the file that is there, or NULL, and mode is a new one's. */
static int write_beside(const char *path, const struct stat *was, mode_t mode, const uint8_t *data,
	size_t size, struct err *e)
{
	char temp[PATH_MAX];
	int n = snprintf(temp, sizeof(temp), "%s.XXXXXX", path);
	if (n < 0 || (size_t)n >= sizeof(temp))
		return fail_write(path, -ENAMETOOLONG, e);
	FD_LOCAL fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return fail_write(path, -errno, e);
	int rc = was ? give_attributes(path, was, fd, e) : 0;
	bool said = rc != 0;
	if (rc == 0)
		rc = fd_write_all(fd, data, size);
	if (rc == 0 && !was && fchmod(fd, mode) < 0)
		rc = -errno;
	if (rc == 0 && rename(temp, path) < 0)
		rc = -errno;
	if (rc == 0)
		return 0;
	(void)unlink(temp);
	return said ? rc : fail_write(path, rc, e);
}

int outfile_write_whole(const char *path, const char *input, bool secret, const uint8_t *data,
	size_t size, struct err *e)
{
	struct stat st, in;
	char resolved[PATH_MAX];
	mode_t mask = umask(0);
	(void)umask(mask);
	int rc = vm_lock_check(path, e);
	if (rc)
		return rc;
	bool has_input = input && stat(input, &in) == 0;
	if (stat(path, &st) < 0) {
		/* A link that leads nowhere is there, too. */
		int code = -errno;
		if (code != -ENOENT || lstat(path, &st) == 0)
			return fail_write(path, code, e);
		/* What is made of a file that others may not read, they may not read either. */
		mode_t mode = secret ? 0600 : 0666 & ~mask;
		if (has_input && S_ISREG(in.st_mode))
			mode &= in.st_mode | S_IRUSR | S_IWUSR;
		return write_beside(path, NULL, mode, data, size, e);
	}
	rc = refuse_inputs(path, &input, 1, e);
	if (rc)
		return rc;
	if (!S_ISREG(st.st_mode))
		return write_through(path, data, size, e);
	if (!realpath(path, resolved))
		return fail_write(path, -errno, e);
	return write_beside(resolved, &st, 0, data, size, e);
}

int outfile_open(struct outfile *ret_out, const char *path, const char *const *inputs,
	size_t nr_inputs, struct err *e)
{
	*ret_out = (struct outfile){ .file = stdout };
	if (!path || strcmp(path, "-") == 0)
		return 0;
	ret_out->file = NULL;
	int rc = vm_lock_check(path, e);
	if (rc == 0)
		rc = refuse_inputs(path, inputs, nr_inputs, e);
	if (rc)
		return rc;
	ret_out->path = path;
	ret_out->file = open_memstream(&ret_out->text, &ret_out->size);
	return ret_out->file ? 0 : err_set(e, -ENOMEM, "out of memory");
}

int outfile_close(struct outfile *out, int rc, struct err *e)
{
	const char *path = out->path;
	if (!out->file)
		return rc;
	int code = path ? 0 : stream_flush(out->file);
	if (path && fclose(out->file) != 0)
		code = -errno;
	if (rc == 0 && code)
		rc = err_set_errno(
			e, code, "cannot write %s", path ? "so much" : "standard output");
	if (rc == 0 && path)
		rc = outfile_write_whole(path, /* input */ NULL, /* secret */ false,
			(const uint8_t *)out->text, out->size, e);
	free(out->text);
	*out = (struct outfile){ 0 };
	return rc;
}
