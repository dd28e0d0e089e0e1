# SPDX-License-Identifier: MIT
"""Which emulator the tests run and how its command lines begin.

TENON names another program with the same options (default: build/tenon of this checkout),
TENON_ARGS holds options for every run, for example `-accel tcg,backend=interp`.
"""

import os
import pathlib
import shlex

TOP = pathlib.Path(__file__).resolve().parent.parent.parent


def program(target="x86_64"):
    name = os.environ.get("TENON")
    if not name:
        build = pathlib.Path(os.environ.get("TENON_BUILD", TOP / "build"))
        name = build / f"tenon-system-{target}"
        if not name.exists():
            return [str(build / "tenon"), "-target", target]
    elif target != "x86_64":
        name = name.replace("x86_64", target)
    return [str(name)]


def command(*options, target="x86_64"):
    fixed = shlex.split(os.environ.get("TENON_ARGS", ""))
    return [*program(target), *fixed, *[str(option) for option in options]]
