#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The PC's devices at their registers, without a processor. Expected values are the datasheets'."""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from support import tap
from support.console import Failure
from support.qtest import QTest

MILLISECOND = 1_000_000
SECOND = 1_000_000_000


def equal(found, expected, what):
    if found != expected:
        shown = [f"{v:#x}" if isinstance(v, int) else repr(v) for v in (found, expected)]
        raise Failure(f"{what}: found {shown[0]}, expected {shown[1]}")


def pc(*options):
    """A case on a PC: the decorated function gets the connection."""

    def decorate(function):
        def case():
            with QTest("-machine", "pc", *options) as q:
                function(q)

        return case

    return decorate


def init_pics(q):
    for base, vector, wiring in ((0x20, 0x20, 4), (0xA0, 0x28, 2)):
        q.outb(base, 0x11)
        for value in (vector, wiring, 1):
            q.outb(base + 1, value)


def irr(q, base=0x20):
    q.outb(base, 0x0A)
    return q.inb(base)


@pc()
def pit_rate(q):
    init_pics(q)
    q.outb(0x43, 0x34)  # counter 0, both bytes, mode 2
    q.outb(0x40, 1193 & 0xFF)
    q.outb(0x40, 1193 >> 8)
    equal(irr(q) & 1, 0, "IRQ 0 right after loading")
    q.step(MILLISECOND + 2000)
    equal(irr(q) & 1, 1, "IRQ 0 after a period")


def start_pit(q, count):
    q.outb(0x43, 0x34)  # counter 0, both bytes, mode 2
    q.outb(0x40, count & 0xFF)
    q.outb(0x40, count >> 8)


def take_ticks(q, tries, step):
    """How many times IRQ 0 can be acknowledged, and ended, with `step` ns after each try."""
    taken = 0
    for _ in range(tries):
        q.outb(0x20, 0x0C)  # poll: the next read acknowledges
        taken += q.inb(0x20) == 0x80
        q.outb(0x20, 0x20)
        q.step(step)
    return taken


@pc()
def pit_lost_ticks(q):
    init_pics(q)
    start_pit(q, 11930)  # 10 ms
    q.step(105 * MILLISECOND)
    # At 1.25 ms a try, the ten of the pause are paid before the next period ends twice more.
    equal(take_ticks(q, 18, 1_300_000), 10 + 2, "ticks in 23.4 ms after ten periods without one taken")
    q.step(SECOND * 5)
    q.outb(0x43, 0x34)  # the old setting's ticks do not come any more
    equal(take_ticks(q, 18, 1_300_000), 1, "ticks after the counter stops")


@pc("-global", "kvm-pit.lost_tick_policy=discard")
def pit_discards(q):
    init_pics(q)
    start_pit(q, 11930)
    q.step(105 * MILLISECOND)
    equal(take_ticks(q, 18, 1_300_000), 1 + 2, "ticks in 23.4 ms after ten periods without one taken")


@pc()
def pit_masked(q):
    init_pics(q)
    start_pit(q, 11930)
    q.outb(0x21, 0xFF)
    q.step(105 * MILLISECOND)
    q.outb(0x21, 0xFE)
    equal(take_ticks(q, 18, 1_300_000), 1 + 2, "ticks after ten periods with the line masked")


@pc()
def hpet_lost_ticks(q):
    init_pics(q)
    base = 0xFED00000
    q.writeq(base + 0x10, 3)  # on, timer 0 on IRQ 0
    q.writeq(base + 0x100, 1 << 2 | 1 << 3 | 1 << 6)  # edge, periodic, comparator and period
    q.writeq(base + 0x108, 1_000_000)  # 10 ms
    q.writeq(base + 0x108, 1_000_000)
    q.step(105 * MILLISECOND)
    equal(take_ticks(q, 18, 1_300_000), 10 + 2, "ticks in 23.4 ms after ten periods without one taken")


@pc()
def pit_latch(q):
    q.outb(0x43, 0x34)
    q.outb(0x40, 0)
    q.outb(0x40, 0)
    q.step(MILLISECOND)
    q.outb(0x43, 0x00)
    first = q.inb(0x40) | q.inb(0x40) << 8
    equal(first, 0x10000 - 1193, "latched count after 1193 ticks")


@pc()
def pit_status(q):
    q.outb(0x43, 0x76)  # counter 1, both bytes, mode 3
    q.outb(0x43, 0xE4)  # read back the status of counter 1
    equal(q.inb(0x41) & 0x7F, 0x76, "null count, access and mode")


