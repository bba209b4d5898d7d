/* SPDX-License-Identifier: MIT */
/*
 * The devices of a machine, by their ids, and what is done to all of them. On the event loop's
 * thread.
 *
 * Order: a device on whose services others act (the I/O APIC, whose pins they drive) is added
 * before them. So it is resumed and reset before them, and quiesced and destroyed after them.
 */
#ifndef NESTOR_DEVICES_DEVICE_LIST_H
#define NESTOR_DEVICES_DEVICE_LIST_H

#include "base/err.h"
#include "devices/device.h"

/* All zero: empty. */
struct device_list {
	struct device **devices; /* all of it owned */
	unsigned nr_devices;
	bool quiesced;
};

/*
 * Adds dev, which the list owns from now on; where it fails, dev is destroyed. id (copied) must be
 * 1 to DEVICE_ID_BYTES - 1 of a to z, 0 to 9, '-' and '.', and must not be taken: else -EINVAL or
 * -EEXIST. A device that lacks an op is refused as a bug. One that comes while the others are
 * quiesced is quiesced as well.
 */
int device_list_add(
	struct device_list *list, struct device *dev, const char *id, struct err *e) MUST_CHECK;

/* NULL: there is none of that id. Borrowed. */
struct device *device_list_find(const struct device_list *list, const char *id);

/*
 * While no vCPU runs; see device.h. Where the devices are quiesced already, or not, nothing is
 * done: whoever pauses need not know who else has.
 */
void device_list_quiesce(struct device_list *list);
void device_list_resume(struct device_list *list);

/* Writes a section for each device: its id, its ops' name as kind, its version. Quiesced only. */
void device_list_save(struct device_list *list, struct state_writer *w);

/*
 * Loads all sections of r, which must be those of the list's devices, one each, in any order; or
 * fails with e set, which names the device, and leaves all of them as they were. (What was loaded
 * before the fault is taken back by loading what was there; -ENOMEM where that cannot be noted
 * first.) Quiesced only; and where KVM has the I/O APIC, after its state: a device that sets its
 * line must find it as it was, or an edge would be seen twice.
 */
int device_list_load(struct device_list *list, struct state_reader r, struct err *e) MUST_CHECK;

/* Back to power-on; no vCPU runs, quiesced or not. */
void device_list_reset(struct device_list *list);

/* Destroys all; the list is empty then. */
void device_list_destroy(struct device_list *list);

#endif
