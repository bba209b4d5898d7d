/* SPDX-License-Identifier: MIT */
/*
 * Everything of the machine that answers at a port or an MMIO address, KVM's own chips included:
 * who has which range and which GSI, and which key of the config asked for it. Pure.
 */
#ifndef NESTOR_PLAN_DEVICES_H
#define NESTOR_PLAN_DEVICES_H

#include "config/config.h"
#include "plan/machine_plan.h"

/* Fills ret, in the order of enum plan_device_kind, and of the config where there are several of a
 * kind. Returns how many there are. */
unsigned plan_devices(const struct vm_config *config, struct plan_device ret[PLAN_MAX_DEVICES]);

/*
 * Two devices that overlap, or one that leaves its address space: a fault (err_fault) of the key
 * that asked for it; where both were asked for, of the one that was given, or the later one. config
 * says where keys stand; may be NULL.
 */
int plan_devices_check(const struct plan_device *devices, unsigned n, const struct config *config,
	struct err *e) MUST_CHECK;

/* The device of a kind, the id-th of them; NULL: the machine has none. */
const struct plan_device *plan_device_find(
	const struct machine_plan *plan, enum plan_device_kind kind, unsigned id);

/* "COM2", "the RTC": for messages. Returns text. */
#define PLAN_DEVICE_NAME_BYTES 48
char *plan_device_name(char text[PLAN_DEVICE_NAME_BYTES], const struct plan_device *device);

#endif