@pc()
def speaker_gate(q):
    q.outb(0x61, 0)
    q.outb(0x43, 0xB0)  # counter 2, mode 0
    q.outb(0x42, 100)
    q.outb(0x42, 0)
    q.step(MILLISECOND)
    equal(q.inb(0x61) >> 5 & 1, 0, "OUT2 with the gate closed")
    q.outb(0x61, 1)
    q.step(MILLISECOND)
    equal(q.inb(0x61) >> 5 & 1, 1, "OUT2 after counting")


@pc()
def pic_mask_and_eoi(q):
    init_pics(q)
    q.outb(0x21, 0xFE)
    equal(q.inb(0x21), 0xFE, "IMR reads back")
    q.outb(0x4D0, 0xFF)
    equal(q.inb(0x4D0), 0xF8, "ELCR1 keeps the bits that may be level triggered")
    q.outb(0x4D1, 0xFF)
    equal(q.inb(0x4D1), 0xDE, "ELCR2 likewise")


def cmos(q, index):
    q.outb(0x70, index)
    return q.inb(0x71)


@pc("-rtc", "base=2006-06-17T16:01:21,clock=vm")
def rtc_time(q):
    found = [cmos(q, index) for index in (0x32, 9, 8, 7, 4, 2, 0)]
    equal(found, [0x20, 0x06, 0x06, 0x17, 0x16, 0x01, 0x21], "date and time in BCD")
    q.step(40 * SECOND)
    equal((cmos(q, 2), cmos(q, 0)), (0x02, 0x01), "minutes and seconds 40 s later")


@pc("-rtc", "base=2006-06-17T16:01:21,clock=vm")
def rtc_alarm(q):
    init_pics(q)
    for index, value in ((1, 0x25), (3, 0x01), (5, 0x16)):
        q.outb(0x70, index)
        q.outb(0x71, value)
    q.outb(0x70, 0x0B)
    q.outb(0x71, 0x22)  # alarm interrupt, 24 hours
    q.step(2 * SECOND)
    equal(cmos(q, 0x0C) & 0x20, 0, "AF before the alarm")
    q.step(3 * SECOND)
    equal(irr(q, 0xA0) & 1, 1, "IRQ 8")
    equal(cmos(q, 0x0C) & 0xA0, 0xA0, "IRQF and AF")
    equal(cmos(q, 0x0C), 0, "C is cleared by reading")


@pc("-m", "256")
def cmos_memory_size(q):
    equal(cmos(q, 0x15) | cmos(q, 0x16) << 8, 640, "KiB below 1 MiB")
    equal(cmos(q, 0x34) | cmos(q, 0x35) << 8, (256 - 16) * 16, "64 KiB units above 16 MiB")


@pc("-serial", "null")
def uart_loopback(q):
    q.outb(0x3FC, 0x1F)
    equal(q.inb(0x3FE) & 0xF0, 0xF0, "modem lines follow the control register")
    q.outb(0x3F8, 0x5A)
    equal(q.inb(0x3FD) & 1, 1, "data ready")
    equal(q.inb(0x3F8), 0x5A, "the byte")
    equal(q.inb(0x3FD) & 1, 0, "data ready after reading")


@pc("-serial", "null")
def uart_thre(q):
    q.outb(0x3F9, 0x02)
    equal(q.inb(0x3FA), 0x02, "IIR: transmitter empty")
    equal(q.inb(0x3FA), 0x01, "IIR read again: none")
    q.outb(0x3FA, 0x07)
    equal(q.inb(0x3FA) & 0xC0, 0xC0, "FIFOs are on")


@pc("-serial", "null")
def uart_divisor(q):
    q.outb(0x3FB, 0x83)
    q.outb(0x3F8, 0x34)
    q.outb(0x3F9, 0x12)
    equal((q.inb(0x3F8), q.inb(0x3F9)), (0x34, 0x12), "divisor latch")
    q.outb(0x3FB, 0x03)
    equal(q.inb(0x3F9), 0, "IER behind it")


@pc()
def keyboard_controller(q):
    q.outb(0x64, 0xAA)
    equal(q.inb(0x60), 0x55, "self-test")
    q.outb(0x64, 0x20)
    equal(q.inb(0x60) & 3, 3, "command byte: interrupts on")
    q.outb(0x60, 0xF2)
    equal([q.inb(0x60) for _ in range(3)], [0xFA, 0xAB, 0x83], "identify keyboard")
    q.outb(0x64, 0xD4)
    q.outb(0x60, 0xFF)
    equal([q.inb(0x60) for _ in range(3)], [0xFA, 0xAA, 0x00], "mouse reset")


