/* SPDX-License-Identifier: MIT */
/*
 * The map of src/ (src/rooms.tsv): which rooms there are, what is in them, and into which others
 * each may look. CMake makes their libraries of it, README's table is made of it, and this program
 * holds the sources to it.
 */
#ifndef NESTOR_CHECKROOMS_ROOMS_H
#define NESTOR_CHECKROOMS_ROOMS_H

#include "tsv/names.h"

struct room {
	const struct cell *name;
	struct room **may; /* rooms above it that it may include */
	size_t nr_may;
	const char *what;
};

struct rooms {
	struct faults *faults;
	const char *source; /* the folder src/ */
	struct room *list;  /* in the order of the map */
	size_t nr;
	struct names names; /* to struct room */
};

/* Reads SOURCE/rooms.tsv. A room may only name rooms above it, so that there is no circle. */
void rooms_read(struct rooms *r, struct faults *faults, const char *source);

/* Whether one may include the other's headers. */
bool room_may_include(const struct room *room, const struct room *other);

/* Adds a fault for each #include in a room's sources that the map does not allow, for sources
 * outside of any room, and for rooms without sources. */
void rooms_judge_sources(const struct rooms *r);

/* As rooms_judge_sources(), of one source of a room, a text of so many bytes; path is for the
 * faults. */
void rooms_judge_source(const struct rooms *r, const struct room *room, const char *path,
	const char *text, size_t bytes);

/*
 * The text of a README with the table of the map as src/rooms.tsv has it, in the faults' arena, and
 * in *ret_line the first line, from 1, that was another or is missing (0: none). The table is that
 * with the columns "room", "what is in it" and "may look into"; NULL and a fault where there is
 * none.
 */
const char *rooms_readme(
	const struct rooms *r, const char *path, const char *text, unsigned *ret_line);

#endif
