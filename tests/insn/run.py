#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the instruction suite on the host's CPU and in the emulator, and compare every case."""

import argparse
import os
import pathlib
import shlex
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import generate
from forms.form import CLASSES, FEATURES
from report import describe
from support import emulator

RECORD = 1456  # sizeof(struct outcome)
TIMEOUT = int(os.environ.get("TENON_INSN_SECONDS", "600"))


class Stream:
    """What a program wrote: its CPU's features and one record a case."""

    def __init__(self, data, who):
        if data[:4] != b"INSN" or data[-4:] != b"DONE":
            raise RuntimeError(f"{who} wrote {len(data)} bytes, not a whole stream: the run broke off")
        self.features = struct.unpack_from("<I", data, 4)[0]
        self.body = data[8:-4]

    def hashes(self):
        return struct.unpack(f"<{len(self.body) // 8}Q", self.body)

    def outcome(self):
        return self.body[:RECORD]


def native(program, options):
    done = subprocess.run([program, options], stdout=subprocess.PIPE, check=True, timeout=TIMEOUT)
    return Stream(done.stdout, "the host's program")


def emulated(kernel, options, arguments, bits):
    with tempfile.TemporaryDirectory(prefix="tenon-insn-") as folder:
        return emulate(kernel, options, arguments, bits, pathlib.Path(folder, "stream"))


def emulate(kernel, options, arguments, bits, output):
    command = emulator.command(
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-m", "64", "-cpu",
        "max",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-debugcon", f"file:{output}",
        "-kernel", kernel, "-append", options, *arguments, target="x86_64"
        if bits == 64 else "i386",
    )
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False, timeout=TIMEOUT)
        status = f"exit status {done.returncode}"
    except subprocess.TimeoutExpired:
        status = f"did not end within {TIMEOUT} s"
    try:
        return Stream(output.read_bytes() if output.exists() else b"", "the emulator")
    except RuntimeError as reason:
        raise RuntimeError(f"{reason} ({status})\n$ {shlex.join(command)}") from None


class Comparison:
    def __init__(self, suite, linux, metal, arguments, words):
        self.suite, self.linux, self.metal = suite, linux, metal
        self.arguments, self.words = arguments, words
        self.bad = []  # (form, row)
        self.same = self.skipped = self.lacking = 0
        self.lacking_features = set()

    def run(self, first, last):
        options = f"first={first} last={last}{self.words}"
        host = native(self.linux, options)
        guest = emulated(self.metal, options, self.arguments, self.suite.bits)
        want, found = host.hashes(), guest.hashes()
        cases = [(number, row) for number in range(first, last + 1)
                 for row in range(self.suite.forms[number].count)]
        if not len(cases) == len(want) == len(found):
            raise RuntimeError(f"{len(cases)} cases, {len(want)} native, {len(found)} emulated records")
        for case, expected, value in zip(cases, want, found):
            self.judge(case, expected, value, host.features & ~guest.features)

    def judge(self, case, expected, found, missing):
        if expected == 0:
            self.skipped += 1
        elif self.suite.forms[case[0]].feature_mask() & missing:
            self.lacking += 1
            self.lacking_features |= {name for number, name in enumerate(FEATURES)
                                      if missing >> number & 1}
        elif expected == found:
            self.same += 1
        else:
            self.bad.append(case)

    def detail(self, case):
        number, row = case
        options = f"first={number} last={number} row={row} dump{self.words}"
        host = native(self.linux, options).outcome()
        guest = emulated(self.metal, options, self.arguments, self.suite.bits).outcome()
        return describe(self.suite, number, row, host, guest, self.linux)


def show_differences(comparison, most):
    forms = {}
    for number, row in comparison.bad:
        forms.setdefault(number, []).append(row)
    for count, (number, rows) in enumerate(forms.items()):
        form = comparison.suite.forms[number]
        print(f"# form {number} `{form.code}` differs in {len(rows)} of {form.count} rows: {rows[:12]}")
        if count < most:
            print(comparison.detail((number, rows[0])))


def ranges(suite, options):
    if options.form is not None:
        return [("form", (options.form, options.form))]
    groups = [options.group] if options.group else CLASSES
    found = [(group, suite.class_range(group)) for group in groups]
    return [(group, span) for group, span in found if span]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     epilog="Other arguments go to the emulator.")
    parser.add_argument("--bits", type=int, choices=(32, 64), default=64)
    parser.add_argument("--class", dest="group", choices=CLASSES)
    parser.add_argument("--form", type=int, help="run this form only")
    parser.add_argument("--details", type=int, default=5, help="forms shown in full (default 5)")
    parser.add_argument("--ignore-rf", action="store_true",
                        help="do not compare RF in a fault's flags")
    parser.add_argument("--list", action="store_true", help="print the forms and end")
    options, arguments = parser.parse_known_args()

    suite, linux, metal = generate.build(options.bits)
    if options.list:
        for number, form in enumerate(suite.forms):
            print(f"{number} {form.group} {form.kind} {form.count} {form.code}")
        return 0

    spans = ranges(suite, options)
    print(f"1..{len(spans)}", flush=True)
    good = True
    for number, (group, span) in enumerate(spans, 1):
        good &= report_class(number, group, span, suite, linux, metal, arguments, options)
    return 0 if good else 1


def report_class(number, group, span, suite, linux, metal, arguments, options):
    """Run one class of forms and print its TAP line."""
    words = " norf" if options.ignore_rf else ""
    comparison = Comparison(suite, linux, metal, arguments, words)
    name = f"/insn/{suite.bits}/{group}"
    try:
        comparison.run(*span)
    except RuntimeError as reason:
        print(f"not ok {number} - {name}")
        print("\n".join("# " + line for line in str(reason).splitlines()), flush=True)
        return False
    counts = f"{comparison.same} equal, {len(comparison.bad)} different"
    if comparison.skipped:
        counts += f", {comparison.skipped} the host cannot run"
    if comparison.lacking:
        counts += f", {comparison.lacking} the emulator lacks ({' '.join(sorted(comparison.lacking_features))})"
    good = not comparison.bad and comparison.same > 0
    print(f"{'ok' if good else 'not ok'} {number} - {name}: {counts}", flush=True)
    show_differences(comparison, options.details)
    return good


if __name__ == "__main__":
    sys.exit(main())