@pc()
def keyboard_translation(q):
    q.outb(0x64, 0x60)
    q.outb(0x60, 0x45)  # translate, interrupts, system flag
    q.outb(0x60, 0xEE)
    equal(q.inb(0x60) & 0xFF, 0xEE, "echo passes the translation")


@pc()
def fw_cfg_ports(q):
    q.outw(0x510, 0x0000)
    equal(bytes(q.inb(0x511) for _ in range(4)), b"QEMU", "signature")
    q.outw(0x510, 0x0001)
    equal(q.inb(0x511), 3, "traditional and DMA interfaces")


def fw_cfg_dma(q, control, address, size):
    command = control.to_bytes(4, "big") + size.to_bytes(4, "big") + address.to_bytes(8, "big")
    q.write(0x1000, command)
    q.outl(0x514, 0)
    q.outl(0x518, int.from_bytes((0x1000).to_bytes(4, "big"), "little"))
    return int.from_bytes(q.read(0x1000, 4), "big")


@pc()
def fw_cfg_dma_read(q):
    equal(fw_cfg_dma(q, 0x19 << 16 | 0x0A, 0x2000, 4), 0, "DMA ends without error")
    count = int.from_bytes(q.read(0x2000, 4), "big")
    fw_cfg_dma(q, 0x02, 0x2000, 64 * count)
    names = [q.read(0x2008 + 64 * n, 56).rstrip(b"\0").decode() for n in range(count)]
    for name in ("etc/acpi/tables", "etc/acpi/rsdp", "etc/table-loader", "etc/e820",
                 "etc/smbios/smbios-tables"):
        if name not in names:
            raise Failure(f"no file {name} among {names}")


@pc()
def pci_identities(q):
    found = {(slot, function): q.pci_read(slot, function, 0)
             for slot, function in ((0, 0), (1, 0), (1, 3), (31, 0))}
    equal(found, {(0, 0): 0x12378086, (1, 0): 0x70008086, (1, 3): 0x71138086,
                  (31, 0): 0xFFFFFFFF}, "vendor and device")


@pc()
def pam(q):
    q.write(0xC0000, b"\xA5")
    equal(q.read(0xC0000, 1)[0], 0xFF, "closed: PCI, where nothing answers")
    q.pci_write(0, 0, 0x5A, 0x33, 1)
    q.write(0xC0000, b"\xA5")
    equal(q.read(0xC0000, 1)[0], 0xA5, "open for reading and writing")
    q.pci_write(0, 0, 0x5A, 0x11, 1)
    q.write(0xC0000, b"\x5A")
    equal(q.read(0xC0000, 1)[0], 0xA5, "read-only")
    q.pci_write(0, 0, 0x5A, 0x22, 1)
    q.write(0xC0000, b"\x5A")
    q.pci_write(0, 0, 0x5A, 0x33, 1)
    equal(q.read(0xC0000, 1)[0], 0x5A, "what was written while write-only")


@pc()
def hpet_counts(q):
    base = 0xFED00000
    equal(q.readq(base) >> 32, 10_000_000, "period in femtoseconds")
    q.writeq(base + 0x10, 1)
    before = q.readq(base + 0xF0)
    q.step(1000)
    equal(q.readq(base + 0xF0) - before, 100, "counts in a microsecond")


@pc()
def ioapic_registers(q):
    base = 0xFEC00000
    q.writel(base, 1)
    equal(q.readl(base + 0x10), 0x00170020, "version and last entry")
    q.writel(base, 0x10)
    equal(q.readl(base + 0x10), 0x10000, "entries are masked after reset")


@pc()
def acpi_timer(q):
    q.pci_write(1, 3, 0x40, 0x601)
    q.pci_write(1, 3, 0x80, 1, 1)
    before = q.inl(0x608)
    q.step(SECOND)
    equal(q.inl(0x608) - before, 3579545, "ticks in a second")


@pc()
def acpi_enable(q):
    q.pci_write(1, 3, 0x40, 0x601)
    q.pci_write(1, 3, 0x80, 1, 1)
    equal(q.inw(0x604) & 1, 0, "SCI_EN after reset")
    q.outb(0xB2, 0xF1)
    equal(q.inw(0x604) & 1, 1, "SCI_EN after the command")


SMB = 0xB100


def smbus(q, protocol, address, command=0, data=0):
    """One transaction of the PIIX4's host; its status."""
    q.outb(SMB, 0x1E)
    q.outb(SMB + 4, address)
    q.outb(SMB + 3, command)
    q.outb(SMB + 5, data & 0xFF)
    q.outb(SMB + 6, data >> 8)
    q.outb(SMB + 2, 0x40 | protocol << 2)
    return q.inb(SMB) & 0x1F


