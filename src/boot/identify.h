/* SPDX-License-Identifier: MIT */
/*
 * What a file is that is no kernel for this machine: by the magic numbers of what people have lying
 * beside kernels, so that an error can say more than that it is none.
 */
#ifndef NESTOR_BOOT_IDENTIFY_H
#define NESTOR_BOOT_IDENTIFY_H

#include "base/types.h"

/* So many first bytes are enough for all of them. */
#define IDENTIFY_BYTES (128 * KIB)

struct identity {
	char name[160]; /* continues "the file is …" */
	char hint[200]; /* what to give nestor instead; may be empty */
	bool is_kernel; /* for another machine or loader: no initrd, no disk */
	bool is_initrd; /* what kernels take as one, or as their root file system */
};

/*
 * True where data, the first bytes of a file, are something known; never for what nestor boots
 * itself (ELF, bzImage, Multiboot 1), or unpacks.
 */
bool identify(const uint8_t *data, size_t size, struct identity *ret);

/* True where a Multiboot2 header was found (in the first 32 KiB). */
bool identify_multiboot2(const uint8_t *data, size_t size);

#endif
