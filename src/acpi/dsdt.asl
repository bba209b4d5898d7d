/* SPDX-License-Identifier: MIT */
/*
 * What every machine of nestor has, whatever its config; the rest is in the SSDT (ssdt.c). The
 * numbers are those of plan/machine_plan.h; tests/unit/acpi/test_acpi.c compares them.
 */
DefinitionBlock ("", "DSDT", 2, "NESTOR", "NESTORVM", 0x00000001)
{
	Name (\_S5, Package () { 5, 5, 0, 0 }) // SLP_TYPa, SLP_TYPb, reserved

	Scope (\_SB)
	{
		// The chipset's own ports, so that no driver takes them for free.
		Device (MBRD)
		{
			Name (_HID, EisaId ("PNP0C02"))
			Name (_UID, Zero)
			Name (_CRS, ResourceTemplate () {
				IO (Decode16, 0x0600, 0x0600, 0x01, 0x04) // PM1a event
				IO (Decode16, 0x0604, 0x0604, 0x01, 0x02) // PM1a control
				IO (Decode16, 0x0608, 0x0608, 0x01, 0x04) // PM timer
				IO (Decode16, 0x0CF9, 0x0CF9, 0x01, 0x01) // reset
			})
		}

		Device (RTC)
		{
			Name (_HID, EisaId ("PNP0B00"))
			Name (_CRS, ResourceTemplate () {
				IO (Decode16, 0x0070, 0x0070, 0x01, 0x02)
				IRQNoFlags () { 8 }
			})
		}

		// A guest's panic notifier finds the port by this id.
		Device (PEVT)
		{
			Name (_HID, "QEMU0001")
			Name (_STA, 0x0F)
			Name (_CRS, ResourceTemplate () {
				IO (Decode16, 0x0505, 0x0505, 0x01, 0x01)
			})
		}
	}
}
