/* SPDX-License-Identifier: MIT */
/* nestor cpuid: its subcommands, each in a file of its own, and what they share. */
#ifndef NESTOR_CLI_CPUID_H
#define NESTOR_CLI_CPUID_H

#include "base/err.h"

/* Each takes its own argv, argv[0] being "nestor cpuid NAME", and returns an exit status. */
int cmd_cpuid_dump(int argc, char **argv);
int cmd_cpuid_explain(int argc, char **argv);
int cmd_cpuid_diff(int argc, char **argv);
int cmd_cpuid_baseline(int argc, char **argv);
int cmd_cpuid_check(int argc, char **argv);
int cmd_cpuid_models(int argc, char **argv);
int cmd_cpuid_convert(int argc, char **argv);
int cmd_cpuid_verify(int argc, char **argv);

#endif
