/* SPDX-License-Identifier: MIT */
#include "host/background.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	int rc = posix_spawnattr_setflags(
		attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(attributes, /* its own */ 0);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(attributes, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attributes, &all);
	return rc;
}

static int set_files(posix_spawn_file_actions_t *files)
{
	int rc = 0;
	for (int fd = 0; fd < 3 && rc == 0; fd++)
		rc = posix_spawn_file_actions_addopen(files, fd, "/dev/null", O_RDWR, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(files, 3);
	return rc;
}

int background_start(char *const argv[], pid_t *ret_child, struct err *e)
{
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_t files;
	int rc = posix_spawnattr_init(&attributes);
	if (rc)
		return err_set_errno(e, -rc, "cannot start a program");
	rc = posix_spawn_file_actions_init(&files);
	if (rc == 0) {
		rc = set_attributes(&attributes);
		if (rc == 0)
			rc = set_files(&files);
		/* As vfork(2): this process's memory is not copied, not even its page tables. */
		if (rc == 0)
			rc = posix_spawn(
				ret_child, "/proc/self/exe", &files, &attributes, argv, environ);
		(void)posix_spawn_file_actions_destroy(&files);
	}
	(void)posix_spawnattr_destroy(&attributes);
	return rc ? err_set_errno(e, -rc, "cannot start /proc/self/exe") : 0;
}

void background_become(void)
{
	static const char most[] = "1000";
	struct sched_param parameters = { .sched_priority = 0 };
	(void)sched_setscheduler(/* this process */ 0, SCHED_IDLE, &parameters);
	FD_LOCAL fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, most, sizeof(most) - 1) < 0)
		return;
}

bool background_ended(pid_t child)
{
	pid_t rc = waitpid(child, /* status */ NULL, WNOHANG);
	return rc == child || (rc < 0 && errno != EINTR);
}
