/* SPDX-License-Identifier: MIT */
/* The engine against libvirt's CPU models: ctest compare/libvirt and compare/libvirt-new. */
#include "libvirt_map.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"Usage: compare_libvirt [--new | --list | --record] [--differences FILE] [--recorded FILE] "
	"[DIR]\n"
	"\n"
	"Compares the engine's models with those of libvirt in DIR (cpu_map/ and version, as\n"
	"tests/compare/fetch-models makes them; default: build/lab/models/libvirt of the\n"
	"source tree).\n"
	"\n"
	"  --new     tell what libvirt has that the tables were not compared with\n"
	"  --list    print a row for each difference that is not listed\n"
	"  --record  print the rows of recorded.tsv\n"
	"\n"
	"Exit status: 0 as listed, 1 not so, 2 usage error, 77 no data; with --new 77 for news.\n";

static bool read_version(const char *dir, char *ret_version, size_t size)
{
	char path[1024], line[128] = "";
	(void)snprintf(path, sizeof(path), "%s/version", dir);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	bool ok = fgets(line, sizeof(line), file) != NULL;
	(void)fclose(file);
	compare_upstream_version(line, ret_version, size);
	return ok && ret_version[0];
}

int main(int argc, char **argv)
{
	struct compare_args args;
	struct their_data theirs = { 0 };
	struct differences found = { 0 };
	char map[1024], version[40];
	int status = compare_parse_args(argc, argv, usage,
		NESTOR_SOURCE_DIR "/tests/compare/differences-libvirt.tsv", &args);
	if (status >= 0)
		return status;
	const char *dir = args.where ? args.where : NESTOR_SOURCE_DIR "/build/lab/models/libvirt";
	if (!read_version(dir, version, sizeof(version))) {
		(void)printf(
			"skipped: no libvirt models in %s; run tests/compare/fetch-models\n", dir);
		return COMPARE_SKIP;
	}
	(void)snprintf(map, sizeof(map), "%s/cpu_map", dir);
	bool ok = libvirt_map_read(map, &theirs);
	(void)snprintf(theirs.version, sizeof(theirs.version), "%s", version);
	status = 1;
	if (ok && compare_all(&theirs, &found))
		status = compare_verdict(&theirs, &found, &args.tables, args.mode);
	differences_done(&found);
	their_data_done(&theirs);
	return status;
}
