/* SPDX-License-Identifier: MIT */
/*
 * Runs a program so that SIGINT and SIGQUIT reach it. A shell without job control starts what is to
 * run in the background with both ignored, which nestor leaves as it is; a case that interrupts a
 * VM means one that somebody has in the foreground. For the same reason it is a process group of
 * its own, which SIGTSTP can stop as there is a shell to continue it.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGQUIT, SIG_DFL);
	(void)setpgid(0, 0);
	(void)execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
