/* SPDX-License-Identifier: MIT */
#include "devices/device_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool id_valid(const char *id)
{
	size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-.");

	return n > 0 && n < DEVICE_ID_BYTES && id[n] == '\0';
}

static bool ops_complete(const struct device_ops *ops)
{
	return ops->name && ops->read && ops->write && ops->reset && ops->quiesce && ops->resume &&
	       ops->state_version && ops->save && ops->load && ops->destroy;
}

static int check(
	const struct device_list *list, const struct device *dev, const char *id, struct err *e)
{
	if (!ops_complete(dev->ops)) {
		int rc = err_set(e, -EINVAL, "device %s: an operation is missing", id);

		if (e)
			e->kind = ERR_BUG;
		return rc;
	}
	if (!id_valid(id))
		return err_set(e, -EINVAL,
			"%s: \"%s\" cannot be a device's id: 1 to %d of a-z, 0-9, '-' and '.'",
			dev->ops->name, id, DEVICE_ID_BYTES - 1);
	if (device_list_find(list, id))
		return err_set(e, -EEXIST, "%s: there is a device %s already", dev->ops->name, id);
	return 0;
}

int device_list_add(struct device_list *list, struct device *dev, const char *id, struct err *e)
{
	struct device **more;
	int rc = check(list, dev, id, e);

	if (rc == 0) {
		more = realloc(list->devices, (list->nr_devices + 1) * sizeof(struct device *));
		if (more)
			list->devices = more;
		else
			rc = err_set(e, -ENOMEM, "device %s: no memory", id);
	}
	if (rc) {
		device_destroy(dev);
		return rc;
	}
	memcpy(dev->id, id, strlen(id) + 1);
	list->devices[list->nr_devices++] = dev;
	if (list->quiesced)
		dev->ops->quiesce(dev);
	return 0;
}

struct device *device_list_find(const struct device_list *list, const char *id)
{
	for (unsigned i = 0; i < list->nr_devices; i++) {
		if (strcmp(list->devices[i]->id, id) == 0)
			return list->devices[i];
	}
	return NULL;
}

void device_list_quiesce(struct device_list *list)
{
	if (list->quiesced)
		return;
	list->quiesced = true;
	for (unsigned i = list->nr_devices; i > 0; i--)
		list->devices[i - 1]->ops->quiesce(list->devices[i - 1]);
}

void device_list_resume(struct device_list *list)
{
	if (!list->quiesced)
		return;
	list->quiesced = false;
	for (unsigned i = 0; i < list->nr_devices; i++)
		list->devices[i]->ops->resume(list->devices[i]);
}

void device_list_reset(struct device_list *list)
{
	for (unsigned i = 0; i < list->nr_devices; i++)
		list->devices[i]->ops->reset(list->devices[i]);
}

static void save_one(struct device *dev, struct state_writer *w)
{
	state_begin(w, dev->id, dev->ops->name, dev->ops->state_version);
	dev->ops->save(dev, w);
	state_end(w);
}

void device_list_save(struct device_list *list, struct state_writer *w)
{
	for (unsigned i = 0; i < list->nr_devices; i++)
		save_one(list->devices[i], w);
}

/* Opens the section of dev, of which there may be only one; r is at the first section. */
static int open_section(
	const struct device *dev, struct state_reader r, struct state_reader *ret, struct err *e)
{
	unsigned nr = 0;
	int rc;

	while ((rc = state_next(&r, e)) == 1) {
		if (strcmp(r.id, dev->id) != 0)
			continue;
		*ret = r;
		nr++;
	}
	if (rc)
		return rc;
	if (nr != 1)
		return err_set_config(e, -EBADMSG, "saved state has %u sections of %s (%s)", nr,
			dev->id, dev->ops->name);
	if (strcmp(ret->kind, dev->ops->name) != 0)
		return err_set_config(e, -EBADMSG, "saved state of %s is that of a %s, not of a %s",
			dev->id, ret->kind, dev->ops->name);
	if (ret->version > dev->ops->state_version)
		return err_set_config(e, -EBADMSG,
			"saved state of %s (%s) is of version %u; versions up to %u are known",
			dev->id, dev->ops->name, ret->version, dev->ops->state_version);
	return 0;
}

/* Every section is one of a device's, and every device has one that it may load. */
static int check_sections(const struct device_list *list, struct state_reader r, struct err *e)
{
	struct state_reader at = r, section;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < list->nr_devices; i++)
		rc = open_section(list->devices[i], r, &section, e);
	while (rc == 0) {
		rc = state_next(&at, e);
		if (rc <= 0)
			break;
		rc = 0;
		if (!device_list_find(list, at.id))
			rc = err_set_config(e, -EBADMSG,
				"saved state has a section of %s (%s), a device that this machine "
				"does not have",
				at.id, at.kind);
	}
	return rc;
}

/* In the list's order; how many were loaded. */
static int load_all(const struct device_list *list, struct state_reader r, unsigned *ret_nr_loaded,
	struct err *e)
{
	unsigned i;
	int rc = 0;

	for (i = 0; i < list->nr_devices; i++) {
		struct device *dev = list->devices[i];
		struct state_reader section;

		rc = open_section(dev, r, &section, e);
		if (rc == 0)
			rc = dev->ops->load(dev, &section, e);
		if (rc)
			break;
	}
	*ret_nr_loaded = i;
	return rc;
}

int device_list_load(struct device_list *list, struct state_reader r, struct err *e)
{
	struct state_writer before = { 0 };
	unsigned nr_loaded, nr_back;
	int rc = check_sections(list, r, e);

	if (rc == 0) {
		device_list_save(list, &before);
		rc = state_written(&before, e);
	}
	if (rc == 0) {
		rc = load_all(list, r, &nr_loaded, e);
		/* What a device itself has saved, it takes. */
		if (rc && nr_loaded > 0)
			(void)load_all(
				list, state_reader(before.bytes, before.used), &nr_back, NULL);
	}
	state_writer_done(&before);
	return rc;
}

void device_list_destroy(struct device_list *list)
{
	while (list->nr_devices > 0)
		device_destroy(list->devices[--list->nr_devices]);
	free(list->devices);
	*list = (struct device_list){ 0 };
}
