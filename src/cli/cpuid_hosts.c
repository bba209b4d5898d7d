/* SPDX-License-Identifier: MIT */
#include "cli/cpuid_hosts.h"

#include "cli/cli.h"
#include "policy/cpuid_view.h"

#include <errno.h>
#include <stdlib.h>

int hosts_start(struct hosts *h, struct err *e)
{
	if (h->files.nr_files == 0)
		return err_set_config(e, -EINVAL, "no host is named");
	h->host = malloc(sizeof(*h->host));
	if (!h->host)
		return err_set(e, -ENOMEM, "out of memory");
	progress_start(&h->progress, h->files.nr_files);
	return 0;
}

void hosts_done(struct hosts *h)
{
	progress_clear(&h->progress);
	file_list_done(&h->files);
	free(h->host);
	*h = (struct hosts){ 0 };
}

int hosts_next(
	struct hosts *h, const struct hostfile **ret_host, const char **ret_path, struct err *e)
{
	const struct reporter reporter = cli_reporter(REPORT_WARN);
	while (h->next < h->files.nr_files) {
		struct err bad = ERR_INIT;
		const char *path = h->files.paths[h->next++];
		int rc = cpuid_host_read(path, &reporter, h->host, &bad);
		progress_step(&h->progress);
		if (rc == 0) {
			if (h->host->note[0]) {
				progress_clear(&h->progress);
				cpuid_host_note(path, &reporter, h->host);
			}
			h->nr_processors += h->host->kind == HOSTFILE_PROCESSOR;
			*ret_host = h->host;
			*ret_path = path;
			return 0;
		}
		progress_clear(&h->progress);
		if (!h->skip_bad || rc == -ENOMEM) {
			if (e)
				*e = bad;
			return rc;
		}
		h->nr_bad++;
		report(&reporter, REPORT_WARN, "skipped: %s", bad.msg);
	}
	progress_clear(&h->progress);
	*ret_host = NULL;
	return 0;
}

void hosts_report(const struct hosts *h)
{
	struct reporter reporter = cli_reporter(REPORT_WARN);
	if (h->nr_processors > 0)
		report(&reporter, REPORT_WARN,
			"%zu of the files are a processor's own CPUID; what KVM makes of it may be "
			"less",
			h->nr_processors);
	if (h->nr_bad > 0)
		report(&reporter, REPORT_WARN, "%zu files were skipped", h->nr_bad);
}
