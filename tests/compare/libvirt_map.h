/* SPDX-License-Identifier: MIT */
/* Reads libvirt's CPU models (cpu_map), as its packages ship them. */
#ifndef NESTOR_TESTS_COMPARE_LIBVIRT_MAP_H
#define NESTOR_TESTS_COMPARE_LIBVIRT_MAP_H

#include "compare.h"

/* Folder dir holds index.xml. False, with a message on stderr, where it cannot be read or has a
 * form that this reader does not know. ret is to be freed with their_data_done either way. */
bool libvirt_map_read(const char *dir, struct their_data *ret);

#endif