DONE, NOBODY = 0x02, 0x04


@pc("-m", "1536M")
def smbus_transactions(q):
    answering = [address for address in range(0x80) if smbus(q, 0, address << 1) == DONE]
    equal(answering, list(range(0x50, 0x58)), "addresses that acknowledge")
    equal(smbus(q, 2, 0x61, 0), NOBODY, "status of a read that nobody answers")
    image = []
    for offset in range(64):
        equal(smbus(q, 2, 0xA1, offset), DONE, "status of a byte read")
        image.append(q.inb(SMB + 5))
    equal(sum(image[:63]) & 0xFF, image[63], "checksum of the SPD")
    equal(image[2], 4, "SDRAM")
    equal(image[5] * image[17] * 8 << image[3] + image[4], 1 << 30, "bytes of the first module")
    equal(image[31] * (4 << 20) * image[5], 1 << 30, "density of its rows")
    smbus(q, 3, 0xA3, 3)
    rows, columns = q.inb(SMB + 5), q.inb(SMB + 6)
    equal(4 * 8 << rows + columns, 512 << 20, "bytes of the second module, by a word read")
    smbus(q, 2, 0xA5, 2)
    equal(q.inb(SMB + 5), 0, "type of the third module: none")


@pc()
def smbus_blocks(q):
    equal(smbus(q, 1, 0xAE, 0x80), DONE, "send byte: the offset")
    q.inb(SMB + 2)
    for value in (0x11, 0x22, 0x33):
        q.outb(SMB + 7, value)
    equal(smbus(q, 5, 0xAE, 0x80, 3), DONE, "block write")
    equal(smbus(q, 5, 0xAF, 0x80), DONE, "block read")
    equal(q.inb(SMB + 5), 3, "its count")
    q.inb(SMB + 2)
    equal([q.inb(SMB + 7) for _ in range(3)], [0x11, 0x22, 0x33], "its bytes")
    equal(smbus(q, 1, 0xAE, 0x81), DONE, "send byte")
    equal(smbus(q, 1, 0xAF), DONE, "receive byte")
    equal(q.inb(SMB + 5), 0x11, "the byte at the offset that was sent")
    equal(smbus(q, 2, 0xAE, 0x82, 0x77), DONE, "byte write")
    smbus(q, 2, 0xAF, 0x82)
    equal(q.inb(SMB + 5), 0x77, "the byte written")
    equal(smbus(q, 5, 0xAE, 0x80, 33), NOBODY, "a block of more than 32 bytes")
    equal(smbus(q, 4, 0xAE), NOBODY, "a reserved protocol")


@pc()
def smbus_interrupt(q):
    init_pics(q)
    equal(irr(q, 0xA0) & 2, 0, "IRQ 9 before")
    q.outb(SMB + 4, 0xA0)
    q.outb(SMB + 2, 0x41)
    equal(irr(q, 0xA0) & 2, 2, "IRQ 9 after a transaction with INTEREN")
    q.outb(SMB, 0x1E)
    equal(q.inb(SMB) & 0x1E, 0, "status after clearing it")


EDU = ("-device", "edu,addr=4.0")


def map_edu(q):
    q.pci_write(4, 0, 0x10, 0xFFFFFFFF)
    equal(q.pci_read(4, 0, 0x10), 0xFFF00000, "BAR of 1 MiB")
    q.pci_write(4, 0, 0x10, 0xE0000000)
    q.pci_write(4, 0, 0x04, 0x6, 2)
    return 0xE0000000


@pc(*EDU)
def edu_basics(q):
    base = map_edu(q)
    equal(q.readl(base), 0x010000ED, "identification")
    q.writel(base + 4, 0x12345678)
    equal(q.readl(base + 4), 0xEDCBA987, "liveness")
    q.writel(base + 8, 10)
    q.step(1000)
    equal(q.readl(base + 8), 3628800, "10!")


@pc(*EDU)
def edu_interrupt(q):
    base = map_edu(q)
    q.writel(base + 0x60, 5)
    equal(q.readl(base + 0x24), 5, "raised")
    equal(q.pci_read(4, 0, 6, 2) & 8, 8, "interrupt status in the configuration space")
    q.writel(base + 0x64, 5)
    equal(q.pci_read(4, 0, 6, 2) & 8, 0, "after acknowledging")


