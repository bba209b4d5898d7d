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
	       ops->destroy;
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
	int rc;

	if (!dev)
		return -ENOMEM;
	rc = check(list, dev, id, e);
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

void device_list_destroy(struct device_list *list)
{
	while (list->nr_devices > 0)
		device_destroy(list->devices[--list->nr_devices]);
	free(list->devices);
	*list = (struct device_list){ 0 };
}
