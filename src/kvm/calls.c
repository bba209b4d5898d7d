/* SPDX-License-Identifier: MIT */
#include "kvm/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int real_open(void *ctx, const char *path)
{
	(void)ctx;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int real_ioctl(void *ctx, int fd, unsigned long request, const char *name, void *arg)
{
	(void)ctx;
	(void)name;
	int rc = ioctl(fd, request, arg);
	return rc < 0 ? -errno : rc;
}

static void *real_map(void *ctx, int fd, size_t size, int *ret_code)
{
	(void)ctx;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		*ret_code = -errno;
		return NULL;
	}
	return p;
}

static void real_unmap(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)munmap(p, size);
}

static void real_close(void *ctx, int fd)
{
	(void)ctx;
	(void)close(fd);
}

#ifndef ARCH_REQ_XCOMP_GUEST_PERM
#define ARCH_REQ_XCOMP_GUEST_PERM 0x1025 /* asm/prctl.h since Linux 5.17 */
#endif

static void real_permit_component(void *ctx, unsigned component)
{
	(void)ctx;
	(void)syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_GUEST_PERM, component);
}

const struct kvm_calls kvm_calls_real = {
	.open = real_open,
	.ioctl = real_ioctl,
	.map = real_map,
	.unmap = real_unmap,
	.permit_component = real_permit_component,
	.close = real_close,
	.ctx = NULL,
};
