#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Print what each of Tenon's opt-... switches gains on each kernel.

Kernels run with everything on and with one switch off, in turn in each round. A figure is the least
time with the switch off over the least with everything on: 1.50 means that the optimisation saves a
third. What disturbs a short run only ever makes it longer, so the least of several is the steadiest.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support import emulator

import guest
import report
import runner

ALL_ON = "on"


def switches(command, pattern):
    """The switches that -accel tcg,help lists."""
    listing = subprocess.run([*command, "-accel", "tcg,help"], capture_output=True, text=True,
                             check=True)
    names = re.findall(r"^\s*(opt-[\w-]+)=", listing.stdout, re.MULTILINE)
    return [name for name in names if re.search(pattern, name)]


def measure(options, command, names, kernels, folder):
    programs = [runner.Emulator(ALL_ON, command)]
    programs += [runner.Emulator(name, runner.with_accel(command, f"{name}=off")) for name in names]
    results = report.Results([program.label for program in programs], kernels, "cpu", min)
    for number in range(options.rounds):
        for program in programs:
            print(f"# round {number + 1}: {program.label}", file=sys.stderr, flush=True)
            results.add(program.label, program.run(kernels, options.scale, folder, 1))
    return results


def print_table(results, names):
    print(report.row(["kernel", *names]))
    print(report.row(["---"] + ["---:"] * len(names)))
    columns = {name: [] for name in names}
    for kernel in results.kernels:
        for name in names:
            columns[name].append(results.ratio(name, ALL_ON, kernel))
        print(report.row([kernel.name, *[report.show(columns[name][-1]) for name in names]]))
    print(report.row(["geometric mean", *[report.show(report.mean(columns[n])) for n in names]]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kernels", default="", metavar="REGEX")
    parser.add_argument("--switches", default="", metavar="REGEX", help="only some switches")
    parser.add_argument("--scale", type=float, default=0.2, help="multiply every count (0.2)")
    options = parser.parse_args()
    command = emulator.command()
    kernels = [kernel for kernel in guest.kernels(options.kernels) if not kernel.two_cpus]
    names = switches(command, options.switches)
    with tempfile.TemporaryDirectory() as folder:
        results = measure(options, command, names, kernels, pathlib.Path(folder))
    print_table(results, names)
    return 1 if results.wrong() else 0


if __name__ == "__main__":
    sys.exit(main())
