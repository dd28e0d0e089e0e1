# SPDX-License-Identifier: MIT
"""A Linux guest of the boot tests: its command line, its boot, what its scripts print."""

import pathlib
import re
import subprocess

from support import debian, emulator, initramfs, made
from support.console import Console

PROMPT = r"tenon-guest# "
# Longest boot on a busy machine with the interpreter, which is some 30 times slower.
BOOT_SECONDS = 240
ARCHITECTURE = {"cloud": "amd64", "generic": "amd64", "686": "i386", "686-pae": "i386"}
TARGET = {"amd64": "x86_64", "i386": "i386"}
COMPILE = ("gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-static", "-pthread")
PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"


class Guest(Console):
    def __init__(self, kernel="cloud", options=(), run=(), append="", memory=256, slow=1,
                 program=None):
        architecture = ARCHITECTURE[kernel]
        image = image_with(architecture, program) if program else initramfs.kept(architecture)
        words = ["console=ttyS0", append]
        if run:
            words += ["quiet", "tenon.run=" + ",".join(run)]
        command = emulator.command(
            "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio",
            "-m", memory, "-kernel", debian.kernel(kernel), "-initrd", image,
            "-append", " ".join(word for word in words if word), *options,
            target=TARGET[architecture],
        )
        self.slow = slow
        super().__init__(command)

    def boot(self):
        """Wait for the first program's line; its text."""
        return self.expect(r"tenon-guest: (.*)", BOOT_SECONDS * self.slow).group(1)

    def prompt(self):
        self.expect(PROMPT, 30 * self.slow)

    def script(self, name, seconds=60):
        """The lines that a script of `tenon.run=` printed."""
        self.expect(f"tenon-begin: {name}\n", seconds * self.slow)
        start = self.seen
        end = self.expect(f"tenon-end: {name} status ([0-9]+)", seconds * self.slow)
        if end.group(1) != "0":
            self.fail(f"the script {name} returned {end.group(1)}")
        return self.text()[start : end.start()].splitlines()

    def ends(self, seconds=30):
        self.wait(seconds * self.slow)


def image_with(architecture, program):
    """An initramfs in which `tenon.run=` has a program of tests/boot/programs, too."""
    source = PROGRAMS / f"{program}.c"

    def make(folder):
        folder.mkdir()
        subprocess.run([*COMPILE, source, "-o", folder / program], check=True)

    folder = made.folder("programs", made.digest(" ".join(COMPILE), source), make)
    return initramfs.kept(architecture, {f"test/{program}": (folder / program).read_bytes()})


def warnings(lines):
    """What the kernel complained of, without priorities, times and addresses."""
    found = []
    for line in lines:
        text = re.sub(r"^<\d+>\[ *[\d.]+\] ", "", line)
        found.append(re.sub(r"\b0x[0-9a-f]+\b", "0x*", text))
    return found
