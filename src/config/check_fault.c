/* SPDX-License-Identifier: MIT */
#include "config/check.h"

#include <stdarg.h>
#include <stdio.h>

void check_fault(const struct config *c, struct faults *f, const char *name, unsigned index,
	const char *fmt, ...)
{
	char shown[KEY_PATH_BYTES];
	char why[640];
	const struct key *key = key_find(name);
	const char *origin = store_origin(c, name, index);
	va_list ap;
	if (!origin && key && key->array)
		origin = store_element_origin(c, key->array, index);
	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	const struct fault what = { CONFIG_FAULT_VALUE, key_format_path(shown, name, index), origin,
		NULL };
	faults_add(f, &what, "%s", why);
}

bool check_given(const struct config *c, const char *name)
{
	return store_origin(c, name, 0) != NULL;
}
