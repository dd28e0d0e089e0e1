/* SPDX-License-Identifier: MIT */
/*
 * The PC's differentiated system description table (ACPI 6.4). Compiled by iasl when the tree is
 * built; acpi.c sets the values of the names that begin with "T" to fit the machine.
 */
DefinitionBlock ("dsdt.aml", "DSDT", 1, "TENON ", "TENONPC ", 1)
{
    Name (TMIN, 0x80000001)     /* 32-bit PCI window: first byte ... */
    Name (TMAX, 0xFEBFFFF1)     /* ... and last byte */
    Name (THPT, 0x80000011)     /* 0x0F: the HPET is there; 0: not */
    Name (TKBD, 0x80000012)     /* the same for the keyboard controller, ... */
    Name (TCM1, 0x80000013)     /* ... the serial ports ... */
    Name (TCM2, 0x80000014)
    Name (TCM3, 0x80000015)
    Name (TCM4, 0x80000016)
    Name (TLPT, 0x80000017)     /* ... and the parallel port */

    /* SLP_TYP values of PIIX4_PM */
    Name (\_S3, Package () { 0x01, 0x01, Zero, Zero })
    Name (\_S4, Package () { 0x02, 0x02, Zero, Zero })
    Name (\_S5, Package () { Zero, Zero, Zero, Zero })

    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_ADR, Zero)
            Name (_UID, Zero)

            Name (CRES, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
                    0x0000, 0x0000, 0x00FF, 0x0000, 0x0100)
                IO (Decode16, 0x0CF8, 0x0CF8, 0x01, 0x08)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0x0000, 0x0000, 0x0CF7, 0x0000, 0x0CF8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
                    0x0000, 0x0D00, 0xFFFF, 0x0000, 0xF300)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
                    0x00000000, 0x000A0000, 0x000BFFFF, 0x00000000, 0x00020000)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
                    0x00000000, 0xE0000000, 0xFEBFFFFF, 0x00000000, 0x1EC00000, , , PW32)
            })

            Method (_CRS, 0, Serialized)
            {
                CreateDWordField (CRES, \_SB.PCI0.PW32._MIN, PMIN)
                CreateDWordField (CRES, \_SB.PCI0.PW32._MAX, PMAX)
                CreateDWordField (CRES, \_SB.PCI0.PW32._LEN, PLEN)
                PMIN = TMIN
                PMAX = TMAX
                PLEN = TMAX - TMIN + 1
                Return (CRES)
            }

            /* INTA..INTD of a slot go round the four links; PIIX4_PM's pin in slot 1 is the SCI. */
            Method (_PRT, 0, Serialized)
            {
                Name (RPKG, Package (128) {})
                Local0 = Zero
                While (Local0 < 128)
                {
                    Local1 = Local0 >> 2
                    Local2 = (Local0 + Local1) & 3
                    If (Local0 == 4) { Local3 = Package (4) { Zero, Zero, LNKS, Zero } }
                    ElseIf (Local2 == 0) { Local3 = Package (4) { Zero, Zero, LNKD, Zero } }
                    ElseIf (Local2 == 1) { Local3 = Package (4) { Zero, Zero, LNKA, Zero } }
                    ElseIf (Local2 == 2) { Local3 = Package (4) { Zero, Zero, LNKB, Zero } }
                    Else { Local3 = Package (4) { Zero, Zero, LNKC, Zero } }
                    Local3[0] = (Local1 << 16) | 0xFFFF
                    Local3[1] = Local0 & 3
                    RPKG[Local0] = Local3
                    Local0++
                }
                Return (RPKG)
            }

            Device (ISA)
            {
                Name (_ADR, 0x00010000)
                OperationRegion (P40C, PCI_Config, 0x60, 0x04)
                Field (P40C, ByteAcc, NoLock, Preserve)
                {
                    PRQ0, 8, PRQ1, 8, PRQ2, 8, PRQ3, 8
                }

                Device (RTC)
                {
                    Name (_HID, EisaId ("PNP0B00"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x0070, 0x0070, 0x01, 0x08)
                        IRQNoFlags () { 8 }
                    })
                }

                Device (KBD)
                {
                    Name (_HID, EisaId ("PNP0303"))
                    Method (_STA) { Return (TKBD) }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x0060, 0x0060, 0x01, 0x01)
                        IO (Decode16, 0x0064, 0x0064, 0x01, 0x01)
                        IRQNoFlags () { 1 }
                    })
                }

                Device (MOU)
                {
                    Name (_HID, EisaId ("PNP0F13"))
                    Method (_STA) { Return (TKBD) }
                    Name (_CRS, ResourceTemplate () { IRQNoFlags () { 12 } })
                }

                Device (COM1)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, One)
                    Method (_STA) { Return (TCM1) }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x03F8, 0x03F8, 0x00, 0x08)
                        IRQNoFlags () { 4 }
                    })
                }

                Device (COM2)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 0x02)
                    Method (_STA) { Return (TCM2) }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x02F8, 0x02F8, 0x00, 0x08)
                        IRQNoFlags () { 3 }
                    })
                }

                Device (COM3)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 0x03)
                    Method (_STA) { Return (TCM3) }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x03E8, 0x03E8, 0x00, 0x08)
                        IRQNoFlags () { 4 }
                    })
                }

                Device (COM4)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 0x04)
                    Method (_STA) { Return (TCM4) }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x02E8, 0x02E8, 0x00, 0x08)
                        IRQNoFlags () { 3 }
                    })
                }

                Device (LPT1)
                {
                    Name (_HID, EisaId ("PNP0400"))
                    Name (_UID, One)
                    Method (_STA) { Return (TLPT) }
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x0378, 0x0378, 0x08, 0x08)
                        IRQNoFlags () { 7 }
                    })
                }
            }
        }

        Device (HPET)
        {
            Name (_HID, EisaId ("PNP0103"))
            Name (_UID, Zero)
            Method (_STA) { Return (THPT) }
            Name (_CRS, ResourceTemplate ()
            {
                Memory32Fixed (ReadOnly, 0xFED00000, 0x00000400)
            })
        }

        /* Interrupt links: PIRQRCA..D of the bridge */
        Method (IQST, 1)
        {
            If (Arg0 & 0x80) { Return (0x09) }
            Return (0x0B)
        }

        Method (IQCR, 1, Serialized)
        {
            Name (PRR0, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared, , , _Y00) { 0 }
            })
            CreateDWordField (PRR0, \_SB.IQCR._Y00._INT, PRRI)
            If (Arg0 < 0x80) { PRRI = Arg0 }
            Return (PRR0)
        }

        Device (LNKA)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, Zero)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
            })
            Method (_STA) { Return (IQST (^^PCI0.ISA.PRQ0)) }
            Method (_DIS) { ^^PCI0.ISA.PRQ0 |= 0x80 }
            Method (_CRS) { Return (IQCR (^^PCI0.ISA.PRQ0)) }
            Method (_SRS, 1)
            {
                CreateDWordField (Arg0, 0x05, PRRI)
                ^^PCI0.ISA.PRQ0 = PRRI
            }
        }

        Device (LNKB)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, One)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
            })
            Method (_STA) { Return (IQST (^^PCI0.ISA.PRQ1)) }
            Method (_DIS) { ^^PCI0.ISA.PRQ1 |= 0x80 }
            Method (_CRS) { Return (IQCR (^^PCI0.ISA.PRQ1)) }
            Method (_SRS, 1)
            {
                CreateDWordField (Arg0, 0x05, PRRI)
                ^^PCI0.ISA.PRQ1 = PRRI
            }
        }

        Device (LNKC)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 0x02)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
            })
            Method (_STA) { Return (IQST (^^PCI0.ISA.PRQ2)) }
            Method (_DIS) { ^^PCI0.ISA.PRQ2 |= 0x80 }
            Method (_CRS) { Return (IQCR (^^PCI0.ISA.PRQ2)) }
            Method (_SRS, 1)
            {
                CreateDWordField (Arg0, 0x05, PRRI)
                ^^PCI0.ISA.PRQ2 = PRRI
            }
        }

        Device (LNKD)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 0x03)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
            })
            Method (_STA) { Return (IQST (^^PCI0.ISA.PRQ3)) }
            Method (_DIS) { ^^PCI0.ISA.PRQ3 |= 0x80 }
            Method (_CRS) { Return (IQCR (^^PCI0.ISA.PRQ3)) }
            Method (_SRS, 1)
            {
                CreateDWordField (Arg0, 0x05, PRRI)
                ^^PCI0.ISA.PRQ3 = PRRI
            }
        }

        /* The SCI as a link, for the power management function's pin */
        Device (LNKS)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 0x04)
            Name (_PRS, ResourceTemplate ()
            {
                Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 9 }
            })
            Method (_STA) { Return (0x0B) }
            Method (_DIS) { }
            Method (_CRS) { Return (_PRS) }
            Method (_SRS, 1) { }
        }
    }
}
