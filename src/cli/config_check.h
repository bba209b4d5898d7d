/* SPDX-License-Identifier: MIT */
#ifndef NESTOR_CLI_CONFIG_CHECK_H
#define NESTOR_CLI_CONFIG_CHECK_H

#include "cli/args.h"

/* Prints all that is wrong with a config on every host, or that it is good. Returns the status. */
int config_check(const struct config_args *args, bool json);

#endif
