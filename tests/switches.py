#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The guest suite and the instruction suite under combinations of the translator's switches.

`-accel tcg,help` names the switches (opt-NAME). Tried are: all off; each a different half of them
off, drawn from the seed, which a failure names; with --each also every one off alone. Those of the
first half run with code memory mapped twice.
"""

import argparse
import functools
import os
import pathlib
import random
import re
import subprocess
import sys

from support import emulator, tap
from support.console import Failure

TESTS = pathlib.Path(__file__).resolve().parent
SUITES = (("guest", "guest/suite.py", ()), ("insn", "insn/run.py", ("--bits", "64")))


def switches():
    listing = subprocess.run(emulator.command("-accel", "tcg,help"), capture_output=True, text=True,
                             check=True).stdout
    return re.findall(r"^ *(opt-[a-z0-9-]+)=", listing, re.M)


def off(names):
    return [f"{name}=off" for name in names]


def combinations(names, halves, seed, each):
    yield "all-off", off(names)
    if each:
        for name in names:
            yield f"{name}-off", off([name])
    for number in range(halves):
        drawn = random.Random(f"{seed} {number}").sample(names, len(names) // 2)
        split = ["split-wx=on"] if number == 0 else []
        yield f"seed-{seed}-half-{number}", off(sorted(drawn)) + split


def check(script, arguments, settings):
    """Run a suite; fail with its failed cases, or the end of what it said."""
    options = "-accel tcg," + ",".join(settings)
    done = subprocess.run(
        [sys.executable, TESTS / script, *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, "TENON_ARGS": f"{os.environ.get('TENON_ARGS', '')} {options}".strip()})
    bad = [line for line in done.stdout.splitlines() if line.startswith("not ok")]
    if done.returncode != 0 or bad or "\nok " not in f"\n{done.stdout}":
        last = (done.stdout + done.stderr).splitlines()[-10:]
        raise Failure("\n".join([options, *(bad or last)]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--halves", type=int, default=3, help="random halves to try (3)")
    parser.add_argument("--seed", default="tenon", help="what they are drawn from")
    parser.add_argument("--each", action="store_true", help="every switch off alone, too")
    options = parser.parse_args()
    names = switches()
    cases = [(f"/switches/{label}/{name}", functools.partial(check, script, arguments, settings))
             for label, settings in combinations(names, options.halves, options.seed, options.each)
             for name, script, arguments in SUITES]
    return tap.run(cases if names else [])


if __name__ == "__main__":
    sys.exit(main())
