#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Time what listing costs over starting, with 300 modules, beside QEMU's and GStreamer's listing.

Tenon lists twice: without and with an index of the folder (tenon-modinfo --write-index).

Each program runs in turn, round after round, with warm caches. Shown is the least of all rounds,
since noise only adds: milliseconds of the clock, and of the processor (user and system). `over` is
listing less starting; `per file` and the ratio are of the processor's time for that.

With --cold the contents of modules and of the index are put out of the page cache before each
listing of Tenon (posix_fadvise); names, inodes and programs stay in memory.

With --limit the exit status tells whether Tenon's listing stays within that many milliseconds of
the processor, and whether the index does not make it slower: those of the clock depend on what else
runs.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support import modules  # noqa: E402

BUILD = pathlib.Path(os.environ.get("TENON_BUILD", HERE.parent.parent / "build")).resolve()
TRIPLE = "x86_64-linux-gnu"
INDEXED = "Tenon with an index"


def put_out_of_memory(folder):
    for path in folder.iterdir():
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)  # what is not on disk yet stays
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def once(command, environment):
    """Milliseconds of the clock and of the processor."""
    start = time.monotonic()
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{command} ended with {child.returncode}")
    return 1e3 * (time.monotonic() - start), 1e3 * (used.ru_utime + used.ru_stime)


def count(folder, pattern):
    return len(list(pathlib.Path(folder).glob(pattern)))


def contestants(folder, number):
    """Name, files, command that only starts, command that lists, environment."""
    tenon = BUILD / "tenon"
    files = number + count(BUILD / "modules", "*.so")
    for name, place in (("Tenon", folder / "plain"), (INDEXED, folder / "indexed")):
        yield (name, files, [tenon, "-version"], [tenon, "-device", "help"],
               {**os.environ, "TENON_MODULE_PATH": str(place)})
    qemu, gst = shutil.which("qemu-system-x86_64"), shutil.which("gst-inspect-1.0")
    if qemu:
        yield ("QEMU", count(f"/usr/lib/{TRIPLE}/qemu", "*.so"), [qemu, "-version"],
               [qemu, "-device", "help"], dict(os.environ))
    if gst:
        cache = {**os.environ, "GST_REGISTRY": str(folder / "registry.bin")}
        yield ("GStreamer", count(f"/usr/lib/{TRIPLE}/gstreamer-1.0", "*.so"),
               [gst, "--version"], [gst], cache)


def make_modules(folder, number):
    (folder / "plain").mkdir(mode=0o755)
    modules.many(folder / "plain", BUILD / "core", number)
    shutil.copytree(folder / "plain", folder / "indexed")
    subprocess.run([BUILD / "tenon-modinfo", "--write-index", folder / "indexed"], check=True)


def measure(rows, rounds, cold):
    best = {}
    for number in range(rounds + 1):
        for name, _, start, listing, environment in rows:
            for what, command in (("start", start), ("list", listing)):
                if cold and "TENON_MODULE_PATH" in environment:
                    put_out_of_memory(pathlib.Path(environment["TENON_MODULE_PATH"]))
                taken = once(command, environment)
                if number:  # the first round only warms caches
                    old = best.get((name, what), taken)
                    best[name, what] = tuple(map(min, old, taken))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--alone", action="store_true", help="Tenon only")
    parser.add_argument("--limit", type=float, help="milliseconds that listing may cost")
    parser.add_argument("--cold", action="store_true", help="modules are read from disk")
    parser.add_argument("--folder", type=pathlib.Path, help="modules lie below it, not in /tmp")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = pathlib.Path(name)
        make_modules(folder, options.modules)
        rows = list(contestants(folder, options.modules))[:2 if options.alone else None]
        best = measure(rows, options.rounds, options.cold)
    print("| Program | Files | Start, ms | List, ms | Over, ms | Over, processor ms | "
          "Per file, us | Ratio to Tenon |\n| --- | --: | --: | --: | --: | --: | --: | --: |")
    costs = {}
    for name, files, *_ in rows:
        start, listing = best[name, "start"], best[name, "list"]
        over, busy = (b - a for a, b in zip(start, listing))
        costs[name] = busy
        print(f"| {name} | {files} | {start[0]:.1f} | {listing[0]:.1f} | {over:.1f} | {busy:.1f} | "
              f"{1e3 * busy / files:.0f} | {busy / costs['Tenon']:.1f} |")
    return int(options.limit is not None and
               (costs["Tenon"] > options.limit or costs[INDEXED] > costs["Tenon"]))


if __name__ == "__main__":
    sys.exit(main())
