# SPDX-License-Identifier: MIT
"""Test results as TAP, which `meson test` and people both read."""

import re
import time
import traceback

from support.console import Failure


class Skip(Exception):
    """A test that cannot run here; the text says why."""


def one(number, name, function):
    """Run a case and print its line; True unless it failed."""
    start = time.monotonic()
    try:
        function()
        outcome, note = "ok", ""
    except Skip as reason:
        outcome, note = "ok", f" # SKIP {reason}"
    except Failure as reason:
        outcome, note = "not ok", "\n" + comment(str(reason))
    except Exception:
        outcome, note = "not ok", "\n" + comment(traceback.format_exc())
    seconds = time.monotonic() - start
    timing = "" if note else f" ({seconds:.1f} s)"
    print(f"{outcome} {number} - {name}{timing}{note}", flush=True)
    return outcome == "ok"


def comment(text):
    return "\n".join("# " + line for line in text.splitlines())


def run(cases, wanted=None):
    """Run (name, function) pairs whose name matches the expression `wanted`; exit status."""
    chosen = [case for case in cases if not wanted or re.search(wanted, case[0])]
    print(f"1..{len(chosen)}", flush=True)
    results = [one(number, *case) for number, case in enumerate(chosen, 1)]
    return 0 if all(results) and chosen else 1
