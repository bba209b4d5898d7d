/* SPDX-License-Identifier: MIT */
#ifndef NESTOR_CLI_STREAM_H
#define NESTOR_CLI_STREAM_H

#include "base/err.h"

#include <stdio.h>

/*
 * Flushes. 0, or -errno where anything that was written to file so far was lost: a stream keeps
 * that a write failed, but not why, so that it is tried once more with an empty line.
 */
int stream_flush(FILE *file) MUST_CHECK;

#endif
