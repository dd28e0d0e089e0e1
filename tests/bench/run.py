#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Time the benchmark's kernels natively, under Tenon and under QEMU in turn; print ratios.

Every program runs the same static binary with the same counts, in turn in each round; a figure is
the median of the rounds. Ratios to native time are better when smaller; qemu / tenon says how many
times faster Tenon is. The exit status is 1 when a kernel came to another sum than natively.
"""

import argparse
import pathlib
import shlex
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support.console import Failure

import guest
import report
import runner


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--rounds", type=int, default=3, metavar="N", help="rounds to take the median of (3)")
    add("--kernels", default="", metavar="REGEX", help="only kernels whose name matches")
    add("--scale", type=float, default=1.0, metavar="F", help="multiply every count by F")
    add("--clock", choices=("cpu", "wall"), default="cpu",
        help="the emulator's processor time, sound on a busy host (default), or the guest's clock")
    add("--smp", type=int, default=1, metavar="N",
        help="processors of the guest (1; the group smp always has 2)")
    add("--tenon", action="append", default=[], metavar="[LABEL=]PATH",
        help="program or build folder; may be given again to compare builds")
    add("--tenon-args", default="", metavar="TEXT", help="more options for Tenon")
    add("--no-qemu", action="store_true", help="leave QEMU out")
    add("--no-native", action="store_true", help="leave the native run out")
    add("--stats", action="store_true",
        help="print Tenon's statistics of the last round, boot included")
    add("--json", metavar="FILE", help="write every measurement")
    add("--plot", metavar="FILE", help="write a plot, as SVG")
    add("--list", action="store_true", help="list the kernels")
    return parser.parse_args()


def measure(options, kernels, folder):
    programs = [] if options.no_native else [runner.Native()]
    more = shlex.split(options.tenon_args)
    if options.stats:
        more = runner.with_accel(more, "stats=on")
    programs += runner.tenons(options.tenon, more)
    programs += [] if options.no_qemu else runner.qemu()
    results = report.Results([p.label for p in programs], kernels, options.clock)
    parts = [([k for k in kernels if not k.two_cpus], options.smp),
             ([k for k in kernels if k.two_cpus], max(2, options.smp))]
    for number in range(options.rounds):
        for program in programs:
            print(f"# round {number + 1}: {program.label}", file=sys.stderr, flush=True)
            found = {}
            for chosen, smp in parts:
                if chosen:
                    found |= program.run(chosen, options.scale, folder, smp)
            results.add(program.label, found)
    if options.stats:
        for program in programs:
            for smp, text in program.stats.items():
                print(f"{program.label} -smp {smp}:\n{text}" if text else "", end="")
    return results


def main():
    options = arguments()
    kernels = guest.kernels(options.kernels)
    if options.list:
        for kernel in kernels:
            print(f"{kernel.name:30} {kernel.about}")
        return 0
    if not kernels:
        print(f"no kernel matches {options.kernels}; --list shows them", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        try:
            results = measure(options, kernels, pathlib.Path(folder))
        except Failure as failure:
            print(failure, file=sys.stderr)
            return 1
    print(report.table(results))
    print("\n" + report.scaling_table(results), end="\n" if results.scaling() else "")
    if options.json:
        pathlib.Path(options.json).write_text(report.as_json(results))
    if options.plot:
        pathlib.Path(options.plot).write_text(report.plot(results))
    return 1 if results.wrong() else 0


if __name__ == "__main__":
    sys.exit(main())
