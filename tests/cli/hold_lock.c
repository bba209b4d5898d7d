/* SPDX-License-Identifier: MIT */
/*
 * Holds the lock of a file as a VM that runs does, and says so, until standard input ends:
 *	hold_lock read|write FILE
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	int write_lock = strcmp(argv[1], "write") == 0;
	struct flock lock = { .l_type = write_lock ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };
	int fd = open(argv[2], write_lock ? O_RDWR | O_CLOEXEC : O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) < 0) {
		perror("hold_lock");
		return 1;
	}
	(void)puts("held");
	(void)fflush(stdout);
	char byte;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
