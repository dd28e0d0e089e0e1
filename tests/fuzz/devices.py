#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random register accesses on every device; whatever the guest does, the emulator must go on.

Each device gets --seconds of accesses to its ports and memory windows (and to those of the PC
around it), with time passing now and then. A failure prints the seed and the last commands.
"""

import argparse
import collections
import pathlib
import random
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from support import tap
from support.console import Failure
from support.emulator import program
from support.qtest import Died, QTest

# What the board has: (first, last) ports and (first, size) memory windows.
PC_PORTS = ((0x00, 0x0F), (0x20, 0x21), (0x40, 0x43), (0x60, 0x61), (0x64, 0x64), (0x70, 0x71),
            (0x80, 0x9F), (0xA0, 0xA1), (0xB2, 0xB3), (0xC0, 0xDF), (0x378, 0x37A), (0x3F8, 0x3FF),
            (0x4D0, 0x4D1), (0x510, 0x51B), (0x600, 0x63F), (0xAFE0, 0xAFE3), (0xB100, 0xB13F))
PC_MEMORY = ((0xFEC00000, 0x100), (0xFED00000, 0x400), (0xFEE00000, 0x1000), (0xA0000, 0x20000),
             (0xC0000, 0x40000))
BAR_MEMORY, BAR_PORTS, SLOT = 0xE0000000, 0xC000, 4
# Needs something to work on, or ends the emulator by design.
SETTINGS = {"isa-debug-exit": None, "pvpanic": None, "isa-serial": "chardev=c", "isa-debugcon": "chardev=c",
            "isa-parallel": "chardev=c,iobase=0x278"}
ENDING_PORTS = (0x92, 0xCF9, 0x64)  # reset lines: harmless, but the board starts anew


def devices():
    """Names and buses from the listing."""
    text = subprocess.run([*program(), "-device", "help"], capture_output=True, text=True, check=True).stdout
    return re.findall(r'name "([^"]+)", bus (\w+)', text)


class Fuzzer:
    def __init__(self, q, rng, device):
        self.q, self.rng, self.device = q, rng, device
        self.ports = [*PC_PORTS]
        self.memory = [*PC_MEMORY]
        self.history = collections.deque(maxlen=30)

    def run(self, *words):
        self.history.append(" ".join(hex(w) if isinstance(w, int) else w for w in words))
        return self.q.command(*words)

    def map_pci(self):
        """Sizes the device's BARs, maps them and turns decoding on."""
        q, memory, ports = self.q, BAR_MEMORY, BAR_PORTS
        for bar in range(0x10, 0x28, 4):
            q.pci_write(SLOT, 0, bar, 0xFFFFFFFF)
            mask = q.pci_read(SLOT, 0, bar)
            if not mask or mask == 0xFFFFFFFF:
                continue
            if mask & 1:
                size = -(mask & ~3) & 0xFFFF
                q.pci_write(SLOT, 0, bar, ports)
                self.ports = [*[(ports, ports + size - 1)] * 8, *self.ports]
                ports += max(size, 0x100)
            else:
                size = -(mask & ~15) & 0xFFFFFFFF
                q.pci_write(SLOT, 0, bar, memory)
                self.memory = [*[(memory, min(size, 0x1000))] * 8, (memory, size), *self.memory]
                memory += max(size, 0x100000)
        q.pci_write(SLOT, 0, 4, 7, 2)

    def value(self, bits):
        """Edge values as often as random ones."""
        return self.rng.choice((0, 1, (1 << bits) - 1, 1 << bits - 1, 1 << self.rng.randrange(bits),
                                self.rng.getrandbits(bits), self.rng.getrandbits(bits)))

    def port(self):
        first, last = self.rng.choice(self.ports)
        port, size = self.rng.randint(first, last), self.rng.choice("bbbwl")
        if port in ENDING_PORTS or self.rng.random() < 0.4:
            self.run("in" + size, port)
        else:
            self.run("out" + size, port, self.value({"b": 8, "w": 16, "l": 32}[size]))

    def mmio(self):
        first, size = self.rng.choice(self.memory)
        width, letter = self.rng.choice(((1, "b"), (2, "w"), (4, "l"), (4, "l"), (8, "q")))
        address = first + self.rng.randrange(max(size - 8, 1))
        if self.rng.random() < 0.8:
            address &= -width
        if self.rng.random() < 0.4:
            self.run("read" + letter, address)
        else:
            self.run("write" + letter, address, self.value(8 * width))

    def config(self):
        slot, function = self.rng.choice(((0, 0), (1, 0), (1, 3), (SLOT, 0)))
        offset = self.rng.randrange(256)
        self.run("outl", 0xCF8, 1 << 31 | slot << 11 | function << 8 | offset & 0xFC)
        if self.rng.random() < 0.5:
            self.run("inl", 0xCFC)
        elif not 0x04 <= offset < 0x28:  # the windows stay where they are
            self.run("out" + self.rng.choice("bwl"), 0xCFC, self.value(8))

    def one(self):
        kind = self.rng.random()
        if kind < 0.45:
            self.port()
        elif kind < 0.9:
            self.mmio()
        elif kind < 0.97:
            self.config()
        else:
            self.run("clock_step", str(self.rng.choice((1, 1000, 100_000, 10_000_000))))


def fuzz(name, bus, seconds, seed):
    extra = SETTINGS.get(name, "")
    if extra is None:
        raise tap.Skip("its purpose is to end or to stop the machine")

    def case():
        rng = random.Random(f"{seed}/{name}")
        place = f",addr={SLOT}.0" if bus == "PCI" else ""
        device = f"{name}{place}{',' + extra if extra else ''}"
        options = ["-machine", "pc", "-no-shutdown", "-chardev", "null,id=c"]
        if name != "i8042":
            options += ["-device", device]
        with QTest(*options) as q:
            fuzzer = Fuzzer(q, rng, name)
            if bus == "PCI":
                fuzzer.map_pci()
            end = time.monotonic() + seconds
            try:
                while time.monotonic() < end:
                    for _ in range(100):
                        fuzzer.one()
            except Died as reason:
                raise Failure(f"{reason}\nseed {seed}; last commands:\n" + "\n".join(fuzzer.history)) from None

    return case


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wanted", nargs="?", help="only devices whose name matches this expression")
    parser.add_argument("--seconds", type=float, default=60, help="time for each device (60)")
    parser.add_argument("--seed", default=str(int(time.time())))
    args = parser.parse_args()
    cases = []
    for name, bus in [("i8042", "ISA"), *[d for d in devices() if d[0] != "i8042"]]:
        try:
            cases.append((f"{name} survives random accesses", fuzz(name, bus, args.seconds, args.seed)))
        except tap.Skip:
            continue
    print(f"# seed {args.seed}")
    return tap.run(cases, args.wanted)


if __name__ == "__main__":
    sys.exit(main())
