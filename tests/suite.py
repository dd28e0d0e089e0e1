#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Everything that a change must pass: builds, rules of the tree, and all that `meson test` runs.

Each step prints its own progress; the last line sums up as `N passed, N failed`.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = TOP / "build-test"
SANITIZED = TOP / "build-sanitize"
CLANG = TOP / "build-clang"

# What would make an include run the wrong way, per group of folders; see docs/architecture.
FORBIDDEN_INCLUDES = (
    (("abi",), r'#include [<"](\.\./)*(core|modules|targets|machines|ui|audio)/'),
    (("core",), r'#include [<"](\.\./)*(modules|targets|machines|ui|audio)/'),
    (("modules", "targets", "machines", "ui", "audio", "contrib"), r'#include [<"](\.\./)*core/'),
)


class Total:
    def __init__(self):
        self.passed = 0
        self.failed = []

    def add(self, name, good):
        if good:
            self.passed += 1
        else:
            self.failed.append(name)
        print(f"{'ok' if good else 'not ok'} - {name}", flush=True)
        return good


def run(*command, **settings):
    print("$", " ".join(str(word) for word in command), flush=True)
    return subprocess.run([str(word) for word in command], check=False, **settings).returncode == 0


def build(folder, *options, compiler=None):
    ready = (folder / "build.ninja").exists()
    env = {**os.environ, "CC": compiler} if compiler else None
    if not ready and not run("meson", "setup", folder, TOP, *options, env=env):
        return False
    return run("ninja", "-C", folder)


def meson_test(total, folder, *options):
    """Run meson's tests and count every case from its report."""
    report = folder / "meson-logs" / "testlog.junit.xml"
    report.unlink(missing_ok=True)
    good = run("meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", *options)
    cases = list(xml.parse(report).iter("testcase")) if report.exists() else []
    for case in cases:
        bad = case.find("failure") is not None or case.find("error") is not None
        if bad:
            total.failed.append(f"{folder.name}: {case.get('classname', '')} {case.get('name')}")
        elif case.find("skipped") is None:
            total.passed += 1
    if not good and not total.failed:
        total.failed.append(f"meson test in {folder.name}")


def step_includes(total):
    for folders, pattern in FORBIDDEN_INCLUDES:
        there = [folder for folder in folders if (TOP / folder).is_dir()]
        found = subprocess.run(
            ["grep", "-rnE", "--include=*.[chS]", pattern, *there],
            cwd=TOP, capture_output=True, text=True, check=False,
        )
        print(found.stdout, end="")
        total.add(f"includes of {' '.join(folders)} run one way", found.returncode == 1)


def step_build(total):
    total.add("builds with warnings as errors", build(BUILD, "--werror"))


def step_test(total):
    if build(BUILD, "--werror"):
        meson_test(total, BUILD)
    else:
        total.add("build for the tests", False)


def step_clang(total):
    """The other compiler: it warns about other things, and lays out other code."""
    if total.add("builds with clang, warnings as errors",
                 build(CLANG, "--werror", compiler="clang")):
        meson_test(total, CLANG, "--suite", "unit")


def step_sanitize(total):
    """Without warnings as errors: instrumented code makes gcc see faults that are none."""
    options = ("-Db_sanitize=address,undefined", "-Db_lundef=false")
    if not total.add("builds with the sanitizers", build(SANITIZED, *options)):
        return
    os.environ.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
    # Leaks are the system's to clean up at exit; what is looked for is damage.
    os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")
    meson_test(total, SANITIZED, "--suite", "unit", "--suite", "guest",
               "--suite", "device", "--suite", "fuzz", "--timeout-multiplier", "4")
    boot = run("python3", TOP / "tests/boot/linux.py", "cloud/shell",
               env={**os.environ, "TENON_BUILD": str(SANITIZED)})
    total.add("sanitized build boots Debian's kernel and powers off", boot)


STEPS = {
    "includes": step_includes,
    "build": step_build,
    "clang": step_clang,
    "test": step_test,
    "sanitize": step_sanitize,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="print the steps and end")
    parser.add_argument("steps", nargs="*", help="steps to run (default: all)")
    options = parser.parse_args()
    if options.list:
        print("\n".join(STEPS))
        return 0
    unknown = set(options.steps) - set(STEPS)
    if unknown:
        parser.error(f"unknown steps {sorted(unknown)}; there are {sorted(STEPS)}")

    total, start = Total(), time.monotonic()
    for name in options.steps or STEPS:
        print(f"== {name}", flush=True)
        STEPS[name](total)
    print(f"== {(time.monotonic() - start) / 60:.1f} minutes")
    for name in total.failed:
        print(f"failed: {name}")
    print(f"{total.passed} passed, {len(total.failed)} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
