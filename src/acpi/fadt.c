/* SPDX-License-Identifier: MIT */
/* The Fixed ACPI Description Table (ACPI 6.5, section 5.2.9): the fixed hardware registers. */
#include "acpi/tables.h"

#define FADT_REVISION 6
#define FADT_MINOR 5
#define FADT_BYTES 276

/* Offsets of the fields that are not 0, by table 5.9. */
enum {
	FADT_FIRMWARE_CTRL = 36,
	FADT_DSDT = 40,
	FADT_SCI_INT = 46,
	FADT_PM1A_EVT_BLK = 56,
	FADT_PM1A_CNT_BLK = 64,
	FADT_PM_TMR_BLK = 76,
	FADT_PM1_EVT_LEN = 88,
	FADT_PM1_CNT_LEN = 89,
	FADT_PM_TMR_LEN = 91,
	FADT_P_LVL2_LAT = 96,
	FADT_P_LVL3_LAT = 98,
	FADT_CENTURY = 108,
	FADT_IAPC_BOOT_ARCH = 109,
	FADT_FLAGS = 112,
	FADT_RESET_REG = 116,
	FADT_RESET_VALUE = 128,
	FADT_MINOR_VERSION = 131,
	FADT_X_FIRMWARE_CTRL = 132,
	FADT_X_DSDT = 140,
	FADT_X_PM1A_EVT_BLK = 148,
	FADT_X_PM1A_CNT_BLK = 172,
	FADT_X_PM_TMR_BLK = 208,
};

#define PM1_EVT_LEN 4
#define PM1_CNT_LEN 2
#define PM_TMR_LEN 4

/* Above 100 and 1000 microseconds: there is no C2 and no C3. */
#define NO_C2_LATENCY 101
#define NO_C3_LATENCY 1001

#define RTC_CENTURY_REGISTER 0x32

/* 5.2.9.3: there are ISA devices (COM ports), no 8042 keyboard, no VGA; MSI and the RTC work. */
#define BOOT_ARCH_LEGACY_DEVICES (1u << 0)
#define BOOT_ARCH_NO_VGA (1u << 2)

/* Table 5.10. PWR_BUTTON (bit 4) stays clear: the power button is a fixed feature. */
#define FLAG_WBINVD (1u << 0)
#define FLAG_PROC_C1 (1u << 2)
#define FLAG_SLP_BUTTON (1u << 5)  /* set: no sleep button in the fixed registers */
#define FLAG_FIX_RTC (1u << 6)     /* set: no RTC wake in the fixed registers */
#define FLAG_TMR_VAL_EXT (1u << 8) /* the timer has 32 bits */
#define FLAG_RESET_REG_SUP (1u << 10)

enum gas_access { GAS_BYTE = 1, GAS_WORD = 2, GAS_DWORD = 3 };

/* Generic Address Structure of a port (5.2.3.2). */
static void put_port(uint8_t *p, uint16_t port, uint8_t nr_bytes, enum gas_access access)
{
	p[0] = 1; /* system I/O */
	p[1] = (uint8_t)(nr_bytes * 8);
	p[2] = 0;
	p[3] = (uint8_t)access;
	bytes_put(p + 4, port, 8);
}

uint64_t acpi_fadt_build(struct byte_area *area, uint64_t facs, uint64_t dsdt)
{
	size_t offset = acpi_table_open(area, "FACP", FADT_REVISION);
	(void)byte_area_append(area, FADT_BYTES - ACPI_HEADER_BYTES);
	if (area->full)
		return 0;
	uint8_t *p = area->bytes + offset;

	/* The addresses below 4 GiB stand twice: guests of ACPI 1.0 know the short fields only. */
	bytes_put(p + FADT_FIRMWARE_CTRL, facs, 4);
	bytes_put(p + FADT_X_FIRMWARE_CTRL, facs, 8);
	bytes_put(p + FADT_DSDT, dsdt, 4);
	bytes_put(p + FADT_X_DSDT, dsdt, 8);

	bytes_put(p + FADT_SCI_INT, PLAN_GSI_SCI, 2);
	bytes_put(p + FADT_PM1A_EVT_BLK, PLAN_PORT_PM1A_EVENT, 4);
	put_port(p + FADT_X_PM1A_EVT_BLK, PLAN_PORT_PM1A_EVENT, PM1_EVT_LEN, GAS_WORD);
	p[FADT_PM1_EVT_LEN] = PM1_EVT_LEN;
	bytes_put(p + FADT_PM1A_CNT_BLK, PLAN_PORT_PM1A_CONTROL, 4);
	put_port(p + FADT_X_PM1A_CNT_BLK, PLAN_PORT_PM1A_CONTROL, PM1_CNT_LEN, GAS_WORD);
	p[FADT_PM1_CNT_LEN] = PM1_CNT_LEN;
	bytes_put(p + FADT_PM_TMR_BLK, PLAN_PORT_PM_TIMER, 4);
	put_port(p + FADT_X_PM_TMR_BLK, PLAN_PORT_PM_TIMER, PM_TMR_LEN, GAS_DWORD);
	p[FADT_PM_TMR_LEN] = PM_TMR_LEN;

	bytes_put(p + FADT_P_LVL2_LAT, NO_C2_LATENCY, 2);
	bytes_put(p + FADT_P_LVL3_LAT, NO_C3_LATENCY, 2);
	p[FADT_CENTURY] = RTC_CENTURY_REGISTER;
	bytes_put(p + FADT_IAPC_BOOT_ARCH, BOOT_ARCH_LEGACY_DEVICES | BOOT_ARCH_NO_VGA, 2);
	bytes_put(p + FADT_FLAGS,
		FLAG_WBINVD | FLAG_PROC_C1 | FLAG_SLP_BUTTON | FLAG_FIX_RTC | FLAG_TMR_VAL_EXT |
			FLAG_RESET_REG_SUP,
		4);
	put_port(p + FADT_RESET_REG, PLAN_PORT_RESET, 1, GAS_BYTE);
	p[FADT_RESET_VALUE] = PLAN_RESET_VALUE;
	p[FADT_MINOR_VERSION] = FADT_MINOR;
	return acpi_table_close(area, offset);
}
