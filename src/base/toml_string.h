/* SPDX-License-Identifier: MIT */
#ifndef NESTOR_BASE_TOML_STRING_H
#define NESTOR_BASE_TOML_STRING_H

#include <stdio.h>

/*
 * A TOML basic string, in its quotes (TOML 1.0, "String"). text is UTF-8. Many dots are escaped, as
 * the config's reader takes only so many on a line (TOML_MAX_LINE_DOTS of config/toml_reader.h),
 * and what follows the string may have some as well.
 */
void toml_put_string(FILE *out, const char *text);

#endif
