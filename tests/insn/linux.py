#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the instruction suite as a program of a Linux guest, under its paging, signals and switches.

The guest gets the host processor's record streams and compares by itself, so that only differences
come over the serial port. The 32-bit program runs in compatibility mode.
"""

import argparse
import pathlib
import re
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import generate
from boot import guest
from forms.form import CLASSES
from run import native
from support import debian, emulator, initramfs, tap
from support.console import Console

HEADER = 8  # "INSN" and the features
SECONDS = 600


class Part:
    """One class of one width: its options, expected stream and how records map to cases."""

    def __init__(self, bits, group, suite, program):
        self.name = f"{group}-{bits}"
        self.suite = suite
        self.first, self.last = suite.class_range(group)
        self.options = f"first={self.first} last={self.last}"
        self.stream = native(program, self.options)
        features = self.stream.features.to_bytes(4, "little")
        self.expected = b"INSN" + features + self.stream.body + b"DONE"

    def files(self):
        return {f"insn/{self.name}.options": self.options.encode(),
                f"insn/{self.name}.expected": self.expected}

    def cases(self):
        return [(number, row) for number in range(self.first, self.last + 1)
                for row in range(self.suite.forms[number].count)]

    def check(self, console):
        head = console.expect(rf"insn-result {self.name} status (\d+) size (\d+) features ([0-9a-f]+)\n", SECONDS)
        start = console.seen
        end = console.expect(f"insn-end {self.name}", SECONDS)
        status, size, features = int(head.group(1)), int(head.group(2)), int(head.group(3), 16)
        if status != 0 or size != len(self.expected):
            console.fail(f"the program ended with status {status} after {size} of {len(self.expected)} bytes")
        missing = self.stream.features & ~features
        offsets = [int(line.split()[0]) - 1
                   for line in console.text()[start : end.start()].splitlines()
                   if re.match(r" *\d+ +\d+ +\d+$", line)]
        cases = self.cases()
        wrong = {cases[(offset - HEADER) // 8] for offset in offsets if offset >= HEADER}
        bad = {number for number, _ in wrong
               if not self.suite.forms[number].feature_mask() & missing}
        if bad:
            shown = "\n".join(f"  form {number} `{self.suite.forms[number].code}`"
                              for number in sorted(bad)[:20])
            console.fail(f"{len(bad)} forms differ from the host's results:\n{shown}")


def start(parts, programs, folder):
    # Canonical addresses have 48 bits in the expected results, so no five-level paging.
    extra = {f"insn/program-{bits}": path.read_bytes() for bits, path in programs.items()}
    for part in parts:
        extra.update(part.files())
    image = initramfs.write("amd64", pathlib.Path(folder) / "initramfs", extra, ("insn",))
    return Console(emulator.command(
        "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-m", "512",
        "-cpu", "max",
        "-kernel", debian.kernel("cloud"), "-initrd", image, "-append",
        "console=ttyS0 quiet no5lvl tenon.run=insn"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bits", type=int, choices=(32, 64), action="append")
    options = parser.parse_args()
    parts, programs = [], {}
    for bits in options.bits or (32, 64):
        suite, program, _ = generate.build(bits)
        programs[bits] = program
        parts += [Part(bits, group, suite, program) for group in CLASSES]
    # The guest's order: names sorted as the shell sorts them.
    parts.sort(key=lambda part: part.name)
    with tempfile.TemporaryDirectory() as folder, start(parts, programs, folder) as console:
        console.expect(r"tenon-guest: ", guest.BOOT_SECONDS)
        return tap.run([(f"/insn/in-linux/{part.name}", lambda part=part: part.check(console))
                        for part in parts])


if __name__ == "__main__":
    sys.exit(main())
