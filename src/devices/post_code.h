/* SPDX-License-Identifier: MIT */
/*
 * POST code port: firmware shows its progress there, and kernels write to it only because an
 * access to it takes about a microsecond. Reads give the byte written last.
 */
#ifndef NESTOR_DEVICES_POST_CODE_H
#define NESTOR_DEVICES_POST_CODE_H

#include "base/err.h"
#include "devices/device.h"

#define POST_CODE_PORT 0x80

/* -ENOMEM where memory is out. Destroy with device_destroy. */
int post_code_create(struct device **ret_dev, uint16_t port, struct err *e) MUST_CHECK;

#endif
