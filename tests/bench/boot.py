#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Time boots of Debian's kernels under Tenon and QEMU in turn, and their memory; print ratios.

The time runs from the start of the process, through the firmware, to the first line of init and to
the shell's prompt. Where Tenon can keep translations (-accel tcg,cache=), a second row is with a
cache that an earlier run has filled.
"""

import argparse
import pathlib
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support import debian, initramfs
from support.console import Console

import report
import runner

MARKS = (("init", r"tenon-guest: Linux"), ("prompt", r"tenon-guest# "))
BOOT_SECONDS = 600
KIB_PER_MIB = 1024


def peak_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / KIB_PER_MIB


def boot(command, kernel, image):
    """One boot's measures by name."""
    options = ["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-m",
               "1024", "-cpu", "max", "-kernel", debian.kernel(kernel), "-initrd", image, "-append",
               "console=ttyS0 quiet"]
    found = {}
    start = time.monotonic()
    with Console([*command, *options]) as console:
        for name, pattern in MARKS:
            console.expect(pattern, BOOT_SECONDS)
            found[f"{name}, wall"] = time.monotonic() - start
            found[f"{name}, cpu"] = runner.cpu_seconds(console.process.pid)
        found["peak memory"] = peak_mib(console.process.pid)
        console.send("poweroff\n")
        console.wait(60)
    return found


def has_cache(command):
    """Whether this Tenon can keep translations."""
    listing = subprocess.run([*command, "-accel", "tcg,help"], capture_output=True, text=True,
                             check=False)
    return re.search(r"^\s*cache=", listing.stdout, re.MULTILINE) is not None


def programs(options, folder):
    """Pairs of label and command; the warm one follows the cold one that fills the cache."""
    found = []
    for program in runner.tenons(options.tenon, shlex.split(options.tenon_args)):
        if has_cache(program.command):
            cache = runner.with_accel(program.command, f"cache={folder}/{program.label}")
            found += [(program.label, program.command), (f"{program.label} filling", cache),
                      (f"{program.label} warm", cache)]
        else:
            found.append((program.label, program.command))
    return found + [(program.label, program.command) for program in runner.qemu()]


def medians(rounds):
    return {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}


def print_kernel(kernel, results):
    """A row for each measure: Tenon's over QEMU's, or bare where there is no QEMU."""
    under = results.get("qemu")
    labels = [label for label in results if label != "qemu"]
    suffix = " / qemu" if under else ""
    print(report.row([f"{kernel} kernel", *[label + suffix for label in labels]]))
    print(report.row(["---"] + ["---:"] * len(labels)))
    for name in next(iter(results.values())):
        cells = [results[label][name] / (under[name] if under else 1) for label in labels]
        print(report.row([name, *[report.show(cell) for cell in cells]]))
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kernels", default="cloud,generic", help="of tests/support/debian.py")
    parser.add_argument("--tenon", action="append", default=[], metavar="[LABEL=]PATH")
    parser.add_argument("--tenon-args", default="", metavar="TEXT")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        image = initramfs.write("amd64", pathlib.Path(folder) / "initramfs")
        for kernel in options.kernels.split(","):
            found = {}
            for _ in range(options.rounds):
                for label, command in programs(options, folder):
                    found.setdefault(label, []).append(boot(command, kernel, image))
            print_kernel(kernel, {label: medians(rounds) for label, rounds in found.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
