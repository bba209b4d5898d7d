/* SPDX-License-Identifier: MIT */
/* nestor nest enable and disable: change a VM's TOML file in place. */
#include "cli/nest.h"

#include "base/fd.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/vm_lock.h"
#include "config/replace.h"
#include "config/text.h"
#include "config/toml_reader.h"
#include "render/json_out.h"
#include "render/nest_changes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct enable_args {
	const char *file;
	bool yes, dry_run, json;
};

/* The file as it is: open, locked, and read. */
struct subject {
	const char *path;
	char shown[256];
	int fd;
	struct stat was;
	char *text; /* owned */
	size_t n;
};

static const struct argp_option options[] = {
	{ "yes", 'y', NULL, 0, "make the changes without asking", 0 },
	{ "dry-run", 'n', NULL, 0, "show the changes, and make none", 0 },
	{ "json", 'j', NULL, 0, "print JSON; needs --yes or --dry-run, as it asks nothing", 0 },
	{ 0 },
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct enable_args *args = state->input;
	switch (option) {
	case 'y':
		args->yes = true;
		return 0;
	case 'n':
		args->dry_run = true;
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (args->file)
			args_refuse(
				state, "one VM at a time: %s and %s were given", args->file, arg);
		args->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!args->file)
			argp_error(state, "which VM? Its TOML file is missing");
		if (args->yes && args->dry_run)
			argp_error(state, "--yes and --dry-run contradict each other");
		if (args->json && !args->yes && !args->dry_run)
			argp_error(state, "--json asks nothing: say --yes or --dry-run, too");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp enable_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "VM.toml",
	.doc = "Let a VM be a hypervisor: find what keeps it from being one, and change its file "
	       "in place, keeping comments and layout."
	       "\vIt lists each change with its reason, and asks. The exit status is 0 where the "
	       "file is as it should be, 1 where the answer was no, 101 where the VM runs, the "
	       "file is wrong, or nobody can be asked.",
};
static const struct argp disable_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "VM.toml",
	.doc = "Hide the virtualization extensions from a VM again, by changing its file in place. "
	       "All else that `nest enable` changed stays."
	       "\vThe exit status is as that of `nest enable`.",
};

static int fail_open(const struct subject *s, struct err *e, const char *what)
{
	int rc = err_set_errno(e, -errno, "%s: %s", s->shown, what);
	if (e)
		e->kind = ERR_CONFIG;
	return rc;
}

static int read_text(struct subject *s, struct err *e)
{
	s->text = malloc(TOML_MAX_BYTES + 1);
	if (!s->text)
		return err_set(e, -ENOMEM, "out of memory");
	while (s->n <= TOML_MAX_BYTES) {
		ssize_t n = read(s->fd, s->text + s->n, TOML_MAX_BYTES + 1 - s->n);
		if (n < 0 && errno != EINTR)
			return fail_open(s, e, "cannot read it");
		if (n == 0)
			return 0;
		s->n += n > 0 ? (size_t)n : 0;
	}
	return err_set_config(e, -EFBIG, "%s: larger than %zu KiB, the most for a config", s->shown,
		TOML_MAX_BYTES / 1024);
}

/* Not even root may write to it: its flags are why, and reading may tell which. */
static int fail_forbidden(const struct subject *s, struct err *e)
{
	FD_LOCAL fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int rc = fd < 0 ? 0 : file_replace_check(fd, s->path, e);
	errno = EPERM;
	return rc ? rc : fail_open(s, e, "cannot open the config");
}

