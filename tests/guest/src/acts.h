/* SPDX-License-Identifier: MIT */
/* What the files of acts share. */
#ifndef NESTOR_TESTS_GUEST_ACTS_H
#define NESTOR_TESTS_GUEST_ACTS_H

#include "guest.h"

#define LAPIC_ID 0xfee00020u
#define LAPIC_ICR 0xfee00300u
#define ICR_SMI_SELF 0x44200u
#define ICR_SMI_ALL 0x84200u

#define HOLE 0xd0000000u    /* no RAM and no device */
#define RAM_END 0x01000000u /* acts run with 16 MiB */
#define REAL_MODE_STUB 0x7000
#define SPARE_SELECTOR 0x28

/* What must come of an act. */
enum outcome { GOES_ON, RESETS, CRASHES, ANY };

struct act {
	const char *name;
	enum outcome outcome;
	void (*run)(void);
};

/* The last of each has no name. */
extern const struct act basic_acts[], svm_acts[], vmx_acts[];

/* The spare descriptor of the GDT, in bytes. */
void set_descriptor(uint32_t base, uint32_t limit, uint8_t access);

/* cpu.c: every vCPU sends SMIs to all of them at once. */
void smi_on_all_vcpus(void);

#endif
