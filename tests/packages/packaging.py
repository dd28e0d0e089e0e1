#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The packaging files that can be checked without building: the RPM spec, and that each group of
modules has its package there and in Debian's control file. Argument: the build folder's catalogue.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from support import tap  # noqa: E402
from support.console import Failure  # noqa: E402
from support.emulator import TOP  # noqa: E402

SPEC, CONTROL = TOP / "contrib/rpm/tenon.spec", TOP / "contrib/debian/control"


def run(*words):
    if not shutil.which(words[0]):
        raise tap.Skip(f"{words[0]} is not installed")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{words}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def rpmlint_finds_no_error():
    found = run("rpmlint", str(SPEC))
    if "0 errors" not in found:
        raise Failure(found)


def the_spec_can_be_read():
    run("rpmspec", "--parse", str(SPEC))


def groups():
    text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    return {package for entry in json.loads(text)["provides"] for package in entry["packages"]}


def every_group_has_its_package():
    """`tenon-modules-x`, as the catalogue names it for messages."""
    spec, control = SPEC.read_text(encoding="utf-8"), CONTROL.read_text(encoding="utf-8")
    for group in groups() - {"tenon"}:
        name = group.removeprefix("tenon-")
        if not re.search(rf"^%package {name}$", spec, re.MULTILINE):
            raise Failure(f"{SPEC.name} has no package {group}")
        if not re.search(rf"^for package in .*\b{group}\b", spec, re.MULTILINE):
            raise Failure(f"{SPEC.name} makes no list of files of {group}")
        if not re.search(rf"^Package: {group}$", control, re.MULTILINE):
            raise Failure(f"debian/control has no package {group}")
        if not (CONTROL.parent / f"{group}.install").exists():
            raise Failure(f"debian/ has no {group}.install")


if __name__ == "__main__":
    sys.exit(tap.run([("rpmlint", rpmlint_finds_no_error), ("rpmspec", the_spec_can_be_read),
                      ("groups", every_group_has_its_package)]))