/* Locked before it is read, so that what is read stays. */
static int open_subject(struct subject *s, const struct enable_args *args, struct err *e)
{
	s->path = args->file;
	(void)text_printable(s->shown, sizeof(s->shown), s->path, strlen(s->path));
	int how = args->dry_run ? O_RDONLY : O_RDWR;
	s->fd = open(s->path, how | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (s->fd < 0 && errno == EISDIR)
		return err_set_config(e, -EISDIR, "%s: not a regular file", s->shown);
	if (s->fd < 0 && errno == EPERM)
		return fail_forbidden(s, e);
	if (s->fd < 0 || fstat(s->fd, &s->was) < 0)
		return fail_open(s, e, "cannot open the config");
	if (!S_ISREG(s->was.st_mode))
		return err_set_config(e, -EINVAL, "%s: not a regular file", s->shown);
	int rc = file_replace_check(s->fd, s->path, e);
	if (rc == 0)
		rc = vm_lock_alone(s->fd, s->path, args->dry_run, e);
	/* Somebody else may have changed it while it was not locked. */
	if (rc == 0 && fstat(s->fd, &s->was) < 0)
		rc = fail_open(s, e, "cannot look at it");
	return rc ? rc : read_text(s, e);
}

/* --- what is done --- */

/* 1: yes, 0: no; where nobody can be asked, -EINVAL. */
static int ask(const struct subject *s, struct err *e)
{
	char answer[16] = "";
	if (isatty(STDIN_FILENO) != 1) {
		int rc = err_set_config(
			e, -EINVAL, "there is no terminal to ask on; nothing is changed");
		return err_hint(
			e, rc, "--yes makes the changes without asking, --dry-run only lists them");
	}
	(void)fflush(stdout);
	(void)fprintf(stderr, "\nChange %s? [y/N] ", s->shown);
	(void)fflush(stderr);
	if (!fgets(answer, sizeof(answer), stdin))
		(void)fputc('\n', stderr);
	answer[strcspn(answer, "\n")] = '\0';
	return strcmp(answer, "y") == 0 || strcmp(answer, "Y") == 0 || strcmp(answer, "yes") == 0;
}

static int write_changes(const struct subject *s, const struct nest_changes *c, struct err *e)
{
	return file_replace(&replace_calls_real, s->path, &s->was, c->text, c->n, e);
}

/* The list comes first, whoever is asked; an exit status, or -errno. */
static int decide(const struct subject *s, const struct nest_changes *c,
	const struct enable_args *args, bool enable, struct err *e)
{
	bool write = c->nr_items > 0 && !args->dry_run;
	if (!args->json)
		nest_changes_text(c, s->path, enable, stdout);
	if (write && !args->yes) {
		int answer = ask(s, e);
		if (answer < 0)
			return answer;
		if (answer == 0) {
			(void)printf("\nnothing is changed\n");
			return STATUS_NO;
		}
	}
	int rc = write ? write_changes(s, c, e) : 0;
	if (rc)
		return rc;
	if (args->json) {
		bool enabled = write ? enable : c->exposed;
		rc = json_out(
			nest_changes_json(c, s->path, enabled, write), /* pretty */ true, stdout);
		return rc ? err_set_errno(e, rc, "cannot write standard output") : STATUS_OK;
	}
	if (c->nr_items > 0)
		(void)printf(
			"\n%s %s\n", s->shown, write ? "is changed" : "is not changed: --dry-run");
	return STATUS_OK;
}

static int change(const struct argp *argp, int argc, char **argv, bool enable)
{
	struct enable_args args = { 0 };
	if (args_parse(argp, argc, argv, &args))
		return STATUS_CONFIG;
	struct subject s = { .fd = -1 };
	struct nest_changes changes = { 0 };
	struct err e = ERR_INIT;
	int rc = open_subject(&s, &args, &e);
	if (rc == 0)
		rc = enable ? nest_changes_enable(&changes, s.path, s.text, s.n, &e)
			    : nest_changes_disable(&changes, s.path, s.text, s.n, &e);
	if (rc == 0)
		rc = decide(&s, &changes, &args, enable, &e);
	/* The list is printed before the error that follows it. */
	int status = cli_flush(rc < 0 ? STATUS_OK : rc);
	if (rc < 0)
		status = cli_fail(&e);
	nest_changes_done(&changes);
	free(s.text);
	(void)fd_close(s.fd);
	return status;
}

int cmd_nest_enable(int argc, char **argv)
{
	return change(&enable_argp, argc, argv, true);
}

int cmd_nest_disable(int argc, char **argv)
{
	return change(&disable_argp, argc, argv, false);
}
