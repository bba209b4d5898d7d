/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "kvm/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <unistd.h>

static void kvm_calls_real__open__close_on_exec_or_errno(void **state)
{
	(void)state;
	const struct kvm_calls *c = &kvm_calls_real;
	assert_int_equal(c->open(c->ctx, "/nonexistent/kvm"), -ENOENT);
	int fd = c->open(c->ctx, "/dev/null");
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	c->close(c->ctx, fd);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void kvm_calls_real__ioctl__errno_is_negative(void **state)
{
	(void)state;
	const struct kvm_calls *c = &kvm_calls_real;
	assert_int_equal(c->ioctl(c->ctx, -1, KVM_GET_API_VERSION, "x", NULL), -EBADF);
}

static void kvm_calls_real__map__null_and_errno_or_memory(void **state)
{
	(void)state;
	const struct kvm_calls *c = &kvm_calls_real;
	int code = 0;
	assert_null(c->map(c->ctx, -1, 4096, &code));
	assert_int_equal(code, -EBADF);
	int fd = c->open(c->ctx, "/dev/zero");
	char *p = c->map(c->ctx, fd, 4096, &code);
	assert_non_null(p);
	p[0] = 1;
	c->unmap(c->ctx, p, 4096);
	c->close(c->ctx, fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kvm_calls_real__open__close_on_exec_or_errno),
		cmocka_unit_test(kvm_calls_real__ioctl__errno_is_negative),
		cmocka_unit_test(kvm_calls_real__map__null_and_errno_or_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
