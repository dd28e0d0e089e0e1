#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The interface of modules against its golden file, tests/abi/golden/abi-1.txt.

    tests/abi/check.py build/core/libtenon.so             fails on any difference, and names it
    tests/abi/check.py --approve build/core/libtenon.so   takes additions into the golden file

A breach (something removed, moved or changed) is not approved: modules that are out there would read
or call something else. Until ABI 1.0 is released, --approve-breach takes it all the same.
"""

import argparse
import pathlib
import sys

import compare
import describe

GOLDEN = pathlib.Path(__file__).resolve().parent / "golden"
TEXT = GOLDEN / "abi-1.txt"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=pathlib.Path, help="the built libtenon.so")
    parser.add_argument("--headers", type=pathlib.Path, default=describe.TOP / "abi",
                        help="the folder with tenon/*.h (default: the tree's)")
    parser.add_argument("--golden", type=pathlib.Path, default=TEXT)
    parser.add_argument("--approve", action="store_true", help="take additions into the golden file")
    parser.add_argument("--approve-breach", action="store_true", help="and breaches")
    options = parser.parse_args()

    now = describe.describe(options.headers, options.library)
    golden = options.golden.read_text() if options.golden.exists() else ""
    report = compare.compare(golden, now)
    for line in report.breaches:
        print(f"breach: {line}")
    for line in report.additions:
        print(f"addition: {line}")
    if options.approve_breach or options.approve and not report.breaches:
        options.golden.parent.mkdir(exist_ok=True)
        options.golden.write_text(now)
        return 0
    if report.breaches:
        print("Modules that were built before would break. Put it back, or add beside it.")
    elif report.additions:
        print("These only add to the interface: tests/abi/check.py --approve takes them in.")
    return 1 if report.breaches or report.additions else 0


if __name__ == "__main__":
    sys.exit(main())
