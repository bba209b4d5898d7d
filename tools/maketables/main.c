/* SPDX-License-Identifier: MIT */
/* maketables: what the build makes const C of; see make.h. */
#include <stdio.h>
#include <string.h>

#include "maketables/make.h"

static const char usage[] =
	"Usage: maketables cpuid SOURCE TARGET\n"
	"       maketables nesting SOURCE TARGET PROFILE...\n"
	"       maketables formats SOURCE TARGET\n"
	"       maketables acpi DSDT.aml TARGET\n"
	"\n"
	"Turns tables into const C: those of a room below the folder SOURCE (src/), or an\n"
	"ACPI table in binary form, into files in TARGET/cpuid, TARGET/nesting,\n"
	"TARGET/formats or TARGET/acpi, which must be there. PROFILE is the name of a profile of\n"
	"SOURCE/nesting/profiles, in the order in which they are shown. Files whose text\n"
	"stays the same are not touched. What is wrong with the tables is printed as\n"
	"FILE:LINE:COLUMN: TEXT, and then nothing is written. tools/tsv/tsv.h says what\n"
	"a table is.\n"
	"\n"
	"Exit status: 0 done, 1 something is wrong with a table or a file, 2 usage error.\n";

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		(void)fputs(usage, stdout);
		return 0;
	}
	bool cpuid = argc == 4 && strcmp(argv[1], "cpuid") == 0;
	bool nesting = argc >= 5 && strcmp(argv[1], "nesting") == 0;
	bool formats = argc == 4 && strcmp(argv[1], "formats") == 0;
	bool acpi = argc == 4 && strcmp(argv[1], "acpi") == 0;
	if (!cpuid && !nesting && !formats && !acpi) {
		(void)fputs(usage, stderr);
		return 2;
	}
	struct make m;
	make_init(&m, argv[2], argv[3]);
	if (cpuid)
		make_cpuid(&m);
	else if (nesting)
		make_nesting(&m, (const char *const *)&argv[4], (size_t)(argc - 4));
	else if (formats)
		make_formats(&m);
	else
		make_acpi(&m, argv[2]);
	bool good = m.faults.nr == 0 && outputs_write(&m.outputs);
	faults_print(&m.faults, stderr);
	make_done(&m);
	return good ? 0 : 1;
}
