#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Build the bare-metal guests, run them in the emulator and print their cases as TAP."""

import argparse
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support import emulator, made, tap
from support.console import Console, Failure

CFLAGS = ("-O1", "-g", "-std=gnu11", "-Wall", "-Wextra", "-ffreestanding", "-fno-pic", "-no-pie",
          "-nostdlib",
          "-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-fcf-protection=none",
          "-fno-builtin",
          "-mgeneral-regs-only", "-fno-strict-aliasing", "-fno-toplevel-reorder", "-static",
          "-Wl,--build-id=none",
          "-Wl,-z,noexecstack", "-Wl,--no-warn-rwx-segments", "-mno-red-zone")
EXIT_DEVICE = ("-device", "isa-debug-exit,iobase=0xf4,iosize=0x04")
BARE = ("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-m", "32", "-serial",
        "stdio")
SECONDS = 120


def compile_guest(name, bits, sources):
    """Link sources into an ELF file that a multiboot loader takes; returns its path."""

    def make(folder):
        folder.mkdir()
        command = ["gcc", f"-m{bits}", *CFLAGS, "-I", HERE / "lib", "-T",
                   HERE / "lib" / "guest.ld", *sources, "-o", folder / name]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise Failure(f"{name} does not build:\n{done.stderr}")
        if bits == 64:
            subprocess.run(["objcopy", "-O", "elf32-i386", folder / name], check=True)

    state = made.digest(f"{name} {bits} {CFLAGS}", *sorted((HERE / "lib").iterdir()), *sources)
    return made.folder("guest", state, make) / name


def cpu_sources(bits):
    common = sorted((HERE / "cpu").glob("*.c")) + sorted((HERE / f"cpu{bits}").glob("*.c"))
    return [HERE / "lib" / "boot.S", HERE / "lib" / "guest.c", *common]


def run_cpu(bits, arguments):
    """Run the CPU suite of a width; yields (good, title, comments)."""
    kernel = compile_guest(f"cpu{bits}", bits, cpu_sources(bits))
    command = emulator.command(*BARE, *EXIT_DEVICE, "-cpu", "max", "-kernel", kernel, *arguments,
                               target="x86_64" if bits == 64 else "i386")
    with Console(command) as console:
        try:
            console.expect("guest-done", SECONDS)
        except Failure as reason:
            yield from parse(console.text())
            yield False, "runs to its end", str(reason).splitlines()
            return
        yield from parse(console.text())


def parse(text):
    comments = []
    for line in text.splitlines():
        match = re.match(r"(not )?ok \d+ - (.*)", line)
        if match:
            yield not match.group(1), match.group(2), comments
            comments = []
        elif line.startswith("# "):
            comments.append(line[2:])


def loader_case(name, source, wanted):
    """A kernel of ours must print what it wants and end the emulator with status 1 (0 << 1 | 1)."""

    def case():
        kernel = compile_guest(name, 32, [HERE / "boot" / source])
        command = emulator.command(*BARE, *EXIT_DEVICE, "-kernel", kernel, "-append",
                                   "first second", target="x86_64")
        with Console(command) as console:
            console.expect(wanted, 60)
            console.wait(30, status=1)

    return case


LOADER_CASES = (
    ("multiboot-elf-is-loaded-with-its-command-line", "multiboot.S",
     r"multiboot memory ok, command line .*first second"),
    ("pvh-elf-is-entered-with-its-start-info", "pvh.S",
     r"pvh start info ok, command line .*first second"),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     epilog="Other arguments go to the emulator.")
    parser.add_argument("--bits", type=int, choices=(32, 64), action="append",
                        help="CPU suite of this width only")
    parser.add_argument("--loaders", action="store_true", help="the loaders' cases only")
    options, arguments = parser.parse_known_args()

    number = 0
    good = True
    if options.loaders or not options.bits:
        for title, source, wanted in LOADER_CASES:
            number += 1
            good &= tap.one(number, f"/guest/load/{title}",
                            loader_case(source[:-2], source, wanted))
    for bits in options.bits or (() if options.loaders else (32, 64)):
        for passed, title, comments in run_cpu(bits, arguments):
            number += 1
            good &= passed
            print(f"{'ok' if passed else 'not ok'} {number} - /guest/cpu{bits}/{title}")
            for comment in comments:
                print(f"# {comment}", flush=True)
    print(f"1..{number}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
