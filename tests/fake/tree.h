/* SPDX-License-Identifier: MIT */
/* Folders that a test makes. */
#ifndef NESTOR_TESTS_FAKE_TREE_H
#define NESTOR_TESTS_FAKE_TREE_H

/* Removes a folder with all in it; links are not followed. 0, or what remove(3) said. */
int tree_remove(const char *path);

#endif
