/* SPDX-License-Identifier: MIT */
/* checkrooms: holds the sources, and README, to the map of rooms; see rooms.h. */
#include <stdio.h>
#include <string.h>

#include "checkrooms/rooms.h"
#include "tsv/output.h"

static const char usage[] =
	"Usage: checkrooms sources SRC [STAMP]\n"
	"       checkrooms readme SRC README.md [--write]\n"
	"\n"
	"sources: judges each #include below SRC by SRC/rooms.tsv, which says into which\n"
	"other rooms a room may look; writes the empty file STAMP where all are allowed.\n"
	"The build runs it before it compiles a room.\n"
	"readme: judges whether the table in README.md says the same; with --write, it is\n"
	"made so.\n"
	"What is wrong is printed as FILE:LINE:COLUMN: TEXT.\n"
	"\n"
	"Exit status: 0 nothing is wrong, 1 something is, 2 usage error.\n";

static void judge_sources(struct rooms *rooms, struct outputs *outputs, const char *stamp)
{
	rooms_judge_sources(rooms);
	if (stamp)
		(void)output_begin(outputs, stamp);
}

static void judge_readme(struct rooms *rooms, struct outputs *outputs, const char *path, bool write)
{
	size_t bytes = 0;
	unsigned line = 0;
	const char *text = file_read(rooms->faults, path, &bytes);
	const char *right = text ? rooms_readme(rooms, path, text, &line) : NULL;
	if (!right || line == 0)
		return;
	if (write)
		(void)fputs(right, output_begin(outputs, path));
	else
		fault_add(rooms->faults, path, line, 1,
			"expected the map as %s/rooms.tsv has it; checkrooms readme --write makes "
			"it so",
			rooms->source);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		(void)fputs(usage, stdout);
		return 0;
	}
	bool sources = (argc == 3 || argc == 4) && strcmp(argv[1], "sources") == 0;
	bool readme = argc >= 4 && argc <= 5 && strcmp(argv[1], "readme") == 0 &&
		      (argc == 4 || strcmp(argv[4], "--write") == 0);
	if (!sources && !readme) {
		(void)fputs(usage, stderr);
		return 2;
	}
	struct arena arena = { 0 };
	struct faults faults = { .arena = &arena };
	struct outputs outputs = { .faults = &faults };
	struct rooms rooms;
	rooms_read(&rooms, &faults, argv[2]);
	if (faults.nr == 0 && sources)
		judge_sources(&rooms, &outputs, argc == 4 ? argv[3] : NULL);
	else if (faults.nr == 0)
		judge_readme(&rooms, &outputs, argv[3], argc == 5);
	bool good = faults.nr == 0 && outputs_write(&outputs);
	faults_print(&faults, stderr);
	outputs_free(&outputs);
	arena_free(&arena);
	return good ? 0 : 1;
}
