/* SPDX-License-Identifier: MIT */
#include "vm/outputs.h"

#include "base/fd.h"
#include "config/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that is in use already, and what for. */
struct used {
	dev_t dev;
	ino_t ino;
	char what[64];
};

struct opening {
	const struct output_options *options;
	struct machine_io *io;
	struct used *used; /* owned; nr_used of them */
	size_t nr_used;
	struct err *e;
};

static int add_used(struct opening *o, const struct stat *st, const char *what)
{
	struct used *more = realloc(o->used, (o->nr_used + 1) * sizeof(*more));
	if (!more)
		return err_set(o->e, -ENOMEM, "out of memory");
	o->used = more;
	o->used[o->nr_used] = (struct used){ .dev = st->st_dev, .ino = st->st_ino };
	(void)snprintf(o->used[o->nr_used++].what, sizeof(o->used->what), "%s", what);
	return 0;
}

/* What cannot be looked at cannot be destroyed either, or will be reported when it is read. */
static int add_used_path(struct opening *o, const char *path, const char *what)
{
	struct stat st;
	return path && stat(path, &st) == 0 ? add_used(o, &st, what) : 0;
}

static int add_input(void *ctx, const struct config_file *file)
{
	return file->output ? 0 : add_used_path(ctx, file->path, file->key);
}

/* Nothing is lost by two writers of a terminal, a pipe or /dev/null. */
static bool keeps_bytes(const struct stat *st)
{
	return S_ISREG(st->st_mode) || S_ISBLK(st->st_mode);
}

static int check_unused(
	struct opening *o, const char *key, const char *shown, const struct stat *st)
{
	for (size_t i = 0; keeps_bytes(st) && i < o->nr_used; i++) {
		const struct used *u = &o->used[i];
		if (u->dev != st->st_dev || u->ino != st->st_ino)
			continue;
		(void)err_set_config(o->e, -EINVAL, "%s: %s: %s is the file of %s, too",
			config_origin(o->options->config, key), key, shown, u->what);
		return err_hint(o->e, -EINVAL, "nothing was written; name another file");
	}
	return 0;
}

static int open_output(
	struct opening *o, const char *key, const char *path, bool append, int *ret_fd)
{
	char shown[256];
	struct stat st;
	(void)text_printable(shown, sizeof(shown), path, strlen(path));
	int rc = stat(path, &st) == 0 ? check_unused(o, key, shown, &st) : 0;
	if (rc)
		return rc;
	/* O_NONBLOCK: a FIFO without a reader is an error, not a wait. */
	FD_LOCAL fd =
		open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set_errno(o->e, -errno, "%s: %s: cannot write %s",
			config_origin(o->options->config, key), key, shown);
	/* Once more: the name may lead elsewhere by now. */
	rc = check_unused(o, key, shown, &st);
	if (rc == 0 && !append && S_ISREG(st.st_mode) && ftruncate(fd, 0) < 0)
		rc = err_set_errno(o->e, -errno, "%s: %s: cannot empty %s",
			config_origin(o->options->config, key), key, shown);
	if (rc == 0)
		rc = add_used(o, &st, key);
	if (rc)
		return rc;
	(void)fcntl(fd, F_SETFL, O_APPEND); /* back to blocking writes */
	*ret_fd = fd_take(&fd);
	return 0;
}

static int open_all(struct opening *o)
{
	const struct vm_config *vm = o->options->vm;
	for (size_t i = 0; i < vm->nr_serials; i++) {
		const struct config_serial *serial = &vm->serials[i];
		char key[48];
		(void)snprintf(key, sizeof(key), "serial[%zu].path", i);
		int rc = 0;
		if (serial->mode == SERIAL_STDIO)
			o->io->serial_out[i] = o->options->stdio;
		else if (serial->mode == SERIAL_FILE)
			rc = open_output(
				o, key, serial->path, serial->append, &o->io->serial_out[i]);
		if (rc)
			return rc;
	}
	if (!vm->debug_console.path)
		return 0;
	o->io->debug_console_out = -1;
	return open_output(o, "debug_console.path", vm->debug_console.path,
		vm->debug_console.append, &o->io->debug_console_out);
}

int outputs_open(struct machine_io *ret_io, const struct output_options *options, struct err *e)
{
	struct opening o = { .options = options, .io = ret_io, .e = e };
	int rc = 0;
	for (size_t i = 0; i < CONFIG_MAX_SERIALS; i++)
		ret_io->serial_out[i] = -1;
	ret_io->debug_console_out = options->debug;
	for (size_t i = 0; rc == 0 && i < options->nr_uses; i++)
		rc = add_used_path(&o, options->uses[i].path, options->uses[i].what);
	if (rc == 0)
		rc = config_each_file(options->config, add_input, &o);
	if (rc == 0)
		rc = open_all(&o);
	free(o.used);
	return rc;
}

void outputs_close(struct machine_io *io, const struct output_options *options)
{
	for (size_t i = 0; i < CONFIG_MAX_SERIALS; i++) {
		if (io->serial_out[i] != options->stdio)
			(void)fd_close(io->serial_out[i]);
		io->serial_out[i] = -1;
	}
	if (io->debug_console_out != options->debug)
		(void)fd_close(io->debug_console_out);
	io->debug_console_out = -1;
}
