/* SPDX-License-Identifier: MIT */
/* The hosts that `baseline` and `check` go through: one at a time, so that thousands need no more
 * memory than one, with a progress bar. */
#ifndef NESTOR_CLI_CPUID_HOSTS_H
#define NESTOR_CLI_CPUID_HOSTS_H

#include "cli/file_list.h"
#include "cli/progress.h"
#include "policy/cpuid_view.h"

struct hosts {
	struct file_list files;
	struct progress progress;
	size_t next;
	bool skip_bad;         /* report a file that is bad, and go on */
	size_t nr_bad;         /* that were skipped */
	size_t nr_processors;  /* taken although they are not KVM's */
	struct hostfile *host; /* the current one; owned */
};

/* Zero-initialised by its owner, who fills files (the word kvm is this host) and skip_bad first. */
int hosts_start(struct hosts *h, struct err *e) MUST_CHECK;
void hosts_done(struct hosts *h);

/* The next host, lent until the next call, and the name of its file; *ret_host is NULL at the end.
 * A file that is bad is an error, unless skip_bad: then it is reported. */
int hosts_next(struct hosts *h, const struct hostfile **ret_host, const char **ret_path,
	struct err *e) MUST_CHECK;

/* Reports what was taken with a grain of salt, or left out. */
void hosts_report(const struct hosts *h);

#endif
