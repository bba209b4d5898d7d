/* SPDX-License-Identifier: MIT */
/* Steps of a guest's script (struct fake_step), in short. */
#ifndef NESTOR_TESTS_UNIT_VM_STEPS_H
#define NESTOR_TESTS_UNIT_VM_STEPS_H

#include "fake/kvm.h"

#define OUT8(port, byte)                                                                           \
	{                                                                                          \
		.kind = FAKE_OUT, .addr = (port), .size = 1, .data = (byte)                        \
	}
#define IN8(port)                                                                                  \
	{                                                                                          \
		.kind = FAKE_IN, .addr = (port), .size = 1                                         \
	}
#define WRITE(at, bytes, v)                                                                        \
	{                                                                                          \
		.kind = FAKE_MMIO_WRITE, .addr = (at), .size = (bytes), .value = (v)               \
	}
#define CALL(f, x)                                                                                 \
	{                                                                                          \
		.kind = FAKE_CALL, .fn = (f), .fn_ctx = (x)                                        \
	}

#endif
