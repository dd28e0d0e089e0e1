#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Time the benchmark's kernels natively, under Tenon and under QEMU in turn; print ratios.

Each figure is the best of several rounds. A ratio is time under the emulator over native time, so
that smaller is better; the last column is how many times faster Tenon is than QEMU.
"""

import argparse
import math
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support import debian, emulator, initramfs
from support.console import Console

KERNEL_SECONDS = 600
BOOT_SECONDS = 300


def compile_kernels(folder):
    program = folder / "bench-kernels"
    source = HERE / "kernels.c"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["gcc", "-O2", "-static", "-Wall", "-Wextra", "-o", program, source],
                       check=True)
    return program


def measure(console, boot):
    """Seconds and sum of every kernel that the console shows."""
    found = {}
    console.expect(r"bench-begin ", boot)
    while True:
        name = console.expect(r"([\w-]+)\n", 10).group(1)
        start = time.monotonic()
        end = console.expect(rf"bench-end {name} (\d+)\n", KERNEL_SECONDS)
        found[name] = (time.monotonic() - start, end.group(1))
        if console.expect(r"bench-(begin |done)", 30).group(1) == "done":
            return found


def native(program, wanted):
    with Console([program, wanted]) as console:
        return measure(console, 30)


def emulated(command, wanted, image):
    options = ["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-m",
               "512", "-cpu", "max",
               "-kernel", debian.kernel("cloud"), "-initrd", image, "-append",
               f"console=ttyS0 quiet tenon.run=bench tenon.bench={wanted}"]
    with Console([*command, *options]) as console:
        return measure(console, BOOT_SECONDS)


def best(rounds):
    names = list(rounds[0])
    sums = {name: {found[name][1] for found in rounds} for name in names}
    return {name: (min(found[name][0] for found in rounds), sums[name]) for name in names}


def mean(values):
    return math.exp(sum(math.log(value) for value in values) / len(values)) if values else float("nan")


def print_table(results):
    others = [who for who in results if who != "native"]
    both = {"tenon", "qemu"} <= set(results)
    print("| kernel | " + " | ".join(f"{who} / native" for who in others) +
          (" | qemu / tenon |" if both else " |"))
    print("| --- |" + " ---: |" * (len(others) + both))
    ratios = {who: [] for who in others}
    for name, (seconds, sums) in results["native"].items():
        row = []
        for who in others:
            ratios[who].append(results[who][name][0] / seconds)
            wrong = "" if results[who][name][1] == sums or name == "system-calls" else " WRONG"
            row.append(f"{ratios[who][-1]:.2f}{wrong}")
        if both:
            row.append(f"{results['qemu'][name][0] / results['tenon'][name][0]:.2f}")
        print(f"| {name} | " + " | ".join(row) + " |")
    row = [f"{mean(ratios[who]):.2f}" for who in others]
    if both:
        row.append(f"{mean(ratios['qemu']) / mean(ratios['tenon']):.2f}")
    print("| geometric mean | " + " | ".join(row) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kernel", default="all", help="one kernel only")
    parser.add_argument("--qemu", default=shutil.which("qemu-system-x86_64"),
                        help="QEMU to compare with, if any")
    options = parser.parse_args()

    cache = debian.cache_dir()
    program = compile_kernels(cache)
    image = initramfs.write("amd64", cache / "bench-initramfs",
                            {"bin/bench-kernels": program.read_bytes()})
    runs = {"native": lambda: native(program, options.kernel),
            "tenon": lambda: emulated(emulator.command(), options.kernel, image)}
    if options.qemu and not os.environ.get("TENON"):
        runs["qemu"] = lambda: emulated([options.qemu], options.kernel, image)
    rounds = {who: [] for who in runs}
    for number in range(options.rounds):
        for who, function in runs.items():
            print(f"# round {number + 1}: {who}", file=sys.stderr, flush=True)
            rounds[who].append(function())
    print_table({who: best(found) for who, found in rounds.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
