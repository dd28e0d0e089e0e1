#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Boot firmware and programs that run without a system: SeaBIOS's menu and memtest86+."""

import argparse
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from support import debian, emulator, tap
from support.console import Console

# memtest86+ tests 64 MiB in about two minutes, 80 s of which its bit fade test sleeps.
PASS_SECONDS = 900


def seabios_menu():
    with Console(emulator.command("-nographic", "-m", "64", "-boot", "menu=on")) as console:
        console.expect(r"SeaBIOS \(version", 60)
        console.expect(r"Press ESC for boot menu", 60)
        console.send("\x1b")
        console.expect(r"Select boot device:", 30)


def seabios_without_disk():
    """With nothing to boot from the firmware says so, and keeps running."""
    command = emulator.command("-nographic", "-nodefaults", "-serial", "stdio", "-m", "64",
                               "-boot", "reboot-timeout=-1")
    with Console(command) as console:
        console.expect(r"No bootable device", 60)


def memtest(console):
    console.expect(r"Memtest86\+ v", 90)
    console.expect(r"Memory  : +(63|64)", 30)
    console.expect(r"Testing", 30)


def memtest_command():
    return emulator.command("-nographic", "-nodefaults", "-serial", "stdio", "-m", "64",
                            "-kernel", debian.memtest(), "-append", "console=ttyS0,115200")


def memtest_starts():
    with Console(memtest_command()) as console:
        memtest(console)
        console.expect(r"Pass: +0 +Errors: 0", 120)


def memtest_passes():
    with Console(memtest_command()) as console:
        memtest(console)
        # The screen is redrawn piece by piece: take the first figure that is not zero.
        found = console.expect(r"Pass: +[1-9]|Errors: +[1-9]", PASS_SECONDS).group()
        if found.startswith("Errors"):
            console.fail("memtest86+ found errors")
        if re.search(r"Errors: +[1-9]", console.text()):
            console.fail("memtest86+ found errors")


CASES = (
    ("/firmware/seabios/boot-menu-on-the-serial-console", "quick", seabios_menu),
    ("/firmware/seabios/says-that-nothing-boots", "quick", seabios_without_disk),
    ("/firmware/memtest86+/reaches-its-test-screen", "quick", memtest_starts),
    ("/firmware/memtest86+/one-pass-over-64-mib-without-error", "full", memtest_passes),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--group", choices=("quick", "full"), default="quick")
    parser.add_argument("wanted", nargs="?", help="regular expression of case names")
    options = parser.parse_args()
    everything = options.wanted or options.group == "full"
    cases = [(name, function) for name, group, function in CASES if everything or group == "quick"]
    return tap.run(cases, options.wanted)


if __name__ == "__main__":
    sys.exit(main())