@pc(*EDU)
def edu_dma(q):
    base = map_edu(q)
    q.write(0x3000, bytes(range(256)))
    for offset, value in ((0x80, 0x3000), (0x88, 0x40000), (0x90, 256), (0x98, 1)):
        q.writeq(base + offset, value)
    q.step(MILLISECOND)
    for offset, value in ((0x80, 0x40000), (0x88, 0x5000), (0x90, 256), (0x98, 3)):
        q.writeq(base + offset, value)
    q.step(MILLISECOND)
    equal(q.read(0x5000, 256), bytes(range(256)), "there and back")


@pc(*EDU)
def edu_dma_bounds(q):
    base = map_edu(q)
    for offset, value in ((0x80, 0x3000), (0x88, 0x40F00), (0x90, 0x1000), (0x98, 1)):
        q.writeq(base + offset, value)
    q.step(MILLISECOND)
    equal(q.readq(base + 0x98) & 1, 0, "a transfer that does not fit ends")


@pc("-device", "pci-testdev,addr=5.0")
def pci_testdev(q):
    q.pci_write(5, 0, 0x10, 0xE0000000)
    q.pci_write(5, 0, 0x04, 0x2, 2)
    base = 0xE0000000
    q.command("writeb", base, 0)
    equal(q.read(base + 16, 11), b"no-eventfd\0", "name of test 0")
    for _ in range(3):
        q.command("writeb", base + 128, 0xFA)
    equal(q.readl(base + 12), 3, "accesses counted")
    q.command("writeb", base, 200)
    equal(q.value("readb", base + 1), 0, "width of a test that does not exist")


@pc("-device", "pc-testdev")
def pc_testdev(q):
    init_pics(q)
    q.outl(0xE0, 0x12345678)
    equal((q.inl(0xE0), q.inw(0xE2), q.inb(0xE1)), (0x12345678, 0x1234, 0x56), "ports keep values")
    q.outl(0xE4, 0x1000)
    equal((q.inl(0xE4), q.inb(0xE8)), (0xFFFFFFFF, 0), "port 0xe4 is not decoded")
    q.outb(0x2005, 1)
    equal(irr(q) >> 5 & 1, 1, "IRQ 5")
    q.writeq(0xFF000100, 0x1122334455667788)
    equal(q.readl(0xFF000104), 0x11223344, "memory keeps values")


CASES = [
    ("the timer's mode 2 raises IRQ 0 once a period", pit_rate),
    ("timer ticks that were not taken in time come later", pit_lost_ticks),
    ("with lost_tick_policy=discard they do not", pit_discards),
    ("ticks on a masked line are lost", pit_masked),
    ("HPET ticks that were not taken in time come later", hpet_lost_ticks),
    ("a latched count is that of the time of latching", pit_latch),
    ("read-back gives a counter's mode and null count", pit_status),
    ("the speaker's gate holds counter 2", speaker_gate),
    ("the 8259s keep masks and edge/level choices", pic_mask_and_eoi),
    ("the clock starts at -rtc base and counts", rtc_time),
    ("the clock's alarm raises IRQ 8 once", rtc_alarm),
    ("CMOS tells the memory size", cmos_memory_size),
    ("the UART loops back data and modem lines", uart_loopback),
    ("the UART's empty interrupt clears when IIR is read", uart_thre),
    ("the UART's divisor latch hides data and IER", uart_divisor),
    ("the keyboard controller answers for both devices", keyboard_controller),
    ("the keyboard's echo passes the translation", keyboard_translation),
    ("fw_cfg has its signature and says what it offers", fw_cfg_ports),
    ("fw_cfg lists its files by DMA", fw_cfg_dma_read),
    ("PCI functions of the chipset are where they belong", pci_identities),
    ("PAM chooses between PCI and RAM", pam),
    ("the HPET counts at 100 MHz", hpet_counts),
    ("the I/O APIC has 24 masked entries", ioapic_registers),
    ("the ACPI timer counts at 3.579545 MHz", acpi_timer),
    ("the APM command turns ACPI on", acpi_enable),
    ("the SMBus host reads the SPD of memory modules", smbus_transactions),
    ("the SMBus host moves bytes and blocks", smbus_blocks),
    ("the SMBus host interrupts when told to", smbus_interrupt),
    ("edu identifies itself, lives and computes", edu_basics),
    ("edu's interrupt is raised and acknowledged", edu_interrupt),
    ("edu copies memory there and back", edu_dma),
    ("edu refuses a transfer that leaves its memory", edu_dma_bounds),
    ("pci-testdev counts the accesses of a test", pci_testdev),
    ("pc-testdev keeps values and drives interrupt lines", pc_testdev),
]

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wanted", nargs="?", help="run only cases whose name matches this expression")
    sys.exit(tap.run(CASES, parser.parse_args().wanted))
