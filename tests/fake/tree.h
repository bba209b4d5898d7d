/* SPDX-License-Identifier: MIT */
/* Folders that a test makes. */
#ifndef NESTOR_TESTS_FAKE_TREE_H
#define NESTOR_TESTS_FAKE_TREE_H

#include <stddef.h>

/* Makes the file at root and path (which begins with '/') of n bytes, and the folders to it; what
 * was there is replaced. Fails the process where it cannot. */
void tree_put(const char *root, const char *path, const void *bytes, size_t n);

/* Removes a folder with all in it; links are not followed. 0, or what remove(3) said. */
int tree_remove(const char *path);

#endif
