/* SPDX-License-Identifier: MIT */
/*
 * What has to change in a VM's TOML file so that the VM can be a hypervisor, or no longer be one;
 * with the changed text, but nothing is written.
 */
#ifndef NESTOR_POLICY_NEST_CHANGES_H
#define NESTOR_POLICY_NEST_CHANGES_H

#include "base/err.h"
#include "config/config.h"

#include <stddef.h>

struct nest_change {
	const char *key;  /* static */
	char from[64];    /* as TOML; "" where it is not given and has no default */
	char to[64];      /* "" where it goes */
	char origin[320]; /* of the value that there is: FILE:LINE:COLUMN, or "default" */
	char reason[320];
	/* The lines of the text that it changes, before and after; owned, perhaps "". */
	char *old_lines, *new_lines;
};

/* What nobody can change but the user. */
struct nest_note {
	char text[480];
	char fix[240];
};

#define NEST_MAX_NOTES 12

struct nest_changes {
	struct nest_change *items; /* in the order in which they are made; owned */
	size_t nr_items, capacity;
	struct nest_note notes[NEST_MAX_NOTES];
	size_t nr_notes;
	bool exposed;  /* the knob is on already */
	char name[80]; /* of the VM, printable */
	char *text;    /* with all changes; owned */
	size_t n;
};

/*
 * text is the file's, n bytes; path is its name, for messages and for the model files that it
 * leads to. Returns 0, and ret is to be done; -EINVAL (ERR_CONFIG) where the file is not right,
 * would not be after the changes, or cannot be edited; or -ENOMEM.
 */
int nest_changes_enable(struct nest_changes *ret, const char *path, const char *text, size_t n,
	struct err *e) MUST_CHECK;
int nest_changes_disable(struct nest_changes *ret, const char *path, const char *text, size_t n,
	struct err *e) MUST_CHECK;

/* Frees what it owns; accepts one that is all zero. */
void nest_changes_done(struct nest_changes *c);

#endif
