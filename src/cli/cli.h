/* SPDX-License-Identifier: MIT */
/* What the subcommands share. Only this room prints, and only main() ends the process. */
#ifndef NESTOR_CLI_CLI_H
#define NESTOR_CLI_CLI_H

#include "base/err.h"
#include "base/report.h"

/* Exit statuses; documented in nestor(1). 1 to 99 are the guest's own. */
enum exit_status {
	STATUS_OK = 0,
	STATUS_NO = 1, /* the answer to what was asked; `run` ends with the guest's own */
	STATUS_GUEST_MAX = 99,
	STATUS_BUG = 100,
	STATUS_CONFIG = 101,
	STATUS_HOST = 102,
	STATUS_REBOOT = 103,
	STATUS_CRASH = 104,
	STATUS_PANIC = 105,
	STATUS_STOPPED = 106,
	STATUS_SIGNAL = 128, /* + the signal that killed the VM's process */
};

/* Each takes its own argv, argv[0] being "nestor COMMAND", and returns an exit status. */
int cmd_run(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_host(int argc, char **argv);
int cmd_kernel(int argc, char **argv);
int cmd_cpuid(int argc, char **argv);
int cmd_nest(int argc, char **argv);

/* Prints an error and its hint on standard error. Returns the exit status that fits its kind. */
int cli_fail(const struct err *e);

/* A usage error, in the form of cli_fail, with a pointer to --help. */
int cli_usage(const char *command, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Prints what rooms report on standard error, from `least` on. */
struct reporter cli_reporter(enum report_level least);

#define CLI_SHOWN_BYTES 4200 /* longer than any path */

/* text as it may be printed: a terminal obeys nothing in it. Returns shown. */
const char *cli_shown(char shown[CLI_SHOWN_BYTES], const char *text);

/* Flushes standard output; a status that says whether all of it could be written. */
int cli_flush(int status);

#endif
